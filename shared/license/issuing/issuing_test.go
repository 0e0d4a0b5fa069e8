package issuing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/filesign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
	"qmslicensing/shared/memstore"
)

// desk is the whole of issuing in memory.
type desk struct {
	t      *testing.T
	clock  *licensetest.Clock
	store  *memstore.Store
	signer *filesign.Signer
	keys   []keyring.Entry
	issuer *issuing.Issuer
	n      int
}

func newDesk(t *testing.T) *desk {
	signer, keys := licensetest.Keys(t)
	d := &desk{t: t, clock: licensetest.NewClock(), store: memstore.New(keys...), signer: signer, keys: keys}
	d.issuer = d.issuerWith(d.store, signer)
	return d
}

func (d *desk) issuerWith(store ledger.Store, signer protocol.Signer) *issuing.Issuer {
	return issuing.NewIssuer(store, signer, keyring.New(d.store, d.clock.Now), policy.DefaultPolicy(), d.clock.Now)
}

// key returns a new Idempotency-Key.
func (d *desk) key() string { d.n++; return fmt.Sprint("key-", d.n) }

// disable makes the key of a purpose unusable; enable mends it.
func (d *desk) disable(purpose license.KeyPurpose) (enable func()) {
	for _, k := range d.keys {
		if k.Purpose == purpose && k.State == keyring.Signing {
			require.NoError(d.t, os.Rename(k.ARN, k.ARN+".off"))
			return func() { require.NoError(d.t, os.Rename(k.ARN+".off", k.ARN)) }
		}
	}
	d.t.Fatal("no such key")
	return nil
}

func (d *desk) trial() license.License {
	out, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SalesCaller, d.key()), licensetest.Trial())
	return d.must(out, err)
}

func (d *desk) sold(q issuing.SoldRequest) license.License {
	out, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
	return d.must(out, err)
}

func (d *desk) renew(l license.License, q issuing.RenewalRequest) (license.License, error) {
	q.ID = l.ID
	if q.IfMatch == 0 {
		q.IfMatch = d.record(l.ID).Version
	}
	if q.Contract == "" {
		q.Contract = "C-2041"
	}
	if q.TermMonths == 0 && q.ExpiresOn.IsNever() {
		q.TermMonths = 12
	}
	out, err := d.issuer.Renew(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
	if err != nil {
		return license.License{}, err
	}
	return d.must(out, err), nil
}

func (d *desk) must(out protocol.Outcome, err error) license.License {
	d.t.Helper()
	require.NoError(d.t, err)
	return read(d.t, out)
}

func read(t *testing.T, out protocol.Outcome) license.License {
	t.Helper()
	var a struct{ License license.License }
	require.NoError(t, json.Unmarshal(out.Body, &a))
	return a.License
}

func (d *desk) record(id string) ledger.Record {
	d.t.Helper()
	r, err := d.store.Record(context.Background(), id)
	require.NoError(d.t, err)
	return r
}

// requireCode asserts a refusal.
func requireCode(t *testing.T, want license.Code, err error) *license.Error {
	t.Helper()
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, want, refusal.Code, refusal.Detail)
	return refusal
}

func TestSold_SubscriptionIsSignedStoredAndVerifies(t *testing.T) {
	d := newDesk(t)
	l := d.sold(licensetest.Subscription())
	require.Equal(t, license.Active, l.Status)
	require.Equal(t, "2027-11-22", l.ExpiresOn.String())
	require.Equal(t, license.Seats{CallRecording: 70, ComputerRecording: 50, AgentEvaluation: 50}, l.Seats)
	claims, kid, err := licensekey.Verify(string(l.LicenseKey), keyring.New(d.store, d.clock.Now).Lookup(context.Background()))
	require.NoError(t, err)
	require.Equal(t, "sold-2026-1", kid)
	require.Equal(t, l.ID, claims.ID)
	require.Equal(t, time.Date(2027, 11, 23, 12, 0, 0, 0, time.UTC).Unix(), claims.ExpiresAt)
	require.Equal(t, l.LicenseKey, d.record(l.ID).LicenseKey)
	require.Equal(t, 1, d.signer.Calls())
}

