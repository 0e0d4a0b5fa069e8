package e2e_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/cost"
	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/meter"
	"qmslicensing/infra/local/operator"
	"qmslicensing/infra/local/stack"
)

var update = flag.Bool("update", false, "write what was counted to infra/cost/calls.json")

// callsFile is what infra/cost computes with.
const callsFile = "../../cost/calls.json"

// metered is a system that notes what AWS would charge for.
func metered(t *testing.T) (*system, *meter.Meter) {
	t.Helper()
	s := &system{log: &lockedBuffer{}, tokens: map[string]string{}}
	m := &meter.Meter{}
	var err error
	s.Stack, err = stack.Start(context.Background(), stack.Config{
		Dir: t.TempDir(), InMemory: true, FreePorts: true, NoSchedules: true, Log: s.log, Meter: m,
		Prepare: func(ctx context.Context, st *stack.Stack) error {
			s.System = operator.System{DynamoDBEndpoint: st.DynamoDBEndpoint, KMSEndpoint: st.KMSEndpoint, Application: st.Application}
			_, err := s.System.FillKeys(ctx)
			return err
		},
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s, m
}

// operation is a typical call of a route. It makes ready what the call needs, which is not counted.
type operation struct {
	function string // logical id
	name     string // in words, for the table
	prepare  func(t *testing.T, s *system, token string) request
}

// alone reports whether it is counted on a system of its own: what it uses goes by all that is stored.
func (o operation) alone() bool { return o.function == "ReconcileFunction" }

// typical has one operation for each route: the licenses are of 50 QMS Suite and 20 Call Recording, a trial of 10.
func typical() []operation {
	return slices.Concat(typicalWrites(), typicalChanges(), typicalDocuments(), typicalReads(), typicalLooks())
}

func typicalWrites() []operation {
	return []operation{
		{"IssueTemporaryFunction", "issue a trial", func(_ *testing.T, _ *system, token string) request {
			return request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: token, body: trial(token)}
		}},
		{"IssueFunction", "issue a subscription", func(_ *testing.T, _ *system, token string) request {
			return request{method: "POST", path: "/v1/licenses", as: "accounting", key: token, body: subscription(token)}
		}},
		{"RenewSubscriptionFunction", "renew a subscription", func(t *testing.T, s *system, token string) request {
			return renewal(t, s.issue(t, subscription(token)), token+"-R")
		}},
		{"RehostFunction", "re-host a license", func(t *testing.T, s *system, token string) request {
			q := rehosting(t, s.issue(t, subscription(token)), token+"-N")
			q.key = token + "-R"
			return q
		}},
		{"RenewSubscriptionFunction", "see what renewing 3 subscriptions of a contract would do", func(t *testing.T, s *system, token string) request {
			return renewals("", threeOf(t, s, token))
		}},
		{"RenewSubscriptionFunction", "renew 3 subscriptions at once", func(t *testing.T, s *system, token string) request {
			_, run := s.dryRun(t, threeOf(t, s, token))
			return renewals(token+"-R", run)
		}},
	}
}

func typicalChanges() []operation {
	changing := func(what string, body map[string]any) func(*testing.T, *system, string) request {
		return func(t *testing.T, s *system, token string) request {
			q := change(t, s.issue(t, subscription(token)), what, body)
			q.key = token + "-C"
			return q
		}
	}
	return []operation{
		{"AmendFunction", "see what changing the modules would do", changing("amend", map[string]any{"modules": map[string]int{"qmsSuite": 60}, "dryRun": true})},
		{"AmendFunction", "change the modules of a subscription", changing("amend", map[string]any{"modules": map[string]int{"qmsSuite": 60}})},
		{"AmendFunction", "correct a subscription", changing("correct", map[string]any{"reason": "The order was misread.", "customer": "Southwind"})},
		{"RevokeFunction", "revoke a license", changing("revoke", map[string]any{"reason": "The contract was cancelled."})},
	}
}

// typicalDocuments are license requests and exceptions. Lists are of a state that no document is in.
func typicalDocuments() []operation {
	onOpen := func(as, what string, body map[string]any) func(*testing.T, *system, string) request {
		return func(t *testing.T, s *system, token string) request {
			id := s.ask(t, "sales", licenseRequest(permanent(token)))
			if what == "" {
				return request{method: "GET", path: "/v1/license-requests/" + id, as: as}
			}
			q := onRequest(as, id, what, body)
			q.key = token + "-C"
			return q
		}
	}
	onAsked := func(as, what string, body map[string]any) func(*testing.T, *system, string) request {
		return func(t *testing.T, s *system, token string) request {
			q := onExceptionRequest(as, s.askException(t, "sales", exception(token)).text(t, "request", "id"), what, body)
			q.key = token + "-C"
			return q
		}
	}
	return []operation{
		{"RequestFunction", "request a license", func(_ *testing.T, _ *system, token string) request {
			return request{method: "POST", path: "/v1/license-requests", as: "sales", key: token, body: licenseRequest(permanent(token))}
		}},
		{"RequestFunction", "list license requests, none", func(*testing.T, *system, string) request {
			return request{method: "GET", path: "/v1/license-requests?state=issued", as: "accounting"}
		}},
		{"RequestFunction", "show a license request", onOpen("sales", "", nil)},
		{"RequestFunction", "record that a condition is met", onOpen("accounting", "conditions", metConditions(allConditions[0]))},
		{"RequestFunction", "decline a license request", onOpen("accounting", "decline", map[string]any{"reason": "The customer has not paid."})},
		{"RequestFunction", "withdraw a license request", onOpen("sales", "withdraw", map[string]any{})},
		{"ExceptionFunction", "ask for an exception", func(_ *testing.T, _ *system, token string) request {
			return request{method: "POST", path: "/v1/exception-requests", as: "sales", key: token, body: exception(token)}
		}},
		{"ExceptionFunction", "grant an exception", func(_ *testing.T, _ *system, token string) request {
			return request{method: "POST", path: "/v1/exceptions", as: "admin", key: token, body: exception(token)}
		}},
		{"ExceptionFunction", "decline a request for an exception", onAsked("admin", "decline", map[string]any{"reason": "The customer has not paid."})},
		{"ExceptionFunction", "withdraw a request for an exception", onAsked("sales", "withdraw", map[string]any{})},
		{"ExceptionFunction", "list requests for exceptions, none", func(*testing.T, *system, string) request {
			return request{method: "GET", path: "/v1/exception-requests?state=granted", as: "admin"}
		}},
		{"ExceptionFunction", "list exceptions, none", func(*testing.T, *system, string) request {
			return request{method: "GET", path: "/v1/exceptions?state=used", as: "admin"}
		}},
	}
}

func typicalReads() []operation {
	read := func(as, path string) func(*testing.T, *system, string) request {
		return func(t *testing.T, s *system, token string) request {
			id := s.issue(t, subscription(token)).text(t, "license", "id")
			return request{method: "GET", as: as, path: strings.NewReplacer("{id}", id, "{token}", url.QueryEscape(token)).Replace(path)}
		}
	}
	return []operation{
		{"ShowFunction", "show a license", read("sales", "/v1/licenses/{id}")},
		{"ShowFunction", "show the history of a license", read("sales", "/v1/licenses/{id}/history")},
		{"SearchFunction", "search a server with 3 licenses", func(t *testing.T, s *system, token string) request {
			last := s.issue(t, subscription(token))
			for n := range 2 {
				last = s.send(t, renewal(t, last, fmt.Sprint(token, "-R", n)))
			}
			return request{method: "GET", path: "/v1/licenses?serverToken=" + url.QueryEscape(token), as: "sales"}
		}},
		{"SearchFunction", "find a customer's 3 licenses", func(t *testing.T, s *system, token string) request {
			for n := range 3 {
				s.issue(t, with(subscription(fmt.Sprint(token, "-", n)), "customer", "Customer "+token))
			}
			return request{method: "GET", path: "/v1/licenses?status=active&customer=" + url.QueryEscape("customer "+token), as: "sales"}
		}},
		{"SearchFunction", "count 12 months in which nothing expires", func(*testing.T, *system, string) request {
			return request{method: "GET", path: "/v1/expirations?from=2099-01", as: "sales"}
		}},
		{"RetrieveFunction", "retrieve by Server Token", read("", "/v1/servers/{token}/license")},
		{"ValidateFunction", "validate a license", func(t *testing.T, s *system, token string) request {
			key := s.issue(t, subscription(token)).text(t, "license", "licenseKey")
			return request{method: "POST", path: "/v1/licenses/validate", body: map[string]any{"licenseKey": key, "serverToken": token}}
		}},
		{"DowngradeCheckFunction", "check a downgrade of 500 users", func(*testing.T, *system, string) request {
			return request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{
				"modules": map[string]int{"qmsSuite": 450}, "users": fiveHundred(),
			}}
		}},
		{"KeysFunction", "read the public keys", func(*testing.T, *system, string) request {
			return request{method: "GET", path: "/.well-known/jwks.json"}
		}},
		{"KeysFunction", "see the ages of the keys", func(*testing.T, *system, string) request {
			return request{method: "GET", path: "/v1/keys", as: "admin"}
		}},
	}
}

