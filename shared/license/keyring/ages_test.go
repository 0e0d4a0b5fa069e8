package keyring_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/licensetest"
)

type table []keyring.Entry

func (t table) Keys(context.Context) ([]keyring.Entry, error) { return t, nil }

func TestAges_SayWhenASignerIsToBeRotated(t *testing.T) {
	now := time.Date(2028, 1, 31, 9, 0, 0, 0, time.UTC)
	key := func(id string, state keyring.State, days int) keyring.Entry {
		e := keyring.Entry{Key: licensekey.Key{ID: id}, Purpose: license.SoldKey, State: state}
		if days > 0 {
			e.Created, e.Since = now.AddDate(0, 0, -days-10), now.AddDate(0, 0, -days)
		}
		return e
	}
	ring := keyring.New(table{
		key("a", keyring.Signing, 365), key("b", keyring.Signing, 366), key("c", keyring.Standby, 900), key("d", keyring.Retired, 900), key("e", keyring.Signing, 0),
	}, func() time.Time { return now })
	ages, err := ring.Ages(context.Background(), licensetest.AdminCaller)
	require.NoError(t, err)
	require.Equal(t, 375, *ages[0].AgeDays)
	require.Equal(t, license.MakeDate(2027, 1, 31), ages[0].StateSince)
	require.Empty(t, ages[0].NextStep)
	require.Contains(t, string(ages[1].NextStep), "It has signed for 366 days")
	require.Empty(t, ages[2].NextStep, "a standby waits as long as it must")
	require.Empty(t, ages[3].NextStep)
	require.Nil(t, ages[4].AgeDays)
	require.Contains(t, string(ages[4].NextStep), "not known")
	for _, caller := range []license.Caller{licensetest.SalesCaller, licensetest.SupportCaller, licensetest.AccountingCaller, {}} {
		_, err := ring.Ages(context.Background(), caller)
		var refusal *license.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, license.Forbidden, refusal.Code)
	}
}
