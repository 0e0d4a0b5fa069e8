package recovery_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/demo"
	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/dynamodb/dynamodbtest"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/template"
	"qmslicensing/infra/restore/recovery"
	"qmslicensing/shared/archive"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// client reaches DynamoDB Local, started once.
var client *sdk.Client

func TestMain(m *testing.M) {
	os.Exit(dynamodbtest.Main(m, func(endpoint string) { client = dynamodb.Client(endpoint, gate.AccessKey(gate.Operator)) }))
}

// generation is one pair of tables.
type generation struct {
	recovery.Names
	*dynamostore.Store
}

var generations atomic.Int64

func newTables(t *testing.T) generation {
	t.Helper()
	app, err := template.Load("../../../template.yaml", map[string]string{
		"TokenIssuer": "https://issuer.example", "TokenAudience": "portal", "KmsEndpoint": "http://localhost", "TableGeneration": fmt.Sprint(generations.Add(1)),
	})
	require.NoError(t, err)
	require.NoError(t, dynamodb.CreateTables(t.Context(), client, app.Tables))
	names := map[string]string{}
	for _, table := range app.Tables {
		names[table.LogicalID] = table.Name
	}
	g := generation{Names: recovery.Names{Licenses: names["LicenseTable"], Audit: names["AuditTable"]}}
	g.Store = dynamostore.New(client, g.Licenses, g.Audit)
	return g
}

// world is a used generation, its issuer, and an export of one instant.
type world struct {
	generation
	issuer          *issuing.Issuer
	signer          protocol.Signer
	keys            []keyring.Entry
	licenses, audit []byte
}

// newWorld has the demo's licenses.
func newWorld(t *testing.T) world {
	t.Helper()
	w := emptyWorld(t)
	made, err := demo.Seed(t.Context(), w.Store, w.signer, keyring.New(w.Store, time.Now), time.Now())
	require.NoError(t, err)
	require.Equal(t, 59, made)
	w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
	return w
}

// emptyWorld has keys and no license.
func emptyWorld(t *testing.T) world {
	t.Helper()
	signer, keys := licensetest.Keys(t)
	w := world{generation: newTables(t), signer: signer, keys: keys}
	require.NoError(t, w.PutKeys(t.Context(), keys))
	w.issuer = w.issuerOn(w.generation)
	w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
	return w
}

func (w world) issuerOn(g generation) *issuing.Issuer {
	return issuing.NewIssuer(g.Store, w.signer, keyring.New(g.Store, time.Now), policy.DefaultPolicy(), time.Now)
}

func export(t *testing.T, table string) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := recovery.Export(t.Context(), client, table, &out)
	require.NoError(t, err)
	return out.Bytes()
}

func (w world) lookup(kid string) (licensekey.Key, error) {
	for _, key := range w.keys {
		if key.ID == kid {
			return key.Key, nil
		}
	}
	return licensekey.Key{}, licensekey.ErrUnknownKey
}

// restore brings the export into new tables.
func (w world) restore(t *testing.T) generation {
	t.Helper()
	g := newTables(t)
	for table, text := range map[string][]byte{g.Licenses: w.licenses, g.Audit: w.audit} {
		put, same, err := recovery.Import(t.Context(), client, table, bytes.NewReader(text), false)
		require.NoError(t, err)
		require.Equal(t, bytes.Count(text, []byte("\n"))-1, put, "all but the last line, their count")
		require.Zero(t, same)
	}
	return g
}

func (w world) check(t *testing.T, g generation) recovery.Report {
	t.Helper()
	report, err := recovery.Check(t.Context(), client, g.Names, g.Store, w.lookup, nil)
	require.NoError(t, err)
	return report
}

// checkWithout checks tables that lack what a replay told to be lost.
func (w world) checkWithout(t *testing.T, g generation, told []recovery.Later) recovery.Report {
	t.Helper()
	lost := map[string]bool{}
	for _, l := range told {
		lost[l.License.ID] = lost[l.License.ID] || l.Now == recovery.Lost || l.Now == recovery.Gone || l.Now == recovery.Mended
	}
	report, err := recovery.Check(t.Context(), client, g.Names, g.Store, w.lookup, lost)
	require.NoError(t, err)
	return report
}

