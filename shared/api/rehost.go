package api

import (
	"context"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license/issuing"
)

type rehostBody struct {
	ServerToken string `json:"serverToken"`
	Reason      string `json:"reason"`
	Note        string `json:"note"`
}

// Rehost handles POST /v1/licenses/{id}/rehost.
func Rehost(issuer *issuing.Issuer) http.Handler {
	route := rehostRoute
	return httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in rehostBody) (httpapi.Response, error) {
		id := pathID(r)
		call, ifMatch, err := writeCall(r, route, "/v1/licenses/"+id+"/rehost")
		if err != nil {
			return httpapi.Response{}, err
		}
		return issued(issuer.Rehost(ctx, call, issuing.RehostRequest{
			ID: id, ServerToken: in.ServerToken, Reason: issuing.RehostReason(in.Reason), Note: in.Note, IfMatch: ifMatch,
		}))
	})
}
