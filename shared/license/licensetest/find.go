package licensetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/registry"
)

// indexes is the contract of registry.Indexes.
func indexes(t *testing.T, open func(t *testing.T) AnyStore) {
	for name, test := range map[string]func(*testing.T, AnyStore){
		"an entry has what its license has":                     indexEntry,
		"by issue, falling, in parts of every size":             indexParts,
		"by customer, in the order of the letters":              indexCustomers,
		"by contract, only its own":                             indexContract,
		"by server, by sequence":                                indexServer,
		"by expiration, only what is active and has a date":     indexExpiration,
		"it leaves the index of expirations when it ends":       indexLeaves,
		"a span without positions has no entries":               indexEmptySpans,
		"licenses are read in the order asked for, or left out": indexRecords,
		"expirations are counted apart by type":                 indexCounts,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// stored commits licenses as they are, each on a server of its own unless it names one.
func stored(t *testing.T, s AnyStore, records ...ledger.Record) {
	t.Helper()
	chains := map[license.ServerToken]int{}
	for n := range records {
		r := records[n]
		chains[r.ServerToken]++
		length := chains[r.ServerToken]
		mustCommit(t, s, ledger.Commit{
			New: &r,
			Chains: []ledger.Chain{{
				Server: ledger.Server{Token: r.ServerToken, Sequence: r.Sequence, ChainLength: length}, Before: length - 1,
				Audit: ledger.AuditEntry{ServerToken: r.ServerToken, Number: length, LicenseID: r.ID, Text: []byte("{}"), Hash: fmt.Sprint(length)},
			}},
		})
	}
}

// findable is the n-th license, issued n minutes after the first, active on a server of its own.
func findable(n int, change func(*ledger.Record)) ledger.Record {
	r := record(n)
	r.ServerToken, r.Status, r.IssuedAt = license.ServerToken(fmt.Sprintf("SERVER-%04d", n)), license.Active, at.Add(time.Duration(n)*time.Minute)
	if change != nil {
		change(&r)
	}
	return r
}

func findables(count int, change func(n int, r *ledger.Record)) []ledger.Record {
	var all []ledger.Record
	for n := range count {
		all = append(all, findable(n+1, func(r *ledger.Record) {
			if change != nil {
				change(n, r)
			}
		}))
	}
	return all
}

// ids are the numbers of the licenses that a span finds, read in parts of limit.
func ids(t *testing.T, s AnyStore, span registry.Span, limit int) []int {
	t.Helper()
	var found []int
	for {
		entries, err := s.Entries(context.Background(), span, limit)
		require.NoError(t, err)
		require.LessOrEqual(t, len(entries), limit)
		for _, e := range entries {
			var n int
			_, err := fmt.Sscanf(e.ID, "%x", &n)
			require.NoError(t, err)
			found = append(found, n)
			span = span.After(e.Position(span.Index))
		}
		if len(entries) < limit {
			return found
		}
	}
}

func indexEntry(t *testing.T, s AnyStore) {
	r := findable(1, func(r *ledger.Record) { r.Purpose = license.Emergency })
	stored(t, s, r)
	want := registry.EntryOf(r)
	for _, index := range []registry.Index{registry.ByServer, registry.ByContract, registry.ByCustomer, registry.ByExpiration, registry.ByIssue} {
		partition, held := want.Partition(index)
		require.True(t, held, index)
		entries, err := s.Entries(context.Background(), registry.Span{Index: index, Partition: partition}, 10)
		require.NoError(t, err)
		require.Len(t, entries, 1, index)
		got := entries[0]
		require.Equal(t, want.Position(index), got.Position(index))
		got.IssuedKey, got.Sequence = want.IssuedKey, want.Sequence // not in every index
		require.Equal(t, want, got, index)
	}
}

func indexParts(t *testing.T, s AnyStore) {
	stored(t, s, findables(40, nil)...)
	var want []int
	for n := 40; n > 0; n-- {
		want = append(want, n)
	}
	for _, limit := range []int{1, 7, 39, 40, 41, 100} {
		require.Equal(t, want, ids(t, s, registry.Span{Index: registry.ByIssue, Falling: true}, limit), limit)
	}
	require.Equal(t, 1, ids(t, s, registry.Span{Index: registry.ByIssue}, 9)[0], "and rising")
	from, to := registry.EntryOf(findable(10, nil)).IssuedKey, registry.EntryOf(findable(13, nil)).IssuedKey
	for _, limit := range []int{1, 2, 10} {
		require.Equal(t, []int{12, 11, 10}, ids(t, s, registry.Span{Index: registry.ByIssue, Low: from, High: to, Falling: true}, limit))
		require.Equal(t, []int{10, 11, 12}, ids(t, s, registry.Span{Index: registry.ByIssue, Low: from, High: to}, limit))
		require.Equal(t, []int{39, 40}, ids(t, s, registry.Span{Index: registry.ByIssue, Low: registry.EntryOf(findable(39, nil)).IssuedKey}, limit))
	}
}

func indexCustomers(t *testing.T, s AnyStore) {
	names := []string{"Nord", "nord west", "Nördlich", "NORD", "Nor", "Norð", "ノルド", "北", "𠀀", "ﬀ", "z"}
	stored(t, s, findables(len(names), func(n int, r *ledger.Record) { r.Customer = names[n] })...)
	for _, limit := range []int{1, 3, 50} {
		require.Equal(t, []int{10, 5, 6, 4, 1, 2, 3, 11, 7, 8, 9}, ids(t, s, registry.Span{Index: registry.ByCustomer}, limit),
			"by the bytes of the folded name, under one name the newest first: ð folds to d")
	}
	require.Equal(t, []int{6, 4, 1, 2, 3}, ids(t, s, registry.Span{Index: registry.ByCustomer, Low: "nord", High: "nord\U0010FFFF"}, 2))
}

func indexContract(t *testing.T, s AnyStore) {
	contracts := []license.Optional{"c-1", "C-1", "C-12", "", "C-1"}
	stored(t, s, findables(len(contracts), func(n int, r *ledger.Record) { r.Contract = contracts[n] })...)
	require.Equal(t, []int{5, 2, 1}, ids(t, s, registry.Span{Index: registry.ByContract, Partition: "C-1", Falling: true}, 2))
	require.Empty(t, ids(t, s, registry.Span{Index: registry.ByContract, Partition: "C-2", Falling: true}, 2))
}

func indexServer(t *testing.T, s AnyStore) {
	stored(t, s, findables(12, func(_ int, r *ledger.Record) { r.ServerToken = Token })...)
	span := registry.Span{Index: registry.ByServer, Partition: string(Token), Falling: true}
	require.Equal(t, []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, ids(t, s, span, 5))
	span.Partition = "OTHER-SERVER"
	require.Empty(t, ids(t, s, span, 5))
}

func expirations() []ledger.Record {
	return findables(8, func(n int, r *ledger.Record) {
		r.ExpiresOn = license.MakeDate(2027, 3, 8-n)
		switch n {
		case 2:
			r.Status = license.Pending
		case 3:
			r.Status = license.Superseded
		case 4:
			r.Type, r.ExpiresOn = license.Permanent, license.Never
		case 5, 6:
			r.Type, r.Purpose = license.Temporary, license.Trial
		}
	})
}

func indexExpiration(t *testing.T, s AnyStore) {
	stored(t, s, expirations()...)
	require.Equal(t, []int{8, 7, 6, 2, 1}, ids(t, s, registry.Span{Index: registry.ByExpiration}, 2))
	require.Equal(t, []int{7, 6, 2}, ids(t, s, registry.Span{Index: registry.ByExpiration, Low: "2027-03-02", High: "2027-03-08"}, 2))
	require.Equal(t, []int{6, 7, 8}, ids(t, s, registry.Span{Index: registry.ByExpiration, High: "2027-03-04", Falling: true}, 2))
}

func indexLeaves(t *testing.T, s AnyStore) {
	all := registry.Span{Index: registry.ByExpiration}
	mustCommit(t, s, intent(1))
	require.Empty(t, ids(t, s, all, 5), "it is pending")
	mustCommit(t, s, activation(1, 1))
	require.Equal(t, []int{1}, ids(t, s, all, 5))
	entries, err := s.Entries(context.Background(), registry.Span{Index: registry.ByIssue}, 5)
	require.NoError(t, err)
	require.Equal(t, license.Active, entries[0].Status)
	c := activation(1, 2)
	change := ledger.Change{By: "x", At: at, What: "renewed"}
	c.Updates = []ledger.Update{{ID: record(1).ID, IfStatus: license.Active, IfVersion: 1, Status: license.Active, AddVersion: 1, LastChange: &change}}
	mustCommit(t, s, c)
	require.Equal(t, []int{1}, ids(t, s, all, 5), "a change that leaves it active leaves it there")
	for n, ended := range []license.Status{license.Superseded, license.Revoked} {
		c := activation(1, 3+2*n)
		c.Updates = []ledger.Update{{ID: record(1).ID, IfStatus: license.Active, Status: ended, LastChange: &change}}
		mustCommit(t, s, c)
		require.Empty(t, ids(t, s, all, 5), ended)
		entries, err = s.Entries(context.Background(), registry.Span{Index: registry.ByIssue}, 5)
		require.NoError(t, err)
		require.Equal(t, ended, entries[0].Status)
		require.Equal(t, "renewed", entries[0].LastEvent)
		c = activation(1, 4+2*n)
		c.Updates = []ledger.Update{{ID: record(1).ID, IfStatus: ended, Status: license.Active}}
		mustCommit(t, s, c)
		require.Equal(t, []int{1}, ids(t, s, all, 5))
	}
}

func indexEmptySpans(t *testing.T, s AnyStore) {
	stored(t, s, expirations()...)
	for _, span := range []registry.Span{
		{Index: registry.ByExpiration, Low: "2028"}, {Index: registry.ByExpiration, High: "2020"},
		{Index: registry.ByExpiration, Low: "2027-03-05", High: "2027-03-05"}, {Index: registry.ByExpiration, Low: "2027-03-06", High: "2027-03-05"},
		{Index: registry.ByIssue, Low: "2027", High: "2026", Falling: true},
	} {
		require.Empty(t, ids(t, s, span, 3))
	}
}

func indexRecords(t *testing.T, s AnyStore) {
	all := findables(130, nil)
	stored(t, s, all...)
	var wanted []string
	for n := range all {
		wanted = append(wanted, all[len(all)-1-n].ID)
	}
	got, err := s.Records(context.Background(), append([]string{fmt.Sprintf("%032x", 999)}, wanted...))
	require.NoError(t, err)
	require.Len(t, got, len(all))
	for n, r := range got {
		require.Equal(t, all[len(all)-1-n], r)
	}
	got, err = s.Records(context.Background(), nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

func indexCounts(t *testing.T, s AnyStore) {
	stored(t, s, expirations()...)
	for _, c := range []struct {
		from, to int
		want     registry.Expiring
	}{
		{1, 31, registry.Expiring{Subscriptions: 3, Temporary: 2}}, {1, 2, registry.Expiring{Subscriptions: 1, Temporary: 1}},
		{7, 7, registry.Expiring{Subscriptions: 1}}, {4, 6, registry.Expiring{}}, {9, 31, registry.Expiring{}}, {8, 1, registry.Expiring{}},
	} {
		got, err := s.CountExpiring(context.Background(), license.MakeDate(2027, 3, c.from), license.MakeDate(2027, 3, c.to))
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%d to %d March", c.from, c.to)
	}
}
