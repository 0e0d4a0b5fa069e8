package memstore

import (
	"context"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Scan implements ledger.Scanner, in the order of the items' keys as DynamoDB would name them.
func (s *Store) Scan(_ context.Context, after string, limit int) (ledger.Batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	take := map[string]func(*ledger.Batch){}
	for id, r := range s.records {
		take["license#"+id] = func(b *ledger.Batch) { b.Licenses = append(b.Licenses, r) }
	}
	for token, server := range s.servers {
		server.Token = token
		take["server#"+string(token)] = func(b *ledger.Batch) { b.Servers = append(b.Servers, server) }
	}
	for key, r := range s.idempotency {
		take["idempotency#"+key] = func(b *ledger.Batch) { b.Idempotency = append(b.Idempotency, r) }
	}
	for key, d := range s.documents {
		take[key.kind+"#"+key.id] = func(b *ledger.Batch) { b.Documents = append(b.Documents, d) }
	}
	var keys []string
	for key := range take {
		if key > after {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	var b ledger.Batch
	for n, key := range keys {
		if n == limit {
			b.Next = keys[n-1]
			break
		}
		take[key](&b)
	}
	return b, nil
}

// Tamper lets a test change what is stored past every condition, as somebody with rights on the tables could.
func (s *Store) Tamper(change func(t *Tables)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&Tables{s.records, s.servers, s.idempotency, s.audit, func(kind, id string, d *ledger.Document) {
		if d == nil {
			delete(s.documents, documentKey{kind, id})
			return
		}
		s.documents[documentKey{kind, id}] = *d
	}})
}

// Tables is all that is stored, to be changed in place. SetDocument puts a document, or with nil removes it.
type Tables struct {
	Records     map[string]ledger.Record
	Servers     map[license.ServerToken]ledger.Server
	Idempotency map[string]ledger.IdempotencyRecord
	Audit       map[license.ServerToken][]ledger.AuditEntry
	SetDocument func(kind, id string, d *ledger.Document)
}