// archive is what the stream would have put into the bucket: every audit entry of the used tables.
func (w world) archive(t *testing.T) iter.Seq2[ledger.AuditEntry, error] {
	return func(yield func(ledger.AuditEntry, error) bool) {
		pages := sdk.NewScanPaginator(client, &sdk.ScanInput{TableName: &w.Audit})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, it := range page.Items {
				var number int
				_, err := fmt.Sscan(it["sk"].(*types.AttributeValueMemberN).Value, &number)
				require.NoError(t, err)
				text := func(name string) string { return it[name].(*types.AttributeValueMemberS).Value }
				entry := ledger.AuditEntry{
					ServerToken: license.ServerToken(text("pk")), Number: number, LicenseID: text("licenseId"), Text: []byte(text("entry")), Hash: text("hash"),
				}
				if !yield(entry, nil) {
					return
				}
			}
		}
	}
}

func TestRestore_TheExportIsWholeInNewTables(t *testing.T) {
	w := newWorld(t)
	g := w.restore(t)
	report := w.check(t, g)
	require.Empty(t, report.Wrong)
	require.Equal(t, 59, report.Licenses)
	require.Equal(t, 9, report.Documents)
	require.Positive(t, report.Verified)
	require.Positive(t, report.Entries)

	put, same, err := recovery.Import(t.Context(), client, g.Licenses, bytes.NewReader(w.licenses), false)
	require.NoError(t, err, "again: it goes on where it was")
	require.Zero(t, put)
	require.Equal(t, bytes.Count(w.licenses, []byte("\n"))-1, same)
}

// A version before search, or one with other indexes, has written items without the attributes of today's.
func TestImport_WritesWhatTheIndexesGoByAnew(t *testing.T) {
	w := newWorld(t)
	names := map[string]bool{} // of the keys of all indexes
	described, err := client.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: &w.Licenses})
	require.NoError(t, err)
	for _, index := range described.Table.GlobalSecondaryIndexes {
		for _, key := range index.KeySchema {
			names[*key.AttributeName] = *key.AttributeName != "leaseUntil" // which is more than an index's
		}
	}
	require.Len(t, names, 12)
	var old bytes.Buffer
	for text := range bytes.Lines(w.licenses) {
		var line struct{ Item map[string]any }
		require.NoError(t, json.Unmarshal(text, &line))
		if line.Item == nil { // the count
			old.Write(text)
			continue
		}
		for name, drop := range names {
			if drop {
				delete(line.Item, name)
			}
		}
		line.Item["bucket"] = map[string]any{"S": "of an index that is no more"}
		require.NoError(t, json.NewEncoder(&old).Encode(line))
	}
	require.NotContains(t, old.String(), "customerKey")
	g := newTables(t)
	for range 2 { // again, it goes on
		_, _, err = recovery.Import(t.Context(), client, g.Licenses, bytes.NewReader(old.Bytes()), false)
		require.NoError(t, err)
	}
	for _, index := range described.Table.GlobalSecondaryIndexes {
		count := func(table string) int {
			out, err := client.Scan(t.Context(), &sdk.ScanInput{TableName: &table, IndexName: index.IndexName})
			require.NoError(t, err)
			require.Nil(t, out.LastEvaluatedKey)
			return len(out.Items)
		}
		require.Equal(t, count(w.Licenses), count(g.Licenses), "%s holds what it held", *index.IndexName)
	}
	want, got := itemsOf(t, w.licenses), itemsOf(t, export(t, g.Licenses))
	require.Len(t, got, len(want))
	for key, item := range want {
		delete(got[key], "bucket")
		require.Equal(t, item, got[key], key)
	}
}

