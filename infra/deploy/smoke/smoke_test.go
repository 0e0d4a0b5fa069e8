package smoke_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/smoke"
)

// answer is what the system says at one address.
type answer struct {
	status  int
	kind    string
	body    string
	without bool // without a content security policy
}

// right is a system as it should be. The one server plays both addresses; "api " marks what is asked of the API's own.
func right() map[string]answer {
	return map[string]answer{
		"GET /.well-known/jwks.json":     {200, "application/json", `{"keys":[{},{},{},{}]}`, false},
		"POST /v1/licenses/validate":     {200, "application/json", `{"loads":false,"valid":false,"problems":[{"code":"damaged"}]}`, false},
		"GET /v1/licenses":               {401, "application/json", `{"message":"Unauthorized"}`, false},
		"GET /":                          {200, "text/html; charset=utf-8", `<p>customers`, false},
		"GET /console/":                  {200, "text/html; charset=utf-8", `<p>staff`, false},
		"GET /config.json":               {200, "application/json", `{"issuer":"https://issuer","clientId":"abc","scope":"openid licensing/staff"}`, false},
		"api GET /.well-known/jwks.json": {403, "application/problem+json", `{"code":"forbidden"}`, false},
	}
}

func serve(t *testing.T, answers map[string]answer) smoke.Target {
	handler := func(prefix string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, found := answers[prefix+r.Method+" "+r.URL.Path]
			if !found {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", a.kind)
			if !a.without {
				w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'")
			}
			w.WriteHeader(a.status)
			_, _ = w.Write([]byte(a.body))
		}))
		t.Cleanup(server.Close)
		return server
	}
	portal, api := handler(""), handler("api ")
	return smoke.Target{Portal: portal.URL, API: api.URL, Issuer: "https://issuer", ClientID: "abc", Client: portal.Client()}
}

func run(t smoke.Target) map[string]error {
	wrong := map[string]error{}
	for _, r := range smoke.Run(context.Background(), t, 0, time.Millisecond) {
		if r.Err != nil {
			wrong[r.Name] = r.Err
		}
	}
	return wrong
}

func TestRun_ARightSystemPasses(t *testing.T) {
	require.Empty(t, run(serve(t, right())))
	require.Len(t, smoke.Run(context.Background(), serve(t, right()), 0, 0), len(right()), "every address is asked")
}

