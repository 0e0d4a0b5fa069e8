package e2e_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
)

// newServer is the body of a re-host that is in order.
func newServer(token string) map[string]any {
	return map[string]any{"serverToken": token, "reason": "network-card-replaced"}
}

// rehosting moves the license of an answer.
func rehosting(t testing.TB, issued response, token string) request {
	t.Helper()
	return request{
		method: "POST", path: "/v1/licenses/" + issued.text(t, "license", "id") + "/rehost", as: "support", key: fresh("key"),
		ifMatch: issued.header.Get("ETag"), body: newServer(token),
	}
}

func (s *system) retrieve(t testing.TB, token string) response {
	t.Helper()
	return s.send(t, request{method: "GET", path: "/v1/servers/" + url.PathEscape(token) + "/license"})
}

func (s *system) validateOn(t testing.TB, licenseKey, token string) response {
	t.Helper()
	r := s.send(t, request{method: "POST", path: "/v1/licenses/validate", body: map[string]any{"licenseKey": licenseKey, "serverToken": token}})
	require.Equal(t, 200, r.status, string(r.body))
	return r
}

// chain reads a server's audit entries, asserts that every link holds up to the head that the server item names, and
// returns the events.
func (s *system) chain(t testing.TB, token string) []string {
	t.Helper()
	table := s.table("AuditTable")
	condition := "pk = :token"
	out, err := dynamodb.Client(s.Stack.DynamoDBEndpoint, gate.AccessKey(gate.Operator)).Query(context.Background(), &sdk.QueryInput{
		TableName: &table, KeyConditionExpression: &condition, ExpressionAttributeValues: map[string]ddb.AttributeValue{":token": &ddb.AttributeValueMemberS{Value: token}},
	})
	require.NoError(t, err)
	previous, events := "", []string{}
	for n, it := range out.Items {
		var says ledger.AuditText
		text := it["entry"].(*ddb.AttributeValueMemberS).Value
		require.NoError(t, json.Unmarshal([]byte(text), &says))
		require.Equal(t, []any{n + 1, previous}, []any{says.Number, says.Previous})
		sum := sha256.Sum256([]byte(text))
		previous, events = hex.EncodeToString(sum[:]), append(events, string(says.Event))
	}
	server, err := s.Store(gate.Operator).Server(context.Background(), license.ServerToken(token))
	require.NoError(t, err)
	require.Equal(t, []any{len(events), previous}, []any{server.ChainLength, server.ChainHash})
	require.Empty(t, server.Base.Busy())
	return events
}

func TestRehost_BothServersBeforeAndAfter(t *testing.T) {
	s, old, there := shared, fresh("QMSA-REHOST"), fresh("QMSB-REHOST")
	sold := s.issue(t, subscription(old))
	require.Equal(t, 200, s.retrieve(t, old).status)
	requireProblem(t, s.retrieve(t, there), 404, "license_not_found", "path:serverToken")

	q := rehosting(t, sold, " "+there+"\n")
	moved := s.send(t, q)
	require.Equal(t, 201, moved.status, string(moved.body))
	require.Equal(t, `"1"`, moved.header.Get("ETag"))
	require.Equal(t, "/v1/licenses/"+moved.text(t, "license", "id"), moved.header.Get("Location"))
	require.Equal(t, sold.text(t, "license", "id"), moved.text(t, "previousLicenseId"))
	require.Contains(t, moved.text(t, "notice"), "emergency license")
	require.Equal(t, there, moved.text(t, "license", "serverToken"))
	require.Equal(t, "support", moved.text(t, "license", "issuedBy"))
	for _, same := range []string{"lineageId", "type", "customer", "modules", "seats", "startsOn", "expiresOn", "contract", "order"} {
		require.Equal(t, sold.get(t, "license", same), moved.get(t, "license", same), same)
	}

	requireProblem(t, s.retrieve(t, old), 404, "license_not_found", "path:serverToken")
	got := s.retrieve(t, there)
	require.Equal(t, moved.text(t, "license", "licenseKey"), got.text(t, "license", "licenseKey"))
	require.Equal(t, true, s.validateOn(t, moved.text(t, "license", "licenseKey"), there).get(t, "valid"))
	oldKey := sold.text(t, "license", "licenseKey")
	verdict := s.validateOn(t, oldKey, old)
	require.Equal(t, []string{"superseded"}, codesOf(t, verdict))
	require.Equal(t, true, verdict.get(t, "loads"), "a copy that is loaded there keeps working")
	require.NotContains(t, string(verdict.body), there, "the public learns nothing of the new server")
	verdict = s.validateOn(t, oldKey, there)
	require.Equal(t, []string{"server_token_mismatch", "superseded"}, codesOf(t, verdict))
	require.Equal(t, false, verdict.get(t, "loads"))

	again := s.send(t, q)
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, string(moved.body), string(again.body))
	shown := s.send(t, request{method: "GET", path: "/v1/licenses/" + sold.text(t, "license", "id"), as: "sales"})
	require.Equal(t, "superseded", shown.text(t, "license", "status"))
	require.Equal(t, moved.text(t, "license", "id"), shown.text(t, "license", "supersededBy"))
	require.Equal(t, []string{"intent", "issued", "moving", "moved"}, s.chain(t, old))
	require.Equal(t, []string{"intent", "issued"}, s.chain(t, there))
}

