package batch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/batch"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/registry"
)

// query makes a selection of filters.
func query(t *testing.T, given map[string]string) batch.Selection {
	t.Helper()
	q, err := registry.Parse("/filter/", given)
	require.NoError(t, err)
	return batch.Selection{Query: &q}
}

func (o *office) preview(s batch.Selection, terms batch.Terms) []batch.Forecast {
	o.t.Helper()
	found, err := o.renewer().Preview(context.Background(), licensetest.AccountingCaller, s, terms)
	require.NoError(o.t, err)
	return found
}

// of edits a request: a subscription of a contract that starts on a day, Never being today.
func of(contract string, start license.Date) func(*issuing.SoldRequest) {
	return func(q *issuing.SoldRequest) { q.Contract, q.StartsOn = contract, start }
}

func TestPreview_OfAContract(t *testing.T) {
	o := newOffice(t)
	anchored := o.sold(of("C-1", license.MakeDate(2026, 1, 31)))
	lapsed := o.sold(of("C-1", license.MakeDate(2025, 12, 1)))
	revoked := o.sold(of("C-1", license.Never))
	o.sold(of("C-2", license.Never))
	o.sold(func(q *issuing.SoldRequest) {
		token := q.ServerToken
		*q = licensetest.Permanent()
		q.ServerToken = token
	})
	o.clock.Advance(20 * 24 * time.Hour) // 13 Dec 2026: the second has lapsed
	_, err := o.issuer(o.store).Revoke(context.Background(), call("revoke"), issuing.RevocationRequest{ID: revoked.ID, Reason: "A mistake", IfMatch: 1})
	require.NoError(t, err)
	before, signatures := o.record(anchored.ID), o.signer.calls

	byID := map[string]batch.Forecast{}
	for _, f := range o.preview(query(t, map[string]string{"contract": "c-1"}), year) {
		byID[f.LicenseID] = f
	}
	require.Len(t, byID, 2, "what is revoked, and other contracts, are not among them")
	require.NoError(t, byID[anchored.ID].Err)
	require.Equal(t, "2027-01-30", byID[anchored.ID].Old.ExpiresOn.String())
	require.Equal(t, "2028-01-30", byID[anchored.ID].New.ExpiresOn.String())
	require.Equal(t, 1, byID[anchored.ID].Old.Version)
	refusal := requireCode(t, license.BasisRequired, byID[lapsed.ID].Err)
	require.Equal(t, "/basis", refusal.Fields[0].Pointer)
	require.Equal(t, "2026-11-30", byID[lapsed.ID].Old.ExpiresOn.String(), "what it is, is known all the same")
	require.Equal(t, before, o.record(anchored.ID), "nothing is written")
	require.Equal(t, signatures, o.signer.calls)

	basis := year
	basis.Basis = license.BasisExpiration
	for _, f := range o.preview(query(t, map[string]string{"contract": "C-1", "status": "expired"}), basis) {
		require.Equal(t, lapsed.ID, f.LicenseID)
		require.Equal(t, "2027-11-30", f.New.ExpiresOn.String())
	}
}

func TestPreview_SaysWhatTheRunThenDoes(t *testing.T) {
	o := newOffice(t)
	for n := range 30 {
		o.sold(of("C-1", license.MakeDate(2025, time.Month(12+n%11), 28)))
	}
	o.clock.Advance(100 * 24 * time.Hour) // 3 Mar 2027: those of three months have lapsed
	var failed []int
	for _, terms := range []batch.Terms{{TermMonths: 3}, {TermMonths: 1, Basis: license.BasisExpiration}, {ExpiresOn: license.MakeDate(2027, 6, 1)}, {TermMonths: 12, Basis: license.BasisToday}} {
		forecasts := o.preview(query(t, map[string]string{"contract": "C-1"}), terms)
		require.NotEmpty(t, forecasts)
		var targets []batch.Target
		for _, f := range forecasts {
			targets = append(targets, batch.Target{ID: f.LicenseID, Version: f.Old.Version})
		}
		rows, err := o.renewer().Run(context.Background(), call(fmt.Sprint(terms)), targets, terms)
		require.NoError(t, err)
		failed = append(failed, results(rows)[batch.Failed])
		for n, row := range rows {
			if forecasts[n].Err != nil {
				require.Equal(t, forecasts[n].Err, row.Err)
				continue
			}
			require.NoError(t, row.Err)
			require.Equal(t, forecasts[n].New.ExpiresOn, read(t, row.Outcome).ExpiresOn)
		}
	}
	require.Subset(t, failed, []int{0, 9}, "all were renewed with one basis, the lapsed not without")
}

func TestPreview_ByDates_TheSoonestFirst(t *testing.T) {
	o := newOffice(t)
	for _, month := range []time.Month{5, 3, 4, 9} {
		o.sold(of("C-1", license.MakeDate(2026, month, 1)))
	}
	var ends []string
	for _, f := range o.preview(query(t, map[string]string{"expiresFrom": "2027-02-01", "expiresTo": "2027-04-30"}), year) {
		ends = append(ends, f.Old.ExpiresOn.String())
	}
	require.Equal(t, []string{"2027-02-28", "2027-03-31", "2027-04-30"}, ends)
	require.Empty(t, o.preview(query(t, map[string]string{"customer": "nobody"}), year))
}

