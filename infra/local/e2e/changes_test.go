package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
)

// change asks for a change of the license of an answer: amend, correct or revoke.
func change(t testing.TB, issued response, what string, body any) request {
	t.Helper()
	return request{
		method: "POST", path: "/v1/licenses/" + issued.text(t, "license", "id") + "/" + what, as: "accounting", key: fresh("key"),
		ifMatch: issued.header.Get("ETag"), body: body,
	}
}

// made sends a write twice: the second answer is the first, byte for byte.
func (s *system) made(t *testing.T, q request, status int) response {
	t.Helper()
	first := s.send(t, q)
	require.Equal(t, status, first.status, string(first.body))
	require.Empty(t, first.header.Get("Idempotency-Replayed"))
	again := s.send(t, q)
	require.Equal(t, status, again.status)
	require.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	require.Equal(t, string(first.body), string(again.body))
	require.Equal(t, first.header.Get("ETag"), again.header.Get("ETag"))
	require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
	return first
}

func (s *system) show(t *testing.T, issued response) response {
	t.Helper()
	r := s.send(t, request{method: "GET", path: "/v1/licenses/" + issued.text(t, "license", "id"), as: "sales"})
	require.Equal(t, 200, r.status, string(r.body))
	return r
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

func TestAmend_TheDryRunIsTheAnswer(t *testing.T) {
	for name, body := range map[string]func(string) map[string]any{"subscription": subscription, "permanent": permanent} {
		t.Run(name, func(t *testing.T) {
			s, token := shared, fresh("QMSA-AMEND")
			sold := s.issue(t, body(token))
			q := change(t, sold, "amend", map[string]any{"modules": map[string]int{"qmsSuite": 40, "callRecording": 35}, "note": "Ten fewer", "dryRun": true})
			dry := s.send(t, q)
			require.Equal(t, 200, dry.status, string(dry.body))
			require.Equal(t, `"1"`, s.show(t, sold).header.Get("ETag"), "nothing was written")
			s.requireWhole(t, token, 1)

			q.body = with(q.body.(map[string]any), "dryRun", nil)
			amended := s.made(t, q, 201) // the dry run did not use the key up
			require.Equal(t, asText(t, dry.get(t, "changes")), asText(t, amended.get(t, "changes")))
			for member, value := range dry.get(t, "preview").(map[string]any) {
				require.Equal(t, value, amended.get(t, "license", member), member)
			}
			for _, member := range []string{"startsOn", "expiresOn", "type", "customer", "contract", "order", "lineageId"} {
				require.Equal(t, sold.get(t, "license", member), amended.get(t, "license", member), member)
			}
			require.Equal(t, sold.text(t, "license", "id"), amended.text(t, "previousLicenseId"))
			require.Len(t, amended.get(t, "changes", "warnings"), 2, "Call Recording grows, the others shrink")
			require.Equal(t, "superseded", s.show(t, sold).text(t, "license", "status"))
			got := s.retrieve(t, token)
			require.Equal(t, amended.text(t, "license", "licenseKey"), got.text(t, "license", "licenseKey"))
			require.Equal(t, true, s.validate(t, got.text(t, "license", "licenseKey")).get(t, "valid"))
			s.requireWhole(t, token, 2)
		})
	}
}

func TestRenew_OtherModulesSayWhatChanges(t *testing.T) {
	s := shared
	sold := s.issue(t, subscription(fresh("QMSA-RENEW-LESS")))
	q := renewal(t, sold, fresh("key"))
	q.body = with(q.body.(map[string]any), "modules", map[string]int{"qmsSuite": 50})
	renewed := s.made(t, q, 201)
	require.EqualValues(t, 70, renewed.get(t, "changes", "seats", "before", "callRecording"))
	require.EqualValues(t, 50, renewed.get(t, "changes", "seats", "after", "callRecording"))
	require.Len(t, renewed.get(t, "changes", "warnings"), 1)
	require.Nil(t, s.made(t, renewal(t, renewed, fresh("key")), 201).get(t, "changes"))
}

func TestConvert_ATrialInOneStep(t *testing.T) {
	s, token := shared, fresh("QMSA-CONVERT")
	tried := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: trial(token)})
	require.Equal(t, 201, tried.status, string(tried.body))
	convert := func(body map[string]any) request {
		return request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: with(body, "convertsTrial", tried.text(t, "license", "id"))}
	}
	requireProblem(t, s.send(t, convert(subscription(fresh("QMSA-ANOTHER")))), 400, "invalid_request", "/serverToken")
	requireProblem(t, s.send(t, convert(with(subscription(token), "modules", map[string]int{}))), 422, "module_dependency", "/modules/callRecording")
	none := convert(subscription(token))
	none.body = with(none.body.(map[string]any), "convertsTrial", strings.Repeat("0", 32))
	requireProblem(t, s.send(t, none), 404, "license_not_found", "/convertsTrial")

	sold := s.made(t, convert(with(subscription(token), "serverToken", nil, "customer", nil, "modules", nil)), 201)
	for _, member := range []string{"serverToken", "customer", "modules", "seats"} {
		require.Equal(t, tried.get(t, "license", member), sold.get(t, "license", member), member)
	}
	require.NotEqual(t, tried.get(t, "license", "lineageId"), sold.get(t, "license", "lineageId"))
	require.Equal(t, sold.text(t, "license", "id"), s.show(t, tried).text(t, "license", "supersededBy"))
	s.requireWhole(t, token, 2)
}

