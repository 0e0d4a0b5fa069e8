// Package issuing makes and changes licenses by the rules of the trade: who may, which term, which limits. Package
// protocol then sees to it that each happens exactly once.
package issuing

import (
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Issuer issues and renews licenses.
type Issuer struct {
	writer *protocol.Writer
	store  ledger.Store
	policy policy.Policy
}

// NewIssuer returns an Issuer. All parts are required.
func NewIssuer(store ledger.Store, signer protocol.Signer, keys *keyring.Ring, rules policy.Policy, now func() time.Time) *Issuer {
	return &Issuer{protocol.NewWriter(store, signer, keys, now), store, rules}
}

// Writer returns what carries the issuer's writes, which a Sweeper needs, too.
func (i *Issuer) Writer() *protocol.Writer { return i.writer }

func parseToken(raw string) (license.ServerToken, error) {
	token, err := license.ParseServerToken(raw)
	return token, license.PointAt(err, "/serverToken")
}
