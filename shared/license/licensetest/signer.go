package licensetest

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

func isConflict(err error) bool { return errors.Is(err, ledger.ErrConflict) }

// SignerSetup is a signer under test with its key table. Disable makes the key of a purpose unusable.
type SignerSetup struct {
	Signer  protocol.Signer
	Keys    []keyring.Entry
	Disable func(t *testing.T, purpose license.KeyPurpose)
}

// captureSigner keeps what Prepare made, so that the suite can hand it to the signer under test.
type captureSigner struct{ prepared protocol.Prepared }

var errCaptured = errors.New("captured")

func (c *captureSigner) Sign(_ context.Context, p protocol.Prepared) (protocol.Signature, error) {
	c.prepared = p
	return protocol.Signature{}, errors.Join(errCaptured, protocol.ErrRefused)
}

// Signer is the contract of a signer. open returns one whose keys work; store is an empty store for its key table.
func Signer(t *testing.T, open func(t *testing.T) SignerSetup, store func(keys []keyring.Entry) AnyStoreWithKeys) {
	prepare := func(t *testing.T, s SignerSetup, sold bool) protocol.Prepared {
		capture := &captureSigner{}
		clock := NewClock()
		st := store(s.Keys)
		issuer := issuing.NewIssuer(st, capture, keyring.New(st, clock.Now), policy.DefaultPolicy(), clock.Now)
		var err error
		if sold {
			_, err = issuer.Sold(context.Background(), Call(AccountingCaller, "k"), Subscription())
		} else {
			_, err = issuer.Temporary(context.Background(), Call(SalesCaller, "k"), Trial())
		}
		require.ErrorIs(t, err, errCaptured)
		return capture.prepared
	}
	for name, sold := range map[string]bool{"temporary": false, "sold": true} {
		t.Run(name+": a signature verifies, and names its request", func(t *testing.T) {
			s := open(t)
			p := prepare(t, s, sold)
			for range 300 { // one signature in 128 has an r or s that needs padding
				signature, err := s.Signer.Sign(context.Background(), p)
				require.NoError(t, err)
				require.True(t, licensekey.VerifySignature(p.Key().Public, p.SigningInput(), signature.Bytes[:]))
				require.NotEmpty(t, signature.RequestID)
			}
		})
		t.Run(name+": a disabled key is refused", func(t *testing.T) {
			s := open(t)
			p := prepare(t, s, sold)
			s.Disable(t, p.Key().Purpose)
			_, err := s.Signer.Sign(context.Background(), p)
			require.ErrorIs(t, err, protocol.ErrRefused)
		})
	}
}

// AnyStoreWithKeys is a store with a key table.
type AnyStoreWithKeys interface {
	AnyStore
	keyring.Source
}
