package licensetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// otherToken is of a second server.
const otherToken license.ServerToken = "QMS-OTHER-SERVER-0002"

// alone is a commit that does nothing but add the n-th link to a chain.
func alone(token license.ServerToken, n int) ledger.Commit {
	return ledger.Commit{Chains: []ledger.Chain{{
		Server: ledger.Server{Token: token, ChainLength: n, ChainHash: fmt.Sprint("hash", n)}, Before: n - 1,
		Audit: ledger.AuditEntry{ServerToken: token, Number: n, Text: []byte("{}"), Hash: fmt.Sprint("hash", n)},
	}}}
}

func storeTwoChains(t *testing.T, s AnyStore) {
	ctx := context.Background()
	both := alone(Token, 1)
	both.Chains = append(both.Chains, alone(otherToken, 1).Chains...)
	both.Chains[0].Server.Base.Moving = "m"
	both.Chains[1].Server.Temporaries = []ledger.TemporaryUse{{LicenseID: "t", Purpose: license.Trial, Customer: "c", Days: 30, By: "sales", At: at}}
	mustCommit(t, s, both)
	for _, chain := range both.Chains {
		server, err := s.Server(ctx, chain.Server.Token)
		require.NoError(t, err)
		require.Equal(t, chain.Server, server)
	}
	mustCommit(t, s, alone(otherToken, 2))
	stale := alone(Token, 2)
	stale.Chains = append(stale.Chains, alone(otherToken, 2).Chains...)
	require.ErrorIs(t, s.Commit(ctx, stale), ledger.ErrConflict, "the second chain has moved")
	server, err := s.Server(ctx, Token)
	require.NoError(t, err)
	require.Equal(t, 1, server.ChainLength, "so the first did not move either")
}

func document(n, version int, state string) ledger.Document {
	return ledger.Document{
		Kind: "license-request", ID: fmt.Sprint("d", n), Version: version, State: state, At: at.Add(time.Duration(n) * time.Minute),
		Body: []byte(fmt.Sprintf(`{"n":%d,"customer":"Café","version":%d}`, n, version)),
	}
}

func storeDocument(t *testing.T, s AnyStore) {
	ctx := context.Background()
	_, found, err := s.Document(ctx, "license-request", "d1")
	require.NoError(t, err)
	require.False(t, found)
	write := func(chain int, d ledger.Document) error {
		c := alone(Token, chain)
		c.Documents = []ledger.Document{d}
		return s.Commit(ctx, c)
	}
	require.ErrorIs(t, write(1, document(1, 2, "open")), ledger.ErrConflict, "there is no version 1")
	require.NoError(t, write(1, document(1, 1, "open")))
	require.ErrorIs(t, write(2, document(1, 1, "open")), ledger.ErrConflict, "it is there already")
	require.ErrorIs(t, write(2, document(1, 3, "open")), ledger.ErrConflict, "version 2 comes first")
	require.NoError(t, write(2, document(1, 2, "declined")))
	got, found, err := s.Document(ctx, "license-request", "d1")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, document(1, 2, "declined"), got)
	_, found, err = s.Document(ctx, "exception", "d1")
	require.NoError(t, err)
	require.False(t, found, "another kind is another document")
}

func storeShelf(t *testing.T, s AnyStore) {
	ctx := context.Background()
	c := alone(Token, 1)
	for n := range 7 {
		state := "open"
		if n == 3 {
			state = "declined"
		}
		c.Documents = append(c.Documents, document(n, 1, state))
	}
	mustCommit(t, s, c)
	var after ledger.Position
	var seen []string
	for range 3 {
		page, err := s.Documents(ctx, "license-request", "open", after, 2)
		require.NoError(t, err)
		require.Len(t, page, 2)
		for _, d := range page {
			seen = append(seen, d.ID)
			after = ledger.Position{At: d.At, ID: d.ID}
		}
	}
	require.Equal(t, []string{"d6", "d5", "d4", "d2", "d1", "d0"}, seen)
	page, err := s.Documents(ctx, "license-request", "open", after, 2)
	require.NoError(t, err)
	require.Empty(t, page)
	after, seen = ledger.Position{}, nil
	for range 3 {
		page, err := s.Queue(ctx, "license-request", "open", after, 2)
		require.NoError(t, err)
		require.Len(t, page, 2)
		for _, d := range page {
			seen = append(seen, d.ID)
			after = ledger.Position{At: d.At, ID: d.ID}
		}
	}
	require.Equal(t, []string{"d0", "d1", "d2", "d4", "d5", "d6"}, seen)
	page, err = s.Queue(ctx, "license-request", "open", after, 2)
	require.NoError(t, err)
	require.Empty(t, page)
	page, err = s.Documents(ctx, "license-request", "declined", ledger.Position{}, 2)
	require.NoError(t, err)
	require.Equal(t, []ledger.Document{document(3, 1, "declined")}, page)
}

