package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"qmslicensing/infra/local/template"
)

const apiID = "local00000"

// event is the request in payload format 2.0. Paths and path parameters are decoded, the query string as a whole is
// not: so API Gateway hands them over.
func (g *Gateway) event(r *http.Request, m matched, token *verified, body []byte, requestID string) events.APIGatewayV2HTTPRequest {
	now := g.now()
	domain, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		domain, port = r.Host, "80"
	}
	sourceIP, _, _ := net.SplitHostPort(r.RemoteAddr)
	event := events.APIGatewayV2HTTPRequest{
		Version:               "2.0",
		RouteKey:              m.route.key(),
		RawPath:               r.URL.Path,
		RawQueryString:        r.URL.RawQuery,
		Cookies:               cookies(r.Header),
		Headers:               headers(r, sourceIP, port, now.Unix()),
		QueryStringParameters: queryParameters(r.URL.RawQuery),
		PathParameters:        m.parameters,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey:     m.route.key(),
			AccountID:    template.Account,
			Stage:        "$default",
			RequestID:    requestID,
			APIID:        apiID,
			DomainName:   domain,
			DomainPrefix: strings.SplitN(domain, ".", 2)[0],
			Time:         now.UTC().Format("02/Jan/2006:15:04:05 -0700"),
			TimeEpoch:    now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method:    r.Method,
				Path:      r.URL.Path,
				Protocol:  r.Proto,
				SourceIP:  sourceIP,
				UserAgent: r.UserAgent(),
			},
		},
	}
	if token != nil {
		event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: token.claims, Scopes: token.scopes},
		}
	}
	if isText(r.Header.Get("Content-Type"), body) {
		event.Body = string(body)
	} else {
		event.Body = base64.StdEncoding.EncodeToString(body)
		event.IsBase64Encoded = true
	}
	return event
}

// headers are lower-cased, repeats joined by commas, cookies apart.
func headers(r *http.Request, sourceIP, port string, unix int64) map[string]string {
	out := map[string]string{"host": r.Host}
	for name, values := range r.Header {
		if name != "Cookie" {
			out[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	if r.ContentLength >= 0 && (r.ContentLength > 0 || r.Header.Get("Content-Type") != "") {
		out["content-length"] = fmt.Sprint(r.ContentLength)
	}
	forwarded := sourceIP
	if earlier := out["x-forwarded-for"]; earlier != "" {
		forwarded = earlier + ", " + sourceIP
	}
	out["x-forwarded-for"] = forwarded
	out["x-forwarded-port"] = port
	out["x-forwarded-proto"] = "http"
	var id [12]byte
	_, _ = rand.Read(id[:])
	out["x-amzn-trace-id"] = fmt.Sprintf("Root=1-%08x-%s", unix, hex.EncodeToString(id[:]))
	return out
}

func cookies(h http.Header) []string {
	var out []string
	for _, line := range h.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			if pair = strings.TrimSpace(pair); pair != "" {
				out = append(out, pair)
			}
		}
	}
	return out
}

// queryParameters are decoded, repeats joined by commas in the order sent; nil when there are none.
func queryParameters(raw string) map[string]string {
	values, _ := url.ParseQuery(raw) // what does not parse is left out, as it is there
	if len(values) == 0 {
		return nil
	}
	out := make(map[string]string, len(values))
	for name, all := range values {
		out[name] = strings.Join(all, ",")
	}
	return out
}

// isText tells whether a body is handed over as text: by its content type, as API Gateway decides. A body that is not
// UTF-8 cannot stand in JSON, so it goes as base64 whatever it says it is.
func isText(contentType string, body []byte) bool {
	if len(body) == 0 {
		return true
	}
	if !utf8.Valid(body) {
		return false
	}
	if contentType == "" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = strings.ToLower(strings.TrimSpace(strings.SplitN(contentType, ";", 2)[0]))
	}
	switch kind {
	case "application/json", "application/xml", "application/javascript":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}
