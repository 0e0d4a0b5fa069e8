package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// granted is the state of a request for an exception that an admin has answered.
const granted state = "granted"

// exceptionCases ask the routes of exceptions from limits, and of the requests for them.
func exceptionCases() []routeCase {
	ask := func(c cell) request {
		return request{body: map[string]any{"serverToken": fresh("QMSA-MATRIX"), "rule": "trial_limit", "reason": "matrix"}}
	}
	return []routeCase{
		{
			route: "POST /v1/exceptions", // as the answer to a request; an admin has none of their own
			things: map[state]maker{
				none: func(testing.TB, *system, string) thing { return thing{} },
				own:  askedException, others: askedException, missing: missingLicense, granted: answeredException,
			},
			by:   "sales",
			want: map[state]answer{missing: {404, "request_not_found"}, granted: {409, "request_not_open"}},
			ok:   201,
			request: func(c cell) request {
				q := ask(c)
				if c.state != none {
					q.body = with(q.body.(map[string]any), "serverToken", c.thing["serverToken"], "requestId", c.thing["id"])
				}
				return q
			},
		},
		{route: "GET /v1/exceptions", request: func(cell) request { return request{path: "?state=used"} }},
		{route: "POST /v1/exception-requests", ok: 201, request: ask},
		{route: "GET /v1/exception-requests", anyOf: true, request: func(cell) request { return request{path: "?limit=3"} }},
	}
}

// askedException is an open request; admins ask for none.
func askedException(t testing.TB, s *system, owner string) thing {
	t.Helper()
	if owner == "admin" {
		return nil
	}
	token := fresh("QMSA-MATRIX")
	r := s.askException(t, owner, map[string]any{"serverToken": token, "rule": "trial_limit", "reason": "matrix"})
	return thing{"id": r.text(t, "request", "id"), "serverToken": token}
}

func answeredException(t testing.TB, s *system, owner string) thing {
	t.Helper()
	asked := askedException(t, s, strings.Replace(owner, "admin", "sales", 1))
	s.grantException(t, map[string]any{"serverToken": asked["serverToken"], "rule": "trial_limit", "reason": "matrix", "requestId": asked["id"]})
	return asked
}

func (s *system) askException(t testing.TB, as string, body map[string]any) response {
	t.Helper()
	r := s.send(t, request{method: "POST", path: "/v1/exception-requests", as: as, key: fresh("key"), body: body})
	require.Equal(t, 201, r.status, string(r.body))
	return r
}

func (s *system) grantException(t testing.TB, body map[string]any) response {
	t.Helper()
	r := s.send(t, request{method: "POST", path: "/v1/exceptions", as: "admin", key: fresh("key"), body: body})
	require.Equal(t, 201, r.status, string(r.body))
	return r
}
