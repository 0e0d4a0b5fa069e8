package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

func (s *system) history(t testing.TB, id, query string) response {
	t.Helper()
	r := s.send(t, request{method: "GET", path: "/v1/licenses/" + id + "/history?" + query, as: "support"})
	require.Equal(t, 200, r.status, string(r.body))
	return r
}

// told is a history as its answer has it.
type told struct {
	Items []struct {
		Sentence, Who string
		Number        int
		Before, After map[string]any
	}
	Chains []struct {
		ServerToken, Checkpoint string
		Length                  int
		Verified                bool
		Broken                  *ledger.Break
	}
	NextCursor *string
}

func (r response) told(t testing.TB) told {
	t.Helper()
	var h told
	require.NoError(t, json.Unmarshal(r.body, &h))
	return h
}

func TestHistory_TellsTheWholeChainInPages(t *testing.T) {
	s, token := shared, fresh("QMSA-HISTORY")
	sold := s.issue(t, subscription(token))
	renewed := s.send(t, renewal(t, sold, fresh("key")))
	require.Equal(t, 201, renewed.status, string(renewed.body))
	id := sold.text(t, "license", "id")
	first := s.history(t, id, "limit=3").told(t)
	require.Len(t, first.Items, 3)
	require.Contains(t, first.Items[0].Sentence, "accounting (accounting) renewed the subscription of Northwind Call Centers by contract C-2041: now until ")
	require.Equal(t, sold.text(t, "license", "expiresOn"), first.Items[1].Before["expiresOn"])
	require.Equal(t, renewed.text(t, "license", "expiresOn"), first.Items[1].After["expiresOn"])
	rest := s.history(t, id, "limit=3&cursor="+*first.NextCursor).told(t)
	require.Len(t, rest.Items, 1)
	require.Nil(t, rest.NextCursor)
	require.Equal(t, []int{4, 3, 2, 1}, []int{first.Items[0].Number, first.Items[1].Number, first.Items[2].Number, rest.Items[0].Number})
	require.True(t, first.Chains[0].Verified)
	require.True(t, s.history(t, id, "checkpoint="+first.Chains[0].Checkpoint).told(t).Chains[0].Verified)

	call := func(path, as string) request { return request{method: "GET", path: "/v1/licenses/" + path, as: as} }
	requireProblem(t, s.send(t, call(id+"/history?checkpoint=1", "sales")), 400, "invalid_request", "query:checkpoint")
	requireProblem(t, s.send(t, call(id+"/history?checkpoint=", "sales")), 400, "invalid_request", "query:checkpoint")
	requireProblem(t, s.send(t, call(id+"/history?cursor=x", "sales")), 400, "invalid_request", "query:cursor")
	requireProblem(t, s.send(t, call(id+"/history?limit=101", "sales")), 400, "invalid_request", "query:limit")
	requireProblem(t, s.send(t, call(strings.Repeat("0", 32)+"/history", "admin")), 404, "license_not_found", "path:id")
	requireProblem(t, s.send(t, call(id+"/history", "nobody")), 403, "forbidden", "")
	require.Equal(t, 401, s.send(t, call(id+"/history", "")).status)
}

// put writes an audit entry into the table, whatever stands there.
func (a auditTable) put(t *testing.T, e ledger.AuditEntry) {
	t.Helper()
	_, err := a.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &a.name, Item: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: string(e.ServerToken)}, "sk": &types.AttributeValueMemberN{Value: fmt.Sprint(e.Number)},
		"licenseId": &types.AttributeValueMemberS{Value: e.LicenseID}, "entry": &types.AttributeValueMemberS{Value: string(e.Text)},
		"hash": &types.AttributeValueMemberS{Value: e.Hash},
	}})
	require.NoError(t, err)
}

func (a auditTable) remove(t *testing.T, token string, number int) {
	t.Helper()
	_, err := a.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &a.name, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: token}, "sk": &types.AttributeValueMemberN{Value: fmt.Sprint(number)},
	}})
	require.NoError(t, err)
}

// forged is an entry that says something else, with the hash that goes with it.
func forgedEntry(e ledger.AuditEntry) ledger.AuditEntry {
	e.Text = []byte(strings.Replace(string(e.Text), "Northwind", "Southwind", 1))
	sum := sha256.Sum256(e.Text)
	e.Hash = hex.EncodeToString(sum[:])
	return e
}

