package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/registry"
	"qmslicensing/shared/memstore"
)

// watched counts what is read of a store.
type watched struct {
	*memstore.Store
	entries, records int
	change           func() // runs before the licenses are read
}

func (w *watched) Entries(ctx context.Context, span registry.Span, limit int) ([]registry.Entry, error) {
	found, err := w.Store.Entries(ctx, span, limit)
	w.entries += len(found)
	return found, err
}

func (w *watched) Records(ctx context.Context, ids []string) ([]ledger.Record, error) {
	if w.change != nil {
		w.change()
	}
	w.records += len(ids)
	return w.Store.Records(ctx, ids)
}

// desk is a Finder over a store with licenses.
type desk struct {
	*watched
	finder *registry.Finder
	clock  *licensetest.Clock
	issued int
}

const secret = "0123456789abcdef0123456789abcdef"

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{watched: &watched{Store: memstore.New()}, clock: licensetest.NewClock()}
	d.finder = d.finderWith(t, secret)
	return d
}

func (d *desk) finderWith(t *testing.T, secrets ...string) *registry.Finder {
	t.Helper()
	finder, err := registry.NewFinder(d.watched, secrets, d.clock.Now)
	require.NoError(t, err)
	return finder
}

// add stores a license: an active subscription of Northwind on a server of its own, issued a minute after the one before.
func (d *desk) add(t *testing.T, change func(*ledger.Record)) string {
	t.Helper()
	d.issued++
	n := d.issued
	r := ledger.Record{License: license.License{
		ID: fmt.Sprintf("%032x", n), ServerToken: license.ServerToken(fmt.Sprintf("SERVER-%05d", n)), Sequence: 1, Version: 1, Type: license.Subscription,
		Customer: "Northwind", IssuedBy: "accounting", ExpiresOn: license.MakeDate(2027, 6, 30), Status: license.Active, Contract: "C-1",
	}, IssuedAt: d.clock.Now().Add(time.Duration(n) * time.Minute), LastChange: ledger.Change{What: "issued"}}
	if change != nil {
		change(&r)
	}
	server, err := d.Server(context.Background(), r.ServerToken)
	require.NoError(t, err)
	before := server.ChainLength
	server.ChainLength++
	require.NoError(t, d.Commit(context.Background(), ledger.Commit{New: &r, Chains: []ledger.Chain{{
		Server: server, Before: before, Audit: ledger.AuditEntry{ServerToken: r.ServerToken, Number: server.ChainLength},
	}}}))
	return r.ID
}

func number(id string) (n int) {
	_, _ = fmt.Sscanf(id, "%x", &n)
	return n
}

func numbers(ls []license.License) []int {
	all := []int{}
	for _, l := range ls {
		all = append(all, number(l.ID))
	}
	return all
}

// given makes filters of "name=value" texts.
func given(texts ...string) map[string]string {
	filters := map[string]string{}
	for _, text := range texts {
		name, value, _ := strings.Cut(text, "=")
		filters[name] = value
	}
	return filters
}

func (d *desk) page(t *testing.T, cursor string, limit int, filters ...string) registry.Page {
	t.Helper()
	q, err := registry.Parse("query:", given(filters...))
	require.NoError(t, err)
	page, err := d.finder.Search(context.Background(), licensetest.SalesCaller, q, cursor, limit)
	require.NoError(t, err)
	return page
}

// all pages through everything.
func (d *desk) all(t *testing.T, limit int, filters ...string) []int {
	t.Helper()
	found := []int{}
	for cursor := ""; ; {
		page := d.page(t, cursor, limit, filters...)
		require.LessOrEqual(t, len(page.Licenses), limit)
		found = append(found, numbers(page.Licenses)...)
		if cursor = page.Next; cursor == "" {
			return found
		}
	}
}

