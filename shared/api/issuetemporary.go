package api

import (
	"context"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
)

type issueTemporaryBody struct {
	ServerToken string          `json:"serverToken"`
	Customer    string          `json:"customer"`
	Purpose     string          `json:"purpose"`
	Modules     license.Modules `json:"modules"`
	Days        *int            `json:"days"`
	Note        string          `json:"note"`
}

// IssueTemporary handles POST /v1/temporary-licenses.
func IssueTemporary(issuer *issuing.Issuer) http.Handler {
	route := issueTemporaryRoute
	return httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in issueTemporaryBody) (httpapi.Response, error) {
		call, _, err := writeCall(r, route, route.Path)
		if err != nil {
			return httpapi.Response{}, err
		}
		request := issuing.TemporaryRequest{
			ServerToken: in.ServerToken, Customer: in.Customer, Purpose: license.Purpose(in.Purpose), Modules: in.Modules, Note: in.Note,
		}
		if in.Days != nil {
			if request.Days = *in.Days; request.Days == 0 {
				return httpapi.Response{}, license.Invalid("/days", "The number of days must be 1 or more; this is 0. Leave days out for the length that the purpose gets.")
			}
		}
		return issued(issuer.Temporary(ctx, call, request))
	})
}
