package histories_test

import (
	"fmt"
	"maps"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

// follower is a license of the same sale as another one, with nothing changed yet.
func (e *entry) follower() entry {
	return entry{License: e.License, anchor: e.anchor, conditions: e.conditions, asker: e.asker, set: maps.Clone(e.set)}
}

// term gives a new subscription its term from today on.
func (e *entry) term(today license.Date, months int) {
	term := license.TermOfMonths(today, months, today.Day())
	e.ExpiresOn, e.anchor = term.EndsOn, term.AnchorDay
}

// sold is the license that a request asks for.
func sold(q issuing.SoldRequest) license.License {
	return license.License{
		ServerToken: license.ServerToken(q.ServerToken), Type: q.Type, Customer: q.Customer, Modules: q.Modules,
		Contract: license.Optional(q.Contract), Order: license.Optional(q.Order),
	}
}

func evidence(conditions []ledger.Condition) map[string]string {
	by := map[string]string{}
	for _, c := range conditions {
		by[c.Name] = c.Evidence
	}
	return by
}

func (w *world) amend(e *entry) step {
	q := issuing.AmendmentRequest{ID: e.ID, Modules: w.modules(), IfMatch: w.version(e)}
	if w.random.IntN(6) == 0 {
		q.Modules = e.Modules
	}
	if e.Type == license.Permanent && w.random.IntN(2) == 0 { // more of what it has
		q.Modules = e.Modules
		q.Modules.CallRecording++
	}
	caller := w.accountant()
	return step{
		op: "amendment", name: fmt.Sprintf("amendment of %s to %v at version %d", e.ID, q.Modules.Seats(), q.IfMatch),
		caller: caller, early: refusedBy(caller, license.Amend, ""), needs: []place{base(e.ServerToken)},
		plan: func() plan {
			l := e.follower()
			l.Modules = q.Modules
			l.set["modules"] = license.Today(w.clock.Now())
			refusal := w.model.changeable(e, q.IfMatch)
			switch {
			case refusal != "":
			case e.Type == license.Temporary:
				refusal = license.NotAmendable
			case e.expired(w.clock.Now()):
				refusal = license.ExpiresInPast
			case q.Modules == e.Modules:
				refusal = license.InvalidRequest
			case !e.Modules.Seats().Covers(q.Modules.Seats()):
				refusal = w.refuseMore(e, caller, q.Modules)
			}
			return plan{refusal: refusal, makes: &l, before: e}
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) { return i.Amend(w.ctx, call, q) },
	}
}

// correct mends any number of mistakes at once, none of them among it.
func (w *world) correct(e *entry) step {
	q := issuing.CorrectionRequest{ID: e.ID, Reason: "a slip", IfMatch: w.version(e)}
	l := e.follower()
	l.request = e.request
	if w.random.IntN(2) == 0 {
		l.ServerToken = pick(w, tokens)
		q.ServerToken = string(l.ServerToken)
	}
	if w.random.IntN(3) == 0 {
		l.Customer = pick(w, customers)
		q.Customer = l.Customer
	}
	if w.random.IntN(3) == 0 {
		l.Modules = w.modules()
		q.Modules = &l.Modules
	}
	switch paper := pick(w, papers); {
	case w.random.IntN(3) > 0:
	case e.Type == license.Permanent:
		l.Order, q.Order = license.Optional(paper), paper
	default:
		l.Contract, q.Contract = license.Optional(paper), paper
	}
	caller := w.accountant()
	return step{
		op:     "correction",
		name:   fmt.Sprintf("correction of %s to %s, %s, %v, papers %s%s, at version %d", e.ID, l.ServerToken, l.Customer, l.Modules.Seats(), l.Contract, l.Order, q.IfMatch),
		caller: caller, early: refusedBy(caller, license.Correct, ""), needs: []place{base(l.ServerToken), base(e.ServerToken)},
		plan: func() plan {
			p := plan{refusal: w.refuseCorrection(e, l, caller, q.IfMatch), makes: &l, before: e}
			p.kept = func(*entry) { e.Status = license.Revoked }
			p.promised = func(right *entry) { w.reanswered(e, right.ID, true) }
			p.givenUp = func(*entry) { w.reanswered(e, e.ID, false) }
			return p
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) {
			return i.Correct(w.ctx, call, q)
		},
	}
}

// reanswered has the license request that a wrong license answered name another one: the right one, or itself again.
func (w *world) reanswered(wrong *entry, id string, corrected bool) {
	wrong.corrected = corrected
	if asked := w.model.asked(wrong.request); asked != nil {
		asked.license = id
		asked.version++
	}
}

// refuseMore is why somebody cannot give a license more seats, or change what its sale began with.
func (w *world) refuseMore(e *entry, by license.Caller, modules license.Modules) license.Code {
	switch {
	case e.asker == by.Subject:
		return license.OwnRequest
	case e.Type == license.Permanent && w.rules().RequestRequired && !e.Modules.Seats().Covers(modules.Seats()):
		return license.RequestRequired
	}
	return ""
}

// late reports whether a member that is wrong got its value more than 7 days ago, or by a re-host.
func (w *world) late(e *entry, right entry) bool {
	today := license.Today(w.clock.Now())
	for member, wrong := range map[string]bool{
		"serverToken": right.ServerToken != e.ServerToken, "customer": right.Customer != e.Customer, "modules": right.Modules != e.Modules,
		"contract": right.Contract != e.Contract, "order": right.Order != e.Order,
	} {
		if day, known := e.set[member]; wrong && (!known || today.After(day.AddDays(7))) {
			return true
		}
	}
	return false
}

func (w *world) refuseCorrection(e *entry, right entry, by license.Caller, version int) license.Code {
	now := w.clock.Now()
	refusal := w.model.changeable(e, version)
	switch {
	case refusal != "":
		return refusal
	case e.Type == license.Temporary:
		return license.NotCorrectable
	case right.ServerToken == e.ServerToken && right.Customer == e.Customer && right.Modules == e.Modules && right.Contract == e.Contract && right.Order == e.Order:
		return license.InvalidRequest
	case w.late(e, right):
		return license.NotCorrectable
	case e.expired(now):
		return license.ExpiresInPast
	case w.refuseMore(e, by, right.Modules) != "":
		return w.refuseMore(e, by, right.Modules)
	case right.ServerToken != e.ServerToken:
		return w.taken(right.ServerToken, right.Customer)
	}
	return ""
}

// based is mostly a base license, where there is one.
func (w *world) based(e *entry) *entry {
	if current := w.model.server(pick(w, tokens)).base; e.Type == license.Temporary && current != nil && w.random.IntN(4) > 0 {
		return current
	}
	return e
}

// trial picks a trial, whatever has become of it; the given license when there is none.
func (w *world) trial(otherwise *entry) *entry {
	var trials []*entry
	for _, token := range tokens {
		for sequence := 1; sequence <= w.model.server(token).sequence; sequence++ {
			if e := w.model.numbered(token, sequence); e.Purpose == license.Trial {
				trials = append(trials, e)
			}
		}
	}
	if len(trials) == 0 || w.random.IntN(8) == 0 {
		return otherwise
	}
	return pick(w, trials)
}

// convert sells what a customer has tried, with other modules or the same.
func (w *world) convert(trial *entry) step {
	months := 1 + w.random.IntN(14)
	q := issuing.SoldRequest{ConvertsTrial: trial.ID, Type: license.Subscription, Contract: "P-1", TermMonths: months}
	var conditions map[string]string
	if w.random.IntN(3) == 0 {
		q.Type, q.Contract, q.TermMonths, q.Order, q.Conditions = license.Permanent, "", 0, "P-1", licensetest.Permanent().Conditions
		conditions = evidence(q.Conditions)
	}
	filled := q
	filled.ServerToken, filled.Customer, filled.Modules = string(trial.ServerToken), trial.Customer, trial.Modules
	if w.random.IntN(2) == 0 {
		q.Modules = w.modules()
		filled.Modules = q.Modules
	}
	caller, early := w.accountant(), license.Code("")
	if trial.Purpose != license.Trial {
		early = license.InvalidRequest
	}
	return step{
		op: "conversion", name: fmt.Sprintf("%s converts %s, which is %s", q.Type, trial.ID, trial.Status),
		caller: caller, early: refusedBy(caller, license.IssueSold, early), needs: []place{base(trial.ServerToken)},
		plan: func() plan {
			l := entry{License: sold(filled), conditions: conditions, converts: trial.ID}
			if q.Type == license.Subscription {
				l.term(license.Today(w.clock.Now()), months)
			}
			refusal := w.refuseSold(filled, trial.ServerToken, nil)
			if refusal != license.RequestRequired && trial.Status != license.Active && trial.Status != license.Superseded {
				refusal = license.NotCurrent
			}
			return plan{refusal: refusal, makes: &l}
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) { return i.Sold(w.ctx, call, q) },
	}
}
