package demo_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/demo"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/memstore"
)

// seeded is a store that three starts on three days have filled.
func seeded(t *testing.T) *memstore.Store {
	t.Helper()
	signer, keys := licensetest.Keys(t)
	store := memstore.New(keys...)
	for n, want := range []int{licenses, 0, 0} {
		made, err := demo.Seed(t.Context(), store, signer, keyring.New(store, time.Now), time.Now().AddDate(0, 0, n))
		require.NoError(t, err)
		require.Equal(t, want, made)
	}
	return store
}

// find returns the licenses of a customer, the newest of each server first.
func find(t *testing.T, store *memstore.Store, customer string) []ledger.Record {
	t.Helper()
	var found []ledger.Record
	for _, token := range demo.Tokens() {
		made, err := store.ByServer(t.Context(), token, 1<<30, 100)
		require.NoError(t, err)
		for _, l := range made {
			record, err := store.Record(t.Context(), l.ID)
			require.NoError(t, err)
			if record.Customer == customer {
				found = append(found, record)
			}
		}
	}
	require.NotEmpty(t, found, customer)
	return found
}

func documents(t *testing.T, store *memstore.Store, kind string, state desk.State) []ledger.Document {
	t.Helper()
	found, err := store.Documents(t.Context(), kind, string(state), ledger.Position{}, 100)
	require.NoError(t, err)
	return found
}

func TestSeed_RequestsOfEveryState(t *testing.T) {
	store := seeded(t)
	open := documents(t, store, ledger.KindRequest, desk.Open)
	require.Len(t, open, 2)
	var met []int
	for _, d := range open {
		var r desk.Request
		require.NoError(t, json.Unmarshal(d.Body, &r))
		met = append(met, len(r.Conditions))
	}
	slices.Sort(met)
	require.Equal(t, []int{0, 2}, met, "some conditions are met")
	require.Len(t, documents(t, store, ledger.KindRequest, desk.Declined), 1)
	issued := documents(t, store, ledger.KindRequest, desk.Issued)
	require.Len(t, issued, 1)
	require.Equal(t, issued[0].ID, find(t, store, "Kingfisher Marine")[0].RequestID)
}

func TestSeed_WhatChanged(t *testing.T) {
	store := seeded(t)
	amended := find(t, store, "Halcyon Cruises")
	require.Equal(t, ledger.OpAmend, amended[0].Operation)
	require.Less(t, amended[0].Seats.CallRecording, amended[1].Seats.CallRecording)

	corrected := find(t, store, "Thornbury Dairy")
	require.Len(t, corrected, 1)
	require.Equal(t, ledger.OpCorrect, corrected[0].Operation)
	require.Equal(t, license.Revoked, find(t, store, "Thornberry Dairy")[0].Status)

	moved := find(t, store, "Summit Broadcasting")
	require.Len(t, moved, 2)
	require.NotEqual(t, moved[0].ServerToken, moved[1].ServerToken)
	require.Equal(t, moved[0].LineageID, moved[1].LineageID)
	require.Equal(t, []license.Status{license.Superseded, license.Active}, []license.Status{moved[0].Status, moved[1].Status})

	require.Equal(t, license.Revoked, find(t, store, "Vantage Collections")[0].Status)
	converted := find(t, store, "Saffron Kitchens")
	require.Equal(t, converted[1].ID, converted[0].Converts)
}

func TestSeed_ExceptionsGrantedUsedDeclinedAndAskedFor(t *testing.T) {
	store := seeded(t)
	used := documents(t, store, "exception", desk.Used)
	require.Len(t, used, 1)
	require.Equal(t, []string{used[0].ID}, find(t, store, "Atlas Couriers")[0].Uses)
	require.Len(t, documents(t, store, "exception-request", desk.Granted), 1)
	require.Len(t, documents(t, store, "exception-request", desk.Open), 1)
	require.Len(t, documents(t, store, "exception-request", desk.Declined), 1)
}

func TestSeed_OneContractEndsSoon(t *testing.T) {
	store := seeded(t)
	today, tokens := license.Today(time.Now()), map[license.ServerToken]bool{}
	for _, l := range find(t, store, "Granite Peak Hotels") {
		require.EqualValues(t, "C-2400", l.Contract)
		require.Equal(t, license.Active, l.Status)
		require.LessOrEqual(t, today.DaysUntil(l.ExpiresOn), 30)
		require.Positive(t, today.DaysUntil(l.ExpiresOn))
		tokens[l.ServerToken] = true
	}
	require.Len(t, tokens, 3)
}
