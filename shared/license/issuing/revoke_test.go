package issuing_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

func (d *desk) revoke(caller license.Caller, key string, l license.License, ifMatch int) (protocol.Outcome, error) {
	return d.issuer.Revoke(context.Background(), licensetest.Call(caller, key), issuing.RevocationRequest{ID: l.ID, Reason: "The contract was cancelled.", IfMatch: ifMatch})
}

func TestRevoke_EndsRetrievalAndRevivesNothing(t *testing.T) {
	d := newDesk(t)
	d.trial()
	base := d.sold(licensetest.Subscription())
	out, err := d.revoke(licensetest.AdminCaller, "r", base, 1)
	require.NoError(t, err)
	require.Equal(t, license.Revoked, read(t, out).Status)
	require.Equal(t, 2, out.Version)
	_, err = registry.NewReader(d.store, d.clock.Now).Retrieve(context.Background(), string(licensetest.Token))
	requireCode(t, license.LicenseNotFound, err)

	again, err := d.revoke(licensetest.AdminCaller, "r", base, 1)
	require.NoError(t, err)
	require.Equal(t, string(out.Body), string(again.Body))
	require.True(t, again.Replayed)
	_, err = d.revoke(licensetest.AdminCaller, "other", base, 1)
	requireCode(t, license.VersionConflict, err)
	_, err = d.revoke(licensetest.AdminCaller, "another", base, 2)
	requireCode(t, license.NotCurrent, err)
	_, err = d.revoke(licensetest.SalesCaller, "sales", base, 2)
	requireCode(t, license.Forbidden, err)
	requireWhole(t, d, licensetest.Token)
}

func TestRevoke_VoidsAPendingRenewalOfIt(t *testing.T) {
	d := newDesk(t)
	base := d.sold(licensetest.Subscription())
	enable := d.disable(license.SoldKey)
	call := licensetest.Call(licensetest.AccountingCaller, "renewal")
	q := issuing.RenewalRequest{ID: base.ID, Contract: "C-2041", TermMonths: 12, IfMatch: 1}
	_, err := d.issuer.Renew(context.Background(), call, q)
	requireCode(t, license.Unavailable, err)
	_, err = d.revoke(licensetest.AccountingCaller, "r", base, 2)
	require.NoError(t, err)
	enable()
	_, err = d.issuer.Renew(context.Background(), call, q)
	requireCode(t, license.IssueVoided, err)
	requireWhole(t, d, licensetest.Token)
	require.Equal(t, 3, d.sold(licensetest.Subscription()).Sequence)
}
