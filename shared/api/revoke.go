package api

import (
	"context"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/protocol"
)

type revokeBody struct {
	Reason string `json:"reason"`
}

// Revoke handles POST /v1/licenses/{id}/revoke.
func Revoke(revoker *issuing.Revoker) http.Handler {
	route := revokeRoute
	return httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in revokeBody) (httpapi.Response, error) {
		id := pathID(r)
		call, ifMatch, err := writeCall(r, route, "/v1/licenses/"+id+"/revoke")
		if err != nil {
			return httpapi.Response{}, err
		}
		return changed(revoker.Revoke(ctx, call, issuing.RevocationRequest{ID: id, Reason: in.Reason, IfMatch: ifMatch}))
	})
}

// changed answers a write that makes no license with its frozen answer.
func changed(outcome protocol.Outcome, err error) (httpapi.Response, error) {
	response, err := issued(outcome, err)
	if err == nil {
		response.Status = http.StatusOK
		response.Header.Del("Location")
	}
	return response, err
}
