package lambdahttp_test

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"qmslicensing/shared/lambdahttp"
)

func TestHandler_HandsOverTheWholeRequest(t *testing.T) {
	var event events.APIGatewayV2HTTPRequest
	event.RequestContext.HTTP.Method, event.RequestContext.HTTP.Path = "POST", "/v1/servers/A B/license"
	event.RawPath, event.RawQueryString = "/v1/servers/A B/license", "limit=2&cursor=a%2Bb"
	event.Headers = map[string]string{"content-type": "application/json", "if-match": `"3"`}
	event.PathParameters = map[string]string{"serverToken": "A B"}
	event.RouteKey = "POST /v1/servers/{serverToken}/license"
	event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("{\"x\":\"\xff\"}")), true
	handler := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, "{\"x\":\"\xff\"}", string(body))
		require.Equal(t, "POST", r.Method)
		require.Equal(t, "A B", r.PathValue("serverToken"))
		require.Equal(t, "POST /v1/servers/{serverToken}/license", r.Pattern, "which route it is, API Gateway has found out")
		require.Equal(t, "a+b", r.URL.Query().Get("cursor"))
		require.Equal(t, `"3"`, r.Header.Get("If-Match"))
		w.Header().Set("ETag", `"4"`)
		w.Header().Set("X-Two", "a")
		w.Header().Add("X-Two", "b")
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusTeapot)
		_, err = w.Write([]byte("ö"))
		require.NoError(t, err)
	}))
	answer, err := handler(context.Background(), event)
	require.NoError(t, err)
	require.Equal(t, 201, answer.StatusCode, "the first status is sent")
	require.Equal(t, "ö", answer.Body)
	require.Equal(t, map[string]string{"etag": `"4"`, "x-two": "a,b"}, answer.Headers)

	event.Body = "%"
	_, err = handler(context.Background(), event)
	require.Error(t, err)
}

func TestHandler_WhoDoesNotComeThroughCloudFrontIsRefused(t *testing.T) {
	first, second := "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
	for _, c := range []struct {
		name    string
		secrets []string
		header  map[string]string
		status  int
	}{
		{"no secret is set", nil, nil, 200},
		{"the secret", []string{first}, map[string]string{"x-origin-secret": first}, 200},
		{"the new one", []string{first, second}, map[string]string{"x-origin-secret": first}, 200},
		{"the old one while it changes", []string{first, second}, map[string]string{"x-origin-secret": second}, 200},
		{"none", []string{first}, nil, 403},
		{"an empty one", []string{first}, map[string]string{"x-origin-secret": ""}, 403},
		{"another", []string{first}, map[string]string{"x-origin-secret": second}, 403},
		{"its beginning", []string{first}, map[string]string{"x-origin-secret": first[:31]}, 403},
		{"none where an empty one is set", []string{""}, nil, 403},
		{"an empty one where one is set", []string{""}, map[string]string{"x-origin-secret": ""}, 403},
		{"none where an empty one is set too", []string{first, ""}, nil, 403},
		{"the secret where an empty one is set too", []string{"", first}, map[string]string{"x-origin-secret": first}, 200},
		{"both as they are set", []string{first, second}, map[string]string{"x-origin-secret": first + "," + second}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			reached := false
			handler := lambdahttp.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				reached = true
				require.Empty(t, r.Header.Get("X-Origin-Secret"), "it goes no further")
			}), c.secrets...)
			var event events.APIGatewayV2HTTPRequest
			event.RequestContext.HTTP.Method, event.RequestContext.RequestID, event.Headers = "GET", "r-1", c.header
			answer, err := handler(context.Background(), event)
			require.NoError(t, err)
			require.Equal(t, c.status, answer.StatusCode)
			require.Equal(t, c.status == 200, reached)
			if c.status == 403 {
				require.Equal(t, "application/problem+json", answer.Headers["content-type"])
				require.Contains(t, answer.Body, `"code":"forbidden"`)
				require.Contains(t, answer.Body, "address of the portal")
			}
		})
	}
}
