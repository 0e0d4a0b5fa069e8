package e2e_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// licenseRequest is a body that asks for what permanent(token) or subscription(token) sells.
func licenseRequest(sale map[string]any) map[string]any {
	return with(sale, "conditions", nil, "termMonths", nil, "note", "They go live on Monday.")
}

// ask makes a request and returns its id.
func (s *system) ask(t testing.TB, as string, body map[string]any) string {
	t.Helper()
	r := s.send(t, request{method: "POST", path: "/v1/license-requests", as: as, key: fresh("key"), body: body})
	require.Equal(t, 201, r.status, string(r.body))
	id := r.text(t, "request", "id")
	require.Equal(t, "/v1/license-requests/"+id, r.header.Get("Location"))
	require.Equal(t, `"1"`, r.header.Get("ETag"))
	return id
}

// onRequest is a change of a request: conditions, decline or withdraw.
func onRequest(as, id, what string, body any) request {
	return request{method: "POST", path: "/v1/license-requests/" + id + "/" + what, as: as, key: fresh("key"), body: body}
}

func metConditions(names ...string) map[string]any {
	conditions := []map[string]string{}
	for _, name := range names {
		conditions = append(conditions, map[string]string{"name": name, "metOn": "2026-01-02", "evidence": "E-" + name})
	}
	return map[string]any{"conditions": conditions}
}

var allConditions = []string{"contract-signed", "payment-received", "quantities-match", "customer-name-matches"}

func (s *system) shown(t testing.TB, as, id string) response {
	t.Helper()
	r := s.send(t, request{method: "GET", path: "/v1/license-requests/" + id, as: as})
	require.Equal(t, 200, r.status, string(r.body))
	return r
}

// listed reads a list of requests to its end and returns the ids of those of a server.
func (s *system) listed(t testing.TB, as, state, token string, limit string) (ids []string) {
	t.Helper()
	for cursor := ""; ; {
		query := url.Values{"limit": {limit}}
		if state != "" {
			query.Set("state", state)
		}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		page := s.send(t, request{method: "GET", path: "/v1/license-requests?" + query.Encode(), as: as})
		require.Equal(t, 200, page.status, string(page.body))
		for _, item := range page.get(t, "items").([]any) {
			if r := item.(map[string]any); r["serverToken"] == token {
				ids = append(ids, r["id"].(string))
			}
		}
		var more bool
		if cursor, more = page.get(t, "nextCursor").(string); !more {
			return ids
		}
	}
}