func stock(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	for _, change := range []func(*ledger.Record){
		nil, // 1
		func(r *ledger.Record) { r.Customer, r.ExpiresOn = "Café Nord", license.MakeDate(2026, 11, 21) },      // 2: expired 22 Nov 12:00
		func(r *ledger.Record) { r.Customer, r.ExpiresOn = "CAFE NORD GmbH", license.MakeDate(2026, 11, 22) }, // 3: the last day is not over everywhere
		func(r *ledger.Record) { r.Status, r.LastChange.What = license.Superseded, "renewed" },                // 4
		func(r *ledger.Record) { r.Type, r.ExpiresOn, r.Contract = license.Permanent, license.Never, "" },     // 5
		func(r *ledger.Record) {
			r.Type, r.Purpose, r.IssuedBy, r.Contract, r.ExpiresOn = license.Temporary, license.Trial, "Sales", "", license.MakeDate(2026, 12, 20)
		}, // 6
		func(r *ledger.Record) {
			r.Type, r.Purpose, r.IssuedBy, r.ServerToken, r.Sequence = license.Temporary, license.Emergency, "support", "SERVER-00001", 2
		}, // 7
		func(r *ledger.Record) { r.Status, r.LastChange.What, r.Contract = license.Revoked, "revoked", "c-2041" }, // 8
		func(r *ledger.Record) { r.Status, r.Customer = license.Pending, "Northwind Call Centers" },               // 9
		func(r *ledger.Record) {
			r.Status, r.LastChange.What, r.Customer = license.Void, "voided", "Ångström AB"
		}, // 10
		func(r *ledger.Record) { r.ExpiresOn = license.MakeDate(2020, 1, 31) }, // 11
	} {
		d.add(t, change)
	}
	return d
}

