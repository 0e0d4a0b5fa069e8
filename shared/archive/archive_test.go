package archive_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/archive"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

const token = "QMSA-0000-0001"

// bucket keeps objects as the contract says, or fails.
type bucket struct {
	objects map[string]string
	failing error
}

func (b *bucket) Create(_ context.Context, name string, body []byte) error {
	if b.failing != nil {
		return b.failing
	}
	if there, ok := b.objects[name]; ok && there != string(body) {
		return archive.ErrOther
	}
	b.objects[name] = string(body)
	return nil
}

func (b *bucket) List(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, name := range slices.Sorted(maps.Keys(b.objects)) {
			if strings.HasPrefix(name, prefix) && !yield(name, nil) {
				return
			}
		}
	}
}

func (b *bucket) Get(_ context.Context, name string) ([]byte, error) {
	return []byte(b.objects[name]), b.failing
}

// rig is an Archiver with its bucket and what it logs.
type rig struct {
	*archive.Archiver
	bucket *bucket
	log    *bytes.Buffer
}

func newRig(t *testing.T) rig {
	t.Helper()
	r := rig{bucket: &bucket{objects: map[string]string{}}, log: &bytes.Buffer{}}
	r.Archiver = archive.NewArchiver(r.bucket)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(r.log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return r
}

func entry(number int, event string) ledger.AuditEntry {
	text := fmt.Sprintf(`{"serverToken":%q,"number":%d,"event":%q,"license":{"id":"L1","customer":"A & B <C>"}}`, token, number, event)
	sum := sha256.Sum256([]byte(text))
	return ledger.AuditEntry{ServerToken: token, Number: number, LicenseID: "L1", Text: []byte(text), Hash: hex.EncodeToString(sum[:])}
}

// item is an entry as the stream shows it.
func item(t *testing.T, e ledger.AuditEntry, changes ...string) json.RawMessage {
	t.Helper()
	attributes := map[string]map[string]string{
		"pk": {"S": string(e.ServerToken)}, "sk": {"N": fmt.Sprint(e.Number)}, "licenseId": {"S": e.LicenseID}, "entry": {"S": string(e.Text)}, "hash": {"S": e.Hash},
	}
	for n := 0; n < len(changes); n += 2 {
		attributes[changes[n]] = map[string]string{"S": changes[n+1]}
	}
	text, err := json.Marshal(attributes)
	require.NoError(t, err)
	return text
}

func folder() string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func TestArchive_ANewEntryIsKeptAndReadBackToTheByte(t *testing.T) {
	r, ctx := newRig(t), t.Context()
	first, tenth := entry(1, "intent"), entry(10, "issued")
	for range 2 { // the stream delivers at least once
		require.NoError(t, r.Archive(ctx, archive.Change{EventID: "b", After: item(t, tenth)}))
		require.NoError(t, r.Archive(ctx, archive.Change{EventID: "a", After: item(t, first)}))
	}
	require.Equal(t, []string{"audit/" + folder() + "/0000000001.json", "audit/" + folder() + "/0000000010.json"},
		slices.Sorted(maps.Keys(r.bucket.objects)))
	require.Empty(t, r.log.String())
	for _, prefix := range []string{archive.All, archive.Folder(token)} {
		var read []ledger.AuditEntry
		for e, err := range archive.Entries(ctx, r.bucket, prefix) {
			require.NoError(t, err)
			read = append(read, e)
		}
		require.Equal(t, []ledger.AuditEntry{first, tenth}, read)
	}
}

func TestArchive_AnythingElseIsKeptAsEvidenceAndSaidAloud(t *testing.T) {
	good, other := entry(1, "intent"), entry(1, "voided")
	rows := []struct {
		name   string
		change archive.Change
		how    string
	}{
		{"modified", archive.Change{Before: item(t, good), After: item(t, good, "entry", "forged")}, "modified"},
		{"removed", archive.Change{Before: item(t, good)}, "removed"},
		{"another in its place", archive.Change{After: item(t, other)}, "added again, with other content"},
		{"a hash of something else", archive.Change{After: item(t, good, "hash", other.Hash)}, "is none: its hash is not that of its text"},
		{"keys of something else", archive.Change{After: item(t, good, "pk", "QMSA-OTHER")}, "is none: its text speaks of another entry"},
		{"a license of something else", archive.Change{After: item(t, good, "licenseId", "L2")}, "is none: its text speaks of another entry"},
		{"an attribute more", archive.Change{After: item(t, good, "more", "x")}, "is none: its item has the attribute more"},
		{"no number", archive.Change{After: json.RawMessage(`{"pk":{"S":"x"},"sk":{"N":"1.5"}}`)}, "is none: its number is none"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			require.NoError(t, r.Archive(t.Context(), archive.Change{EventID: "first", After: item(t, good)}))
			row.change.EventID = "second"
			require.NoError(t, r.Archive(t.Context(), row.change))
			var line map[string]any
			require.NoError(t, json.Unmarshal(r.log.Bytes(), &line), r.log.String())
			require.Equal(t, "audit entry changed", line["msg"])
			require.Equal(t, "ERROR", line["level"])
			require.Equal(t, row.how, line["how"])
			require.NotContains(t, r.log.String(), token)
			require.Len(t, r.bucket.objects, 2)
			for name, body := range r.bucket.objects {
				if strings.HasPrefix(name, archive.All) {
					continue
				}
				require.True(t, strings.HasPrefix(name, "changed/"), name)
				require.True(t, strings.HasSuffix(name, "-second.json"), name)
				var kept struct{ Before, After json.RawMessage }
				require.NoError(t, json.Unmarshal([]byte(body), &kept))
				require.JSONEq(t, orNull(row.change.Before), string(kept.Before))
				require.JSONEq(t, orNull(row.change.After), string(kept.After))
			}
			require.NoError(t, r.Archive(t.Context(), row.change), "a second time")
			require.Len(t, r.bucket.objects, 2)
		})
	}
}

