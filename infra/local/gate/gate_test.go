package gate_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/template"
)

// rig is a gate before a DynamoDB that answers {} to everything and notes what reaches it.
type rig struct {
	gate     *gate.Gate
	endpoint string
	log      *bytes.Buffer

	mu      sync.Mutex
	reached []string // operation and body
}

// application is the template, with tables that are called as their logical IDs whatever they are called on AWS.
func application(t *testing.T) *template.Application {
	t.Helper()
	app, err := template.Load("../../../template.yaml", map[string]string{"TokenIssuer": "http://localhost", "TokenAudience": "console", "KmsEndpoint": "http://localhost"})
	require.NoError(t, err)
	for n, table := range app.Tables {
		app.Tables[n].Name = table.LogicalID
		for _, f := range app.Functions {
			for _, s := range f.Statements {
				for at, resource := range s.Resources {
					if rest, ours := strings.CutPrefix(resource, template.TableARN(table.Name)); ours {
						s.Resources[at] = template.TableARN(table.LogicalID) + rest
					}
				}
			}
		}
	}
	return app
}

func newRig(t *testing.T, app *template.Application, options gate.Options) *rig {
	t.Helper()
	r := &rig{log: &bytes.Buffer{}}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.reached = append(r.reached, request.Header.Get("X-Amz-Target")+" "+string(body))
		w.Header().Set("x-amzn-RequestId", "upstream-1")
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(upstream.Close)
	address, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	options.Log = slog.New(slog.NewJSONHandler(r.log, nil))
	r.gate, err = gate.New(app, gate.Upstreams{DynamoDB: gate.ProxyTo(address)}, options)
	require.NoError(t, err)
	front := httptest.NewServer(r.gate.DynamoDB())
	t.Cleanup(front.Close)
	r.endpoint = front.URL
	return r
}

// as is the SDK's client with the access key of a function or the operator.
func (r *rig) as(principal string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: aws.String(r.endpoint), Region: template.Region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(gate.AccessKey(principal), "secret", "instance-7"),
	})
}

// post sends a body as the function, past the SDK, which would not write some of them.
func (r *rig) post(t *testing.T, function, operation, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.endpoint, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	if function != "" {
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+gate.AccessKey(function)+"/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(answer)
}

func requireCode(t *testing.T, err error, code string) {
	t.Helper()
	var failure smithy.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, code, failure.ErrorCode())
}

func key(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: pk}, "sk": &types.AttributeValueMemberS{Value: "license"},
	}
}

func TestDynamoDB_AllowedRequestReachesItUnchanged(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	out, err := r.as("ShowFunction").GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("LicenseTable"), Key: key("license#1")})
	require.NoError(t, err)
	require.Empty(t, out.Item)
	require.Equal(t, []string{`DynamoDB_20120810.GetItem {"Key":{"pk":{"S":"license#1"},"sk":{"S":"license"}},"TableName":"LicenseTable"}`}, sorted(r.reached))
	require.Equal(t, map[grants.Grant]int{
		{Function: "ShowFunction", Policy: grants.Identity, Sid: "ReadLicense", Action: "dynamodb:GetItem"}: 1,
	}, r.gate.Book().Uses())
}

// sorted puts the members of a GetItem into one order; the SDK writes maps in any.
func sorted(reached []string) []string {
	for i, text := range reached {
		reached[i] = strings.Replace(text, `{"sk":{"S":"license"},"pk":{"S":"license#1"}}`, `{"pk":{"S":"license#1"},"sk":{"S":"license"}}`, 1)
	}
	return reached
}

func TestDynamoDB_DenialLooksLikeAWSAndIsLogged(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	status, body := r.post(t, "ShowFunction", "PutItem", `{"TableName":"LicenseTable","Item":{"pk":{"S":"license#1"}}}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.JSONEq(t, `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: arn:aws:sts::000000000000:assumed-role/ShowFunctionRole/ShowFunction is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/LicenseTable because no identity-based policy allows the dynamodb:PutItem action"}`, body)
	require.Contains(t, r.log.String(), `"msg":"permission denied","function":"ShowFunction","action":"dynamodb:PutItem","resource":"arn:aws:dynamodb:us-east-1:000000000000:table/LicenseTable"`)
	require.Empty(t, r.reached)

	_, err := r.as("ShowFunction").PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("LicenseTable"), Item: key("license#1")})
	requireCode(t, err, "AccessDeniedException")
}