func TestSearch_EachFilterAndTheirCombinations(t *testing.T) {
	d := stock(t)
	for _, c := range []struct {
		filters string // with spaces between
		want    []int
	}{
		{"", []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
		{"id=00000000000000000000000000000008", []int{8}},
		{"id=0000000000000000000000000000000A", []int{10}},
		{"id=000000000000000000000000000000ff", []int{}},
		{"id=00000000000000000000000000000008 status=revoked", []int{8}},
		{"id=00000000000000000000000000000008 status=active", []int{}},
		{"serverToken=server–00001", []int{7, 1}},
		{"serverToken=SERVER-00001 type=temporary", []int{7}},
		{"serverToken=SERVER-00001 customer=nord", []int{}},
		{"serverToken=SERVER-99999", []int{}},
		{"customer=CAFÉ", []int{2, 3}},
		{"customer=cafe-nord", []int{2, 3}},
		{"customer=n", []int{11, 8, 7, 6, 5, 4, 1, 9}},
		{"customer=angs", []int{10}},
		{"customer=nord", []int{}},
		{"customer=northwind contract=C-2041", []int{8}},
		{"contract=C-2041", []int{8}},
		{"contract=c-1", []int{11, 10, 9, 7, 4, 3, 2, 1}},
		{"contract=C-1 status=active type=subscription", []int{3, 1}},
		{"type=permanent", []int{5}},
		{"type=temporary", []int{7, 6}},
		{"purpose=trial", []int{6}},
		{"purpose=emergency type=permanent", []int{}},
		{"issuedBy=sales", []int{6}},
		{"issuedBy=sale", []int{}},
		{"lastEvent=revoked", []int{8}},
		{"lastEvent=renewed", []int{4}},
		{"status=active", []int{7, 6, 5, 3, 1}},
		{"status=expired", []int{2, 11}},
		{"status=superseded", []int{4}},
		{"status=revoked", []int{8}},
		{"status=pending", []int{9}},
		{"status=void", []int{10}},
		{"expiresFrom=2026-11-22", []int{3, 6, 1, 7}},
		{"expiresTo=2026-11-22", []int{11, 2, 3}},
		{"expiresFrom=2026-11-21 expiresTo=2026-12-20", []int{2, 3, 6}},
		{"expiresFrom=2026-11-21 expiresTo=2026-11-21", []int{2}},
		{"expiresTo=9999-12-31", []int{11, 2, 3, 6, 1, 7}},
		{"expiresTo=2026-12-31 status=active", []int{3, 6}},
		{"expiresTo=2026-12-31 status=expired", []int{11, 2}},
		{"expiresFrom=2026-12-01 status=expired", []int{}},
		{"expiresTo=2026-11-01 status=active", []int{}},
		{"expiresTo=2027-12-31 type=permanent", []int{}},
		{"expiresTo=2027-12-31 customer=northwind", []int{11, 7, 6, 1}},
	} {
		t.Run(c.filters, func(t *testing.T) {
			filters := strings.Fields(c.filters)
			for _, limit := range []int{1, 2, 100} {
				require.Equal(t, c.want, d.all(t, limit, filters...), "limit %d", limit)
			}
		})
	}
	require.Equal(t, license.Expired, d.page(t, "", 1, "status=expired").Licenses[0].Status)
}

func TestSearch_ExpiredFollowsTheClock(t *testing.T) {
	d := stock(t)
	d.clock.Set(time.Date(2026, 11, 23, 11, 59, 59, 0, time.UTC))
	require.Equal(t, []int{2, 11}, d.all(t, 10, "status=expired"))
	d.clock.Advance(time.Second)
	require.Equal(t, []int{3, 2, 11}, d.all(t, 10, "status=expired"))
	require.Equal(t, []int{6}, d.all(t, 10, "status=active", "expiresTo=2026-12-31"))
}

func TestParse_EveryWrongFilterIsNamedAtOnce(t *testing.T) {
	_, err := registry.Parse("query:", given("id=7", "serverToken=short", "customer=...", "contract=", "type=eternal", "status=gone", "purpose=fun",
		"issuedBy= \u200b", "lastEvent=born", "expiresFrom=2027-02-29", "expiresTo=soon"))
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, license.InvalidRequest, refusal.Code)
	var pointers []string
	for _, f := range refusal.Fields {
		pointers = append(pointers, strings.TrimPrefix(f.Pointer, "query:"))
		require.NotEmpty(t, f.Detail)
	}
	require.Equal(t, registry.Filters(), pointers, "in their order")
	for _, c := range []struct{ filters, pointer, says string }{
		{"type=Permanent", "type", "one of permanent, subscription, temporary"},
		{"status=lost", "status", "active, expired, superseded, revoked, pending, void"},
		{"lastEvent=x", "lastEvent", "issued, renewed, amended, corrected, re-hosted, replaced, revoked, voided"},
		{"purpose=x", "purpose", "trial, troubleshooting, emergency"},
		{"expiresFrom=2027-03-01 expiresTo=2027-02-01", "expiresTo", "is before expiresFrom"},
		{"expiresFrom=2027-03-01 status=revoked", "status", "Only licenses that are active or expired"},
		{"customer=" + strings.Repeat("x", 201), "customer", "201 characters"},
		{"serverToken=AAAA/BBBB", "serverToken", "letters A-Z"},
	} {
		_, err := registry.Parse("/filter/", given(strings.Fields(c.filters)...))
		require.ErrorAs(t, err, &refusal, c.filters)
		require.Equal(t, "/filter/"+c.pointer, refusal.Fields[0].Pointer)
		require.Contains(t, refusal.Detail, c.says)
	}
}

func TestSearch_PagingNeitherRepeatsNorSkips(t *testing.T) {
	for _, filters := range [][]string{nil, {"customer=north"}, {"contract=C-1"}, {"expiresFrom=2027-01-01"}, {"serverToken=SAME-SERVER"}} {
		t.Run(fmt.Sprint(filters), func(t *testing.T) {
			d := newDesk(t)
			add := func() string {
				return d.add(t, func(r *ledger.Record) {
					r.ServerToken, r.Sequence = "SAME-SERVER", d.issued
					r.ExpiresOn = license.MakeDate(2027, 1+time.Month(d.issued*7%5), 1)
				})
			}
			before := []int{}
			for range 30 {
				before = append(before, number(add()))
			}
			seen := []int{}
			for cursor := ""; ; {
				page := d.page(t, cursor, 4, filters...)
				seen = append(seen, numbers(page.Licenses)...)
				if cursor = page.Next; cursor == "" {
					break
				}
				add() // somebody issues between two pages
			}
			for _, n := range before {
				require.Contains(t, seen, n)
			}
			sorted := slices.Sorted(slices.Values(seen))
			require.Equal(t, slices.Compact(slices.Clone(sorted)), sorted, "none is there twice")
		})
	}
}

