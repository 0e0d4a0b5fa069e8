package protocol

import (
	"context"
	"errors"
	"fmt"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
)

// finish takes a license to its end, whoever began it, and returns it once it is no longer pending. held is its
// preparation if the caller has the lease; otherwise finish waits for the lease to be over and takes it.
func (w *Writer) finish(ctx context.Context, by license.Caller, id string, held *Prepared) (ledger.Record, error) {
	var failed error // what the signing service said last
	for {
		if held == nil {
			record, prepared, err := w.awaitLease(ctx, id)
			if err != nil {
				return record, errors.Join(err, failed)
			}
			if record.Status != license.Pending {
				return record, nil
			}
			held = &prepared
		}
		record, err := w.conclude(ctx, by, *held)
		var signing *signingError
		if !errors.As(err, &signing) {
			return record, err
		}
		if ctx.Err() != nil {
			return ledger.Record{}, Unavailable(err)
		}
		held, failed = nil, err // this lease's one call is used up
	}
}

// conclude uses a lease: it signs once and activates. A signature that failed and may succeed later is a *signingError.
func (w *Writer) conclude(ctx context.Context, by license.Caller, p Prepared) (ledger.Record, error) {
	bounded, cancel := context.WithTimeout(ctx, leaseTime)
	defer cancel()
	signature, err := w.signer.Sign(bounded, p)
	switch {
	case errors.Is(err, ErrRefused):
		return ledger.Record{}, w.refused(ctx, p.licenseID, err)
	case err != nil:
		return ledger.Record{}, &signingError{err}
	}
	if p.refused {
		if _, err := w.store.Touch(ctx, p.licenseID, ledger.Touch{Signed: true}); err != nil && !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnclear) {
			return ledger.Record{}, err
		}
	}
	return w.activate(ctx, by, p, ledger.Signed{LicenseKey: license.Optional(licensekey.Join(p.input, signature.Bytes)), KMSRequestID: signature.RequestID})
}

// signingError is a failure of the signing service that may pass.
type signingError struct{ error }

func (e *signingError) Unwrap() error { return e.error }

// awaitLease polls a license until it is no longer pending or its lease is over, and then takes the lease.
func (w *Writer) awaitLease(ctx context.Context, id string) (ledger.Record, Prepared, error) {
	for {
		record, err := w.store.Record(ctx, id)
		switch {
		case errors.Is(err, ledger.ErrUnclear):
		case err != nil || record.Status != license.Pending:
			return record, Prepared{}, err
		case !w.now().Before(record.LeaseUntil):
			record, err = w.store.Touch(ctx, id, ledger.Touch{Now: w.now(), LeaseUntil: w.now().Add(leaseTime)})
			if err == nil {
				prepared, err := w.reopen(ctx, record)
				return record, prepared, err
			}
			if !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnclear) {
				return record, Prepared{}, err
			}
		}
		if !pause(ctx) {
			return ledger.Record{}, Prepared{}, Unavailable(fmt.Errorf("waiting for license %s: %w", id, ctx.Err()))
		}
	}
}

// refused remembers when the signing service first refused and says so in words.
func (w *Writer) refused(ctx context.Context, id string, cause error) error {
	if _, err := w.store.Touch(ctx, id, ledger.Touch{RefusedSince: w.now()}); err != nil && !errors.Is(err, ledger.ErrConflict) {
		cause = errors.Join(cause, err)
	}
	return &unavailableError{license.Error{
		Code:       license.Unavailable,
		Detail:     "The signing key cannot be used at the moment, so the license is not signed yet. Try again in a minute: the same request continues where it stopped. If it lasts, tell an administrator; support can bridge with an emergency license.",
		RetryAfter: time.Minute,
	}, cause}
}
