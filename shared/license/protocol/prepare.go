package protocol

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
)

// Prepared is a license whose exact bytes passed the product's own verifier. Only this package makes one, so that
// nothing can be signed that QMS would refuse.
type Prepared struct {
	licenseID string
	token     license.ServerToken // the server that gets it
	from      license.ServerToken // the server that it comes from, where that is another one
	key       keyring.Entry
	input     []byte
	refused   bool // the signing service has refused it before
}

// Key returns the key that signs it: its id, ARN, public key and purpose.
func (p Prepared) Key() keyring.Entry { return p.key }

// SigningInput returns the bytes to sign, under 4,096 of them.
func (p Prepared) SigningInput() []byte { return p.input }

// prepare fills in the record's key and signing input and lints them.
func (w *Writer) prepare(ctx context.Context, r *ledger.Record) (Prepared, error) {
	key, err := w.keys.Signer(ctx, r.Type.KeyPurpose())
	if err != nil {
		return Prepared{}, err
	}
	r.KeyID = key.ID
	if r.SigningInput, err = licensekey.SigningInput(key.ID, claimsOf(*r)); err != nil {
		return Prepared{}, fmt.Errorf("building license %s: %w", r.ID, err)
	}
	if err := w.lintMove(ctx, *r); err != nil {
		return Prepared{}, err
	}
	return lint(*r, key)
}

// reopen prepares a stored pending license again, with the key it names.
func (w *Writer) reopen(ctx context.Context, r ledger.Record) (Prepared, error) {
	key, err := w.keys.ByID(ctx, r.KeyID)
	if err != nil {
		return Prepared{}, fmt.Errorf("reopening license %s, key %s: %w", r.ID, r.KeyID, err)
	}
	if err := w.lintMove(ctx, r); err != nil {
		return Prepared{}, err
	}
	return lint(r, key)
}

// lintMove refuses a re-hosted license that says anything else than the base license it was made from, on the server that it
// was made from, but for Server Token, id, sequence and instants: whoever may move a license could otherwise make one.
func (w *Writer) lintMove(ctx context.Context, r ledger.Record) error {
	if r.Operation != ledger.OpRehost {
		return nil
	}
	stored, err := w.store.Record(ctx, r.Predecessor)
	if err != nil {
		return fmt.Errorf("reading license %s, which %s is made from: %w", r.Predecessor, r.ID, err)
	}
	if stored.Type.Slot() != license.BaseSlot || stored.ServerToken != r.MovedFrom || stored.ServerToken == r.ServerToken {
		return fmt.Errorf("license %s does not move %s from one server to another", r.ID, r.Predecessor)
	}
	was, is := claimsOf(stored), claimsOf(r)
	was.ID, was.ServerToken, was.Sequence, was.IssuedAt, was.ExpiresAt = is.ID, is.ServerToken, is.Sequence, is.IssuedAt, is.ExpiresAt
	if was != is {
		return fmt.Errorf("license %s says more than that %s moves", r.ID, r.Predecessor)
	}
	return nil
}

// lint signs the bytes with a throw-away key that stands in for the real one and has the product's verifier read the
// result: what it reads must be the record, and the real key must be one for this type.
func lint(r ledger.Record, key keyring.Entry) (Prepared, error) {
	throwaway, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Prepared{}, err
	}
	hash := sha256.Sum256(r.SigningInput)
	der, err := throwaway.Sign(rand.Reader, hash[:], nil)
	if err != nil {
		return Prepared{}, err
	}
	signature, err := licensekey.SignatureFromDER(der)
	if err != nil {
		return Prepared{}, err
	}
	claims, _, err := licensekey.Verify(licensekey.Join(r.SigningInput, signature), func(kid string) (licensekey.Key, error) {
		if kid != key.ID {
			return licensekey.Key{}, licensekey.ErrUnknownKey
		}
		return licensekey.Key{ID: kid, Public: &throwaway.PublicKey, Types: key.Types}, nil
	})
	if err != nil {
		return Prepared{}, fmt.Errorf("license %s would not load: %w", r.ID, err)
	}
	if claims != claimsOf(r) {
		return Prepared{}, fmt.Errorf("license %s: the bytes to sign say something else than the record", r.ID)
	}
	return Prepared{r.ID, r.ServerToken, r.MovedFrom, key, r.SigningInput, !r.RefusedSince.IsZero()}, nil
}

// ClaimsOf is what the license key of a record must say.
func ClaimsOf(r ledger.Record) licensekey.Claims { return claimsOf(r) }

// claimsOf is what the license key of a record says.
func claimsOf(r ledger.Record) licensekey.Claims {
	c := licensekey.Claims{
		ID:          r.ID,
		ServerToken: r.ServerToken,
		IssuedAt:    r.IssuedAt.Unix(),
		Type:        r.Type,
		ExpiresOn:   r.ExpiresOn,
		Seats:       r.Seats,
		Suite:       r.Modules.QMSSuite,
		Sequence:    r.Sequence,
	}
	if r.ExpiresOn != license.Never {
		c.ExpiresAt = r.ExpiresOn.ExpiryInstant().Unix()
	}
	return c
}
