package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/batch"
	"qmslicensing/shared/license/registry"
)

type renewalsBody struct {
	DryRun *bool `json:"dryRun"` // absent: true, so that nothing happens by a slip

	Contract   *string         `json:"contract"`
	LicenseIDs []string        `json:"licenseIds"`
	Filter     *renewalsFilter `json:"filter"`
	Licenses   []renewalTarget `json:"licenses"`

	NewContract *string      `json:"newContract"`
	TermMonths  *int         `json:"termMonths"`
	ExpiresOn   license.Date `json:"expiresOn"`
	Basis       string       `json:"basis"`
}

// renewalsFilter has those filters of the search that make sense for subscriptions to be renewed.
type renewalsFilter struct {
	Customer    *string `json:"customer"`
	Contract    *string `json:"contract"`
	Status      *string `json:"status"`
	IssuedBy    *string `json:"issuedBy"`
	ExpiresFrom *string `json:"expiresFrom"`
	ExpiresTo   *string `json:"expiresTo"`
}

type renewalTarget struct {
	LicenseID string `json:"licenseId"`
	Version   int    `json:"version"`
}

// Renewals handles POST /v1/renewals: a dry run, or the run.
func Renewals(renewer *batch.Renewer) Endpoint {
	route := renewalsRoute
	return route.at(httpapi.Handle(route.options(maxBody), func(ctx context.Context, r httpapi.Request, in renewalsBody) (httpapi.Response, error) {
		contract, contractErr := notEmpty("/newContract", in.NewContract)
		months, monthsErr := termMonths(in.TermMonths)
		if err := license.Collect(contractErr, monthsErr); err != nil {
			return httpapi.Response{}, err
		}
		terms := batch.Terms{Contract: contract, TermMonths: months, ExpiresOn: in.ExpiresOn, Basis: license.RenewalBasis(in.Basis)}
		if in.DryRun == nil || *in.DryRun {
			return previewRenewals(ctx, renewer, r, in, terms)
		}
		return runRenewals(ctx, renewer, r, in, terms)
	}))
}

// renewalForecast is what would become of one license; of one that cannot be read there is nothing but the problem.
type renewalForecast struct {
	LicenseID    string              `json:"licenseId"`
	Version      int                 `json:"version,omitzero"`
	ServerToken  license.ServerToken `json:"serverToken,omitzero"`
	Customer     string              `json:"customer,omitzero"`
	Contract     *license.Optional   `json:"contract,omitzero"`
	ExpiresOn    *license.Date       `json:"expiresOn,omitzero"`
	NewExpiresOn *license.Date       `json:"newExpiresOn,omitzero"`
	Problem      *httpapi.Problem    `json:"problem,omitzero"`
}

type renewalsPreview struct {
	Items []renewalForecast `json:"items"`
	Count int               `json:"count"`
}

// previewRenewals answers a dry run. It needs no Idempotency-Key, but one that is sent must be one.
func previewRenewals(ctx context.Context, renewer *batch.Renewer, r httpapi.Request, in renewalsBody, terms batch.Terms) (httpapi.Response, error) {
	selection, err := in.selection()
	if r.Sent("Idempotency-Key") {
		_, keyErr := r.IdempotencyKey()
		err = license.Collect(keyErr, err)
	}
	if err != nil {
		return httpapi.Response{}, err
	}
	found, err := renewer.Preview(ctx, r.Caller, selection, terms)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer := renewalsPreview{make([]renewalForecast, len(found)), len(found)}
	for n, f := range found {
		item := renewalForecast{LicenseID: f.LicenseID, Problem: rowProblem(ctx, r.Caller, f.LicenseID, f.Err)}
		if f.Old.ID != "" {
			item.Version, item.ServerToken, item.Customer = f.Old.Version, f.Old.ServerToken, f.Old.Customer
			item.Contract, item.ExpiresOn = &f.Old.Contract, &f.Old.ExpiresOn
		}
		if f.Err == nil {
			item.NewExpiresOn = &f.New.ExpiresOn
		}
		answer.Items[n] = item
	}
	return httpapi.Response{Body: answer}, nil
}

// selection reads which licenses a dry run is about: exactly one of the three ways to say so.
func (in renewalsBody) selection() (batch.Selection, error) {
	if in.Licenses != nil {
		return batch.Selection{}, license.Invalid("/licenses", "licenses, with their versions, are what a run takes. Send dryRun false with them; for a dry run name contract, licenseIds or filter.")
	}
	var chosen []string
	for _, way := range []struct {
		name  string
		given bool
	}{{"contract", in.Contract != nil}, {"licenseIds", in.LicenseIDs != nil}, {"filter", in.Filter != nil}} {
		if way.given {
			chosen = append(chosen, way.name)
		}
	}
	if len(chosen) != 1 {
		pointer := "/contract"
		if len(chosen) > 1 {
			pointer = "/" + chosen[1]
		}
		return batch.Selection{}, license.Invalid(pointer, "Say which licenses to renew: exactly one of contract, licenseIds and filter; here are %d of them.", len(chosen))
	}
	if in.LicenseIDs != nil {
		return batch.Selection{IDs: in.LicenseIDs}, nil
	}
	where, given := "/", map[string]string{}
	if in.Contract != nil {
		given["contract"] = *in.Contract
	} else if where, given = "/filter/", in.Filter.given(); len(given) == 0 {
		return batch.Selection{}, license.Invalid("/filter", "The filter is empty. Give it at least one member, such as customer or expiresTo.")
	}
	query, err := registry.Parse(where, given)
	return batch.Selection{Query: &query}, license.Collect(err, in.Filter.checkStatus())
}

