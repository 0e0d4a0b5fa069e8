package archive

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"qmslicensing/shared/license/ledger"
)

// Source is where objects are read back.
type Source interface {
	// List gives the names that start with prefix, in order.
	List(ctx context.Context, prefix string) iter.Seq2[string, error]
	// Get gives an object's content.
	Get(ctx context.Context, name string) ([]byte, error)
}

// ErrDamaged says that an object of the archive is no entry, or not the one that its name says.
var ErrDamaged = errors.New("the archive holds no entry under this name")

// Entries reads back the entries whose names start with prefix, All or the Folder of a server: the entries of one server
// after the other, each server's by number. An object that is ErrDamaged is told and passed by; any other error ends it.
func Entries(ctx context.Context, source Source, prefix string) iter.Seq2[ledger.AuditEntry, error] {
	return func(yield func(ledger.AuditEntry, error) bool) {
		for name, err := range source.List(ctx, prefix) {
			var e ledger.AuditEntry
			if err == nil {
				e, err = read(ctx, source, name)
			}
			if !yield(e, err) || err != nil && !errors.Is(err, ErrDamaged) {
				return
			}
		}
	}
}

func read(ctx context.Context, source Source, name string) (ledger.AuditEntry, error) {
	body, err := source.Get(ctx, name)
	if err != nil {
		return ledger.AuditEntry{}, err
	}
	e, err := Decode(body)
	if err == nil && Name(e.ServerToken, e.Number) != name {
		err = fmt.Errorf("it is entry %d of server %s", e.Number, folder(e.ServerToken))
	}
	if err != nil {
		return e, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	return e, nil
}