func TestRehost_TheRefusalNamesBothCustomers(t *testing.T) {
	s, there := shared, fresh("QMSB-OTHER")
	sold := s.issue(t, subscription(fresh("QMSA-OTHER")))
	other := s.issue(t, with(subscription(there), "customer", "Südwind Ltd."))
	refused := s.send(t, rehosting(t, sold, there))
	requireProblem(t, refused, 409, "other_customer", "/serverToken")
	require.Equal(t, map[string]any{
		"customer": "Northwind Call Centers", "otherCustomer": "Südwind Ltd.", "licenseId": other.text(t, "license", "id"),
	}, refused.get(t, "params"))
	require.Contains(t, refused.text(t, "detail"), "Südwind Ltd.")
	require.Contains(t, refused.text(t, "detail"), "Northwind Call Centers")
	mine := fresh("QMSB-MINE")
	base := s.issue(t, with(subscription(mine), "customer", "NORTHWIND call centers GmbH"))
	refused = s.send(t, rehosting(t, sold, mine))
	requireProblem(t, refused, 409, "base_license_exists", "/serverToken")
	require.Equal(t, base.text(t, "license", "id"), refused.text(t, "params", "licenseId"))
}

func TestRehost_ManyCallersOneLicense(t *testing.T) {
	s, old := shared, fresh("QMSA-64-REHOST")
	sold := s.issue(t, subscription(old))
	calls, tokens := make([]request, callers()), make([]string, callers())
	for n := range calls {
		tokens[n] = fresh("QMSB-64-REHOST")
		calls[n] = rehosting(t, sold, tokens[n])
	}
	statuses := map[int]int{}
	for n, r := range s.sendMany(t, calls) {
		statuses[r.status]++
		switch r.status {
		case 412:
			require.Equal(t, "support", r.text(t, "params", "changedBy"))
			require.Equal(t, "re-hosted", r.text(t, "params", "change"))
			require.Empty(t, s.chain(t, tokens[n]))
			require.Equal(t, 404, s.retrieve(t, tokens[n]).status)
		case 201:
			require.Equal(t, []string{"intent", "issued"}, s.chain(t, tokens[n]))
			require.Equal(t, r.text(t, "license", "licenseKey"), s.retrieve(t, tokens[n]).text(t, "license", "licenseKey"))
			s.requireWhole(t, tokens[n], 1)
		}
	}
	require.Equal(t, map[int]int{201: 1, 412: callers() - 1}, statuses)
	require.Equal(t, []string{"intent", "issued", "moving", "moved"}, s.chain(t, old))
	s.requireWhole(t, old, 1)
	require.Equal(t, 404, s.retrieve(t, old).status)
}