func (f *renewalsFilter) given() map[string]string {
	given := map[string]string{}
	for name, value := range map[string]*string{
		"customer": f.Customer, "contract": f.Contract, "status": f.Status, "issuedBy": f.IssuedBy,
		"expiresFrom": f.ExpiresFrom, "expiresTo": f.ExpiresTo,
	} {
		if value != nil {
			given[name] = *value
		}
	}
	return given
}

// checkStatus refuses a status in which no license is renewed. What is no status at all, the query refuses.
func (f *renewalsFilter) checkStatus() error {
	if f == nil || f.Status == nil {
		return nil
	}
	switch license.Status(*f.Status) {
	case license.Superseded, license.Revoked, license.Pending, license.Void:
		return license.Invalid("/filter/status", "Only licenses that are active or expired are renewed; this is %q. Choose one of the two, or leave it out for both.", *f.Status)
	}
	return nil
}

// renewalRow is what became of one license. License is the frozen answer's.
type renewalRow struct {
	LicenseID         string           `json:"licenseId"`
	Result            batch.Result     `json:"result"`
	License           httpapi.Raw      `json:"license,omitzero"`
	PreviousExpiresOn httpapi.Raw      `json:"previousExpiresOn,omitzero"`
	Replayed          *bool            `json:"replayed,omitzero"`
	Problem           *httpapi.Problem `json:"problem,omitzero"`
}

type renewalsRun struct {
	Items        []renewalRow `json:"items"`
	Renewed      int          `json:"renewed"`
	Failed       int          `json:"failed"`
	NotAttempted int          `json:"notAttempted"`
}

func runRenewals(ctx context.Context, renewer *batch.Renewer, r httpapi.Request, in renewalsBody, terms batch.Terms) (httpapi.Response, error) {
	call, _, err := writeCall(r, renewalsRoute, renewalsRoute.Path)
	if err := license.Collect(err, in.checkRun()); err != nil {
		return httpapi.Response{}, err
	}
	targets := make([]batch.Target, len(in.Licenses))
	for n, target := range in.Licenses {
		targets[n] = batch.Target{ID: target.LicenseID, Version: target.Version}
	}
	rows, err := renewer.Run(ctx, call, targets, terms)
	if err != nil {
		return httpapi.Response{}, err
	}
	answer := renewalsRun{Items: make([]renewalRow, len(rows))}
	for n, row := range rows {
		if answer.Items[n], err = renewalRowOf(ctx, r.Caller, row); err != nil {
			return httpapi.Response{}, err
		}
		switch row.Result {
		case batch.Renewed:
			answer.Renewed++
		case batch.Failed:
			answer.Failed++
		case batch.NotAttempted:
			answer.NotAttempted++
		}
	}
	return httpapi.Response{Body: answer}, nil
}

// checkRun wants of a run what a dry run has answered: a filter could find other licenses than those that were looked at.
func (in renewalsBody) checkRun() error {
	var errs []error
	for pointer, given := range map[string]bool{"/contract": in.Contract != nil, "/licenseIds": in.LicenseIDs != nil, "/filter": in.Filter != nil} {
		if given {
			errs = append(errs, license.Invalid(pointer, "A run takes licenses, each with the version that the dry run answered, so that what is renewed is what you saw. Leave %s out, or send dryRun true.", pointer[1:]))
		}
	}
	return license.Collect(errs...)
}

func renewalRowOf(ctx context.Context, caller license.Caller, row batch.Row) (renewalRow, error) {
	shown := renewalRow{LicenseID: row.LicenseID, Result: row.Result, Problem: rowProblem(ctx, caller, row.LicenseID, row.Err)}
	if row.Result != batch.Renewed {
		return shown, nil
	}
	var frozen struct{ License, PreviousExpiresOn json.RawMessage }
	if err := json.Unmarshal(row.Outcome.Body, &frozen); err != nil {
		return shown, fmt.Errorf("reading the frozen answer of license %s: %w", row.Outcome.LicenseID, err)
	}
	shown.License, shown.PreviousExpiresOn = httpapi.Raw(frozen.License), httpapi.Raw(frozen.PreviousExpiresOn)
	shown.Replayed = &row.Outcome.Replayed
	return shown, nil
}

// rowProblem is a row's failure as its caller sees it, nil if there is none. One that is not the caller's is logged: the
// log line of the request tells of an answer 200.
func rowProblem(ctx context.Context, caller license.Caller, licenseID string, err error) *httpapi.Problem {
	if err == nil {
		return nil
	}
	problem := httpapi.Present(err, caller.RequestID)
	if problem.Status >= http.StatusInternalServerError {
		slog.LogAttrs(ctx, slog.LevelError, "renewal failed", slog.String("route", renewalsRoute.String()), slog.String("requestId", caller.RequestID),
			slog.String("licenseId", licenseID), slog.String("code", string(problem.Code)), slog.String("error", err.Error()))
	}
	return &problem
}