// typicalLooks are of reconcile, on a system that has three licenses of three servers.
func typicalLooks() []operation {
	look := func(token string) request {
		return request{method: "POST", path: "/v1/reconcile", as: "admin", key: token}
	}
	return []operation{
		{"ReconcileFunction", "hold 3 licenses against everything", func(t *testing.T, s *system, token string) request {
			threeOf(t, s, token)
			return look(token)
		}},
		{"ReconcileFunction", "see the findings of a run, none", func(t *testing.T, s *system, token string) request {
			threeOf(t, s, token)
			require.Equal(t, "done", s.send(t, look(token)).text(t, "run", "state"))
			return request{method: "GET", path: "/v1/findings", as: "admin"}
		}},
	}
}

// threeOf issues three subscriptions of a contract of their own and asks what renewing them would do.
func threeOf(t *testing.T, s *system, token string) map[string]any {
	for n := range 3 {
		s.issue(t, with(subscription(fmt.Sprint(token, "-", n)), "contract", "C-"+token))
	}
	return map[string]any{"contract": "C-" + token, "termMonths": 12}
}

func exception(token string) map[string]any {
	return map[string]any{"serverToken": token, "rule": "trial_limit", "reason": "The customer's PBX was replaced during the trial."}
}

func fiveHundred() []map[string]any {
	users := make([]map[string]any, 500)
	for n := range users {
		users[n] = map[string]any{
			"name": fmt.Sprintf("user-%03d@example.com", n), "role": "agent", "lastActiveOn": "2026-01-09",
			"modules": []string{"callRecording", "computerRecording", "agentEvaluation"},
		}
	}
	return users
}

