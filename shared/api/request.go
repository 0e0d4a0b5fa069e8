package api

import (
	"context"
	"net/http"
	"strings"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

type askBody struct {
	Type        string          `json:"type"`
	ServerToken string          `json:"serverToken"`
	Customer    string          `json:"customer"`
	Modules     license.Modules `json:"modules"`
	Order       *string         `json:"order"`
	Contract    *string         `json:"contract"`
	Note        string          `json:"note"`
	Replaces    *string         `json:"replaces"`
}

// AskForLicense handles POST /v1/license-requests.
func AskForLicense(d *desk.Requests) Endpoint {
	route := askRoute
	return route.at(httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in askBody) (httpapi.Response, error) {
		call, err := deskCall(r, route, route.Path)
		if err != nil {
			return httpapi.Response{}, err
		}
		order, orderErr := notEmpty("/order", in.Order)
		contract, contractErr := notEmpty("/contract", in.Contract)
		replaces, replacesErr := notEmpty("/replaces", in.Replaces)
		if err := license.Collect(orderErr, contractErr, replacesErr); err != nil {
			return httpapi.Response{}, err
		}
		outcome, err := d.Ask(ctx, call, desk.Asking{
			Sale: policy.Sale{ServerToken: in.ServerToken, Customer: in.Customer, Type: license.Type(in.Type), Modules: in.Modules, Contract: contract, Order: order},
			Note: in.Note, Replaces: replaces,
		})
		response, err := documented(http.StatusCreated)(outcome, err)
		if err != nil {
			return response, err
		}
		response.Header.Set("Location", "/v1/license-requests/"+outcome.DocumentID)
		return response, nil
	}))
}

// Requests handles GET /v1/license-requests.
func Requests(d *desk.Requests) Endpoint {
	route := requestsRoute
	options := route.options(0)
	options.Query = []string{"state", "cursor", "limit"}
	return route.at(httpapi.Handle(options, func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		limit, err := r.QueryInt("limit", desk.DefaultLimit, 1, desk.MaxLimit)
		if err != nil {
			return httpapi.Response{}, err
		}
		if state, given := r.Given(options.Query)["state"]; given {
			if err := desk.CheckState(desk.State(state)); err != nil {
				return httpapi.Response{}, err
			}
		}
		page, err := d.List(ctx, r.Caller, desk.State(r.Query("state")), r.Query("cursor"), limit)
		return httpapi.Response{Body: documentsAnswer[desk.View]{page.Items, license.Optional(page.Next)}}, err
	}))
}

// Request handles GET /v1/license-requests/{id}.
func Request(d *desk.Requests) Endpoint {
	route := requestRoute
	return route.at(httpapi.Handle(route.options(0), func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		found, err := d.Show(ctx, r.Caller, pathID(r))
		header := http.Header{}
		header.Set("ETag", httpapi.ETag(found.Version))
		return httpapi.Response{Header: header, Body: requestAnswer{found}}, err
	}))
}

type requestAnswer struct {
	Request desk.View `json:"request"`
}

type conditionsBody struct {
	Conditions []ledger.Condition `json:"conditions"`
}

// RecordConditions handles POST /v1/license-requests/{id}/conditions.
func RecordConditions(d *desk.Requests) Endpoint {
	return requestChange(conditionsRoute, func(ctx context.Context, call protocol.Call, id string, in conditionsBody) (protocol.Outcome, error) {
		return d.Record(ctx, call, id, in.Conditions)
	})
}

type reasonBody struct {
	Reason string `json:"reason"`
}

// DeclineRequest handles POST /v1/license-requests/{id}/decline.
func DeclineRequest(d *desk.Requests) Endpoint {
	return requestChange(declineRoute, func(ctx context.Context, call protocol.Call, id string, in reasonBody) (protocol.Outcome, error) {
		return d.Decline(ctx, call, id, in.Reason)
	})
}

// WithdrawRequest handles POST /v1/license-requests/{id}/withdraw.
func WithdrawRequest(d *desk.Requests) Endpoint {
	return requestChange(withdrawRoute, func(ctx context.Context, call protocol.Call, id string, in reasonBody) (protocol.Outcome, error) {
		return d.Withdraw(ctx, call, id, in.Reason)
	})
}

// requestChange makes the endpoint of what changes a request for a license or for an exception.
func requestChange[In any](route Route, do func(context.Context, protocol.Call, string, In) (protocol.Outcome, error)) Endpoint {
	return route.at(httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in In) (httpapi.Response, error) {
		id := pathID(r)
		call, err := deskCall(r, route, strings.Replace(route.Path, "{id}", id, 1))
		if err != nil {
			return httpapi.Response{}, err
		}
		return documented(http.StatusOK)(do(ctx, call, id, in))
	}))
}

// deskCall reads the headers of a write that changes no license: it takes no If-Match.
func deskCall(r httpapi.Request, route Route, path string) (protocol.Call, error) {
	call, ifMatch, err := writeCall(r, route, path)
	if err == nil && ifMatch != 0 {
		err = license.Invalid("header:If-Match", "This takes no If-Match: what you change is checked as it is then. Leave it out.")
	}
	return call, err
}

// documented answers a write of a request or an exception, which signs nothing, with its frozen answer.
func documented(status int) func(protocol.Outcome, error) (httpapi.Response, error) {
	return func(outcome protocol.Outcome, err error) (httpapi.Response, error) {
		if err != nil {
			return httpapi.Response{}, err
		}
		header := http.Header{}
		header.Set("ETag", httpapi.ETag(outcome.Version))
		if outcome.Replayed {
			header.Set("Idempotency-Replayed", "true")
		}
		return httpapi.Response{Status: status, Header: header, Body: httpapi.Raw(outcome.Body)}, nil
	}
}
