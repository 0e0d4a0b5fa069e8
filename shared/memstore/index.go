package memstore

import (
	"context"
	"slices"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/registry"
)

// Entries implements registry.Indexes.
func (s *Store) Entries(_ context.Context, span registry.Span, limit int) ([]registry.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []registry.Entry
	for _, r := range s.records {
		e := registry.EntryOf(r)
		partition, held := e.Partition(span.Index)
		position := e.Position(span.Index)
		if held && partition == span.Partition && position >= span.Low && (span.High == "" || position < span.High) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b registry.Entry) int {
		if span.Falling {
			a, b = b, a
		}
		return strings.Compare(a.Position(span.Index), b.Position(span.Index))
	})
	return found[:min(limit, len(found))], nil
}

// Records implements registry.Indexes.
func (s *Store) Records(_ context.Context, ids []string) ([]ledger.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []ledger.Record
	for _, id := range ids {
		if r, ok := s.records[id]; ok {
			found = append(found, r)
		}
	}
	return found, nil
}

// CountExpiring implements registry.Indexes.
func (s *Store) CountExpiring(_ context.Context, from, to license.Date) (registry.Expiring, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var counts registry.Expiring
	for _, r := range s.records {
		switch {
		case r.Status != license.Active || r.ExpiresOn.IsNever() || r.ExpiresOn.Before(from) || r.ExpiresOn.After(to):
		case r.Type == license.Subscription:
			counts.Subscriptions++
		default:
			counts.Temporary++
		}
	}
	return counts, nil
}
