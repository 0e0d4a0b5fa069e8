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
	over := map[state]answer{missing: {404, "request_not_found"}}
	for _, ended := range []state{granted, declined, withdrawn} {
		over[ended] = answer{409, "request_not_open"}
	}
	notYours := answer{403, "forbidden"}
	return []routeCase{
		{
			route: "POST /v1/exceptions", // as the answer to a request; an admin has none of their own
			things: map[state]maker{
				none: func(testing.TB, *system, string) thing { return thing{} },
				own:  askedException, others: askedException, missing: missingLicense, granted: answeredException,
				declined: endedException("decline", "admin", map[string]any{"reason": "matrix"}), withdrawn: endedException("withdraw", "", map[string]any{}),
			},
			by:   "sales",
			want: over,
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
		{
			route:   "POST /v1/exception-requests/{id}/decline",
			things:  exceptionThings(),
			by:      "sales",
			want:    over,
			request: func(cell) request { return request{body: map[string]any{"reason": "matrix"}} },
		},
		{
			route:   "POST /v1/exception-requests/{id}/withdraw", // whose it is comes before what became of it
			things:  exceptionThings(),
			want:    map[state]answer{missing: over[missing], others: notYours, granted: notYours, declined: notYours, withdrawn: notYours},
			request: func(cell) request { return request{body: map[string]any{}} },
		},
	}
}

// exceptionThings are the makers of requests for exceptions: open ones, missing ones and those that came to their end.
func exceptionThings() map[state]maker {
	return map[state]maker{
		own: askedException, others: askedException, granted: answeredException,
		missing:   func(testing.TB, *system, string) thing { return thing{"id": strings.Repeat("0", 32)} },
		declined:  endedException("decline", "admin", map[string]any{"reason": "matrix"}),
		withdrawn: endedException("withdraw", "", map[string]any{}),
	}
}

// endedException is a request that somebody declined or, by "", its owner withdrew.
func endedException(what, by string, body map[string]any) maker {
	return func(t testing.TB, s *system, owner string) thing {
		t.Helper()
		asked, who := askedException(t, s, owner), by
		if who == "" {
			who = owner
		}
		r := s.send(t, onExceptionRequest(who, asked["id"], what, body))
		require.Equal(t, 200, r.status, string(r.body))
		return asked
	}
}

// onExceptionRequest is a change of a request for an exception: decline or withdraw.
func onExceptionRequest(as, id, what string, body any) request {
	return request{method: "POST", path: "/v1/exception-requests/" + id + "/" + what, as: as, key: fresh("key"), body: body}
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