// Requests as the functions make them, and some that they should not.
const (
	queryKeys             = `{"TableName":"LicenseTable","KeyConditionExpression":"pk = :pk","ExpressionAttributeValues":{":pk":{"S":"keys"}}}`
	queryServer           = `{"TableName":"LicenseTable","KeyConditionExpression":"#0 = :0 AND begins_with(sk, :1)","ExpressionAttributeNames":{"#0":"pk"},"ExpressionAttributeValues":{":0":{"S":"server#1"},":1":{"S":"keys"}}}`
	queryByServer         = `{"TableName":"LicenseTable","IndexName":"byServer","KeyConditionExpression":"serverToken = :t","ExpressionAttributeValues":{":t":{"S":"A"}}}`
	queryPending          = `{"TableName":"LicenseTable","IndexName":"pending","KeyConditionExpression":"pendingShard = :s AND leaseUntil < :n","ExpressionAttributeValues":{":s":{"S":"0"},":n":{"S":"2026"}}}`
	getLicense            = `{"TableName":"LicenseTable","Key":{"pk":{"S":"license#1"},"sk":{"S":"license"}}}`
	getByARN              = `{"TableName":"arn:aws:dynamodb:us-east-1:000000000000:table/LicenseTable","Key":{"pk":{"S":"license#1"}}}`
	putAudit              = `{"TableName":"AuditTable","Item":{"pk":{"S":"server#1"},"sk":{"N":"1"}}}`
	putKey                = `{"TableName":"LicenseTable","Item":{"pk":{"S":"keys"},"sk":{"S":"sold-2026-1"}}}`
	issueInOneTransaction = `{"TransactItems":[{"Put":{"TableName":"LicenseTable","Item":{"pk":{"S":"license#1"}}}},{"Update":{"TableName":"LicenseTable","Key":{"pk":{"S":"server#1"}}}},{"Put":{"TableName":"AuditTable","Item":{"pk":{"S":"server#1"}}}}]}`
)

func TestDynamoDB_WhoMayDoWhat(t *testing.T) {
	rows := []struct {
		name, function, operation, body string
		denied                          string // the action; empty when it is allowed
	}{
		{"validate reads the key table", "ValidateFunction", "Query", queryKeys, ""},
		{"validate queries nothing but the key table", "ValidateFunction", "Query", queryServer, "dynamodb:Query"},
		{"issue reads the key table", "IssueFunction", "Query", queryKeys, ""},
		{"keys reads no license", "KeysFunction", "GetItem", getLicense, "dynamodb:GetItem"},
		{"a table by its ARN", "ShowFunction", "GetItem", getByARN, ""},
		{"search queries its index", "SearchFunction", "Query", queryByServer, ""},
		{"search queries no other index", "SearchFunction", "Query", queryPending, "dynamodb:Query"},
		{"search does not query the table", "SearchFunction", "Query", queryKeys, "dynamodb:Query"},
		{"sweep queries what is pending", "SweepFunction", "Query", queryPending, ""},
		{"issue does not query an index", "IssueFunction", "Query", queryByServer, "dynamodb:Query"},
		{"nobody scans", "SweepFunction", "Scan", `{"TableName":"LicenseTable"}`, "dynamodb:Scan"},
		{"issue writes in a transaction", "IssueFunction", "TransactWriteItems", issueInOneTransaction, ""},
		{"retrieve writes in no transaction", "RetrieveFunction", "TransactWriteItems", issueInOneTransaction, "dynamodb:PutItem"},
		{"a delete in a transaction", "IssueFunction", "TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"LicenseTable","Item":{"pk":{"S":"a"}}}},{"Delete":{"TableName":"LicenseTable","Key":{"pk":{"S":"a"}}}}]}`, "dynamodb:DeleteItem"},
		{"a condition check in a transaction", "IssueFunction", "TransactWriteItems", `{"TransactItems":[{"ConditionCheck":{"TableName":"LicenseTable","Key":{"pk":{"S":"a"}}}}]}`, "dynamodb:ConditionCheckItem"},
		{"an update of the audit table in a transaction", "IssueFunction", "TransactWriteItems", `{"TransactItems":[{"Update":{"TableName":"AuditTable","Key":{"pk":{"S":"a"}}}}]}`, "dynamodb:UpdateItem"},
		{"a reading transaction", "ShowFunction", "TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"LicenseTable","Key":{"pk":{"S":"a"}}}}]}`, ""},
		{"a reading transaction on the audit table", "ShowFunction", "TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"AuditTable","Key":{"pk":{"S":"a"}}}}]}`, "dynamodb:GetItem"},
		{"a batch is an action of its own", "ShowFunction", "BatchGetItem", `{"RequestItems":{"LicenseTable":{"Keys":[{"pk":{"S":"a"}}]}}}`, "dynamodb:BatchGetItem"},
		{"a writing batch too", "IssueFunction", "BatchWriteItem", `{"RequestItems":{"LicenseTable":[{"PutRequest":{"Item":{"pk":{"S":"a"}}}}]}}`, "dynamodb:BatchWriteItem"},
		{"issue appends to the audit table", "IssueFunction", "PutItem", putAudit, ""},
		{"show does not", "ShowFunction", "PutItem", putAudit, "dynamodb:PutItem"},
		{"issue does not read the audit table", "IssueFunction", "GetItem", `{"TableName":"AuditTable","Key":{"pk":{"S":"server#1"}}}`, "dynamodb:GetItem"},
		{"issue never writes the key table", "IssueFunction", "PutItem", putKey, "dynamodb:PutItem"},
		{"nor in a transaction", "IssueFunction", "TransactWriteItems", `{"TransactItems":[{"Update":{"TableName":"LicenseTable","Key":{"pk":{"S":"keys"}}}}]}`, "dynamodb:UpdateItem"},
		{"another table", "IssueFunction", "GetItem", `{"TableName":"Payroll","Key":{"pk":{"S":"a"}}}`, "dynamodb:GetItem"},
		{"functions make no tables", "IssueFunction", "CreateTable", `{"TableName":"LicenseTable"}`, "dynamodb:CreateTable"},
		{"the operator makes tables", "operator", "CreateTable", `{"TableName":"LicenseTable"}`, ""},
		{"the operator lists tables", "operator", "ListTables", `{}`, ""},
		{"the operator fills the key table", "operator", "PutItem", putKey, ""},
		{"the operator scans", "operator", "Scan", `{"TableName":"AuditTable"}`, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, application(t), gate.Options{})
			status, answer := r.post(t, row.function, row.operation, row.body)
			if row.denied == "" {
				require.Equal(t, http.StatusOK, status, answer)
				require.Equal(t, []string{"DynamoDB_20120810." + row.operation + " " + row.body}, r.reached)
				return
			}
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, answer, "#AccessDeniedException")
			require.Contains(t, answer, "is not authorized to perform: "+row.denied+" on resource: arn:aws:dynamodb:")
			require.Empty(t, r.reached)
		})
	}
}

