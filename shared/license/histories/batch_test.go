package histories_test

import (
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/batch"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

// row is one license of a batch, and what should come of it.
type row struct {
	e      *entry
	target batch.Target
	step   step
	plan   plan
}

// renewMany renews several licenses at once, each of another server, perhaps dying over it. The same run again replays
// what is renewed and attempts what is not.
func (w *world) renewMany() {
	terms := batch.Terms{TermMonths: 1 + w.random.IntN(14), Basis: pick(w, []license.RenewalBasis{"", license.BasisExpiration, license.BasisToday}), Contract: pick(w, []string{"", "P-1", "P-2"})}
	call := w.call(w.accountant())
	rows := w.rows(call.Caller, terms)
	if refusedBy(call.Caller, license.Renew, "") != "" || len(rows) == 0 {
		if len(rows) > 0 {
			w.forbidden(call, rows, terms)
		}
		return
	}
	exhausted := w.left(call.Caller) <= 0
	if waiting := slices.IndexFunc(rows, func(r row) bool { return w.model.in(base(r.e.ServerToken)) != nil }); waiting >= 0 {
		if w.model.pending.refused {
			return // it would wait for the key
		}
		if exhausted { // the others might keep it from being attempted
			rows = rows[waiting : waiting+1]
		}
		w.model.keep(w.model.pending)
		w.tally.count(finishing + "batch")
	}
	for n, r := range rows {
		rows[n].plan = w.planned(r.step)
	}
	if process := w.mortal(40); w.random.IntN(3) == 0 {
		_, err := w.runBatch(process, process, call, rows, terms)
		w.tell("batch of %d by %s, to die at %d: %s", len(rows), call.Caller.Username, process.DieAt, said(err))
		if w.buried(process) {
			w.tally.count("batch that died")
		}
	}
	first := w.batchOnce(call, rows, terms, exhausted)
	for n, r := range first {
		if r.Err == nil && r.Result == batch.Renewed {
			w.model.keep(w.model.promise(call.Caller, rows[n].plan, w.read(r.Outcome.Body)))
		}
	}
	for n, r := range rows { // what failed fails again, by what there is now
		if r.plan.refusal != "" {
			rows[n].plan = w.planned(r.step)
		}
	}
	for n, r := range w.batchOnce(call, rows, terms, exhausted) {
		w.require(string(r.Outcome.Body) == string(first[n].Outcome.Body) && (r.Err != nil || r.Result != batch.Renewed || r.Outcome.Replayed), "batch again: license %s is %s with another answer", r.LicenseID, r.Result)
	}
	w.tally.count("batch again")
}

// rows picks licenses to renew, mostly current ones: at most one of each server, so that none decides about another, and
// no more than somebody's day has room for, if it has any, so that it does not depend on which came first.
func (w *world) rows(by license.Caller, terms batch.Terms) (rows []row) {
	for range 1 + w.random.IntN(4) {
		e := w.existing()
		if e == nil {
			return rows
		}
		if e = w.based(e); slices.ContainsFunc(rows, func(r row) bool { return r.e.ServerToken == e.ServerToken }) {
			continue
		}
		q := issuing.RenewalRequest{ID: e.ID, Contract: terms.Contract, KeepContract: terms.Contract == "", TermMonths: terms.TermMonths, Basis: terms.Basis, IfMatch: w.version(e)}
		if left := w.left(by); left > 0 && len(rows) == left {
			return rows
		}
		rows = append(rows, row{e: e, target: batch.Target{ID: e.ID, Version: q.IfMatch}, step: w.renewal(e, q, by)})
	}
	return rows
}

func (w *world) runBatch(store ledger.Store, signer protocol.Signer, call protocol.Call, rows []row, terms batch.Terms) ([]batch.Row, error) {
	var targets []batch.Target
	for _, r := range rows {
		targets = append(targets, r.target)
	}
	return batch.NewRenewer(w.issuer(store, signer), registry.NewSelector(w.store, w.clock.Now)).Run(w.ctx, call, targets, terms)
}

func (w *world) forbidden(call protocol.Call, rows []row, terms batch.Terms) {
	done, err := w.runBatch(w.store, w.signer, call, rows, terms)
	w.require(codeOf(err) == license.Forbidden && done == nil, "batch by %s: %v", call.Caller.Username, err)
	w.tally.add("batch", license.Forbidden)
}

// batchOnce runs a batch in a system that works and compares what comes of each row. After one that found the day
// exhausted, the others may not be attempted.
func (w *world) batchOnce(call protocol.Call, rows []row, terms batch.Terms, exhausted bool) []batch.Row {
	if len(rows) == 0 {
		return nil
	}
	done, err := w.runBatch(w.store, w.signer, call, rows, terms)
	w.tell("batch of %d by %s: %s", len(rows), call.Caller.Username, said(err))
	w.require(err == nil && len(done) == len(rows), "batch: %d rows of %d, %v", len(done), len(rows), err)
	for n, r := range done {
		want := rows[n].plan.refusal
		w.tell("  %s: %s, %s", rows[n].step.name, r.Result, said(r.Err))
		w.require(r.LicenseID == rows[n].e.ID, "batch: row %d is of license %s, not %s", n, r.LicenseID, rows[n].e.ID)
		if exhausted && r.Result == batch.NotAttempted && r.Err == nil && want != "" {
			w.tally.count("batch: not attempted")
			continue
		}
		result := batch.Renewed
		if want != "" {
			result = batch.Failed
		}
		w.require(codeOf(r.Err) == want && r.Result == result, "batch, %s: expected %q, got %s %v", rows[n].step.name, want, r.Result, r.Err)
		w.tally.add("batch", want)
	}
	return done
}
