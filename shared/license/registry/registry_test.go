package registry_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/registry"
)

// shelf is a store of licenses that are given to it.
type shelf struct{ current, all []license.License }

func (s shelf) License(_ context.Context, id string) (license.License, license.Date, error) {
	for _, l := range s.all {
		if l.ID == id {
			return l, license.Never, nil
		}
	}
	return license.License{}, license.Never, license.NotFound()
}

func (s shelf) Current(context.Context, license.ServerToken) ([]license.License, error) {
	return s.current, nil
}

func reader(s shelf) *registry.Reader { return registry.NewReader(s, licensetest.NewClock().Now) }

func TestRetrieve_WhichLicenseAServerHas(t *testing.T) {
	past, future := license.MakeDate(2026, 11, 1), license.MakeDate(2026, 12, 1)
	active := func(sequence int) license.License {
		return license.License{Sequence: sequence, Status: license.Active, ExpiresOn: future}
	}
	expired := func(sequence int) license.License {
		return license.License{Sequence: sequence, Status: license.Active, ExpiresOn: past}
	}
	for name, c := range map[string]struct {
		current []license.License
		want    int // sequence; 0 is none
		status  license.Status
	}{
		"none":                                 {nil, 0, ""},
		"one":                                  {[]license.License{active(1)}, 1, license.Active},
		"the highest of two that are active":   {[]license.License{active(2), active(3)}, 3, license.Active},
		"in whatever order":                    {[]license.License{active(3), active(2)}, 3, license.Active},
		"the active one before a newer ended":  {[]license.License{active(1), expired(2)}, 1, license.Active},
		"the active one after an older ended":  {[]license.License{expired(1), active(2)}, 2, license.Active},
		"the newest of two that ended":         {[]license.License{expired(4), expired(5)}, 5, license.Expired},
		"a revoked one is as if it were not":   {[]license.License{{Sequence: 9, Status: license.Revoked, ExpiresOn: future}}, 0, ""},
		"a pending one is as if it were not":   {[]license.License{{Sequence: 9, Status: license.Pending, ExpiresOn: future}, expired(2)}, 2, license.Expired},
		"a permanent one never ends":           {[]license.License{{Sequence: 1, Status: license.Active}}, 1, license.Active},
		"an emergency over a subscription":     {[]license.License{active(1), active(7)}, 7, license.Active},
		"a subscription that outlived a trial": {[]license.License{active(8), expired(7)}, 8, license.Active},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := reader(shelf{current: c.current}).Retrieve(context.Background(), string(licensetest.Token))
			if c.want == 0 {
				var refusal *license.Error
				require.ErrorAs(t, err, &refusal)
				require.Equal(t, license.LicenseNotFound, refusal.Code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got.Sequence)
			require.Equal(t, c.status, got.Status)
		})
	}
}

func TestShow_IsForStaff(t *testing.T) {
	r, ctx := reader(shelf{}), context.Background()
	_, err := r.Show(ctx, license.Caller{}, "x")
	require.ErrorContains(t, err, "forbidden")
	for _, id := range []string{"x", "00000000000000000000000000000000"} {
		_, err = r.Show(ctx, licensetest.AdminCaller, id)
		require.ErrorContains(t, err, "license_not_found")
	}
}
