package dynamostore_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/dynamodb/dynamodbtest"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/filesign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensetest"
)

// database is DynamoDB Local, started once.
var database string

func TestMain(m *testing.M) {
	os.Exit(dynamodbtest.Main(m, func(endpoint string) { database = endpoint }))
}

var opened atomic.Int64

// open makes the template's two tables under names of their own.
func open(t *testing.T) *dynamostore.Store {
	t.Helper()
	store, _, _ := tables(t, database)
	return store
}

// tables makes them at an endpoint and gives their names by logical id, and the client, too.
func tables(t *testing.T, endpoint string) (*dynamostore.Store, map[string]string, *sdk.Client) {
	t.Helper()
	app, err := template.Load("../../template.yaml", map[string]string{"TokenIssuer": "https://issuer.example", "TokenAudience": "portal", "KmsEndpoint": "http://localhost"})
	require.NoError(t, err)
	names := map[string]string{}
	for n := range app.Tables {
		app.Tables[n].Name = fmt.Sprintf("%s-%d", app.Tables[n].LogicalID, opened.Add(1))
		names[app.Tables[n].LogicalID] = app.Tables[n].Name
	}
	client := dynamodb.Client(endpoint, gate.AccessKey(gate.Operator))
	require.NoError(t, dynamodb.CreateTables(context.Background(), client, app.Tables))
	return dynamostore.New(client, names["LicenseTable"], names["AuditTable"]), names, client
}

func TestContract(t *testing.T) {
	licensetest.Store(t, func(t *testing.T) licensetest.AnyStore { return open(t) })
}

func TestKeys_AreReadBackAsTheyWereWritten(t *testing.T) {
	ctx, store := context.Background(), open(t)
	none, err := store.Keys(ctx)
	require.NoError(t, err)
	require.Empty(t, none)
	signer := filesign.New(t.TempDir())
	sold, err := signer.Create("sold-2026-1", license.SoldKey, keyring.Signing)
	require.NoError(t, err)
	temporary, err := signer.Create("temporary-2026-1", license.TemporaryKey, keyring.Standby)
	require.NoError(t, err)
	sold.Created, sold.Since = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	require.NoError(t, store.PutKeys(ctx, []keyring.Entry{temporary, sold}))
	got, err := store.Keys(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []keyring.Entry{sold, temporary}, got)
	sold.State = keyring.Retired
	require.NoError(t, store.PutKeys(ctx, []keyring.Entry{sold}))
	got, err = store.Keys(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []keyring.Entry{sold, temporary}, got)
}
