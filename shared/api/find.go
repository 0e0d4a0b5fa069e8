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
func Show(reader *registry.Reader) http.Handler {
	return httpapi.Handle(showRoute.options(0), func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		found, err := reader.Show(ctx, r.Caller, r.Path("id"))
		if err != nil {
			return httpapi.Response{}, err
		}
		header := http.Header{}
		header.Set("ETag", httpapi.ETag(found.Version))
		return httpapi.Response{Header: header, Body: licenseAnswer{found}}, nil
	})
}

type searchAnswer struct {
	Items      []license.License `json:"items"`
	NextCursor license.Optional  `json:"nextCursor"`
}

// Search handles GET /v1/licenses.
func Search(reader *registry.Reader) http.Handler {
	options := searchRoute.options(0)
	options.Query = []string{"serverToken", "cursor", "limit"}
	return httpapi.Handle(options, func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		limit, err := r.QueryInt("limit", registry.DefaultLimit, 1, registry.MaxLimit)
		if err != nil {
			return httpapi.Response{}, err
		}
		page, err := reader.Search(ctx, r.Caller, r.Query("serverToken"), r.Query("cursor"), limit)
		if err != nil {
			return httpapi.Response{}, err
		}
		return httpapi.Response{Body: searchAnswer{append([]license.License{}, page.Licenses...), license.Optional(page.Next)}}, nil
	})
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
