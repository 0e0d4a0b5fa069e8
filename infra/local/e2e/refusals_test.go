package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBadInput_IsAProblemWithItsPointer(t *testing.T) {
	s, token := shared, fresh("QMSA-BAD-INPUT")
	modules := func(v any) map[string]any { return with(subscription(token), "modules", v) }
	issue := func(body any) request {
		return request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: body}
	}
	for name, c := range map[string]struct {
		call    request
		status  int
		code    string
		pointer string
	}{
		"unknown member":                   {issue(with(subscription(token), "discount", 5)), 400, "invalid_request", "/discount"},
		"unknown nested member":            {issue(modules(map[string]int{"callRecording": 1, "fax": 2})), 400, "invalid_request", "/modules/fax"},
		"duplicate member":                 {issue(`{"customer":"a","customer":"b"}`), 400, "invalid_request", "/customer"},
		"a second value":                   {issue(`{} {}`), 400, "invalid_request", ""},
		"invalid UTF-8":                    {issue("{\"customer\":\"\xff\"}"), 400, "invalid_request", ""},
		"nesting over 16":                  {issue(strings.Repeat("[", 17) + strings.Repeat("]", 17)), 400, "invalid_request", ""},
		"an empty body":                    {issue(" "), 400, "invalid_request", ""},
		"no JSON":                          {issue("{"), 400, "invalid_request", ""},
		"not an object":                    {issue("[]"), 400, "invalid_request", ""},
		"wrong type":                       {issue(modules(map[string]any{"callRecording": "five"})), 400, "invalid_request", "/modules/callRecording"},
		"a fraction":                       {issue(modules(map[string]any{"callRecording": 1.5})), 400, "invalid_request", "/modules/callRecording"},
		"a huge number":                    {issue(modules(map[string]any{"callRecording": 1e30})), 400, "invalid_request", "/modules/callRecording"},
		"a list for a text":                {issue(with(subscription(token), "customer", []int{1})), 400, "invalid_request", "/customer"},
		"29 February":                      {issue(with(subscription(token), "termMonths", nil, "expiresOn", "2027-02-29")), 400, "invalid_request", "/expiresOn"},
		"a date with a time":               {issue(with(subscription(token), "startsOn", "2026-01-01T00:00:00Z")), 400, "invalid_request", "/startsOn"},
		"zero seats":                       {issue(modules(map[string]int{})), 422, "module_dependency", "/modules/callRecording"},
		"100,001 seats":                    {issue(modules(map[string]int{"callRecording": 100_001})), 400, "invalid_request", "/modules/callRecording"},
		"a sum over 100,000":               {issue(modules(map[string]int{"qmsSuite": 1, "callRecording": 100_000})), 400, "invalid_request", "/modules/callRecording"},
		"negative seats":                   {issue(modules(map[string]int{"callRecording": 5, "agentEvaluation": -1})), 400, "invalid_request", "/modules/agentEvaluation"},
		"a broken prerequisite":            {issue(modules(map[string]int{"callRecording": 20, "qmsSuite": 5, "computerRecording": 25})), 422, "module_dependency", "/modules/computerRecording"},
		"a Server Token with a %":          {issue(with(subscription(token), "serverToken", "QMSA%2D0001")), 400, "invalid_request", "/serverToken"},
		"a short Server Token":             {issue(with(subscription(token), "serverToken", "QMSA-7")), 400, "invalid_request", "/serverToken"},
		"no customer":                      {issue(with(subscription(token), "customer", "  ")), 400, "invalid_request", "/customer"},
		"a long customer":                  {issue(with(subscription(token), "customer", strings.Repeat("ä", 201))), 400, "invalid_request", "/customer"},
		"a control character":              {issue(with(subscription(token), "customer", "a\u0007b")), 400, "invalid_request", "/customer"},
		"no contract":                      {issue(with(subscription(token), "contract", nil)), 400, "invalid_request", "/contract"},
		"no term":                          {issue(with(subscription(token), "termMonths", nil)), 400, "invalid_request", "/termMonths"},
		"a term of 0":                      {issue(with(subscription(token), "termMonths", 0)), 400, "invalid_request", "/termMonths"},
		"a term of 121":                    {issue(with(subscription(token), "termMonths", 121)), 400, "invalid_request", "/termMonths"},
		"both ways to say a term":          {issue(with(subscription(token), "expiresOn", "2030-01-01")), 400, "invalid_request", "/expiresOn"},
		"an end that is past":              {issue(with(subscription(token), "termMonths", nil, "expiresOn", "2020-01-01")), 422, "expires_in_past", "/expiresOn"},
		"an end in 200 years":              {issue(with(subscription(token), "termMonths", nil, "expiresOn", "2226-01-01")), 400, "invalid_request", "/expiresOn"},
		"a start in the future":            {issue(with(subscription(token), "startsOn", "2226-01-01")), 400, "invalid_request", "/startsOn"},
		"an unknown type":                  {issue(with(subscription(token), "type", "trial")), 400, "invalid_request", "/type"},
		"an order of a subscription":       {issue(with(subscription(token), "order", "O-1")), 400, "invalid_request", "/order"},
		"a contract of a permanent":        {issue(with(permanent(token), "contract", "C-1")), 400, "invalid_request", "/contract"},
		"conditions not met":               {issue(with(permanent(token), "conditions", nil)), 422, "conditions_not_met", "/conditions"},
		"a malformed query":                {request{method: "GET", path: "/v1/licenses?serverToken=" + token + "&limit=1%zz", as: "sales"}, 400, "invalid_request", ""},
		"a query parameter of a write":     {request{method: "POST", path: "/v1/licenses?dryRun=true", as: "accounting", key: fresh("key"), body: subscription(token)}, 400, "invalid_request", "query:dryRun"},
		"null for a number":                {issue(modules(map[string]any{"callRecording": nil})), 400, "invalid_request", "/modules/callRecording"},
		"null for a list":                  {issue(with(subscription(token), "conditions", json.RawMessage("null"))), 400, "invalid_request", "/conditions"},
		"null for a user's modules":        {request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{"modules": map[string]int{"callRecording": 1}, "users": []any{map[string]any{"name": "A", "role": "agent", "modules": nil, "lastActiveOn": nil}}}}, 400, "invalid_request", "/users/0/modules"},
		"an empty order of a subscription": {issue(with(subscription(token), "order", "")), 400, "invalid_request", "/order"},
		"an empty replaces":                {issue(with(subscription(token), "replaces", "")), 400, "invalid_request", "/replaces"},
		"an end in 9999":                   {issue(with(subscription(token), "termMonths", nil, "expiresOn", "9999-12-31")), 400, "invalid_request", "/expiresOn"},
		"replaces no id":                   {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), ifMatch: `"1"`, body: with(permanent(token), "replaces", strings.Repeat("x", 3000))}, 404, "license_not_found", "/replaces"},
		"a long id":                        {request{method: "GET", path: "/v1/licenses/" + strings.Repeat("x", 3000), as: "sales"}, 404, "license_not_found", "path:id"},
		"an id that is not there":          {request{method: "GET", path: "/v1/licenses/00000000000000000000000000000000", as: "sales"}, 404, "license_not_found", "path:id"},
		"a query name that is no UTF-8":    {request{method: "GET", path: "/v1/licenses?serverToken=" + token + "&%ff=1", as: "sales"}, 400, "invalid_request", ""},
		"a number for a date":              {issue(with(subscription(token), "startsOn", 5)), 400, "invalid_request", "/startsOn"},
		"an unknown condition":             {issue(with(permanent(token), "conditions", []any{map[string]string{"name": "a/b", "metOn": "2026-01-02", "evidence": "e"}})), 400, "invalid_request", "/conditions/0/name"},
		"an invisible customer":            {issue(with(subscription(token), "customer", "\u200b")), 400, "invalid_request", "/customer"},
		"a note of two lines":              {request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "note", "a\nb")}, 400, "invalid_request", "/note"},
		"replaces nothing":                 {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), ifMatch: `"1"`, body: with(permanent(token), "replaces", "none")}, 404, "license_not_found", ""},
		"If-Match without replaces":        {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), ifMatch: `"1"`, body: permanent(token)}, 400, "invalid_request", "header:If-Match"},
		"a weak If-Match":                  {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), ifMatch: `W/"1"`, body: permanent(token)}, 400, "invalid_request", "header:If-Match"},
		"an empty If-Match":                {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), header: map[string]string{"If-Match": ""}, body: permanent(token)}, 400, "invalid_request", "header:If-Match"},
		"no Idempotency-Key":               {request{method: "POST", path: "/v1/licenses", as: "accounting", body: subscription(token)}, 400, "invalid_request", "header:Idempotency-Key"},
		"a long Idempotency-Key":           {request{method: "POST", path: "/v1/licenses", as: "accounting", key: strings.Repeat("k", 65), body: subscription(token)}, 400, "invalid_request", "header:Idempotency-Key"},
		"a space in the key":               {request{method: "POST", path: "/v1/licenses", as: "accounting", key: "a b", body: subscription(token)}, 400, "invalid_request", "header:Idempotency-Key"},
		"another content type":             {request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), contentType: "text/plain", body: "x"}, 415, "unsupported_media_type", "header:Content-Type"},
		"a body over 64 KiB":               {issue(with(subscription(token), "customer", strings.Repeat("x", 65<<10))), 413, "payload_too_large", ""},
		"a trial of 31 days":               {request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "days", 31)}, 422, "trial_limit", "/days"},
		"an emergency of 15 days":          {request{method: "POST", path: "/v1/temporary-licenses", as: "support", key: fresh("key"), body: with(trial(token), "days", 15, "purpose", "emergency")}, 422, "temporary_limit", "/days"},
		"no days":                          {request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "days", 0)}, 400, "invalid_request", "/days"},
		"an unknown purpose":               {request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "purpose", "fun")}, 400, "invalid_request", "/purpose"},
		"a long note":                      {request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "note", strings.Repeat("n", 2001))}, 400, "invalid_request", "/note"},
		"renewing nothing":                 {request{method: "POST", path: "/v1/licenses/none/renew", as: "accounting", key: fresh("key"), ifMatch: `"1"`, body: map[string]any{"contract": "C", "termMonths": 1}}, 404, "license_not_found", "path:id"},
		"renewing without If-Match":        {request{method: "POST", path: "/v1/licenses/none/renew", as: "accounting", key: fresh("key"), body: map[string]any{"contract": "C", "termMonths": 1}}, 428, "if_match_required", "header:If-Match"},
		"an unknown basis":                 {request{method: "POST", path: "/v1/licenses/none/renew", as: "accounting", key: fresh("key"), ifMatch: `"1"`, body: map[string]any{"contract": "C", "termMonths": 1, "basis": "soon"}}, 400, "invalid_request", "/basis"},
		"re-hosting nothing":               {request{method: "POST", path: "/v1/licenses/none/rehost", as: "support", key: fresh("key"), ifMatch: `"1"`, body: newServer(token)}, 404, "license_not_found", "path:id"},
		"re-hosting without If-Match":      {request{method: "POST", path: "/v1/licenses/none/rehost", as: "support", key: fresh("key"), body: newServer(token)}, 428, "if_match_required", "header:If-Match"},
		"re-hosting for no reason":         {request{method: "POST", path: "/v1/licenses/none/rehost", as: "support", key: fresh("key"), ifMatch: `"1"`, body: with(newServer(token), "reason", nil)}, 400, "invalid_request", "/reason"},
		"re-hosting for another reason":    {request{method: "POST", path: "/v1/licenses/none/rehost", as: "support", key: fresh("key"), ifMatch: `"1"`, body: with(newServer(token), "reason", "other")}, 400, "invalid_request", "/note"},
		"re-hosting to a short token":      {request{method: "POST", path: "/v1/licenses/none/rehost", as: "support", key: fresh("key"), ifMatch: `"1"`, body: newServer("QMSB")}, 400, "invalid_request", "/serverToken"},
		"re-hosting with more seats":       {request{method: "POST", path: "/v1/licenses/none/rehost", as: "support", key: fresh("key"), ifMatch: `"1"`, body: with(newServer(token), "modules", map[string]int{"qmsSuite": 9})}, 400, "invalid_request", "/modules"},
		"re-hosting with a later end":      {request{method: "POST", path: "/v1/licenses/none/rehost", as: "support", key: fresh("key"), ifMatch: `"1"`, body: with(newServer(token), "expiresOn", "2099-01-01")}, 400, "invalid_request", "/expiresOn"},
		"a broken cursor":                  {request{method: "GET", path: "/v1/licenses?serverToken=" + token + "&cursor=AAAA", as: "sales"}, 400, "invalid_request", "query:cursor"},
		"a limit of 0":                     {request{method: "GET", path: "/v1/licenses?serverToken=" + token + "&limit=0", as: "sales"}, 400, "invalid_request", "query:limit"},
		"a limit of 101":                   {request{method: "GET", path: "/v1/licenses?serverToken=" + token + "&limit=101", as: "sales"}, 400, "invalid_request", "query:limit"},
		"a limit of words":                 {request{method: "GET", path: "/v1/licenses?serverToken=" + token + "&limit=many", as: "sales"}, 400, "invalid_request", "query:limit"},
		"an unknown query parameter":       {request{method: "GET", path: "/v1/licenses?serverToken=" + token + "&sort=asc", as: "sales"}, 400, "invalid_request", "query:sort"},
		"a search for an empty token":      {request{method: "GET", path: "/v1/licenses?serverToken=", as: "sales"}, 400, "invalid_request", "query:serverToken"},
		"months without a number":          {request{method: "GET", path: "/v1/expirations?months=61", as: "sales"}, 400, "invalid_request", "query:months"},
		"a day for a month":                {request{method: "GET", path: "/v1/expirations?from=2026-11-01", as: "sales"}, 400, "invalid_request", "query:from"},
		"showing nothing":                  {request{method: "GET", path: "/v1/licenses/none", as: "sales"}, 404, "license_not_found", "path:id"},
		"retrieving with a %":              {request{method: "GET", path: "/v1/servers/QMSA%252D0001/license"}, 400, "invalid_request", "path:serverToken"},
		"retrieving by a short token":      {request{method: "GET", path: "/v1/servers/QMSA/license"}, 400, "invalid_request", "path:serverToken"},
		"validating nothing":               {request{method: "POST", path: "/v1/licenses/validate", body: map[string]any{"licenseKey": ""}}, 400, "invalid_request", "/licenseKey"},
		"validating for a bad server":      {request{method: "POST", path: "/v1/licenses/validate", body: map[string]any{"licenseKey": "x", "serverToken": "%"}}, 400, "invalid_request", "/serverToken"},
		"too many assigned":                {request{method: "POST", path: "/v1/licenses/validate", body: map[string]any{"licenseKey": "x", "assigned": map[string]int{"callRecording": 100_001}}}, 400, "invalid_request", "/assigned/callRecording"},
		"two licenses to check":            {request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{"licenseKey": "x", "modules": map[string]int{}, "users": []int{}}}, 400, "invalid_request", ""},
		"equal names":                      {request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{"modules": map[string]int{"callRecording": 1}, "users": []any{user("A", "callRecording"), user("A", "callRecording")}}}, 400, "invalid_request", "/users/1/name"},
		"a user without prerequisite":      {request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{"modules": map[string]int{"callRecording": 1}, "users": []any{user("A", "agentEvaluation")}}}, 422, "module_dependency", "/users/0/modules"},
		"an unknown module":                {request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{"modules": map[string]int{"callRecording": 1}, "users": []any{user("A", "fax")}}}, 400, "invalid_request", "/users/0/modules/0"},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, s.send(t, c.call), c.status, c.code, c.pointer)
		})
	}
}