// itemsOf are the items of an export by their keys.
func itemsOf(t *testing.T, export []byte) map[string]map[string]any {
	t.Helper()
	items := map[string]map[string]any{}
	for text := range bytes.Lines(export) {
		var line struct{ Item map[string]any }
		require.NoError(t, json.Unmarshal(text, &line))
		if line.Item != nil {
			items[fmt.Sprint(line.Item["pk"], line.Item["sk"])] = line.Item
		}
	}
	return items
}

func TestImport_RefusesWhatIsNotItsPlace(t *testing.T) {
	w := newWorld(t)
	_, _, err := recovery.Import(t.Context(), client, w.Licenses, strings.NewReader(
		`{"Item":{"pk":{"S":"server#`+string(demo.Tokens()[0])+`"},"sk":{"S":"server"},"body":{"S":"{}"},"chainLength":{"N":"1"}}}`), true)
	require.ErrorContains(t, err, "import into the new, empty table")
	for _, text := range []string{"{", `{"Item":{"name":{"S":"x"}}}`, `{"Item":{"pk":7}}`} {
		_, _, err := recovery.Import(t.Context(), client, newTables(t).Licenses, strings.NewReader(text), true)
		require.ErrorContains(t, err, "reading the export after 0 items")
	}
}

func TestImport_KnowsAnExportThatBrokeOff(t *testing.T) {
	w := newWorld(t)
	lines := bytes.SplitAfter(w.licenses, []byte("\n"))
	broken := bytes.Join(lines[:len(lines)/2], nil)
	table := newTables(t).Licenses
	_, _, err := recovery.Import(t.Context(), client, table, bytes.NewReader(broken), false)
	require.ErrorContains(t, err, "the export breaks off after")
	_, _, err = recovery.Import(t.Context(), client, table, bytes.NewReader(append(broken, `{"Count":7000}`...)), false)
	require.ErrorContains(t, err, "the export says that it has 7000 items")
	_, _, err = recovery.Import(t.Context(), client, table, bytes.NewReader(broken), true)
	require.NoError(t, err, "one that AWS made has no count")
	put, same, err := recovery.Import(t.Context(), client, table, bytes.NewReader(w.licenses), false)
	require.NoError(t, err)
	require.Positive(t, put)
	require.Positive(t, same)
}

func (w world) replay(t *testing.T, g generation, archive iter.Seq2[ledger.AuditEntry, error]) (recovery.Replayed, []recovery.Later, error) {
	t.Helper()
	var told []recovery.Later
	done, err := recovery.Replay(t.Context(), client, g.Names, g.Store, archive, func(l recovery.Later) { told = append(told, l) })
	return done, told, err
}

func (w world) sell(t *testing.T, g generation, key, token string) protocol.Outcome {
	t.Helper()
	request := licensetest.Subscription()
	request.ServerToken = token
	outcome, err := w.issuerOn(g).Sold(t.Context(), licensetest.Call(licensetest.AccountingCaller, key), request)
	require.NoError(t, err)
	return outcome
}

func TestReplay_NamesWhatWasAcknowledgedAfterTheExport(t *testing.T) {
	w := newWorld(t)
	late := w.sell(t, w.generation, "late-1", "QMSA-LATE-0001")
	g := w.restore(t)
	done, told, err := w.replay(t, g, w.archive(t))
	require.NoError(t, err)
	require.Empty(t, done.Wrong)
	require.Equal(t, 2, done.PutBack, "its intent and that it was issued")
	require.Equal(t, recovery.Nothing, told[0].Now)
	require.Regexp(t, `^\d+ \w+ \d{4} \d\d:\d\d:\d\d UTC  QMSA-LATE-0001  license `+late.LicenseID+
		` \(subscription, number 1, customer .+\) was issued by accounting: is lost: issue it again$`, told[1].String())

	done, told, err = w.replay(t, g, w.archive(t))
	require.NoError(t, err)
	require.Empty(t, told, "a second time there is nothing left to put back")
	require.Zero(t, done.PutBack)
	report := w.check(t, g)
	require.Len(t, report.Wrong, 1)
	require.Contains(t, report.Wrong[0], "license "+late.LicenseID+" was issued on")
	report, err = recovery.Check(t.Context(), client, g.Names, g.Store, w.lookup, map[string]bool{late.LicenseID: true})
	require.NoError(t, err)
	require.Empty(t, report.Wrong, "it is known to be lost")

	record, err := g.Record(t.Context(), w.sell(t, g, "late-again", "QMSA-LATE-0001").LicenseID)
	require.NoError(t, err)
	require.Equal(t, 2, record.Sequence, "the lost license's number is not given twice")
}

