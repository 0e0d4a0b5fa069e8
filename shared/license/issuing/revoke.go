package issuing

import (
	"context"
	"fmt"
	"strings"

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
func (i *Issuer) Revoke(ctx context.Context, call protocol.Call, q RevocationRequest) (protocol.Outcome, error) {
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
	old, err := i.find(ctx, q.ID)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return i.writer.Apply(ctx, protocol.Change{
		Call: call, Hash: protocol.Digest(q), Token: old.ServerToken, Target: q.ID, Where: idPointer,
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Effect, error) {
			return i.decideRevocation(ctx, call, q, now)
		},
	})
}

// pendingSuccessor returns the pending license of the target's slot if it is to take the target's place, nil if the slot
// has none, and Unavailable for any other: revoking waits for that one.
func (i *Issuer) pendingSuccessor(ctx context.Context, now protocol.Situation) (*ledger.Record, error) {
	id := now.Server.Slot(now.Target.Type.Slot()).Pending
	if id == "" {
		return nil, nil
	}
	pending, err := i.store.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if pending.Predecessor != now.Target.ID {
		return nil, protocol.Unavailable(fmt.Errorf("license %s is pending in the slot of %s", id, now.Target.ID))
	}
	return &pending, nil
}

func (i *Issuer) decideRevocation(ctx context.Context, call protocol.Call, q RevocationRequest, now protocol.Situation) (protocol.Effect, error) {
	if err := changeable(now, q.IfMatch, "revoked"); err != nil {
		return protocol.Effect{}, err
	}
	successor, err := i.pendingSuccessor(ctx, now)
	if err != nil {
		return protocol.Effect{}, err
	}
	change := &ledger.Change{By: call.Caller.Username, At: now.At.UTC(), What: "revoked"}
	revoked := *now.Target
	update := ledger.Update{ID: revoked.ID, IfStatus: license.Active, IfVersion: q.IfMatch, Status: license.Revoked, AddVersion: 1, LastChange: change}
	update.Apply(&revoked)
	effect := protocol.Effect{Server: now.Server, Updates: []ledger.Update{update}, Event: ledger.EventRevoked, Audited: revoked, Version: revoked.Version}
	effect.Audited.Note = q.Reason
	slot := effect.Server.Slot(revoked.Type.Slot())
	slot.Current = ""
	if successor != nil {
		slot.Pending = ""
		voided := &ledger.Change{By: call.Caller.Username, At: now.At.UTC(), What: "voided"}
		effect.Updates = append(effect.Updates, ledger.Update{ID: successor.ID, IfStatus: license.Pending, Status: license.Void, LastChange: voided, VoidReason: protocol.VoidRevoked})
		effect.Audited.Voids = successor.ID
	}
	effect.Answer, err = protocol.Freeze(ledger.Record{License: revoked.License})
	return effect, err
}
