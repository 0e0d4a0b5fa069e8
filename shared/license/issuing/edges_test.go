package issuing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// storeDouble lets a test stand between issuing and its store.
type storeDouble struct {
	ledger.Store
	commit func(ctx context.Context, c ledger.Commit) error
}

func (s storeDouble) Commit(ctx context.Context, c ledger.Commit) error { return s.commit(ctx, c) }

// signerFunc is a signer made of a function.
type signerFunc func(context.Context, protocol.Prepared) (protocol.Signature, error)

func (f signerFunc) Sign(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
	return f(ctx, p)
}

func TestIdempotency_AReplayOutlivesAChangeOfTheLimits(t *testing.T) {
	d := newDesk(t)
	call := licensetest.Call(licensetest.SalesCaller, "k")
	q := licensetest.Trial()
	q.Days = 30
	first, err := d.issuer.Temporary(context.Background(), call, q)
	require.NoError(t, err)
	sold := licensetest.Call(licensetest.AccountingCaller, "k")
	permanent := licensetest.Permanent()
	bought, err := d.issuer.Sold(context.Background(), sold, permanent)
	require.NoError(t, err)
	stricter := policy.Policy{TrialDays: 20, TroubleshootingDays: 20, EmergencyDays: 20, Conditions: []string{"notarized"}}
	d.issuer = issuing.NewIssuer(d.store, d.signer, keyring.New(d.store, d.clock.Now), stricter, d.clock.Now)
	again, err := d.issuer.Temporary(context.Background(), call, q)
	require.NoError(t, err)
	require.Equal(t, string(first.Body), string(again.Body))
	again, err = d.issuer.Sold(context.Background(), sold, permanent)
	require.NoError(t, err)
	require.Equal(t, string(bought.Body), string(again.Body))
}

func TestIntent_ALostReplyCostsNothing(t *testing.T) {
	d := newDesk(t)
	commits := 0
	store := storeDouble{d.store, func(ctx context.Context, c ledger.Commit) error {
		if commits++; commits == 1 {
			require.NoError(t, d.store.Commit(ctx, c))
			return ledger.ErrUnclear
		}
		return d.store.Commit(ctx, c)
	}}
	out, err := d.issuerWith(store, d.signer).Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "k"), licensetest.Subscription())
	require.NoError(t, err)
	require.False(t, out.Replayed, "it is this caller's first answer")
	require.Equal(t, 1, d.record(out.LicenseID).Attempts, "its own lease was still good")
	requireWhole(t, d, licensetest.Token)
}

func TestSign_AHangingCallIsBoundedByItsLease(t *testing.T) {
	d := newDesk(t)
	calls := 0
	signer := signerFunc(func(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
		if calls++; calls == 1 {
			<-ctx.Done()
			d.clock.Advance(6 * time.Second)
			return protocol.Signature{}, ctx.Err()
		}
		return d.signer.Sign(ctx, p)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := d.issuerWith(d.store, signer).Sold(ctx, licensetest.Call(licensetest.AccountingCaller, "k"), licensetest.Subscription())
	require.NoError(t, err)
	require.Equal(t, 2, d.record(out.LicenseID).Attempts)
}

func TestSweep_ASignatureForgetsTheRefusalsBeforeIt(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	enable := d.disable(license.SoldKey)
	_, err := d.issuer.Sold(ctx, licensetest.Call(licensetest.AccountingCaller, "k"), licensetest.Subscription())
	requireCode(t, license.Unavailable, err)
	pending, err := d.store.Pending(ctx, d.clock.Now().Add(time.Minute), 1)
	require.NoError(t, err)
	require.NotZero(t, d.record(pending[0]).RefusedSince)

	d.clock.Advance(10 * time.Minute)
	enable()
	died := errors.New("the sweep died before the activation")
	dying := storeDouble{d.store, func(context.Context, ledger.Commit) error { return died }}
	failed, err := protocol.NewSweeper(d.issuerWith(dying, d.signer).Writer(), d.store).Sweep(ctx)
	require.ErrorIs(t, err, died)
	require.Equal(t, protocol.SweepReport{Waiting: 1, OldestPendingSeconds: 10 * 60}, failed, "a sweep that fails says how old the license is, too")

	d.disable(license.SoldKey)
	d.clock.Advance(6 * time.Minute)
	report, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Waiting: 1, OldestPendingSeconds: 16 * 60}, report, "it signed six minutes ago")
}

