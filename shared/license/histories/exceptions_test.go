package histories_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

// allowance is an exception: until when it is open, the most days of its license, 0 if it lifts no length, and the license
// that used it, or the exception that took its place, if any.
type allowance struct {
	id    string
	until time.Time
	days  int
	user  *entry
	gone  string // the exception that took its place
}

// wish is what an exception is asked and granted by: what it is for, and the rule.
type wish struct {
	token   string
	lineage string
	rule    license.Code
	days    int
}

func (x wish) of() string { return x.token + x.lineage }

// ask is a request for an exception.
type ask struct {
	id      string
	wish    wish
	by      license.Caller
	state   desk.State
	granted string // the exception that answered it
}

// subject is what an exception is for: a server or a lineage, and a rule.
func subject(of string, rule license.Code) string { return of + " " + string(rule) }

// open reports whether an exception from a rule is open for a server or lineage.
func (m *model) open(of string, rule license.Code, now time.Time) bool {
	a := m.newest[subject(of, rule)]
	return a != nil && a.user == nil && a.gone == "" && now.Before(a.until)
}

// wishes picks what somebody may want an exception for, and what is wrong with it, if anything.
func (w *world) wishes(e *entry) (wish, license.Code) {
	x := wish{token: string(pick(w, tokens)), rule: pick(w, []license.Code{license.TrialLimit, license.TemporaryLimit})}
	if e != nil && e.Type != license.Temporary && w.random.IntN(2) == 0 {
		x = wish{lineage: e.LineageID, rule: license.RehostLimit}
	}
	if x.rule != license.RehostLimit && w.random.IntN(2) == 0 {
		x.days = pick(w, []int{5, 12, 30, 31, 32, 33})
	}
	switch n := w.random.IntN(40); {
	case n == 0 && x.rule == license.RehostLimit:
		x.days = 30
		return x, license.InvalidRequest
	case n == 1:
		x.token, x.lineage = x.lineage, x.token
		return x, license.InvalidRequest
	case n == 2:
		x.token, x.lineage, x.rule, x.days = "", strings.Repeat("0", 32), license.RehostLimit, 0
		return x, license.LicenseNotFound
	case n == 3 && e != nil && e.LineageID != e.ID:
		x.token, x.lineage, x.rule, x.days = "", e.ID, license.RehostLimit, 0
		return x, license.InvalidRequest
	}
	return x, ""
}

// exception lets somebody ask for an exception or grant one, and mostly use it.
func (w *world) exception(e *entry) {
	switch n := w.random.IntN(10); {
	case n < 4:
		w.askException(e)
		return
	case n < 6:
		w.endAsk()
		return
	}
	x, wrong := w.wishes(e)
	var answers *ask
	if len(w.model.asks) > 0 && w.random.IntN(4) > 0 {
		answers = w.anyAsk()
		if x2 := answers.wish; w.random.IntN(6) > 0 {
			x, wrong = x2, ""
		}
	}
	if !w.grant(x, wrong, answers) || w.random.IntN(4) == 0 {
		return
	}
	if w.random.IntN(4) == 0 {
		again := x
		if x.rule != license.RehostLimit {
			again.days += w.random.IntN(3)
		}
		w.grant(again, "", nil)
	}
	switch x.rule {
	case license.RehostLimit:
		if e != nil {
			w.take(w.rehost(w.based(e)))
		}
	case license.TrialLimit:
		w.take(w.temporary(license.ServerToken(x.token), license.Trial, 31+w.random.IntN(4)))
	default:
		w.take(w.temporary(license.ServerToken(x.token), license.Emergency, 31+w.random.IntN(4)))
	}
}

// askException lets somebody ask for an exception.
func (w *world) askException(e *entry) {
	x, wrong := w.wishes(e)
	by := w.someone(pick(w, callers[:3]))
	outcome, done := w.atDesk("request for an exception", fmt.Sprintf("request for an exception from %s for %s", x.rule, x.of()), by, refusedBy(by, license.AskException, wrong),
		func(store desk.Store, call protocol.Call) (protocol.Outcome, error) {
			return w.exceptions(store).Ask(w.ctx, call, desk.AskRequest{ServerToken: x.token, LineageID: x.lineage, Rule: string(x.rule), Reason: "needed", Days: x.days})
		})
	if done {
		var answer struct{ Request struct{ ID string } }
		w.require(json.Unmarshal(outcome.Body, &answer) == nil && answer.Request.ID != "", "the answer %s names no request", outcome.Body)
		w.model.asks = append(w.model.asks, &ask{id: answer.Request.ID, wish: x, by: by, state: desk.Open})
	}
}

