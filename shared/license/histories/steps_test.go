package histories_test

import (
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

var (
	tokens    = []license.ServerToken{"QMS-SERVER-A", "QMS-SERVER-B", "QMS-SERVER-C"}
	customers = []string{"Northwind GmbH", "Café Lüders Ltd.", "NORTHWIND  GmbH"}
	papers    = []string{"P-1", "P-2"} // contracts and orders
	callers   = []license.Caller{licensetest.SalesCaller, licensetest.SupportCaller, licensetest.AccountingCaller, licensetest.AdminCaller, colleague}
	// colleague is a second accountant: nobody issues what they have requested themselves.
	colleague = license.Caller{Subject: "sub-colleague", Username: "colleague", Role: license.Accounting, RequestID: "request-colleague"}
)

func pick[T any](w *world, from []T) T { return from[w.random.IntN(len(from))] }

// someone is mostly who may, and sometimes anybody.
func (w *world) someone(may license.Caller) license.Caller {
	if w.random.IntN(10) == 0 {
		return pick(w, callers)
	}
	return may
}

// accountant is mostly one of the two accountants.
func (w *world) accountant() license.Caller {
	return w.someone(pick(w, []license.Caller{licensetest.AccountingCaller, licensetest.AccountingCaller, colleague}))
}

// existing picks a license, mostly a current one; nil when there is none.
func (w *world) existing() *entry {
	var current, all []*entry
	for _, token := range tokens {
		s := w.model.server(token)
		for _, e := range []*entry{s.base, s.temporary} {
			if e != nil {
				current = append(current, e)
			}
		}
	}
	for _, token := range tokens { // in an order that the seed decides, unlike a map's
		for sequence := 1; sequence <= w.model.server(token).sequence; sequence++ {
			all = append(all, w.model.numbered(token, sequence))
		}
	}
	switch {
	case len(current) > 0 && w.random.IntN(6) > 0:
		return pick(w, current)
	case len(all) > 0:
		return pick(w, all)
	}
	return nil
}

// version is mostly the license's own, and sometimes a stale one.
func (w *world) version(e *entry) int {
	if w.random.IntN(8) == 0 {
		return e.Version + 1
	}
	return e.Version
}

func (w *world) modules() license.Modules {
	return license.Modules{QMSSuite: w.random.IntN(4), CallRecording: 1 + w.random.IntN(9)}
}

// refusedBy puts the roles before everything else.
func refusedBy(caller license.Caller, op license.Operation, otherwise license.Code) license.Code {
	if caller.Authorize(op) != nil {
		return license.Forbidden
	}
	return otherwise
}

func (w *world) issueTemporary() step {
	purposes := []license.Purpose{license.Trial, license.Troubleshooting, license.Emergency}
	return w.temporary(pick(w, tokens), pick(w, purposes), 1+w.random.IntN(34))
}

func (w *world) temporary(token license.ServerToken, purpose license.Purpose, days int) step {
	customer, modules := pick(w, customers), w.modules()
	if left := 60 - w.model.trialDays(token, customer); purpose == license.Trial && left > 0 && left <= 30 && w.random.IntN(2) == 0 {
		days = left + w.random.IntN(2) // just so many, or a day too many
	}
	may := licensetest.SupportCaller
	if purpose == license.Trial {
		may = licensetest.SalesCaller
	}
	caller := w.someone(may)
	s := step{name: fmt.Sprintf("%s of %d days for %s on %s with %v", purpose, days, customer, token, modules.Seats()), caller: caller}
	s.expect = func() (license.Code, bool, func(ledger.Record), func(ledger.Record)) {
		l := license.License{ServerToken: token, Type: license.Temporary, Purpose: purpose, Customer: customer, Modules: modules,
			ExpiresOn: license.Today(w.clock.Now()).AddDays(days)}
		refusal := refusedBy(caller, purpose.IssueOperation(), w.counted(caller, w.refuseTemporary(l, days)))
		made, used := w.made(caller, entry{License: l}, nil), w.used(l, days)
		return refusal, true, func(r ledger.Record) { made(r); used() }, w.givenUp(entry{License: l}, nil)
	}
	s.send = func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) {
		return i.Temporary(w.ctx, call, issuing.TemporaryRequest{ServerToken: string(token), Customer: customer, Purpose: purpose, Modules: modules, Days: days})
	}
	return s
}

func (w *world) refuseTemporary(l license.License, days int) license.Code {
	base := w.model.server(l.ServerToken).activeBase(w.clock.Now())
	switch {
	case base != nil && l.Purpose == license.Trial:
		return license.TrialOverBase
	case base != nil && !l.Modules.Seats().Covers(base.Modules.Seats()):
		return license.SeatsBelowBase
	}
	return w.standing(l, days)
}

