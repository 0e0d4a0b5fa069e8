// Package history tells what happened to a license: every audit entry of its server and, of every other server that its
// lineage ever was on, those of its lineage, in plain sentences. It computes each chain again and says where one does
// not hold. It writes nothing.
package history

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Store is what a history is read from, consistently.
type Store interface {
	ledger.ChainReader
	// Record returns a license; a *license.Error LicenseNotFound if there is none.
	Record(ctx context.Context, id string) (ledger.Record, error)
}

// Reader reads histories.
type Reader struct{ store Store }

// NewReader returns a Reader.
func NewReader(store Store) *Reader { return &Reader{store} }

// Event is one audit entry as people read it.
type Event struct {
	At               time.Time           `json:"at"`
	Event            ledger.Event        `json:"event"`
	Operation        license.Optional    `json:"operation"`
	Sentence         string              `json:"sentence"`
	Who              string              `json:"who"`
	Role             license.Optional    `json:"role"` // null: the system itself
	LicenseID        license.Optional    `json:"licenseId"`
	ServerToken      license.ServerToken `json:"serverToken"`
	Number           int                 `json:"number"` // in the server's chain, from 1
	RequestID        license.Optional    `json:"requestId"`
	Reason           license.Optional    `json:"reason"`
	Note             license.Optional    `json:"note"`
	LicenseRequestID license.Optional    `json:"licenseRequestId"`
	ExceptionIDs     []string            `json:"exceptionIds"`
	Conditions       []ledger.Condition  `json:"conditions"`    // of the sale, met
	ConvertsTrial    license.Optional    `json:"convertsTrial"` // the trial that the license takes the place of
	Before           members             `json:"before"`        // the members that changed, as they were; null: none
	After            members             `json:"after"`         // the same members, as they are since
	Document         *Document           `json:"document"`
	Hash             string              `json:"hash"`
}

// Document is the request or exception that an event concerns.
type Document struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Version int    `json:"version"`
	State   string `json:"state"`
}

// Chain says whether the audit chain of a server holds. Its checkpoint is for keeping: a later call that brings it is
// told if the chain has been replaced since.
type Chain struct {
	ServerToken license.ServerToken `json:"serverToken"`
	Length      int                 `json:"length"`
	Head        license.Optional    `json:"head"`       // hash of the last entry
	Checkpoint  license.Optional    `json:"checkpoint"` // of the last entry
	Verified    bool                `json:"verified"`
	Broken      *ledger.Break       `json:"broken"` // null where every link holds
}

// Page is one page of a history, newest event first, and the cursor of the next, "" on the last.
type Page struct {
	Events []Event
	Chains []Chain
	Next   string
}

// The bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 100
)

// Events returns one page of a license's history; staff only. limit is 1 to MaxLimit. checkpoint, unless "", is one that
// an earlier history gave of the license's own server. A cursor or checkpoint that is malformed is InvalidRequest.
func (r *Reader) Events(ctx context.Context, caller license.Caller, id, cursor string, limit int, checkpoint string) (Page, error) {
	if err := caller.Authorize(license.Find); err != nil {
		return Page{}, err
	}
	kept, err := readCheckpoint(checkpoint)
	if err != nil {
		return Page{}, err
	}
	if !license.IsID(id) {
		return Page{}, license.NotFound().At("path:id")
	}
	record, err := r.store.Record(ctx, id)
	if err != nil {
		return Page{}, license.PointAt(err, "path:id")
	}
	told, err := r.tell(ctx, record, kept)
	if err != nil {
		return Page{}, err
	}
	return told.page(id, cursor, limit)
}

func readCheckpoint(text string) ([]ledger.Checkpoint, error) {
	if text == "" {
		return nil, nil
	}
	kept, err := ledger.ParseCheckpoint(text)
	if err != nil {
		return nil, license.Invalid("query:checkpoint", "This is not a checkpoint. Send one as an earlier history of this license gave it: a number, a colon and 64 hex digits.")
	}
	return []ledger.Checkpoint{kept}, nil
}

// maxServers bounds how many servers of one lineage are told of.
const maxServers = 50

// told is a history before it is cut into pages.
type told struct {
	events []placed
	chains []Chain
}

// placed is an event with the instant that it sorts by: an entry whose own cannot be read stands behind the one before.
type placed struct {
	Event
	sort time.Time
}

// tell reads the chain of the license's server, and of every server that an entry of its lineage names.
func (r *Reader) tell(ctx context.Context, record ledger.Record, kept []ledger.Checkpoint) (told, error) {
	var t told
	var all []entry
	servers := []license.ServerToken{record.ServerToken}
	visit := func(token license.ServerToken) {
		if token != "" && !slices.Contains(servers, token) {
			servers = append(servers, token)
		}
	}
	visit(record.MovedFrom)
	for _, move := range record.Rehosts {
		visit(move.From)
	}
	for n := 0; n < len(servers) && n < maxServers; n++ {
		server, entries, err := ledger.ReadChain(ctx, r.store, servers[n])
		if err != nil {
			return t, err
		}
		if servers[n] != record.ServerToken {
			kept = nil
		}
		t.chains = append(t.chains, chainOf(server, entries, kept))
		for _, e := range eventsOf(entries) {
			if e.lineage == record.LineageID {
				visit(e.movedFrom)
				visit(e.movedTo)
			}
			all = append(all, e)
		}
	}
	t.events = about(all, record)
	slices.SortStableFunc(t.events, func(a, b placed) int {
		return cmp.Or(b.sort.Compare(a.sort), cmp.Compare(a.ServerToken, b.ServerToken), b.Number-a.Number)
	})
	return t, nil
}

func chainOf(server ledger.Server, entries []ledger.AuditEntry, kept []ledger.Checkpoint) Chain {
	c := Chain{ServerToken: server.Token, Length: len(entries), Broken: ledger.Verify(entries, server, kept...)}
	c.Verified = c.Broken == nil
	if len(entries) > 0 {
		last := ledger.Checkpoint{Number: len(entries), Hash: entries[len(entries)-1].Hash}
		c.Head, c.Checkpoint = license.Optional(last.Hash), license.Optional(last.String())
	}
	return c
}

// cursorText is what a cursor says: the license that it belongs to, and the last event of its page. Entries are only
// added, so the events after that one stay what they are.
type cursorText struct {
	LicenseID   string              `json:"l"`
	ServerToken license.ServerToken `json:"t"`
	Number      int                 `json:"n"`
}

func (c cursorText) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic("history: " + err.Error()) // two strings and an integer
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func (t told) page(id, cursor string, limit int) (Page, error) {
	start := 0
	if cursor != "" {
		start = 1 + slices.IndexFunc(t.events, func(e placed) bool { return cursorText{id, e.ServerToken, e.Number}.String() == cursor })
		if start == 0 {
			return Page{}, license.Invalid("query:cursor", "This cursor is not one of this history. Leave it out to start at the newest event.")
		}
	}
	p := Page{Chains: t.chains}
	end := min(start+limit, len(t.events))
	for _, e := range t.events[start:end] {
		p.Events = append(p.Events, e.Event)
	}
	if end < len(t.events) {
		last := t.events[end-1]
		p.Next = cursorText{id, last.ServerToken, last.Number}.String()
	}
	return p, nil
}
