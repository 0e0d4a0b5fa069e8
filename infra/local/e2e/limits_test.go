package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
)

// emergencies are calls for emergency licenses of one server, each under a key of its own.
func emergencies(token string, n int) []request {
	calls := make([]request, n)
	for i := range calls {
		calls[i] = request{method: "POST", path: "/v1/temporary-licenses", as: "support", key: fresh("key"), body: with(trial(token), "purpose", "emergency", "days", 3)}
	}
	return calls
}

// outcomes counts answers by status and code.
func outcomes(t *testing.T, answers []response) map[answer]int {
	t.Helper()
	counted := map[answer]int{}
	for _, r := range answers {
		got := answer{status: r.status}
		if r.status >= 400 {
			got.code = r.text(t, "code")
		}
		counted[got]++
	}
	return counted
}

func TestLimit_ManyAtOnceGetThree_AndWithAnExceptionOneMore(t *testing.T) {
	s, token := shared, fresh("QMSA-64-LIMIT")
	many := callers()
	require.Equal(t, map[answer]int{{201, ""}: 3, {422, "temporary_limit"}: many - 3}, outcomes(t, s.sendMany(t, emergencies(token, many))))
	s.requireWhole(t, token, 3)
	for range 2 {
		s.grantException(t, map[string]any{"serverToken": token, "rule": "temporary_limit", "reason": "the server room burnt"})
		require.Equal(t, map[answer]int{{201, ""}: 1, {422, "temporary_limit"}: many - 1}, outcomes(t, s.sendMany(t, emergencies(token, many))))
	}
	s.requireWhole(t, token, 5)
}

func TestLimit_TheRefusalSaysWhatWasIssuedAndTheWayOut(t *testing.T) {
	s, token := shared, fresh("QMSA-REFUSED")
	for _, r := range s.sendMany(t, emergencies(token, 3)) {
		require.Equal(t, 201, r.status, string(r.body))
	}
	refused := s.send(t, emergencies(token, 1)[0])
	requireProblem(t, refused, 422, "temporary_limit", "/serverToken")
	issued := refused.get(t, "params", "issued").([]any)
	require.Len(t, issued, 3)
	require.Equal(t, "support", issued[0].(map[string]any)["issuedBy"])
	require.Equal(t, time.Now().UTC().AddDate(0, 0, 90).Format(time.DateOnly), refused.text(t, "params", "possibleOn"))
	require.Contains(t, refused.text(t, "detail"), "ask an admin for an exception from this limit.")
	ask := refused.get(t, "params", "ask").(map[string]any)
	require.Equal(t, map[string]any{"serverToken": token, "rule": "temporary_limit"}, ask)

	asked := s.askException(t, "support", with(ask, "reason", "a fourth outage"))
	id := asked.text(t, "request", "id")
	require.Contains(t, s.ids(t, "support", "/v1/exception-requests?limit=100"), id)
	require.Contains(t, s.ids(t, "admin", "/v1/exception-requests?limit=100"), id)
	require.NotContains(t, s.ids(t, "sales", "/v1/exception-requests?limit=100"), id, "not their own")
	granted := s.grantException(t, map[string]any{"serverToken": " " + token, "rule": "temporary_limit", "reason": "agreed", "requestId": id})
	require.Equal(t, `"1"`, granted.header.Get("ETag"))
	require.Contains(t, s.ids(t, "support", "/v1/exception-requests?state=granted&limit=100"), id)
	exception := granted.text(t, "exception", "id")
	require.Contains(t, s.ids(t, "admin", "/v1/exceptions?limit=100"), exception)
	second := s.send(t, request{method: "POST", path: "/v1/exceptions", as: "admin", key: fresh("key"), body: map[string]any{"serverToken": token, "rule": "temporary_limit", "reason": "again"}})
	requireProblem(t, second, 409, "exception_exists", "")

	fourth := s.send(t, emergencies(token, 1)[0])
	require.Equal(t, 201, fourth.status, string(fourth.body))
	require.Contains(t, s.ids(t, "admin", "/v1/exceptions?state=used&limit=100"), exception)
	record, err := s.Store(gate.Operator).Record(context.Background(), fourth.text(t, "license", "id"))
	require.NoError(t, err)
	require.Equal(t, []string{exception}, record.Uses)
	requireProblem(t, s.send(t, emergencies(token, 1)[0]), 422, "temporary_limit", "")
}

// ids walks through a list, all of its pages.
func (s *system) ids(t *testing.T, as, path string) (all []string) {
	t.Helper()
	for cursor := ""; ; {
		page := s.send(t, request{method: "GET", path: path + "&cursor=" + url.QueryEscape(cursor), as: as})
		require.Equal(t, 200, page.status, string(page.body))
		for _, item := range page.get(t, "items").([]any) {
			all = append(all, item.(map[string]any)["id"].(string))
		}
		next, more := page.get(t, "nextCursor").(string)
		if !more {
			return all
		}
		cursor = next
	}
}

