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
	custom := stacks.At(policy, "CustomHeadersConfig", "Items").([]any)
	require.Len(t, custom, 3)
	for _, item := range custom {
		require.Equal(t, w.Header().Get(stacks.At(item, "Header").(string)), stacks.At(item, "Value"))
	}
	for _, id := range []string{"PortalHeaders", "ApiHeaders"} {
		security := stacks.At(site.Resources[id].Properties, "ResponseHeadersPolicyConfig", "SecurityHeadersConfig")
		require.Equal(t, map[string]any{"Override": true}, stacks.At(security, "ContentTypeOptions"), "%s: CloudFront says nosniff, as the local portal does", id)
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
		require.Equal(t, "ApiHeaders", stacks.At(b, "ResponseHeadersPolicyId", "Ref"))
		require.Nil(t, stacks.At(b, "FunctionAssociations"), "the address of a route is none of a screen")
	}
	for _, route := range app(t).Routes {
		require.True(t, slices.ContainsFunc(paths, func(pattern string) bool {
			return strings.HasPrefix(route.Path, strings.TrimSuffix(pattern, "*"))
		}), "%s is led to the API", route.Path)
	}
	api := stacks.At(config, "Origins", 1)
	require.Equal(t, "https-only", stacks.At(api, "CustomOriginConfig", "OriginProtocolPolicy"))
}

// While the secret changes it is two values: functions that have started and those that have not yet must accept what is
// sent, and that is the first.
func TestSite_TheAPIIsToldTheFirstSecret(t *testing.T) {
	site := read(t, "site.yaml")
	api := stacks.At(site.Resources["Distribution"].Properties, "DistributionConfig", "Origins", 1)
	require.Equal(t, "api", stacks.At(api, "Id"))
	require.Equal(t, "ApiDomain", stacks.At(api, "DomainName", "Ref"))
	first := map[string]any{"Fn::Select": []any{0, map[string]any{"Fn::Split": []any{",", map[string]any{"Ref": "OriginSecret"}}}}}
	header := []any{map[string]any{"HeaderName": "x-origin-secret", "HeaderValue": first}}
	require.Equal(t, unlessEmpty("HasSecret", header), stacks.At(api, "OriginCustomHeaders"))
	require.Equal(t, isSet("OriginSecret"), site.Conditions["HasSecret"])
}

func TestSite_TheWebACLStandsBeforeIt(t *testing.T) {
	site := read(t, "site.yaml")
	require.Equal(t, unlessEmpty("HasWebAcl", map[string]any{"Ref": "WebAclArn"}),
		stacks.At(site.Resources["Distribution"].Properties, "DistributionConfig", "WebACLId"))
	require.Equal(t, isSet("WebAclArn"), site.Conditions["HasWebAcl"])
	passed := stacks.At(read(t, "template.yaml").Resources["SiteStack"].Properties, "Parameters", "WebAclArn")
	made := map[string]any{"Fn::GetAtt": "FirewallStack.Outputs.WebAclArn"}
	require.Equal(t, map[string]any{"Fn::If": []any{"MakesWebAcl", made, map[string]any{"Ref": "WebAclArn"}}}, passed)
	require.Equal(t, map[string]any{"Fn::GetAtt": "WebAcl.Arn"}, stacks.At(read(t, "firewall.yaml").Outputs["WebAclArn"], "Value"))
}

// unlessEmpty is a property that is left out where its condition does not hold.
func unlessEmpty(condition string, value any) map[string]any {
	return map[string]any{"Fn::If": []any{condition, value, map[string]any{"Ref": "AWS::NoValue"}}}
}

// isSet is the condition that a parameter is not empty.
func isSet(parameter string) map[string]any {
	return map[string]any{"Fn::Not": []any{map[string]any{"Fn::Equals": []any{map[string]any{"Ref": parameter}, ""}}}}
}