func TestSearch_APageReadsABoundedPart(t *testing.T) {
	d := newDesk(t)
	for n := range 2500 {
		d.add(t, func(r *ledger.Record) {
			if n == 0 {
				r.LastChange.What = "revoked"
			}
		})
	}
	cursor, pages, found := "", 0, []int{}
	for {
		d.entries, d.records = 0, 0
		page := d.page(t, cursor, 50, "lastEvent=revoked")
		require.LessOrEqual(t, d.entries, 1000)
		pages++
		found = append(found, numbers(page.Licenses)...)
		if cursor = page.Next; cursor == "" {
			break
		}
		require.Empty(t, page.Licenses, "a page may have none and all the same a cursor")
	}
	require.Equal(t, []int{1}, found)
	require.Equal(t, 3, pages)
	d.entries = 0
	require.Len(t, d.page(t, "", 50).Licenses, 50)
	require.Equal(t, 51, d.entries, "without a filter to apply a page reads its licenses and one more")
}

func TestSearch_WhatChangedSinceTheIndexWasWrittenIsLeftOut(t *testing.T) {
	d := newDesk(t)
	id := d.add(t, nil)
	d.change = func() {
		require.NoError(t, d.Commit(context.Background(), ledger.Commit{
			Chains:  []ledger.Chain{{Server: ledger.Server{Token: "SERVER-00001", ChainLength: 2}, Before: 1, Audit: ledger.AuditEntry{ServerToken: "SERVER-00001", Number: 2}}},
			Updates: []ledger.Update{{ID: id, IfStatus: license.Active, Status: license.Revoked}},
		}))
		d.change = nil
	}
	require.Empty(t, d.page(t, "", 10, "status=active").Licenses)
	require.Len(t, d.page(t, "", 10, "status=revoked").Licenses, 1)
}

func TestSearch_ACursorBelongsToItsQuery(t *testing.T) {
	d := stock(t)
	next := d.page(t, "", 2, "customer=northwind").Next
	require.NotEmpty(t, next)
	require.Equal(t, []int{7, 6}, numbers(d.page(t, next, 2, "customer=NORTHWIND").Licenses), "however it is written")
	require.Equal(t, []int{7, 6, 5}, numbers(d.page(t, next, 3, "customer=northwind").Licenses), "the size of a page may change")
	refused := func(finder *registry.Finder, cursor string, filters ...string) {
		t.Helper()
		q, err := registry.Parse("query:", given(filters...))
		require.NoError(t, err)
		_, err = finder.Search(context.Background(), licensetest.SalesCaller, q, cursor, 2)
		var refusal *license.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, license.InvalidRequest, refusal.Code)
		require.Equal(t, "query:cursor", refusal.Fields[0].Pointer)
	}
	for _, filters := range [][]string{nil, {"customer=northwin"}, {"customer=northwind", "type=subscription"}, {"contract=northwind"}, {"issuedBy=northwind"}, {"id=00000000000000000000000000000001"}} {
		refused(d.finder, next, filters...)
	}
	for n := range next {
		for _, other := range "AQz_" {
			if forged := next[:n] + string(other) + next[n+1:]; forged != next {
				refused(d.finder, forged, "customer=northwind")
			}
		}
		if n > 0 {
			refused(d.finder, next[:n], "customer=northwind")
		}
	}
	for _, cursor := range []string{next + "A", next + "=", " " + next, "x", "e30", strings.Repeat("A", 22), strings.Repeat("A", 4000), "ü"} {
		refused(d.finder, cursor, "customer=northwind")
	}
	refused(d.finderWith(t, "another-secret-another-secret-00"), next, "customer=northwind")
}

