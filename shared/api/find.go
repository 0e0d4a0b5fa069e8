package api

import (
	"context"
	"net/http"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/registry"
)

type licenseAnswer struct {
	License license.License `json:"license"`
}

// Show handles GET /v1/licenses/{id}.
func Show(reader *registry.Reader) Endpoint {
	return showRoute.at(httpapi.Handle(showRoute.options(0), func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		found, err := reader.Show(ctx, r.Caller, pathID(r))
		if err != nil {
			return httpapi.Response{}, err
		}
		header := http.Header{}
		header.Set("ETag", httpapi.ETag(found.Version))
		return httpapi.Response{Header: header, Body: licenseAnswer{found}}, nil
	}))
}

type searchAnswer struct {
	Items      []license.License `json:"items"`
	NextCursor license.Optional  `json:"nextCursor"`
}

// Search handles GET /v1/licenses.
func Search(finder *registry.Finder) Endpoint {
	options := searchRoute.options(0)
	options.Query = append(registry.Filters(), "cursor", "limit")
	return searchRoute.at(httpapi.Handle(options, func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		limit, limitErr := r.QueryInt("limit", registry.DefaultLimit, 1, registry.MaxLimit)
		query, queryErr := registry.Parse("query:", r.Given(registry.Filters()))
		if err := license.Collect(queryErr, limitErr); err != nil {
			return httpapi.Response{}, err
		}
		page, err := finder.Search(ctx, r.Caller, query, r.Query("cursor"), limit)
		if err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{Body: searchAnswer{append([]license.License{}, page.Licenses...), license.Optional(page.Next)}}, nil
	}))
}

type expirationsAnswer struct {
	Months []registry.Month `json:"months"`
}

// Expirations handles GET /v1/expirations.
func Expirations(finder *registry.Finder) Endpoint {
	options := expirationsRoute.options(0)
	options.Query = []string{"from", "months"}
	return expirationsRoute.at(httpapi.Handle(options, func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		months, monthsErr := r.QueryInt("months", registry.DefaultMonths, 1, registry.MaxMonths)
		from, fromErr := registry.ParseMonth("query:", r.Given([]string{"from"}))
		if err := license.Collect(fromErr, monthsErr); err != nil {
			return httpapi.Response{}, err
		}
		counted, err := finder.Expirations(ctx, r.Caller, from, months)
		return httpapi.Response{Body: expirationsAnswer{counted}}, err
	}))
}

// retrievedLicense is the License View with its key: all that a stranger who knows the Server Token may see.
type retrievedLicense struct {
	ServerToken license.ServerToken `json:"serverToken"`
	Type        license.Type        `json:"type"`
	Status      license.Status      `json:"status"`
	ExpiresOn   license.Date        `json:"expiresOn"`
	Modules     license.Modules     `json:"modules"`
	Seats       license.Seats       `json:"seats"`
	LicenseKey  string              `json:"licenseKey"`
}

type retrieveAnswer struct {
	License retrievedLicense `json:"license"`
}

// Retrieve handles GET /v1/servers/{serverToken}/license.
func Retrieve(reader *registry.Reader) http.Handler {
	return httpapi.Handle(retrieveRoute.options(0), func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		l, err := reader.Retrieve(ctx, r.Path("serverToken"))
		if err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{Body: retrieveAnswer{retrievedLicense{l.ServerToken, l.Type, l.Status, l.ExpiresOn, l.Modules, l.Seats, string(l.LicenseKey)}}}, nil
	})
}
