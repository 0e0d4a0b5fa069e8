package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func wish(token string) map[string]any {
	return map[string]any{"serverToken": token, "rule": "trial_limit", "days": 45, "reason": "their board decides in January"}
}

func (s *system) asked(t *testing.T, as, token string) string {
	t.Helper()
	return s.askException(t, as, wish(token)).text(t, "request", "id")
}

func grant(body map[string]any) request {
	return request{method: "POST", path: "/v1/exceptions", as: "admin", key: fresh("key"), body: body}
}

func TestExceptionRequests_DeclineWithdrawAndWhatBecameOfThem(t *testing.T) {
	s, token := shared, fresh("QMSA-NOT-EXCEPTED")
	declined, withdrawn := s.asked(t, "sales", token), s.asked(t, "support", token)
	for _, as := range []string{"sales", "admin"} {
		r := s.send(t, onExceptionRequest(as, withdrawn, "withdraw", map[string]any{}))
		requireProblem(t, r, 403, "forbidden", "")
		require.Contains(t, r.text(t, "detail"), map[string]string{"sales": "Only support, who made this request, can withdraw it.", "admin": "Ask sales or support or accounting."}[as])
	}
	requireProblem(t, s.send(t, onExceptionRequest("admin", declined, "decline", map[string]any{"reason": " "})), 400, "invalid_request", "/reason")
	conditional := onExceptionRequest("admin", declined, "decline", map[string]any{"reason": "no"})
	conditional.header = map[string]string{"If-Match": `"1"`}
	requireProblem(t, s.send(t, conditional), 400, "invalid_request", "header:If-Match")

	decline := onExceptionRequest("admin", declined, "decline", map[string]any{"reason": "They buy."})
	withdraw := onExceptionRequest("support", strings.ToUpper(withdrawn), "withdraw", map[string]any{"reason": "The server works again."})
	for state, q := range map[string]request{"declined": decline, "withdrawn": withdraw} {
		r := s.send(t, q)
		require.Equal(t, 200, r.status, string(r.body))
		require.Equal(t, `"2"`, r.header.Get("ETag"))
		require.Equal(t, state, r.text(t, "request", "state"))
		require.Equal(t, q.as, r.text(t, "request", state+"By"))
		require.Equal(t, q.body.(map[string]any)["reason"], r.text(t, "request", state+"Reason"))
		again := s.send(t, q)
		require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
		require.Equal(t, string(r.body), string(again.body))
		require.Contains(t, s.ids(t, "admin", "/v1/exception-requests?limit=100&state="+state), r.text(t, "request", "id"))
	}
	require.Contains(t, s.ids(t, "sales", "/v1/exception-requests?limit=100&state=declined"), declined)
	require.NotContains(t, s.ids(t, "sales", "/v1/exception-requests?limit=100&state=withdrawn"), withdrawn, "not their own")

	for id, became := range map[string]string{declined: "was declined by admin on ", withdrawn: "was withdrawn by support on "} {
		r := s.send(t, grant(with(wish(token), "requestId", id)))
		requireProblem(t, r, 409, "request_not_open", "/requestId")
		require.Contains(t, r.text(t, "detail"), became)
		r = s.send(t, onExceptionRequest("admin", id, "decline", map[string]any{"reason": "no"}))
		requireProblem(t, r, 409, "request_not_open", "")
		require.Contains(t, r.text(t, "detail"), became)
	}
	own := s.asked(t, "accounting", token)
	s.grantException(t, with(wish(token), "requestId", own))
	r := s.send(t, onExceptionRequest("accounting", own, "withdraw", map[string]any{}))
	requireProblem(t, r, 409, "request_not_open", "")
	require.Contains(t, r.text(t, "detail"), "was granted by admin on ")
}

func TestExceptions_MoreDaysTakeThePlaceOfFewer(t *testing.T) {
	s, token := shared, fresh("QMSA-MORE-DAYS")
	open := s.grantException(t, map[string]any{"serverToken": token, "rule": "trial_limit", "reason": "one more"})
	tooLong := request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "days", 45)}
	refused := s.send(t, tooLong)
	requireProblem(t, refused, 422, "trial_limit", "/days")
	require.Contains(t, refused.text(t, "detail"), "There is an exception that admin granted on ")
	require.Contains(t, refused.text(t, "detail"), "ask an admin for an exception for 45 days, which then takes its place.")
	require.Equal(t, open.text(t, "exception", "id"), refused.text(t, "params", "exceptionId"))
	require.EqualValues(t, 0, refused.get(t, "params", "exceptionDays"))
	require.Equal(t, map[string]any{"rule": "trial_limit", "serverToken": token, "days": 45.0}, refused.get(t, "params", "ask"))

	longer := s.grantException(t, with(wish(token), "requestId", s.asked(t, "sales", token)))
	require.Equal(t, open.text(t, "exception", "id"), longer.text(t, "exception", "replaces"))
	require.Contains(t, s.ids(t, "admin", "/v1/exceptions?limit=100&state=replaced"), open.text(t, "exception", "id"))
	require.NotContains(t, s.ids(t, "admin", "/v1/exceptions?limit=100"), open.text(t, "exception", "id"))
	second := s.send(t, grant(wish(token)))
	requireProblem(t, second, 409, "exception_exists", "")
	require.EqualValues(t, 45, second.get(t, "params", "days"))
	require.Contains(t, second.text(t, "detail"), "One with more days would take its place.")

	issued := s.send(t, tooLong)
	require.Equal(t, 201, issued.status, string(issued.body))
	told := s.send(t, request{method: "GET", path: "/v1/licenses/" + issued.text(t, "license", "id") + "/history", as: "sales"})
	require.Equal(t, 200, told.status, string(told.body))
	all := ""
	for _, event := range told.get(t, "items").([]any) {
		all += event.(map[string]any)["sentence"].(string) + "\n"
	}
	require.Contains(t, all, "It was allowed by an exception from the limit of trials that admin granted for up to 45 days: their board decides in January.")
	require.Contains(t, all, "It takes the place of the one without days that admin granted on ")
	require.Contains(t, all, "sales (sales) asked an admin for an exception from the limit of trials, for up to 45 days: their board decides in January.")
	s.requireWhole(t, token, 1)
}

// Of as many ends of one request at once as there are callers, one is done.
func TestExceptionRequests_OfManyEndsAtOnceOneCounts(t *testing.T) {
	s, token := shared, fresh("QMSA-64-ENDS")
	id := s.asked(t, "sales", token)
	calls := make([]request, callers())
	for n := range calls {
		calls[n] = onExceptionRequest("admin", id, "decline", map[string]any{"reason": "no"})
		if n%2 == 0 {
			calls[n] = onExceptionRequest("sales", id, "withdraw", map[string]any{})
		}
	}
	require.Equal(t, map[answer]int{{200, ""}: 1, {409, "request_not_open"}: len(calls) - 1}, outcomes(t, s.sendMany(t, calls)))
}
