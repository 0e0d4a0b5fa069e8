package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
)

// The states of a license request besides open.
const (
	declined  state = "declined"
	withdrawn state = "withdrawn"
	answered  state = "issued"
)

// requestThings are the makers of license requests: open ones, missing ones and those that came to their end.
func requestThings() map[state]maker {
	return map[state]maker{
		own: openRequest, others: openRequest,
		missing:   func(testing.TB, *system, string) thing { return thing{"id": strings.Repeat("0", 32)} },
		declined:  endedRequest("decline", "accounting", map[string]any{"reason": "matrix"}),
		withdrawn: endedRequest("withdraw", "", map[string]any{}),
		answered:  answeredRequest,
	}
}

// openRequest is one that the owner's role may make: sales and accounting.
func openRequest(t testing.TB, s *system, owner string) thing {
	t.Helper()
	if role := license.Role(strings.TrimRight(owner, "2")); role != license.Sales && role != license.Accounting {
		return nil
	}
	return thing{"id": s.ask(t, owner, licenseRequest(permanent(fresh("QMSA-MATRIX"))))}
}

// endedRequest is one that somebody declined or, by "", its owner withdrew.
func endedRequest(what, by string, body map[string]any) maker {
	return func(t testing.TB, s *system, owner string) thing {
		t.Helper()
		made, who := openRequest(t, s, owner), by
		if who == "" {
			who = owner
		}
		r := s.send(t, onRequest(who, made["id"], what, body))
		require.Equal(t, 200, r.status, string(r.body))
		require.NotEqual(t, "open", s.shown(t, "admin", made["id"]).text(t, "request", "state"))
		return made
	}
}

// answeredRequest is one that another accountant than its owner issued from.
func answeredRequest(t testing.TB, s *system, owner string) thing {
	t.Helper()
	made := openRequest(t, s, owner)
	require.Equal(t, 200, s.send(t, onRequest("accounting", made["id"], "conditions", metConditions(allConditions...))).status)
	issuer := map[bool]string{true: "accounting2", false: "accounting"}[owner == "accounting"]
	r := s.send(t, request{method: "POST", path: "/v1/licenses", as: issuer, key: fresh("key"), body: map[string]any{"requestId": made["id"]}})
	require.Equal(t, 201, r.status, string(r.body))
	return made
}

// requestCases ask the routes of license requests.
func requestCases() []routeCase {
	ended := map[state]answer{
		missing: {404, "request_not_found"}, declined: {409, "request_not_open"}, withdrawn: {409, "request_not_open"}, answered: {409, "request_not_open"},
	}
	notYours := answer{403, "forbidden"}
	return []routeCase{
		{
			route:   "POST /v1/license-requests",
			ok:      201,
			request: func(cell) request { return request{body: licenseRequest(subscription(fresh("QMSA-MATRIX")))} },
		},
		{
			route:   "GET /v1/license-requests",
			request: func(cell) request { return request{path: "?state=open&limit=2"} },
		},
		{
			route:   "GET /v1/license-requests/{id}",
			things:  requestThings(),
			want:    map[state]answer{missing: ended[missing]},
			request: func(cell) request { return request{} },
		},
		{
			route:   "POST /v1/license-requests/{id}/conditions",
			things:  requestThings(),
			want:    ended,
			request: func(cell) request { return request{body: metConditions("contract-signed")} },
		},
		{
			route:   "POST /v1/license-requests/{id}/decline",
			things:  requestThings(),
			want:    ended,
			request: func(cell) request { return request{body: map[string]any{"reason": "matrix"}} },
		},
		{
			route:   "POST /v1/license-requests/{id}/withdraw", // whose it is comes before what became of it
			things:  requestThings(),
			want:    map[state]answer{missing: ended[missing], others: notYours, declined: notYours, withdrawn: notYours, answered: notYours},
			request: func(cell) request { return request{body: map[string]any{}} },
		},
	}
}
