package ledger

import (
	"context"
	"errors"
	"time"

	"qmslicensing/shared/license"
)

// ErrConflict says that a condition of a Commit or Touch did not hold: read again from the start.
var ErrConflict = errors.New("a condition of the write did not hold")

// ErrUnreadable says that an item is there and cannot be read: somebody has broken it.
var ErrUnreadable = errors.New("the item is broken")

// ErrUnclear is license.ErrUnclear: read again from the start.
var ErrUnclear = license.ErrUnclear

// Reader reads what is stored. All reads are consistent. An unreachable store is ErrUnclear; every other failure is an
// error of its own.
type Reader interface {
	// Server returns the server item, or one with nothing but its Token if there is none.
	Server(ctx context.Context, token license.ServerToken) (Server, error)
	// Record returns a license; a *license.Error LicenseNotFound if there is none.
	Record(ctx context.Context, id string) (Record, error)
	// Idempotency returns the record of that key and whether there is one.
	Idempotency(ctx context.Context, key string) (IdempotencyRecord, bool, error)
	// Document returns a document and whether there is one.
	Document(ctx context.Context, kind, id string) (Document, bool, error)
	// Count returns a counter, 0 if there is none.
	Count(ctx context.Context, key string) (int, error)
}

// Store keeps licenses, servers, idempotency records, documents and counters.
type Store interface {
	Reader
	// Commit writes all or nothing. ErrConflict: nothing was written; ErrUnclear: perhaps.
	Commit(ctx context.Context, c Commit) error
	// Touch changes a pending license and returns it changed; ErrConflict if it is not pending or the lease is held.
	Touch(ctx context.Context, id string, t Touch) (Record, error)
}

// Shelf lists documents. It may read an index that lags behind: whoever decides reads the document again.
type Shelf interface {
	// Documents returns documents of a kind in a state, newest first, at most limit; after names the last one of the page
	// before, its zero value starts at the newest.
	Documents(ctx context.Context, kind, state string, after Position, limit int) ([]Document, error)
	// Queue returns the same oldest first; the zero value of after starts at the oldest.
	Queue(ctx context.Context, kind, state string, after Position, limit int) ([]Document, error)
}

// Position is a document's place in a list.
type Position struct {
	At time.Time
	ID string
}

// ChainReader reads audit chains, consistently.
type ChainReader interface {
	// Server is Reader's.
	Server(ctx context.Context, token license.ServerToken) (Server, error)
	// AuditEntries returns audit entries of a server with numbers above the given one, lowest first, at most limit.
	AuditEntries(ctx context.Context, token license.ServerToken, after, limit int) ([]AuditEntry, error)
}

// Scanner goes through everything that is stored besides audit entries, keys and counters.
type Scanner interface {
	// Scan returns items that follow the given place, about limit; "" is the start. It may lag behind, and items that are
	// written meanwhile may be in it or not.
	Scan(ctx context.Context, after string, limit int) (Batch, error)
}

// Batch is some of what is stored, and the place that the next one starts at: "" after the last.
type Batch struct {
	Licenses    []Record
	Servers     []Server
	Idempotency []IdempotencyRecord
	Documents   []Document
	Unreadable  []Unreadable
	Next        string
}

// Unreadable is an item that somebody has broken: its key, and what cannot be read.
type Unreadable struct{ Item, Why string }
