package licensetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

// AnyStore is all that the domain asks of a store.
type AnyStore interface {
	ledger.Store
	ledger.Shelf
	ledger.ChainReader
	ledger.Scanner
	protocol.Pendings
	registry.Store
	registry.Indexes
	ByServer(ctx context.Context, token license.ServerToken, below, limit int) ([]license.License, error)
}

// Store is the contract of a store. open returns an empty one; each case opens its own.
func Store(t *testing.T, open func(t *testing.T) AnyStore) {
	for name, test := range map[string]func(*testing.T, AnyStore){
		"what is not there":                           storeEmpty,
		"a commit is read back whole":                 storeRoundTrip,
		"a commit whose chain has moved is refused":   storeChainMoved,
		"an idempotency key is used once":             storeIdempotencyOnce,
		"an update needs status and version":          storeUpdateConditions,
		"activation is read back whole":               storeActivation,
		"a lease is taken once":                       storeLease,
		"the first refusal is kept":                   storeRefusal,
		"pending licenses are found until they end":   storePending,
		"of 32 commits on one chain exactly one wins": storeRace,
		"search pages from the newest":                storeByServer,
		"current licenses of both slots":              storeCurrent,
		"a commit of two chains is all or nothing":    storeTwoChains,
		"a document is written version by version":    storeDocument,
		"documents are listed from either end":        storeShelf,
		"a counter stops at its limit":                storeCount,
		"a chain is read by number":                   storeEntries,
		"everything is scanned, in pages":             storeScan,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
	indexes(t, open)
}

var at = time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.UTC)

// record is a pending subscription with every member set.
func record(n int) ledger.Record {
	return ledger.Record{
		License: license.License{
			ID: fmt.Sprintf("%032x", n), LineageID: fmt.Sprintf("%032x", 1), ServerToken: Token, Sequence: n, Version: 1,
			Type: license.Subscription, Customer: "Café “Nord” & Söhne", Modules: license.Modules{QMSSuite: 1, CallRecording: 2},
			Seats: license.Seats{CallRecording: 3, ComputerRecording: 1, AgentEvaluation: 1}, IssuedOn: license.Today(at),
			IssuedBy: "accounting", StartsOn: license.Today(at), ExpiresOn: license.MakeDate(2027, 11, 22), Status: license.Pending, Contract: "C-1",
		},
		Operation: ledger.OpRenew, IssuedAt: at, AnchorDay: 23, Predecessor: "p", PreviousExpiresOn: license.MakeDate(2026, 11, 22),
		Conditions: []ledger.Condition{{Name: "contract-signed", MetOn: license.Today(at), Evidence: "e"}}, Note: "n",
		LastChange: ledger.Change{By: "accounting", At: at, What: "issued"}, KeyID: "sold-2026-1",
		SigningInput: []byte("eyJ.eyJ"), LeaseUntil: at.Add(5 * time.Second), Attempts: 1,
	}
}

// intent is a commit that adds record n as the n-th link of the chain.
func intent(n int) ledger.Commit {
	r := record(n)
	return ledger.Commit{
		Idempotency: &ledger.IdempotencyRecord{Key: fmt.Sprint("key", n), RequestHash: "h", LicenseID: r.ID, At: at},
		New:         &r,
		Chains: []ledger.Chain{{
			Server: ledger.Server{Token: Token, Sequence: n, Base: ledger.Slot{Pending: r.ID}, ChainLength: n, ChainHash: fmt.Sprint("hash", n)},
			Before: n - 1,
			Audit:  ledger.AuditEntry{ServerToken: Token, Number: n, LicenseID: r.ID, Text: []byte("{}"), Hash: fmt.Sprint("hash", n)},
		}},
	}
}

func mustCommit(t *testing.T, s AnyStore, c ledger.Commit) {
	t.Helper()
	require.NoError(t, s.Commit(context.Background(), c))
}

func storeEmpty(t *testing.T, s AnyStore) {
	ctx := context.Background()
	server, err := s.Server(ctx, Token)
	require.NoError(t, err)
	require.Equal(t, ledger.Server{Token: Token}, server)
	_, err = s.Record(ctx, "none")
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, license.LicenseNotFound, refusal.Code)
	_, found, err := s.Idempotency(ctx, "none")
	require.NoError(t, err)
	require.False(t, found)
	current, err := s.Current(ctx, Token)
	require.NoError(t, err)
	require.Empty(t, current)
}

