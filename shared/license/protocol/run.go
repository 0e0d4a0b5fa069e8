package protocol

import (
	"context"
	"errors"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Write is one issue or change, as the protocol sees it.
type Write struct {
	Call   Call
	Hash   string // of the cleaned request
	Token  license.ServerToken
	Slot   license.Slot
	Target string // the license that is changed; "" for none
	Where  string // the pointer to where the request names the target
	// made is what this very run has prepared and may have stored, where the reply to its intent was lost.
	made *Prepared
	// Decide applies the rules to what was read and returns the new license without id, sequence and key.
	Decide func(ctx context.Context, now Situation) (ledger.Record, error)
}

// Situation is what a write decides from: all of it read after the attempt began, in protocol order.
type Situation struct {
	At     time.Time
	Server ledger.Server
	Target *ledger.Record // nil when Write.Target is ""
}

// Today is the UTC day.
func (s Situation) Today() license.Date { return license.Today(s.At) }

// Run carries a write through the protocol: it returns the stored answer, or a refusal that changed nothing.
func (w *Writer) Run(ctx context.Context, q Write) (Outcome, error) {
	ctx, cancel := beforeDeadline(ctx)
	defer cancel()
	for {
		outcome, err := w.attempt(ctx, &q)
		if !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnclear) {
			return outcome, err
		}
		if !pause(ctx) {
			return Outcome{}, Unavailable(err)
		}
	}
}

// read reads the server item and the target, in protocol order.
func (w *Writer) read(ctx context.Context, token license.ServerToken, target, where string) (Situation, error) {
	now := Situation{At: w.now()}
	var err error
	if now.Server, err = w.store.Server(ctx, token); err != nil || target == "" {
		return now, err
	}
	record, err := w.store.Record(ctx, target)
	now.Target = &record
	return now, license.PointAt(err, where)
}

// attempt reads everything and takes the write as far as it goes. ErrConflict or ErrUnclear: read again from the start.
func (w *Writer) attempt(ctx context.Context, q *Write) (Outcome, error) {
	now, err := w.read(ctx, q.Token, q.Target, q.Where)
	if err != nil {
		return Outcome{}, err
	}
	earlier, found, err := w.store.Idempotency(ctx, q.Call.key())
	if err != nil {
		return Outcome{}, err
	}
	if found {
		return w.replay(ctx, q, earlier)
	}
	if other := now.Server.Slot(q.Slot).Pending; other != "" {
		if _, err := w.finish(ctx, q.Call.Caller, q.Token, other, nil); err != nil {
			return Outcome{}, err
		}
		return Outcome{}, ledger.ErrConflict
	}
	record, err := q.Decide(ctx, now)
	if err != nil {
		return Outcome{}, err
	}
	if err := w.intent(ctx, q, now, &record); err != nil {
		return Outcome{}, err
	}
	held := q.made
	q.made = nil
	record, err = w.finish(ctx, q.Call.Caller, q.Token, record.ID, held)
	return outcomeOf(record, false, err)
}

// replay answers a request that was made before: with the frozen answer, after finishing it where that is still to do.
func (w *Writer) replay(ctx context.Context, q *Write, earlier ledger.IdempotencyRecord) (Outcome, error) {
	if earlier.RequestHash != q.Hash {
		return Outcome{}, keyReused(earlier)
	}
	held := q.made
	q.made = nil
	if held == nil || held.licenseID != earlier.LicenseID {
		record, err := w.finish(ctx, q.Call.Caller, q.Token, earlier.LicenseID, nil)
		return outcomeOf(record, true, err)
	}
	// The reply to this run's own intent was lost; its lease is used if it still holds.
	record, err := w.store.Record(ctx, earlier.LicenseID)
	if err != nil {
		return Outcome{}, err
	}
	if record.Attempts > 1 || !w.now().Before(record.LeaseUntil) {
		held = nil
	}
	record, err = w.finish(ctx, q.Call.Caller, q.Token, earlier.LicenseID, held)
	return outcomeOf(record, false, err)
}

func keyReused(earlier ledger.IdempotencyRecord) error {
	return license.Refuse(license.IdempotencyKeyReused, "This Idempotency-Key was used for another request on %s. Send the first request again unchanged, or use a new key.",
		license.InstantWords(earlier.At)).At("header:Idempotency-Key")
}

func outcomeOf(r ledger.Record, replayed bool, err error) (Outcome, error) {
	switch {
	case err != nil:
		return Outcome{}, err
	case r.Status == license.Void:
		return Outcome{}, license.Refuse(license.IssueVoided, "This license was given up before it was signed: %s. Nothing was issued. If it is still wanted, send the request again with a new Idempotency-Key.", r.VoidReason).With("licenseId", r.ID)
	}
	return Outcome{LicenseID: r.ID, Version: frozenVersion, Body: r.Answer, Replayed: replayed}, nil
}

// frozenVersion is the version of every license when its answer was frozen.
const frozenVersion = 1

// intent completes the record, prepares it, and stores it as pending with the first lease taken.
func (w *Writer) intent(ctx context.Context, q *Write, now Situation, r *ledger.Record) error {
	r.ID = newID()
	if r.LineageID == "" {
		r.LineageID = r.ID
	}
	caller := q.Call.Caller
	r.Sequence, r.Version, r.Status = now.Server.Sequence+1, frozenVersion, license.Pending
	r.Seats, r.IssuedAt, r.IssuedOn, r.IssuedBy = r.Modules.Seats(), now.At.UTC(), now.Today(), caller.Username
	r.LastChange = ledger.Change{By: caller.Username, At: now.At.UTC(), What: "issued"}
	r.LeaseUntil, r.Attempts = now.At.Add(leaseTime).UTC(), 1
	prepared, err := w.prepare(ctx, r)
	if err != nil {
		return err
	}
	q.made = &prepared
	server := now.Server
	server.Sequence = r.Sequence
	server.Slot(q.Slot).Pending = r.ID
	entry, err := ledger.Link(&server, ledger.EventIntent, caller, *r, now.At)
	if err != nil {
		return err
	}
	commit := ledger.Commit{
		Server: server, ChainBefore: now.Server.ChainLength, New: r, Audit: entry,
		Idempotency: &ledger.IdempotencyRecord{Key: q.Call.key(), RequestHash: q.Hash, LicenseID: r.ID, At: now.At.UTC()},
	}
	if now.Target != nil {
		commit.Updates = []ledger.Update{{
			ID: now.Target.ID, IfStatus: license.Active, IfVersion: now.Target.Version, Status: license.Active,
			AddVersion: 1, LastChange: &ledger.Change{By: caller.Username, At: now.At.UTC(), What: changeWord(r.Operation)},
		}}
	}
	return w.store.Commit(ctx, commit)
}

// changeWord says what an operation did to the license before.
func changeWord(op ledger.Operation) string {
	if op == ledger.OpRenew {
		return "renewed"
	}
	return "replaced"
}
