// Package lambdahttp serves an http.Handler as a Lambda function behind an API Gateway HTTP API, payload format 2.0.
package lambdahttp

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
)

// originHeader is what CloudFront adds to every request, and what a caller of the API's own address does not know.
const originHeader = "x-origin-secret"

// Handler adapts h. The request's Pattern (the route key, such as "GET /v1/licenses/{id}"), path parameters, the request id
// and the authorizer's claims come from the event; API Gateway's authorizer is the only source of claims. With secrets given, a request must carry one of them in x-origin-secret, or it
// is refused with 403 forbidden: whoever goes around CloudFront goes around its web ACL.
func Handler(h http.Handler, secrets ...string) func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	return func(ctx context.Context, event events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		request, err := newRequest(ctx, event)
		if err != nil {
			return events.APIGatewayV2HTTPResponse{}, fmt.Errorf("reading event %s: %w", event.RequestContext.RequestID, err)
		}
		recorder := newRecorder()
		if cameThrough(event.Headers[originHeader], secrets) {
			h.ServeHTTP(recorder, request)
		} else {
			httpapi.Refusal(recorder, license.Refuse(license.Forbidden, "This address is not for callers. Send the same request to the address of the portal."), event.RequestContext.RequestID)
		}
		if tooLarge(recorder.body.Bytes()) {
			recorder = newRecorder()
			httpapi.Refusal(recorder, license.Refuse(license.PayloadTooLarge, "The answer would be larger than 6 MB, the most here. Send less at once, for a downgrade check shorter names or only the counts."), event.RequestContext.RequestID)
		}
		response := events.APIGatewayV2HTTPResponse{
			StatusCode: recorder.status,
			Headers:    map[string]string{},
			Body:       recorder.body.String(),
		}
		for name, values := range recorder.header {
			response.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
		return response, nil
	}
}

// cameThrough reports whether a request carries one of the secrets, in a time that does not tell how much of it is right.
// An empty secret is nobody's: a request without the header would carry it.
func cameThrough(sent string, secrets []string) bool {
	known := len(secrets) == 0
	for _, secret := range secrets {
		known = subtle.ConstantTimeCompare([]byte(sent), []byte(secret)) == 1 && secret != "" || known
	}
	return known
}

// maxAnswer is the most bytes of an invocation's answer, as Lambda counts them; a margin is left for status and headers.
const maxAnswer = 6<<20 - 64<<10

// tooLarge reports whether a body, as the JSON text that Lambda makes of it, is larger than an answer may be.
func tooLarge(body []byte) bool {
	if len(body) <= maxAnswer/6 { // no character takes more than six
		return false
	}
	text, err := json.Marshal(string(body))
	return err != nil || len(text) > maxAnswer
}

func newRequest(ctx context.Context, event events.APIGatewayV2HTTPRequest) (*http.Request, error) {
	body := []byte(event.Body)
	if event.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(event.Body)
		if err != nil {
			return nil, fmt.Errorf("decoding the body: %w", err)
		}
		body = decoded
	}
	identity := httpapi.Identity{RequestID: event.RequestContext.RequestID}
	if authorizer := event.RequestContext.Authorizer; authorizer != nil && authorizer.JWT != nil {
		identity.Claims = authorizer.JWT.Claims
	}
	request, err := http.NewRequestWithContext(httpapi.WithIdentity(ctx, identity), event.RequestContext.HTTP.Method, "/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.URL = &url.URL{Path: event.RequestContext.HTTP.Path, RawPath: event.RawPath, RawQuery: event.RawQueryString}
	request.Pattern = event.RouteKey
	for name, value := range event.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Del(originHeader) // it has served; no log and no handler needs it
	for name, value := range event.PathParameters {
		request.SetPathValue(name, value)
	}
	return request, nil
}

func newRecorder() *recorder { return &recorder{header: http.Header{}, status: http.StatusOK} }

// recorder collects an answer.
type recorder struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	written bool
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.written {
		r.status, r.written = status, true
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}
