// Package memstore keeps licenses in memory, by the same contracts as the store on DynamoDB. It serves unit tests; the
// contract suites of licensetest prove it.
package memstore

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

// Store is an empty store until it is written to.
type Store struct {
	mu          sync.Mutex
	records     map[string]ledger.Record
	servers     map[license.ServerToken]ledger.Server
	idempotency map[string]ledger.IdempotencyRecord
	audit       map[license.ServerToken][]ledger.AuditEntry
	documents   map[documentKey]ledger.Document
	counts      map[string]int
	keys        []keyring.Entry
}

type documentKey struct{ kind, id string }

var (
	_ ledger.Store       = (*Store)(nil)
	_ protocol.Pendings  = (*Store)(nil)
	_ ledger.Shelf       = (*Store)(nil)
	_ registry.Store     = (*Store)(nil)
	_ registry.Indexes   = (*Store)(nil)
	_ keyring.Source     = (*Store)(nil)
	_ ledger.ChainReader = (*Store)(nil)
	_ ledger.Scanner     = (*Store)(nil)
)

// New returns an empty store with a key table.
func New(keys ...keyring.Entry) *Store {
	return &Store{
		records:     map[string]ledger.Record{},
		servers:     map[license.ServerToken]ledger.Server{},
		idempotency: map[string]ledger.IdempotencyRecord{},
		audit:       map[license.ServerToken][]ledger.AuditEntry{},
		documents:   map[documentKey]ledger.Document{},
		counts:      map[string]int{},
		keys:        keys,
	}
}

// Server implements ledger.Store.
func (s *Store) Server(_ context.Context, token license.ServerToken) (ledger.Server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	server := s.servers[token]
	server.Token = token
	return server, nil
}

// Record implements ledger.Store.
func (s *Store) Record(_ context.Context, id string) (ledger.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record(id)
}

func (s *Store) record(id string) (ledger.Record, error) {
	r, ok := s.records[id]
	if !ok {
		return r, license.NotFound()
	}
	return r, nil
}

// Idempotency implements ledger.Store.
func (s *Store) Idempotency(_ context.Context, key string) (ledger.IdempotencyRecord, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.idempotency[key]
	return r, ok, nil
}

// Document implements ledger.Reader.
func (s *Store) Document(_ context.Context, kind, id string) (ledger.Document, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.documents[documentKey{kind, id}]
	return d, ok, nil
}

// Count implements ledger.Reader.
func (s *Store) Count(_ context.Context, key string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[key], nil
}

// Documents implements ledger.Shelf.
func (s *Store) Documents(_ context.Context, kind, state string, after ledger.Position, limit int) ([]ledger.Document, error) {
	return s.shelved(kind, state, after, limit, func(a, b ledger.Document) int { return oldestFirst(b, a) }), nil
}

// Queue implements ledger.Shelf.
func (s *Store) Queue(_ context.Context, kind, state string, after ledger.Position, limit int) ([]ledger.Document, error) {
	return s.shelved(kind, state, after, limit, oldestFirst), nil
}

func oldestFirst(a, b ledger.Document) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
}

func (s *Store) shelved(kind, state string, after ledger.Position, limit int, order func(a, b ledger.Document) int) []ledger.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []ledger.Document
	for _, d := range s.documents {
		if d.Kind == kind && d.State == state && state != "" && (after.ID == "" || order(ledger.Document{ID: after.ID, At: after.At}, d) < 0) {
			found = append(found, d)
		}
	}
	slices.SortFunc(found, order)
	return found[:min(limit, len(found))]
}

// Commit implements ledger.Store.
func (s *Store) Commit(_ context.Context, c ledger.Commit) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.holds(c) {
		return ledger.ErrConflict
	}
	for _, chain := range c.Chains {
		s.servers[chain.Server.Token] = chain.Server
		s.audit[chain.Server.Token] = append(s.audit[chain.Server.Token], chain.Audit)
	}
	if c.Idempotency != nil {
		s.idempotency[c.Idempotency.Key] = *c.Idempotency
	}
	if c.New != nil {
		s.records[c.New.ID] = *c.New
	}
	for _, u := range c.Updates {
		r := s.records[u.ID]
		u.Apply(&r)
		s.records[u.ID] = r
	}
	for _, d := range c.Documents {
		s.documents[documentKey{d.Kind, d.ID}] = d
	}
	for _, n := range c.Counts {
		s.counts[n.Key] += n.Add
	}
	return nil
}

