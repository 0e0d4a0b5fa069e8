// Package api is the HTTP API: one file per operation with its wire types and its http.Handler, and one table of routes.
// infra/openapi.yaml describes the same; tests hold the two, and template.yaml, equal.
package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/protocol"
)

// Route is one row of the API.
type Route struct {
	Method   string
	Path     string
	Function string // the folder below functions/
	// Operations of which a caller must be allowed one; with none the route is public, outside the authorizer.
	Operations []license.Operation
}

// Staff reports whether the route is behind the authorizer.
func (r Route) Staff() bool { return len(r.Operations) > 0 }

func (r Route) String() string { return r.Method + " " + r.Path }

// The routes.
var (
	issueTemporaryRoute = Route{"POST", "/v1/temporary-licenses", "issue-temporary", []license.Operation{license.IssueTrial, license.IssueSupport}}
	issueRoute          = Route{"POST", "/v1/licenses", "issue", []license.Operation{license.IssueSold}}
	renewRoute          = Route{"POST", "/v1/licenses/{id}/renew", "renew-subscription", []license.Operation{license.Renew}}
	rehostRoute         = Route{"POST", "/v1/licenses/{id}/rehost", "rehost", []license.Operation{license.Rehost}}
	amendRoute          = Route{"POST", "/v1/licenses/{id}/amend", "amend", []license.Operation{license.Amend}}
	correctRoute        = Route{"POST", "/v1/licenses/{id}/correct", "amend", []license.Operation{license.Correct}}
	revokeRoute         = Route{"POST", "/v1/licenses/{id}/revoke", "revoke", []license.Operation{license.Revoke}}
	askRoute            = Route{"POST", "/v1/license-requests", "request", []license.Operation{license.RequestSold}}
	requestsRoute       = Route{"GET", "/v1/license-requests", "request", []license.Operation{license.ListRequests}}
	requestRoute        = Route{"GET", "/v1/license-requests/{id}", "request", []license.Operation{license.ListRequests}}
	conditionsRoute     = Route{"POST", "/v1/license-requests/{id}/conditions", "request", []license.Operation{license.RecordConditions}}
	declineRoute        = Route{"POST", "/v1/license-requests/{id}/decline", "request", []license.Operation{license.DeclineRequest}}
	withdrawRoute       = Route{"POST", "/v1/license-requests/{id}/withdraw", "request", []license.Operation{license.WithdrawRequest}}
	renewalsRoute       = Route{"POST", "/v1/renewals", "renew-subscription", []license.Operation{license.Renew}}
	searchRoute         = Route{"GET", "/v1/licenses", "search", []license.Operation{license.Find}}
	expirationsRoute    = Route{"GET", "/v1/expirations", "search", []license.Operation{license.Find}}
	showRoute           = Route{"GET", "/v1/licenses/{id}", "show", []license.Operation{license.Find}}
	historyRoute        = Route{"GET", "/v1/licenses/{id}/history", "show", []license.Operation{license.Find}}
	keyAgesRoute        = Route{"GET", "/v1/keys", "keys", []license.Operation{license.SeeKeysAndFindings}}
	reconcileRoute      = Route{"POST", "/v1/reconcile", "reconcile", []license.Operation{license.SeeKeysAndFindings}}
	findingsRoute       = Route{"GET", "/v1/findings", "reconcile", []license.Operation{license.SeeKeysAndFindings}}
	retrieveRoute       = Route{"GET", "/v1/servers/{serverToken}/license", "retrieve", nil}
	validateRoute       = Route{"POST", "/v1/licenses/validate", "validate", nil}
	downgradeCheckRoute = Route{"POST", "/v1/licenses/downgrade-check", "downgrade-check", nil}
	grantExceptionRoute = Route{"POST", "/v1/exceptions", "exception", []license.Operation{license.GrantException}}
	listExceptionsRoute = Route{"GET", "/v1/exceptions", "exception", []license.Operation{license.GrantException}}
	askExceptionRoute   = Route{"POST", "/v1/exception-requests", "exception", []license.Operation{license.AskException}}
	// An admin sees all, the others what they have asked for themselves.
	listExceptionRequestsRoute = Route{"GET", "/v1/exception-requests", "exception", []license.Operation{license.AskException, license.GrantException}}
	declineAskRoute            = Route{"POST", "/v1/exception-requests/{id}/decline", "exception", []license.Operation{license.DeclineAsk}}
	withdrawAskRoute           = Route{"POST", "/v1/exception-requests/{id}/withdraw", "exception", []license.Operation{license.WithdrawAsk}}
	keysRoute                  = Route{"GET", "/.well-known/jwks.json", "keys", nil}
)

