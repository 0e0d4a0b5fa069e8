package registry

import (
	"context"
	"time"

	"qmslicensing/shared/license"
)

// Selector finds subscriptions to be renewed by the indexes.
type Selector struct {
	indexes Indexes
	now     func() time.Time
}

// NewSelector returns a Selector.
func NewSelector(indexes Indexes, now func() time.Time) *Selector { return &Selector{indexes, now} }

// maxSelected is how many entries of an index are read to count what a query finds.
const maxSelected = 5 * maxEntries

// selectBatch is how many of them are read at once.
const selectBatch = 250

// Subscriptions returns the ids of the subscriptions that a query asks for and that are stored active, in the order of
// Finder.Search, without contract and customer by expiration date; at most most ids, and how many there are. exact is false
// if there are more entries than maxSelected: then the count is of these.
func (s *Selector) Subscriptions(ctx context.Context, q Query, most int) (ids []string, count int, exact bool, err error) {
	q.kind, q.current = license.Subscription, true
	now := s.now()
	span := q.span(now)
	for left := maxSelected; left > 0; left -= selectBatch {
		if span.Empty() {
			return ids, count, true, nil
		}
		entries, err := s.indexes.Entries(ctx, span, selectBatch)
		if err != nil {
			return nil, 0, false, err
		}
		for _, e := range entries {
			if !q.matches(e, now) {
				continue
			}
			if count++; len(ids) < most {
				ids = append(ids, e.ID)
			}
		}
		if len(entries) < selectBatch {
			return ids, count, true, nil
		}
		span = span.After(entries[len(entries)-1].Position(span.Index))
	}
	return ids, count, false, nil
}