func storeRoundTrip(t *testing.T, s AnyStore) {
	ctx := context.Background()
	mustCommit(t, s, intent(1))
	got, err := s.Record(ctx, record(1).ID)
	require.NoError(t, err)
	require.Equal(t, record(1), got)
	server, err := s.Server(ctx, Token)
	require.NoError(t, err)
	require.Equal(t, intent(1).Chains[0].Server, server)
	idempotency, found, err := s.Idempotency(ctx, "key1")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, *intent(1).Idempotency, idempotency)
}

func storeChainMoved(t *testing.T, s AnyStore) {
	mustCommit(t, s, intent(1))
	again := intent(2)
	again.Chains[0].Before = 0
	require.ErrorIs(t, s.Commit(context.Background(), again), ledger.ErrConflict)
	again.Chains[0].Before = 7
	require.ErrorIs(t, s.Commit(context.Background(), again), ledger.ErrConflict)
	_, err := s.Record(context.Background(), record(2).ID)
	require.Error(t, err, "nothing of a refused commit is written")
}

func storeIdempotencyOnce(t *testing.T, s AnyStore) {
	mustCommit(t, s, intent(1))
	second := intent(2)
	second.Idempotency.Key = "key1"
	require.ErrorIs(t, s.Commit(context.Background(), second), ledger.ErrConflict)
	server, err := s.Server(context.Background(), Token)
	require.NoError(t, err)
	require.Equal(t, 1, server.ChainLength)
}

func storeUpdateConditions(t *testing.T, s AnyStore) {
	ctx := context.Background()
	mustCommit(t, s, intent(1))
	for _, wrong := range []ledger.Update{
		{ID: record(1).ID, IfStatus: license.Active, Status: license.Superseded},
		{ID: record(1).ID, IfStatus: license.Pending, IfVersion: 2, Status: license.Void},
		{ID: "none", IfStatus: license.Pending, Status: license.Void},
	} {
		c := intent(2)
		c.Updates = []ledger.Update{wrong}
		require.ErrorIs(t, s.Commit(ctx, c), ledger.ErrConflict)
	}
	c := intent(2)
	change := ledger.Change{By: "x", At: at, What: "renewed"}
	c.Updates = []ledger.Update{{ID: record(1).ID, IfStatus: license.Pending, IfVersion: 1, Status: license.Pending, AddVersion: 1, LastChange: &change}}
	mustCommit(t, s, c)
	got, err := s.Record(ctx, record(1).ID)
	require.NoError(t, err)
	require.Equal(t, 2, got.Version)
	require.Equal(t, change, got.LastChange)
}

func activation(n, chain int) ledger.Commit {
	c := intent(n)
	c.Idempotency, c.New = nil, nil
	link := &c.Chains[0]
	link.Before, link.Server.ChainLength, link.Audit.Number = chain, chain+1, chain+1
	link.Server.Base = ledger.Slot{Current: record(n).ID}
	c.Updates = []ledger.Update{{ID: record(n).ID, IfStatus: license.Pending, Status: license.Active, Signed: &ledger.Signed{
		LicenseKey: "eyJ.eyJ.sig", KMSRequestID: "kms-1", Supersedes: "old", Answer: []byte(`{"license":{}}`),
	}}}
	return c
}

func storeActivation(t *testing.T, s AnyStore) {
	ctx := context.Background()
	mustCommit(t, s, intent(1))
	mustCommit(t, s, activation(1, 1))
	want := record(1)
	activation(1, 1).Updates[0].Apply(&want)
	got, err := s.Record(ctx, want.ID)
	require.NoError(t, err)
	require.Equal(t, want, got)
	l, changedOn, err := s.License(ctx, want.ID)
	require.NoError(t, err)
	require.Equal(t, want.License, l)
	require.Equal(t, license.Today(at), changedOn)
	_, err = s.Touch(ctx, want.ID, ledger.Touch{Now: at.Add(time.Hour), LeaseUntil: at.Add(2 * time.Hour)})
	require.ErrorIs(t, err, ledger.ErrConflict, "only a pending license is leased")
}

