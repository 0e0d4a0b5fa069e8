package memstore_test

import (
	"testing"

	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/memstore"
)

func TestContract(t *testing.T) {
	licensetest.Store(t, func(*testing.T) licensetest.AnyStore { return memstore.New() })
}