func TestCorrect_TheWrongLicenseIsRevoked(t *testing.T) {
	s, token := shared, fresh("QMSA-CORRECT")
	sold := s.issue(t, permanent(token))
	right := s.made(t, change(t, sold, "correct", map[string]any{"reason": "The order was misread.", "customer": "Lakeshore Telecare", "order": "O-7782", "modules": map[string]int{"qmsSuite": 50}}), 201)
	require.Equal(t, "Lakeshore Telecare", right.text(t, "license", "customer"))
	require.Equal(t, "O-7782", right.text(t, "license", "order"))
	require.Equal(t, sold.text(t, "license", "id"), right.text(t, "previousLicenseId"))
	require.Contains(t, right.text(t, "notice"), "keeps working offline")
	require.EqualValues(t, 50, right.get(t, "changes", "seats", "after", "callRecording"))
	wrong := s.show(t, sold)
	require.Equal(t, "revoked", wrong.text(t, "license", "status"))
	require.Equal(t, right.text(t, "license", "id"), wrong.text(t, "license", "supersededBy"))
	s.requireRevoked(t, sold)
	require.Equal(t, right.text(t, "license", "licenseKey"), s.retrieve(t, token).text(t, "license", "licenseKey"))
	s.requireWhole(t, token, 2)
}

// requireRevoked asks validate of a license that was taken back.
func (s *system) requireRevoked(t *testing.T, issued response) {
	t.Helper()
	verdict := s.validate(t, issued.text(t, "license", "licenseKey"))
	require.Equal(t, []string{"revoked"}, codesOf(t, verdict))
	require.Equal(t, true, verdict.get(t, "loads"))
	require.Equal(t, false, verdict.get(t, "valid"))
	require.Contains(t, string(verdict.body), "A copy already loaded keeps working offline.")
}

func TestCorrect_AnotherServerToken(t *testing.T) {
	s, wrong, right := shared, fresh("QMSA-CORRECT-FROM"), fresh("QMSA-CORRECT-TO")
	sold := s.issue(t, subscription(wrong))
	moved := s.made(t, change(t, sold, "correct", map[string]any{"reason": "The servers were mixed up.", "serverToken": " " + strings.ToLower(right)}), 201)
	require.Equal(t, right, moved.text(t, "license", "serverToken"))
	require.EqualValues(t, 1, moved.get(t, "license", "sequence"))
	require.Nil(t, moved.get(t, "changes"))
	requireProblem(t, s.retrieve(t, wrong), 404, "license_not_found", "path:serverToken")
	require.Equal(t, moved.text(t, "license", "licenseKey"), s.retrieve(t, right).text(t, "license", "licenseKey"))
	s.requireRevoked(t, sold)
	s.requireWhole(t, wrong, 1)
	s.requireWhole(t, right, 1)
	require.EqualValues(t, 2, s.issue(t, subscription(wrong)).get(t, "license", "sequence"), "the slot is free")
}

func TestCorrect_AServerThatIsTaken(t *testing.T) {
	s, theirs := shared, fresh("QMSA-THEIRS")
	sold := s.issue(t, subscription(fresh("QMSA-OURS")))
	q := change(t, sold, "correct", map[string]any{"reason": "The servers were mixed up.", "serverToken": theirs})
	tried := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(theirs), "customer", "Lakeshore Telecare")})
	require.Equal(t, 201, tried.status, string(tried.body))
	r := s.send(t, q)
	requireProblem(t, r, 409, "other_customer", "/serverToken")
	require.Equal(t, "Northwind Call Centers", r.text(t, "params", "customer"))
	require.Equal(t, "Lakeshore Telecare", r.text(t, "params", "otherCustomer"))
	base := s.issue(t, with(subscription(theirs), "customer", "Lakeshore Telecare"))
	r = s.send(t, q)
	requireProblem(t, r, 409, "other_customer", "/serverToken")
	require.Equal(t, base.text(t, "license", "id"), r.text(t, "params", "licenseId"))
	q = change(t, sold, "correct", map[string]any{"reason": "Servers and customers were mixed up.", "serverToken": theirs, "customer": "LAKESHORE Telecare, Inc."})
	r = s.send(t, q)
	requireProblem(t, r, 409, "base_license_exists", "/serverToken")
	require.Equal(t, base.text(t, "license", "id"), r.text(t, "params", "licenseId"))
}

