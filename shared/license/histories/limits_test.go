package histories_test

import (
	"fmt"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Both are low, so that people meet them.
const (
	dayQuota      = 4
	yearlyRehosts = 1
)

func (w *world) rules() policy.Policy {
	p := policy.DefaultPolicy()
	p.LicensesPerPersonDay, p.Rehosts, p.RequestRequired = dayQuota, yearlyRehosts, w.onRequest
	return p
}

// limit is a rule that a license would exceed; days is its length if that is what exceeds it.
type limit struct {
	rule license.Code
	days int
}

// limitsMet are the limits that a temporary license would exceed, said a second time.
func (w *world) limitsMet(l license.License, days int) (met []limit) {
	today := license.Today(w.clock.Now())
	longest := map[license.Purpose]int{license.Trial: 30, license.Troubleshooting: 30, license.Emergency: 14}[l.Purpose]
	trials, recent := w.model.trialDays(l.ServerToken, l.Customer), 0
	for _, e := range w.model.server(l.ServerToken).temporaries {
		if license.Today(e.at).DaysUntil(today) < 90 {
			recent++
		}
	}
	tooLong := 0
	if days > longest {
		tooLong = days
	}
	if l.Purpose == license.Trial {
		if tooLong > 0 || trials+days > 60 {
			met = append(met, limit{license.TrialLimit, tooLong})
		}
		tooLong = 0
	}
	if tooLong > 0 || recent >= 3 {
		met = append(met, limit{license.TemporaryLimit, tooLong})
	}
	return met
}

// trialDays is how long the trials of a customer on a server have run in all.
func (m *model) trialDays(token license.ServerToken, customer string) (days int) {
	for _, e := range m.server(token).temporaries {
		if e.Purpose == license.Trial && same(e.Customer, customer) {
			days += license.Today(e.at).DaysUntil(e.ExpiresOn)
		}
	}
	return days
}

// brink lets the time go by to the last day of something, or the day after it, and tries what depends on it.
func (w *world) brink(e *entry) {
	last, then := e.set["customer"].AddDays(7), w.correct
	switch moves, uses := w.model.lineages[e.LineageID], w.model.server(e.ServerToken).temporaries; {
	case len(uses) > 0 && w.random.IntN(2) == 0:
		last = license.Today(uses[max(0, len(uses)-3)].at).AddDays(89)
		then = func(*entry) step { return w.temporary(e.ServerToken, license.Emergency, 1+w.random.IntN(14)) }
	case len(moves) > 0 && w.random.IntN(2) == 0:
		at := license.Today(moves[len(moves)-1])
		last, then = at.AddMonths(12, at.Day()).AddDays(-1), w.rehost
	}
	days := license.Today(w.clock.Now()).DaysUntil(last) + w.random.IntN(2)
	if days < 0 {
		return
	}
	w.clock.Advance(time.Duration(days) * 24 * time.Hour)
	w.tell("time goes by until something is over, or almost")
	w.take(then(e))
}

// standing are those of the limits from which no exception is open.
func (w *world) standing(l license.License, days int) license.Code {
	for _, met := range w.limitsMet(l, days) {
		if !w.model.open(string(l.ServerToken), met.rule, w.clock.Now()) || met.days > w.model.allowed[subject(string(l.ServerToken), met.rule)].days {
			return met.rule
		}
	}
	return ""
}

// used takes the exceptions that a temporary license needs.
func (w *world) used(l license.License, days int) func() {
	met := w.limitsMet(l, days)
	return func() {
		for _, limit := range met {
			delete(w.model.allowed, subject(string(l.ServerToken), limit.rule))
		}
	}
}

// counted puts a person's day after everything else.
func (w *world) counted(caller license.Caller, refusal license.Code) license.Code {
	if refusal == "" && w.model.issued[personDay(caller.Subject, license.Today(w.clock.Now()))] >= dayQuota {
		return license.QuotaExceeded
	}
	return refusal
}

func personDay(subject string, day license.Date) string { return subject + " " + day.String() }

// subject is what an exception is for: a server or a lineage, and a rule.
func subject(of string, rule license.Code) string { return of + " " + string(rule) }

// movedTooOften is whether a lineage has moved its number of times within twelve months, and no exception is open.
func (w *world) movedTooOften(lineageID string) (limit, refused bool) {
	recent := 0
	for _, at := range w.model.lineages[lineageID] {
		if license.Today(at).AddMonths(12, at.Day()).After(license.Today(w.clock.Now())) {
			recent++
		}
	}
	limit = recent >= yearlyRehosts
	return limit, limit && !w.model.open(lineageID, license.RehostLimit, w.clock.Now())
}

// grant lets somebody grant an exception, perhaps dying over it and asking again, and then use it.
func (w *world) grant(e *entry) {
	token, rule := pick(w, tokens), pick(w, []license.Code{license.TrialLimit, license.TemporaryLimit})
	of, q := string(token), desk.GrantRequest{ServerToken: string(token)}
	moves := e.Type != license.Temporary && w.random.IntN(2) == 0
	if moves {
		rule, of, q = license.RehostLimit, e.LineageID, desk.GrantRequest{LineageID: e.LineageID}
	}
	if !moves && w.random.IntN(2) == 0 {
		q.Days = 30 + w.random.IntN(4)
	}
	q.Rule, q.Reason = string(rule), "agreed"
	if !w.granted(w.someone(licensetest.AdminCaller), of, q) {
		return
	}
	switch rule {
	case license.RehostLimit:
		w.take(w.rehost(e))
	case license.TrialLimit:
		w.take(w.temporary(token, license.Trial, 31+w.random.IntN(4)))
	default:
		w.take(w.temporary(token, license.Emergency, 31+w.random.IntN(4)))
	}
}

// granted reports whether an exception was granted to a server or lineage.
func (w *world) granted(caller license.Caller, of string, q desk.GrantRequest) bool {
	var refusal license.Code
	if w.model.open(of, license.Code(q.Rule), w.clock.Now()) {
		refusal = license.ExceptionExists
	}
	refusal = refusedBy(caller, license.GrantException, refusal)
	_, done := w.atDesk(fmt.Sprintf("exception from %s for %s", q.Rule, of), caller, refusal, func(store desk.Store, call protocol.Call) (protocol.Outcome, error) {
		return w.exceptions(store).Grant(w.ctx, call, q)
	})
	if done {
		w.model.allowed[subject(of, license.Code(q.Rule))] = allowance{w.clock.Now().AddDate(0, 0, 14), q.Days}
	}
	return done
}

// atDesk carries out what signs nothing, perhaps dying over it and asking again, and reports whether it was done, as it is
// if there is no reason to refuse it.
func (w *world) atDesk(name string, caller license.Caller, refusal license.Code, send func(desk.Store, protocol.Call) (protocol.Outcome, error)) (protocol.Outcome, bool) {
	w.calls++
	call := licensetest.Call(caller, fmt.Sprint("key-", w.calls))
	process := &mortal{Store: w.store, dieAt: w.random.IntN(8), after: w.random.IntN(2) == 0}
	outcome, err := send(struct {
		ledger.Store
		ledger.Shelf
	}{process, w.store}, call)
	if process.dead {
		outcome, err = send(w.store, call)
	}
	w.tell("%s by %s, to die at %d (after %v): %s", name, caller.Username, process.dieAt, process.after, said(err))
	w.require(codeOf(err) == refusal, "%s: expected %q, got %q (%v)", name, refusal, codeOf(err), err)
	return outcome, err == nil
}

func (w *world) exceptions(store desk.Store) *desk.Exceptions {
	exceptions, err := desk.NewExceptions(store, 14, []string{"secret"}, w.clock.Now)
	w.require(err == nil, "exceptions: %v", err)
	return exceptions
}

// compareExceptions holds the exceptions that are open to the reference's, and each that was used to the license that it
// allowed.
func (w *world) compareExceptions() {
	ctx, exceptions := w.ctx, w.exceptions(w.store)
	granted, err := exceptions.Exceptions(ctx, licensetest.AdminCaller, desk.Granted, "", 1000)
	w.require(err == nil, "exceptions: %v", err)
	open := 0
	for _, e := range granted.Items {
		if e.State == desk.Granted {
			open++
			w.require(w.model.open(string(e.ServerToken+e.LineageID), e.Rule, w.clock.Now()), "exception %s from %s is open, and should be used", e.ID, e.Rule)
		}
	}
	for _, a := range w.model.allowed {
		if w.clock.Now().Before(a.until) {
			open--
		}
	}
	w.require(open == 0, "%d exceptions more are open than should be", open)
	used, err := exceptions.Exceptions(ctx, licensetest.AdminCaller, desk.Used, "", 1000)
	w.require(err == nil, "exceptions: %v", err)
	for _, e := range used.Items {
		r, err := w.store.Record(ctx, string(e.LicenseID))
		w.require(err == nil && r.Status != license.Void && slices.Contains(r.Uses, e.ID), "exception %s says that it allowed license %s: %s, %v", e.ID, e.LicenseID, r.Status, err)
	}
}