func TestPreview_OfAListInItsOrder(t *testing.T) {
	o := newOffice(t)
	one, two := o.sold(nil), o.sold(nil)
	found := o.preview(batch.Selection{IDs: []string{two.ID, "none", one.ID}}, year)
	require.Len(t, found, 3)
	require.Equal(t, two.ID, found[0].Old.ID)
	require.Equal(t, "/licenseIds/1", requireCode(t, license.LicenseNotFound, found[1].Err).Fields[0].Pointer)
	require.Equal(t, one.ID, found[2].Old.ID)
	_, err := o.renewer().Run(context.Background(), call("run"), []batch.Target{{one.ID, 1}}, year)
	require.NoError(t, err)
	found = o.preview(batch.Selection{IDs: []string{one.ID}}, year)
	requireCode(t, license.NotCurrent, found[0].Err)
}

func TestPreview_RefusedAsAWhole(t *testing.T) {
	o := newOffice(t)
	id := o.sold(nil).ID
	tooMany := make([]string, batch.MaxLicenses+1)
	for n := range tooMany {
		tooMany[n] = fmt.Sprintf("%032x", n)
	}
	for name, c := range map[string]struct {
		caller  license.Caller
		ids     []string
		terms   batch.Terms
		code    license.Code
		pointer string
	}{
		"none":           {licensetest.AccountingCaller, []string{}, year, license.InvalidRequest, "/licenseIds"},
		"201":            {licensetest.AccountingCaller, tooMany, year, license.TooManyLicenses, "/licenseIds"},
		"one twice":      {licensetest.AccountingCaller, []string{id, id}, year, license.InvalidRequest, "/licenseIds/1"},
		"without a term": {licensetest.AccountingCaller, []string{id}, batch.Terms{}, license.InvalidRequest, "/termMonths"},
		"admin":          {licensetest.AdminCaller, []string{id}, year, license.Forbidden, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := o.renewer().Preview(context.Background(), c.caller, batch.Selection{IDs: c.ids}, c.terms)
			refusal := requireCode(t, c.code, err)
			if c.pointer != "" {
				require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
			}
		})
	}
}

// finds is a Finder with a count that is what a test wants.
type finds struct {
	ids   []string
	count int
	exact bool
}

func (f finds) Subscriptions(context.Context, registry.Query, int) ([]string, int, bool, error) {
	return f.ids, f.count, f.exact, nil
}

func TestPreview_TooManyAreRefusedWithTheirCount(t *testing.T) {
	o := newOffice(t)
	ids := make([]string, 201)
	for n := range ids {
		if n == 101 {
			o.clock.Advance(24 * time.Hour) // a person makes 200 on one day
		}
		ids[n] = o.sold(nil).ID
	}
	_, err := o.renewer().Preview(context.Background(), licensetest.AccountingCaller, query(t, map[string]string{"contract": "C-2041"}), year)
	refusal := requireCode(t, license.TooManyLicenses, err)
	require.Contains(t, refusal.Detail, "These are 201 licenses")
	require.Equal(t, map[string]any{"count": 201, "exact": true, "limit": 200}, refusal.Params)

	for name, c := range map[string]struct {
		finds finds
		words string
	}{
		"the rest is not counted":                {finds{ids[:200], 4000, false}, "at least 4000 licenses"},
		"few were found among too many to count": {finds{ids[:3], 3, false}, "at least 3 licenses"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := batch.NewRenewer(o.issuer(o.store), c.finds).Preview(context.Background(), licensetest.AccountingCaller, query(t, map[string]string{"contract": "C-2041"}), year)
			refusal := requireCode(t, license.TooManyLicenses, err)
			require.Contains(t, refusal.Detail, c.words)
			require.Equal(t, false, refusal.Params["exact"])
		})
	}
	found, err := batch.NewRenewer(o.issuer(o.store), finds{ids[:200], 200, true}).Preview(context.Background(), licensetest.AccountingCaller, query(t, map[string]string{"contract": "C-2041"}), year)
	require.NoError(t, err)
	require.Len(t, found, 200)
}

func TestPreview_WhatAnIndexStillHoldsButIsReplacedIsLeftOut(t *testing.T) {
	o := newOffice(t)
	_, targets := o.many(2)
	_, err := o.renewer().Run(context.Background(), call("run"), targets[:1], year)
	require.NoError(t, err)
	late := finds{[]string{targets[0].ID, targets[1].ID}, 2, true}
	found, err := batch.NewRenewer(o.issuer(o.store), late).Preview(context.Background(), licensetest.AccountingCaller, query(t, map[string]string{"contract": "C-2041"}), year)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, targets[1].ID, found[0].LicenseID)
}