func TestSearch_ACursorOutlivesTheChangeOfTheSecret(t *testing.T) {
	d := stock(t)
	const newer = "fedcba9876543210fedcba9876543210"
	old := d.page(t, "", 2).Next
	d.finder = d.finderWith(t, newer, secret)
	page := d.page(t, old, 2)
	require.Equal(t, []int{9, 8}, numbers(page.Licenses))
	d.finder = d.finderWith(t, newer)
	require.Equal(t, []int{7, 6}, numbers(d.page(t, page.Next, 2).Licenses), "the first secret signs")
	for _, none := range [][]string{nil, {}, {""}, {secret, ""}} {
		_, err := registry.NewFinder(d.watched, none, d.clock.Now)
		require.Error(t, err, none)
	}
}

// broken is an index that does not answer.
type broken struct{ registry.Indexes }

func (broken) Entries(context.Context, registry.Span, int) ([]registry.Entry, error) {
	return nil, license.ErrUnclear
}

func (broken) CountExpiring(context.Context, license.Date, license.Date) (registry.Expiring, error) {
	return registry.Expiring{}, license.ErrUnclear
}

func TestFinder_IsForStaffAndSaysWhatFailed(t *testing.T) {
	d := newDesk(t)
	_, err := d.finder.Search(context.Background(), license.Caller{}, registry.Query{}, "", 1)
	require.ErrorContains(t, err, "forbidden")
	_, err = d.finder.Expirations(context.Background(), license.Caller{}, license.Never, 1)
	require.ErrorContains(t, err, "forbidden")
	finder, err := registry.NewFinder(broken{}, []string{secret}, d.clock.Now)
	require.NoError(t, err)
	_, err = finder.Search(context.Background(), licensetest.AdminCaller, registry.Query{}, "", 1)
	require.True(t, errors.Is(err, license.ErrUnclear))
	_, err = finder.Expirations(context.Background(), licensetest.AdminCaller, license.Never, 1)
	require.True(t, errors.Is(err, license.ErrUnclear))
}

func TestExpirations_ByMonth(t *testing.T) {
	d := stock(t)
	d.add(t, func(r *ledger.Record) { r.ExpiresOn = license.MakeDate(2027, 1, 31) })
	d.add(t, func(r *ledger.Record) { r.ExpiresOn = license.MakeDate(2027, 2, 1) })
	months, err := d.finder.Expirations(context.Background(), licensetest.SupportCaller, license.Never, 12)
	require.NoError(t, err)
	require.Len(t, months, 12)
	require.Equal(t, []registry.Month{
		{Month: "2026-11", Expiring: registry.Expiring{Subscriptions: 2}}, {Month: "2026-12", Expiring: registry.Expiring{Temporary: 1}},
		{Month: "2027-01", Expiring: registry.Expiring{Subscriptions: 1}}, {Month: "2027-02", Expiring: registry.Expiring{Subscriptions: 1}},
	}, months[:4])
	require.Equal(t, registry.Month{Month: "2027-06", Expiring: registry.Expiring{Subscriptions: 1, Temporary: 1}}, months[7])
	require.Equal(t, "2027-10", months[11].Month)
	from, err := registry.ParseMonth("query:", given("from=2020-01"))
	require.NoError(t, err)
	months, err = d.finder.Expirations(context.Background(), licensetest.SupportCaller, from, 1)
	require.NoError(t, err)
	require.Equal(t, []registry.Month{{Month: "2020-01", Expiring: registry.Expiring{Subscriptions: 1}}}, months)
	for _, wrong := range []string{"", "2027", "2027-13", "2027-1", "2027-01-01", "0000-01", "9999-01", "x"} {
		_, err = registry.ParseMonth("query:", given("from="+wrong))
		require.ErrorContains(t, err, "YYYY-MM", wrong)
	}
}