func user(name string, modules ...string) map[string]any {
	return map[string]any{"name": name, "role": "agent", "modules": modules}
}

func TestBadInput_ABodyOverTheGatewaysLimit(t *testing.T) {
	r := shared.send(t, request{method: "POST", path: "/v1/licenses/validate", body: strings.Repeat("x", 11<<20)})
	require.Equal(t, 413, r.status)
	require.Contains(t, string(r.body), `"message"`)
}

func TestIdentity_WhoIsLetIn(t *testing.T) {
	s := shared
	call := request{method: "GET", path: "/v1/licenses?serverToken=QMSA-0000-0000"}
	for name, c := range map[string]struct {
		as     string
		header map[string]string
		status int
		code   string
	}{
		"no token":              {"", nil, 401, ""},
		"not a token":           {"", map[string]string{"Authorization": "Bearer x.y.z"}, 401, ""},
		"every role may search": {"admin", nil, 200, ""},
		"no group":              {"nobody", nil, 403, "forbidden"},
		"claims in headers":     {"nobody", map[string]string{"Cognito-Groups": "[admin]", "X-Amzn-Claims": "admin"}, 403, "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			q := call
			q.as, q.header = c.as, c.header
			r := s.send(t, q)
			require.Equal(t, c.status, r.status, string(r.body))
			if c.code != "" {
				requireProblem(t, r, c.status, c.code, "")
			}
		})
	}
	t.Run("a changed letter", func(t *testing.T) {
		token := []byte(s.token(t, "sales"))
		at := len(token) - 20
		token[at] = map[bool]byte{true: 'B', false: 'A'}[token[at] == 'A']
		q := call
		q.header = map[string]string{"Authorization": "Bearer " + string(token)}
		require.Equal(t, 401, s.send(t, q).status)
	})
}