func TestExceptionRequests_ArePagedNewestFirst(t *testing.T) {
	s := shared
	var asked []string
	for range 5 {
		r := s.askException(t, "sales2", map[string]any{"serverToken": fresh("QMSA-PAGED"), "rule": "trial_limit", "reason": "paged"})
		asked = append([]string{r.text(t, "request", "id")}, asked...)
	}
	require.Equal(t, asked, s.ids(t, "sales2", "/v1/exception-requests?limit=2"))
	first := s.send(t, request{method: "GET", path: "/v1/exception-requests?limit=2", as: "sales2"})
	cursor := url.QueryEscape(first.text(t, "nextCursor"))
	requireProblem(t, s.send(t, request{method: "GET", path: "/v1/exception-requests?state=granted&cursor=" + cursor, as: "sales2"}), 400, "invalid_request", "query:cursor")
	for _, state := range []string{"closed", ""} {
		requireProblem(t, s.send(t, request{method: "GET", path: "/v1/exception-requests?state=" + state, as: "sales2"}), 400, "invalid_request", "query:state")
	}
}

func TestQuota_ManyAtOnceByOnePersonGetWhatIsLeftOfTheDay(t *testing.T) {
	s := shared
	const person = "sales2"
	limit, err := strconv.Atoi(s.setting("IssueTemporaryFunction", "LICENSES_PER_PERSON_DAY"))
	require.NoError(t, err)
	count := policy.Policy{LicensesPerPersonDay: limit}.Quota(s.subject(t, person), license.Today(time.Now()))
	s.setCount(t, count.Key, limit-3)
	defer s.setCount(t, count.Key, 0) // for the tests after this one
	calls := make([]request, callers())
	for n := range calls {
		calls[n] = request{method: "POST", path: "/v1/temporary-licenses", as: person, key: fresh("key"), body: trial(fresh("QMSA-64-QUOTA"))}
	}
	answers := s.sendMany(t, calls)
	require.Equal(t, map[answer]int{{201, ""}: 3, {429, "quota_exceeded"}: callers() - 3}, outcomes(t, answers))
	made, err := s.Store(gate.Operator).Count(context.Background(), count.Key)
	require.NoError(t, err)
	require.Equal(t, limit, made)
	for n, r := range answers {
		again := s.send(t, calls[n])
		if r.status == 201 {
			require.Equal(t, string(r.body), string(again.body), "a replay is not counted")
			continue
		}
		wait, err := strconv.Atoi(again.header.Get("Retry-After"))
		require.NoError(t, err)
		require.InDelta(t, 43200, wait, 43200, "until midnight UTC")
		require.EqualValues(t, limit, again.get(t, "params", "made"))
		require.EqualValues(t, wait, again.get(t, "params", "retryAfter"))
		break
	}
	colleague := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: trial(fresh("QMSA-QUOTA"))})
	require.Equal(t, 201, colleague.status, string(colleague.body))
}

// setCount gives a counter a value, as an operator may.
func (s *system) setCount(t *testing.T, key string, value int) {
	t.Helper()
	store := s.Store(gate.Operator)
	now, err := store.Count(context.Background(), key)
	require.NoError(t, err)
	require.NoError(t, store.Commit(context.Background(), ledger.Commit{Counts: []ledger.Count{{Key: key, Add: value - now, Limit: 1 << 30}}}))
}

// subject is who a person is in the tokens.
func (s *system) subject(t *testing.T, username string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(s.token(t, username), ".")[1])
	require.NoError(t, err)
	var claims struct{ Sub string }
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.NotEmpty(t, claims.Sub)
	return claims.Sub
}

// setting is a variable of a function's environment.
func (s *system) setting(function, name string) string {
	for _, f := range s.Stack.Application.Functions {
		if f.LogicalID == function {
			return f.Environment[name]
		}
	}
	return ""
}

// roomy starts a stack whose servers get as many temporary licenses as a test wants.
func roomy(t *testing.T) *system {
	t.Helper()
	s, err := start(t.TempDir(), func(app *template.Application) {
		for _, f := range app.Functions {
			if _, told := f.Environment["TEMPORARY_LICENSES"]; told {
				f.Environment["TEMPORARY_LICENSES"], f.Environment["TRIAL_DAYS_IN_ALL"] = "1000", "100000"
			}
		}
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// TestException_KilledWhileItIsTaken kills the function after the transaction that takes the exception: the same request
// again finishes the license, and the exception has allowed that one.
func TestException_KilledWhileItIsTaken(t *testing.T) {
	s, token := shared, fresh("QMSA-KILLED")
	for _, r := range s.sendMany(t, emergencies(token, 3)) {
		require.Equal(t, 201, r.status, string(r.body))
	}
	s.grantException(t, map[string]any{"serverToken": token, "rule": "temporary_limit", "reason": "killed"})
	defer s.Gate.Disarm()
	require.NoError(t, s.Gate.Arm(gate.Arming{Function: "IssueTemporaryFunction", Action: "dynamodb:TransactWriteItems", When: "after", Do: "kill"}))
	fourth := emergencies(token, 1)[0]
	require.Equal(t, 500, s.send(t, fourth).status)
	s.Gate.Disarm()
	refused := s.send(t, emergencies(token, 1)[0]) // finishes the fourth first
	requireProblem(t, refused, 422, "temporary_limit", "")
	require.Len(t, refused.get(t, "params", "issued"), 4)
	again := s.send(t, fourth)
	require.Equal(t, 201, again.status, string(again.body))
	s.requireWhole(t, token, 4)
}
