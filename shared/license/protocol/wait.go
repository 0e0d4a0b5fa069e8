package protocol

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

const (
	// leaseTime is how long one caller has to sign before another may try. One KMS call a lease.
	leaseTime = 5 * time.Second
	// answerMargin is kept before the deadline to answer 503 instead of being killed.
	answerMargin = 500 * time.Millisecond
	// retryAfter is what a caller that ran out of time is told to wait.
	retryAfter = leaseTime
)

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

// Unavailable is the answer when the time is up before the outcome is known.
func Unavailable(cause error) error {
	return &unavailableError{license.Error{
		Code:       license.Unavailable,
		Detail:     "This is not confirmed yet. Try again with the same Idempotency-Key: the same request continues where it stopped, so it cannot happen twice.",
		RetryAfter: retryAfter,
	}, cause}
}

// untilClear tries a write again, from the start, while a condition did not hold or its outcome is not known.
func untilClear[T any](ctx context.Context, try func() (T, error)) (T, error) {
	for {
		made, err := try()
		if !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnclear) {
			return made, err
		}
		if !pause(ctx) {
			var none T
			return none, Unavailable(err)
		}
	}
}
