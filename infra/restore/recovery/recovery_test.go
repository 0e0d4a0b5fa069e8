package recovery_test

import (
	"bytes"
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
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/licensetest"
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

// world is a used generation with the demo's licenses, its issuer, and an export of that instant.
type world struct {
	generation
	issuer          *issuing.Issuer
	signer          issuing.Signer
	keys            []keyring.Entry
	licenses, audit []byte
}

func newWorld(t *testing.T) world {
	t.Helper()
	signer, keys := licensetest.Keys(t)
	w := world{generation: newTables(t), signer: signer, keys: keys}
	require.NoError(t, w.PutKeys(t.Context(), keys))
	ring := keyring.New(w.Store, time.Now)
	made, err := demo.Seed(t.Context(), w.Store, signer, ring, time.Now())
	require.NoError(t, err)
	require.Equal(t, 42, made)
	w.issuer = w.issuerOn(w.generation)
	w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
	return w
}

func (w world) issuerOn(g generation) *issuing.Issuer {
	return issuing.NewIssuer(g.Store, w.signer, keyring.New(g.Store, time.Now), issuing.DefaultPolicy(), time.Now)
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
		put, same, err := recovery.Import(t.Context(), client, table, bytes.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, bytes.Count(text, []byte("\n")), put)
		require.Zero(t, same)
	}
	return g
}

func (w world) check(t *testing.T, g generation) recovery.Report {
	t.Helper()
	report, err := recovery.Check(t.Context(), client, g.Names, g.Store, w.lookup)
	require.NoError(t, err)
	return report
}

// archive is what the stream would have put into the bucket: every audit entry of the used tables.
func (w world) archive(t *testing.T) iter.Seq2[issuing.AuditEntry, error] {
	return func(yield func(issuing.AuditEntry, error) bool) {
		pages := sdk.NewScanPaginator(client, &sdk.ScanInput{TableName: &w.Audit})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, it := range page.Items {
				var number int
				_, err := fmt.Sscan(it["sk"].(*types.AttributeValueMemberN).Value, &number)
				require.NoError(t, err)
				text := func(name string) string { return it[name].(*types.AttributeValueMemberS).Value }
				entry := issuing.AuditEntry{
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
	require.Equal(t, 42, report.Licenses)
	require.Positive(t, report.Verified)
	require.Positive(t, report.Entries)

	put, same, err := recovery.Import(t.Context(), client, g.Licenses, bytes.NewReader(w.licenses))
	require.NoError(t, err, "again: it goes on where it was")
	require.Zero(t, put)
	require.Equal(t, bytes.Count(w.licenses, []byte("\n")), same)
}

func TestImport_RefusesWhatIsNotItsPlace(t *testing.T) {
	w := newWorld(t)
	_, _, err := recovery.Import(t.Context(), client, w.Licenses, strings.NewReader(
		`{"Item":{"pk":{"S":"server#`+string(demo.Tokens()[0])+`"},"sk":{"S":"server"},"body":{"S":"{}"},"chainLength":{"N":"1"}}}`))
	require.ErrorContains(t, err, "import into the new, empty table")
	for _, text := range []string{"{", `{"Item":{"name":{"S":"x"}}}`, `{"Item":{"pk":7}}`} {
		_, _, err := recovery.Import(t.Context(), client, newTables(t).Licenses, strings.NewReader(text))
		require.ErrorContains(t, err, "reading the export after 0 items")
	}
}

func TestReplay_NamesWhatWasAcknowledgedAfterTheExport(t *testing.T) {
	w := newWorld(t)
	request := licensetest.Subscription()
	request.ServerToken = "QMSA-LATE-0001"
	late, err := w.issuer.Sold(t.Context(), licensetest.Call(licensetest.AccountingCaller, "late-1"), request)
	require.NoError(t, err)

	g := w.restore(t)
	lost, err := recovery.Replay(t.Context(), g.Store, w.archive(t))
	require.NoError(t, err)
	require.Len(t, lost, 2, "its intent and that it was issued")
	require.Equal(t, late.LicenseID, lost[1].License.ID)
	require.Regexp(t, `^\d+ \w+ \d{4} \d\d:\d\d:\d\d UTC  QMSA-LATE-0001  license `+late.LicenseID+` \(subscription, number 1, customer .+\) was issued by accounting$`, lost[1].String())

	lost, err = recovery.Replay(t.Context(), g.Store, w.archive(t))
	require.NoError(t, err)
	require.Empty(t, lost, "a second time there is nothing left to put back")
	report := w.check(t, g)
	require.Len(t, report.Wrong, 1)
	require.Contains(t, report.Wrong[0], "license "+late.LicenseID+" was issued on")

	again, err := w.issuerOn(g).Sold(t.Context(), licensetest.Call(licensetest.AccountingCaller, "late-again"), request)
	require.NoError(t, err)
	record, err := g.Record(t.Context(), again.LicenseID)
	require.NoError(t, err)
	require.Equal(t, 2, record.Sequence, "the lost license's number is not given twice")
}

func TestReplay_StopsWhereTheTablesWereUsedBefore(t *testing.T) {
	w := newWorld(t)
	const token = "QMSA-LATE-0002"
	trial, sold := licensetest.Trial(), licensetest.Subscription()
	trial.ServerToken, sold.ServerToken = token, token
	_, err := w.issuer.Temporary(t.Context(), licensetest.Call(licensetest.SalesCaller, "lost-1"), trial)
	require.NoError(t, err)
	_, err = w.issuer.Sold(t.Context(), licensetest.Call(licensetest.AccountingCaller, "lost-2"), sold)
	require.NoError(t, err)

	g := w.restore(t)
	_, err = w.issuerOn(g).Temporary(t.Context(), licensetest.Call(licensetest.SalesCaller, "too-early"), trial)
	require.NoError(t, err)
	_, err = recovery.Replay(t.Context(), g.Store, w.archive(t))
	require.ErrorContains(t, err, "archived entry 3 of server "+token+" does not follow the restored chain of 2 entries: the tables were used before")
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
		}, "entry 2 is missing from its chain"},
		{"the last entry is gone", func(g generation) {
			_, err := client.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: &g.Audit, Key: key(server.ChainLength)})
			require.NoError(t, err)
		}, fmt.Sprintf("its chain has %d entries, the server item knows %d", server.ChainLength-1, server.ChainLength)},
		{"an entry's hash", func(g generation) { set(g.Audit, key(1), "hash", strings.Repeat("0", 64)) }, "entry 1 was changed: its hash is another"},
		{"an entry's text", func(g generation) { set(g.Audit, key(1), "entry", "{") }, "entry 1 cannot be read"},
		{"a license key", func(g generation) {
			records, err := g.ByServer(t.Context(), server.Token, 1<<30, 1)
			require.NoError(t, err)
			set(g.Licenses, map[string]types.AttributeValue{
				"pk": &types.AttributeValueMemberS{Value: "license#" + records[0].ID}, "sk": &types.AttributeValueMemberS{Value: "license"},
			}, "licenseKey", "eyJ.eyJ.x")
		}, "does not verify"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := w.restore(t)
			c.damage(g)
			report := w.check(t, g)
			require.Len(t, report.Wrong, 1)
			require.Contains(t, report.Wrong[0], c.want)
		})
	}
}
