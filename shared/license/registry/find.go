package registry

import (
	"context"
	"time"

	"qmslicensing/shared/license"
)

// Finder finds licenses by the indexes, for staff.
type Finder struct {
	indexes Indexes
	cursors cursors
	now     func() time.Time
}

// NewFinder returns a Finder. Its cursors are signed with a key of the first secret and accepted with those of all, so that
// a secret can change while somebody pages. It is an error to give none, or an empty one.
func NewFinder(indexes Indexes, secrets []string, now func() time.Time) (*Finder, error) {
	cursors, err := newCursors(secrets)
	return &Finder{indexes, cursors, now}, err
}

// Page is one page of licenses and the cursor of the next, "" on the last.
type Page struct {
	Licenses []license.License
	Next     string
}

// The bounds of a page in licenses, and in entries of an index that are read for it.
const (
	DefaultLimit = 50
	MaxLimit     = 100
	maxEntries   = 1000
)

// Search returns a page of the licenses that a query asks for, in the order that follows from the query: of one server,
// the newest sequence first; else of one contract, the newest issued first; else by customer, by name and under one name
// the newest first; else by expiration date, the soonest first (expired ones without dates: the latest first); else the
// newest issued first. limit is 1 to MaxLimit. At most maxEntries entries are read, whatever is in the table: so a page
// may have fewer licenses than limit, even none, and a cursor all the same. A page begins after the last entry of the one
// before it: what is issued meanwhile repeats no license and hides none.
func (f *Finder) Search(ctx context.Context, caller license.Caller, q Query, cursor string, limit int) (Page, error) {
	if err := caller.Authorize(license.Find); err != nil {
		return Page{}, err
	}
	after, err := f.cursors.read(q, cursor)
	if err != nil {
		return Page{}, err
	}
	now := f.now()
	if q.id != "" {
		found, err := f.licenses(ctx, q, []string{q.id}, now)
		return Page{Licenses: found}, err
	}
	ids, last, err := f.scan(ctx, q, after, limit, now)
	if err != nil {
		return Page{}, err
	}
	page := Page{}
	if last != "" {
		page.Next = f.cursors.write(q, last)
	}
	page.Licenses, err = f.licenses(ctx, q, ids, now)
	return page, err
}

// The least and the most entries that are read at once when the first ones were not enough.
const (
	leastBatch = 25
	mostBatch  = 250
)

// nextBatch is how many entries will have the missing licenses if they match as often as those that were read.
func nextBatch(read, found, missing int) int {
	return min(max((missing+1)*read/(found+1), leastBatch), mostBatch, maxEntries-read)
}

// scan reads entries after a position until limit of them match, and returns their ids and the position to go on after,
// "" at the end.
func (f *Finder) scan(ctx context.Context, q Query, after string, limit int, now time.Time) (ids []string, last string, err error) {
	span := q.span(now)
	if after != "" {
		span = span.After(after)
	}
	batch := limit + 1 // one more says whether there is another page
	for read := 0; read < maxEntries && !span.Empty(); batch = nextBatch(read, len(ids), limit-len(ids)) {
		entries, err := f.indexes.Entries(ctx, span, batch)
		if err != nil {
			return nil, "", err
		}
		for _, e := range entries {
			if len(ids) == limit {
				return ids, last, nil
			}
			last = e.Position(span.Index)
			if q.matches(e, now) {
				ids = append(ids, e.ID)
			}
		}
		switch {
		case len(entries) < batch:
			return ids, "", nil
		case len(ids) == limit:
			return ids, last, nil
		}
		read += len(entries)
		span = span.After(last)
	}
	return ids, last, nil
}

// licenses reads the licenses themselves: what is no longer as its entry says is left out.
func (f *Finder) licenses(ctx context.Context, q Query, ids []string, now time.Time) ([]license.License, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	records, err := f.indexes.Records(ctx, ids)
	var found []license.License
	for _, r := range records {
		if q.matches(EntryOf(r), now) {
			found = append(found, r.License.At(now))
		}
	}
	return found, err
}
