package issuing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

const (
	// leaseTime is how long one caller has to sign before another may try. One KMS call a lease.
	leaseTime = 5 * time.Second
	// answerMargin is kept before the deadline to answer 503 instead of being killed.
	answerMargin = 500 * time.Millisecond
	// retryAfter is what a caller that ran out of time is told to wait.
	retryAfter = leaseTime
)

// write is one issue or change, as the protocol sees it.
type write struct {
	call   Call
	hash   string // of the cleaned request
	token  license.ServerToken
	slot   license.Slot
	target string // the license that is changed; "" for none
	where  string // the pointer to where the request names the target
	// made is what this very run has prepared and may have stored, where the reply to its intent was lost.
	made *Prepared
	// decide applies the rules to what was read and returns the new license without id, sequence and key.
	decide func(ctx context.Context, now situation) (Record, error)
}

// situation is what a write decides from: all of it read after the attempt began, in protocol order.
type situation struct {
	at     time.Time
	server Server
	target *Record // nil when write.target is ""
}

func (s situation) today() license.Date { return license.Today(s.at) }

// run carries a write through the protocol: it returns the stored answer, or a refusal that changed nothing.
func (i *Issuer) run(ctx context.Context, w write) (Outcome, error) {
	ctx, cancel := beforeDeadline(ctx)
	defer cancel()
	for {
		outcome, err := i.attempt(ctx, &w)
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnclear) {
			return outcome, err
		}
		if !pause(ctx) {
			return Outcome{}, unavailable(err)
		}
	}
}

// attempt reads everything and takes the write as far as it goes. ErrConflict or ErrUnclear: read again from the start.
func (i *Issuer) attempt(ctx context.Context, w *write) (Outcome, error) {
	now := situation{at: i.now()}
	var err error
	if now.server, err = i.store.Server(ctx, w.token); err != nil {
		return Outcome{}, err
	}
	if w.target != "" {
		target, err := i.store.Record(ctx, w.target)
		if err != nil {
			return Outcome{}, license.PointAt(err, w.where)
		}
		now.target = &target
	}
	earlier, found, err := i.store.Idempotency(ctx, w.call.key())
	if err != nil {
		return Outcome{}, err
	}
	if found {
		return i.replay(ctx, w, earlier)
	}
	if other := now.server.slot(w.slot).Pending; other != "" {
		if _, err := i.finish(ctx, w.call.Caller, w.token, other, nil); err != nil {
			return Outcome{}, err
		}
		return Outcome{}, ErrConflict
	}
	record, err := w.decide(ctx, now)
	if err != nil {
		return Outcome{}, err
	}
	if err := i.intent(ctx, w, now, &record); err != nil {
		return Outcome{}, err
	}
	held := w.made
	w.made = nil
	record, err = i.finish(ctx, w.call.Caller, w.token, record.ID, held)
	return outcomeOf(record, false, err)
}

// replay answers a request that was made before: with the frozen answer, after finishing it where that is still to do.
func (i *Issuer) replay(ctx context.Context, w *write, earlier IdempotencyRecord) (Outcome, error) {
	if earlier.RequestHash != w.hash {
		return Outcome{}, keyReused(earlier)
	}
	held := w.made
	w.made = nil
	if held == nil || held.licenseID != earlier.LicenseID {
		record, err := i.finish(ctx, w.call.Caller, w.token, earlier.LicenseID, nil)
		return outcomeOf(record, true, err)
	}
	// The reply to this run's own intent was lost; its lease is used if it still holds.
	record, err := i.store.Record(ctx, earlier.LicenseID)
	if err != nil {
		return Outcome{}, err
	}
	if record.Attempts > 1 || !i.now().Before(record.LeaseUntil) {
		held = nil
	}
	record, err = i.finish(ctx, w.call.Caller, w.token, earlier.LicenseID, held)
	return outcomeOf(record, false, err)
}

func keyReused(earlier IdempotencyRecord) error {
	return license.Refuse(license.IdempotencyKeyReused, "This Idempotency-Key was used for another request on %s. Send the first request again unchanged, or use a new key.",
		license.InstantWords(earlier.At)).At("header:Idempotency-Key")
}