func (w *world) issueSold() step {
	token, customer, modules, months := pick(w, tokens), pick(w, customers), w.modules(), 1+w.random.IntN(14)
	kind := pick(w, []license.Type{license.Subscription, license.Subscription, license.Permanent})
	q := issuing.SoldRequest{ServerToken: string(token), Customer: customer, Type: kind, Modules: modules}
	var conditions map[string]string
	if kind == license.Subscription {
		q.Contract, q.TermMonths = pick(w, papers), months
	} else {
		q.Order, q.Conditions = pick(w, papers), licensetest.Permanent().Conditions
		if w.random.IntN(4) == 0 {
			q.Conditions = q.Conditions[:3]
		}
		conditions = evidence(q.Conditions)
	}
	var replaced *entry
	if base := w.model.server(token).base; base != nil && w.random.IntN(2) == 0 {
		replaced, q.Replaces, q.IfMatch = base, base.ID, w.version(base)
	}
	caller := w.accountant()
	s := step{name: fmt.Sprintf("%s for %s on %s with %v, %d conditions, replacing %q", kind, customer, token, modules.Seats(), len(q.Conditions), q.Replaces), caller: caller, from: replaced}
	s.expect = func() (license.Code, bool, func(ledger.Record), func(ledger.Record)) {
		today := license.Today(w.clock.Now())
		l := entry{License: sold(q), conditions: conditions}
		if kind == license.Subscription {
			l.term(today, months)
		}
		if replaced != nil {
			l.LineageID = replaced.LineageID
		}
		return refusedBy(caller, license.IssueSold, w.counted(caller, w.refuseSold(q, token, replaced))), true, w.made(caller, l, replaced), w.givenUp(l, replaced)
	}
	s.send = func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) {
		return i.Sold(w.ctx, call, q)
	}
	return s
}

func (w *world) refuseSold(q issuing.SoldRequest, token license.ServerToken, replaced *entry) license.Code {
	switch {
	case q.Type == license.Permanent && w.onRequest:
		return license.RequestRequired
	case q.Type == license.Permanent && !allMet(evidence(q.Conditions)):
		return license.ConditionsNotMet
	case replaced != nil:
		return w.model.changeable(replaced, q.IfMatch)
	case w.model.server(token).activeBase(w.clock.Now()) != nil:
		return license.BaseLicenseExists
	}
	return ""
}

func (w *world) renew(e *entry) step {
	basis := pick(w, []license.RenewalBasis{"", license.BasisExpiration, license.BasisToday})
	q := issuing.RenewalRequest{ID: e.ID, Contract: pick(w, papers), TermMonths: 1 + w.random.IntN(14), Basis: basis, IfMatch: w.version(e)}
	if w.random.IntN(3) == 0 {
		modules := w.modules()
		q.Modules = &modules
	}
	caller := w.accountant()
	s := step{name: fmt.Sprintf("renewal of %s by %d months from %q at version %d", e.ID, q.TermMonths, basis, q.IfMatch), caller: caller, from: e}
	s.expect = func() (license.Code, bool, func(ledger.Record), func(ledger.Record)) {
		refusal := w.model.changeable(e, q.IfMatch)
		today := license.Today(w.clock.Now())
		l := e.follower()
		l.set["contract"] = license.Today(w.clock.Now())
		l.Contract = license.Optional(q.Contract)
		if q.Modules != nil {
			if l.Modules != *q.Modules {
				l.set["modules"] = license.Today(w.clock.Now())
			}
			l.Modules = *q.Modules
		}
		switch {
		case refusal != "":
		case e.Type != license.Subscription:
			refusal = license.NotRenewable
		case basis == "" && e.expired(w.clock.Now()):
			refusal = license.BasisRequired
		default:
			start := e.ExpiresOn.AddDays(1)
			if basis == license.BasisToday {
				start, l.anchor = today, today.Day()
			}
			l.ExpiresOn = start.AddMonths(q.TermMonths, l.anchor).AddDays(-1)
			if !l.ExpiresOn.After(today) {
				refusal = license.RenewalInPast
			} else if l.ExpiresOn.Before(e.ExpiresOn) {
				refusal = license.InvalidRequest
			}
		}
		return refusedBy(caller, license.Renew, w.counted(caller, refusal)), true, w.made(caller, l, e), w.givenUp(l, e)
	}
	s.send = func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) {
		return i.Renew(w.ctx, call, q)
	}
	return s
}

func (w *world) revoke(e *entry) step {
	q := issuing.RevocationRequest{ID: e.ID, Reason: "returned", IfMatch: w.version(e)}
	caller := w.someone(pick(w, []license.Caller{licensetest.AccountingCaller, licensetest.AdminCaller}))
	s := step{name: fmt.Sprintf("revocation of %s at version %d", e.ID, q.IfMatch), caller: caller}
	s.expect = func() (license.Code, bool, func(ledger.Record), func(ledger.Record)) {
		return refusedBy(caller, license.Revoke, w.model.changeable(e, q.IfMatch)), false, func(ledger.Record) { w.model.revoke(e) }, nil
	}
	s.send = func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) {
		return i.Revoke(w.ctx, call, q)
	}
	return s
}

// made is what the reference becomes of a license that was made; before is what it was made from.
func (w *world) made(by license.Caller, l entry, before *entry) func(ledger.Record) {
	return func(r ledger.Record) {
		w.model.issued[personDay(by.Subject, license.Today(r.IssuedAt))]++
		w.model.add(identified(l, r), before)
	}
}

func (w *world) givenUp(l entry, before *entry) func(ledger.Record) {
	return func(r ledger.Record) { w.model.number(identified(l, r), license.Void, before) }
}

// identified gives an expected license the ids that the system has given it; a lineage of its own has its id.
func identified(l entry, r ledger.Record) entry {
	l.ID, l.at = r.ID, r.IssuedAt
	l.SupersededBy = ""
	if l.set == nil {
		l.set = map[string]license.Date{}
		for _, member := range []string{"serverToken", "customer", "modules", "contract", "order"} {
			l.set[member] = license.Today(r.IssuedAt)
		}
	}
	if l.LineageID == "" {
		l.LineageID = r.ID
	}
	return l
}