// forgedHeaders say what only the authorizer may say; forged says it in a body.
func forgedHeaders() map[string]string {
	const claims = `{"jwt":{"claims":{"username":"accounting","cognito:groups":"[accounting admin]"},"scopes":["licensing/staff"]}}`
	return map[string]string{
		"Requestcontext": `{"authorizer":` + claims + `}`, "X-Apigateway-Event": `{"requestContext":{"authorizer":` + claims + `}}`,
		"X-Amzn-Oidc-Data": claims, "X-Amzn-Oidc-Identity": "accounting", "X-Amzn-Claims": claims, "X-Amz-Client-Context": claims,
		"Cognito-Groups": "[accounting admin]", "Username": "accounting", "Authorizer": claims,
	}
}

func forged(body map[string]any) map[string]any {
	jwt := map[string]any{"claims": map[string]string{"username": "accounting", "cognito:groups": "[accounting admin]"}, "scopes": []string{"licensing/staff"}}
	authorizer := map[string]any{"jwt": jwt, "claims": jwt["claims"]}
	return with(body, "requestContext", map[string]any{"authorizer": authorizer}, "authorizer", authorizer, "claims", jwt["claims"])
}

func TestIdentity_ForgedClaimsAreIgnored(t *testing.T) {
	s, token := shared, fresh("QMSA-FORGED")
	post := func(path, as string, body any) response {
		return s.send(t, request{method: "POST", path: path, as: as, key: fresh("key"), header: forgedHeaders(), body: body})
	}
	require.Equal(t, 401, post("/v1/licenses", "", forged(subscription(token))).status, "a body that says who sends it is no token")
	require.Equal(t, 401, post("/v1/licenses", "", subscription(token)).status, "nor are headers")
	requireProblem(t, post("/v1/licenses", "sales", subscription(token)), 403, "forbidden", "")
	requireProblem(t, post("/v1/licenses", "nobody", permanent(token)), 403, "forbidden", "")
	requireProblem(t, post("/v1/licenses", "sales", forged(subscription(token))), 403, "forbidden", "")
	requireProblem(t, post("/v1/licenses", "accounting", forged(subscription(token))), 400, "invalid_request", "/authorizer")
	requireProblem(t, post("/v1/licenses?cognito:groups=[accounting]", "sales", subscription(token)), 403, "forbidden", "")
	s.requireWhole(t, token, 0)

	made := post("/v1/temporary-licenses", "sales", trial(token))
	require.Equal(t, 201, made.status, string(made.body))
	require.Equal(t, "sales", made.text(t, "license", "issuedBy"), "the token says who, not a header")
}