func TestReplay_ARevocationIsDoneAgain(t *testing.T) {
	w := newWorld(t)
	sold := w.sell(t, w.generation, "sold", "QMSA-REVOKED-1")
	w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
	_, err := w.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, "revoke"), issuing.RevocationRequest{ID: sold.LicenseID, IfMatch: 1, Reason: "returned"})
	require.NoError(t, err)
	g := w.restore(t)
	_, told, err := w.replay(t, g, w.archive(t))
	require.NoError(t, err)
	require.Len(t, told, 1)
	require.Equal(t, recovery.Redone, told[0].Now)
	record, err := g.Record(t.Context(), sold.LicenseID)
	require.NoError(t, err)
	require.Equal(t, license.Revoked, record.Status)
	require.Empty(t, w.check(t, g).Wrong)
}

func TestReplay_WhatIsRevokedLaterIsNotIssuedAgain(t *testing.T) {
	w := newWorld(t)
	late := w.sell(t, w.generation, "late", "QMSA-REVOKED-2")
	_, err := w.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, "revoke"), issuing.RevocationRequest{ID: late.LicenseID, IfMatch: 1, Reason: "returned"})
	require.NoError(t, err)
	_, told, err := w.replay(t, w.restore(t), w.archive(t))
	require.NoError(t, err)
	require.Equal(t, []recovery.Now{recovery.Nothing, recovery.Gone, recovery.Nothing}, []recovery.Now{told[0].Now, told[1].Now, told[2].Now})
}

func TestReplay_AnEntryThatNoChainHas(t *testing.T) {
	w := newWorld(t)
	g := w.restore(t)
	_, err := client.PutItem(t.Context(), &sdk.PutItemInput{TableName: &g.Audit, Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: string(demo.Tokens()[0])}, "sk": &types.AttributeValueMemberN{Value: "-1"},
	}})
	require.NoError(t, err)
	done, _, err := w.replay(t, g, w.archive(t))
	require.NoError(t, err)
	require.Contains(t, strings.Join(done.Wrong, "\n"), "the table has an entry -1, which no chain has")
}

// refusing is a signer whose key is disabled, so that what is issued stays pending.
type refusing struct{}

func (refusing) Sign(context.Context, protocol.Prepared) (protocol.Signature, error) {
	return protocol.Signature{}, protocol.ErrRefused
}

func TestReplay_WhatWasPendingAtTheExport(t *testing.T) {
	w := newWorld(t)
	const voided, finished, revoked = "QMSA-VOIDED-1", "QMSA-FINISHED-1", "QMSA-REVOKED-3"
	now := time.Now()
	clock := func() time.Time { return now }
	away := issuing.NewIssuer(w.Store, refusing{}, keyring.New(w.Store, clock), policy.DefaultPolicy(), clock)
	for _, token := range []string{voided, finished, revoked} {
		request := licensetest.Subscription()
		request.ServerToken = token
		_, err := away.Sold(t.Context(), licensetest.Call(licensetest.AccountingCaller, token), request)
		require.Error(t, err)
	}
	w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
	again := w.sell(t, w.generation, finished, finished) // the same request again finishes it
	back := w.sell(t, w.generation, revoked, revoked)
	_, err := w.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, "revoke"), issuing.RevocationRequest{ID: back.LicenseID, IfMatch: 1, Reason: "returned"})
	require.NoError(t, err)
	now = now.Add(time.Hour)
	report, err := protocol.NewSweeper(away.Writer(), w.Store).Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, report.Voided)

	g := w.restore(t)
	_, told, err := w.replay(t, g, w.archive(t))
	require.NoError(t, err)
	states := map[license.ServerToken]recovery.Now{}
	for _, l := range told {
		states[l.ServerToken] = l.Now
	}
	require.Equal(t, map[license.ServerToken]recovery.Now{voided: recovery.Redone, finished: recovery.Waits, revoked: recovery.Redone}, states)
	require.Empty(t, w.check(t, g).Wrong)
	swept, err := protocol.NewSweeper(protocol.NewWriter(g.Store, w.signer, keyring.New(g.Store, clock), clock), g.Store).Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Finished: 1}, swept, "what was given up stays given up")
	record, err := g.Record(t.Context(), again.LicenseID)
	require.NoError(t, err)
	require.Equal(t, license.Active, record.Status)
	require.Empty(t, w.check(t, g).Wrong)
}