func TestSweep_OneUnreadableLicenseDoesNotStopTheOthers(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	enable := d.disable(license.TemporaryKey)
	_, err := d.issuer.Temporary(ctx, licensetest.Call(licensetest.SalesCaller, "k"), licensetest.Trial())
	requireCode(t, license.Unavailable, err)
	enable()
	d.clock.Advance(6 * time.Second)
	report, err := protocol.NewSweeper(d.issuer.Writer(), pendings{"00000000000000000000000000000000", d}).Sweep(ctx)
	requireCode(t, license.LicenseNotFound, err)
	require.Equal(t, protocol.SweepReport{Finished: 1, Waiting: 1}, report)
}

func TestSweep_TheOldestThatStaysPendingGivesTheAge(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.disable(license.SoldKey)
	enable := d.disable(license.TemporaryKey)
	_, err := d.issuer.Temporary(ctx, licensetest.Call(licensetest.SalesCaller, "finished"), licensetest.Trial())
	requireCode(t, license.Unavailable, err)
	for _, token := range []string{"QMSA-0000-0001", "QMSA-0000-0002"} {
		d.clock.Advance(7 * time.Minute)
		q := licensetest.Subscription()
		q.ServerToken = token
		_, err := d.issuer.Sold(ctx, licensetest.Call(licensetest.AccountingCaller, token), q)
		requireCode(t, license.Unavailable, err)
	}
	enable()
	d.clock.Advance(5 * time.Minute)
	report, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Finished: 1, Waiting: 2, OldestPendingSeconds: 12 * 60}, report,
		"the older trial is finished and no longer counts")
}

// pendings names a license that is not there before the real ones.
type pendings struct {
	first string
	desk  *desk
}

func (p pendings) Pending(ctx context.Context, at time.Time, limit int) ([]string, error) {
	found, err := p.desk.store.Pending(ctx, at, limit)
	return append([]string{p.first}, found...), err
}

func TestRenew_120MonthsKeepTheAnchor(t *testing.T) {
	d := newDesk(t)
	d.clock.Set(time.Date(2030, 1, 31, 8, 0, 0, 0, time.UTC))
	q := licensetest.Subscription()
	q.TermMonths = 1
	renewed, err := d.renew(d.sold(q), issuing.RenewalRequest{TermMonths: 120})
	require.NoError(t, err)
	require.Equal(t, "2030-02-28", renewed.StartsOn.String())
	require.Equal(t, "2040-02-28", renewed.ExpiresOn.String(), "the day before 29 Feb 2040")
}

func TestRenew_AnExplicitEndDoesNotShortenTheLicense(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	for _, basis := range []license.RenewalBasis{license.BasisExpiration, license.BasisToday} {
		_, err := d.renew(old, issuing.RenewalRequest{ExpiresOn: old.ExpiresOn.AddDays(-1), Basis: basis})
		require.Equal(t, "/expiresOn", requireCode(t, license.InvalidRequest, err).Fields[0].Pointer)
	}
	_, err := d.renew(old, issuing.RenewalRequest{ExpiresOn: license.Today(d.clock.Now())})
	requireCode(t, license.RenewalInPast, err)
	renewed, err := d.renew(old, issuing.RenewalRequest{ExpiresOn: old.ExpiresOn.AddDays(10)})
	require.NoError(t, err)
	require.Equal(t, old.ExpiresOn.AddDays(10), renewed.ExpiresOn)
}

func TestRenew_EndsWithinTheYearsOfTheFormat(t *testing.T) {
	d := newDesk(t)
	l := d.sold(licensetest.Subscription())
	var err error
	for n := range 1000 {
		if n%100 == 99 {
			d.clock.Advance(24 * time.Hour) // a person's day has 200
		}
		next, failed := d.renew(l, issuing.RenewalRequest{TermMonths: 120})
		if failed != nil {
			err = failed
			break
		}
		l = next
	}
	require.Contains(t, requireCode(t, license.InvalidRequest, err).Detail, "31 Dec 9998")
}

func TestVoid_SaysWhy(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	base := d.sold(licensetest.Subscription())
	d.disable(license.SoldKey)
	call := licensetest.Call(licensetest.AccountingCaller, "renewal")
	q := issuing.RenewalRequest{ID: base.ID, Contract: "C", TermMonths: 1, IfMatch: 1}
	_, err := d.issuer.Renew(ctx, call, q)
	requireCode(t, license.Unavailable, err)
	_, err = d.revoke(licensetest.AdminCaller, "revoke", base, 2)
	require.NoError(t, err)
	_, err = d.issuer.Renew(ctx, call, q)
	require.Contains(t, requireCode(t, license.IssueVoided, err).Detail, "the license it was to follow was revoked")
	chain := d.store.Audit(licensetest.Token)
	require.Contains(t, string(chain[len(chain)-1].Text), `"voids":"`, "the entry names what was given up")
}