func storeLease(t *testing.T, s AnyStore) {
	ctx := context.Background()
	mustCommit(t, s, intent(1))
	id := record(1).ID
	_, err := s.Touch(ctx, id, ledger.Touch{Now: at, LeaseUntil: at.Add(9 * time.Second)})
	require.ErrorIs(t, err, ledger.ErrConflict, "the first lease holds")
	later := at.Add(5 * time.Second)
	got, err := s.Touch(ctx, id, ledger.Touch{Now: later, LeaseUntil: later.Add(5 * time.Second)})
	require.NoError(t, err)
	require.Equal(t, 2, got.Attempts)
	require.Equal(t, later.Add(5*time.Second), got.LeaseUntil)
	require.Equal(t, 1, got.Version, "a lease is not a change of the license")
	_, err = s.Touch(ctx, id, ledger.Touch{Now: later, LeaseUntil: later.Add(5 * time.Second)})
	require.ErrorIs(t, err, ledger.ErrConflict)
}

func storeRefusal(t *testing.T, s AnyStore) {
	ctx := context.Background()
	mustCommit(t, s, intent(1))
	_, err := s.Touch(ctx, record(1).ID, ledger.Touch{RefusedSince: at})
	require.NoError(t, err)
	got, err := s.Touch(ctx, record(1).ID, ledger.Touch{RefusedSince: at.Add(time.Minute)})
	require.NoError(t, err)
	require.Equal(t, at, got.RefusedSince)
	got, err = s.Touch(ctx, record(1).ID, ledger.Touch{Signed: true})
	require.NoError(t, err)
	require.Zero(t, got.RefusedSince, "it has signed again")
}

func storePending(t *testing.T, s AnyStore) {
	ctx := context.Background()
	mustCommit(t, s, intent(1))
	found, err := s.Pending(ctx, at, 10)
	require.NoError(t, err)
	require.Empty(t, found, "its lease is not over")
	found, err = s.Pending(ctx, at.Add(5*time.Second), 10)
	require.NoError(t, err)
	require.Equal(t, []string{record(1).ID}, found)
	mustCommit(t, s, activation(1, 1))
	found, err = s.Pending(ctx, at.Add(time.Hour), 10)
	require.NoError(t, err)
	require.Empty(t, found)
}

func storeRace(t *testing.T, s AnyStore) {
	const callers = 32
	var wg sync.WaitGroup
	results := make(chan error, callers)
	for n := range callers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c := intent(1)
			c.Idempotency.Key = fmt.Sprint("key", n)
			c.New.ID = fmt.Sprintf("%032x", n)
			err := s.Commit(context.Background(), c)
			for err != nil && !isConflict(err) { // unclear: only then may it be sent again
				err = s.Commit(context.Background(), c)
			}
			results <- err
		}()
	}
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		}
	}
	require.Equal(t, 1, won)
}

func storeByServer(t *testing.T, s AnyStore) {
	for n := 1; n <= 5; n++ {
		mustCommit(t, s, intent(n))
	}
	found, err := s.ByServer(context.Background(), Token, 1<<40, 3)
	require.NoError(t, err)
	require.Equal(t, []int{5, 4, 3}, sequences(found))
	found, err = s.ByServer(context.Background(), Token, 3, 3)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, sequences(found))
	found, err = s.ByServer(context.Background(), "OTHER-SERVER", 1<<40, 3)
	require.NoError(t, err)
	require.Empty(t, found)
}

func storeCurrent(t *testing.T, s AnyStore) {
	mustCommit(t, s, intent(1))
	current, err := s.Current(context.Background(), Token)
	require.NoError(t, err)
	require.Empty(t, current, "a pending license is not current")
	mustCommit(t, s, activation(1, 1))
	both := intent(2)
	both.New.Status = license.Active
	link := &both.Chains[0]
	link.Before, link.Server.ChainLength, link.Audit.Number = 2, 3, 3
	link.Server.Base.Current, link.Server.Base.Pending, link.Server.Temporary.Current = record(1).ID, "", record(2).ID
	mustCommit(t, s, both)
	current, err = s.Current(context.Background(), Token)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, sequences(current))
}

func sequences(ls []license.License) []int {
	var ns []int
	for _, l := range ls {
		ns = append(ns, l.Sequence)
	}
	return ns
}