// holds reports whether every condition of a commit is met.
func (s *Store) holds(c ledger.Commit) bool {
	for _, chain := range c.Chains {
		if s.servers[chain.Server.Token].ChainLength != chain.Before || len(s.audit[chain.Server.Token]) >= chain.Audit.Number {
			return false
		}
	}
	if c.Idempotency != nil {
		if _, taken := s.idempotency[c.Idempotency.Key]; taken {
			return false
		}
	}
	if c.New != nil {
		if _, taken := s.records[c.New.ID]; taken {
			return false
		}
	}
	for _, u := range c.Updates {
		r, ok := s.records[u.ID]
		if !ok || r.Status != u.IfStatus || u.IfVersion != 0 && r.Version != u.IfVersion {
			return false
		}
	}
	for _, d := range c.Documents {
		if s.documents[documentKey{d.Kind, d.ID}].Version != d.Version-1 {
			return false
		}
	}
	return !slices.ContainsFunc(c.Counts, func(n ledger.Count) bool { return n.Add > 0 && s.counts[n.Key] >= n.Limit })
}

// Touch implements ledger.Store.
func (s *Store) Touch(_ context.Context, id string, t ledger.Touch) (ledger.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.record(id)
	if err != nil {
		return r, err
	}
	if r.Status != license.Pending || !t.LeaseUntil.IsZero() && t.Now.Before(r.LeaseUntil) {
		return r, ledger.ErrConflict
	}
	if !t.LeaseUntil.IsZero() {
		r.LeaseUntil = t.LeaseUntil.UTC()
		r.Attempts++
	}
	if !t.RefusedSince.IsZero() && r.RefusedSince.IsZero() {
		r.RefusedSince = t.RefusedSince.UTC()
	}
	if t.Signed {
		r.RefusedSince = time.Time{}
	}
	s.records[id] = r
	return r, nil
}

// Pending implements protocol.Pendings.
func (s *Store) Pending(_ context.Context, leaseOver time.Time, limit int) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []ledger.Record
	for _, r := range s.records {
		if r.Status == license.Pending && !r.LeaseUntil.After(leaseOver) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b ledger.Record) int { return a.LeaseUntil.Compare(b.LeaseUntil) })
	var pending []string
	for _, r := range found[:min(limit, len(found))] {
		pending = append(pending, r.ID)
	}
	return pending, nil
}

// License implements registry.Store.
func (s *Store) License(_ context.Context, id string) (license.License, license.Date, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.record(id)
	return r.License, license.Today(r.LastChange.At), err
}

// Current implements registry.Store.
func (s *Store) Current(_ context.Context, token license.ServerToken) ([]license.License, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var current []license.License
	server := s.servers[token]
	for _, id := range []string{server.Base.Current, server.Temporary.Current} {
		if r, ok := s.records[id]; ok {
			current = append(current, r.License)
		}
	}
	return current, nil
}

// ByServer returns licenses of a server with a sequence below the given one, newest first, at most limit.
func (s *Store) ByServer(_ context.Context, token license.ServerToken, below, limit int) ([]license.License, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []license.License
	for _, r := range s.records {
		if r.ServerToken == token && r.Sequence < below {
			found = append(found, r.License)
		}
	}
	slices.SortFunc(found, func(a, b license.License) int { return b.Sequence - a.Sequence })
	return found[:min(limit, len(found))], nil
}

// Keys implements keyring.Source.
func (s *Store) Keys(context.Context) ([]keyring.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys), nil
}

// PutKeys adds or replaces keys of the table, as the operator's command does.
func (s *Store) PutKeys(_ context.Context, keys []keyring.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		s.keys = append(slices.DeleteFunc(s.keys, func(e keyring.Entry) bool { return e.ID == key.ID }), key)
	}
	return nil
}

// AuditEntries implements ledger.ChainReader.
func (s *Store) AuditEntries(_ context.Context, token license.ServerToken, after, limit int) ([]ledger.AuditEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []ledger.AuditEntry
	for _, e := range s.audit[token] {
		if e.Number > after && len(found) < limit {
			found = append(found, e)
		}
	}
	return found, nil
}

// Audit returns the audit chain of a server, for tests.
func (s *Store) Audit(token license.ServerToken) []ledger.AuditEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.audit[token])
}