// TestCorrect_KilledAroundItsTransactions kills the function before and after each transaction of a correction that
// concerns two servers; the retry gets the one license.
func TestCorrect_KilledAroundItsTransactions(t *testing.T) {
	s := shared
	for _, when := range []string{"before", "after"} {
		for nth := 1; nth <= 2; nth++ {
			t.Run(fmt.Sprint(when, " ", nth), func(t *testing.T) {
				wrong, right := fresh("QMSA-KILL-FROM"), fresh("QMSA-KILL-TO")
				sold := s.issue(t, subscription(wrong))
				defer s.Gate.Disarm()
				require.NoError(t, s.Gate.Arm(gate.Arming{Function: "AmendFunction", Action: "dynamodb:TransactWriteItems", Nth: nth, When: when, Do: "kill"}))
				q := change(t, sold, "correct", map[string]any{"reason": "The servers were mixed up.", "serverToken": right})
				require.Equal(t, 500, s.send(t, q).status, "the function is gone")
				s.Gate.Disarm()
				again := s.send(t, q)
				require.Equal(t, 201, again.status, string(again.body))
				require.Equal(t, "revoked", s.show(t, sold).text(t, "license", "status"))
				require.Equal(t, again.text(t, "license", "licenseKey"), s.retrieve(t, right).text(t, "license", "licenseKey"))
				s.requireWhole(t, wrong, 1)
				s.requireWhole(t, right, 1)
			})
		}
	}
}

func TestRevoke_StopsRetrieval(t *testing.T) {
	for _, as := range []string{"accounting", "admin"} {
		s, token := shared, fresh("QMSA-REVOKE")
		sold := s.issue(t, subscription(token))
		q := change(t, sold, "revoke", map[string]any{"reason": "The contract was cancelled."})
		q.as = as
		revoked := s.made(t, q, 200)
		require.Equal(t, "revoked", revoked.text(t, "license", "status"))
		require.Equal(t, `"2"`, revoked.header.Get("ETag"))
		require.Empty(t, revoked.header.Get("Location"), "no license was made")
		require.Contains(t, revoked.text(t, "notice"), "keeps working offline until its expiration date")
		requireProblem(t, s.retrieve(t, token), 404, "license_not_found", "path:serverToken")
		s.requireRevoked(t, sold)
		q.key, q.ifMatch = fresh("key"), `"2"`
		requireProblem(t, s.send(t, q), 409, "not_current", "")
		require.EqualValues(t, 2, s.issue(t, subscription(token)).get(t, "license", "sequence"))
	}
}

// TestExactlyOnce_ARenewalAndAnAmendmentAtOnce: one of all wins, and every other one is told who did what.
func TestExactlyOnce_ARenewalAndAnAmendmentAtOnce(t *testing.T) {
	s, token := shared, fresh("QMSA-64-BOTH")
	sold := s.issue(t, subscription(token))
	var calls []request
	for range callers() {
		calls = append(calls, renewal(t, sold, fresh("key")), change(t, sold, "amend", map[string]any{"modules": map[string]int{"qmsSuite": 60}}))
	}
	statuses := map[int]int{}
	for _, r := range s.sendMany(t, calls) {
		statuses[r.status]++
		if r.status == 412 {
			require.Equal(t, "version_conflict", r.text(t, "code"))
			require.Contains(t, []string{"renewed", "amended"}, r.text(t, "params", "change"))
		}
	}
	require.Equal(t, map[int]int{201: 1, 412: 2*callers() - 1}, statuses)
	s.requireWhole(t, token, 2)
}

