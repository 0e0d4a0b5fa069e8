package histories_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// request is a license request.
type request struct {
	id         string
	asks       desk.Asking
	by         license.Caller
	conditions map[string]string // that are met: their evidence by name
	state      desk.State
	version    int
	license    string // that answers it
}

func (r *request) become(state desk.State) {
	r.state = state
	r.version++
}

// request lets one thing happen to license requests.
func (w *world) request() {
	var open, picked *request
	for _, r := range w.model.requests {
		if r.state == desk.Open && (open == nil || w.random.IntN(2) == 0) {
			open = r
		}
	}
	if len(w.model.requests) > 0 {
		picked = pick(w, w.model.requests)
	}
	if open != nil && w.random.IntN(8) > 0 {
		picked = open
	}
	switch n := w.random.IntN(20); {
	case n < 4 || picked == nil:
		w.ask()
	case n < 6:
		w.end(picked)
	case n < 18 && len(picked.conditions) < 4 && picked.asks.Type == license.Permanent || n == 6:
		for range 1 + w.random.IntN(5) {
			w.condition(picked)
		}
	default:
		w.take(w.answer(picked))
	}
}

func (w *world) desk(store desk.Store) *desk.Requests {
	d, err := desk.NewRequests(store, w.rules(), []string{"secret"}, w.clock.Now)
	w.require(err == nil, "the desk: %v", err)
	return d
}

func (w *world) ask() {
	q := desk.Asking{Sale: policy.Sale{
		ServerToken: string(pick(w, tokens)), Customer: pick(w, customers), Modules: w.modules(),
		Type: license.Permanent, Order: pick(w, papers),
	}}
	if w.random.IntN(4) == 0 {
		q.Type, q.Order, q.Contract = license.Subscription, "", pick(w, papers)
	}
	if current := w.model.server(license.ServerToken(q.ServerToken)).base; current != nil && w.random.IntN(3) > 0 {
		q.Replaces = current.ID
	}
	by := w.someone(pick(w, []license.Caller{licensetest.SalesCaller, licensetest.AccountingCaller, colleague}))
	outcome, done := w.atDesk("request", fmt.Sprintf("request of a %s on %s instead of %q", q.Type, q.ServerToken, q.Replaces), by, refusedBy(by, license.RequestSold, ""),
		func(store desk.Store, call protocol.Call) (protocol.Outcome, error) {
			return w.desk(store).Ask(w.ctx, call, q)
		})
	if done {
		var answer struct{ Request struct{ ID string } }
		w.require(json.Unmarshal(outcome.Body, &answer) == nil && answer.Request.ID != "", "the answer %s names no request", outcome.Body)
		w.model.requests = append(w.model.requests, &request{id: answer.Request.ID, asks: q, by: by, conditions: map[string]string{}, state: desk.Open, version: 1})
	}
}

// closed is why a request cannot be changed.
func (r *request) closed() license.Code {
	if r.state != desk.Open {
		return license.RequestNotOpen
	}
	return ""
}

// condition records one condition as met, mostly one that is not yet.
func (w *world) condition(r *request) {
	name := pick(w, conditionsOfSale())
	for r.conditions[name] != "" && len(r.conditions) < 4 && w.random.IntN(6) > 0 {
		name = pick(w, conditionsOfSale())
	}
	c := ledger.Condition{Name: name, MetOn: license.Today(w.clock.Now()), Evidence: fmt.Sprint("evidence ", w.calls)}
	by, refusal := w.accountant(), r.closed()
	if refusal == "" && r.asks.Type != license.Permanent {
		refusal = license.InvalidRequest
	}
	_, done := w.atDesk("condition", fmt.Sprintf("%s of request %s", c.Name, r.id), by, refusedBy(by, license.RecordConditions, refusal),
		func(store desk.Store, call protocol.Call) (protocol.Outcome, error) {
			return w.desk(store).Record(w.ctx, call, r.id, []ledger.Condition{c})
		})
	if done {
		r.conditions[c.Name] = c.Evidence
		r.version++
	}
}