func TestSold_PermanentNeverExpires(t *testing.T) {
	d := newDesk(t)
	l := d.sold(licensetest.Permanent())
	require.True(t, l.ExpiresOn.IsNever())
	require.False(t, l.ExpiredAt(d.clock.Now().AddDate(500, 0, 0)))
	require.EqualValues(t, "O-7781", l.Order)
}

func TestSold_PermanentNamesTheMissingConditions(t *testing.T) {
	d := newDesk(t)
	q := licensetest.Permanent()
	q.Conditions = q.Conditions[:2]
	_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "k"), q)
	refusal := requireCode(t, license.ConditionsNotMet, err)
	require.Equal(t, []string{"quantities-match", "customer-name-matches"}, refusal.Params["missing"])
	require.Zero(t, d.signer.Calls())
}

func TestRoles_WhoMayIssueWhat(t *testing.T) {
	callers := []license.Caller{licensetest.SalesCaller, licensetest.SupportCaller, licensetest.AccountingCaller, licensetest.AdminCaller, {}}
	operations := map[string]struct {
		may license.Role
		do  func(d *desk, c license.Caller) error
	}{
		"trial": {license.Sales, func(d *desk, c license.Caller) error {
			_, err := d.issuer.Temporary(context.Background(), licensetest.Call(c, "k"), licensetest.Trial())
			return err
		}},
		"emergency": {license.Support, func(d *desk, c license.Caller) error {
			q := licensetest.Trial()
			q.Purpose = license.Emergency
			_, err := d.issuer.Temporary(context.Background(), licensetest.Call(c, "k"), q)
			return err
		}},
		"subscription": {license.Accounting, func(d *desk, c license.Caller) error {
			_, err := d.issuer.Sold(context.Background(), licensetest.Call(c, "k"), licensetest.Subscription())
			return err
		}},
		"permanent": {license.Accounting, func(d *desk, c license.Caller) error {
			_, err := d.issuer.Sold(context.Background(), licensetest.Call(c, "k"), licensetest.Permanent())
			return err
		}},
		"renew": {license.Accounting, func(d *desk, c license.Caller) error {
			l := d.sold(licensetest.Subscription())
			_, err := d.issuer.Renew(context.Background(), licensetest.Call(c, "k"), issuing.RenewalRequest{ID: l.ID, Contract: "C", TermMonths: 1, IfMatch: 1})
			return err
		}},
		"amend": {license.Accounting, func(d *desk, c license.Caller) error {
			l := d.sold(licensetest.Subscription())
			_, err := d.issuer.Amend(context.Background(), licensetest.Call(c, "k"), issuing.AmendmentRequest{ID: l.ID, Modules: license.Modules{CallRecording: 1}, IfMatch: 1})
			return err
		}},
		"preview an amendment": {license.Accounting, func(d *desk, c license.Caller) error {
			l := d.sold(licensetest.Subscription())
			_, _, err := d.issuer.PreviewAmendment(context.Background(), licensetest.Call(c, "k"), issuing.AmendmentRequest{ID: l.ID, Modules: license.Modules{CallRecording: 1}, IfMatch: 1})
			return err
		}},
		"correct": {license.Accounting, func(d *desk, c license.Caller) error {
			l := d.sold(licensetest.Subscription())
			_, err := d.issuer.Correct(context.Background(), licensetest.Call(c, "k"), issuing.CorrectionRequest{ID: l.ID, Reason: "R", Customer: "A", IfMatch: 1})
			return err
		}},
	}
	for name, op := range operations {
		for _, caller := range callers {
			t.Run(name+" by "+string(caller.Role), func(t *testing.T) {
				err := op.do(newDesk(t), caller)
				if caller.Role == op.may {
					require.NoError(t, err)
					return
				}
				requireCode(t, license.Forbidden, err)
			})
		}
	}
}

func TestTemporary_TrialIsRefusedOverABase(t *testing.T) {
	d := newDesk(t)
	base := d.sold(licensetest.Subscription())
	_, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SalesCaller, "k"), licensetest.Trial())
	require.Equal(t, base.ID, requireCode(t, license.TrialOverBase, err).Params["licenseId"])
	d.clock.Set(base.ExpiresOn.ExpiryInstant())
	_, err = d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SalesCaller, "k"), licensetest.Trial())
	require.NoError(t, err, "the base has expired")
}

