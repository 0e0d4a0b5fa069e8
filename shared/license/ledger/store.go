package ledger

import (
	"context"
	"errors"

	"qmslicensing/shared/license"
)

// ErrConflict says that a condition of a Commit or Touch did not hold: read again from the start.
var ErrConflict = errors.New("a condition of the write did not hold")

// ErrUnclear is license.ErrUnclear: read again from the start.
var ErrUnclear = license.ErrUnclear

// Store keeps licenses, servers and idempotency records. All reads are consistent. An unreachable store is ErrUnclear;
// every other failure is an error of its own.
type Store interface {
	// Server returns the server item, or one with nothing but its Token if there is none.
	Server(ctx context.Context, token license.ServerToken) (Server, error)
	// Record returns a license; a *license.Error LicenseNotFound if there is none.
	Record(ctx context.Context, id string) (Record, error)
	// Idempotency returns the record of that key and whether there is one.
	Idempotency(ctx context.Context, key string) (IdempotencyRecord, bool, error)
	// Commit writes all or nothing. ErrConflict: nothing was written; ErrUnclear: perhaps.
	Commit(ctx context.Context, c Commit) error
	// Touch changes a pending license and returns it changed; ErrConflict if it is not pending or the lease is held.
	Touch(ctx context.Context, id string, t Touch) (Record, error)
}
