// Package issuing makes and changes licenses by the rules of the trade: who may, which term, which limits. Package
// protocol then sees to it that each happens exactly once.
package issuing

import (
	"context"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Revoker takes licenses back. It signs nothing.
type Revoker struct {
	recorder *protocol.Recorder
	store    ledger.Store
}

// NewRevoker returns a Revoker, which needs no signer and no keys. All parts are required.
func NewRevoker(store ledger.Store, now func() time.Time) *Revoker {
	return &Revoker{protocol.NewRecorder(store, now), store}
}

// Issuer makes and changes licenses, and does all that a Revoker does.
type Issuer struct {
	*Revoker
	writer *protocol.Writer
	policy policy.Policy
}

// NewIssuer returns an Issuer. All parts are required.
func NewIssuer(store ledger.Store, signer protocol.Signer, keys *keyring.Ring, rules policy.Policy, now func() time.Time) *Issuer {
	writer := protocol.NewWriter(store, signer, keys, now)
	return &Issuer{&Revoker{writer.Recorder, store}, writer, rules}
}

// Writer returns what carries the issuer's writes, which a Sweeper needs, too.
func (i *Issuer) Writer() *protocol.Writer { return i.writer }

// idPointer is where a request to change a license names it.
const idPointer = "path:id"

// find reads the license that a request names, only to learn its server.
func (r *Revoker) find(ctx context.Context, id string) (ledger.Record, error) {
	if !license.IsID(id) {
		return ledger.Record{}, license.NotFound().At(idPointer)
	}
	record, err := r.store.Record(ctx, id)
	return record, license.PointAt(err, idPointer)
}

func parseToken(raw string) (license.ServerToken, error) {
	token, err := license.ParseServerToken(raw)
	return token, license.PointAt(err, "/serverToken")
}