func TestTemporary_EmergencyNeedsTheSeatsOfTheBase(t *testing.T) {
	d := newDesk(t)
	d.sold(licensetest.Subscription())
	q := licensetest.Trial()
	q.Purpose = license.Emergency
	_, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SupportCaller, "k"), q)
	requireCode(t, license.SeatsBelowBase, err)
	q.Modules = license.Modules{CallRecording: 70, ComputerRecording: 50, AgentEvaluation: 50}
	_, err = d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SupportCaller, "k"), q)
	require.NoError(t, err)
}

func TestTemporary_DaysAreBoundedByThePurpose(t *testing.T) {
	for purpose, limit := range map[license.Purpose]int{license.Trial: 30, license.Troubleshooting: 30, license.Emergency: 14} {
		d := newDesk(t)
		caller, code := licensetest.SupportCaller, license.TemporaryLimit
		if purpose == license.Trial {
			caller, code = licensetest.SalesCaller, license.TrialLimit
		}
		q := licensetest.Trial()
		q.Purpose, q.Days = purpose, limit+1
		_, err := d.issuer.Temporary(context.Background(), licensetest.Call(caller, d.key()), q)
		requireCode(t, code, err)
		q.Days = 0
		out, err := d.issuer.Temporary(context.Background(), licensetest.Call(caller, d.key()), q)
		require.Equal(t, license.Today(d.clock.Now()).AddDays(limit), d.must(out, err).ExpiresOn)
	}
}

func TestSold_BaseLicenseExistsUnlessItIsMeant(t *testing.T) {
	d := newDesk(t)
	subscription := d.sold(licensetest.Subscription())
	q := licensetest.Permanent()
	_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
	require.Equal(t, subscription.ID, requireCode(t, license.BaseLicenseExists, err).Params["licenseId"])
	q.Replaces = subscription.ID
	_, err = d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
	requireCode(t, license.IfMatchRequired, err)
	q.IfMatch = 7
	_, err = d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
	requireCode(t, license.VersionConflict, err)
	q.IfMatch = subscription.Version
	permanent := d.sold(q)
	require.EqualValues(t, subscription.ID, permanent.Supersedes)
	require.Equal(t, subscription.LineageID, permanent.LineageID)
	old := d.record(subscription.ID)
	require.Equal(t, license.Superseded, old.Status)
	require.EqualValues(t, permanent.ID, old.SupersededBy)
}

func TestSold_SupersedesTheTrialAndStartsALineage(t *testing.T) {
	d := newDesk(t)
	trial := d.trial()
	base := d.sold(licensetest.Subscription())
	require.Equal(t, 2, base.Sequence)
	require.Empty(t, base.Supersedes, "the trial was in the other slot")
	require.NotEqual(t, trial.LineageID, base.LineageID)
	require.Equal(t, license.Superseded, d.record(trial.ID).Status)
	require.EqualValues(t, base.ID, d.record(trial.ID).SupersededBy)
}

func TestRenew_Dates(t *testing.T) {
	feb := license.MakeDate(2026, time.February, 28)
	for name, c := range map[string]struct {
		months   int
		basis    license.RenewalBasis
		oldStart license.Date // of a term of one month
		today    license.Date
		start    string
		end      string
	}{
		"from the expiration date":                  {12, "", license.MakeDate(2026, 11, 1), license.MakeDate(2026, 11, 20), "2026-12-01", "2027-11-30"},
		"from today, the anchor moves":              {1, license.BasisToday, license.MakeDate(2026, 1, 31), feb.AddDays(-1), "2026-02-27", "2026-03-26"},
		"the anchor 31 survives February":           {1, "", license.MakeDate(2026, 1, 31), feb.AddDays(-1), "2026-02-28", "2026-03-30"},
		"a leap day":                                {12, "", license.MakeDate(2024, 1, 30), license.MakeDate(2024, 2, 20), "2024-02-29", "2025-02-27"},
		"lapsed, counted from the old end":          {12, license.BasisExpiration, license.MakeDate(2026, 1, 1), license.MakeDate(2026, 6, 1), "2026-02-01", "2027-01-31"},
		"lapsed, counted from today":                {12, license.BasisToday, license.MakeDate(2026, 1, 1), license.MakeDate(2026, 6, 1), "2026-06-01", "2027-05-31"},
		"on the morning after it is not lapsed yet": {1, "", license.MakeDate(2026, 1, 1), license.MakeDate(2026, 2, 1), "2026-02-01", "2026-02-28"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.clock.Set(time.Date(c.oldStart.Year(), c.oldStart.Month(), c.oldStart.Day(), 8, 0, 0, 0, time.UTC))
			q := licensetest.Subscription()
			q.TermMonths = 1
			old := d.sold(q)
			d.clock.Set(time.Date(c.today.Year(), c.today.Month(), c.today.Day(), 8, 0, 0, 0, time.UTC))
			renewed, err := d.renew(old, issuing.RenewalRequest{TermMonths: c.months, Basis: c.basis})
			require.NoError(t, err)
			require.Equal(t, c.start, renewed.StartsOn.String())
			require.Equal(t, c.end, renewed.ExpiresOn.String())
			require.Equal(t, old.LineageID, renewed.LineageID)
		})
	}
}