// end declines a request or withdraws it.
func (w *world) end(r *request) {
	by, state := w.accountant(), desk.Declined
	refusal := refusedBy(by, license.DeclineRequest, r.closed())
	if w.random.IntN(2) == 0 {
		state, refusal = desk.Withdrawn, r.closed()
		if w.random.IntN(3) > 0 {
			by = r.by
		}
		if by.Subject != r.by.Subject {
			refusal = license.Forbidden
		}
	}
	_, done := w.atDesk(string(state), fmt.Sprintf("request %s is %s", r.id, state), by, refusal, func(store desk.Store, call protocol.Call) (protocol.Outcome, error) {
		if state == desk.Withdrawn {
			return w.desk(store).Withdraw(w.ctx, call, r.id, "")
		}
		return w.desk(store).Decline(w.ctx, call, r.id, "no")
	})
	if done {
		r.become(state)
	}
}

// answer issues the license that a request asks for. What it is to replace may be another license by now than when it was
// asked for.
func (w *world) answer(asked *request) step {
	q := issuing.SoldRequest{RequestID: asked.id}
	months := 1 + w.random.IntN(14)
	if asked.asks.Type == license.Subscription {
		q.TermMonths = months
	}
	token := license.ServerToken(asked.asks.ServerToken)
	replaced := w.model.licenses[asked.asks.Replaces]
	if current := w.model.server(token).base; current != nil && w.random.IntN(3) > 0 {
		replaced, q.Replaces = current, current.ID
	}
	if replaced != nil {
		q.IfMatch = w.version(replaced)
	}
	caller := w.accountant()
	if caller.Subject == asked.by.Subject && w.random.IntN(3) > 0 {
		caller = w.accountant()
	}
	return step{
		op: "answer", name: fmt.Sprintf("%s for request %s on %s, replacing %q at %d", asked.asks.Type, asked.id, token, q.Replaces, q.IfMatch),
		caller: caller, early: refusedBy(caller, license.IssueSold, ""), needs: []place{base(token)},
		plan: func() plan {
			l := entry{License: license.License{
				ServerToken: token, Type: asked.asks.Type, Customer: asked.asks.Customer, Modules: asked.asks.Modules,
				Contract: license.Optional(asked.asks.Contract), Order: license.Optional(asked.asks.Order),
			}, request: asked.id, asker: asked.by.Subject, conditions: maps.Clone(asked.conditions)}
			if l.Type == license.Subscription {
				l.term(license.Today(w.clock.Now()), months)
			}
			if replaced != nil {
				l.LineageID = replaced.LineageID
			}
			p := plan{refusal: w.refuseAnswer(asked, caller, replaced, q.IfMatch), makes: &l, before: replaced}
			p.promised = func(made *entry) {
				asked.become(desk.Issued)
				asked.license = made.ID
			}
			p.givenUp = func(*entry) {
				asked.become(desk.Open)
				asked.license = ""
			}
			return p
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) { return i.Sold(w.ctx, call, q) },
	}
}

func (w *world) refuseAnswer(asked *request, by license.Caller, replaced *entry, version int) license.Code {
	switch {
	case asked.state != desk.Open:
		return license.RequestNotOpen
	case asked.by.Subject == by.Subject:
		return license.OwnRequest
	case asked.asks.Type == license.Permanent && !allMet(asked.conditions):
		return license.ConditionsNotMet
	case replaced != nil:
		return w.model.changeable(replaced, version)
	case w.model.server(license.ServerToken(asked.asks.ServerToken)).activeBase(w.clock.Now()) != nil:
		return license.BaseLicenseExists
	}
	return ""
}

// compareRequests holds license requests to the reference's: one that was issued names the one license that it was issued
// for, and no other is named by any.
func (w *world) compareRequests() {
	for _, want := range w.model.requests {
		r, err := desk.ReadRequest(w.ctx, w.store, want.id)
		w.require(err == nil, "request %s: %v", want.id, err)
		w.require(r.State == want.state && r.Version == want.version, "request %s is %s, version %d; expected %s, %d", r.ID, r.State, r.Version, want.state, want.version)
		met := map[string]string{}
		for _, c := range r.Conditions {
			met[c.Name] = c.Evidence
		}
		w.require(len(met) == len(r.Conditions) && maps.Equal(met, want.conditions), "request %s has the conditions %v; expected %v", r.ID, r.Conditions, want.conditions)
		var names []string
		if want.license != "" {
			names = []string{want.license}
		}
		w.require(string(r.Closed.LicenseID) == want.license && slices.Equal(w.named[r.ID], names), "request %s names license %q and the licenses %v name it; expected %q", r.ID, r.Closed.LicenseID, w.named[r.ID], want.license)
	}
}
