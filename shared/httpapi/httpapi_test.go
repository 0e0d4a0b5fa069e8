package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
)

// body is what the test endpoint takes.
type body struct {
	Name  string       `json:"name"`
	Count int          `json:"count"`
	On    license.Date `json:"on"`
}

// serve sends one request to an endpoint and decodes its answer.
func serve(t *testing.T, h http.Handler, r *http.Request, claims map[string]string) (int, http.Header, map[string]any) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(httpapi.WithIdentity(r.Context(), httpapi.Identity{RequestID: "request-1", Claims: claims})))
	var answer map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer), w.Body.String())
	return w.Code, w.Header(), answer
}

func post(text string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return r
}

func endpoint(operation func(context.Context, httpapi.Request, body) (httpapi.Response, error)) http.Handler {
	return httpapi.Handle(httpapi.Options{Route: "POST /", MaxBody: 1 << 10}, operation)
}

func TestHandle_UnknownErrorsAndPanicsAreInternalAndStripped(t *testing.T) {
	for name, operation := range map[string]func(context.Context, httpapi.Request, body) (httpapi.Response, error){
		"an error": func(context.Context, httpapi.Request, body) (httpapi.Response, error) {
			return httpapi.Response{}, errors.New("the secret detail")
		},
		"a panic": func(context.Context, httpapi.Request, body) (httpapi.Response, error) { panic("the secret detail") },
	} {
		t.Run(name, func(t *testing.T) {
			status, header, answer := serve(t, endpoint(operation), post(`{}`), nil)
			require.Equal(t, 500, status)
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
			require.Equal(t, "no-store", header.Get("Cache-Control"))
			require.Equal(t, "internal", answer["code"])
			require.Equal(t, "request-1", answer["requestId"])
			require.NotContains(t, fmt.Sprint(answer), "secret")
		})
	}
}

func TestHandle_UnavailableSaysWhenToTryAgain(t *testing.T) {
	h := endpoint(func(context.Context, httpapi.Request, body) (httpapi.Response, error) {
		return httpapi.Response{}, fmt.Errorf("wrapped: %w", &license.Error{Code: license.Unavailable, Detail: "Later.", RetryAfter: 5 * time.Second})
	})
	status, header, answer := serve(t, h, post(`{}`), nil)
	require.Equal(t, 503, status)
	require.Equal(t, "5", header.Get("Retry-After"))
	require.Equal(t, map[string]any{"retryAfter": 5.0}, answer["params"])
}

func TestHandle_DecodesStrictly(t *testing.T) {
	h := endpoint(func(_ context.Context, _ httpapi.Request, in body) (httpapi.Response, error) {
		return httpapi.Response{Body: in}, nil
	})
	status, _, answer := serve(t, h, post(` {"name":"Ä","count":3,"on":"2028-02-29"} `), nil)
	require.Equal(t, 200, status)
	require.Equal(t, map[string]any{"name": "Ä", "count": 3.0, "on": "2028-02-29"}, answer)
	for text, pointer := range map[string]string{
		`{"NAME":"x"}`:              "/NAME",
		`{"name":"x","name":"y"}`:   "/name",
		`{"count":"3"}`:             "/count",
		`{"count":3.5}`:             "/count",
		`{"count":1e99}`:            "/count",
		`{"on":"2027-02-29"}`:       "/on",
		`{"on":20270228}`:           "/on",
		`{"name":{}}`:               "/name",
		`{"a/b~c":1}`:               "/a~1b~0c",
		`{"name":"` + "\xc3" + `"}`: "",
		`{"name":"\ud800"}`:         "",
		``:                          "",
		`null null`:                 "",
		`{"name":"x"} x`:            "",
		`{"name":"x"`:               "",
		strings.Repeat(`[`, 17) + strings.Repeat(`]`, 17): "",
	} {
		status, _, answer := serve(t, h, post(text), nil)
		require.Equal(t, 400, status, "%q: %v", text, answer)
		require.Equal(t, "invalid_request", answer["code"], text)
		if pointer != "" {
			require.Equal(t, pointer, answer["errors"].([]any)[0].(map[string]any)["pointer"], text)
		}
	}
	status, _, answer = serve(t, h, post(`{"name":"`+strings.Repeat("x", 1<<10)+`"}`), nil)
	require.Equal(t, 413, status)
	require.Equal(t, "payload_too_large", answer["code"])
}

func TestHandle_WhoIsStaff(t *testing.T) {
	h := httpapi.Handle(httpapi.Options{Route: "GET /", Staff: true, AnyOf: []license.Operation{license.Renew, license.Find}},
		func(_ context.Context, r httpapi.Request, _ struct{}) (httpapi.Response, error) {
			return httpapi.Response{Body: map[string]string{"role": string(r.Caller.Role), "username": r.Caller.Username}}, nil
		})
	good := map[string]string{"token_use": "access", "scope": "openid licensing/staff", "sub": "s", "username": "maria", "cognito:groups": "[accounting]"}
	status, _, answer := serve(t, h, httptest.NewRequest("GET", "/", nil), good)
	require.Equal(t, 200, status)
	require.Equal(t, map[string]any{"role": "accounting", "username": "maria"}, answer)
	for name, change := range map[string][2]string{
		"an ID token":                  {"token_use", "id"},
		"no scope":                     {"scope", "openid"},
		"a longer scope":               {"scope", "licensing/staffing"},
		"no subject":                   {"sub", ""},
		"no username":                  {"username", ""},
		"no group":                     {"cognito:groups", ""},
		"an unknown group":             {"cognito:groups", "[root]"},
		"two of the groups":            {"cognito:groups", "[sales accounting]"},
		"a group that only looks like": {"cognito:groups", "[accounting,admin]"},
	} {
		t.Run(name, func(t *testing.T) {
			claims := map[string]string{}
			for k, v := range good {
				claims[k] = v
			}
			claims[change[0]] = change[1]
			status, _, answer := serve(t, h, httptest.NewRequest("GET", "/", nil), claims)
			require.Equal(t, 403, status)
			require.Equal(t, "forbidden", answer["code"])
		})
	}
	status, _, _ = serve(t, h, httptest.NewRequest("GET", "/", nil), nil)
	require.Equal(t, 403, status, "without claims it fails closed")
}
