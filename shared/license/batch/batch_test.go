package batch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
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
	"qmslicensing/shared/memstore"
)

// office is renewing many, in memory.
type office struct {
	t      *testing.T
	clock  *licensetest.Clock
	store  *memstore.Store
	signer *counting
	n      int
}

// counting counts signatures, and is slow or refuses if it is told to.
type counting struct {
	protocol.Signer
	mu    sync.Mutex
	calls int
	slow  time.Duration
	fail  error
}

func (c *counting) Sign(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
	c.mu.Lock()
	c.calls++
	c.mu.Unlock()
	time.Sleep(c.slow)
	if c.fail != nil {
		return protocol.Signature{}, c.fail
	}
	return c.Signer.Sign(ctx, p)
}

func newOffice(t *testing.T) *office {
	signer, keys := licensetest.Keys(t)
	return &office{t: t, clock: licensetest.NewClock(), store: memstore.New(keys...), signer: &counting{Signer: signer}}
}

func (o *office) issuer(store ledger.Store) *issuing.Issuer {
	return issuing.NewIssuer(store, o.signer, keyring.New(o.store, o.clock.Now), policy.DefaultPolicy(), o.clock.Now)
}

func (o *office) renewer() *batch.Renewer { return o.renewerOn(o.store) }

func (o *office) renewerOn(store ledger.Store) *batch.Renewer {
	return batch.NewRenewer(o.issuer(store), registry.NewSelector(o.store, o.clock.Now))
}

// sold issues a license on a server of its own; change may edit the request, which is for a subscription of 12 months.
func (o *office) sold(change func(q *issuing.SoldRequest)) license.License {
	o.t.Helper()
	o.n++
	q := licensetest.Subscription()
	q.ServerToken = fmt.Sprintf("QMSA-0000-%04d", o.n)
	if change != nil {
		change(&q)
	}
	out, err := o.issuer(o.store).Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, fmt.Sprint("sold-", o.n)), q)
	require.NoError(o.t, err)
	return read(o.t, out)
}

// many issues n subscriptions and returns them as a dry run would name them.
func (o *office) many(n int) (licenses []license.License, targets []batch.Target) {
	for range n {
		l := o.sold(nil)
		licenses, targets = append(licenses, l), append(targets, batch.Target{ID: l.ID, Version: l.Version})
	}
	o.signer.calls = 0
	return licenses, targets
}

func read(t *testing.T, out protocol.Outcome) license.License {
	t.Helper()
	var a struct{ License license.License }
	require.NoError(t, json.Unmarshal(out.Body, &a))
	return a.License
}

func (o *office) record(id string) ledger.Record {
	o.t.Helper()
	r, err := o.store.Record(context.Background(), id)
	require.NoError(o.t, err)
	return r
}

func call(key string) protocol.Call {
	return protocol.Call{Caller: licensetest.AccountingCaller, Method: "POST", Path: "/v1/renewals", IdempotencyKey: key}
}

var year = batch.Terms{TermMonths: 12}

func requireCode(t *testing.T, want license.Code, err error) *license.Error {
	t.Helper()
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, want, refusal.Code, refusal.Detail)
	return refusal
}

// results counts rows by their result.
func results(rows []batch.Row) map[batch.Result]int {
	counts := map[batch.Result]int{}
	for _, row := range rows {
		counts[row.Result]++
	}
	return counts
}

func TestRun_RenewsEachAsIfItWereTheOnlyOne(t *testing.T) {
	o := newOffice(t)
	old, targets := o.many(9)
	rows, err := o.renewer().Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.Len(t, rows, 9)
	for n, row := range rows {
		require.Equal(t, old[n].ID, row.LicenseID, "in the order of the request")
		require.Equal(t, batch.Renewed, row.Result, row.Err)
		renewed := read(t, row.Outcome)
		require.Equal(t, "2028-11-22", renewed.ExpiresOn.String())
		require.Equal(t, old[n].Contract, renewed.Contract, "its own contract")
		require.Equal(t, old[n].ServerToken, renewed.ServerToken)
		require.Equal(t, 2, renewed.Sequence)
		require.EqualValues(t, renewed.ID, o.record(old[n].ID).SupersededBy)
		require.Equal(t, ledger.OpRenew, o.record(renewed.ID).Operation)
	}
	require.Equal(t, 9, o.signer.calls)
}