func TestSite_FilesAreAnsweredAsScreensWithTheirHeaders(t *testing.T) {
	behavior := stacks.At(read(t, "site.yaml").Resources["Distribution"].Properties, "DistributionConfig", "DefaultCacheBehavior")
	require.Equal(t, "files", stacks.At(behavior, "TargetOriginId"))
	require.Equal(t, "redirect-to-https", stacks.At(behavior, "ViewerProtocolPolicy"))
	require.Equal(t, "PortalHeaders", stacks.At(behavior, "ResponseHeadersPolicyId", "Ref"))
	screens := map[string]any{"EventType": "viewer-request", "FunctionARN": map[string]any{"Fn::GetAtt": "Screens.FunctionMetadata.FunctionARN"}}
	require.Equal(t, []any{screens}, stacks.At(behavior, "FunctionAssociations"))
}

// The bucket answers this one distribution and nobody else, and CloudFront proves that it is that distribution.
func TestSite_FilesAreReadByTheDistributionAlone(t *testing.T) {
	site := read(t, "site.yaml")
	files := stacks.At(site.Resources["Distribution"].Properties, "DistributionConfig", "Origins", 0)
	require.Equal(t, "files", stacks.At(files, "Id"))
	require.Equal(t, "Files.RegionalDomainName", stacks.At(files, "DomainName", "Fn::GetAtt"))
	require.Equal(t, "FilesAccess.Id", stacks.At(files, "OriginAccessControlId", "Fn::GetAtt"))
	access := stacks.At(site.Resources["FilesAccess"].Properties, "OriginAccessControlConfig")
	require.Equal(t, "s3", stacks.At(access, "OriginAccessControlOriginType"))
	require.Equal(t, "always", stacks.At(access, "SigningBehavior"))
	require.Equal(t, "sigv4", stacks.At(access, "SigningProtocol"))
	this := map[string]any{"Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"}
	readers := 0
	for _, s := range stacks.At(site.Resources["FilesPolicy"].Properties, "PolicyDocument", "Statement").([]any) {
		if stacks.At(s, "Effect") == "Allow" {
			require.Equal(t, map[string]any{"Service": "cloudfront.amazonaws.com"}, stacks.At(s, "Principal"))
			require.Equal(t, map[string]any{"StringEquals": map[string]any{"AWS:SourceArn": this}}, stacks.At(s, "Condition"), stacks.At(s, "Sid"))
			readers++
		}
	}
	require.Equal(t, 2, readers)
}

func app(t *testing.T) *template.Application {
	t.Helper()
	loaded, err := template.Load(filepath.Join(project, "template.yaml"), map[string]string{"TokenIssuer": "http://localhost:3001", "TokenAudience": "qms-console", "KmsEndpoint": "http://localhost"})
	require.NoError(t, err)
	return loaded
}

// TestFirewall_BoundsEveryPublicRoute: a public route that the rule does not match stands open to a flood.
func TestFirewall_BoundsEveryPublicRoute(t *testing.T) {
	acl := read(t, "firewall.yaml").Resources["WebAcl"].Properties
	require.Equal(t, "CLOUDFRONT", acl["Scope"])
	rule := stacks.At(acl, "Rules", 0)
	rate := stacks.At(rule, "Statement", "RateBasedStatement")
	require.Equal(t, map[string]any{"Ref": "RequestsPerAddress"}, stacks.At(rate, "Limit"))
	require.Equal(t, "IP", stacks.At(rate, "AggregateKeyType"))
	require.Equal(t, 300, stacks.At(rate, "EvaluationWindowSec"), "the five minutes of the parameter and of the answer")
	matches := stacks.At(rate, "ScopeDownStatement", "OrStatement", "Statements").([]any)
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
	content := stacks.At(acl, "CustomResponseBodies", "TooMany", "Content").(string)
	require.NoError(t, json.Unmarshal([]byte(content), &body))
	require.NotEmpty(t, body.Message)
}