// TestCost_WhatEachOperationUses counts, one call after the other on warm functions, what AWS would charge for. Run it
// with -update after a change that is meant to cost more or less, and read the difference.
func TestCost_WhatEachOperationUses(t *testing.T) {
	s, m := metered(t)
	counted := cost.Calls{}
	routes := map[string]bool{}
	for n, o := range typical() {
		var twice [2]cost.Call
		for round := range twice {
			s, m := s, m
			warm := request{method: "GET", path: "/v1/findings", as: "admin"}
			if o.alone() {
				s, m = metered(t)
			} else {
				warm = o.prepare(t, s, fmt.Sprintf("QMSA-WARM-%02d-%d", n, round))
			}
			require.Less(t, s.send(t, warm).status, 300, o.name)
			twice[round] = s.count(t, m, o, o.prepare(t, s, fmt.Sprintf("QMSA-COST-%02d-%d", n, round)))
		}
		require.Equal(t, twice[0], settled(twice[1], twice[0]), "%s costs the same every time", o.name)
		counted[o.function] = append(counted[o.function], twice[0])
		routes[twice[0].Route] = true
	}
	for _, route := range s.Stack.Application.Routes {
		require.True(t, routes[route.Method+" "+route.Path], "%s %s is not counted: add a typical call", route.Method, route.Path)
	}
	for _, schedule := range s.Stack.Application.Schedules {
		run := func() response {
			require.NoError(t, s.RunSchedule(context.Background(), schedule.Function))
			return response{}
		}
		since := len(s.log.String())
		run() // the sweep's line must not be taken for the next run's; reconcile has its run of the day
		s.logged(t, schedule.Function, since, "")
		call := cost.Call{Operation: "a scheduled run that finds nothing"}
		if schedule.Function == "ReconcileFunction" { // and says nothing
			call = cost.Call{Operation: "an hour in which no run of reconcile is due", Invocations: 1}
		}
		counted[schedule.Function] = append(counted[schedule.Function], s.counting(t, m, schedule.Function, call, run))
	}
	kept := cost.Calls{}
	if text, err := os.ReadFile(callsFile); err == nil {
		require.NoError(t, json.Unmarshal(text, &kept))
	}
	for function, calls := range counted {
		for n := range min(len(calls), len(kept[function])) {
			calls[n] = settled(calls[n], kept[function][n])
		}
	}
	if *update {
		text, err := json.MarshalIndent(counted, "", "  ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(callsFile, append(text, '\n'), 0o644))
		return
	}
	require.Equal(t, kept, counted, "what an operation uses has changed. If that is meant: "+
		"go test ./infra/local/e2e -run TestCost -update, then go test ./infra/cost -update, and commit the difference")
}

// settled takes the earlier figures of stored bytes and of the answer's where the two differ by no more than instants and
// signatures do, which have not always the same length.
func settled(call, earlier cost.Call) cost.Call {
	near := func(a, b, most int) bool { return max(a-b, b-a) <= most }
	if near(call.StoredBytes, earlier.StoredBytes, 64) {
		call.StoredBytes = earlier.StoredBytes
	}
	if near(call.AnswerBytes, earlier.AnswerBytes, 16) {
		call.AnswerBytes = earlier.AnswerBytes
	}
	return call
}

// count makes one call and counts what it uses.
func (s *system) count(t *testing.T, m *meter.Meter, o operation, q request) cost.Call {
	t.Helper()
	call := cost.Call{Operation: o.name, Route: s.routeOf(t, q)}
	if q.body != nil {
		text, err := json.Marshal(q.body)
		require.NoError(t, err)
		call.RequestBytes = len(text)
	}
	return s.counting(t, m, o.function, call, func() response {
		r := s.send(t, q)
		require.Less(t, r.status, 300, string(r.body))
		return r
	})
}

// counting fills in what was used while do ran. Where the invocations are given, the function logs nothing.
func (s *system) counting(t *testing.T, m *meter.Meter, function string, call cost.Call, do func() response) cost.Call {
	t.Helper()
	m.Take()
	logged, stored := len(s.log.String()), s.stored(t)
	answer := do()
	call.AnswerBytes = len(answer.body)
	for _, r := range m.Take() {
		if r.Principal != function || readsKeyTable(r) {
			continue
		}
		if r.Action == "kms:Sign" {
			call.Signatures++
			continue
		}
		call.Requests++
		call.AuditEntries += r.Puts[s.tableOf(t, "AuditTable")]
		for _, c := range r.Consumed {
			call.Reads += c.Reads
			call.Writes += c.Writes
		}
	}
	call.StoredBytes = s.stored(t) - stored
	if call.Invocations == 0 {
		call.Invocations, call.LogBytes = s.logged(t, function, logged, answer.header.Get("Apigw-Requestid"))
	}
	if call.Route != "" {
		call.LogBytes += cost.AccessLine(s.Stack.Application.AccessLog, call.Route)
	}
	return call
}

// readsKeyTable: a warm function reads the key table once a minute, whatever it is called for. That is no part of a call.
func readsKeyTable(r meter.Request) bool {
	return r.Action == "dynamodb:Query" && len(r.Consumed) == 1 && r.Consumed[0].Index == ""
}

func (s *system) tableOf(t *testing.T, logicalID string) string {
	t.Helper()
	for _, table := range s.Stack.Application.Tables {
		if table.LogicalID == logicalID {
			return table.Name
		}
	}
	require.Fail(t, "no table", logicalID)
	return ""
}

// stored is what tables and indexes are charged for: their bytes, and 100 more for each item. DynamoDB Local says of an
// index how large its items are in the table, whatever of them it projects: those are added up here.
func (s *system) stored(t *testing.T) int {
	t.Helper()
	client, sum := dynamodb.Client(s.Stack.DynamoDBEndpoint, gate.AccessKey(gate.Operator)), int64(0)
	for _, table := range s.Stack.Application.Tables {
		out, err := client.DescribeTable(context.Background(), &sdk.DescribeTableInput{TableName: &table.Name})
		require.NoError(t, err)
		sum += *out.Table.TableSizeBytes + 100**out.Table.ItemCount
		for _, index := range out.Table.GlobalSecondaryIndexes {
			sum += s.projected(t, client, table.Name, *index.IndexName) + 100**index.ItemCount
		}
	}
	return int(sum)
}

// projected is the bytes of the names and values in an index, as AWS counts them: of a number about one for two digits.
func (s *system) projected(t *testing.T, client *sdk.Client, table, index string) (sum int64) {
	t.Helper()
	pages := sdk.NewScanPaginator(client, &sdk.ScanInput{TableName: &table, IndexName: &index})
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		require.NoError(t, err)
		for _, item := range page.Items {
			for name, value := range item {
				sum += int64(len(name))
				switch v := value.(type) {
				case *types.AttributeValueMemberS:
					sum += int64(len(v.Value))
				case *types.AttributeValueMemberN:
					sum += int64(len(v.Value)+1)/2 + 1
				default:
					require.Fail(t, "an attribute of another type", "%s: %T", name, value)
				}
			}
		}
	}
	return sum
}

