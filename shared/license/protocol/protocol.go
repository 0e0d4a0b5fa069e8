// Package protocol carries a write through the steps that make a license exactly once. A write goes through four steps: Prepare builds and
// lints the exact bytes to sign, the intent transaction stores them as a pending license, the signer signs them, and the
// activation transaction stores the key and freezes the answer. Whoever finds a step undone takes it: the same caller
// again, another writer of the same server, or the sweep. Every transaction writes the server item on condition of its
// audit chain's length, so that two writers of one server never both decide from the same state.
package protocol

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
	"qmslicensing/shared/license/ledger"
)

// ErrRefused says that the signing service refuses to use the key (disabled, denied, not found, invalid state): trying
// again does not help until an operator mends it.
var ErrRefused = errors.New("the signing service refuses the key")

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

// Recorder carries the writes through that sign nothing.
type Recorder struct {
	store ledger.Store
	now   func() time.Time
}

// NewRecorder returns a Recorder. All parts are required.
func NewRecorder(store ledger.Store, now func() time.Time) *Recorder { return &Recorder{store, now} }

// Writer carries writes through the protocol.
type Writer struct {
	*Recorder
	signer Signer
	keys   *keyring.Ring
}

// NewWriter returns a Writer. All parts are required.
func NewWriter(store ledger.Store, signer Signer, keys *keyring.Ring, now func() time.Time) *Writer {
	return &Writer{NewRecorder(store, now), signer, keys}
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
	return Digest([]string{c.Caller.Subject, c.Method, c.Path, c.IdempotencyKey})
}

// Digest returns the SHA-256 of a value's JSON, in hex.
//
// Idempotency records do not expire, so a member that is added to a request later must be omitzero: the hash of a request
// without it stays what it was.
func Digest(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("protocol: hashing %T: %v", v, err)) // only strings, numbers and dates are hashed
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// NewID returns an id for a license or a document: 128 random bits in hex.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Outcome is the answer to a write. Body is the frozen JSON, the same for every replay.
type Outcome struct {
	LicenseID  string // "" where a document was made or changed
	DocumentID string
	Version    int
	Body       []byte
	Replayed   bool
}

// answer is the shape of Outcome.Body.
type answer struct {
	License           license.License  `json:"license"`
	PreviousExpiresOn *license.Date    `json:"previousExpiresOn,omitempty"`
	ExpiresOn         *license.Date    `json:"expiresOn,omitempty"`
	PreviousLicenseID license.Optional `json:"previousLicenseId,omitempty"`
	Changes           *ledger.Changes  `json:"changes,omitempty"`
	Notice            string           `json:"notice,omitempty"`
}

// Freeze makes the answer to a write of a license. A notice is what the caller must know besides, in a sentence.
func Freeze(r ledger.Record, notice string) ([]byte, error) {
	a := answer{License: r.License, Changes: r.Changes, Notice: notice}
	switch r.Operation {
	case ledger.OpRenew:
		a.PreviousExpiresOn, a.ExpiresOn = &r.PreviousExpiresOn, &r.ExpiresOn
	case ledger.OpAmend, ledger.OpCorrect, ledger.OpRehost:
		a.PreviousLicenseID = license.Optional(r.Predecessor)
	}
	return json.Marshal(a)
}
