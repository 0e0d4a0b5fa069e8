package issuing_test

import (
	"context"
	"testing"
	"time"

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

func TestRevoke_SaysWhatBecomesOfALoadedCopy(t *testing.T) {
	for name, c := range map[string]struct {
		q     issuing.SoldRequest
		later time.Duration
		says  string
	}{
		"permanent":    {licensetest.Permanent(), 0, "keeps working offline: ask the customer to remove it."},
		"subscription": {licensetest.Subscription(), 0, "keeps working offline until its expiration date, 22 Nov 2027: ask the customer to remove it."},
		"expired":      {licensetest.Subscription(), 400 * day, "It had expired on 22 Nov 2027 already, so no copy of it works."},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			sold := d.sold(c.q)
			d.clock.Advance(c.later)
			out, err := d.revoke(licensetest.AccountingCaller, "r", sold, 1)
			require.NoError(t, err)
			require.Contains(t, readAll(t, out).Notice, c.says)
		})
	}
}

func TestRevoke_NeedsNoSigner(t *testing.T) {
	d := newDesk(t)
	base := d.sold(licensetest.Subscription())
	out, err := issuing.NewRevoker(d.store, d.clock.Now).Revoke(context.Background(), licensetest.Call(licensetest.AdminCaller, "r"),
		issuing.RevocationRequest{ID: base.ID, Reason: "Returned.", IfMatch: 1})
	require.NoError(t, err)
	require.Equal(t, license.Revoked, read(t, out).Status)
	requireWhole(t, d, licensetest.Token)
}