func TestRun_EachWrongAnswerIsNamed(t *testing.T) {
	const keys, validate, staff = "the public keys are published", "a text that is no license is explained", "a staff route without a token is refused"
	const customers, console, config, around = "the customers' page", "the staff's page", "config.json names this stack's sign-in", "the API's own address refuses"
	html := "text/html"
	for name, c := range map[string]struct {
		at    string
		says  answer
		check string
		words string
	}{
		"a key is missing":                {"GET /.well-known/jwks.json", answer{200, "", `{"keys":[{},{},{}]}`, false}, keys, "3 keys are published, not 4 or more"},
		"keys are refused":                {"GET /.well-known/jwks.json", answer{403, "", `{"code":"forbidden"}`, false}, keys, `403 instead of 200: {"code":"forbidden"}`},
		"a page answers for the keys":     {"GET /.well-known/jwks.json", answer{200, html, `<p>customers`, false}, keys, "not JSON"},
		"anything is valid":               {"POST /v1/licenses/validate", answer{200, "", `{"valid":true,"problems":[]}`, false}, validate, "without a problem"},
		"no problem is named":             {"POST /v1/licenses/validate", answer{200, "", `{"valid":false,"problems":[]}`, false}, validate, "without a problem"},
		"validate fails":                  {"POST /v1/licenses/validate", answer{500, "", `{}`, false}, validate, "500 instead of 200"},
		"a staff route is open":           {"GET /v1/licenses", answer{200, "", `{"items":[]}`, false}, staff, "200 instead of 401"},
		"a staff route is not there":      {"GET /v1/licenses", answer{404, "", `{}`, false}, staff, "404 instead of 401"},
		"no page":                         {"GET /", answer{403, "", "AccessDenied", false}, customers, "403 instead of 200: AccessDenied"},
		"a page without policy":           {"GET /", answer{200, html, "<p>", true}, customers, "without default-src 'none'"},
		"a page as a download":            {"GET /", answer{200, "binary/octet-stream", "<p>", false}, customers, `it is "binary/octet-stream", not text/html`},
		"no console":                      {"GET /console/", answer{404, "", "", false}, console, "404 instead of 200"},
		"the console without policy":      {"GET /console/", answer{200, html, "<p>", true}, console, "without default-src 'none'"},
		"another stack's sign-in":         {"GET /config.json", answer{200, "", `{"issuer":"https://other","clientId":"abc","scope":"x"}`, false}, config, "https://other"},
		"another client":                  {"GET /config.json", answer{200, "", `{"issuer":"https://issuer","clientId":"def","scope":"x"}`, false}, config, "def"},
		"nothing is asked for at sign-in": {"GET /config.json", answer{200, "", `{"issuer":"https://issuer","clientId":"abc"}`, false}, config, "issuer"},
		"config.json without policy":      {"GET /config.json", answer{200, "", `{"issuer":"https://issuer","clientId":"abc","scope":"x"}`, true}, config, "without default-src 'none'"},
		"a page answers for config.json":  {"GET /config.json", answer{200, html, `<p>`, false}, config, "not JSON"},
		"a way around CloudFront":         {"api GET /.well-known/jwks.json", answer{200, "", `{"keys":[{},{},{},{}]}`, false}, around, "200 instead of 403"},
	} {
		t.Run(name, func(t *testing.T) {
			answers := right()
			answers[c.at] = c.says
			wrong := run(serve(t, answers))
			require.Len(t, wrong, 1)
			require.ErrorContains(t, wrong[c.check], c.words)
		})
	}
}

func TestRun_EveryCheckSaysWhatToDo(t *testing.T) {
	for _, r := range smoke.Run(context.Background(), smoke.Target{Portal: "http://127.0.0.1:1", API: "http://127.0.0.1:1", Client: http.DefaultClient}, 0, 0) {
		require.Error(t, r.Err, r.Name)
		require.NotEmpty(t, r.Next, r.Name)
	}
}

func TestRun_KeysThatAreMissingAreMadeOnceAndComeWithRestoredTablesLater(t *testing.T) {
	answers := right()
	answers["GET /.well-known/jwks.json"] = answer{200, "", `{"keys":[]}`, false}
	target := serve(t, answers)
	next := func(generation string) string {
		target.Generation = generation
		wrong := smoke.Run(context.Background(), target, 0, 0)[0]
		require.ErrorContains(t, wrong.Err, "0 keys are published")
		return wrong.Next
	}
	for _, first := range []string{"", "1"} {
		require.Contains(t, next(first), "make keys TABLE=… KEYS='temporary:signing=ARN temporary:standby=ARN sold:signing=ARN sold:standby=ARN'")
	}
	require.Contains(t, next("2"), "copy the restored tables first: infra/RUNBOOK.md, Restore the tables, step 4; not make keys")
	require.NotContains(t, next("2"), "KEYS=", "new ids would make every old license's key an unknown one")
}

func TestRun_WaitsForADistributionThatIsNotKnownYet(t *testing.T) {
	answers, asked := right(), 0
	target := serve(t, answers)
	portal := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked <= 6 { // the first round
			http.Error(w, "not yet", http.StatusBadGateway)
			return
		}
		http.Redirect(w, r, target.Portal+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(portal.Close)
	through := target
	through.Portal = portal.URL
	for _, r := range smoke.Run(context.Background(), through, time.Minute, time.Millisecond) {
		require.NoError(t, r.Err, r.Name)
	}
	require.Equal(t, 12, asked)
}
