package issuing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"qmslicensing/shared/license"
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
func (i *Issuer) Revoke(ctx context.Context, call Call, q RevocationRequest) (Outcome, error) {
	if err := call.Caller.Authorize(license.Revoke); err != nil {
		return Outcome{}, err
	}
	reason, err := license.CleanText("/reason", "The reason", q.Reason, 1, maxNote)
	if err != nil {
		return Outcome{}, err
	}
	q.ID, q.Reason = strings.ToLower(strings.TrimSpace(q.ID)), reason
	if q.IfMatch == 0 {
		return Outcome{}, ifMatchRequired("revoked")
	}
	old, err := i.find(ctx, q.ID)
	if err != nil {
		return Outcome{}, err
	}
	ctx, cancel := beforeDeadline(ctx)
	defer cancel()
	for {
		outcome, err := i.revokeOnce(ctx, call, q, old.ServerToken)
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnclear) {
			return outcome, err
		}
		if !pause(ctx) {
			return Outcome{}, unavailable(err)
		}
	}
}

func (i *Issuer) revokeOnce(ctx context.Context, call Call, q RevocationRequest, token license.ServerToken) (Outcome, error) {
	now := situation{at: i.now()}
	var err error
	if now.server, err = i.store.Server(ctx, token); err != nil {
		return Outcome{}, err
	}
	target, err := i.store.Record(ctx, q.ID)
	if err != nil {
		return Outcome{}, err
	}
	now.target = &target
	earlier, found, err := i.store.Idempotency(ctx, call.key())
	if err != nil {
		return Outcome{}, err
	}
	if found {
		if earlier.RequestHash != digest(q) {
			return Outcome{}, keyReused(earlier)
		}
		return Outcome{LicenseID: q.ID, Version: earlier.Version, Body: earlier.Answer, Replayed: true}, nil
	}
	if err := now.changeable(q.IfMatch, "revoked"); err != nil {
		return Outcome{}, err
	}
	successor, err := i.pendingSuccessor(ctx, now)
	if err != nil {
		return Outcome{}, err
	}
	return i.commitRevocation(ctx, call, q, now, successor)
}

// pendingSuccessor returns the pending license of the target's slot if it is to take the target's place, nil if the slot
// has none, and Unavailable for any other: revoking waits for that one.
func (i *Issuer) pendingSuccessor(ctx context.Context, now situation) (*Record, error) {
	id := now.server.slot(now.target.Type.Slot()).Pending
	if id == "" {
		return nil, nil
	}
	pending, err := i.store.Record(ctx, id)
	if err != nil {
		return nil, err
	}
	if pending.Predecessor != now.target.ID {
		return nil, unavailable(fmt.Errorf("license %s is pending in the slot of %s", id, now.target.ID))
	}
	return &pending, nil
}

func (i *Issuer) commitRevocation(ctx context.Context, call Call, q RevocationRequest, now situation, successor *Record) (Outcome, error) {
	change := &Change{call.Caller.Username, now.at.UTC(), "revoked"}
	revoked := *now.target
	update := Update{ID: revoked.ID, IfStatus: license.Active, IfVersion: q.IfMatch, Status: license.Revoked, AddVersion: 1, LastChange: change}
	update.Apply(&revoked)
	updates := []Update{update}
	server := now.server
	slot := server.slot(revoked.Type.Slot())
	slot.Current = ""
	if successor != nil {
		slot.Pending = ""
		voided := &Change{call.Caller.Username, now.at.UTC(), "voided"}
		updates = append(updates, Update{ID: successor.ID, IfStatus: license.Pending, Status: license.Void, LastChange: voided, VoidReason: VoidRevoked})
	}
	body, err := freeze(Record{License: revoked.License})
	if err != nil {
		return Outcome{}, err
	}
	audited := revoked
	audited.Note = q.Reason
	if successor != nil {
		audited.Voids = successor.ID
	}
	entry, err := link(&server, EventRevoked, call.Caller, audited, now.at)
	if err != nil {
		return Outcome{}, err
	}
	err = i.store.Commit(ctx, Commit{
		Server: server, ChainBefore: now.server.ChainLength, Audit: entry, Updates: updates,
		Idempotency: &IdempotencyRecord{Key: call.key(), RequestHash: digest(q), LicenseID: revoked.ID, At: now.at.UTC(), Version: revoked.Version, Answer: body},
	})
	return Outcome{LicenseID: revoked.ID, Version: revoked.Version, Body: body}, err
}
