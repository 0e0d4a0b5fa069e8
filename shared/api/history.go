package api

import (
	"context"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/history"
)

type historyAnswer struct {
	Items      []history.Event  `json:"items"`
	Chains     []history.Chain  `json:"chains"`
	NextCursor license.Optional `json:"nextCursor"`
}

// History handles GET /v1/licenses/{id}/history.
func History(reader *history.Reader) Endpoint {
	options := historyRoute.options(0)
	options.Query = []string{"cursor", "limit", "checkpoint"}
	return historyRoute.at(httpapi.Handle(options, func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		limit, err := r.QueryInt("limit", history.DefaultLimit, 1, history.MaxLimit)
		if err := license.Collect(err, r.NotEmpty("checkpoint")); err != nil {
			return httpapi.Response{}, err
		}
		page, err := reader.Events(ctx, r.Caller, pathID(r), r.Query("cursor"), limit, r.Query("checkpoint"))
		if err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{Body: historyAnswer{append([]history.Event{}, page.Events...), page.Chains, license.Optional(page.Next)}}, nil
	}))
}
