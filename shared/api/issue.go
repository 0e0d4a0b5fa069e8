package api

import (
	"context"
	"net/http"
	"strings"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
)

type issueBody struct {
	ServerToken *string            `json:"serverToken"`
	Customer    *string            `json:"customer"`
	Type        string             `json:"type"`
	Modules     *license.Modules   `json:"modules"`
	Contract    *string            `json:"contract"`
	TermMonths  *int               `json:"termMonths"`
	ExpiresOn   license.Date       `json:"expiresOn"`
	StartsOn    license.Date       `json:"startsOn"`
	Order       *string            `json:"order"`
	Conditions  []ledger.Condition `json:"conditions"`
	Replaces    *string            `json:"replaces"`
	RequestID   *string            `json:"requestId"`

	ConvertsTrial *string `json:"convertsTrial"`
}

// Issue handles POST /v1/licenses.
func Issue(issuer *issuing.Issuer) http.Handler {
	route := issueRoute
	return httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in issueBody) (httpapi.Response, error) {
		call, ifMatch, err := writeCall(r, route, route.Path)
		if err != nil {
			return httpapi.Response{}, err
		}
		token, tokenErr := notEmpty("/serverToken", in.ServerToken)
		customer, customerErr := notEmpty("/customer", in.Customer)
		modules, modulesErr := givenModules(in.Modules)
		months, monthsErr := termMonths(in.TermMonths)
		contract, contractErr := notEmpty("/contract", in.Contract)
		order, orderErr := notEmpty("/order", in.Order)
		replaces, replacesErr := notEmpty("/replaces", in.Replaces)
		trial, trialErr := notEmpty("/convertsTrial", in.ConvertsTrial)
		requestID, requestErr := notEmpty("/requestId", in.RequestID)
		if err := license.Collect(tokenErr, customerErr, monthsErr, contractErr, orderErr, replacesErr, trialErr, requestErr, modulesErr); err != nil {
			return httpapi.Response{}, err
		}
		return issued(issuer.Sold(ctx, call, issuing.SoldRequest{
			ServerToken: token, Customer: customer, Type: license.Type(in.Type), Modules: modules,
			Contract: contract, TermMonths: months, ExpiresOn: in.ExpiresOn, StartsOn: in.StartsOn,
			Order: order, Conditions: in.Conditions, Replaces: replaces, IfMatch: ifMatch, ConvertsTrial: trial, RequestID: requestID,
		}))
	})
}

// givenModules tells modules that are given, but hold no seats, from ones that are left out.
func givenModules(given *license.Modules) (license.Modules, error) {
	if given == nil {
		return license.Modules{}, nil
	}
	return *given, given.Check("/modules")
}

// notEmpty tells a text that is given but empty from one that is not given.
func notEmpty(pointer string, given *string) (string, error) {
	if given == nil {
		return "", nil
	}
	if strings.TrimSpace(*given) == "" {
		return "", license.Invalid(pointer, "%s is empty. Give it a value, or leave it out.", pointer[1:])
	}
	return *given, nil
}

// termMonths tells a term of 0 months from one that is not given.
func termMonths(given *int) (int, error) {
	if given == nil {
		return 0, nil
	}
	if *given < license.MinTermMonths || *given > license.MaxTermMonths {
		return 0, license.Invalid("/termMonths", "A term has 1 to 120 months; this is %d.", *given)
	}
	return *given, nil
}
