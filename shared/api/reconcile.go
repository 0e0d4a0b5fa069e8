package api

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/reconcile"
)

// Reconcile handles POST /v1/reconcile.
func Reconcile(runner *reconcile.Runner) Endpoint {
	route := reconcileRoute
	return route.at(httpapi.Handle(route.options(0), func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		call, _, err := writeCall(r, route, route.Path)
		if err != nil {
			return httpapi.Response{}, err
		}
		outcome, err := runner.Start(ctx, call)
		if err != nil {
			return httpapi.Response{}, err
		}
		header := http.Header{}
		if outcome.Replayed {
			header.Set("Idempotency-Replayed", "true")
		} else {
			var answer struct{ Run reconcile.Run }
			if err := json.Unmarshal(outcome.Body, &answer); err != nil {
				return httpapi.Response{}, err
			}
			logRun(ctx, answer.Run)
		}
		return httpapi.Response{Header: header, Body: httpapi.Raw(outcome.Body)}, nil
	}))
}

// ReconcileTick is the operation behind the schedule.
func ReconcileTick(runner *reconcile.Runner) func(context.Context) error {
	return func(ctx context.Context) error {
		run, err := runner.Tick(ctx)
		if run != nil {
			logRun(ctx, *run)
		}
		return err
	}
}

// logRun writes the line that an alarm is to read: { ($.msg = "reconciled") && ($.findings > 0) }. A run that is not at
// its end writes it each time that it goes on.
func logRun(ctx context.Context, run reconcile.Run) {
	slog.InfoContext(ctx, "reconciled", "run", run.ID, "state", run.State, "findings", run.Findings, "licenses", run.Checked.Licenses,
		"servers", run.Checked.Servers, "entries", run.Checked.Entries)
}

type findingsAnswer struct {
	Run        *reconcile.Run     `json:"run"`
	Items      []reconcile.Listed `json:"items"`
	NextCursor license.Optional   `json:"nextCursor"`
}

// Findings handles GET /v1/findings.
func Findings(runner *reconcile.Runner) Endpoint {
	options := findingsRoute.options(0)
	options.Query = []string{"run", "cursor", "limit"}
	return findingsRoute.at(httpapi.Handle(options, func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		limit, err := r.QueryInt("limit", reconcile.DefaultLimit, 1, reconcile.MaxLimit)
		if err := license.Collect(err, r.NotEmpty("run")); err != nil {
			return httpapi.Response{}, err
		}
		page, err := runner.Findings(ctx, r.Caller, r.Query("run"), r.Query("cursor"), limit)
		if err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{Body: findingsAnswer{page.Run, append([]reconcile.Listed{}, page.Findings...), license.Optional(page.Next)}}, nil
	}))
}