func TestRequests_SalesAsksAndAccountingIssues(t *testing.T) {
	s, token := shared, fresh("QMSA-REQUEST")
	id := s.ask(t, "sales", licenseRequest(permanent(" "+strings.ToLower(token))))
	require.Equal(t, []string{id}, s.listed(t, "accounting", "open", token, "100"), "accounting sees it in the queue")

	issue := request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: map[string]any{"requestId": id}}
	for n, name := range allConditions {
		refused := s.send(t, issue)
		requireProblem(t, refused, 422, "conditions_not_met", "/requestId")
		var missing []string
		for _, m := range refused.get(t, "params", "missing").([]any) {
			missing = append(missing, m.(string))
		}
		require.Equal(t, allConditions[n:], missing)
		r := s.send(t, onRequest("accounting", id, "conditions", metConditions(name)))
		require.Equal(t, 200, r.status, string(r.body))
		require.EqualValues(t, n+2, r.get(t, "request", "version"))
		require.Len(t, r.get(t, "request", "missing"), len(allConditions)-n-1)
	}
	requireProblem(t, s.send(t, request{method: "POST", path: "/v1/licenses", as: "sales", key: fresh("key"), body: issue.body}), 403, "forbidden", "")
	wrong := issue
	wrong.key, wrong.body = fresh("key"), map[string]any{"requestId": id, "customer": "Southwind", "order": "O-1"}
	r := s.send(t, wrong)
	requireProblem(t, r, 400, "invalid_request", "/customer")
	requireProblem(t, r, 400, "invalid_request", "/order")
	wrong.body = with(permanent(token), "requestId", id)
	requireProblem(t, s.send(t, wrong), 400, "invalid_request", "/conditions")

	bought := s.send(t, issue)
	require.Equal(t, 201, bought.status, string(bought.body))
	require.Equal(t, token, bought.text(t, "license", "serverToken"))
	require.Equal(t, "O-7781", bought.text(t, "license", "order"))
	require.Equal(t, true, s.validate(t, bought.text(t, "license", "licenseKey")).get(t, "valid"))
	again := s.send(t, issue)
	require.Equal(t, string(bought.body), string(again.body))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))

	seen := s.shown(t, "sales", id)
	require.Equal(t, "issued", seen.text(t, "request", "state"))
	require.Equal(t, bought.text(t, "license", "id"), seen.text(t, "request", "licenseId"))
	require.Equal(t, "accounting", seen.text(t, "request", "issuedBy"))
	require.NotContains(t, string(seen.body), "ubject", "persons are shown by name alone")
	require.NotContains(t, string(seen.body), "requestedBySub")
	require.Empty(t, s.listed(t, "sales", "open", token, "100"))
	require.Equal(t, []string{id}, s.listed(t, "sales", "issued", token, "100"))
	record, err := s.Store(gate.Operator).Record(context.Background(), bought.text(t, "license", "id"))
	require.NoError(t, err)
	require.Equal(t, id, record.RequestID)
	require.Equal(t, allConditions, conditionNames(record.Conditions))

	second := s.send(t, request{method: "POST", path: "/v1/licenses", as: "accounting2", key: fresh("key"), body: map[string]any{"requestId": id}})
	requireProblem(t, second, 409, "request_not_open", "/requestId")
	require.Equal(t, bought.text(t, "license", "id"), second.text(t, "params", "licenseId"))
	s.requireWhole(t, token, 1)
}

func conditionNames(conditions []ledger.Condition) (names []string) {
	for _, c := range conditions {
		names = append(names, c.Name)
	}
	return names
}

func TestRequests_ASubscriptionThatReplacesALicense(t *testing.T) {
	s, token := shared, fresh("QMSA-REQUEST-SUB")
	sold := s.issue(t, permanent(token))
	id := s.ask(t, "sales", with(licenseRequest(subscription(token)), "replaces", sold.text(t, "license", "id")))
	issue := request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: map[string]any{"requestId": id, "termMonths": 12}}
	requireProblem(t, s.send(t, issue), 428, "if_match_required", "")
	requireProblem(t, s.send(t, onRequest("accounting", id, "conditions", metConditions("contract-signed"))), 400, "invalid_request", "/conditions")
	issue.ifMatch = sold.header.Get("ETag")
	r := s.send(t, issue)
	require.Equal(t, 201, r.status, string(r.body))
	require.Equal(t, "C-2041", r.text(t, "license", "contract"))
	require.Equal(t, sold.text(t, "license", "id"), r.text(t, "license", "supersedes"))
}