func storeCount(t *testing.T, s AnyStore) {
	ctx := context.Background()
	chain := 0
	add := func(n ledger.Count) error {
		c := alone(Token, chain+1)
		c.Counts = []ledger.Count{n}
		err := s.Commit(ctx, c)
		if err == nil {
			chain++
		}
		return err
	}
	one := ledger.Count{Key: "quota#x", Add: 1, Limit: 2}
	require.NoError(t, add(one))
	require.NoError(t, add(one))
	require.ErrorIs(t, add(one), ledger.ErrConflict)
	require.NoError(t, add(ledger.Count{Key: "quota#x", Add: -1}))
	n, err := s.Count(ctx, "quota#x")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, add(one))
	n, err = s.Count(ctx, "quota#other")
	require.NoError(t, err)
	require.Zero(t, n)
}

func storeEntries(t *testing.T, s AnyStore) {
	ctx := context.Background()
	for n := 1; n <= 5; n++ {
		c := alone(Token, n)
		c.Chains[0].Audit.LicenseID = fmt.Sprintf("%032x", n)
		mustCommit(t, s, c)
	}
	mustCommit(t, s, alone(otherToken, 1))
	found, err := s.AuditEntries(ctx, Token, 2, 2)
	require.NoError(t, err)
	require.Equal(t, []ledger.AuditEntry{
		{ServerToken: Token, Number: 3, LicenseID: fmt.Sprintf("%032x", 3), Text: []byte("{}"), Hash: "hash3"},
		{ServerToken: Token, Number: 4, LicenseID: fmt.Sprintf("%032x", 4), Text: []byte("{}"), Hash: "hash4"},
	}, found)
	head, all, err := ledger.ReadChain(ctx, s, Token)
	require.NoError(t, err)
	require.Equal(t, 5, head.ChainLength)
	require.Len(t, all, 5)
	none, err := s.AuditEntries(ctx, "QMS-NOBODY-0001", 0, 10)
	require.NoError(t, err)
	require.Empty(t, none)
}

func storeScan(t *testing.T, s AnyStore) {
	ctx := context.Background()
	for n := 1; n <= 3; n++ {
		c := intent(n)
		c.Documents = []ledger.Document{document(n, 1, "open")}
		c.Counts = []ledger.Count{{Key: "quota#x", Add: 1, Limit: 9}}
		mustCommit(t, s, c)
	}
	unlisted := document(9, 1, "")
	mustCommit(t, s, ledger.Commit{Documents: []ledger.Document{unlisted}})
	listed, err := s.Documents(ctx, unlisted.Kind, "", ledger.Position{}, 9)
	require.NoError(t, err)
	require.Empty(t, listed, "a document without a state stands in no list")
	var all ledger.Batch
	pages := 0
	for after := ""; ; pages++ {
		b, err := s.Scan(ctx, after, 4)
		require.NoError(t, err)
		require.LessOrEqual(t, len(b.Licenses)+len(b.Servers)+len(b.Idempotency)+len(b.Documents), 4)
		require.Empty(t, b.Unreadable)
		all.Licenses, all.Servers = append(all.Licenses, b.Licenses...), append(all.Servers, b.Servers...)
		all.Idempotency, all.Documents = append(all.Idempotency, b.Idempotency...), append(all.Documents, b.Documents...)
		if after = b.Next; after == "" {
			break
		}
	}
	require.Greater(t, pages, 1)
	require.ElementsMatch(t, []ledger.Record{record(1), record(2), record(3)}, all.Licenses)
	require.Equal(t, []ledger.Server{intent(3).Chains[0].Server}, all.Servers)
	require.ElementsMatch(t, []ledger.IdempotencyRecord{*intent(1).Idempotency, *intent(2).Idempotency, *intent(3).Idempotency}, all.Idempotency)
	require.ElementsMatch(t, []ledger.Document{document(1, 1, "open"), document(2, 1, "open"), document(3, 1, "open"), unlisted}, all.Documents)
}
