package e2e_test

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"qmslicensing/shared/license"
)

// cases are those of every area.
func cases() []routeCase {
	return slices.Concat(
		licenseCases(),
		exceptionCases(),
		publicCases(),
		requestCases(),
		systemCases(),
	)
}

// licenseCases ask the routes that issue, renew and find licenses.
func licenseCases() []routeCase {
	notCurrent := map[state]answer{
		missing: {404, "license_not_found"}, superseded: {409, "not_current"}, revoked: {409, "not_current"}, void: {409, "not_current"},
	}
	replaced := licenses(superseded, revoked, void)
	replaced[none] = func(testing.TB, *system, string) thing { return thing{} }
	replaced[declined] = requestThings()[declined]
	return []routeCase{
		{
			route: "POST /v1/temporary-licenses",
			ok:    201,
			request: func(c cell) request {
				purpose := map[license.Operation]string{license.IssueTrial: "trial", license.IssueSupport: "emergency"}[c.op]
				return request{body: with(trial(fresh("QMSA-MATRIX")), "purpose", purpose)}
			},
		},
		{
			route:  "POST /v1/licenses", // on a server that has none, instead of the one that it has, and from a request
			things: replaced,
			want:   withState(notCurrent, declined, answer{409, "request_not_open"}),
			ok:     201,
			request: func(c cell) request {
				switch c.state {
				case none:
					return request{body: subscription(fresh("QMSA-MATRIX"))}
				case declined:
					return request{body: map[string]any{"requestId": c.thing["id"]}}
				}
				return request{ifMatch: c.thing["etag"], body: with(permanent(c.thing["serverToken"]), "replaces", c.thing["id"])}
			},
		},
		{
			route:  "POST /v1/licenses/{id}/renew",
			things: licenses(superseded, revoked, void, expired),
			want:   withState(notCurrent, expired, answer{422, "basis_required"}),
			ok:     201,
			request: func(c cell) request {
				return request{ifMatch: c.thing["etag"], body: map[string]any{"contract": "C-2041", "termMonths": 12}}
			},
		},
		{
			route:  "POST /v1/licenses/{id}/rehost", // support's own are temporary
			things: licenses(superseded, revoked, void, expired),
			want:   withState(withState(notCurrent, expired, answer{422, "expires_in_past"}), own, answer{422, "not_rehostable"}),
			ok:     201,
			request: func(c cell) request {
				return request{ifMatch: c.thing["etag"], body: map[string]any{"serverToken": fresh("QMSB-MATRIX"), "reason": "server-replaced"}}
			},
		},
		{
			route:  "POST /v1/licenses/{id}/amend",
			things: licenses(superseded, revoked, void, expired),
			want:   withState(notCurrent, expired, answer{422, "expires_in_past"}),
			ok:     201,
			request: func(c cell) request {
				return request{ifMatch: c.thing["etag"], body: map[string]any{"modules": map[string]int{"qmsSuite": 60}}}
			},
		},
		{
			route:  "POST /v1/licenses/{id}/correct",
			things: licenses(superseded, revoked, void, expired),
			want:   withState(notCurrent, expired, answer{422, "not_correctable"}),
			ok:     201,
			request: func(c cell) request {
				return request{ifMatch: c.thing["etag"], body: map[string]any{"reason": "The customer was misread.", "customer": "Lakeshore Telecare"}}
			},
		},
		{
			route:  "POST /v1/licenses/{id}/revoke", // one that has expired, too
			things: licenses(superseded, revoked, void, expired),
			want:   notCurrent,
			request: func(c cell) request {
				return request{ifMatch: c.thing["etag"], body: map[string]any{"reason": "Paid back."}}
			},
		},
		{
			route:  "POST /v1/renewals", // a run of one license; what is wrong with it stands in its row
			things: licenses(superseded, revoked, void, expired),
			want: map[state]answer{
				missing: {200, "license_not_found"}, superseded: {200, "not_current"}, revoked: {200, "not_current"}, void: {200, "not_current"},
				expired: {200, "basis_required"},
			},
			rowCode: rowCode,
			request: func(c cell) request {
				version, _ := strconv.Atoi(strings.Trim(c.thing["etag"], `"`))
				one := map[string]any{"licenseId": c.thing["id"], "version": max(version, 1)}
				return request{body: map[string]any{"dryRun": false, "licenses": []any{one}, "termMonths": 12}}
			},
		},
		{
			route:   "GET /v1/licenses/{id}",
			things:  licenses(superseded, revoked, void, expired),
			want:    map[state]answer{missing: {404, "license_not_found"}},
			request: func(cell) request { return request{} },
		},
		{
			route:  "GET /v1/licenses", // of a server; one that is not known has none
			things: licenses(superseded, revoked, void, expired),
			request: func(c cell) request {
				return request{path: "?serverToken=" + url.QueryEscape(c.thing["serverToken"])}
			},
		},
		{
			route:   "GET /v1/expirations",
			request: func(cell) request { return request{path: "?months=2"} },
		},
	}
}

// rowCode is the code of the problem of the first row, "" if there is none.
func rowCode(t testing.TB, r response) string {
	problem, _ := rowsOf(t, r)[0]["problem"].(map[string]any)
	code, _ := problem["code"].(string)
	return code
}

// withState is a copy with one more state.
func withState(want map[state]answer, s state, a answer) map[state]answer {
	copied := maps.Clone(want)
	copied[s] = a
	return copied
}
