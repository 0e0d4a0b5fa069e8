package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/template"
)

var now = time.Date(2026, 11, 23, 13, 5, 6, 0, time.UTC)

// invoker answers by a function, and keeps the last event.
type invoker struct {
	function string
	event    map[string]any
	answer   func() ([]byte, error)
}

func (i *invoker) Invoke(_ context.Context, function string, event []byte) ([]byte, error) {
	i.function, i.event = function, nil
	if err := json.Unmarshal(event, &i.event); err != nil {
		return nil, err
	}
	if i.answer == nil {
		return []byte(`{"statusCode":200,"headers":{"content-type":"application/json"},"body":"{}"}`), nil
	}
	return i.answer()
}

func answering(payload string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(payload), nil }
}

var routes = []template.Route{
	{Method: "POST", Path: "/v1/licenses/validate", Function: "Validate"},
	{Method: "POST", Path: "/v1/licenses/{id}", Function: "ByID"},
	{Method: "GET", Path: "/v1/servers/{serverToken}/license", Function: "Retrieve"},
	{Method: "POST", Path: "/v1/licenses", Function: "Issue", Authorized: true, Scopes: []string{"licensing/staff"}},
}

func serve(t *testing.T, i *invoker, log io.Writer) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(gateway.New(gateway.Config{
		Application: &template.Application{Routes: routes},
		Invoker:     i, AccessLog: log, Now: func() time.Time { return now },
	}))
	t.Cleanup(server.Close)
	return server
}

func send(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	return r
}

func TestGateway_EventIsPayloadFormatTwo(t *testing.T) {
	i := &invoker{}
	server := serve(t, i, nil)
	r := request(t, "GET", server.URL+"/v1/servers/QMSA%20%25X/license?a=1&b=x%20y&a=2", "")
	r.Header.Add("X-Many", "one")
	r.Header.Add("X-Many", "two")
	r.Header.Set("Cookie", "c=1; d=2")
	r.Header.Set("User-Agent", "test")
	response, _ := send(t, r)
	require.Equal(t, 200, response.StatusCode)

	require.Equal(t, "Retrieve", i.function)
	require.Equal(t, "2.0", i.event["version"])
	require.Equal(t, "GET /v1/servers/{serverToken}/license", i.event["routeKey"])
	require.Equal(t, "/v1/servers/QMSA %X/license", i.event["rawPath"])
	require.Equal(t, "a=1&b=x%20y&a=2", i.event["rawQueryString"])
	require.Equal(t, map[string]any{"a": "1,2", "b": "x y"}, i.event["queryStringParameters"])
	require.Equal(t, map[string]any{"serverToken": "QMSA %X"}, i.event["pathParameters"])
	require.Equal(t, []any{"c=1", "d=2"}, i.event["cookies"])
	require.Equal(t, false, i.event["isBase64Encoded"])
	require.NotContains(t, i.event, "body")
	headers := i.event["headers"].(map[string]any)
	require.Equal(t, "one,two", headers["x-many"])
	require.Equal(t, "127.0.0.1", headers["x-forwarded-for"])
	require.Equal(t, strings.TrimPrefix(server.URL, "http://"), headers["host"])
	require.NotContains(t, headers, "cookie")
	ctx := i.event["requestContext"].(map[string]any)
	require.Equal(t, "$default", ctx["stage"])
	require.Equal(t, "000000000000", ctx["accountId"])
	require.Equal(t, "23/Nov/2026:13:05:06 +0000", ctx["time"])
	require.EqualValues(t, now.UnixMilli(), ctx["timeEpoch"])
	require.Equal(t, response.Header.Get("Apigw-Requestid"), ctx["requestId"])
	require.Equal(t, map[string]any{
		"method": "GET", "path": "/v1/servers/QMSA %X/license", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test",
	}, ctx["http"])
}

func TestGateway_BodyIsTextByItsContentType(t *testing.T) {
	for _, c := range []struct {
		contentType, body, want string
		base64                  bool
	}{
		{"application/json", `{"a":"ä"}`, `{"a":"ä"}`, false},
		{"application/problem+json; charset=utf-8", `{}`, `{}`, false},
		{"text/csv", "a", "a", false},
		{"application/octet-stream", "a", "YQ==", true},
		{"application/x-www-form-urlencoded", "a", "YQ==", true},
		{"application/json", "\xff", "/w==", true},
	} {
		i := &invoker{}
		r := request(t, "POST", serve(t, i, nil).URL+"/v1/licenses/validate", c.body)
		r.Header.Set("Content-Type", c.contentType)
		send(t, r)
		require.Equal(t, c.want, i.event["body"], c.contentType)
		require.Equal(t, c.base64, i.event["isBase64Encoded"], c.contentType)
	}
}