func outcomeOf(r Record, replayed bool, err error) (Outcome, error) {
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
func (i *Issuer) intent(ctx context.Context, w *write, now situation, r *Record) error {
	r.ID = newID()
	if r.LineageID == "" {
		r.LineageID = r.ID
	}
	caller := w.call.Caller
	r.Sequence, r.Version, r.Status = now.server.Sequence+1, frozenVersion, license.Pending
	r.Seats, r.IssuedAt, r.IssuedOn, r.IssuedBy = r.Modules.Seats(), now.at.UTC(), now.today(), caller.Username
	r.LastChange = Change{caller.Username, now.at.UTC(), "issued"}
	r.LeaseUntil, r.Attempts = now.at.Add(leaseTime).UTC(), 1
	prepared, err := i.prepare(ctx, r)
	if err != nil {
		return err
	}
	w.made = &prepared
	server := now.server
	server.Sequence = r.Sequence
	server.slot(w.slot).Pending = r.ID
	entry, err := link(&server, EventIntent, caller, *r, now.at)
	if err != nil {
		return err
	}
	commit := Commit{
		Server: server, ChainBefore: now.server.ChainLength, New: r, Audit: entry,
		Idempotency: &IdempotencyRecord{Key: w.call.key(), RequestHash: w.hash, LicenseID: r.ID, At: now.at.UTC()},
	}
	if now.target != nil {
		commit.Updates = []Update{{
			ID: now.target.ID, IfStatus: license.Active, IfVersion: now.target.Version, Status: license.Active,
			AddVersion: 1, LastChange: &Change{caller.Username, now.at.UTC(), changeWord(r.Operation)},
		}}
	}
	return i.store.Commit(ctx, commit)
}

// changeWord says what an operation did to the license before.
func changeWord(op Operation) string {
	if op == OpRenew {
		return "renewed"
	}
	return "replaced"
}

// finish takes a license to its end, whoever began it, and returns it once it is no longer pending. held is its
// preparation if the caller has the lease; otherwise finish waits for the lease to be over and takes it.
func (i *Issuer) finish(ctx context.Context, by license.Caller, token license.ServerToken, id string, held *Prepared) (Record, error) {
	var failed error // what the signing service said last
	for {
		if held == nil {
			record, prepared, err := i.awaitLease(ctx, id)
			if err != nil {
				return record, errors.Join(err, failed)
			}
			if record.Status != license.Pending {
				return record, nil
			}
			held = &prepared
		}
		record, err := i.conclude(ctx, by, token, *held)
		var signing *signingError
		if !errors.As(err, &signing) {
			return record, err
		}
		if ctx.Err() != nil {
			return Record{}, unavailable(err)
		}
		held, failed = nil, err // this lease's one call is used up
	}
}

// conclude uses a lease: it signs once and activates. A signature that failed and may succeed later is a *signingError.
func (i *Issuer) conclude(ctx context.Context, by license.Caller, token license.ServerToken, p Prepared) (Record, error) {
	bounded, cancel := context.WithTimeout(ctx, leaseTime)
	defer cancel()
	signature, err := i.signer.Sign(bounded, p)
	switch {
	case errors.Is(err, ErrRefused):
		return Record{}, i.refused(ctx, p.licenseID, err)
	case err != nil:
		return Record{}, &signingError{err}
	}
	if p.refused {
		if _, err := i.store.Touch(ctx, p.licenseID, Touch{Signed: true}); err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnclear) {
			return Record{}, err
		}
	}
	return i.activate(ctx, by, token, p.licenseID, licensekey.Join(p.input, signature.Bytes), signature.RequestID)
}

// signingError is a failure of the signing service that may pass.
type signingError struct{ error }

func (e *signingError) Unwrap() error { return e.error }

// awaitLease polls a license until it is no longer pending or its lease is over, and then takes the lease.
func (i *Issuer) awaitLease(ctx context.Context, id string) (Record, Prepared, error) {
	for {
		record, err := i.store.Record(ctx, id)
		switch {
		case errors.Is(err, ErrUnclear):
		case err != nil || record.Status != license.Pending:
			return record, Prepared{}, err
		case !i.now().Before(record.LeaseUntil):
			record, err = i.store.Touch(ctx, id, Touch{Now: i.now(), LeaseUntil: i.now().Add(leaseTime)})
			if err == nil {
				prepared, err := i.reopen(ctx, record)
				return record, prepared, err
			}
			if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnclear) {
				return record, Prepared{}, err
			}
		}
		if !pause(ctx) {
			return Record{}, Prepared{}, unavailable(fmt.Errorf("waiting for license %s: %w", id, ctx.Err()))
		}
	}
}

// refused remembers when the signing service first refused and says so in words.
func (i *Issuer) refused(ctx context.Context, id string, cause error) error {
	if _, err := i.store.Touch(ctx, id, Touch{RefusedSince: i.now()}); err != nil && !errors.Is(err, ErrConflict) {
		cause = errors.Join(cause, err)
	}
	return &unavailableError{license.Error{
		Code:       license.Unavailable,
		Detail:     "The signing key cannot be used at the moment, so the license is not signed yet. Try again in a minute: the same request continues where it stopped. If it lasts, tell an administrator; support can bridge with an emergency license.",
		RetryAfter: time.Minute,
	}, cause}
}

