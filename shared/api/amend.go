package api

import (
	"context"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
)

type amendBody struct {
	Modules *license.Modules `json:"modules"`
	Note    string           `json:"note"`
	DryRun  bool             `json:"dryRun"`
}

// preview is a license that would be issued: without what only issuing gives it.
type preview struct {
	ServerToken license.ServerToken `json:"serverToken"`
	Type        license.Type        `json:"type"`
	Customer    string              `json:"customer"`
	Modules     license.Modules     `json:"modules"`
	Seats       license.Seats       `json:"seats"`
	StartsOn    license.Date        `json:"startsOn"`
	ExpiresOn   license.Date        `json:"expiresOn"`
	Contract    license.Optional    `json:"contract"`
	Order       license.Optional    `json:"order"`
}

type previewAnswer struct {
	Preview preview        `json:"preview"`
	Changes ledger.Changes `json:"changes"`
}

// Amend handles POST /v1/licenses/{id}/amend. A dry run has the same headers, so that the same request without dryRun
// does what was shown; it does not use the Idempotency-Key.
func Amend(issuer *issuing.Issuer) Endpoint {
	route := amendRoute
	return route.at(httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in amendBody) (httpapi.Response, error) {
		id := pathID(r)
		call, ifMatch, err := writeCall(r, route, "/v1/licenses/"+id+"/amend")
		if err != nil {
			return httpapi.Response{}, err
		}
		if in.Modules == nil {
			return httpapi.Response{}, license.Invalid("/modules", "Give the modules that the license is to have.")
		}
		q := issuing.AmendmentRequest{ID: id, Modules: *in.Modules, Note: in.Note, IfMatch: ifMatch}
		if !in.DryRun {
			return issued(issuer.Amend(ctx, call, q))
		}
		l, changes, err := issuer.PreviewAmendment(ctx, call, q)
		if err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{Body: previewAnswer{
			preview{l.ServerToken, l.Type, l.Customer, l.Modules, l.Seats, l.StartsOn, l.ExpiresOn, l.Contract, l.Order}, changes,
		}}, nil
	}))
}
