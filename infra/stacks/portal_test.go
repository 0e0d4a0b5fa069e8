package stacks_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/site"
	"qmslicensing/infra/local/template"
	"qmslicensing/infra/stacks"
	"qmslicensing/shared/license"
)

const signIn = "https://cognito-idp.example https://sign-in.example"

// localPortal is the portal as make run serves it, from a few files.
func localPortal(t *testing.T) *site.Site {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"index.html", "console/index.html", "assets/a-1f.js", "mark.svg"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(name), 0o644))
	}
	s, err := site.New(site.Config{Dir: dir, SignIn: signIn})
	require.NoError(t, err)
	return s
}

// TestSite_ScreensAreTheLocalOnes runs CloudFront's function on addresses and compares what it leads to.
func TestSite_ScreensAreTheLocalOnes(t *testing.T) {
	code := stacks.At(read(t, "site.yaml").Resources["Screens"].Properties, "FunctionCode").(string)
	addresses := []string{"/", "/check", "/help/expired", "/console", "/console/", "/console/licenses", "/consoles", "/assets/a-1f.js", "/assets/gone.js", "/mark.svg", "/index.html"}
	asked, err := json.Marshal(addresses)
	require.NoError(t, err)
	out, err := exec.Command("node", "-e", code+"\nconsole.log(JSON.stringify("+string(asked)+".map(uri => handler({request: {uri}}))))").Output()
	require.NoError(t, err)
	var answers []struct {
		URI        string
		StatusCode int
		Headers    map[string]struct{ Value string }
	}
	require.NoError(t, json.Unmarshal(out, &answers))
	require.Len(t, answers, len(addresses))
	local := localPortal(t)
	for n, address := range addresses {
		w := httptest.NewRecorder()
		local.ServeHTTP(w, httptest.NewRequest("GET", address, nil))
		switch got := answers[n]; w.Code {
		case 308:
			require.Equal(t, 308, got.StatusCode, address)
			require.Equal(t, w.Header().Get("Location"), got.Headers["location"].Value, address)
		case 200:
			require.Zero(t, got.StatusCode, address)
			require.Equal(t, "/"+w.Body.String(), got.URI, address)
		default:
			require.Equal(t, address, got.URI, "S3 has no such file and says 404")
		}
	}
}

func TestSite_HeadersAreTheLocalOnes(t *testing.T) {
	w := httptest.NewRecorder()
	localPortal(t).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	site := read(t, "site.yaml")
	policy := site.Resources["PortalHeaders"].Properties["ResponseHeadersPolicyConfig"]
	security := stacks.At(policy, "SecurityHeadersConfig")
	csp := stacks.At(security, "ContentSecurityPolicy", "ContentSecurityPolicy", "Fn::Sub").(string)
	require.Equal(t, w.Header().Get("Content-Security-Policy"), strings.ReplaceAll(csp, "${SignInOrigins}", signIn))
	require.Equal(t, w.Header().Get("Referrer-Policy"), stacks.At(security, "ReferrerPolicy", "ReferrerPolicy"))
	require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	custom := stacks.At(policy, "CustomHeadersConfig", "Items").([]any)
	require.Len(t, custom, 3)
	for _, item := range custom {
		require.Equal(t, w.Header().Get(stacks.At(item, "Header").(string)), stacks.At(item, "Value"))
	}
	for _, id := range []string{"PortalHeaders", "ApiHeaders"} {
		security := stacks.At(site.Resources[id].Properties, "ResponseHeadersPolicyConfig", "SecurityHeadersConfig")
		require.Equal(t, 63072000, stacks.At(security, "StrictTransportSecurity", "AccessControlMaxAgeSec"), "HSTS for two years")
		for name, header := range security.(map[string]any) {
			require.Equal(t, true, stacks.At(header, "Override"), name)
		}
	}
}

