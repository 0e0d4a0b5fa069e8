package histories_test

import (
	"context"
	"fmt"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
)

// Both are low, so that people meet them.
const (
	dayQuota      = 6
	yearlyRehosts = 1
)

func rules() policy.Policy {
	p := policy.DefaultPolicy()
	p.LicensesPerPersonDay, p.Rehosts = dayQuota, yearlyRehosts
	return p
}

// limitsMet are the limits that a temporary license would exceed, said a second time.
func (w *world) limitsMet(l license.License, days int) (met []license.Code) {
	today := license.Today(w.clock.Now())
	longest := map[license.Purpose]int{license.Trial: 30, license.Troubleshooting: 30, license.Emergency: 14}[l.Purpose]
	trials, recent := 0, 0
	for _, e := range w.model.server(l.ServerToken).temporaries {
		if e.Purpose == license.Trial && e.Customer == l.Customer {
			trials += license.Today(e.at).DaysUntil(e.ExpiresOn)
		}
		if license.Today(e.at).DaysUntil(today) < 90 {
			recent++
		}
	}
	if l.Purpose == license.Trial && (days > longest || trials+days > 60) {
		met = append(met, license.TrialLimit)
	}
	if l.Purpose != license.Trial && days > longest || recent >= 3 {
		met = append(met, license.TemporaryLimit)
	}
	return met
}

// standing are those of the limits from which no exception is open.
func (w *world) standing(l license.License, days int) license.Code {
	for _, rule := range w.limitsMet(l, days) {
		if !w.model.open(string(l.ServerToken), rule, w.clock.Now()) {
			return rule
		}
	}
	return ""
}

// used takes the exceptions that a temporary license needs.
func (w *world) used(l license.License, days int) func() {
	met := w.limitsMet(l, days)
	return func() {
		for _, rule := range met {
			delete(w.model.allowed, subject(string(l.ServerToken), rule))
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
	w.calls++
	call := licensetest.Call(caller, fmt.Sprint("key-", w.calls))
	var refusal license.Code
	if w.model.open(of, license.Code(q.Rule), w.clock.Now()) {
		refusal = license.ExceptionExists
	}
	refusal = refusedBy(caller, license.GrantException, refusal)
	send := func(store desk.Store) error {
		_, err := w.exceptions(store).Grant(context.Background(), call, q)
		return err
	}
	process := &mortal{Store: w.store, dieAt: w.random.IntN(8), after: w.random.IntN(2) == 0}
	err := send(struct {
		ledger.Store
		ledger.Shelf
	}{process, w.store})
	if process.dead {
		err = send(w.store)
	}
	w.tell("exception from %s for %s by %s, to die at %d (after %v): %s", q.Rule, of, caller.Username, process.dieAt, process.after, said(err))
	w.require(codeOf(err) == refusal, "exception from %s: expected %q, got %q (%v)", q.Rule, refusal, codeOf(err), err)
	if err == nil {
		w.model.allowed[subject(of, license.Code(q.Rule))] = w.clock.Now().AddDate(0, 0, 14)
	}
	return err == nil
}

func (w *world) exceptions(store desk.Store) *desk.Exceptions {
	exceptions, err := desk.NewExceptions(store, 14, []string{"secret"}, w.clock.Now)
	w.require(err == nil, "exceptions: %v", err)
	return exceptions
}

// compareExceptions holds the exceptions that are open to the reference's, and each that was used to the license that it
// allowed.
func (w *world) compareExceptions() {
	ctx, exceptions := context.Background(), w.exceptions(w.store)
	granted, err := exceptions.Exceptions(ctx, licensetest.AdminCaller, desk.Granted, "", 1000)
	w.require(err == nil, "exceptions: %v", err)
	open := 0
	for _, e := range granted.Items {
		if e.State == desk.Granted {
			open++
			w.require(w.model.open(string(e.ServerToken+e.LineageID), e.Rule, w.clock.Now()), "exception %s from %s is open, and should be used", e.ID, e.Rule)
		}
	}
	for _, until := range w.model.allowed {
		if w.clock.Now().Before(until) {
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