func TestRehost_ManyCallersOneKey(t *testing.T) {
	s, old, there := shared, fresh("QMSA-64-REHOST"), fresh("QMSB-64-REHOST")
	sold := s.issue(t, subscription(old))
	calls := make([]request, callers())
	calls[0] = rehosting(t, sold, there)
	for n := range calls {
		calls[n] = calls[0]
	}
	before := s.KMSCalls()
	answers := s.sendMany(t, calls)
	for _, r := range answers {
		require.Equal(t, 201, r.status, string(r.body))
		require.Equal(t, string(answers[0].body), string(r.body), "byte for byte")
	}
	s.requireSignedOnce(t, there, s.KMSCalls()-before)
	require.Equal(t, []string{"intent", "issued", "moving", "moved"}, s.chain(t, old))
	require.Equal(t, []string{"intent", "issued"}, s.chain(t, there))
	s.requireWhole(t, there, 1)
}

func TestRehost_TwoLicensesToOneServer(t *testing.T) {
	s, there := shared, fresh("QMSB-TWO")
	one, two := s.issue(t, subscription(fresh("QMSA-TWO"))), s.issue(t, subscription(fresh("QMSA-TWO")))
	statuses := map[int]int{}
	for _, r := range s.sendMany(t, []request{rehosting(t, one, there), rehosting(t, two, there)}) {
		statuses[r.status]++
	}
	require.Equal(t, map[int]int{201: 1, 409: 1}, statuses)
	require.Equal(t, []string{"intent", "issued"}, s.chain(t, there))
}

func TestRehost_KilledAroundItsTransactions(t *testing.T) {
	s := shared
	for _, k := range []struct {
		when string
		nth  int
	}{{"before", 1}, {"after", 1}, {"before", 2}, {"after", 2}} {
		t.Run(fmt.Sprint(k.when, " ", k.nth), func(t *testing.T) {
			defer s.Gate.Disarm()
			old, there := fresh("QMSA-KILLED"), fresh("QMSB-KILLED")
			q := rehosting(t, s.issue(t, subscription(old)), there)
			require.NoError(t, s.Gate.Arm(gate.Arming{Function: "RehostFunction", Action: "dynamodb:TransactWriteItems", Nth: k.nth, When: k.when, Do: "kill"}))
			require.Equal(t, 500, s.send(t, q).status)
			moved := s.send(t, q)
			require.Equal(t, 201, moved.status, string(moved.body))
			require.Equal(t, moved.text(t, "license", "licenseKey"), s.retrieve(t, there).text(t, "license", "licenseKey"))
			require.Equal(t, 404, s.retrieve(t, old).status)
			require.Equal(t, []string{"intent", "issued", "moving", "moved"}, s.chain(t, old))
			require.Equal(t, []string{"intent", "issued"}, s.chain(t, there))
		})
	}
}

// forge makes a pending license and the bytes to sign say otherwise, alike, and returns what puts it back.
func (s *system) forge(t *testing.T, id string, change func(r *ledger.Record)) (restore func()) {
	t.Helper()
	honest, err := s.Store(gate.Operator).Record(t.Context(), id)
	require.NoError(t, err)
	forged := honest
	change(&forged)
	forged.Seats = forged.Modules.Seats()
	claims := licensekey.Claims{
		ID: id, ServerToken: forged.ServerToken, IssuedAt: forged.IssuedAt.Unix(), Type: forged.Type, Seats: forged.Seats, Suite: forged.Modules.QMSSuite,
		Sequence: forged.Sequence, ExpiresOn: forged.ExpiresOn, ExpiresAt: forged.ExpiresOn.ExpiryInstant().Unix(),
	}
	forged.SigningInput, err = licensekey.SigningInput(forged.KeyID, claims)
	require.NoError(t, err)
	put := func(r ledger.Record) {
		body, err := json.Marshal(r)
		require.NoError(t, err)
		table, expression := s.table("LicenseTable"), "SET body = :body"
		_, err = dynamodb.Client(s.Stack.DynamoDBEndpoint, gate.AccessKey(gate.Operator)).UpdateItem(context.Background(), &sdk.UpdateItemInput{
			TableName: &table, Key: map[string]ddb.AttributeValue{"pk": &ddb.AttributeValueMemberS{Value: "license#" + id}, "sk": &ddb.AttributeValueMemberS{Value: "license"}},
			UpdateExpression: &expression, ExpressionAttributeValues: map[string]ddb.AttributeValue{":body": &ddb.AttributeValueMemberS{Value: string(body)}},
		})
		require.NoError(t, err)
	}
	put(forged)
	return func() { put(honest) }
}

