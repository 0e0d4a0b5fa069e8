// Package desk is what surrounds issuing: license requests with their conditions of the sale, and exceptions from limits
// with the requests for them. Each is a document of the ledger; every change of it is a link in the audit chain of the
// server that it is for. Package issuing takes what is open here into the transaction that promises a license.
package desk

import (
	"encoding/json"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Store is what a desk reads and writes.
type Store interface {
	ledger.Store
	ledger.Shelf
}

// Requests is the desk of license requests: it takes them, records conditions of their sales, declines, withdraws, lists
// and shows them. Issuing answers them.
type Requests struct {
	store    Store
	recorder *protocol.Recorder
	rules    policy.Policy
	pages    pages
}

// NewRequests returns a desk. Its rules are the conditions of a sale; of the secrets that sign the cursors of its lists
// the first signs and all are accepted. All parts are required; without a secret it is an error.
func NewRequests(store Store, rules policy.Policy, secrets []string, now func() time.Time) (*Requests, error) {
	signed, err := newPages(secrets)
	return &Requests{store, protocol.NewRecorder(store, now), rules, signed}, err
}

// effect is one transaction that makes or changes a request: its document and its link of the server's chain.
func (d *Requests) effect(now protocol.Situation, event ledger.Event, by license.Caller, r Request, reason string) (protocol.Effect, error) {
	document, err := r.document()
	if err != nil {
		return protocol.Effect{}, err
	}
	answer, err := json.Marshal(struct {
		Request View `json:"request"`
	}{r.View(d.rules)})
	return protocol.Effect{
		Links:    []protocol.Link{{Server: now.Server, Entry: ledger.Entry{Event: event, By: by, Document: &document, Reason: reason}}},
		Document: &document,
		Version:  r.Version,
		Answer:   answer,
	}, err
}
