package protocol

import (
	"context"
	"errors"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Change is a write that signs nothing: one transaction, and the answer is frozen with the idempotency record.
type Change struct {
	Call   Call
	Hash   string // of the cleaned request
	Token  license.ServerToken
	Target string // the license that is changed; "" for none
	Where  string // the pointer to where the request names the target
	// Decide applies the rules to what was read and returns what is to be written.
	Decide func(ctx context.Context, now Situation) (Effect, error)
}

// Effect is what a change writes besides its idempotency record.
type Effect struct {
	Server  ledger.Server // as it will be, but for the head of its chain
	Updates []ledger.Update
	Event   ledger.Event
	Audited ledger.Record // what the audit entry says
	Version int           // of the target afterwards
	Answer  []byte
}

// Apply carries a change through: it returns the frozen answer, or a refusal that changed nothing.
func (w *Writer) Apply(ctx context.Context, c Change) (Outcome, error) {
	ctx, cancel := beforeDeadline(ctx)
	defer cancel()
	for {
		outcome, err := w.applyOnce(ctx, c)
		if !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnclear) {
			return outcome, err
		}
		if !pause(ctx) {
			return Outcome{}, Unavailable(err)
		}
	}
}

func (w *Writer) applyOnce(ctx context.Context, c Change) (Outcome, error) {
	now, err := w.read(ctx, c.Token, c.Target, c.Where)
	if err != nil {
		return Outcome{}, err
	}
	earlier, found, err := w.store.Idempotency(ctx, c.Call.key())
	if err != nil {
		return Outcome{}, err
	}
	if found {
		if earlier.RequestHash != c.Hash {
			return Outcome{}, keyReused(earlier)
		}
		return Outcome{LicenseID: earlier.LicenseID, Version: earlier.Version, Body: earlier.Answer, Replayed: true}, nil
	}
	effect, err := c.Decide(ctx, now)
	if err != nil {
		return Outcome{}, err
	}
	entry, err := ledger.Link(&effect.Server, effect.Event, c.Call.Caller, effect.Audited, now.At)
	if err != nil {
		return Outcome{}, err
	}
	err = w.store.Commit(ctx, ledger.Commit{
		Server: effect.Server, ChainBefore: now.Server.ChainLength, Audit: entry, Updates: effect.Updates,
		Idempotency: &ledger.IdempotencyRecord{Key: c.Call.key(), RequestHash: c.Hash, LicenseID: c.Target, At: now.At.UTC(), Version: effect.Version, Answer: effect.Answer},
	})
	return Outcome{LicenseID: c.Target, Version: effect.Version, Body: effect.Answer}, err
}