func TestRun_ANewContractIsEverybodys(t *testing.T) {
	o := newOffice(t)
	_, targets := o.many(2)
	rows, err := o.renewer().Run(context.Background(), call("run"), targets, batch.Terms{Contract: " C-9 ", ExpiresOn: license.MakeDate(2029, 1, 31)})
	require.NoError(t, err)
	for _, row := range rows {
		renewed := read(t, row.Outcome)
		require.EqualValues(t, "C-9", renewed.Contract)
		require.Equal(t, "2029-01-31", renewed.ExpiresOn.String())
	}
}

func TestRun_AgainDoesOnlyWhatIsMissing(t *testing.T) {
	o := newOffice(t)
	_, targets := o.many(6)
	unread := sick{Store: o.store, fails: targets[4].ID, panics: targets[5].ID}
	first, err := o.renewerOn(unread).Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.Equal(t, map[batch.Result]int{batch.Renewed: 4, batch.Failed: 2}, results(first))
	require.Equal(t, 4, o.signer.calls)
	again, err := o.renewer().Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.Equal(t, map[batch.Result]int{batch.Renewed: 6}, results(again))
	require.Equal(t, 6, o.signer.calls, "two new signatures")
	for n, row := range again {
		require.Equal(t, n < 4, row.Outcome.Replayed)
		if n < 4 {
			require.Equal(t, string(first[n].Outcome.Body), string(row.Outcome.Body))
		}
	}
}

func TestRun_OneKeyIsGoodForOneRun(t *testing.T) {
	o := newOffice(t)
	_, targets := o.many(3)
	targets[2].Version = 7
	first, err := o.renewer().Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.Equal(t, map[batch.Result]int{batch.Renewed: 2, batch.Failed: 1}, results(first))
	longer, mended := year, slices.Clone(targets)
	longer.TermMonths, mended[2].Version = 24, 1
	for name, other := range map[string]struct {
		targets []batch.Target
		terms   batch.Terms
	}{
		"other terms":               {targets, longer},
		"a part of it":              {targets[2:], year},
		"another version":           {mended, year},
		"the same in another order": {[]batch.Target{targets[1], targets[0], targets[2]}, year},
	} {
		rows, err := o.renewer().Run(context.Background(), call("run"), other.targets, other.terms)
		refusal := requireCode(t, license.IdempotencyKeyReused, err)
		require.Equal(t, "header:Idempotency-Key", refusal.Fields[0].Pointer, name)
		require.Nil(t, rows, name)
	}
	typed := slices.Clone(targets)
	typed[0].ID = " " + strings.ToUpper(typed[0].ID)
	again, err := o.renewer().Run(context.Background(), call("run"), typed, year)
	require.NoError(t, err, "the same licenses, typed otherwise")
	require.True(t, again[0].Outcome.Replayed)
	_, err = o.renewer().Run(context.Background(), call("another"), mended[2:], year)
	require.NoError(t, err)
	require.Equal(t, 3, o.signer.calls)
}

func TestRun_TwoRunsUnderOneKeyAtOnce(t *testing.T) {
	o := newOffice(t)
	_, targets := o.many(8)
	refused := make([]error, 2)
	var both sync.WaitGroup
	for n := range refused {
		both.Go(func() { _, refused[n] = o.renewer().Run(context.Background(), call("run"), targets[4*n:4*n+4], year) })
	}
	both.Wait()
	if refused[0] != nil {
		refused[0], refused[1] = refused[1], refused[0]
	}
	require.NoError(t, refused[0])
	requireCode(t, license.IdempotencyKeyReused, refused[1])
	require.Equal(t, 4, o.signer.calls, "those of one run")
}

func TestRun_WhatFailsFailsAlone(t *testing.T) {
	o := newOffice(t)
	ok := o.sold(nil)
	stale := o.sold(nil)
	permanent := o.sold(func(q *issuing.SoldRequest) {
		token := q.ServerToken
		*q = licensetest.Permanent()
		q.ServerToken = token
	})
	lapsed := o.sold(func(q *issuing.SoldRequest) { q.StartsOn, q.TermMonths = license.MakeDate(2026, 1, 1), 11 })
	o.clock.Advance(20 * 24 * time.Hour)
	gone := "0123456789abcdef0123456789abcdef"
	rows, err := o.renewer().Run(context.Background(), call("run"), []batch.Target{
		{stale.ID, 7}, {permanent.ID, 1}, {lapsed.ID, 1}, {gone, 1}, {"none", 1}, {ok.ID, 1},
	}, year)
	require.NoError(t, err)
	requireCode(t, license.VersionConflict, rows[0].Err)
	requireCode(t, license.NotRenewable, rows[1].Err)
	requireCode(t, license.BasisRequired, rows[2].Err)
	require.Equal(t, "/licenses/3/licenseId", requireCode(t, license.LicenseNotFound, rows[3].Err).Fields[0].Pointer)
	require.Equal(t, "/licenses/4/licenseId", requireCode(t, license.LicenseNotFound, rows[4].Err).Fields[0].Pointer)
	require.Equal(t, batch.Renewed, rows[5].Result, rows[5].Err)
	require.Equal(t, map[batch.Result]int{batch.Failed: 5, batch.Renewed: 1}, results(rows))

	basis := year
	basis.Basis = license.BasisToday
	rows, err = o.renewer().Run(context.Background(), call("with basis"), []batch.Target{{lapsed.ID, 1}}, basis)
	require.NoError(t, err)
	require.Equal(t, "2027-12-12", read(t, rows[0].Outcome).ExpiresOn.String())
}

