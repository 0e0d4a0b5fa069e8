package histories_test

import (
	"context"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/protocol"
)

// step is one thing that somebody tries with licenses.
type step struct {
	op     string // what it is, for the tally
	name   string
	caller license.Caller
	early  license.Code // why it is refused whatever the system holds; "" if it is not
	needs  []place      // slots in which it finishes what is pending before it is decided
	plan   func() plan
	send   func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error)
}

// plan is what should come of a step now: a refusal, or what the reference becomes of it.
type plan struct {
	refusal license.Code
	makes   *entry // the license that is signed, without what the system gives it; nil: nothing is
	before  *entry // what that is made from, if anything
	// What else becomes of the reference: with the intent, with the signature, and if the license is given up. nil: nothing.
	promised, kept, givenUp func(made *entry)
	done                    func() // what becomes of it where nothing is signed
}

// planned puts what is refused whatever there is before everything else, and a person's day after it.
func (w *world) planned(s step) plan {
	if s.early != "" {
		return plan{refusal: s.early}
	}
	p := s.plan()
	if p.refusal == "" && p.makes != nil && w.left(s.caller) <= 0 {
		p.refusal = license.QuotaExceeded
	}
	return p
}

// take takes a step: whole, or with a crash somewhere in it and a rescue, or with a key that cannot be used; or beside what
// somebody else has left pending.
func (w *world) take(s step) {
	if w.model.pending != nil {
		w.beside(s)
		return
	}
	call := w.call(s.caller)
	switch n := w.random.IntN(10); {
	case n < 3:
		w.settle(s, call, "")
	case n < 9:
		w.crash(s, call)
	default:
		w.keyRefuses(s, call)
	}
}

// settle sends a step to a system that works and compares what comes of it.
func (w *world) settle(s step, call protocol.Call, how string) {
	p := w.planned(s)
	outcome, err := s.send(w.alive(), call)
	w.settled(s, call, p, outcome, err, how)
}

func (w *world) settled(s step, call protocol.Call, p plan, outcome protocol.Outcome, err error, how string) {
	w.tell("%s by %s%s: %s", s.name, call.Caller.Username, how, said(err))
	w.require(codeOf(err) == p.refusal, "%s%s: expected %q, got %q (%v)", s.name, how, p.refusal, codeOf(err), err)
	w.tally.add(s.op, p.refusal)
	if err != nil {
		return
	}
	if p.makes == nil {
		p.done()
	} else {
		w.model.keep(w.model.promise(s.caller, p, w.read(outcome.Body)))
	}
	w.last = &answered{s, call}
}

// crash lets the process die at a random step. What it left pending others find, until somebody rescues it. What had not
// begun may also be left.
func (w *world) crash(s step, call protocol.Call) {
	process, p, before := w.mortal(18), w.planned(s), w.sequences()
	if w.random.IntN(2) == 0 {
		process.DieAt = 8 + w.random.IntN(5) // about its promise
	}
	outcome, err := s.send(w.issuer(process, process), call)
	if !process.Dead() {
		w.settled(s, call, p, outcome, err, ", who did not die")
		return
	}
	w.tell("%s by %s, dead at %s (after %v): %v", s.name, call.Caller.Username, process.DiedAt(), process.After, said(err))
	id := w.newest(before)
	if id != "" && w.record(id).Status == license.Pending && w.random.IntN(6) == 0 {
		w.hurry(s, call)
	}
	w.buried(process)
	switch {
	case id != "":
		w.require(p.refusal == "" && p.makes != nil, "%s: expected %q, but a license was made", s.name, p.refusal)
		w.found(s, call, p, id)
	case p.makes != nil && w.random.IntN(2) == 0:
		w.tell("nobody comes back to it")
	default:
		w.settle(s, call, ", again")
	}
}