func TestRequests_DeclineWithdrawAndWhatBecameOfThem(t *testing.T) {
	s, token := shared, fresh("QMSA-REQUEST-END")
	declined, withdrawn := s.ask(t, "sales", licenseRequest(permanent(token))), s.ask(t, "sales2", licenseRequest(subscription(token)))
	requireProblem(t, s.send(t, onRequest("sales", declined, "decline", map[string]any{"reason": "x"})), 403, "forbidden", "")
	requireProblem(t, s.send(t, onRequest("accounting", declined, "decline", map[string]any{})), 400, "invalid_request", "/reason")
	r := s.send(t, onRequest("accounting", declined, "decline", map[string]any{"reason": "The order is for 40."}))
	require.Equal(t, 200, r.status, string(r.body))
	require.Equal(t, "declined", r.text(t, "request", "state"))

	for _, as := range []string{"sales", "accounting"} {
		r = s.send(t, onRequest(as, withdrawn, "withdraw", map[string]any{}))
		requireProblem(t, r, 403, "forbidden", "")
		require.Equal(t, "sales2", r.text(t, "params", "requestedBy"))
	}
	withdrawal := onRequest("sales2", withdrawn, "withdraw", map[string]any{"reason": "The customer thinks again."})
	r = s.send(t, withdrawal)
	require.Equal(t, 200, r.status, string(r.body))
	require.Equal(t, "The customer thinks again.", r.text(t, "request", "withdrawnReason"))
	again := s.send(t, withdrawal)
	require.Equal(t, string(r.body), string(again.body))
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))

	for id, words := range map[string]string{declined: "was declined by accounting on ", withdrawn: "was withdrawn by sales2 on "} {
		for _, q := range []request{
			onRequest("accounting", id, "conditions", metConditions("contract-signed")), onRequest("accounting", id, "decline", map[string]any{"reason": "x"}),
			{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: map[string]any{"requestId": id}},
		} {
			if id == withdrawn && strings.HasSuffix(q.path, "/licenses") {
				q.body = map[string]any{"requestId": id, "termMonths": 12}
			}
			r := s.send(t, q)
			requireProblem(t, r, 409, "request_not_open", "")
			require.Contains(t, r.text(t, "detail"), words)
		}
	}
	require.Equal(t, []string{withdrawn, declined}, s.listed(t, "admin", "", token, "2"), "all states, newest first")
	s.requireWhole(t, token, 0)
}

func TestRequests_TheQueueIsPaged(t *testing.T) {
	s, token := shared, fresh("QMSA-REQUEST-PAGES")
	var ids []string
	for range 4 {
		ids = append(ids, s.ask(t, "sales", licenseRequest(subscription(token))))
	}
	require.Equal(t, ids, s.listed(t, "accounting", "open", token, "1"), "oldest first")
	page := s.send(t, request{method: "GET", path: "/v1/license-requests?state=open&limit=1", as: "sales"})
	cursor := page.text(t, "nextCursor")
	for _, query := range []string{"state=declined&cursor=" + cursor, "state=open&cursor=" + cursor[1:], "state=open&cursor=AAAA"} {
		requireProblem(t, s.send(t, request{method: "GET", path: "/v1/license-requests?" + query, as: "sales"}), 400, "invalid_request", "query:cursor")
	}
}