func TestReplay_WhereTablesAndArchiveContradictEachOther(t *testing.T) {
	w := newWorld(t)
	const token = "QMSA-LATE-0002"
	trial := licensetest.Trial()
	trial.ServerToken = token
	w.sell(t, w.generation, "lost-1", token)
	w.sell(t, w.generation, "lost-2", "QMSA-LATE-0003")

	g := w.restore(t)
	_, err := w.issuerOn(g).Temporary(t.Context(), licensetest.Call(licensetest.SalesCaller, "too-early"), trial)
	require.NoError(t, err)
	done, told, err := w.replay(t, g, w.archive(t))
	require.NoError(t, err)
	require.Len(t, done.Wrong, 1, "as long a chain, and another")
	require.Contains(t, done.Wrong[0], "server "+token+" is left alone: entry 1 of the table is another than the archive's")
	require.Len(t, told, 2, "the other server is replayed all the same")

	empty := func(func(ledger.AuditEntry, error) bool) {}
	_, told, err = w.replay(t, g, empty)
	require.ErrorContains(t, err, "no entry of this archive is in these tables")
	require.Empty(t, told)
}

func TestReplay_ADamagedArchive(t *testing.T) {
	w := newWorld(t)
	first := demo.Tokens()[0]
	for name, c := range map[string]struct {
		damage func(entry *ledger.AuditEntry) (err error, skip bool)
		want   string
	}{
		"an entry is missing": {func(e *ledger.AuditEntry) (error, bool) { return nil, e.Number == 1 }, "in the archive: Entry 1 is missing"},
		"an entry of none": {func(e *ledger.AuditEntry) (error, bool) {
			if e.Number == 1 {
				return fmt.Errorf("%w: audit/x", archive.ErrDamaged), false
			}
			return nil, false
		}, "the archive holds no entry under this name: audit/x"},
		"a text and its hash": {func(e *ledger.AuditEntry) (error, bool) {
			e.Text = bytes.Replace(e.Text, []byte("accounting"), []byte("ACCOUNTING"), 1)
			sum := sha256.Sum256(e.Text)
			e.Hash = hex.EncodeToString(sum[:])
			return nil, false
		}, "server " + string(first) + " is left alone"},
	} {
		t.Run(name, func(t *testing.T) {
			g := w.restore(t)
			done, told, err := w.replay(t, g, func(yield func(ledger.AuditEntry, error) bool) {
				for e := range w.archive(t) {
					var damaged error
					if e.ServerToken == first {
						var skip bool
						if damaged, skip = c.damage(&e); skip {
							continue
						}
					}
					if !yield(e, damaged) {
						return
					}
				}
			})
			require.NoError(t, err)
			require.Contains(t, strings.Join(done.Wrong, "\n"), c.want)
			require.Empty(t, told)
		})
	}
}

func TestReplay_TablesThatWereRestoredApart(t *testing.T) {
	for _, newer := range []string{"licenses", "audit"} {
		t.Run(newer+" is newer", func(t *testing.T) {
			w := newWorld(t)
			sold := w.sell(t, w.generation, "torn", "QMSA-TORN-0001")
			if newer == "licenses" {
				w.licenses = export(t, w.Licenses)
			} else {
				w.audit = export(t, w.Audit)
			}
			g := w.restore(t)
			done, _, err := w.replay(t, g, w.archive(t))
			require.NoError(t, err)
			require.Empty(t, done.Wrong)
			require.Equal(t, 2, done.PutBack)
			report, err := recovery.Check(t.Context(), client, g.Names, g.Store, w.lookup, map[string]bool{sold.LicenseID: newer == "audit"})
			require.NoError(t, err)
			require.Empty(t, report.Wrong)
		})
	}
}