// hurry sends a call again before the lease of the dead process is over: there is no time to wait for that.
func (w *world) hurry(s step, call protocol.Call) {
	patient := w.ctx
	defer func() { w.ctx = patient }()
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(patient, 2*time.Second)
	defer cancel()
	before := len(w.signer.calls)
	_, err := s.send(w.alive(), call)
	w.tell("%s by %s, again at once: %s", s.name, call.Caller.Username, said(err))
	w.require(codeOf(err) == license.Unavailable && len(w.signer.calls) == before, "%s, again at once: expected unavailable, got %v", s.name, err)
	w.tally.count("sent again at once")
}

// found goes on from a license that a dead process has promised: others come by, then somebody rescues it.
func (w *world) found(s step, call protocol.Call, p plan, id string) {
	r := w.record(id)
	made := w.model.promise(s.caller, p, r)
	if w.model.pending = made; r.Status != license.Pending {
		w.model.keep(made)
	}
	w.tally.count(left + s.op)
	for range w.random.IntN(6) {
		w.between(made)
		w.compare()
	}
	if w.model.pending == made && w.random.IntN(2) == 0 {
		w.tell("the sweep comes")
		if process := w.mortal(12); w.random.IntN(3) == 0 {
			err := w.sweep(process, process)
			w.require(w.buried(process) || err == nil, "sweep: %v", err)
		}
		w.require(w.sweep(w.store, w.signer) == nil, "the sweep has failed")
		w.model.keep(made)
		w.tally.count("finished by the sweep")
		w.compare()
	}
	w.again(s, call, made)
}

// between lets one thing happen while a license is pending, or was until just now: mostly something that has to do with it.
func (w *world) between(p *promise) {
	if w.random.IntN(3) == 0 && w.regrant(p) {
		return
	}
	switch e := w.concerned(p); w.random.IntN(20) {
	case 0, 1:
		w.take(w.revoke(e))
	case 2:
		w.take(w.renew(e))
	case 3:
		w.take(w.amend(e))
	case 4:
		w.take(w.correct(e))
	case 5:
		w.take(w.rehost(e))
	case 6:
		if other := w.existing(); other != nil {
			w.take(w.rehostTo(w.based(other), e.ServerToken))
		}
	case 7:
		w.take(w.soldOn(e.ServerToken))
	case 8:
		w.take(w.temporary(e.ServerToken, pick(w, []license.Purpose{license.Trial, license.Troubleshooting, license.Emergency}), 1+w.random.IntN(20)))
	case 9:
		if trial := w.trial(e); trial.Purpose == license.Trial {
			w.take(w.convert(trial))
		}
	case 10:
		if len(w.model.requests) > 0 {
			w.end(pick(w, w.model.requests))
		}
	case 11:
		w.renewMany()
	case 12, 13:
		if current := w.model.current(p.made.place()); current != nil && current != p.before {
			w.take(w.revoke(current))
		}
	case 14, 15:
		for _, asked := range w.model.requests {
			if asked.asks.ServerToken == string(e.ServerToken) && (asked.state == desk.Open || w.random.IntN(8) == 0) {
				w.take(w.answer(asked))
				return
			}
		}
	default:
		w.act()
	}
}

// concerned is a license that a pending one has to do with: itself, what it is made from, or what is current beside it.
func (w *world) concerned(p *promise) *entry {
	all := []*entry{p.made}
	for _, e := range []*entry{p.before, w.model.server(p.made.ServerToken).base, w.model.server(p.made.ServerToken).temporary} {
		if e != nil {
			all = append(all, e)
		}
	}
	if p.before != nil && w.random.IntN(3) == 0 {
		return p.before
	}
	return pick(w, all)
}