// What differs from run to run in a line of the log, and what it is counted as.
var (
	logTime = regexp.MustCompile(`"time":"[^"]*"`)
	logTook = regexp.MustCompile(`"took":\d+`)
)

// logged waits for the function's line, one for each invocation, and gives their number and bytes. Lines of other
// requests may still be on their way.
func (s *system) logged(t *testing.T, function string, since int, request string) (invocations, size int) {
	t.Helper()
	prefix := ""
	for _, f := range s.Stack.Application.Functions {
		if f.LogicalID == function {
			prefix = f.Name + ": "
		}
	}
	require.Eventually(t, func() bool {
		invocations, size = 0, 0
		for line := range strings.Lines(s.log.String()[since:]) {
			if text, ours := strings.CutPrefix(line, prefix); ours && strings.Contains(text, request) {
				text = logTime.ReplaceAllString(strings.TrimSuffix(text, "\n"), `"time":"2026-11-23T12:00:00.123456789Z"`)
				text = logTook.ReplaceAllString(text, `"took":12345678`)
				invocations, size = invocations+1, size+len(text)
			}
		}
		return invocations > 0
	}, 5*time.Second, 5*time.Millisecond, "%s logs a line", function)
	return invocations, size
}

// routeOf is the template's route of a call; a path without parameters is found before one with.
func (s *system) routeOf(t *testing.T, q request) string {
	t.Helper()
	path, _, _ := strings.Cut(q.path, "?")
	best := ""
	for _, route := range s.Stack.Application.Routes {
		if route.Method == q.method && fits(route.Path, path) && (best == "" || !strings.Contains(route.Path, "{")) {
			best = route.Method + " " + route.Path
		}
	}
	require.NotEmpty(t, best, q.path)
	return best
}
