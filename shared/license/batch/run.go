package batch

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/protocol"
)

const (
	// rowLeast is the time that must be left before a license is begun. One takes a tenth of a second; the rest is for a
	// store or a signer that is slow just then.
	rowLeast = 2 * time.Second
	// rowMost bounds one license: a lease that a dead process holds is over by then.
	rowMost = 10 * time.Second
	// unavailableMost is how many licenses in a row may fail as Unavailable before no more are begun: each leaves a license
	// pending, and what keeps so many from being signed keeps the rest, too.
	unavailableMost = atOnce
)

// Target is a license to renew and the version that it was previewed at.
type Target struct {
	ID      string
	Version int
}

// Result is what became of one license in a run.
type Result string

// The results. NotAttempted: nothing was begun, because time ran out or because it would have failed as the ones before.
const (
	Renewed      Result = "renewed"
	Failed       Result = "failed"
	NotAttempted Result = "not_attempted"
)

// Row is what became of one license: Outcome if it was renewed, Err if it failed.
type Row struct {
	LicenseID string
	Result    Result
	Outcome   protocol.Outcome
	Err       error
}

// Run renews the targets, 1 to MaxLicenses, and returns their rows in the same order; accounting only. Each is written
// under an Idempotency-Key of its own that follows from the run's: the same run again replays what is renewed and attempts
// what is not. The error is a refusal of the whole request, before anything was renewed: InvalidRequest, TooManyLicenses, and
// IdempotencyKeyReused where the key was another run's.
func (r *Renewer) Run(ctx context.Context, call protocol.Call, targets []Target, terms Terms) ([]Row, error) {
	if err := call.Caller.Authorize(license.Renew); err != nil {
		return nil, err
	}
	terms, termsErr := terms.clean()
	ids, idsErr := checkTargets(targets)
	if err := license.Collect(idsErr, termsErr); err != nil {
		return nil, err
	}
	rows := make([]Row, len(targets))
	cleaned := make([]Target, len(targets))
	for n, id := range ids {
		rows[n] = Row{LicenseID: id, Result: NotAttempted}
		cleaned[n] = Target{id, targets[n].Version}
	}
	if err := r.issuer.Writer().Begin(ctx, call, protocol.Digest([]any{cleaned, terms})); err != nil {
		return nil, err
	}
	var unavailable atomic.Int64
	inOrder(len(rows), func(n int) (goOn bool) {
		if !timeLeft(ctx) {
			return false
		}
		row := &rows[n]
		row.Err = alone(func() (err error) {
			bound, cancel := bounded(ctx)
			defer cancel()
			row.Outcome, err = r.issuer.Renew(bound, rowCall(call, row.LicenseID), terms.request(row.LicenseID, targets[n].Version))
			return notFoundAt(err, targetPlace(n))
		})
		if row.Result = Renewed; row.Err != nil {
			row.Result = Failed
		}
		return !hopeless(row.Err, &unavailable)
	})
	return rows, nil
}

func checkTargets(targets []Target) ([]string, error) {
	ids := make([]string, len(targets))
	for n, target := range targets {
		ids[n] = target.ID
	}
	ids, err := checkIDs(ids, "licenses", targetPlace)
	errs := []error{err}
	for n, target := range targets[:len(ids)] {
		if target.Version < 1 {
			errs = append(errs, license.Invalid(fmt.Sprintf("/licenses/%d/version", n), "A version is a whole number from 1 on. Send the one that the dry run answered."))
		}
	}
	return ids, license.Collect(errs...)
}

func targetPlace(n int) string { return fmt.Sprintf("/licenses/%d/licenseId", n) }

// rowCall is the call that renews one license: its key follows from the run's and is as long as any SHA-256 in hex.
func rowCall(run protocol.Call, id string) protocol.Call {
	run.IdempotencyKey = protocol.Digest([]string{run.IdempotencyKey, id})
	return run
}

// timeLeft reports whether there is time for another license.
func timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() == nil && (!ok || time.Until(deadline) >= rowLeast)
}

// hopeless reports whether the licenses that are not begun yet would fail as this one did: its caller may issue no more
// today, or unavailableMost have failed as Unavailable without another answer in between.
func hopeless(err error, unavailable *atomic.Int64) bool {
	var refusal *license.Error
	errors.As(err, &refusal)
	switch {
	case refusal != nil && refusal.Code == license.QuotaExceeded:
		return true
	case refusal != nil && refusal.Code == license.Unavailable, errors.Is(err, license.ErrUnclear), errors.Is(err, context.DeadlineExceeded):
		return unavailable.Add(1) >= unavailableMost
	}
	unavailable.Store(0)
	return false
}