// Routes is the one table of routes.
func Routes() []Route {
	return []Route{
		issueTemporaryRoute,
		issueRoute,
		renewRoute,
		renewalsRoute,
		searchRoute,
		expirationsRoute,
		showRoute,
		rehostRoute,
		amendRoute,
		correctRoute,
		revokeRoute,
		askRoute,
		requestsRoute,
		requestRoute,
		conditionsRoute,
		declineRoute,
		withdrawRoute,
		historyRoute,
		keyAgesRoute,
		reconcileRoute,
		findingsRoute,
		grantExceptionRoute, listExceptionsRoute, askExceptionRoute, listExceptionRequestsRoute,
		declineAskRoute, withdrawAskRoute,
		retrieveRoute, validateRoute, downgradeCheckRoute, keysRoute,
	}
}

// Endpoint is the handler of one route.
type Endpoint struct {
	http.Handler
	route Route
}

// at makes the endpoint of a route.
func (r Route) at(h http.Handler) Endpoint { return Endpoint{h, r} }

// Mux is the handler of a function with several routes. It goes by the request's Pattern alone, which lambdahttp takes
// from the event: API Gateway has matched the route, and a path that it has decoded is not matched again. A route that
// none of the endpoints has is a mistake of the template's: internal.
func Mux(endpoints ...Endpoint) http.Handler {
	byRoute := map[string]Endpoint{}
	for _, e := range endpoints {
		byRoute[e.route.String()] = e
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if e, ok := byRoute[r.Pattern]; ok {
			e.ServeHTTP(w, r)
			return
		}
		httpapi.Handle(httpapi.Options{Route: r.Pattern}, func(context.Context, httpapi.Request, struct{}) (httpapi.Response, error) {
			return httpapi.Response{}, fmt.Errorf("this function has no route %q", r.Pattern)
		}).ServeHTTP(w, r)
	})
}

// The most bytes of a body.
const (
	maxBody          = 64 << 10
	maxDowngradeBody = 4 << 20
)

// options are the demands of a route; maxBody 0 is a route without a body.
func (r Route) options(maxBody int) httpapi.Options {
	return httpapi.Options{Route: r.String(), Staff: r.Staff(), AnyOf: r.Operations, MaxBody: maxBody}
}

// pathID returns the id in the path as ids are written, however it was typed, so that reads and writes, and the digest of
// an Idempotency-Key, mean the same by it.
func pathID(r httpapi.Request) string { return strings.ToLower(strings.TrimSpace(r.Path("id"))) }

// writeCall reads the headers of a write. path is the route's with its parameters filled in.
func writeCall(r httpapi.Request, route Route, path string) (call protocol.Call, ifMatch int, err error) {
	key, keyErr := r.IdempotencyKey()
	ifMatch, matchErr := r.IfMatch()
	call = protocol.Call{Caller: r.Caller, Method: route.Method, Path: path, IdempotencyKey: key}
	return call, ifMatch, license.Collect(keyErr, matchErr)
}

// issued answers a write with its frozen answer.
func issued(outcome protocol.Outcome, err error) (httpapi.Response, error) {
	if err != nil {
		return httpapi.Response{}, err
	}
	header := http.Header{}
	header.Set("ETag", httpapi.ETag(outcome.Version))
	header.Set("Location", "/v1/licenses/"+outcome.LicenseID)
	if outcome.Replayed {
		header.Set("Idempotency-Replayed", "true")
	}
	return httpapi.Response{Status: http.StatusCreated, Header: header, Body: httpapi.Raw(outcome.Body)}, nil
}
