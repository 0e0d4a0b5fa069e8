package recovery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// name is what a document is found by.
type name struct{ kind, id string }

func nameOf(d ledger.AuditDocument) name { return name{d.Kind, d.ID} }

func (n name) String() string { return strings.ReplaceAll(n.kind, "-", " ") + " " + n.id }

// version is one version of a document, and the entry that made it.
type version struct {
	ledger.Document
	says  said
	token license.ServerToken
}

// versions are those of a document that chains hold, the first one first. One document can be in several chains.
type versions map[name][]version

func (all versions) add(token license.ServerToken, says said) {
	for _, d := range says.documents() {
		of := append(all[nameOf(d)], version{d.Document(), says, token})
		slices.SortStableFunc(of, func(a, b version) int { return a.Version - b.Version })
		all[nameOf(d)] = of
	}
}

// documented says what becomes of the document of an entry without a license.
func (a *again) documented(ctx context.Context) (Now, error) {
	d := a.says.Document
	if d == nil {
		return Nothing, nil
	}
	stored, _, err := a.store.Document(ctx, d.Kind, d.ID)
	if err == nil && stored.Version < d.Version {
		return PutBack, nil
	}
	return Nothing, err
}

// documents puts back what the archived chains of these servers hold of documents, version by version.
func (r *replay) documents(ctx context.Context, servers []license.ServerToken, archived map[license.ServerToken]chain) error {
	all := versions{}
	for _, token := range servers {
		for _, entry := range archived[token] {
			says, err := read(entry)
			if err != nil {
				return err
			}
			all.add(token, says)
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(all), func(a, b name) int { return strings.Compare(a.String(), b.String()) }) {
		if err := r.document(ctx, all[n]); err != nil {
			return fmt.Errorf("putting back %v: %w", n, err)
		}
	}
	return nil
}

// document brings one to its last version; where a license took it that is lost, to one more: it is open again.
func (r *replay) document(ctx context.Context, of []version) error {
	last := of[len(of)-1]
	stored, _, err := r.store.Document(ctx, last.Kind, last.ID)
	if err != nil {
		return err
	}
	for _, v := range of {
		if v.Version <= stored.Version {
			continue
		}
		if v.Version != stored.Version+1 {
			r.tell(v.now(Unknown))
			return nil
		}
		if err := r.put(ctx, v.Document); err != nil {
			return err
		}
		stored = v.Document
	}
	taker := last.Document.UsedBy()
	open, found := untaken(of)
	if taker == "" || stored.Version != last.Version || !found || r.revoked[taker] || r.corrected[taker] {
		return nil
	}
	if is, err := r.record(ctx, taker); err != nil || is.Status != "" {
		return err
	}
	r.tell(last.now(Open))
	return r.put(ctx, open)
}

// untaken is what a document is once it is open again: the last of its versions that no license had taken, as the next one.
func untaken(of []version) (ledger.Document, bool) {
	for _, v := range slices.Backward(of) {
		if v.Document.UsedBy() == "" {
			v.Document.Version = of[len(of)-1].Version + 1
			return v.Document, true
		}
	}
	return ledger.Document{}, false
}

func (r *replay) put(ctx context.Context, d ledger.Document) error {
	r.done.Documents++
	return r.store.Commit(ctx, ledger.Commit{Documents: []ledger.Document{d}})
}

// now is what is told of a version.
func (v version) now(now Now) Later {
	later := v.says.later(v.token)
	later.License, later.Now = license.License{}, now
	later.Document = &ledger.AuditDocument{Kind: v.Kind, ID: v.ID, Version: v.Version, State: v.State, At: v.At, Body: v.Body}
	return later
}

// holdDocuments compares the stored documents with what chains say last of them, and with the licenses that took them.
func (c *check) holdDocuments() {
	for n := range c.written {
		if _, there := c.documents[n]; !there {
			c.wrong("%v is in a chain and not in the license table", n)
		}
	}
	for n, d := range c.documents {
		if id := d.UsedBy(); id != "" && !c.lost[id] {
			r, there := c.licenses[id]
			if !there || r.RequestID != d.ID && !slices.Contains(r.Uses, d.ID) {
				c.wrong("%v says that license %s took it, and that license does not", n, id)
			}
		}
		of := c.written[n]
		switch {
		case c.bare[n]: // a chain does not hold all of it
		case len(of) == 0:
			c.wrong("%v is in no chain", n)
		case !c.isLast(d, of):
			c.wrong("%v is %s, version %d, and the last in its chain is that it was %s, version %d", n, d.State, d.Version, of[len(of)-1].State, of[len(of)-1].Version)
		}
	}
}

// isLast reports whether a document is what its chains say last of it; where that is that a lost license took it, it may
// be open again, too.
func (c *check) isLast(d ledger.Document, of []version) bool {
	last := of[len(of)-1].Document
	taker := last.UsedBy()
	if _, there := c.licenses[taker]; taker != "" && !there && d.Version == last.Version+1 {
		if open, found := untaken(of); found {
			last = open
		}
	}
	return d.Same(last)
}

// took compares what a license says that it took with the documents. One that is given up has put it back.
func (c *check) took(r ledger.Record) {
	var names []name
	if r.RequestID != "" {
		names = append(names, name{ledger.KindRequest, r.RequestID})
	}
	for _, id := range r.Uses {
		names = append(names, name{ledger.KindException, id})
	}
	for _, n := range names {
		if taker := c.documents[n].UsedBy(); r.Status != license.Void && taker != r.ID && !c.corrects(taker, r.ID) {
			c.wrong("license %s took %v, which does not say so", r.ID, n)
		}
	}
}

// corrects reports whether a document that a license took may say that another one did, or none: a correction takes it from
// the wrong license, and one that is lost leaves it open, for whatever is issued instead.
func (c *check) corrects(taker, wrong string) bool {
	for at := taker; c.licenses[at].Operation == ledger.OpCorrect; at = c.licenses[at].Predecessor {
		if c.licenses[at].Predecessor == wrong {
			return true
		}
	}
	right, corrected := c.corrections[wrong]
	for c.corrections[right] != "" {
		right = c.corrections[right]
	}
	_, there := c.licenses[right]
	return corrected && !there
}
