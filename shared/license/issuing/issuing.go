// Package issuing makes and changes licenses, exactly once each. A write goes through four steps: Prepare builds and
// lints the exact bytes to sign, the intent transaction stores them as a pending license, the signer signs them, and the
// activation transaction stores the key and freezes the answer. Whoever finds a step undone takes it: the same caller
// again, another writer of the same server, or the sweep. Every transaction writes the server item on condition of its
// audit chain's length, so that two writers of one server never both decide from the same state.
package issuing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

// ErrConflict says that a condition of a Commit or Touch did not hold: read again from the start.
var ErrConflict = errors.New("a condition of the write did not hold")

// ErrUnclear is license.ErrUnclear: read again from the start.
var ErrUnclear = license.ErrUnclear

// ErrRefused says that the signing service refuses to use the key (disabled, denied, not found, invalid state): trying
// again does not help until an operator mends it.
var ErrRefused = errors.New("the signing service refuses the key")

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

// Signer signs what was prepared. The signature is verified with the public key before it is returned. ErrRefused
// if the key cannot be used; any other error may pass.
type Signer interface {
	Sign(ctx context.Context, p Prepared) (Signature, error)
}

// Signature is r‖s, 32 bytes each, and the id of the request that made it.
type Signature struct {
	Bytes     [64]byte
	RequestID string
}

// Policy is the configurable part of the rules.
type Policy struct {
	TrialDays           int      // the longest trial, and the default
	TroubleshootingDays int      // likewise
	EmergencyDays       int      // likewise
	Conditions          []string // the conditions of a sale that a permanent license needs
}

// DefaultPolicy returns the limits of the design: 30, 30 and 14 days, and the four conditions of a sale.
func DefaultPolicy() Policy {
	return Policy{30, 30, 14, []string{"contract-signed", "payment-received", "quantities-match", "customer-name-matches"}}
}

func (p Policy) days(purpose license.Purpose) int {
	switch purpose {
	case license.Trial:
		return p.TrialDays
	case license.Troubleshooting:
		return p.TroubleshootingDays
	case license.Emergency:
		return p.EmergencyDays
	}
	return 0
}

// Issuer issues and renews licenses.
type Issuer struct {
	store  Store
	signer Signer
	keys   *keyring.Ring
	policy Policy
	now    func() time.Time
}

// NewIssuer returns an Issuer. All parts are required.
func NewIssuer(store Store, signer Signer, keys *keyring.Ring, policy Policy, now func() time.Time) *Issuer {
	return &Issuer{store, signer, keys, policy, now}
}

// Call is who asks for a write and under which Idempotency-Key. Method and Path are the request's own.
type Call struct {
	Caller         license.Caller
	Method         string
	Path           string
	IdempotencyKey string
}

// key is the key of the call's idempotency record. JSON keeps the four parts apart.
func (c Call) key() string {
	return digest([]string{c.Caller.Subject, c.Method, c.Path, c.IdempotencyKey})
}

// digest returns the SHA-256 of a value's JSON, in hex.
//
// Idempotency records do not expire, so a member that is added to a request later must be omitzero: the hash of a request
// without it stays what it was.
func digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("issuing: hashing %T: %v", v, err)) // only strings, numbers and dates are hashed
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// newID returns a license id: 128 random bits in hex.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Outcome is the answer to a write. Body is the frozen JSON, the same for every replay.
type Outcome struct {
	LicenseID string
	Version   int
	Body      []byte
	Replayed  bool
}

// answer is the shape of Outcome.Body.
type answer struct {
	License           license.License `json:"license"`
	PreviousExpiresOn *license.Date   `json:"previousExpiresOn,omitempty"`
	ExpiresOn         *license.Date   `json:"expiresOn,omitempty"`
}

func freeze(r Record) ([]byte, error) {
	a := answer{License: r.License}
	if r.Operation == OpRenew {
		a.PreviousExpiresOn, a.ExpiresOn = &r.PreviousExpiresOn, &r.ExpiresOn
	}
	return json.Marshal(a)
}