func TestRequests_BadInput(t *testing.T) {
	s, token := shared, fresh("QMSA-REQUEST-BAD")
	ask := func(body any) request {
		return request{method: "POST", path: "/v1/license-requests", as: "sales", key: fresh("key"), body: body}
	}
	good := licenseRequest(permanent(token))
	id := s.ask(t, "accounting", good)
	none := strings.Repeat("0", 32)
	condition := func(changes ...any) any {
		return map[string]any{"conditions": []any{with(map[string]any{"name": "contract-signed", "metOn": "2026-01-02", "evidence": "e"}, changes...)}}
	}
	ifMatch := onRequest("accounting", id, "decline", map[string]any{"reason": "x"})
	ifMatch.ifMatch = `"1"`
	for name, c := range map[string]struct {
		call    request
		status  int
		code    string
		pointer string
	}{
		"a term":                    {ask(with(good, "termMonths", 12)), 400, "invalid_request", "/termMonths"},
		"no order":                  {ask(with(good, "order", nil)), 400, "invalid_request", "/order"},
		"an empty contract":         {ask(with(good, "contract", "")), 400, "invalid_request", "/contract"},
		"a temporary license":       {ask(with(good, "type", "temporary")), 400, "invalid_request", "/type"},
		"no seats":                  {ask(with(good, "modules", map[string]int{})), 422, "module_dependency", "/modules/callRecording"},
		"replaces nothing":          {ask(with(good, "replaces", none)), 404, "license_not_found", "/replaces"},
		"no Idempotency-Key":        {request{method: "POST", path: "/v1/license-requests", as: "sales", body: good}, 400, "invalid_request", "header:Idempotency-Key"},
		"an unknown state":          {request{method: "GET", path: "/v1/license-requests?state=lost", as: "sales"}, 400, "invalid_request", "query:state"},
		"an empty state":            {request{method: "GET", path: "/v1/license-requests?state=", as: "sales"}, 400, "invalid_request", "query:state"},
		"a limit of 101":            {request{method: "GET", path: "/v1/license-requests?limit=101", as: "sales"}, 400, "invalid_request", "query:limit"},
		"a request not made":        {request{method: "GET", path: "/v1/license-requests/" + none, as: "sales"}, 404, "request_not_found", "path:id"},
		"no id":                     {request{method: "GET", path: "/v1/license-requests/none", as: "sales"}, 404, "request_not_found", "path:id"},
		"declining nothing":         {onRequest("accounting", none, "decline", map[string]any{"reason": "x"}), 404, "request_not_found", "path:id"},
		"withdrawing nothing":       {onRequest("sales", none, "withdraw", map[string]any{}), 404, "request_not_found", "path:id"},
		"conditions of nothing":     {onRequest("accounting", none, "conditions", condition()), 404, "request_not_found", "path:id"},
		"no conditions":             {onRequest("accounting", id, "conditions", map[string]any{"conditions": []int{}}), 400, "invalid_request", "/conditions"},
		"an unknown condition":      {onRequest("accounting", id, "conditions", condition("name", "full-moon")), 400, "invalid_request", "/conditions/0/name"},
		"a condition met tomorrow":  {onRequest("accounting", id, "conditions", condition("metOn", time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly))), 400, "invalid_request", "/conditions/0/metOn"},
		"no evidence":               {onRequest("accounting", id, "conditions", condition("evidence", " ")), 400, "invalid_request", "/conditions/0/evidence"},
		"If-Match":                  {ifMatch, 400, "invalid_request", "header:If-Match"},
		"issuing from nothing":      {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: map[string]any{"requestId": none}}, 404, "request_not_found", "/requestId"},
		"an empty requestId":        {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: with(permanent(token), "requestId", "")}, 400, "invalid_request", "/requestId"},
		"issuing one's own request": {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: map[string]any{"requestId": id}}, 422, "own_request", "/requestId"},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, s.send(t, c.call), c.status, c.code, c.pointer)
		})
	}
	for what, may := range map[string]string{"": "sales accounting", "/" + id + "/conditions": "accounting", "/" + id + "/decline": "accounting", "/" + id + "/withdraw": "sales accounting"} {
		for _, as := range []string{"sales", "support", "accounting", "admin"} {
			r := s.send(t, request{method: "POST", path: "/v1/license-requests" + what, as: as, key: fresh("key"), body: "{"})
			if strings.Contains(may, as) {
				requireProblem(t, r, 400, "invalid_request", "")
			} else {
				requireProblem(t, r, 403, "forbidden", "")
			}
		}
	}
	for _, path := range []string{"/v1/license-requests", "/v1/license-requests/" + id} {
		for as, status := range map[string]int{"sales": 200, "support": 403, "accounting": 200, "admin": 200, "nobody": 403, "": 401} {
			require.Equal(t, status, s.send(t, request{method: "GET", path: path, as: as}).status, "%s as %q", path, as)
		}
	}
	require.EqualValues(t, 1, s.shown(t, "sales", id).get(t, "request", "version"), "nothing of this changed it")
}

