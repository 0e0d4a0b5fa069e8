package issuing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// RevocationRequest asks to take a license back. IfMatch is the version it was read at.
type RevocationRequest struct {
	ID      string
	Reason  string
	IfMatch int
}

// Revoke takes a license back: its slot is empty, nothing is revived, and a renewal of it that is still pending is given
// up. A copy already loaded keeps working offline. Accounting and admin only. Nothing is signed, so it takes one
// transaction.
func (r *Revoker) Revoke(ctx context.Context, call protocol.Call, q RevocationRequest) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.Revoke); err != nil {
		return protocol.Outcome{}, err
	}
	reason, err := license.CleanText("/reason", "The reason", q.Reason, 1, policy.MaxNote)
	if err != nil {
		return protocol.Outcome{}, err
	}
	q.ID, q.Reason = strings.ToLower(strings.TrimSpace(q.ID)), reason
	if q.IfMatch == 0 {
		return protocol.Outcome{}, ifMatchRequired("revoked")
	}
	old, err := r.find(ctx, q.ID)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return r.recorder.Apply(ctx, protocol.Change{
		Call: call, Hash: protocol.Digest(q), Token: old.ServerToken, Target: q.ID, Where: idPointer,
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Effect, error) {
			return r.decideRevocation(ctx, call, q, now)
		},
	})
}

// pendingSuccessor returns the pending license that is to take the target's place, on this server or another one, nil if
// there is none, and Unavailable for any other in its slot: revoking waits for that one.
func (r *Revoker) pendingSuccessor(ctx context.Context, now protocol.Situation) (*ledger.Record, error) {
	id := now.Server.Slot(now.Target.Type.Slot()).Busy()
	if id == "" {
		return nil, nil
	}
	pending, err := r.store.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if pending.Predecessor != now.Target.ID {
		return nil, protocol.Unavailable(fmt.Errorf("license %s is pending in the slot of %s", id, now.Target.ID))
	}
	return &pending, nil
}

// keepsWorking is what whoever takes a license back must know.
func keepsWorking(l license.License, now time.Time) string {
	const stops = "It is no longer handed out by Server Token, and validate says that it is revoked. "
	switch {
	case l.ExpiresOn.IsNever():
		return stops + "A copy already loaded in QMS keeps working offline: ask the customer to remove it."
	case l.ExpiredAt(now):
		return stops + "It had expired on " + l.ExpiresOn.Words() + " already, so no copy of it works."
	}
	return stops + "A copy already loaded in QMS keeps working offline until its expiration date, " + l.ExpiresOn.Words() + ": ask the customer to remove it."
}

func (r *Revoker) decideRevocation(ctx context.Context, call protocol.Call, q RevocationRequest, now protocol.Situation) (protocol.Effect, error) {
	if err := changeable(now, q.IfMatch, "revoked"); err != nil {
		return protocol.Effect{}, err
	}
	successor, err := r.pendingSuccessor(ctx, now)
	if err != nil {
		return protocol.Effect{}, err
	}
	revoked := *now.Target
	update := ledger.Update{
		ID: revoked.ID, IfStatus: license.Active, IfVersion: q.IfMatch, Status: license.Revoked, AddVersion: 1,
		LastChange: &ledger.Change{By: call.Caller.Username, At: now.At.UTC(), What: "revoked"},
	}
	update.Apply(&revoked)
	server := now.Server
	server.Slot(revoked.Type.Slot()).Current = ""
	entry := ledger.Entry{Event: ledger.EventRevoked, By: call.Caller, Record: &revoked, Before: &now.Target.License, Reason: q.Reason}
	effect := protocol.Effect{Links: []protocol.Link{{Server: server, Entry: entry}}, Updates: []ledger.Update{update}, Version: revoked.Version}
	if successor != nil {
		if err := r.giveUpSuccessor(ctx, &effect, call.Caller, *successor, now.At); err != nil {
			return effect, err
		}
	}
	effect.Answer, err = protocol.Freeze(ledger.Record{License: revoked.License}, keepsWorking(revoked.License, now.At))
	return effect, err
}

// giveUpSuccessor adds to a revocation that the pending license which was to follow is given up, on its own server too.
func (r *Revoker) giveUpSuccessor(ctx context.Context, effect *protocol.Effect, by license.Caller, successor ledger.Record, at time.Time) error {
	change := ledger.Change{By: by.Username, At: at.UTC(), What: "voided"}
	effect.Links[0].Entry.Voids = successor.ID
	if successor.MovedFrom != "" {
		elsewhere, err := r.store.Server(ctx, successor.ServerToken)
		if err != nil {
			return err
		}
		if elsewhere.Base.Pending != successor.ID {
			return ledger.ErrConflict
		}
		voided := successor
		voided.Status, voided.LastChange, voided.VoidReason = license.Void, change, protocol.VoidRevoked
		effect.Links = append(effect.Links, protocol.Link{Server: elsewhere, Entry: ledger.Entry{Event: ledger.EventVoided, By: by, Record: &voided}})
	}
	effect.GiveUp(successor, change, protocol.VoidRevoked)
	return nil
}
