package batch_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/batch"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

// spent refuses every intent after the first few, as a daily quota does.
type spent struct {
	ledger.Store
	left *atomic.Int64
}

func (s spent) Commit(ctx context.Context, c ledger.Commit) error {
	if c.New != nil && s.left.Add(-1) < 0 {
		return license.Refuse(license.QuotaExceeded, "No more today.")
	}
	return s.Store.Commit(ctx, c)
}

func TestRun_AfterTheDailyQuotaNothingIsTried(t *testing.T) {
	o := newOffice(t)
	_, targets := o.many(30)
	left := &atomic.Int64{}
	left.Store(10)
	rows, err := o.renewerOn(spent{o.store, left}).Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	counts := results(rows)
	require.Equal(t, 10, counts[batch.Renewed])
	require.LessOrEqual(t, counts[batch.Failed], 4, "those that were under way at once")
	require.Equal(t, 30, counts[batch.Renewed]+counts[batch.Failed]+counts[batch.NotAttempted])
	for _, row := range rows {
		if row.Result == batch.Failed {
			requireCode(t, license.QuotaExceeded, row.Err)
		}
	}
}

func TestRun_AKeyThatRefusesLeavesFewPending(t *testing.T) {
	o := newOffice(t)
	old, targets := o.many(30)
	o.signer.fail = fmt.Errorf("disabled: %w", protocol.ErrRefused)
	rows, err := o.renewer().Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	counts := results(rows)
	require.GreaterOrEqual(t, counts[batch.Failed], 4)
	require.LessOrEqual(t, counts[batch.Failed], 7, "four, and those that were under way at once")
	require.Zero(t, counts[batch.Renewed])
	requireCode(t, license.Unavailable, rows[0].Err)
	require.ErrorIs(t, rows[0].Err, protocol.ErrRefused, "the log needs the cause")

	forecasts, err := o.renewer().Preview(context.Background(), licensetest.AccountingCaller, batch.Selection{IDs: []string{old[0].ID, old[29].ID}}, year)
	require.NoError(t, err)
	require.Contains(t, requireCode(t, license.Unavailable, forecasts[0].Err).Detail, "not finished")
	require.NoError(t, forecasts[1].Err)

	o.signer.fail = nil
	o.clock.Advance(6 * time.Second)
	rows, err = o.renewer().Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.Equal(t, map[batch.Result]int{batch.Renewed: 30}, results(rows))
	for n := range rows {
		require.Equal(t, 2, read(t, rows[n].Outcome).Sequence, "one renewal each")
	}
}

func TestRun_OneThatIsUnavailableDoesNotStopTheOthers(t *testing.T) {
	o := newOffice(t)
	old, targets := o.many(12)
	rows, err := o.renewerOn(unreachable{o.store, old[0].ID}).Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.ErrorIs(t, rows[0].Err, ledger.ErrUnclear)
	require.Equal(t, map[batch.Result]int{batch.Failed: 1, batch.Renewed: 11}, results(rows))
}

// unreachable cannot read one license.
type unreachable struct {
	ledger.Store
	id string
}

func (u unreachable) Record(ctx context.Context, id string) (ledger.Record, error) {
	if id == u.id {
		return ledger.Record{}, errors.Join(ledger.ErrUnclear)
	}
	return u.Store.Record(ctx, id)
}

func TestRun_RefusedAsAWhole(t *testing.T) {
	o := newOffice(t)
	_, targets := o.many(1)
	tooMany := make([]batch.Target, batch.MaxLicenses+1)
	for n := range tooMany {
		tooMany[n] = batch.Target{ID: fmt.Sprintf("%032x", n), Version: 1}
	}
	twice := []batch.Target{targets[0], {ID: " " + targets[0].ID + " ", Version: 1}}
	for name, c := range map[string]struct {
		caller  license.Caller
		targets []batch.Target
		terms   batch.Terms
		code    license.Code
		pointer string
	}{
		"none":                {licensetest.AccountingCaller, nil, year, license.InvalidRequest, "/licenses"},
		"201":                 {licensetest.AccountingCaller, tooMany, year, license.TooManyLicenses, "/licenses"},
		"one there twice":     {licensetest.AccountingCaller, twice, year, license.InvalidRequest, "/licenses/1/licenseId"},
		"without a version":   {licensetest.AccountingCaller, []batch.Target{{ID: targets[0].ID}}, year, license.InvalidRequest, "/licenses/0/version"},
		"without a term":      {licensetest.AccountingCaller, targets, batch.Terms{}, license.InvalidRequest, "/termMonths"},
		"121 months":          {licensetest.AccountingCaller, targets, batch.Terms{TermMonths: 121}, license.InvalidRequest, "/termMonths"},
		"two terms":           {licensetest.AccountingCaller, targets, batch.Terms{TermMonths: 1, ExpiresOn: license.MakeDate(2030, 1, 1)}, license.InvalidRequest, "/expiresOn"},
		"an unknown basis":    {licensetest.AccountingCaller, targets, batch.Terms{TermMonths: 1, Basis: "now"}, license.InvalidRequest, "/basis"},
		"a contract of bells": {licensetest.AccountingCaller, targets, batch.Terms{TermMonths: 1, Contract: "C\a1"}, license.InvalidRequest, "/newContract"},
		"sales":               {licensetest.SalesCaller, targets, year, license.Forbidden, ""},
		"support":             {licensetest.SupportCaller, targets, year, license.Forbidden, ""},
		"admin":               {licensetest.AdminCaller, targets, year, license.Forbidden, ""},
	} {
		t.Run(name, func(t *testing.T) {
			run := call("run")
			run.Caller = c.caller
			rows, err := o.renewer().Run(context.Background(), run, c.targets, c.terms)
			refusal := requireCode(t, c.code, err)
			require.Nil(t, rows)
			if c.pointer != "" {
				require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
			}
		})
	}
	require.Zero(t, o.signer.calls)
}

func TestPreview_MarksWhatIsBeyondTheDailyQuota(t *testing.T) {
	o := newOffice(t)
	licenses, _ := o.many(5) // by the same person, so 5 of the day are made
	rules := policy.DefaultPolicy()
	rules.LicensesPerPersonDay = 7
	issuer := issuing.NewIssuer(o.store, o.signer, keyring.New(o.store, o.clock.Now), rules, o.clock.Now)
	ids := []string{licenses[0].ID, "00000000000000000000000000000000", licenses[1].ID, licenses[2].ID, licenses[3].ID}
	found, err := batch.NewRenewer(issuer, registry.NewSelector(o.store, o.clock.Now)).
		Preview(context.Background(), licensetest.AccountingCaller, batch.Selection{IDs: ids}, year)
	require.NoError(t, err)
	require.NoError(t, found[0].Err)
	requireCode(t, license.LicenseNotFound, found[1].Err)
	require.NoError(t, found[2].Err, "what fails for itself takes nothing of the quota")
	requireCode(t, license.QuotaExceeded, found[3].Err)
	requireCode(t, license.QuotaExceeded, found[4].Err)
	require.Zero(t, o.signer.calls)
}
