package histories_test

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/reconcile"
)

// counted is a signing service whose signatures somebody else counts.
type counted struct {
	protocol.Signer
	now   func() time.Time
	mu    sync.Mutex // a batch signs several at once
	calls []time.Time
}

// Sign implements protocol.Signer.
func (c *counted) Sign(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
	c.mu.Lock()
	c.calls = append(c.calls, c.now())
	c.mu.Unlock()
	return c.Signer.Sign(ctx, p)
}

// Signatures implements reconcile.SignatureCounter.
func (c *counted) Signatures(_ context.Context, from, to time.Time) (n int, err error) {
	for _, at := range c.calls {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n, nil
}

// reconcile looks through everything that a history has left, a day later: there is nothing to find.
func (w *world) reconcile() {
	w.clock.Advance(24 * time.Hour)
	runner := reconcile.New(w.store, w.ring, w.signer, w.clock.Now)
	outcome, err := runner.Start(w.ctx, licensetest.Call(licensetest.AdminCaller, "reconcile"))
	w.require(err == nil, "reconcile: %v", err)
	var answer struct{ Run reconcile.Run }
	w.require(json.Unmarshal(outcome.Body, &answer) == nil, "reconcile: %s", outcome.Body)
	run := answer.Run
	found, err := w.store.Documents(w.ctx, "reconcile-finding", run.ID, ledger.Position{}, 10)
	w.require(err == nil, "findings: %v", err)
	for _, f := range found {
		w.require(false, "reconcile: %s", f.Body)
	}
	w.require(run.State == reconcile.Done && run.Findings == 0, "reconcile: %+v", run)
	w.require(run.Checked.Licenses == len(w.model.licenses), "reconcile has looked at %d licenses of %d", run.Checked.Licenses, len(w.model.licenses))
}
