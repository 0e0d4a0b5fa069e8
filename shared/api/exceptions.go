package api

import (
	"context"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

type exceptionBody struct {
	ServerToken *string `json:"serverToken"`
	LineageID   *string `json:"lineageId"`
	Rule        string  `json:"rule"`
	Days        *int    `json:"days"`
	Reason      string  `json:"reason"`
	RequestID   *string `json:"requestId"`
}

type exceptionRequestBody struct {
	ServerToken *string `json:"serverToken"`
	LineageID   *string `json:"lineageId"`
	Rule        string  `json:"rule"`
	Days        *int    `json:"days"`
	Reason      string  `json:"reason"`
}

// Exceptions handles the routes of exceptions and of the requests for them.
func Exceptions(exceptions *desk.Exceptions) http.Handler {
	return Mux(
		grantExceptionRoute.at(grantException(exceptions)),
		listExceptionsRoute.at(listDocuments(listExceptionsRoute, desk.Granted, exceptions.Exceptions)),
		askExceptionRoute.at(askException(exceptions)),
		listExceptionRequestsRoute.at(listDocuments(listExceptionRequestsRoute, desk.Open, exceptions.Requests)),
		declineAsk(exceptions), withdrawAsk(exceptions),
	)
}

func grantException(exceptions *desk.Exceptions) http.Handler {
	route := grantExceptionRoute
	return httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in exceptionBody) (httpapi.Response, error) {
		call, _, err := writeCall(r, route, route.Path)
		if err != nil {
			return httpapi.Response{}, err
		}
		token, tokenErr := notEmpty("/serverToken", in.ServerToken)
		lineage, lineageErr := notEmpty("/lineageId", in.LineageID)
		request, requestErr := notEmpty("/requestId", in.RequestID)
		days, daysErr := exceptionDays(in.Days)
		if err := license.Collect(tokenErr, lineageErr, requestErr, daysErr); err != nil {
			return httpapi.Response{}, err
		}
		return documented(http.StatusCreated)(exceptions.Grant(ctx, call, desk.GrantRequest{
			ServerToken: token, LineageID: lineage, Rule: in.Rule, Reason: in.Reason, RequestID: request, Days: days,
		}))
	})
}

func askException(exceptions *desk.Exceptions) http.Handler {
	route := askExceptionRoute
	return httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in exceptionRequestBody) (httpapi.Response, error) {
		call, _, err := writeCall(r, route, route.Path)
		if err != nil {
			return httpapi.Response{}, err
		}
		token, tokenErr := notEmpty("/serverToken", in.ServerToken)
		lineage, lineageErr := notEmpty("/lineageId", in.LineageID)
		days, daysErr := exceptionDays(in.Days)
		if err := license.Collect(tokenErr, lineageErr, daysErr); err != nil {
			return httpapi.Response{}, err
		}
		return documented(http.StatusCreated)(exceptions.Ask(ctx, call, desk.AskRequest{ServerToken: token, LineageID: lineage, Rule: in.Rule, Reason: in.Reason, Days: days}))
	})
}

func declineAsk(exceptions *desk.Exceptions) Endpoint {
	return requestChange(declineAskRoute, func(ctx context.Context, call protocol.Call, id string, in reasonBody) (protocol.Outcome, error) {
		return exceptions.Decline(ctx, call, id, in.Reason)
	})
}

func withdrawAsk(exceptions *desk.Exceptions) Endpoint {
	return requestChange(withdrawAskRoute, func(ctx context.Context, call protocol.Call, id string, in reasonBody) (protocol.Outcome, error) {
		return exceptions.Withdraw(ctx, call, id, in.Reason)
	})
}

// exceptionDays returns the days that a license may run, 0 where none are given.
func exceptionDays(given *int) (int, error) {
	if given == nil {
		return 0, nil
	}
	if *given == 0 {
		return 0, license.Invalid("/days", "The days are how long the license may be, 1 to %d; this is 0. Leave days out for the length that its purpose gets.", policy.MaxTemporaryDays)
	}
	return *given, nil
}

// documentsAnswer is one page of a list of documents.
type documentsAnswer[T any] struct {
	Items      []T              `json:"items"`
	NextCursor license.Optional `json:"nextCursor"`
}

// listing is a list of documents in a state, to those who may see them.
type listing[T any] func(ctx context.Context, caller license.Caller, state desk.State, cursor string, limit int) (desk.Listed[T], error)

// listDocuments handles a list of documents; usual is the one that is listed when the query names none.
func listDocuments[T any](route Route, usual desk.State, list listing[T]) http.Handler {
	options := route.options(0)
	options.Query = []string{"state", "cursor", "limit"}
	return httpapi.Handle(options, func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		limit, err := r.QueryInt("limit", desk.DefaultLimit, 1, desk.MaxLimit)
		if err != nil {
			return httpapi.Response{}, err
		}
		page, err := list(ctx, r.Caller, desk.State(r.QueryOr("state", string(usual))), r.Query("cursor"), limit)
		if err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{Body: documentsAnswer[T]{page.Items, license.Optional(page.Next)}}, nil
	})
}