func TestRoles_ThroughHTTP(t *testing.T) {
	s := shared
	for path, c := range map[string]struct {
		may  []string
		body map[string]any
	}{
		"/v1/temporary-licenses":    {[]string{"sales", "support"}, map[string]any{}},
		"/v1/licenses":              {[]string{"accounting"}, map[string]any{}},
		"/v1/licenses/none/renew":   {[]string{"accounting"}, map[string]any{}},
		"/v1/licenses/none/amend":   {[]string{"accounting"}, map[string]any{}},
		"/v1/licenses/none/correct": {[]string{"accounting"}, map[string]any{}},
		"/v1/licenses/none/revoke":  {[]string{"accounting", "admin"}, map[string]any{}},
		"/v1/licenses/none/renew/":  {nil, nil},
	} {
		for _, as := range []string{"sales", "support", "accounting", "admin"} {
			r := s.send(t, request{method: "POST", path: path, as: as, key: fresh("key"), body: c.body})
			switch {
			case c.body == nil:
				require.Equal(t, 404, r.status, "%s %s", as, path)
			case strings.Contains(strings.Join(c.may, " "), as):
				requireProblem(t, r, r.status, "invalid_request", "")
				require.Equal(t, 400, r.status)
			default:
				requireProblem(t, r, 403, "forbidden", "")
			}
		}
	}
	for purpose, may := range map[string]string{"trial": "sales", "troubleshooting": "support", "emergency": "support"} {
		for _, as := range []string{"sales", "support"} {
			r := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: as, key: fresh("key"), body: with(trial(fresh("QMSA-ROLES")), "purpose", purpose)})
			if as == may {
				require.Equal(t, 201, r.status, string(r.body))
			} else {
				requireProblem(t, r, 403, "forbidden", "")
			}
		}
	}
}
