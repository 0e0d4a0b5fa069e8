package desk

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/cursor"
	"qmslicensing/shared/license/ledger"
)

// The bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 100
)

// Show returns one request; sales, accounting and admin.
func (d *Requests) Show(ctx context.Context, caller license.Caller, id string) (View, error) {
	if err := caller.Authorize(license.ListRequests); err != nil {
		return View{}, err
	}
	r, err := ReadRequest(ctx, d.store, strings.ToLower(strings.TrimSpace(id)))
	if err != nil {
		return View{}, license.PointAt(err, idPointer)
	}
	return r.View(d.rules), nil
}

// CheckState refuses what is no state, the empty text too.
func CheckState(state State) error {
	if slices.Contains(States(), state) {
		return nil
	}
	return license.Invalid("query:state", "The state must be open, issued, declined or withdrawn; this is %q. Leave it out for all.", string(state))
}

// List returns requests in a state, or in any where state is ""; sales, accounting and admin. Open requests come oldest
// first, as a queue is worked off; all other lists begin with the newest. It reads an index, which lags behind a little.
// limit is 1 to MaxLimit.
func (d *Requests) List(ctx context.Context, caller license.Caller, state State, cursor string, limit int) (Listed[View], error) {
	if err := caller.Authorize(license.ListRequests); err != nil {
		return Listed[View]{}, err
	}
	if state != "" {
		if err := CheckState(state); err != nil {
			return Listed[View]{}, err
		}
	}
	from := source{string(state), func(ctx context.Context, after ledger.Position, limit int) ([]ledger.Document, error) {
		return d.read(ctx, state, after, limit)
	}}
	return list(ctx, d.pages, from, cursor, limit, func(document ledger.Document) (View, bool, error) {
		r, err := requestOf(document)
		return r.View(d.rules), true, err
	})
}

// read returns documents in the order of the list.
func (d *Requests) read(ctx context.Context, state State, after ledger.Position, limit int) ([]ledger.Document, error) {
	switch state {
	case Open:
		return d.store.Queue(ctx, ledger.KindRequest, string(Open), after, limit)
	case "":
	default:
		return d.store.Documents(ctx, ledger.KindRequest, string(state), after, limit)
	}
	var all []ledger.Document
	for _, s := range States() {
		found, err := d.store.Documents(ctx, ledger.KindRequest, string(s), after, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	// One that changed its state between two of these reads is there twice: the newer version counts.
	slices.SortFunc(all, func(a, b ledger.Document) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.ID, a.ID), cmp.Compare(b.Version, a.Version))
	})
	all = slices.CompactFunc(all, func(a, b ledger.Document) bool { return a.ID == b.ID })
	return all[:min(limit, len(all))], nil
}

// Listed is one page of a list of documents and the cursor of the next, "" on the last.
type Listed[T any] struct {
	Items []T
	Next  string
}

// maxPasses bounds what one page looks through where it shows only what is the caller's own: it may then be short.
const maxPasses = 10

// source is what a list shows: its name, which its cursors are good for alone, and what reads its documents in their order
// from after a place on, at most limit.
type source struct {
	name string
	read func(ctx context.Context, after ledger.Position, limit int) ([]ledger.Document, error)
}

// newestFirst has the documents of a kind in a state.
func newestFirst(store Store, kind string, state State) source {
	return source{kind + " " + string(state), func(ctx context.Context, after ledger.Position, limit int) ([]ledger.Document, error) {
		return store.Documents(ctx, kind, string(state), after, limit)
	}}
}

// list returns those documents of a source that show wants, as it shows them, at most limit.
func list[T any](ctx context.Context, signed pages, from source, cursor string, limit int, show func(ledger.Document) (T, bool, error)) (Listed[T], error) {
	page := Listed[T]{Items: []T{}}
	after, err := signed.read(from.name, cursor)
	if err != nil {
		return page, err
	}
	for range maxPasses {
		found, err := from.read(ctx, after, limit+1)
		if err != nil {
			return page, err
		}
		for n, d := range found[:min(limit, len(found))] {
			one, wanted, err := show(d)
			if err != nil {
				return page, err
			}
			after = ledger.Position{At: d.At, ID: d.ID}
			if !wanted {
				continue
			}
			page.Items = append(page.Items, one)
			if len(page.Items) == limit && n+1 < len(found) {
				page.Next = signed.write(from.name, after)
				return page, nil
			}
		}
		if len(found) <= limit {
			return page, nil
		}
	}
	page.Next = signed.write(from.name, after)
	return page, nil
}

// pages writes and reads cursors: the place of the last document of a page, good for its list alone.
type pages struct{ cursor.Signer }

func newPages(secrets []string) (pages, error) {
	signer, err := cursor.NewSigner("qms-licensing: cursors of documents", secrets)
	return pages{signer}, err
}

// write makes the cursor of what comes after a place in a list.
func (p pages) write(list string, after ledger.Position) string {
	return p.Write(list, after.At.UTC().Format(time.RFC3339Nano)+" "+after.ID)
}

// read returns the place in a cursor of the same list, the zero place of "". Any other text is InvalidRequest.
func (p pages) read(list, text string) (ledger.Position, error) {
	if text == "" {
		return ledger.Position{}, nil
	}
	if place, good := p.Read(list, text); good {
		at, id, _ := strings.Cut(place, " ")
		if instant, err := time.Parse(time.RFC3339Nano, at); err == nil {
			return ledger.Position{At: instant, ID: id}, nil
		}
	}
	return ledger.Position{}, license.Invalid("query:cursor", "This cursor is not one of this list: it is damaged, or the state was changed since. Leave it out to start at the first page.")
}
