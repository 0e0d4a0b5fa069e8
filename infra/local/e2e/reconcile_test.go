package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/demo"
	local "qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/shared/kmssign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
)

// reconcile runs to the end and returns the run's id and what it found.
func (s *system) reconcile(t testing.TB) (run string, codes []string) {
	t.Helper()
	for range 50 {
		r := s.send(t, request{method: "POST", path: "/v1/reconcile", as: "admin", key: fresh("key")})
		require.Equal(t, 200, r.status, string(r.body))
		if r.text(t, "run", "state") == "done" {
			return r.text(t, "run", "id"), s.findings(t, "run="+r.text(t, "run", "id"))
		}
	}
	require.Fail(t, "the run does not come to its end")
	return "", nil
}

func (s *system) findings(t testing.TB, query string) []string {
	t.Helper()
	r := s.send(t, request{method: "GET", path: "/v1/findings?limit=100&" + query, as: "admin"})
	require.Equal(t, 200, r.status, string(r.body))
	var v struct {
		Items []struct{ Code, Detail string }
	}
	require.NoError(t, json.Unmarshal(r.body, &v))
	codes := []string{}
	for _, f := range v.Items {
		codes = append(codes, f.Code)
		require.True(t, strings.HasSuffix(f.Detail, "."), f.Detail)
	}
	return codes
}

func TestReconcile_AdminAlone(t *testing.T) {
	s := shared
	for _, as := range []string{"sales", "support", "accounting", "nobody"} {
		requireProblem(t, s.send(t, request{method: "POST", path: "/v1/reconcile", as: as, key: fresh("key")}), 403, "forbidden", "")
		requireProblem(t, s.send(t, request{method: "GET", path: "/v1/findings", as: as}), 403, "forbidden", "")
	}
	requireProblem(t, s.send(t, request{method: "POST", path: "/v1/reconcile", as: "admin"}), 400, "invalid_request", "header:Idempotency-Key")
	requireProblem(t, s.send(t, request{method: "GET", path: "/v1/findings?run=x", as: "admin"}), 400, "invalid_request", "query:run")
	requireProblem(t, s.send(t, request{method: "GET", path: "/v1/findings?run=", as: "admin"}), 400, "invalid_request", "query:run")
	requireProblem(t, s.send(t, request{method: "GET", path: "/v1/findings?cursor=x", as: "admin"}), 400, "invalid_request", "query:cursor")
	first := s.send(t, request{method: "POST", path: "/v1/reconcile", as: "admin", key: "reconcile-once"})
	require.Equal(t, 200, first.status, string(first.body))
	again := s.send(t, request{method: "POST", path: "/v1/reconcile", as: "admin", key: "reconcile-once"})
	require.Equal(t, string(first.body), string(again.body))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
}

// Its own function can write what it finds, and no license, server or key.
func TestReconcile_CanWriteNoLicense(t *testing.T) {
	s := shared
	client := local.Client(s.Stack.DynamoDBEndpoint, gate.AccessKey("ReconcileFunction"))
	for _, pk := range []string{"license#x", "server#x", "keys", "exception#x", "count#x"} {
		_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(s.table("LicenseTable")), Item: itemKey(pk, "x")})
		require.ErrorContains(t, err, "AccessDenied", pk)
	}
}

// live is a stack with the demo's licenses, and those of a day's work beside them.
func live(t *testing.T) (s *system, sold response) {
	t.Helper()
	s, err := start(t.TempDir(), nil) // its own: what is damaged here would be damage to other tests
	require.NoError(t, err)
	t.Cleanup(s.Close)
	store := s.Store(gate.Operator)
	signer := kmssign.New(s.System.KMS("SweepFunction"), license.TemporaryKey, license.SoldKey)
	_, err = demo.Seed(t.Context(), store, signer, keyring.New(store, time.Now), time.Now())
	require.NoError(t, err)
	token := fresh("QMSA-RECONCILE")
	trialed := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: trial(token)})
	require.Equal(t, 201, trialed.status, string(trialed.body))
	sold = s.send(t, renewal(t, s.issue(t, subscription(token)), fresh("key")))
	require.Equal(t, 201, sold.status, string(sold.body))
	return s, sold
}

