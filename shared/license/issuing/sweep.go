package issuing

import (
	"context"
	"errors"
	"time"

	"qmslicensing/shared/license"
)

// voidAfter is how long the signing service must have refused before a pending license is given up.
const voidAfter = 15 * time.Minute

// Why a pending license was given up, in words for its requester.
const (
	voidRefused = "the signing key could not be used"
	voidExpired = "it would already have expired"
	// VoidRevoked is the one that a restore needs, too.
	VoidRevoked = "the license it renews was revoked"
)

// Pendings finds licenses that may be pending. It may read an index: what it finds is read again before anything is
// decided.
type Pendings interface {
	// Pending returns ids of licenses whose lease was over at the given instant, oldest lease first, at most limit.
	Pending(ctx context.Context, leaseOver time.Time, limit int) ([]string, error)
}

// Sweeper finishes what stays pending after a crash, and voids what cannot be finished.
type Sweeper struct {
	issuer   *Issuer
	pendings Pendings
}

// NewSweeper returns a Sweeper. The issuer's signer must be able to use the keys of both purposes.
func NewSweeper(issuer *Issuer, pendings Pendings) *Sweeper { return &Sweeper{issuer, pendings} }

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
	pending, err := s.pendings.Pending(ctx, s.issuer.now(), sweepBatch)
	if err != nil {
		return report, err
	}
	var failures []error
	for _, id := range pending {
		found, err := s.issuer.store.Record(ctx, id)
		record := found
		if err == nil && found.Status == license.Pending {
			record, err = s.sweepOne(ctx, found)
		}
		switch {
		case err != nil:
			report.wait(found.IssuedAt, s.issuer.now())
			failures = append(failures, err)
		case record.Status == license.Void:
			report.Voided++
		case record.Status == license.Pending:
			report.wait(found.IssuedAt, s.issuer.now())
		default:
			report.Finished++
		}
	}
	return report, errors.Join(failures...)
}

func (s *Sweeper) sweepOne(ctx context.Context, record Record) (Record, error) {
	i, id := s.issuer, record.ID
	if record.ExpiredAt(i.now()) {
		return i.void(ctx, record, voidExpired)
	}
	record, err := i.store.Touch(ctx, id, Touch{Now: i.now(), LeaseUntil: i.now().Add(leaseTime)})
	if errors.Is(err, ErrConflict) { // somebody else is on it
		return i.store.Record(ctx, id)
	}
	if err != nil {
		return record, err
	}
	prepared, err := i.reopen(ctx, record)
	if err != nil {
		return record, err
	}
	finished, err := i.conclude(ctx, sweepCaller, record.ServerToken, prepared)
	if errors.Is(err, ErrRefused) {
		if !record.RefusedSince.IsZero() && i.now().Sub(record.RefusedSince) >= voidAfter {
			return i.void(ctx, record, voidRefused)
		}
		return record, nil
	}
	return finished, err
}

// void gives a pending license up: its slot is free again, its number stays used, its predecessor is not touched.
func (i *Issuer) void(ctx context.Context, p Record, reason string) (Record, error) {
	for {
		record, err := i.voidOnce(ctx, p, reason)
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnclear) {
			return record, err
		}
		if !pause(ctx) {
			return Record{}, unavailable(err)
		}
	}
}

func (i *Issuer) voidOnce(ctx context.Context, p Record, reason string) (Record, error) {
	server, err := i.store.Server(ctx, p.ServerToken)
	if err != nil {
		return Record{}, err
	}
	record, err := i.store.Record(ctx, p.ID)
	if err != nil || record.Status != license.Pending {
		return record, err
	}
	now := i.now()
	before := server.ChainLength
	server.slot(record.Type.Slot()).Pending = ""
	update := Update{ID: record.ID, IfStatus: license.Pending, Status: license.Void, LastChange: &Change{sweepCaller.Username, now.UTC(), "voided"}, VoidReason: reason}
	update.Apply(&record)
	entry, err := link(&server, EventVoided, sweepCaller, record, now)
	if err != nil {
		return Record{}, err
	}
	return record, i.store.Commit(ctx, Commit{Server: server, ChainBefore: before, Audit: entry, Updates: []Update{update}})
}
