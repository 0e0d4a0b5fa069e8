// Package reconcile holds everything that is stored against everything else: licenses, servers' slots, audit chains,
// idempotency records, documents, and the signatures that AWS itself has counted. It changes no license: it writes what
// it found. Runs, findings and checkpoints are documents of no chain, since they are no change of a license.
//
// A system that works while a run looks at it gives no finding: the items of one server are read until the server item is
// the same before and after, and each transaction changes the length of its chain.
package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
)

// Store is what a run reads and writes.
type Store interface {
	ledger.Store
	ledger.Shelf
	ledger.ChainReader
	ledger.Scanner
}

// SignatureCounter tells how often the signing service was asked to sign, as somebody else has counted it.
type SignatureCounter interface {
	// Signatures counts the calls from one instant until before another, both whole hours.
	Signatures(ctx context.Context, from, to time.Time) (int, error)
}

// Runner looks through the tables, a page after the other.
type Runner struct {
	store   Store
	keys    *keyring.Ring
	counter SignatureCounter
	now     func() time.Time
}

// New returns a Runner. All parts are required.
func New(store Store, keys *keyring.Ring, counter SignatureCounter, now func() time.Time) *Runner {
	return &Runner{store, keys, counter, now}
}

// State is how far a run is.
type State string

// The states of a run.
const (
	Running State = "running"
	Done    State = "done"
)

// Run is one pass over everything.
type Run struct {
	ID         string     `json:"id"`
	StartedBy  string     `json:"startedBy"`
	StartedAt  time.Time  `json:"startedAt"`
	FinishedAt *time.Time `json:"finishedAt"` // null while it is running
	State      State      `json:"state"`
	Checked    Checked    `json:"checked"`
	Findings   int        `json:"findings"`
}

// Checked counts what a run has looked at. Verified are the license keys that the product's verifier has read again.
type Checked struct {
	Licenses           int `json:"licenses"`
	Verified           int `json:"verified"`
	Servers            int `json:"servers"`
	Entries            int `json:"entries"`
	IdempotencyRecords int `json:"idempotencyRecords"`
	Documents          int `json:"documents"`
}

// progress is a run as it is stored: what the next page needs besides.
type progress struct {
	Run
	Cursor   string    `json:"cursor"`
	Since    time.Time `json:"since"`    // licenses issued from then on are verified again
	From     time.Time `json:"from"`     // signatures are compared from here
	To       time.Time `json:"to"`       // until before here
	Attempts int       `json:"attempts"` // that licenses account for between the two, at most
	version  int       // of the document
}

// newest is what is known of the newest run and of the last one that came to its end.
type newest struct {
	RunID       string    `json:"runId"`
	DoneStarted time.Time `json:"doneStarted"`
	DoneTo      time.Time `json:"doneTo"`
	version     int
}

// The kinds of documents. A run has no state of its own as a document, a finding's is its run.
const (
	runKind        = "reconcile-run"
	newestKind     = "reconcile-newest"
	findingKind    = "reconcile-finding"
	checkpointKind = "reconcile-checkpoint"
)

// Kinds lists the kinds of documents that a Runner writes: its function may write no others.
func Kinds() []string { return []string{runKind, newestKind, findingKind, checkpointKind} }

// newestID is the one document of its kind.
const newestID = "newest"

// read reads a document into a value and returns its version; 0: there is none.
func (r *Runner) read(ctx context.Context, kind, id string, into any) (version int, err error) {
	d, found, err := r.store.Document(ctx, kind, id)
	if err != nil || !found {
		return 0, err
	}
	if err := json.Unmarshal(d.Body, into); err != nil {
		return 0, fmt.Errorf("reading %s %s: %w: %w", kind, id, ledger.ErrUnreadable, err)
	}
	return d.Version, nil
}

func (r *Runner) readRun(ctx context.Context, id string) (progress, bool, error) {
	var p progress
	version, err := r.read(ctx, runKind, id, &p)
	p.version = version
	return p, version > 0, err
}

// document writes the next version of a document.
func document(kind, id, state string, version int, at time.Time, body any) (ledger.Document, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return ledger.Document{}, fmt.Errorf("writing %s %s: %w", kind, id, err)
	}
	return ledger.Document{Kind: kind, ID: id, Version: version + 1, State: state, At: at.UTC(), Body: text}, nil
}