func TestChanges_RefusalsHaveTheirPointer(t *testing.T) {
	s := shared
	sold := s.issue(t, subscription(fresh("QMSA-CHANGES")))
	bought := s.issue(t, permanent(fresh("QMSA-CHANGES")))
	tried := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: trial(fresh("QMSA-CHANGES"))})
	modules := func(v any) map[string]any { return map[string]any{"modules": v} }
	correct := func(member string, value any) map[string]any {
		return map[string]any{"reason": "A mistake.", member: value}
	}
	for name, c := range map[string]struct {
		of      response
		what    string
		body    any
		status  int
		code    string
		pointer string
	}{
		"amend: an unknown member":             {sold, "amend", map[string]any{"termMonths": 1}, 400, "invalid_request", "/termMonths"},
		"amend: no body":                       {sold, "amend", " ", 400, "invalid_request", ""},
		"amend: no modules":                    {sold, "amend", map[string]any{}, 400, "invalid_request", "/modules"},
		"amend: no seats":                      {sold, "amend", modules(map[string]int{}), 422, "module_dependency", "/modules/callRecording"},
		"amend: null":                          {sold, "amend", modules(nil), 400, "invalid_request", "/modules"},
		"amend: a fraction":                    {sold, "amend", modules(map[string]any{"qmsSuite": 1.5}), 400, "invalid_request", "/modules/qmsSuite"},
		"amend: a missing prerequisite":        {sold, "amend", modules(map[string]int{"callRecording": 1, "agentEvaluation": 2}), 422, "module_dependency", "/modules/agentEvaluation"},
		"amend: the same modules":              {sold, "amend", modules(map[string]int{"qmsSuite": 50, "callRecording": 20}), 400, "invalid_request", "/modules"},
		"amend: a long note":                   {sold, "amend", map[string]any{"modules": map[string]int{"qmsSuite": 1}, "note": strings.Repeat("n", 2001)}, 400, "invalid_request", "/note"},
		"amend: dryRun is no text":             {sold, "amend", map[string]any{"modules": map[string]int{"qmsSuite": 1}, "dryRun": "yes"}, 400, "invalid_request", "/dryRun"},
		"amend: a dry run of the same modules": {sold, "amend", map[string]any{"modules": map[string]int{"qmsSuite": 50, "callRecording": 20}, "dryRun": true}, 400, "invalid_request", "/modules"},
		"amend: a temporary license":           {tried, "amend", modules(map[string]int{"qmsSuite": 1}), 422, "not_amendable", ""},
		"correct: a temporary license":         {tried, "correct", correct("customer", "A"), 422, "not_correctable", ""},
		"correct: no reason":                   {sold, "correct", map[string]any{"customer": "A"}, 400, "invalid_request", "/reason"},
		"correct: an empty customer":           {sold, "correct", correct("customer", " "), 400, "invalid_request", "/customer"},
		"correct: a malformed Server Token":    {sold, "correct", correct("serverToken", "Q%"), 400, "invalid_request", "/serverToken"},
		"correct: nothing differs":             {sold, "correct", correct("contract", "C-2041"), 400, "invalid_request", ""},
		"correct: an order of a subscription":  {sold, "correct", correct("order", "O-1"), 400, "invalid_request", "/order"},
		"correct: a contract of a permanent":   {bought, "correct", correct("contract", "C-1"), 400, "invalid_request", "/contract"},
		"correct: the dates stay":              {sold, "correct", correct("expiresOn", "2030-01-01"), 400, "invalid_request", "/expiresOn"},
		"revoke: no reason":                    {sold, "revoke", map[string]any{"reason": "  "}, 400, "invalid_request", "/reason"},
		"revoke: a long reason":                {sold, "revoke", map[string]any{"reason": strings.Repeat("r", 2001)}, 400, "invalid_request", "/reason"},
		"revoke: an unknown member":            {sold, "revoke", map[string]any{"reason": "R", "force": true}, 400, "invalid_request", "/force"},
	} {
		t.Run(name, func(t *testing.T) {
			body := c.body
			if m, ok := body.(map[string]any); ok && name == "amend: null" {
				body = with(m, "modules", json.RawMessage("null"))
			}
			requireProblem(t, s.send(t, change(t, c.of, c.what, body)), c.status, c.code, c.pointer)
		})
	}
	bodies := map[string]map[string]any{"amend": modules(map[string]int{"qmsSuite": 1}), "correct": correct("customer", "A"), "revoke": {"reason": "R"}}
	for what, body := range bodies {
		t.Run(what+": versions, keys and ids", func(t *testing.T) {
			q := change(t, sold, what, body)
			q.ifMatch = `"9"`
			requireProblem(t, s.send(t, q), 412, "version_conflict", "")
			q.ifMatch = ""
			requireProblem(t, s.send(t, q), 428, "if_match_required", "header:If-Match")
			q.ifMatch, q.key = `"1"`, ""
			requireProblem(t, s.send(t, q), 400, "invalid_request", "header:Idempotency-Key")
			q.key, q.path = fresh("key"), "/v1/licenses/"+strings.Repeat("0", 32)+"/"+what
			requireProblem(t, s.send(t, q), 404, "license_not_found", "path:id")
		})
	}
	require.Equal(t, `"1"`, s.show(t, sold).header.Get("ETag"), "nothing of all this was written")
}