func TestDynamoDB_IndexIsAResourceOfItsOwn(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	_, answer := r.post(t, "SearchFunction", "Query", `{"TableName":"LicenseTable","IndexName":"pending","KeyConditionExpression":"pendingShard=:s","ExpressionAttributeValues":{":s":{"S":"0"}}}`)
	require.Contains(t, answer, "on resource: arn:aws:dynamodb:us-east-1:000000000000:table/LicenseTable/index/pending because")
}

func TestDynamoDB_ExplicitDenySaysSoAndIsUsed(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	_, answer := r.post(t, "SweepFunction", "UpdateItem", `{"TableName":"LicenseTable","Key":{"pk":{"S":"keys"},"sk":{"S":"sold-2026-1"}}}`)
	require.Contains(t, answer, "with an explicit deny in an identity-based policy")
	require.Equal(t, map[grants.Grant]int{
		{Function: "SweepFunction", Policy: grants.Identity, Sid: "NeverWriteKeyTable", Action: "dynamodb:UpdateItem"}: 1,
	}, r.gate.Book().Uses(), "the guard's other action was not used")
}

func TestDynamoDB_RequestsThatAreNone(t *testing.T) {
	rows := []struct{ name, function, operation, body, want string }{
		{"no authorization", "", "GetItem", `{}`, "com.amazon.coral.service#MissingAuthenticationTokenException"},
		{"an access key of nobody", "Stranger", "GetItem", `{}`, "com.amazon.coral.service#UnrecognizedClientException"},
		{"an operation unknown here", "operator", "ExecuteStatement", `{}`, "com.amazon.coral.service#UnknownOperationException"},
		{"not JSON", "IssueFunction", "GetItem", `TableName`, "com.amazon.coral.service#SerializationException"},
		{"an element unknown here", "IssueFunction", "TransactWriteItems", `{"TransactItems":[{"Get":{}}]}`, "com.amazon.coral.service#SerializationException"},
		{"an empty transaction", "IssueFunction", "TransactWriteItems", `{"TransactItems":[]}`, "com.amazonaws.dynamodb.v20120810#ValidationException"},
		{"a query without its partition key", "IssueFunction", "Query", `{"TableName":"LicenseTable","KeyConditionExpression":"sk = :sk","ExpressionAttributeValues":{":sk":{"S":"keys"}}}`, "com.amazonaws.dynamodb.v20120810#ValidationException"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, application(t), gate.Options{})
			status, answer := r.post(t, row.function, row.operation, row.body)
			require.Equal(t, http.StatusBadRequest, status)
			require.Contains(t, answer, `"__type":"`+row.want+`"`)
			require.Empty(t, r.reached)
		})
	}
}

