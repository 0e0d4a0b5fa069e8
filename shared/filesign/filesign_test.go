package filesign_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/memstore"
)

func TestContract(t *testing.T) {
	licensetest.Signer(t, func(t *testing.T) licensetest.SignerSetup {
		signer, keys := licensetest.Keys(t)
		return licensetest.SignerSetup{Signer: signer, Keys: keys, Disable: func(t *testing.T, purpose license.KeyPurpose) {
			for _, k := range keys {
				if k.Purpose == purpose {
					require.NoError(t, os.Remove(k.ARN))
				}
			}
		}}
	}, func(keys []keyring.Entry) licensetest.AnyStoreWithKeys { return memstore.New(keys...) })
}