// TestRehost_WhileTheSoldKeyIsRefused: what is pending is bridged on both servers, and is not signed once it says more.
func TestRehost_WhileTheSoldKeyIsRefused(t *testing.T) {
	s, old, there := shared, fresh("QMSA-BRIDGED"), fresh("QMSB-BRIDGED")
	emergency := func(token string) response {
		body := with(trial(token), "purpose", "emergency", "modules", map[string]int{"qmsSuite": 50, "callRecording": 20})
		r := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "support", key: fresh("key"), body: body})
		require.Equal(t, 201, r.status, string(r.body))
		require.Equal(t, r.text(t, "license", "licenseKey"), s.retrieve(t, token).text(t, "license", "licenseKey"))
		return r
	}
	sold := s.issue(t, subscription(old))
	admin, key := s.System.KMS(gate.Operator), s.soldKey()
	_, err := admin.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &key})
	require.NoError(t, err)
	enabled := false
	enable := func() {
		_, err := admin.EnableKey(context.Background(), &kms.EnableKeyInput{KeyId: &key})
		require.NoError(t, err)
		enabled = true
	}
	defer func() {
		if !enabled {
			enable()
		}
	}()
	q := rehosting(t, sold, there)
	refused := s.send(t, q)
	requireProblem(t, refused, 503, "unavailable", "")
	require.Contains(t, refused.text(t, "detail"), "emergency license")
	require.Equal(t, sold.text(t, "license", "licenseKey"), s.retrieve(t, old).text(t, "license", "licenseKey"), "nothing is lost while it is pending")
	require.Equal(t, 404, s.retrieve(t, there).status)
	emergency(old)
	bridge := emergency(there)
	enable()

	server, err := s.Store(gate.Operator).Server(t.Context(), license.ServerToken(there))
	require.NoError(t, err)
	before := s.KMSCalls()
	restore := s.forge(t, server.Base.Pending, func(r *ledger.Record) { r.Modules.QMSSuite += 1000 })
	time.Sleep(5200 * time.Millisecond) // the lease
	requireProblem(t, s.send(t, q), 500, "internal", "")
	restore()
	restore = s.forge(t, server.Base.Pending, func(r *ledger.Record) { r.ExpiresOn = r.ExpiresOn.AddDays(3650) })
	time.Sleep(5200 * time.Millisecond)
	require.Error(t, s.RunSchedule(t.Context(), "SweepFunction"), "the sweep does not sign it either")
	require.Equal(t, before, s.KMSCalls())
	restore()
	time.Sleep(5200 * time.Millisecond)

	moved := s.send(t, q)
	require.Equal(t, 201, moved.status, string(moved.body))
	require.Equal(t, sold.get(t, "license", "seats"), moved.get(t, "license", "seats"))
	require.Equal(t, bridge.text(t, "license", "licenseKey"), s.retrieve(t, there).text(t, "license", "licenseKey"), "the bridge is the newer one")
	emergency(old)
	emergency(there)
	require.Equal(t, []string{"intent", "issued", "moving", "intent", "issued", "moved", "intent", "issued"}, s.chain(t, old))
	require.Equal(t, []string{"intent", "intent", "issued", "issued", "intent", "issued"}, s.chain(t, there))
}

func TestGate_TheRehostFunctionSignsNoTemporaryLicense(t *testing.T) {
	key := shared.signer(license.TemporaryKey).ARN
	_, err := shared.System.KMS("RehostFunction").Sign(t.Context(), &kms.SignInput{
		KeyId: &key, Message: []byte("anything"), MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	require.ErrorContains(t, err, "AccessDeniedException")
}
