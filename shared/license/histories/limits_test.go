package histories_test

import (
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/policy"
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

// limit is a rule that a license would exceed, and whether by its length.
type limit struct {
	rule license.Code
	long bool
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
	tooLong := days > longest
	if l.Purpose == license.Trial {
		if tooLong || trials+days > 60 {
			met = append(met, limit{license.TrialLimit, tooLong})
		}
		tooLong = false
	}
	if tooLong || recent >= 3 {
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
	case e.Type == license.Subscription && w.random.IntN(2) == 0:
		last, then = e.ExpiresOn.AddDays(w.random.IntN(2)), w.renew
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
		of := string(l.ServerToken)
		if !w.model.open(of, met.rule, w.clock.Now()) {
			return met.rule
		}
		if says := w.model.newest[subject(of, met.rule)].days; days > says && (met.long || says > 0) {
			return met.rule
		}
	}
	return ""
}

// uses lets a license that is promised take the exceptions that it needs; they are open again if it is given up.
func (w *world) uses(p *plan, of string, met []limit) {
	if p.refusal != "" {
		return
	}
	var taken []*allowance
	for _, limit := range met {
		taken = append(taken, w.model.newest[subject(of, limit.rule)])
	}
	p.promised = func(made *entry) {
		for _, a := range taken {
			a.user = made
		}
	}
	p.givenUp = func(*entry) {
		for _, a := range taken {
			a.user = nil
		}
	}
}

// left is how many licenses somebody may still make today.
func (w *world) left(caller license.Caller) int {
	return dayQuota - w.model.issued[personDay(caller.Subject, license.Today(w.clock.Now()))]
}

func personDay(subject string, day license.Date) string { return subject + " " + day.String() }

// movedTooOften is whether a lineage has moved its number of times within twelve months.
func (w *world) movedTooOften(lineageID string) bool {
	recent := 0
	for _, at := range w.model.lineages[lineageID] {
		if license.Today(at).AddMonths(12, at.Day()).After(license.Today(w.clock.Now())) {
			recent++
		}
	}
	return recent >= yearlyRehosts
}