// replaceChain writes a server's whole chain anew, with other words and every hash right, and its server item with it.
func (s *system) replaceChain(t *testing.T, token string) {
	t.Helper()
	audit, previous := s.audit(), ""
	var last ledger.AuditEntry
	for _, e := range audit.entries(t, token) {
		var says ledger.AuditText
		require.NoError(t, json.Unmarshal(e.Text, &says))
		old := fmt.Sprintf(`"previous":%q`, says.Previous)
		e.Text = []byte(strings.Replace(string(e.Text), old, fmt.Sprintf(`"previous":%q`, previous), 1))
		last = forgedEntry(e)
		previous = last.Hash
		audit.put(t, last)
	}
	server, err := s.Store(gate.Operator).Server(t.Context(), license.ServerToken(token))
	require.NoError(t, err)
	server.ChainHash = last.Hash
	s.changeServer(t, server)
}

// changeServer writes a server item past every condition.
func (s *system) changeServer(t *testing.T, server ledger.Server) {
	t.Helper()
	body, err := json.Marshal(server)
	require.NoError(t, err)
	s.set(t, "server#"+string(server.Token), "server", "body", string(body))
}

// set changes one attribute of an item of the license table.
func (s *system) set(t *testing.T, pk, sk, attribute, value string) {
	t.Helper()
	_, err := s.audit().UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(s.table("LicenseTable")), Key: itemKey(pk, sk), UpdateExpression: aws.String("SET #a = :v"),
		ExpressionAttributeNames:  map[string]string{"#a": attribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": &types.AttributeValueMemberS{Value: value}},
	})
	require.NoError(t, err)
}

func itemKey(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: sk}}
}

func TestHistory_NamesWhatWasDoneToTheChain(t *testing.T) {
	s, err := start(t.TempDir(), nil) // its own: what is damaged here would be damage to other tests
	require.NoError(t, err)
	defer s.Close()
	audit := s.audit()
	for name, c := range map[string]struct {
		damage func(t *testing.T, token string, entries []ledger.AuditEntry)
		kind   ledger.Damage
		number int
	}{
		"edited":  {func(t *testing.T, _ string, entries []ledger.AuditEntry) { audit.put(t, forgedEntry(entries[1])) }, ledger.Edited, 2},
		"deleted": {func(t *testing.T, token string, _ []ledger.AuditEntry) { audit.remove(t, token, 2) }, ledger.Deleted, 2},
		"inserted": {func(t *testing.T, _ string, entries []ledger.AuditEntry) {
			for n, e := range slices.Insert(entries, 2, forgedEntry(entries[2])) {
				e.Number = n + 1
				audit.put(t, e)
			}
		}, ledger.Inserted, 3},
		"reordered": {func(t *testing.T, _ string, entries []ledger.AuditEntry) {
			second, third := entries[1], entries[2]
			second.Number, third.Number = 3, 2
			audit.put(t, second)
			audit.put(t, third)
		}, ledger.Reordered, 2},
		"tail cut": {func(t *testing.T, token string, _ []ledger.AuditEntry) { audit.remove(t, token, 4) }, ledger.TailCut, 4},
		"replaced": {func(t *testing.T, token string, _ []ledger.AuditEntry) { s.replaceChain(t, token) }, ledger.Replaced, 4},
	} {
		t.Run(name, func(t *testing.T) {
			token := fresh("QMSA-DAMAGE")
			sold := s.issue(t, subscription(token))
			renewed := s.send(t, renewal(t, sold, fresh("key")))
			require.Equal(t, 201, renewed.status, string(renewed.body))
			id := sold.text(t, "license", "id")
			kept := s.history(t, id, "").told(t).Chains[0]
			require.True(t, kept.Verified)
			require.Equal(t, 4, kept.Length)
			c.damage(t, token, audit.entries(t, token))
			if c.kind == ledger.Replaced {
				require.True(t, s.history(t, id, "").told(t).Chains[0].Verified, "without a checkpoint it is as good as the first")
			}
			chain := s.history(t, id, "checkpoint="+kept.Checkpoint).told(t).Chains[0]
			require.False(t, chain.Verified)
			require.Equal(t, c.kind, chain.Broken.Kind, chain.Broken.Detail)
			require.Equal(t, c.number, chain.Broken.Number, chain.Broken.Detail)
		})
	}
}
