package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

const token license.ServerToken = "QMSA-VERIFY-0001"

// chainOf makes n links; note is what their licenses say, so that two chains differ.
func chainOf(t *testing.T, n int, note string) (ledger.Server, []ledger.AuditEntry) {
	t.Helper()
	server := ledger.Server{Token: token}
	var entries []ledger.AuditEntry
	for i := range n {
		r := ledger.Record{License: license.License{ID: fmt.Sprintf("%032x", i), ServerToken: token, Customer: note}}
		e, err := ledger.Link(&server, ledger.Entry{Event: ledger.EventIntent, Record: &r}, time.Date(2026, 11, 23, 9, i, 0, 0, time.UTC))
		require.NoError(t, err)
		entries = append(entries, e)
	}
	return server, entries
}

// forge makes an entry say something else, with the hash that goes with it.
func forge(e ledger.AuditEntry, old, new string) ledger.AuditEntry {
	e.Text = []byte(strings.Replace(string(e.Text), old, new, 1))
	sum := sha256.Sum256(e.Text)
	e.Hash = hex.EncodeToString(sum[:])
	return e
}

// renumber gives the entries the places that they stand in.
func renumber(entries []ledger.AuditEntry) []ledger.AuditEntry {
	for n := range entries {
		entries[n].Number = n + 1
	}
	return entries
}

func TestVerify_NamesTheFirstBrokenLink(t *testing.T) {
	type world struct {
		server  ledger.Server
		entries []ledger.AuditEntry
		kept    []ledger.Checkpoint
	}
	for name, c := range map[string]struct {
		damage func(w *world)
		number int
		kind   ledger.Damage
	}{
		"edited, its hash left": {func(w *world) {
			w.entries[2].Text = []byte(strings.Replace(string(w.entries[2].Text), "Nordwind", "Southwind", 1))
		}, 3, ledger.Edited},
		"edited, its hash made again":          {func(w *world) { w.entries[2] = forge(w.entries[2], "Nordwind", "Southwind") }, 3, ledger.Edited},
		"the first edited":                     {func(w *world) { w.entries[0] = forge(w.entries[0], "Nordwind", "Southwind") }, 1, ledger.Edited},
		"the last edited, its hash made again": {func(w *world) { w.entries[5] = forge(w.entries[5], "Nordwind", "Southwind") }, 6, ledger.Edited},
		"a hash edited":                        {func(w *world) { w.entries[3].Hash = strings.Repeat("0", 64) }, 4, ledger.Edited},
		"no JSON":                              {func(w *world) { w.entries[3].Text = []byte("{") }, 4, ledger.Edited},
		"deleted":                              {func(w *world) { w.entries = slices.Delete(w.entries, 2, 3) }, 3, ledger.Deleted},
		"deleted, the next in its place":       {func(w *world) { w.entries = renumber(slices.Delete(w.entries, 2, 3)) }, 3, ledger.Deleted},
		"the first deleted":                    {func(w *world) { w.entries = w.entries[1:] }, 1, ledger.Deleted},
		"the first deleted and all moved":      {func(w *world) { w.entries = renumber(w.entries[1:]) }, 1, ledger.Deleted},
		"inserted, and the others moved": {func(w *world) {
			w.entries = renumber(slices.Insert(w.entries, 2, forge(w.entries[4], "Nordwind", "x")))
		}, 3, ledger.Inserted},
		"inserted, following the one before it": {func(w *world) {
			w.entries = renumber(slices.Insert(w.entries, 2, forge(w.entries[2], "Nordwind", "x")))
		}, 3, ledger.Inserted},
		"inserted after the last": {func(w *world) {
			server := w.server
			more, err := ledger.Link(&server, ledger.Entry{Event: ledger.EventIntent}, time.Now())
			require.NoError(t, err)
			w.entries = append(w.entries, more)
		}, 7, ledger.Inserted},
		"of another server": {func(w *world) { w.entries[3] = forge(w.entries[3], string(token), "QMSA-OTHER-0001") }, 4, ledger.Inserted},
		"two neighbours changed places": {func(w *world) {
			w.entries[2], w.entries[3] = w.entries[3], w.entries[2]
			renumber(w.entries)
		}, 3, ledger.Reordered},
		"two far ones changed places": {func(w *world) {
			w.entries[0], w.entries[5] = w.entries[5], w.entries[0]
			renumber(w.entries)
		}, 1, ledger.Reordered},
		"the last is cut":     {func(w *world) { w.entries = w.entries[:5] }, 6, ledger.TailCut},
		"all is cut":          {func(w *world) { w.entries = nil }, 1, ledger.TailCut},
		"the head is gone":    {func(w *world) { w.server = ledger.Server{Token: token} }, 6, ledger.HeadLost},
		"replaced as a whole": {func(w *world) { w.server, w.entries = chainOf(t, 6, "Southwind") }, 4, ledger.Replaced},
		"replaced, and its server item left": {func(w *world) {
			_, w.entries = chainOf(t, 6, "Southwind")
		}, 4, ledger.Replaced},
		"cut with its server item": {func(w *world) { w.server, w.entries = chainOf(t, 3, "Nordwind") }, 4, ledger.Replaced},
	} {
		t.Run(name, func(t *testing.T) {
			server, entries := chainOf(t, 6, "Nordwind")
			w := &world{server, entries, []ledger.Checkpoint{{Number: 4, Hash: entries[3].Hash}}}
			require.Nil(t, ledger.Verify(w.entries, w.server, w.kept...), "it is whole before")
			c.damage(w)
			found := ledger.Verify(w.entries, w.server, w.kept...)
			require.NotNil(t, found)
			require.Equal(t, c.kind, found.Kind, found.Detail)
			require.Equal(t, c.number, found.Number, found.Detail)
			require.True(t, strings.HasSuffix(found.Detail, "."), found.Detail)
		})
	}
	require.Nil(t, ledger.Verify(nil, ledger.Server{Token: token}), "an empty chain is whole")
}

func TestCheckpoint_IsReadAsItIsWritten(t *testing.T) {
	_, entries := chainOf(t, 12, "x")
	kept := ledger.Checkpoint{Number: 12, Hash: entries[11].Hash}
	got, err := ledger.ParseCheckpoint(kept.String())
	require.NoError(t, err)
	require.Equal(t, kept, got)
	for _, wrong := range []string{"", "12", ":", "0:" + kept.Hash, "-1:" + kept.Hash, "012:" + kept.Hash, "12:" + kept.Hash[1:], "12:" + strings.ToUpper(kept.Hash), kept.String() + " ", "12:" + strings.Repeat("g", 64)} {
		_, err := ledger.ParseCheckpoint(wrong)
		require.Error(t, err, wrong)
	}
}