func TestRenew_Refusals(t *testing.T) {
	d := newDesk(t)
	q := licensetest.Subscription()
	q.TermMonths = 1
	subscription := d.sold(q)
	_, err := d.renew(subscription, issuing.RenewalRequest{IfMatch: 9})
	conflict := requireCode(t, license.VersionConflict, err)
	require.Equal(t, "accounting", conflict.Params["changedBy"])
	_, err = d.issuer.Renew(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), issuing.RenewalRequest{ID: subscription.ID, Contract: "C", TermMonths: 1})
	requireCode(t, license.IfMatchRequired, err)
	_, err = d.renew(license.License{ID: "00000000000000000000000000000000"}, issuing.RenewalRequest{IfMatch: 1})
	requireCode(t, license.LicenseNotFound, err)
	_, err = d.renew(subscription, issuing.RenewalRequest{TermMonths: 121})
	requireCode(t, license.InvalidRequest, err)

	d.clock.Advance(200 * 24 * time.Hour)
	_, err = d.renew(subscription, issuing.RenewalRequest{})
	requireCode(t, license.BasisRequired, err)
	_, err = d.renew(subscription, issuing.RenewalRequest{Basis: license.BasisExpiration, TermMonths: 1})
	requireCode(t, license.RenewalInPast, err)
	renewed, err := d.renew(subscription, issuing.RenewalRequest{Basis: license.BasisToday})
	require.NoError(t, err)
	_, err = d.renew(subscription, issuing.RenewalRequest{})
	requireCode(t, license.NotCurrent, err)

	permanent := licensetest.Permanent()
	permanent.Replaces, permanent.IfMatch = renewed.ID, renewed.Version
	_, err = d.renew(d.sold(permanent), issuing.RenewalRequest{})
	requireCode(t, license.NotRenewable, err)
}

func TestRenew_SixtyDaysEarlyHandsOutAKeyThatVerifiesNow(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	d.clock.Set(old.ExpiresOn.ExpiryInstant().AddDate(0, 0, -60))
	renewed, err := d.renew(old, issuing.RenewalRequest{})
	require.NoError(t, err)
	claims, _, err := licensekey.Verify(string(renewed.LicenseKey), keyring.New(d.store, d.clock.Now).Lookup(context.Background()))
	require.NoError(t, err)
	require.LessOrEqual(t, claims.IssuedAt, d.clock.Now().Unix())
	found, err := registry.NewReader(d.store, d.clock.Now).Retrieve(context.Background(), string(licensetest.Token))
	require.NoError(t, err)
	require.Equal(t, renewed.ID, found.ID)
}

func TestIdempotency_SameKeySameAnswer(t *testing.T) {
	d := newDesk(t)
	call := licensetest.Call(licensetest.SalesCaller, "same")
	first, err := d.issuer.Temporary(context.Background(), call, licensetest.Trial())
	require.NoError(t, err)
	d.clock.Advance(400 * 24 * time.Hour)
	again, err := d.issuer.Temporary(context.Background(), call, licensetest.Trial())
	require.NoError(t, err)
	require.Equal(t, string(first.Body), string(again.Body), "byte for byte, long after")
	require.True(t, again.Replayed)
	require.False(t, first.Replayed)

	other := licensetest.Trial()
	other.Days = 3
	_, err = d.issuer.Temporary(context.Background(), call, other)
	requireCode(t, license.IdempotencyKeyReused, err)
	respelled := licensetest.Trial()
	respelled.ServerToken, respelled.Customer = " qmsa–7k2p-9xwd-h4tn-rc53\n", "  Northwind Call Centers"
	again, err = d.issuer.Temporary(context.Background(), call, respelled)
	require.NoError(t, err, "the cleaned request is the same")
	require.Equal(t, string(first.Body), string(again.Body))
}

