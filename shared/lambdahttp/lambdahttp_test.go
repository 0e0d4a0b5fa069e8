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
	event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte("{\"x\":\"\xff\"}")), true
	handler := lambdahttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, "{\"x\":\"\xff\"}", string(body))
		require.Equal(t, "POST", r.Method)
		require.Equal(t, "A B", r.PathValue("serverToken"))
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