func TestGateway_Routes(t *testing.T) {
	for _, c := range []struct{ method, path, function string }{
		{"POST", "/v1/licenses/validate", "Validate"},
		{"POST", "/v1/licenses/validat", "ByID"},
		{"POST", "/v1/licenses/a%2Fb", "ByID"},
		{"POST", "/v1/licenses/", ""},
		{"POST", "/v1/licenses/validate/", ""},
		{"GET", "/v1/licenses/validate", ""},
		{"POST", "/v2", ""},
		{"OPTIONS", "/v1/licenses/validate", ""},
	} {
		i := &invoker{}
		response, body := send(t, request(t, c.method, serve(t, i, nil).URL+c.path, ""))
		require.Equal(t, c.function, i.function, c.method+" "+c.path)
		require.NotEmpty(t, response.Header.Get("Apigw-Requestid"))
		if c.function == "" {
			require.Equal(t, 404, response.StatusCode)
			require.Equal(t, `{"message":"Not Found"}`, body)
			require.Equal(t, "application/json", response.Header.Get("Content-Type"))
		}
	}
}

func TestGateway_Answers(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		status        int
		contentType   string
		body          string
	}{
		{"proxy", `{"statusCode":201,"headers":{"content-type":"application/json","etag":"\"1\""},"body":"{}"}`, 201, "application/json", "{}"},
		{"no content type", `{"statusCode":200,"body":"x"}`, 200, "text/plain;charset=UTF-8", "x"},
		{"base64", `{"statusCode":"200","body":"eA==","isBase64Encoded":true}`, 200, "text/plain;charset=UTF-8", "x"},
		{"inferred", `{"valid":true}`, 200, "application/json", `{"valid":true}`},
		{"inferred text", `"hello"`, 200, "application/json", "hello"},
		{"no body", `{"statusCode":204}`, 204, "", ""},
		{"not JSON", `oops`, 500, "application/json", `{"message":"Internal Server Error"}`},
		{"bad status", `{"statusCode":"many"}`, 500, "application/json", `{"message":"Internal Server Error"}`},
	} {
		i := &invoker{answer: answering(c.payload)}
		response, body := send(t, request(t, "POST", serve(t, i, nil).URL+"/v1/licenses/validate", ""))
		require.Equal(t, c.status, response.StatusCode, c.name)
		require.Equal(t, c.contentType, response.Header.Get("Content-Type"), c.name)
		require.Equal(t, c.body, body, c.name)
	}
}

func TestGateway_AnswersCookiesApart(t *testing.T) {
	i := &invoker{answer: answering(`{"statusCode":200,"cookies":["a=1","b=2"],"body":""}`)}
	response, _ := send(t, request(t, "POST", serve(t, i, nil).URL+"/v1/licenses/validate", ""))
	require.Equal(t, []string{"a=1", "b=2"}, response.Header.Values("Set-Cookie"))
}

func TestGateway_FailuresOfAFunctionAreItsOwnMessages(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		body   string
	}{
		{gateway.ErrTimeout, 500, `{"message":"Internal Server Error"}`},
		{context.DeadlineExceeded, 503, `{"message":"Service Unavailable"}`},
		{gateway.ErrTooLarge, 413, `{"message":"Request Entity Too Large"}`},
		{errors.New("exit status 2"), 500, `{"message":"Internal Server Error"}`},
	} {
		i := &invoker{answer: func() ([]byte, error) { return nil, c.err }}
		response, body := send(t, request(t, "POST", serve(t, i, nil).URL+"/v1/licenses/validate", ""))
		require.Equal(t, c.status, response.StatusCode)
		require.Equal(t, c.body, body)
	}
}

func TestGateway_ABodyOverTenMegabytesNeverReachesAFunction(t *testing.T) {
	for name, body := range map[string]io.Reader{
		"announced": bytes.NewReader(make([]byte, 10<<20+1)),
		"chunked":   io.MultiReader(bytes.NewReader(make([]byte, 10<<20+1))),
	} {
		i := &invoker{}
		response, err := http.Post(serve(t, i, nil).URL+"/v1/licenses/validate", "application/json", body)
		require.NoError(t, err, name)
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 413, response.StatusCode)
		require.Equal(t, `{"message":"Request Entity Too Large"}`, string(text))
		require.Empty(t, i.function)
	}
}

func TestGateway_AccessLogNamesNoServerToken(t *testing.T) {
	var log bytes.Buffer
	server := serve(t, &invoker{}, &log)
	send(t, request(t, "GET", server.URL+"/v1/servers/QMSA-SECRET/license?key=QMSA-SECRET", ""))
	send(t, request(t, "GET", server.URL+"/unknown/QMSA-SECRET", ""))
	require.NotContains(t, log.String(), "SECRET")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], `"routeKey":"GET /v1/servers/{serverToken}/license","status":200`)
	require.Contains(t, lines[1], `"status":404`)
}