func newest(t *testing.T, g generation, token license.ServerToken) string {
	t.Helper()
	records, err := g.ByServer(t.Context(), token, 1<<30, 1)
	require.NoError(t, err)
	return records[0].ID
}

func licenseItem(t *testing.T, g generation, token license.ServerToken) map[string]types.AttributeValue {
	t.Helper()
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "license#" + newest(t, g, token)}, "sk": &types.AttributeValueMemberS{Value: "license"},
	}
}

func TestCheck_NamesEachKindOfDamage(t *testing.T) {
	w := newWorld(t)
	server, err := w.Server(t.Context(), demo.Tokens()[0])
	require.NoError(t, err)
	require.Greater(t, server.ChainLength, 2)
	key := func(n int) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: string(server.Token)}, "sk": &types.AttributeValueMemberN{Value: fmt.Sprint(n)},
		}
	}
	set := func(table string, key map[string]types.AttributeValue, attribute, value string) {
		_, err := client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
			TableName: &table, Key: key, UpdateExpression: aws.String("SET #a = :v"), ExpressionAttributeNames: map[string]string{"#a": attribute},
			ExpressionAttributeValues: map[string]types.AttributeValue{":v": &types.AttributeValueMemberS{Value: value}},
		})
		require.NoError(t, err)
	}
	for _, c := range []struct {
		name   string
		damage func(g generation)
		want   string
	}{
		{"an entry is gone", func(g generation) {
			_, err := client.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: &g.Audit, Key: key(2)})
			require.NoError(t, err)
		}, "Entry 2 is missing"},
		{"the last entry is gone", func(g generation) {
			_, err := client.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: &g.Audit, Key: key(server.ChainLength)})
			require.NoError(t, err)
		}, fmt.Sprintf("its chain has %d entries, the server item knows %d", server.ChainLength-1, server.ChainLength)},
		{"an entry's hash", func(g generation) { set(g.Audit, key(1), "hash", strings.Repeat("0", 64)) }, "Entry 1 was changed: its hash is not that"},
		{"an entry's text", func(g generation) { set(g.Audit, key(1), "entry", "{") }, "Entry 1 was changed"},
		{"a license key", func(g generation) {
			set(g.Licenses, licenseItem(t, g, server.Token), "licenseKey", "eyJ.eyJ.x")
		}, "does not verify"},
		{"a status", func(g generation) { set(g.Licenses, licenseItem(t, g, server.Token), "status", "revoked") }, "the last in its chain is that it was issued"},
		{"a customer", func(g generation) {
			record, err := g.Record(t.Context(), newest(t, g, server.Token))
			require.NoError(t, err)
			record.Customer = "Somebody else"
			body, err := json.Marshal(record)
			require.NoError(t, err)
			set(g.Licenses, licenseItem(t, g, server.Token), "body", string(body))
		}, "is another than its chain says"},
		{"the requests", func(g generation) {
			pages := sdk.NewScanPaginator(client, &sdk.ScanInput{TableName: &g.Licenses})
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				require.NoError(t, err)
				for _, it := range page.Items {
					if body, is := it["body"].(*types.AttributeValueMemberS); is && it["sk"].(*types.AttributeValueMemberS).Value == "idempotency" &&
						strings.Contains(body.Value, newest(t, g, server.Token)) {
						_, err := client.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: &g.Licenses, Key: map[string]types.AttributeValue{"pk": it["pk"], "sk": it["sk"]}})
						require.NoError(t, err)
					}
				}
			}
		}, "is named by no idempotency record"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := w.restore(t)
			c.damage(g)
			report := w.check(t, g)
			require.Contains(t, strings.Join(report.Wrong, "\n"), c.want)
		})
	}
}
