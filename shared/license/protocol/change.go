package protocol

import (
	"context"
	"errors"
	"slices"
	"time"

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
	Links     []Link // the server whose chain records it, documents included, and another where one is concerned
	Updates   []ledger.Update
	Documents []ledger.Document
	Counts    []ledger.Count
	Version   int    // of the license or document afterwards
	Answer    []byte // the response body
	// Document is what was made or changed where that is not the target.
	Document *ledger.Document
}

// commit is the transaction of an effect, without idempotency record.
func (e Effect) commit(at time.Time) (ledger.Commit, error) {
	links := slices.Clone(e.Links)
	links[0].Entry.Others = e.Documents
	chains, err := linked(at, links...)
	return ledger.Commit{Chains: chains, Updates: e.Updates, Documents: e.Documents, Counts: e.Counts}, err
}

// Apply carries a change through: it returns the frozen answer, or a refusal that changed nothing.
func (w *Recorder) Apply(ctx context.Context, c Change) (Outcome, error) {
	ctx, cancel := beforeDeadline(ctx)
	defer cancel()
	return untilClear(ctx, func() (Outcome, error) { return w.applyOnce(ctx, c) })
}

func (w *Recorder) applyOnce(ctx context.Context, c Change) (Outcome, error) {
	now, err := w.read(ctx, c.Token, "", c.Target, c.Where)
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
		return outcomeOfChange(earlier, true), nil
	}
	effect, err := c.Decide(ctx, now)
	if err != nil {
		return Outcome{}, err
	}
	commit, err := effect.commit(now.At)
	if err != nil {
		return Outcome{}, err
	}
	commit.Idempotency = &ledger.IdempotencyRecord{
		Key: c.Call.key(), RequestHash: c.Hash, LicenseID: c.Target, At: now.At.UTC(), Version: effect.Version, Answer: effect.Answer,
	}
	if effect.Document != nil {
		commit.Documents = append(commit.Documents, *effect.Document)
		commit.Idempotency.DocumentKind, commit.Idempotency.DocumentID = effect.Document.Kind, effect.Document.ID
	}
	return outcomeOfChange(*commit.Idempotency, false), w.store.Commit(ctx, commit)
}

func outcomeOfChange(r ledger.IdempotencyRecord, replayed bool) Outcome {
	return Outcome{LicenseID: r.LicenseID, DocumentID: r.DocumentID, Version: r.Version, Body: r.Answer, Replayed: replayed}
}

// Result is what a write that is in no chain has made: the document that its idempotency record names, and its answer.
type Result struct {
	Kind, ID string
	Answer   []byte
}

// Once carries out a write that changes no license and is in no chain. Its answer is frozen when do has returned, so do
// must be one that can be gone on with: a request whose first try did not come to its end is done again.
func Once(ctx context.Context, store ledger.Store, call Call, hash string, at time.Time, do func(context.Context) (Result, error)) (Outcome, error) {
	frozen := func() (Outcome, bool, error) {
		earlier, found, err := store.Idempotency(ctx, call.key())
		if err == nil && found && earlier.RequestHash != hash {
			err = keyReused(earlier)
		}
		return outcomeOfChange(earlier, true), found, err
	}
	if outcome, found, err := frozen(); err != nil || found {
		return outcome, err
	}
	made, err := do(ctx)
	if err != nil {
		return Outcome{}, err
	}
	record := ledger.IdempotencyRecord{Key: call.key(), RequestHash: hash, At: at.UTC(), Version: frozenVersion, Answer: made.Answer, DocumentKind: made.Kind, DocumentID: made.ID}
	err = store.Commit(ctx, ledger.Commit{Idempotency: &record})
	if errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrUnclear) { // written by another try, or by this one
		if outcome, found, err := frozen(); err != nil || found {
			return outcome, err
		}
		return Outcome{}, Unavailable(err)
	}
	return outcomeOfChange(record, false), err
}

// Begin records a request that is many writes, each under a key of its own, before the first of them: its Idempotency-Key
// is good for no other request then. The same request may begin again.
func (w *Recorder) Begin(ctx context.Context, call Call, hash string) error {
	_, err := Once(ctx, w.store, call, hash, w.now(), func(context.Context) (Result, error) { return Result{}, nil })
	return err
}