func TestSite_TheAPIIsNeitherCachedNorHidden(t *testing.T) {
	config := read(t, "site.yaml").Resources["Distribution"].Properties["DistributionConfig"]
	kept := map[any]bool{}
	for _, response := range stacks.At(config, "CustomErrorResponses").([]any) {
		require.Nil(t, stacks.At(response, "ResponsePagePath"), "a page in the place of a problem hides it")
		require.Equal(t, 0, stacks.At(response, "ErrorCachingMinTTL"), "nobody is answered with the error of another")
		kept[stacks.At(response, "ErrorCode")] = true
	}
	for _, code := range []int{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504} { // all that CloudFront keeps
		require.True(t, kept[code], "%d", code)
	}
	behaviors := stacks.At(config, "CacheBehaviors").([]any)
	var paths []string
	for _, b := range behaviors {
		paths = append(paths, stacks.At(b, "PathPattern").(string))
		require.Equal(t, "api", stacks.At(b, "TargetOriginId"))
		require.Equal(t, "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", stacks.At(b, "CachePolicyId"), "Managed-CachingDisabled")
		require.Equal(t, "b689b0a8-53d0-40ab-baf2-68738e2966ac", stacks.At(b, "OriginRequestPolicyId"), "Managed-AllViewerExceptHostHeader")
		require.Equal(t, "https-only", stacks.At(b, "ViewerProtocolPolicy"))
	}
	for _, route := range app(t).Routes {
		require.True(t, slices.ContainsFunc(paths, func(pattern string) bool {
			return strings.HasPrefix(route.Path, strings.TrimSuffix(pattern, "*"))
		}), "%s is led to the API", route.Path)
	}
	api := stacks.At(config, "Origins", 1)
	require.Equal(t, "https-only", stacks.At(api, "CustomOriginConfig", "OriginProtocolPolicy"))
	header := stacks.At(api, "OriginCustomHeaders", "Fn::If", 1, 0)
	require.Equal(t, "x-origin-secret", stacks.At(header, "HeaderName"))
	files := stacks.At(config, "Origins", 0)
	require.NotNil(t, stacks.At(files, "OriginAccessControlId"))
}

func app(t *testing.T) *template.Application {
	t.Helper()
	loaded, err := template.Load(filepath.Join(project, "template.yaml"), map[string]string{"TokenIssuer": "http://localhost:3001", "TokenAudience": "qms-console", "KmsEndpoint": "http://localhost"})
	require.NoError(t, err)
	return loaded
}

// TestFirewall_BoundsEveryPublicRoute: a public route that the rule does not match stands open to a flood.
func TestFirewall_BoundsEveryPublicRoute(t *testing.T) {
	rule := stacks.At(read(t, "firewall.yaml").Resources["WebAcl"].Properties, "Rules", 0)
	matches := stacks.At(rule, "Statement", "RateBasedStatement", "ScopeDownStatement", "OrStatement", "Statements").([]any)
	bound := func(path string) bool {
		return slices.ContainsFunc(matches, func(m any) bool {
			match := stacks.At(m, "ByteMatchStatement")
			require.Equal(t, "STARTS_WITH", stacks.At(match, "PositionalConstraint"))
			require.Equal(t, "NORMALIZE_PATH", stacks.At(match, "TextTransformations", 1, "Type"))
			return strings.HasPrefix(path, stacks.At(match, "SearchString").(string))
		})
	}
	public := 0
	for _, route := range app(t).Routes {
		require.Equal(t, !route.Authorized, bound(route.Path), "%s %s", route.Method, route.Path)
		if !route.Authorized {
			public++
		}
	}
	require.Equal(t, 4, public)
	require.Equal(t, 429, stacks.At(rule, "Action", "Block", "CustomResponse", "ResponseCode"))
	var body struct {
		Message string `json:"message"`
	}
	content := stacks.At(read(t, "firewall.yaml").Resources["WebAcl"].Properties, "CustomResponseBodies", "TooMany", "Content").(string)
	require.NoError(t, json.Unmarshal([]byte(content), &body))
	require.NotEmpty(t, body.Message)
}

func TestSignIn_GroupsAreTheRoles(t *testing.T) {
	signIn := read(t, "signin.yaml")
	var groups []string
	for _, id := range signIn.OfType("AWS::Cognito::UserPoolGroup") {
		groups = append(groups, stacks.At(signIn.Resources[id].Properties, "GroupName").(string))
	}
	var roles []string
	for _, role := range license.Roles() {
		roles = append(roles, string(role))
	}
	require.ElementsMatch(t, roles, groups)
}

func TestSignIn_PeopleAreMadeByAnAdministratorAndProveThemselvesTwice(t *testing.T) {
	signIn := read(t, "signin.yaml")
	pool := signIn.Resources["Staff"].Properties
	require.Equal(t, true, stacks.At(pool, "AdminCreateUserConfig", "AllowAdminCreateUserOnly"))
	require.Equal(t, "ON", pool["MfaConfiguration"])
	require.Nil(t, pool["UsernameAttributes"], "a user name is not an e-mail address")
	require.Nil(t, pool["AliasAttributes"])
	console := signIn.Resources["Console"].Properties
	require.Equal(t, false, console["GenerateSecret"])
	require.Equal(t, []any{"code"}, console["AllowedOAuthFlows"])
	require.Equal(t, []any{"openid", "licensing/staff"}, console["AllowedOAuthScopes"])
	require.Equal(t, []any{"ALLOW_REFRESH_TOKEN_AUTH"}, console["ExplicitAuthFlows"], "nobody signs in with a password outside the sign-in's pages")
	minutes := read(t, "template.yaml").Parameters["AccessTokenMinutes"]
	require.Equal(t, "Number", minutes.Type)
}