func TestRun_TwoOfOneServerAreRenewedOneAfterTheOther(t *testing.T) {
	o := newOffice(t)
	first := o.sold(nil)
	rows, err := o.renewer().Run(context.Background(), call("1"), []batch.Target{{first.ID, 1}}, year)
	require.NoError(t, err)
	second := read(t, rows[0].Outcome)
	rows, err = o.renewer().Run(context.Background(), call("2"), []batch.Target{{first.ID, o.record(first.ID).Version}, {second.ID, 1}}, year)
	require.NoError(t, err)
	requireCode(t, license.NotCurrent, rows[0].Err)
	require.Equal(t, 3, read(t, rows[1].Outcome).Sequence)
}

func TestRun_TimeRunsOutInTheMiddle(t *testing.T) {
	o := newOffice(t)
	old, targets := o.many(40)
	synctest.Test(t, func(t *testing.T) {
		o.signer.slow = time.Second
		ctx, cancel := context.WithTimeout(context.Background(), 6*time.Second)
		defer cancel()
		rows, err := o.renewer().Run(ctx, call("run"), targets, year)
		require.NoError(t, err)
		require.NoError(t, ctx.Err(), "answered before the deadline")
		require.Equal(t, map[batch.Result]int{batch.Renewed: 20, batch.NotAttempted: 20}, results(rows), "begun until 2 s were left")
		for n, row := range rows {
			require.Equal(t, n < 20, row.Result == batch.Renewed)
			if row.Result == batch.NotAttempted {
				require.NoError(t, row.Err)
				require.Equal(t, 1, o.record(old[n].ID).Version, "nothing was begun")
			}
		}
	})
	o.signer.slow = 0
	rows, err := o.renewer().Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.Equal(t, map[batch.Result]int{batch.Renewed: 40}, results(rows))
	require.Equal(t, 40, o.signer.calls)
}

// sick panics where it reads one license, and fails where it reads another.
type sick struct {
	ledger.Store
	panics, fails string
}

func (s sick) Record(ctx context.Context, id string) (ledger.Record, error) {
	switch id {
	case s.panics:
		panic("what nobody thought of")
	case s.fails:
		return ledger.Record{}, fmt.Errorf("the item of license %s cannot be read", id)
	}
	return s.Store.Record(ctx, id)
}

func TestRunAndPreview_ARowThatPanicsLosesNoOther(t *testing.T) {
	o := newOffice(t)
	old, targets := o.many(8)
	renewer := o.renewerOn(sick{o.store, old[2].ID, old[5].ID})
	ids := make([]string, len(old))
	for n := range old {
		ids[n] = old[n].ID
	}
	forecasts, err := renewer.Preview(context.Background(), licensetest.AccountingCaller, batch.Selection{IDs: ids}, year)
	require.NoError(t, err)
	rows, err := renewer.Run(context.Background(), call("run"), targets, year)
	require.NoError(t, err)
	require.Equal(t, map[batch.Result]int{batch.Renewed: 6, batch.Failed: 2}, results(rows))
	for n := range rows {
		switch n {
		case 2:
			require.ErrorContains(t, rows[n].Err, "panic: what nobody thought of")
			require.ErrorContains(t, forecasts[n].Err, "panic: what nobody thought of")
		case 5:
			require.ErrorContains(t, rows[n].Err, "cannot be read")
			require.ErrorContains(t, forecasts[n].Err, "cannot be read")
			require.Empty(t, forecasts[n].Old.ID)
		default:
			require.NoError(t, rows[n].Err)
			require.NoError(t, forecasts[n].Err)
		}
	}
}
