package dynamostore

import (
	"context"
	"fmt"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/registry"
)

// License implements registry.Store.
func (s *Store) License(ctx context.Context, id string) (license.License, license.Date, error) {
	record, err := s.Record(ctx, id)
	return record.License, license.Today(record.LastChange.At), err
}

// currentReads bounds how often Current reads again because a license changed between its reads.
const currentReads = 8

// Current implements registry.Store. A license that is current is stored active; one that is not was replaced between
// the read of the server item and its own, so both are read again.
func (s *Store) Current(ctx context.Context, token license.ServerToken) ([]license.License, error) {
	for range currentReads {
		current, err := s.readCurrent(ctx, token)
		if err != nil || !slices.ContainsFunc(current, func(l license.License) bool { return l.Status != license.Active }) {
			return current, err
		}
	}
	return nil, fmt.Errorf("the licenses of server %s change too fast to be read: %w", token.Tail(), license.ErrUnclear)
}

func (s *Store) readCurrent(ctx context.Context, token license.ServerToken) ([]license.License, error) {
	server, err := s.Server(ctx, token)
	if err != nil {
		return nil, err
	}
	var current []license.License
	for _, id := range []string{server.Base.Current, server.Temporary.Current} {
		if id == "" {
			continue
		}
		record, err := s.Record(ctx, id)
		if err != nil {
			return nil, err
		}
		current = append(current, record.License)
	}
	return current, nil
}

// ByServer returns licenses of a server with a sequence below the given one, newest first, at most limit: what an
// operator and a test ask, by the index.
func (s *Store) ByServer(ctx context.Context, token license.ServerToken, below, limit int) ([]license.License, error) {
	span := registry.Span{Index: registry.ByServer, Partition: string(token), High: registry.Entry{Sequence: below}.Position(registry.ByServer), Falling: true}
	entries, err := s.Entries(ctx, span, limit)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	records, err := s.Records(ctx, ids)
	found := make([]license.License, 0, len(records))
	for _, r := range records {
		found = append(found, r.License)
	}
	return found, err
}
