package protocol

import (
	"context"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Write is one license to be made, as the protocol sees it.
type Write struct {
	Call   Call
	Hash   string              // of the cleaned request
	Token  license.ServerToken // the server that gets it
	Slot   license.Slot
	Target string              // the license that is changed; "" for none
	From   license.ServerToken // the target's server where that is another one, else ""
	Where  string              // the pointer to where the request names the target
	// made is what this very run has prepared and may have stored, where the reply to its intent was lost.
	made *Prepared
	// Decide applies the rules to what was read.
	Decide func(ctx context.Context, now Situation) (Decision, error)
}

// Situation is what a write decides from: all of it read after the attempt began, in protocol order.
type Situation struct {
	At     time.Time
	Server ledger.Server
	From   *ledger.Server // nil when Write.From is ""
	Target *ledger.Record // nil when Write.Target is ""
}

// Today is the UTC day.
func (s Situation) Today() license.Date { return license.Today(s.At) }

// Decision is what a write is to make and to take.
type Decision struct {
	Record    ledger.Record     // without sequence and key, and without id unless what it takes must name it
	Documents []ledger.Document // as the intent leaves them; as they were they stand in Record.Returns
	Counts    []ledger.Count    // raised by the intent
}

// Run carries a write through the protocol: it returns the stored answer, or a refusal that changed nothing.
func (w *Writer) Run(ctx context.Context, q Write) (Outcome, error) {
	ctx, cancel := beforeDeadline(ctx)
	defer cancel()
	return untilClear(ctx, func() (Outcome, error) { return w.attempt(ctx, &q) })
}

// read reads the server items and the target, in protocol order.
func (w *Recorder) read(ctx context.Context, token, from license.ServerToken, target, where string) (Situation, error) {
	now := Situation{At: w.now()}
	var err error
	if now.Server, err = w.store.Server(ctx, token); err != nil {
		return now, err
	}
	if from != "" {
		other, err := w.store.Server(ctx, from)
		if err != nil {
			return now, err
		}
		now.From = &other
	}
	if target == "" {
		return now, nil
	}
	record, err := w.store.Record(ctx, target)
	now.Target = &record
	return now, license.PointAt(err, where)
}

// attempt reads everything and takes the write as far as it goes. ErrConflict or ErrUnclear: read again from the start.
func (w *Writer) attempt(ctx context.Context, q *Write) (Outcome, error) {
	now, err := w.read(ctx, q.Token, q.From, q.Target, q.Where)
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
	if other := now.busy(q.Slot); other != "" {
		if _, err := w.finish(ctx, q.Call.Caller, other, nil); err != nil {
			return Outcome{}, err
		}
		return Outcome{}, ledger.ErrConflict
	}
	decision, err := q.Decide(ctx, now)
	if err != nil {
		return Outcome{}, err
	}
	if err := w.intent(ctx, q, now, &decision); err != nil {
		return Outcome{}, err
	}
	held := q.made
	q.made = nil
	record, err := w.finish(ctx, q.Call.Caller, decision.Record.ID, held)
	return outcomeOf(record, false, err)
}

// busy returns the pending license that this write must see finished first.
func (s Situation) busy(slot license.Slot) string {
	if other := s.Server.Slot(slot).Busy(); other != "" || s.From == nil {
		return other
	}
	return s.From.Base.Busy()
}

// Preview applies the rules of a write to what is stored now, and writes nothing.
func (w *Writer) Preview(ctx context.Context, q Write) (Decision, error) {
	now, err := w.read(ctx, q.Token, q.From, q.Target, q.Where)
	if err != nil {
		return Decision{}, err
	}
	decision, err := q.Decide(ctx, now)
	decision.Record.Seats = decision.Record.Modules.Seats()
	return decision, err
}

// replay answers a request that was made before: with the frozen answer, after finishing it where that is still to do.
func (w *Writer) replay(ctx context.Context, q *Write, earlier ledger.IdempotencyRecord) (Outcome, error) {
	if earlier.RequestHash != q.Hash {
		return Outcome{}, keyReused(earlier)
	}
	held := q.made
	q.made = nil
	if held == nil || held.licenseID != earlier.LicenseID {
		record, err := w.finish(ctx, q.Call.Caller, earlier.LicenseID, nil)
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
	record, err = w.finish(ctx, q.Call.Caller, earlier.LicenseID, held)
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
func (w *Writer) intent(ctx context.Context, q *Write, now Situation, d *Decision) error {
	r := &d.Record
	if r.ID == "" {
		r.ID = NewID()
	}
	if r.LineageID == "" {
		r.LineageID = r.ID
	}
	caller := q.Call.Caller
	r.Sequence, r.Version, r.Status = now.Server.Sequence+1, frozenVersion, license.Pending
	r.Seats, r.IssuedAt, r.IssuedOn, r.IssuedBy = r.Modules.Seats(), now.At.UTC(), now.Today(), caller.Username
	r.LastChange = ledger.Change{By: caller.Username, At: now.At.UTC(), What: "issued"}
	r.LeaseUntil, r.Attempts = now.At.Add(leaseTime).UTC(), 1
	r.MovedFrom = q.From
	if now.Target != nil && now.Target.LineageID == r.LineageID {
		r.Rehosts = slices.Clone(now.Target.Rehosts)
	}
	if r.Operation == ledger.OpRehost {
		r.Rehosts = append(r.Rehosts, ledger.Rehost{LicenseID: r.ID, By: caller.Username, At: now.At.UTC(), From: q.From, To: q.Token, Reason: r.Reason})
	}
	for _, count := range d.Counts {
		r.Counted = append(r.Counted, count.Key)
	}
	prepared, err := w.prepare(ctx, r)
	if err != nil {
		return err
	}
	q.made = &prepared
	commit := ledger.Commit{
		New: r, Documents: d.Documents, Counts: d.Counts,
		Idempotency: &ledger.IdempotencyRecord{Key: q.Call.key(), RequestHash: q.Hash, LicenseID: r.ID, At: now.At.UTC()},
	}
	if commit.Chains, err = promise(now, q.Slot, caller, *d); err != nil {
		return err
	}
	if now.Target != nil {
		r.Before = now.Target.LastChange
		commit.Updates = []ledger.Update{{
			ID: now.Target.ID, IfStatus: license.Active, IfVersion: now.Target.Version, Status: license.Active,
			AddVersion: 1, LastChange: &ledger.Change{By: caller.Username, At: now.At.UTC(), What: changeWord(r.Operation)},
		}}
	}
	return w.store.Commit(ctx, commit)
}

// promise marks the slots of the servers concerned and links the intent to their chains.
func promise(now Situation, slot license.Slot, by license.Caller, d Decision) ([]ledger.Chain, error) {
	r := d.Record
	entry := ledger.Entry{Event: ledger.EventIntent, By: by, Record: &r, Others: d.Documents}
	if now.Target != nil {
		entry.Before = &now.Target.License
	}
	server := now.Server
	server.Sequence = r.Sequence
	server.Slot(slot).Pending = r.ID
	if r.Type == license.Temporary {
		server.Temporaries = append(slices.Clip(server.Temporaries), ledger.TemporaryUse{
			LicenseID: r.ID, Purpose: r.Purpose, Customer: r.Customer, Days: r.IssuedOn.DaysUntil(r.ExpiresOn), By: r.IssuedBy, At: r.IssuedAt,
		})
	}
	own := Link{server, entry}
	if now.From == nil {
		return linked(now.At, own)
	}
	from := *now.From
	from.Base.Moving = r.ID
	entry.Event, entry.Others = ledger.EventMoving, nil
	return linked(now.At, own, Link{from, entry})
}

// Link is what one server's part of a transaction is to be: the item, its chain as it was read, and the entry to add.
type Link struct {
	Server ledger.Server
	Entry  ledger.Entry
}

func linked(at time.Time, links ...Link) ([]ledger.Chain, error) {
	chains := make([]ledger.Chain, len(links))
	for n, link := range links {
		before := link.Server.ChainLength
		entry, err := ledger.Link(&link.Server, link.Entry, at)
		if err != nil {
			return nil, err
		}
		chains[n] = ledger.Chain{Server: link.Server, Before: before, Audit: entry}
	}
	return chains, nil
}

// changeWord says what an operation did to the license before.
func changeWord(op ledger.Operation) string {
	switch op {
	case ledger.OpRenew:
		return "renewed"
	case ledger.OpAmend:
		return "amended"
	case ledger.OpCorrect:
		return "corrected"
	case ledger.OpRehost:
		return "re-hosted"
	}
	return "replaced"
}
