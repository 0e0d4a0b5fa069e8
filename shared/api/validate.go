package api

import (
	"context"
	"fmt"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/registry"
	"qmslicensing/shared/license/verdict"
)

type validateBody struct {
	LicenseKey  string         `json:"licenseKey"`
	ServerToken *string        `json:"serverToken"`
	Assigned    *license.Seats `json:"assigned"`
}

// Validate handles POST /v1/licenses/validate.
func Validate(validator *verdict.Validator) http.Handler {
	return httpapi.Handle(validateRoute.options(maxBody), func(ctx context.Context, _ httpapi.Request, in validateBody) (httpapi.Response, error) {
		if in.LicenseKey == "" {
			return httpapi.Response{}, license.Invalid("/licenseKey", "Paste the license key.")
		}
		question := verdict.Question{LicenseKey: in.LicenseKey, Assigned: in.Assigned}
		if in.ServerToken != nil {
			token, err := license.ParseServerToken(*in.ServerToken)
			if err != nil {
				return httpapi.Response{}, license.PointAt(err, "/serverToken")
			}
			question.ServerToken = token
		}
		if err := checkAssigned(in.Assigned); err != nil {
			return httpapi.Response{}, err
		}
		answer, err := validator.Validate(ctx, question)
		return httpapi.Response{Body: answer}, err
	})
}

// checkAssigned bounds the counts of users.
func checkAssigned(assigned *license.Seats) error {
	if assigned == nil {
		return nil
	}
	var errs []error
	for _, module := range license.AllModules() {
		if n := assigned.Of(module); n < 0 || n > license.MaxQuantity {
			errs = append(errs, license.Invalid("/assigned/"+string(module), "The number of %s users must be 0 to 100,000; this is %d.", module.Name(), n))
		}
	}
	return license.Collect(errs...)
}

// Fates answers the validator's question to the registry from its store.
func Fates(store registry.Store) verdict.Registry { return fates{store} }

type fates struct{ store registry.Store }

func (f fates) Fate(ctx context.Context, licenseID string) (verdict.Fate, error) {
	found, changedOn, err := f.store.License(ctx, licenseID)
	if err != nil {
		return verdict.Fate{}, fmt.Errorf("reading the record of a license: %w", err)
	}
	return verdict.Fate{Status: found.Status, On: changedOn}, nil
}