func orNull(image json.RawMessage) string {
	if len(image) == 0 {
		return "null"
	}
	return string(image)
}

func TestArchive_AStoreThatFailsIsAnErrorAndTheAlarmIsGivenAllTheSame(t *testing.T) {
	r := newRig(t)
	r.bucket.failing = errors.New("no answer")
	require.ErrorIs(t, r.Archive(t.Context(), archive.Change{EventID: "a", After: item(t, entry(1, "intent"))}), r.bucket.failing)
	require.Empty(t, r.log.String())
	err := r.Archive(t.Context(), archive.Change{EventID: "b", Before: item(t, entry(1, "intent"))})
	require.ErrorIs(t, err, r.bucket.failing)
	require.NotContains(t, err.Error(), token)
	require.Contains(t, r.log.String(), archive.Changed)
}

func TestEntries_WhatIsNotTheEntryOfItsNameIsRefused(t *testing.T) {
	good, err := archive.Encode(entry(1, "intent"))
	require.NoError(t, err)
	rows := []struct{ name, object, body, want string }{
		{"another number", archive.Name(token, 2), string(good), "it is entry 1 of server " + folder()},
		{"a text that was changed", archive.Name(token, 1), strings.Replace(string(good), "intent", "voided", 1), "its hash is not that of its text"},
		{"a member more", archive.Name(token, 1), strings.Replace(string(good), "{", `{"more":1,`, 1), "unknown field"},
		{"no JSON", archive.Name(token, 1), "", "reading an archived entry"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := &bucket{objects: map[string]string{row.object: row.body}}
			count := 0
			for _, err := range archive.Entries(t.Context(), b, archive.All) {
				count++
				require.ErrorContains(t, err, row.want)
			}
			require.Equal(t, 1, count)
		})
	}
}

func TestName_SortsByNumberAndHidesTheToken(t *testing.T) {
	require.Less(t, archive.Name(token, 9), archive.Name(token, 10))
	require.NotContains(t, archive.Name(license.ServerToken(token), 1), token)
}
