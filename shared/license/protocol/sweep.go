package protocol

import (
	"context"
	"errors"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// voidAfter is how long the signing service must have refused before a pending license is given up.
const voidAfter = 15 * time.Minute

// Why a pending license was given up, in words for its requester.
const (
	voidRefused = "the signing key could not be used"
	voidExpired = "it would already have expired"
	// VoidRevoked is the one that a restore needs, too.
	VoidRevoked = "the license it was to follow was revoked"
)

// Pendings finds licenses that may be pending. It may read an index: what it finds is read again before anything is
// decided.
type Pendings interface {
	// Pending returns ids of licenses whose lease was over at the given instant, oldest lease first, at most limit.
	Pending(ctx context.Context, leaseOver time.Time, limit int) ([]string, error)
}

// Sweeper finishes what stays pending after a crash, and voids what cannot be finished.
type Sweeper struct {
	writer   *Writer
	pendings Pendings
}

// NewSweeper returns a Sweeper. The writer's signer must be able to use the keys of both purposes.
func NewSweeper(writer *Writer, pendings Pendings) *Sweeper { return &Sweeper{writer, pendings} }

// SweepReport counts what a sweep did. Waiting licenses stay pending for the next one.
type SweepReport struct {
	Finished, Voided, Waiting int
	// OldestPendingSeconds is the age of the oldest license that waits, since its intent; 0 when none does.
	OldestPendingSeconds int
}

// wait counts a license that stays pending. Its age is not known if it could not be read: issuedAt is zero then.
func (r *SweepReport) wait(issuedAt, now time.Time) {
	r.Waiting++
	if !issuedAt.IsZero() {
		r.OldestPendingSeconds = max(r.OldestPendingSeconds, int(now.Sub(issuedAt)/time.Second))
	}
}

// sweepBatch bounds one sweep; the rest is for the next.
const sweepBatch = 100

var sweepCaller = license.Caller{Subject: "sweep", Username: "sweep"}

// Sweep tries every pending license whose lease is over once. It goes on after a failure and returns all of them joined.
func (s *Sweeper) Sweep(ctx context.Context) (SweepReport, error) {
	ctx, cancel := beforeDeadline(ctx)
	defer cancel()
	var report SweepReport
	pending, err := s.pendings.Pending(ctx, s.writer.now(), sweepBatch)
	if err != nil {
		return report, err
	}
	var failures []error
	for _, id := range pending {
		found, err := s.writer.store.Record(ctx, id)
		record := found
		if err == nil && found.Status == license.Pending {
			record, err = s.sweepOne(ctx, found)
		}
		switch {
		case err != nil:
			report.wait(found.IssuedAt, s.writer.now())
			failures = append(failures, err)
		case record.Status == license.Void:
			report.Voided++
		case record.Status == license.Pending:
			report.wait(found.IssuedAt, s.writer.now())
		default:
			report.Finished++
		}
	}
	return report, errors.Join(failures...)
}

func (s *Sweeper) sweepOne(ctx context.Context, record ledger.Record) (ledger.Record, error) {
	w, id := s.writer, record.ID
	if record.ExpiredAt(w.now()) {
		return w.void(ctx, record, voidExpired)
	}
	record, err := w.store.Touch(ctx, id, ledger.Touch{Now: w.now(), LeaseUntil: w.now().Add(leaseTime)})
	if errors.Is(err, ledger.ErrConflict) { // somebody else is on it
		return w.store.Record(ctx, id)
	}
	if err != nil {
		return record, err
	}
	prepared, err := w.reopen(ctx, record)
	if err != nil {
		return record, err
	}
	finished, err := w.conclude(ctx, sweepCaller, prepared)
	if errors.Is(err, ErrRefused) {
		if !record.RefusedSince.IsZero() && w.now().Sub(record.RefusedSince) >= voidAfter {
			return w.void(ctx, record, voidRefused)
		}
		return record, nil
	}
	return finished, err
}