// anyAsk picks a request for an exception, mostly an open one.
func (w *world) anyAsk() *ask {
	open := slices.DeleteFunc(slices.Clone(w.model.asks), func(a *ask) bool { return a.state != desk.Open })
	if len(open) == 0 || w.random.IntN(4) == 0 {
		return pick(w, w.model.asks)
	}
	return pick(w, open)
}

// endAsk lets an admin decline a request for an exception, or who made it withdraw it; or somebody else try to.
func (w *world) endAsk() {
	if len(w.model.asks) == 0 {
		return
	}
	a := pick(w, w.model.asks)
	op, state, of, by := "exception declined", desk.Declined, license.DeclineAsk, w.someone(licensetest.AdminCaller)
	refusal := license.Code("")
	if w.random.IntN(6) == 0 {
		by = pick(w, callers)
	}
	if w.random.IntN(2) == 0 {
		op, state, of, by = "exception withdrawn", desk.Withdrawn, license.WithdrawAsk, w.someone(a.by)
		if by.Subject != a.by.Subject {
			refusal = license.Forbidden
		}
	}
	if refusal == "" && a.state != desk.Open {
		refusal = license.RequestNotOpen
	}
	_, done := w.atDesk(op, op+" "+a.id, by, refusedBy(by, of, refusal), func(store desk.Store, call protocol.Call) (protocol.Outcome, error) {
		if state == desk.Declined {
			return w.exceptions(store).Decline(w.ctx, call, a.id, "not needed")
		}
		return w.exceptions(store).Withdraw(w.ctx, call, a.id, "")
	})
	if done {
		a.state = state
	}
}

// refuseGrant is why an exception is not granted. One that a pending license has used may be open again.
func (w *world) refuseGrant(x wish, answers *ask, requestID string) license.Code {
	last := w.model.newest[subject(x.of(), x.rule)]
	switch {
	case requestID != "" && answers == nil:
		return license.RequestNotFound
	case answers != nil && (answers.wish.of() != x.of() || answers.wish.rule != x.rule):
		return license.InvalidRequest
	case answers != nil && answers.state != desk.Open:
		return license.RequestNotOpen
	case w.model.open(x.of(), x.rule, w.clock.Now()) && x.days <= last.days: // with more it takes its place
		return license.ExceptionExists
	case last != nil && last.user != nil && last.user.Status == license.Pending:
		return license.Unavailable
	}
	return ""
}

// regrant lets somebody try to grant anew what a license has used, if it has.
func (w *world) regrant(p *promise) (tried bool) {
	for _, x := range []wish{
		{token: string(p.made.ServerToken), rule: license.TrialLimit}, {token: string(p.made.ServerToken), rule: license.TemporaryLimit},
		{lineage: p.made.LineageID, rule: license.RehostLimit},
	} {
		if last := w.model.newest[subject(x.of(), x.rule)]; last != nil && last.user == p.made {
			w.grant(x, "", nil)
			tried = true
		}
	}
	return tried
}

// grant reports whether an exception was granted to a server or lineage. answers is the request that it names, if any.
func (w *world) grant(x wish, wrong license.Code, answers *ask) bool {
	q := desk.GrantRequest{ServerToken: x.token, LineageID: x.lineage, Rule: string(x.rule), Reason: "agreed", Days: x.days}
	if answers != nil {
		q.RequestID = answers.id
	} else if w.random.IntN(16) == 0 {
		q.RequestID = strings.Repeat("0", 32)
	}
	refusal := wrong
	if wrong == "" {
		refusal = w.refuseGrant(x, answers, q.RequestID)
	}
	op, by := "exception", w.someone(licensetest.AdminCaller)
	if answers != nil {
		op = "exception on request"
	}
	outcome, done := w.atDesk(op, fmt.Sprintf("exception from %s for %s, answering %q", x.rule, x.of(), q.RequestID), by, refusedBy(by, license.GrantException, refusal),
		func(store desk.Store, call protocol.Call) (protocol.Outcome, error) {
			return w.exceptions(store).Grant(w.ctx, call, q)
		})
	if done {
		var answer struct{ Exception struct{ ID string } }
		w.require(json.Unmarshal(outcome.Body, &answer) == nil && answer.Exception.ID != "", "the answer %s names no exception", outcome.Body)
		a := &allowance{id: answer.Exception.ID, until: w.clock.Now().AddDate(0, 0, 14), days: x.days}
		if w.model.open(x.of(), x.rule, w.clock.Now()) {
			w.model.newest[subject(x.of(), x.rule)].gone = a.id
			w.tally.count("exception in place of another")
		}
		w.model.granted[a.id], w.model.newest[subject(x.of(), x.rule)] = a, a
		if answers != nil {
			answers.state, answers.granted = desk.Granted, a.id
		}
	}
	return done
}

