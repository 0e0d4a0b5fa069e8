package desk

import (
	"context"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Where a request names what it is about.
const (
	idPointer         = "path:id"
	replacesPointer   = "/replaces"
	conditionsPointer = "/conditions"
)

// Asking asks for a license. Replaces names the base license of the same server that it is to take the place of, if any.
type Asking struct {
	policy.Sale
	Note     string
	Replaces string
}

// Ask makes a request; sales and accounting only.
func (d *Requests) Ask(ctx context.Context, call protocol.Call, q Asking) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.RequestSold); err != nil {
		return protocol.Outcome{}, err
	}
	q.Replaces = strings.ToLower(strings.TrimSpace(q.Replaces))
	note, noteErr := license.CleanText("/note", "The note", q.Note, 0, policy.MaxNote)
	if err := license.Collect(append(q.Sale.Clean(), noteErr)...); err != nil {
		return protocol.Outcome{}, err
	}
	q.Note = note
	if q.Replaces != "" && !license.IsID(q.Replaces) {
		return protocol.Outcome{}, license.NotFound().At(replacesPointer)
	}
	token := license.ServerToken(q.ServerToken)
	return d.recorder.Apply(ctx, protocol.Change{Call: call, Hash: protocol.Digest(q), Token: token, Decide: func(ctx context.Context, now protocol.Situation) (protocol.Effect, error) {
		if err := d.checkReplaced(ctx, token, q.Replaces); err != nil {
			return protocol.Effect{}, err
		}
		return d.effect(now, ledger.EventRequested, call.Caller, Request{
			ID: protocol.NewID(), Version: 1, State: Open, Type: q.Type, ServerToken: token, Customer: q.Customer, Modules: q.Modules,
			Order: license.Optional(q.Order), Contract: license.Optional(q.Contract), Note: license.Optional(q.Note), Replaces: license.Optional(q.Replaces),
			Subject: call.Caller.Subject, RequestedBy: call.Caller.Username, RequestedAt: now.At.UTC(),
		}, "")
	}})
}

// checkReplaced refuses to replace what is no base license of the server. Whether it is still current is asked when the
// license is issued.
func (d *Requests) checkReplaced(ctx context.Context, token license.ServerToken, id string) error {
	if id == "" {
		return nil
	}
	old, err := d.store.Record(ctx, id)
	switch {
	case err != nil:
		return license.PointAt(err, replacesPointer)
	case old.ServerToken != token:
		return license.Invalid(replacesPointer, "License %s belongs to another server. Name the base license of this one, or leave replaces out.", id)
	case old.Type == license.Temporary:
		return license.Invalid(replacesPointer, "License %s is temporary; the new license supersedes it without being told. Leave replaces out.", id)
	}
	return nil
}

// Record records conditions of a sale as met, each with its evidence; accounting only. One that is recorded already is
// replaced.
func (d *Requests) Record(ctx context.Context, call protocol.Call, id string, met []ledger.Condition) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.RecordConditions); err != nil {
		return protocol.Outcome{}, err
	}
	met = policy.CleanConditions(met)
	if len(met) == 0 {
		return protocol.Outcome{}, license.Invalid(conditionsPointer, "Give at least one condition of the sale that is met. They are %s.", strings.Join(d.rules.Conditions, ", "))
	}
	return d.change(ctx, call, id, met, func(now protocol.Situation, r Request) (protocol.Effect, error) {
		if err := d.rules.CheckMet(met, now.Today()); err != nil {
			return protocol.Effect{}, err
		}
		if err := r.CheckOpen(); err != nil {
			return protocol.Effect{}, err
		}
		if r.Type != license.Permanent {
			return protocol.Effect{}, license.Invalid(conditionsPointer, "This request asks for a %s, which needs no conditions of the sale. Issue it, or decline it.", r.Type)
		}
		return d.effect(now, ledger.EventConditionMet, call.Caller, r.record(met, call.Caller, now.At), "")
	})
}

// Decline ends an open request with a reason; accounting only.
func (d *Requests) Decline(ctx context.Context, call protocol.Call, id, reason string) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.DeclineRequest); err != nil {
		return protocol.Outcome{}, err
	}
	reason, err := license.CleanText("/reason", "The reason", reason, 1, policy.MaxNote)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return d.change(ctx, call, id, reason, func(now protocol.Situation, r Request) (protocol.Effect, error) {
		return d.end(now, ledger.EventDeclined, call.Caller, r, Declined, reason)
	})
}

// Withdraw takes an open request back; only who made it. A reason may be given.
func (d *Requests) Withdraw(ctx context.Context, call protocol.Call, id, reason string) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.WithdrawRequest); err != nil {
		return protocol.Outcome{}, err
	}
	reason, err := license.CleanText("/reason", "The reason", reason, 0, policy.MaxNote)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return d.change(ctx, call, id, reason, func(now protocol.Situation, r Request) (protocol.Effect, error) {
		if r.Subject != call.Caller.Subject {
			return protocol.Effect{}, license.Refuse(license.Forbidden, "Only %s, who made this request, can withdraw it. Ask them, or have accounting decline it.", r.RequestedBy).
				With("requestedBy", r.RequestedBy)
		}
		return d.end(now, ledger.EventWithdrawn, call.Caller, r, Withdrawn, reason)
	})
}

func (d *Requests) end(now protocol.Situation, event ledger.Event, by license.Caller, r Request, state State, reason string) (protocol.Effect, error) {
	if err := r.CheckOpen(); err != nil {
		return protocol.Effect{}, err
	}
	return d.effect(now, event, by, r.close(state, Closing{By: by.Username, At: now.At.UTC(), Reason: license.Optional(reason)}), reason)
}

// change carries the change of a request through. What is given is hashed with the id; decide gets the request as it is
// then, so that of two changes at once the second is decided from what the first left.
func (d *Requests) change(ctx context.Context, call protocol.Call, id string, given any, decide func(protocol.Situation, Request) (protocol.Effect, error)) (protocol.Outcome, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	r, err := ReadRequest(ctx, d.store, id)
	if err != nil {
		return protocol.Outcome{}, license.PointAt(err, idPointer)
	}
	return d.recorder.Apply(ctx, protocol.Change{Call: call, Hash: protocol.Digest([]any{id, given}), Token: r.ServerToken, Decide: func(ctx context.Context, now protocol.Situation) (protocol.Effect, error) {
		r, err := ReadRequest(ctx, d.store, id)
		if err != nil {
			return protocol.Effect{}, license.PointAt(err, idPointer)
		}
		return decide(now, r)
	}})
}