func TestDynamoDB_StatementRemovedIsADenial(t *testing.T) {
	app := application(t)
	for i, f := range app.Functions {
		if f.LogicalID == "ShowFunction" {
			app.Functions[i].Statements = nil
		}
	}
	_, err := newRig(t, app, gate.Options{}).as("ShowFunction").GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String("LicenseTable"), Key: key("a")})
	requireCode(t, err, "AccessDeniedException")
}

func TestDynamoDB_WildcardsMatchAsInIAM(t *testing.T) {
	app := application(t)
	for i, f := range app.Functions {
		if f.LogicalID == "ShowFunction" {
			app.Functions[i].Statements = []template.Statement{{
				Sid: "Wide", Effect: "Allow", Actions: []string{"dynamodb:Get*"}, Resources: []string{"arn:aws:dynamodb:*:*:*/License?able"},
			}}
		}
	}
	r := newRig(t, app, gate.Options{})
	status, _ := r.post(t, "ShowFunction", "GetItem", `{"TableName":"LicenseTable","Key":{"pk":{"S":"a"}}}`)
	require.Equal(t, http.StatusOK, status)
	status, _ = r.post(t, "ShowFunction", "GetItem", `{"TableName":"AuditTable","Key":{"pk":{"S":"a"}}}`)
	require.Equal(t, http.StatusBadRequest, status)
	status, _ = r.post(t, "ShowFunction", "PutItem", `{"TableName":"LicenseTable","Item":{"pk":{"S":"a"}}}`)
	require.Equal(t, http.StatusBadRequest, status)
}

func TestNew_WhatItCannotEvaluateStopsTheStart(t *testing.T) {
	rows := []struct {
		name   string
		change func(*template.Statement)
		want   string
	}{
		{"an operator", func(s *template.Statement) {
			s.Conditions = map[string]map[string][]string{"IpAddress": {"aws:SourceIp": {"10.0.0.0/8"}}}
		}, "condition operator IpAddress is not understood here"},
		{"a key", func(s *template.Statement) {
			s.Conditions = map[string]map[string][]string{"StringEquals": {"aws:PrincipalTag/team": {"qms"}}}
		}, "condition key aws:PrincipalTag/team with StringEquals is not understood here"},
		{"an effect", func(s *template.Statement) { s.Effect = "Audit" }, `effect "Audit" is neither Allow nor Deny`},
		{"everyone", func(s *template.Statement) { s.Principals = []string{"*"} }, "an Allow for the principal * is not understood here"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			app := application(t)
			row.change(&app.Functions[0].Statements[0])
			_, err := gate.New(app, gate.Upstreams{}, gate.Options{})
			require.ErrorContains(t, err, app.Functions[0].LogicalID+": statement "+app.Functions[0].Statements[0].Sid+": "+row.want)

			app = application(t)
			row.change(&app.Keys[0].Policy[0])
			_, err = gate.New(app, gate.Upstreams{}, gate.Options{})
			require.ErrorContains(t, err, app.Keys[0].LogicalID+": statement "+app.Keys[0].Policy[0].Sid+": "+row.want)
		})
	}
}

func TestBook_AnAllowCountsForRunningFunctionsAloneAndAGuardForAnyone(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	status, answer := r.post(t, "ShowFunction", "GetItem", getLicense)
	require.Equal(t, http.StatusOK, status, answer)
	_, _ = r.post(t, "ShowFunction", "PutItem", putAudit)
	require.Empty(t, r.gate.Book().Uses(), "a client of a test's that borrows the access key")
	require.Empty(t, r.gate.Book().Denials())

	_, _ = r.post(t, "IssueFunction", "PutItem", putKey)
	guard := grants.Grant{Function: "IssueFunction", Policy: grants.Identity, Sid: "NeverWriteKeyTable", Action: "dynamodb:PutItem"}
	require.Equal(t, map[grants.Grant]int{guard: 1}, r.gate.Book().Uses(), "no function should ever meet a guard, so a test does in its name")
	require.Empty(t, r.gate.Book().Denials())

	for range 2 { // as() has a session token, as a running function has
		_, err := r.as("ShowFunction").PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("AuditTable"), Item: key("a")})
		requireCode(t, err, "AccessDeniedException")
	}
	require.Equal(t, []grants.Denial{{
		Function: "ShowFunction", Action: "dynamodb:PutItem", Resource: "arn:aws:dynamodb:us-east-1:000000000000:table/AuditTable",
		Reason: "because no identity-based policy allows the dynamodb:PutItem action",
	}}, r.gate.Book().Denials(), "once")
}