// beforeDeadline leaves time to answer before the function is killed.
func beforeDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-answerMargin))
}

// pause waits 20 to 80 ms, so that callers who wait for the same license do not march in step; false: the time is up.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(20*time.Millisecond + rand.N(60*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// unavailableError is a refusal with the cause that the log needs and the answer does not.
type unavailableError struct {
	refusal license.Error
	cause   error
}

func (e *unavailableError) Error() string   { return e.refusal.Error() + ": " + e.cause.Error() }
func (e *unavailableError) Unwrap() []error { return []error{&e.refusal, e.cause} }

// unavailable is the answer when the time is up before the outcome is known.
func unavailable(cause error) error {
	return &unavailableError{license.Error{
		Code:       license.Unavailable,
		Detail:     "This is not confirmed yet. Try again with the same Idempotency-Key: the same request continues where it stopped, so it cannot happen twice.",
		RetryAfter: retryAfter,
	}, cause}
}

// activate stores the signature of a pending license, makes it current and supersedes what it takes the place of. It
// returns the license as it is stored afterwards, also when somebody else activated or voided it meanwhile: a signature
// that comes late is discarded.
func (i *Issuer) activate(ctx context.Context, by license.Caller, token license.ServerToken, id, licenseKey, requestID string) (Record, error) {
	for {
		record, err := i.activateOnce(ctx, by, token, id, Signed{LicenseKey: license.Optional(licenseKey), KMSRequestID: requestID})
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnclear) {
			return record, err
		}
		if !pause(ctx) {
			return Record{}, unavailable(err)
		}
	}
}

func (i *Issuer) activateOnce(ctx context.Context, by license.Caller, token license.ServerToken, id string, signed Signed) (Record, error) {
	server, err := i.store.Server(ctx, token)
	if err != nil {
		return Record{}, err
	}
	record, err := i.store.Record(ctx, id)
	if err != nil || record.Status != license.Pending {
		return record, err
	}
	now := i.now()
	before := server.ChainLength
	updates, err := settle(&server, &record, signed, now)
	if err != nil {
		return Record{}, err
	}
	entry, err := link(&server, EventIssued, by, record, now)
	if err != nil {
		return Record{}, err
	}
	return record, i.store.Commit(ctx, Commit{Server: server, ChainBefore: before, Audit: entry, Updates: updates})
}

// settle moves the slots of a server for a license that was signed. It changes server and record to what they will be
// and returns the updates of all licenses concerned: a base license supersedes every earlier license of its server, a
// temporary one only the earlier temporary one; a temporary license that a later base overtook is superseded at once.
func settle(server *Server, r *Record, signed Signed, now time.Time) ([]Update, error) {
	change := &Change{r.IssuedBy, now.UTC(), changeWord(r.Operation)}
	supersede := func(id string) Update {
		return Update{ID: id, IfStatus: license.Active, Status: license.Superseded, AddVersion: 1, SupersededBy: license.Optional(r.ID), LastChange: change}
	}
	own := server.slot(r.Type.Slot())
	own.Pending = ""
	mine := Update{ID: r.ID, IfStatus: license.Pending, Status: license.Active}
	var others []Update
	if r.Type == license.Temporary && r.Sequence < server.HighestBase {
		mine.Status, mine.SupersededBy = license.Superseded, license.Optional(server.HighestBaseID)
		mine.LastChange = &Change{"A newer license", now.UTC(), "replaced"}
	} else {
		if own.Current != "" {
			signed.Supersedes = license.Optional(own.Current)
			others = append(others, supersede(own.Current))
		}
		own.Current = r.ID
		if r.Type == license.Temporary {
			server.TemporarySequence = r.Sequence
		}
	}
	if r.Type != license.Temporary {
		server.HighestBase, server.HighestBaseID = r.Sequence, r.ID
		others = append(others, overtakeTemporary(server, r.Sequence, supersede)...)
	}
	mine.Signed = &signed
	mine.Apply(r)
	var err error
	signed.Answer, err = freeze(*r)
	r.Answer = signed.Answer
	return append([]Update{mine}, others...), err
}

// overtakeTemporary clears the temporary slot of a license earlier than the new base.
func overtakeTemporary(server *Server, base int, supersede func(string) Update) []Update {
	if server.Temporary.Current == "" || server.TemporarySequence > base {
		return nil
	}
	id := server.Temporary.Current
	server.Temporary.Current = ""
	return []Update{supersede(id)}
}
