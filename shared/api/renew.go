package api

import (
	"context"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
)

type renewBody struct {
	Contract   string           `json:"contract"`
	TermMonths *int             `json:"termMonths"`
	ExpiresOn  license.Date     `json:"expiresOn"`
	Basis      string           `json:"basis"`
	Modules    *license.Modules `json:"modules"`
}

// Renew handles POST /v1/licenses/{id}/renew.
func Renew(issuer *issuing.Issuer) Endpoint {
	route := renewRoute
	return route.at(httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in renewBody) (httpapi.Response, error) {
		id := pathID(r)
		call, ifMatch, err := writeCall(r, route, "/v1/licenses/"+id+"/renew")
		if err != nil {
			return httpapi.Response{}, err
		}
		months, err := termMonths(in.TermMonths)
		if err != nil {
			return httpapi.Response{}, err
		}
		return issued(issuer.Renew(ctx, call, issuing.RenewalRequest{
			ID: id, Contract: in.Contract, TermMonths: months, ExpiresOn: in.ExpiresOn,
			Basis: license.RenewalBasis(in.Basis), Modules: in.Modules, IfMatch: ifMatch,
		}))
	}))
}
