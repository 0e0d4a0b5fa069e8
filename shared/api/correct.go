package api

import (
	"context"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
)

type correctBody struct {
	Reason      string           `json:"reason"`
	ServerToken *string          `json:"serverToken"`
	Customer    *string          `json:"customer"`
	Contract    *string          `json:"contract"`
	Order       *string          `json:"order"`
	Modules     *license.Modules `json:"modules"`
}

// Correct handles POST /v1/licenses/{id}/correct.
func Correct(issuer *issuing.Issuer) Endpoint {
	route := correctRoute
	return route.at(httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in correctBody) (httpapi.Response, error) {
		id := pathID(r)
		call, ifMatch, err := writeCall(r, route, "/v1/licenses/"+id+"/correct")
		if err != nil {
			return httpapi.Response{}, err
		}
		token, tokenErr := notEmpty("/serverToken", in.ServerToken)
		customer, customerErr := notEmpty("/customer", in.Customer)
		contract, contractErr := notEmpty("/contract", in.Contract)
		order, orderErr := notEmpty("/order", in.Order)
		if err := license.Collect(tokenErr, customerErr, contractErr, orderErr); err != nil {
			return httpapi.Response{}, err
		}
		return issued(issuer.Correct(ctx, call, issuing.CorrectionRequest{
			ID: id, Reason: in.Reason, ServerToken: token, Customer: customer, Contract: contract, Order: order, Modules: in.Modules, IfMatch: ifMatch,
		}))
	}))
}