func TestRequests_ManyAtOnce(t *testing.T) {
	s, token := shared, fresh("QMSA-REQUEST-RACE")
	id := s.ask(t, "sales", licenseRequest(permanent(token)))
	calls := make([]request, 16)
	for n := range calls {
		as := []string{"accounting", "accounting2"}[n%2]
		calls[n] = onRequest(as, id, "conditions", metConditions(allConditions[n%4]))
	}
	for _, r := range s.sendMany(t, calls) {
		require.Equal(t, 200, r.status, string(r.body))
	}
	seen := s.shown(t, "sales", id)
	require.EqualValues(t, 17, seen.get(t, "request", "version"), "each of them counted")
	require.Empty(t, seen.get(t, "request", "missing"))

	for n := range calls {
		calls[n] = request{method: "POST", path: "/v1/licenses", as: calls[n].as, key: fresh("key"), body: map[string]any{"requestId": id}}
	}
	statuses := map[int]int{}
	answers := s.sendMany(t, calls)
	answer := s.shown(t, "sales", id).text(t, "request", "licenseId")
	for _, r := range answers {
		statuses[r.status]++
		if r.status == 201 {
			require.Equal(t, answer, r.text(t, "license", "id"))
		} else {
			requireProblem(t, r, 409, "request_not_open", "/requestId")
			require.Equal(t, answer, r.text(t, "params", "licenseId"))
		}
	}
	require.Equal(t, map[int]int{201: 1, 409: 15}, statuses)
	s.requireWhole(t, token, 1)
}

func TestRequests_TheIssuerIsKilledAfterItsIntent(t *testing.T) {
	s, token := shared, fresh("QMSA-REQUEST-KILL")
	id := s.ask(t, "sales", licenseRequest(permanent(token)))
	require.Equal(t, 200, s.send(t, onRequest("accounting", id, "conditions", metConditions(allConditions...))).status)
	defer s.Gate.Disarm()
	require.NoError(t, s.Gate.Arm(gate.Arming{Function: "IssueFunction", Action: "dynamodb:TransactWriteItems", When: "after", Do: "kill"}))
	q := request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: map[string]any{"requestId": id}}
	require.Equal(t, 500, s.send(t, q).status)
	s.Gate.Disarm()
	pending := s.shown(t, "sales", id).text(t, "request", "licenseId")
	requireProblem(t, s.send(t, onRequest("sales", id, "withdraw", map[string]any{})), 409, "request_not_open", "")
	other := q
	other.as, other.key = "accounting2", fresh("key")
	r := s.send(t, other)
	requireProblem(t, r, 409, "request_not_open", "/requestId")
	require.Equal(t, pending, r.text(t, "params", "licenseId"))
	finished := s.send(t, q)
	require.Equal(t, 201, finished.status, string(finished.body))
	require.Equal(t, pending, finished.text(t, "license", "id"))
	s.requireWhole(t, token, 1)
}

// TestRequests_WhereTheyAreObligatory is the parameter RequireLicenseRequest.
func TestRequests_WhereTheyAreObligatory(t *testing.T) {
	s, err := startWith(t.TempDir(), map[string]string{"RequireLicenseRequest": "true"}, nil)
	require.NoError(t, err)
	defer s.Close()
	token := "QMSA-REQUEST-ONLY"
	direct := request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: permanent(token)}
	requireProblem(t, s.send(t, direct), 422, "request_required", "/requestId")
	s.issue(t, subscription("QMSA-SUBSCRIPTION"))
	id := s.ask(t, "sales", licenseRequest(permanent(token)))
	require.Equal(t, 200, s.send(t, onRequest("accounting", id, "conditions", metConditions(allConditions...))).status)
	r := s.send(t, request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: map[string]any{"requestId": id}})
	require.Equal(t, 201, r.status, string(r.body))

	store := s.Store(gate.Operator)
	server, err := store.Server(context.Background(), license.ServerToken(token))
	require.NoError(t, err)
	require.Equal(t, 4, server.ChainLength, "asked, conditions, intent, issued")
	document, found, err := store.Document(context.Background(), "license-request", id)
	require.NoError(t, err)
	require.True(t, found)
	var body struct {
		RequestedBySub string
	}
	require.NoError(t, json.Unmarshal(document.Body, &body))
	require.Len(t, body.RequestedBySub, 36, "who asked is told apart by sub")
}