// atDesk carries out what signs nothing, perhaps dying over it and asking again, and reports whether it was done, as it is
// if there is no reason to refuse it. It waits for no license that is pending.
func (w *world) atDesk(op, name string, caller license.Caller, refusal license.Code, send func(desk.Store, protocol.Call) (protocol.Outcome, error)) (protocol.Outcome, bool) {
	call, process := w.call(caller), w.mortal(10)
	outcome, err := send(process, call)
	if process.Dead() {
		w.tally.died(process)
		outcome, err = send(w.store, call)
	}
	w.tell("%s by %s, dying at %q (after %v): %s", name, caller.Username, process.DiedAt(), process.After, said(err))
	w.require(codeOf(err) == refusal, "%s: expected %q, got %q (%v)", name, refusal, codeOf(err), err)
	w.tally.add(op, refusal)
	if w.model.pending != nil {
		w.tally.add(beside+op, refusal)
	}
	return outcome, err == nil
}

func (w *world) exceptions(store desk.Store) *desk.Exceptions {
	exceptions, err := desk.NewExceptions(store, 14, []string{"secret"}, w.clock.Now)
	w.require(err == nil, "exceptions: %v", err)
	return exceptions
}

// compareExceptions holds exceptions to the reference's: which are open, and which license each of the others allowed.
func (w *world) compareExceptions() {
	seen := 0
	for _, state := range []desk.State{desk.Granted, desk.Used, desk.Replaced} {
		listed, err := w.exceptions(w.store).Exceptions(w.ctx, licensetest.AdminCaller, state, "", 1000)
		w.require(err == nil, "exceptions: %v", err)
		for _, e := range listed.Items {
			seen++
			want, state := w.model.granted[e.ID], desk.Granted
			switch {
			case want == nil:
				w.require(false, "nobody has granted exception %s", e.ID)
			case want.user != nil:
				state = desk.Used
			case want.gone != "":
				state = desk.Replaced
			case !w.clock.Now().Before(want.until):
				state = desk.Expired
			}
			w.require(e.State == state && string(e.LicenseID) == idOf(want.user) && string(e.ReplacedBy) == want.gone, "exception %s from %s is %s, used by license %q; expected %s and %q", e.ID, e.Rule, e.State, e.LicenseID, state, idOf(want.user))
			if want.user != nil {
				w.require(slices.Contains(w.record(want.user.ID).Uses, e.ID), "license %s does not say that exception %s allowed it", want.user.ID, e.ID)
			}
		}
	}
	w.require(seen == len(w.model.granted), "there are %d exceptions, not %d", seen, len(w.model.granted))
	w.compareAsks()
}

// compareAsks holds requests for exceptions to the reference's, as an admin sees them and as those see them who made them.
func (w *world) compareAsks() {
	seen := map[string]desk.ExceptionRequest{}
	for _, state := range desk.AskStates() {
		for _, by := range callers[:4] {
			listed, err := w.exceptions(w.store).Requests(w.ctx, by, state, "", 1000)
			w.require(err == nil, "requests for exceptions: %v", err)
			for _, r := range listed.Items {
				w.require(r.State == state && (by.Role == license.Admin || r.AskedBy == by.Username), "%s is shown the request of %s", by.Username, r.AskedBy)
				if by.Role == license.Admin {
					seen[r.ID] = r
				}
			}
		}
	}
	w.require(len(seen) == len(w.model.asks), "there are %d requests for exceptions, not %d", len(seen), len(w.model.asks))
	for _, want := range w.model.asks {
		r := seen[want.id]
		w.require(r.State == want.state && string(r.ExceptionID) == want.granted && r.AskedBy == want.by.Username && string(r.ServerToken)+string(r.LineageID) == want.wish.of() && r.Rule == want.wish.rule && r.Days == want.wish.days,
			"the request for an exception is %+v; expected %+v", r, want)
	}
}
