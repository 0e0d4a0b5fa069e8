package e2e_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
)

// TestOrigin_TheAPIsOwnAddressIsNoWayAroundCloudFront calls every function behind a route as the API's own address would:
// without what only the origin knows.
func TestOrigin_TheAPIsOwnAddressIsNoWayAroundCloudFront(t *testing.T) {
	s := shared
	for _, route := range s.Stack.Application.Routes {
		for _, secret := range []string{"", "guessed-guessed-guessed-guessed-guessed"} {
			var event events.APIGatewayV2HTTPRequest
			event.RouteKey = route.Method + " " + route.Path
			event.RequestContext.HTTP.Method, event.RequestContext.HTTP.Path = route.Method, route.Path
			event.RequestContext.RequestID, event.Headers = "r-1", map[string]string{"x-origin-secret": secret}
			text, err := json.Marshal(event)
			require.NoError(t, err)
			payload, err := s.Functions.Invoke(context.Background(), route.Function, text)
			require.NoError(t, err)
			var answer events.APIGatewayV2HTTPResponse
			require.NoError(t, json.Unmarshal(payload, &answer))
			require.Equal(t, 403, answer.StatusCode, route.Path)
			require.Contains(t, answer.Body, `"code":"forbidden"`)
			requireValid(t, "/components/schemas/Problem", []byte(answer.Body))
		}
	}
	r := s.send(t, request{method: "GET", path: "/.well-known/jwks.json", header: map[string]string{"X-Origin-Secret": "guessed"}})
	require.Equal(t, 200, r.status, "the origin sets its own in the place of what a caller sends")
}
