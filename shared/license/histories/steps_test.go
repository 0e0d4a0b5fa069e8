package histories_test

import (
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
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
		for _, e := range []*entry{s.base, s.temporary, w.model.promised(token)} {
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

// refusedBy is forbidden to who may not do something, and otherwise as given.
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
	if current := w.model.server(token).base; current != nil && w.random.IntN(2) == 0 {
		modules = current.Modules
	}
	may := licensetest.SupportCaller
	if purpose == license.Trial {
		may = licensetest.SalesCaller
	}
	caller := w.someone(may)
	return step{
		op: "temporary", name: fmt.Sprintf("%s of %d days for %s on %s with %v", purpose, days, customer, token, modules.Seats()),
		caller: caller, early: refusedBy(caller, purpose.IssueOperation(), ""), needs: []place{{token, license.TemporarySlot}},
		plan: func() plan {
			l := license.License{ServerToken: token, Type: license.Temporary, Purpose: purpose, Customer: customer, Modules: modules,
				ExpiresOn: license.Today(w.clock.Now()).AddDays(days)}
			p := plan{refusal: w.refuseTemporary(l, days), makes: &entry{License: l}}
			w.uses(&p, string(token), w.limitsMet(l, days))
			return p
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) {
			return i.Temporary(w.ctx, call, issuing.TemporaryRequest{ServerToken: string(token), Customer: customer, Purpose: purpose, Modules: modules, Days: days})
		},
	}
}

// refuseTemporary holds a temporary license against the base license of its server, and against one that is pending.
func (w *world) refuseTemporary(l license.License, days int) license.Code {
	bases := []*entry{w.model.server(l.ServerToken).activeBase(w.clock.Now())}
	if p := w.model.pending; p != nil && p.made.place() == base(l.ServerToken) {
		bases = append(bases, p.made)
	}
	for _, there := range bases {
		switch {
		case there == nil:
		case l.Purpose == license.Trial:
			return license.TrialOverBase
		case !l.Modules.Seats().Covers(there.Modules.Seats()):
			return license.SeatsBelowBase
		}
	}
	return w.standing(l, days)
}

func (w *world) issueSold() step { return w.soldOn(pick(w, tokens)) }

func (w *world) soldOn(token license.ServerToken) step {
	customer, modules, months := pick(w, customers), w.modules(), 1+w.random.IntN(14)
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
	if current := w.model.server(token).base; current != nil && w.random.IntN(2) == 0 {
		replaced, q.Replaces, q.IfMatch = current, current.ID, w.version(current)
	}
	caller := w.accountant()
	return step{
		op: "sold", name: fmt.Sprintf("%s for %s on %s with %v, %d conditions, replacing %q", kind, customer, token, modules.Seats(), len(q.Conditions), q.Replaces),
		caller: caller, early: refusedBy(caller, license.IssueSold, ""), needs: []place{base(token)},
		plan: func() plan {
			l := entry{License: sold(q), conditions: conditions}
			if kind == license.Subscription {
				l.term(license.Today(w.clock.Now()), months)
			}
			if replaced != nil {
				l.LineageID = replaced.LineageID
			}
			return plan{refusal: w.refuseSold(q, token, replaced), makes: &l, before: replaced}
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) { return i.Sold(w.ctx, call, q) },
	}
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
	return w.renewal(e, q, w.accountant())
}

func (w *world) renewal(e *entry, q issuing.RenewalRequest, caller license.Caller) step {
	return step{
		op: "renewal", name: fmt.Sprintf("renewal of %s by %d months from %q at version %d", e.ID, q.TermMonths, q.Basis, q.IfMatch),
		caller: caller, early: refusedBy(caller, license.Renew, ""), needs: []place{base(e.ServerToken)},
		plan: func() plan {
			refusal, l, today := w.model.changeable(e, q.IfMatch), e.follower(), license.Today(w.clock.Now())
			if l.set["contract"] = today; !q.KeepContract {
				l.Contract = license.Optional(q.Contract)
			}
			if q.Modules != nil && l.Modules != *q.Modules {
				l.set["modules"], l.Modules = today, *q.Modules
			}
			switch {
			case refusal != "":
			case e.Type != license.Subscription:
				refusal = license.NotRenewable
			case q.Basis == "" && e.expired(w.clock.Now()):
				refusal = license.BasisRequired
			default:
				start := e.ExpiresOn.AddDays(1)
				if q.Basis == license.BasisToday {
					start, l.anchor = today, today.Day()
				}
				l.ExpiresOn = start.AddMonths(q.TermMonths, l.anchor).AddDays(-1)
				if !l.ExpiresOn.After(today) {
					refusal = license.RenewalInPast
				} else if l.ExpiresOn.Before(e.ExpiresOn) {
					refusal = license.InvalidRequest
				}
			}
			return plan{refusal: refusal, makes: &l, before: e}
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) { return i.Renew(w.ctx, call, q) },
	}
}

// revoke takes a license back, mostly. It waits for nothing: what is to follow its license is given up, and another
// license that is pending in its slot is not to be touched.
func (w *world) revoke(e *entry) step {
	q := issuing.RevocationRequest{ID: e.ID, Reason: "returned", IfMatch: w.version(e)}
	caller := w.someone(pick(w, []license.Caller{licensetest.AccountingCaller, licensetest.AdminCaller}))
	return step{
		op: "revocation", name: fmt.Sprintf("revocation of %s at version %d", e.ID, q.IfMatch), caller: caller, early: refusedBy(caller, license.Revoke, ""),
		plan: func() plan {
			refusal := w.model.changeable(e, q.IfMatch)
			if other := w.model.in(e.place()); refusal == "" && other != nil && other.before != e {
				refusal = license.Unavailable
			}
			return plan{refusal: refusal, done: func() { w.model.revoke(e) }}
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) { return i.Revoke(w.ctx, call, q) },
	}
}
