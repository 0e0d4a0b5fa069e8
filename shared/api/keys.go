package api

import (
	"context"
	"encoding/base64"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

type jwk struct {
	KeyType      string         `json:"kty"`
	Curve        string         `json:"crv"`
	X            string         `json:"x"`
	Y            string         `json:"y"`
	Algorithm    string         `json:"alg"`
	Use          string         `json:"use"`
	ID           string         `json:"kid"`
	LicenseTypes []license.Type `json:"licenseTypes"`
}

type keySet struct {
	Keys []jwk `json:"keys"`
}

// Keys handles GET /.well-known/jwks.json.
func Keys(ring *keyring.Ring) Endpoint {
	return keysRoute.at(httpapi.Handle(keysRoute.options(0), func(ctx context.Context, _ httpapi.Request, _ struct{}) (httpapi.Response, error) {
		entries, err := ring.All(ctx)
		if err != nil {
			return httpapi.Response{}, err
		}
		set := keySet{Keys: make([]jwk, 0, len(entries))}
		for _, e := range entries {
			point, err := e.Public.Bytes() // 4, x and y of 32 bytes each
			if err != nil {
				return httpapi.Response{}, err
			}
			set.Keys = append(set.Keys, jwk{
				KeyType: "EC", Curve: "P-256", Algorithm: "ES256", Use: "sig", ID: e.ID, LicenseTypes: e.Types,
				X: base64.RawURLEncoding.EncodeToString(point[1:33]), Y: base64.RawURLEncoding.EncodeToString(point[33:]),
			})
		}
		return httpapi.Response{Body: set}, nil
	}))
}

type keyAges struct {
	Keys []keyring.Age `json:"keys"`
}

// KeyAges handles GET /v1/keys.
func KeyAges(ring *keyring.Ring) Endpoint {
	return keyAgesRoute.at(httpapi.Handle(keyAgesRoute.options(0), func(ctx context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
		ages, err := ring.Ages(ctx, r.Caller)
		return httpapi.Response{Body: keyAges{ages}}, err
	}))
}