func TestIdempotency_64CallersOneLicense(t *testing.T) {
	d := newDesk(t)
	bodies := make([]string, 64)
	var wg sync.WaitGroup
	for n := range bodies {
		wg.Add(1)
		go func() {
			defer wg.Done()
			out, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "one"), licensetest.Subscription())
			if err == nil {
				bodies[n] = string(out.Body)
			} else {
				bodies[n] = err.Error()
			}
		}()
	}
	wg.Wait()
	for _, body := range bodies {
		require.Equal(t, bodies[0], body)
	}
	require.Contains(t, bodies[0], `"sequence":1`)
	require.Equal(t, 1, d.signer.Calls())
}

// With the clock of a bubble a lease of 5 s runs out exactly when it should, however slow the machine is.
func TestIdempotency_64CallersWaitForASlowSigner(t *testing.T) {
	for _, slow := range []struct {
		takes      time.Duration
		signatures int
	}{{4900 * time.Millisecond, 1}, {5100 * time.Millisecond, 2}} {
		t.Run(slow.takes.String(), func(t *testing.T) {
			signer, keys := licensetest.Keys(t)
			synctest.Test(t, func(t *testing.T) {
				store, calls := memstore.New(keys...), atomic.Int64{}
				sign := signerFunc(func(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
					if calls.Add(1) == 1 {
						time.Sleep(slow.takes)
					}
					return signer.Sign(ctx, p)
				})
				issuer := issuing.NewIssuer(store, sign, keyring.New(store, time.Now), policy.DefaultPolicy(), time.Now)
				var all sync.WaitGroup
				bodies := make([]string, 64)
				for n := range bodies {
					all.Go(func() {
						out, err := issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "one"), licensetest.Subscription())
						bodies[n] = fmt.Sprint(string(out.Body), err)
					})
				}
				all.Wait()
				require.Equal(t, slices.Repeat(bodies[:1], 64), bodies)
				require.Contains(t, bodies[0], `"sequence":1`)
				require.EqualValues(t, slow.signatures, calls.Load())
			})
		})
	}
}

func TestRenew_64KeysOneIfMatchOneRenewal(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	results := make(chan error, 64)
	for n := range 64 {
		go func() {
			_, err := d.issuer.Renew(context.Background(), licensetest.Call(licensetest.AccountingCaller, fmt.Sprint("renewal-", n)),
				issuing.RenewalRequest{ID: old.ID, Contract: "C-2041", TermMonths: 12, IfMatch: old.Version})
			results <- err
		}()
	}
	renewed := 0
	for range 64 {
		if err := <-results; err == nil {
			renewed++
		} else {
			requireCode(t, license.VersionConflict, err)
		}
	}
	require.Equal(t, 1, renewed)
	requireWhole(t, d, licensetest.Token)
}

func TestRenew_FromTodayDoesNotShorten(t *testing.T) {
	d := newDesk(t)
	l := d.sold(licensetest.Subscription())
	_, err := d.renew(l, issuing.RenewalRequest{TermMonths: 1, Basis: license.BasisToday})
	refusal := requireCode(t, license.InvalidRequest, err)
	require.Equal(t, "/termMonths", refusal.Fields[0].Pointer)
	require.Contains(t, refusal.Detail, "runs through 22 Nov 2027")
	require.Contains(t, refusal.Detail, "would end on 22 Dec 2026")
	same, err := d.renew(l, issuing.RenewalRequest{TermMonths: 12, Basis: license.BasisToday})
	require.NoError(t, err)
	require.Equal(t, l.ExpiresOn, same.ExpiresOn, "the same day is not shorter")
	d.clock.Advance(400 * day)
	lapsed, err := d.renew(same, issuing.RenewalRequest{TermMonths: 1, Basis: license.BasisToday})
	require.NoError(t, err)
	require.True(t, lapsed.ExpiresOn.After(same.ExpiresOn))
}