func TestReconcile_NothingIsFoundUntilSomethingIsDamaged(t *testing.T) {
	s, sold := live(t)
	require.NoError(t, s.RunSchedule(t.Context(), "ReconcileFunction"))
	s.await(t, "the line that an alarm reads", func() bool { return strings.Contains(s.log.String(), `"msg":"reconciled"`) })
	newest := s.send(t, request{method: "GET", path: "/v1/findings", as: "admin"})
	require.Equal(t, "schedule", newest.text(t, "run", "startedBy"))
	require.Equal(t, "done", newest.text(t, "run", "state"))
	_, codes := s.reconcile(t)
	require.Empty(t, codes, "everything is as it should be")

	id, token := sold.text(t, "license", "id"), sold.text(t, "license", "serverToken")
	table, client := s.table("LicenseTable"), s.audit()
	other := s.issue(t, subscription(fresh("QMSA-RECONCILE")))
	for _, c := range []struct {
		name   string
		damage func()
		want   string
	}{
		{"an entry of a chain", func() { client.put(t, forgedEntry(client.entries(t, token)[2])) }, "chain_broken"},
		{"a chain and its server item", func() { s.replaceChain(t, other.text(t, "license", "serverToken")) }, "chain_broken"},
		{"a slot", func() {
			server, err := s.Store(gate.Operator).Server(t.Context(), license.ServerToken(token))
			require.NoError(t, err)
			server.Base.Current = ""
			s.changeServer(t, server)
		}, "slot_wrong"},
		{"a license that says something else", func() { s.changeCustomer(t, id) }, "license_changed"},
		{"a license key", func() { s.set(t, "license#"+id, "license", "licenseKey", "eyJ.eyJ.x") }, "license_key_wrong"},
		{"an item that cannot be read", func() { s.set(t, "license#"+id, "license", "lastChangeAt", "yesterday") }, "unreadable"},
		{"a license is gone", func() {
			_, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: itemKey("license#"+id, "license")})
			require.NoError(t, err)
		}, "license_missing"},
		{"a request of it is left", func() {}, "idempotency_orphan"},
		{"a server item is gone", func() {
			_, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: itemKey("server#"+token, "server")})
			require.NoError(t, err)
		}, "server_missing"},
		{"signatures of nobody's", func() {
			s.Stack.KMS.CountCalls(time.Now().UTC().Add(-2*time.Hour).Truncate(24*time.Hour).Add(-time.Hour), 2)
		}, "signatures_uncounted"},
	} {
		c.damage()
		_, codes := s.reconcile(t)
		require.Contains(t, codes, c.want, c.name)
	}
}

// changeCustomer rewrites the body of a license, as somebody with rights on the table could.
func (s *system) changeCustomer(t *testing.T, id string) {
	t.Helper()
	out, err := s.audit().GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(s.table("LicenseTable")), Key: itemKey("license#"+id, "license")})
	require.NoError(t, err)
	var record ledger.Record
	require.NoError(t, json.Unmarshal([]byte(out.Item["body"].(*types.AttributeValueMemberS).Value), &record))
	record.Customer = "Somebody else"
	body, err := json.Marshal(record)
	require.NoError(t, err)
	s.set(t, "license#"+id, "license", "body", string(body))
}

// tampered begins the Server Tokens whose audit entries the archive's test changes by hand.
const tampered = "QMSA-TAMPER"

// findingsAtTheEnd is what a run finds that looks through everything there is, besides what tests damaged on purpose.
func (s *system) findingsAtTheEnd() ([]string, error) {
	token, err := s.Token(context.Background(), "admin")
	if err != nil {
		return nil, err
	}
	var answer struct {
		Run   struct{ State string }
		Items []struct{ Detail string }
	}
	call := func(method, path string) error {
		r, err := http.NewRequest(method, s.URL+path, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Idempotency-Key", fresh("end"))
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer got.Body.Close()
		if got.StatusCode != http.StatusOK {
			return fmt.Errorf("%s %s answers %s", method, path, got.Status)
		}
		return json.NewDecoder(got.Body).Decode(&answer)
	}
	for answer.Run.State != "done" {
		if err := call("POST", "/v1/reconcile"); err != nil {
			return nil, err
		}
	}
	if err := call("GET", "/v1/findings?limit=100"); err != nil {
		return nil, err
	}
	var found []string
	for _, f := range answer.Items {
		if !strings.Contains(f.Detail, tampered) {
			found = append(found, f.Detail)
		}
	}
	return found, nil
}