// beside takes a step while a license is pending. A writer of one of its slots finishes it first; to everybody else it is
// pending.
func (w *world) beside(s step) {
	how, kind := ", beside what is pending", beside
	if s.early == "" && slices.ContainsFunc(s.needs, func(at place) bool { return w.model.in(at) != nil }) {
		if w.model.pending.refused {
			w.cannotFinish(s)
			return
		}
		how, kind = ", finishing what is pending", finishing
		w.model.keep(w.model.pending)
	}
	call, p := w.call(s.caller), w.planned(s)
	if process := w.mortal(10); w.random.IntN(2) == 0 {
		outcome, err := s.send(w.issuer(process, process), call)
		if !w.buried(process) {
			w.settled(s, call, p, outcome, err, how)
			w.tally.add(kind+s.op, p.refusal)
			return
		}
		w.tally.count(kind + "dead")
		how += ", again"
	}
	outcome, err := s.send(w.alive(), call)
	w.settled(s, call, p, outcome, err, how)
	w.tally.add(kind+s.op, p.refusal)
}

// cannotFinish takes a step that must wait for a license whose key refuses: nothing comes of it.
func (w *world) cannotFinish(s step) {
	_, err := s.send(w.issuer(w.store, refusing{}), w.call(s.caller))
	w.tell("%s by %s, beside what is refused: %s", s.name, s.caller.Username, said(err))
	w.require(codeOf(err) == license.Unavailable, "%s: expected unavailable beside what is refused, got %v", s.name, err)
	w.tally.add(s.op, license.Unavailable)
	w.clock.Advance(6 * time.Second)
}

// again sends the call of a license that was promised: it is finished, unless it was given up. Sent once more its answer
// is the same.
func (w *world) again(s step, call protocol.Call, p *promise) {
	if process := w.mortal(12); w.random.IntN(3) == 0 {
		_, err := s.send(w.issuer(process, process), call)
		w.tell("%s by %s, again, to die at %d: %s", s.name, call.Caller.Username, process.DieAt, said(err))
		w.buried(process)
	}
	outcome, err := s.send(w.alive(), call)
	w.tell("%s by %s, again: %s", s.name, call.Caller.Username, said(err))
	if p.made.Status == license.Void {
		w.require(codeOf(err) == license.IssueVoided, "%s, again: %v", s.name, err)
		w.tally.add(s.op, license.IssueVoided)
		return
	}
	if w.model.pending == p {
		w.model.keep(p)
	}
	w.require(err == nil && w.read(outcome.Body).ID == p.made.ID, "%s, again: %s %v", s.name, outcome.Body, err)
	w.tally.add(s.op, "")
	w.last = &answered{s, call}
	w.replay(*w.last)
}

// replay sends a call again that has succeeded: its answer is the same.
func (w *world) replay(a answered) {
	first, err := a.step.send(w.alive(), a.call)
	w.require(err == nil, "%s, replayed: %v", a.step.name, err)
	second, err := a.step.send(w.alive(), a.call)
	w.require(err == nil && string(first.Body) == string(second.Body), "%s, replayed twice: %v", a.step.name, err)
	w.tally.count("replayed")
}

// keyRefuses lets the signing service refuse for 16 minutes: what was promised is given up.
func (w *world) keyRefuses(s step, call protocol.Call) {
	p, before := w.planned(s), w.sequences()
	outcome, err := s.send(w.issuer(w.store, refusing{}), call)
	if p.refusal != "" || p.makes == nil {
		w.settled(s, call, p, outcome, err, " while the key refuses")
		return
	}
	w.tell("%s by %s while the key refuses: %s", s.name, call.Caller.Username, said(err))
	w.require(codeOf(err) == license.Unavailable, "%s: expected unavailable, got %v", s.name, err)
	made := w.model.promise(s.caller, p, w.record(w.newest(before)))
	w.model.pending, made.refused = made, true
	w.clock.Advance(6 * time.Second)
	for range w.random.IntN(6) {
		w.between(made)
		w.compare()
	}
	for _, wait := range []time.Duration{0, 16 * time.Minute} {
		w.clock.Advance(wait)
		w.require(w.sweep(w.store, refusing{}) == nil, "the sweep has failed")
	}
	if w.model.pending == made {
		w.model.giveUp(made)
		w.tally.count("given up by the sweep")
	}
	w.compare()
	w.again(s, call, made)
}
