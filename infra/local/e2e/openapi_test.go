package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"qmslicensing/shared/api"
	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/verdict"
)

const openAPIFile = "../../openapi.yaml"

// openAPI is the file as JSON values, and a compiler that knows it.
var openAPI = sync.OnceValues(func() (map[string]any, error) {
	text, err := os.ReadFile(openAPIFile)
	if err != nil {
		return nil, err
	}
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, err
	}
	return read.(map[string]any), nil
})

var (
	compiled   = map[string]*jsonschema.Schema{}
	compiledMu sync.Mutex
)

// schemaAt compiles the schema at a JSON pointer of the file.
func schemaAt(t testing.TB, pointer string) *jsonschema.Schema {
	t.Helper()
	compiledMu.Lock()
	defer compiledMu.Unlock()
	if s := compiled[pointer]; s != nil {
		return s
	}
	file, err := openAPI()
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource("openapi.json", file))
	s, err := compiler.Compile("openapi.json#" + pointer)
	require.NoError(t, err)
	compiled[pointer] = s
	return s
}

// checkAgainstOpenAPI holds an answer against what the file says of its route, status, content type and headers. An
// answer of the gateway itself, for a route it does not know, has the gateway's shape.
func checkAgainstOpenAPI(t testing.TB, q request, r response) {
	t.Helper()
	file, err := openAPI()
	require.NoError(t, err)
	template, operation := operationFor(file, q)
	contentType, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	if operation == nil {
		require.Equal(t, 404, r.status)
		requireValid(t, "/components/schemas/GatewayMessage", r.body)
		return
	}
	pointer := "/paths/" + escape(template) + "/" + strings.ToLower(q.method) + "/responses/"
	responses := operation["responses"].(map[string]any)
	answer, ok := responses[fmt.Sprint(r.status)].(map[string]any)
	if ok {
		pointer += fmt.Sprint(r.status)
	} else {
		require.GreaterOrEqual(t, r.status, 400, "%s %s answers %d, which the file does not list", q.method, template, r.status)
		answer, pointer = responses["default"].(map[string]any), pointer+"default"
	}
	if ref, isRef := answer["$ref"].(string); isRef {
		pointer = strings.TrimPrefix(ref, "#")
		answer = lookup(t, file, pointer).(map[string]any)
	}
	content := answer["content"].(map[string]any)
	require.Contains(t, content, contentType, "%s %s answers %s", q.method, template, contentType)
	requireValid(t, pointer+"/content/"+escape(contentType)+"/schema", r.body)
	if contentType == "application/problem+json" {
		requireRefusalListed(t, file, operation, r)
		requireParamsListed(t, file, r)
	}
	headers, _ := answer["headers"].(map[string]any)
	for name := range headers {
		if name != "Idempotency-Replayed" && (name != "Retry-After" || r.status == 503 || r.status == 429) {
			require.NotEmpty(t, r.header.Get(name), "%s %s answers without %s", q.method, template, name)
		}
	}
}

// requireRefusalListed holds a problem's code against those that the file lists for its operation, or for every one, and its
// status against that of the code.
func requireRefusalListed(t testing.TB, file, operation map[string]any, r response) {
	t.Helper()
	var problem struct{ Code license.Code }
	require.NoError(t, json.Unmarshal(r.body, &problem))
	own, _ := operation["x-refusals"].([]any)
	listed := slices.Concat(own, lookup(t, file, "/components/responses/Refused/x-refusals").([]any))
	if operation["requestBody"] != nil {
		listed = append(listed, lookup(t, file, "/components/responses/Refused/x-refusals-with-body").([]any)...)
	}
	require.Contains(t, listed, any(string(problem.Code)), "%v refuses with a code that its x-refusals do not list", operation["operationId"])
	require.Equal(t, httpapi.Present(license.Refuse(problem.Code, ""), "").Status, r.status, "the status of %s", problem.Code)
}

// requireParamsListed holds the members of a problem's params against the row of its code in the file's table.
func requireParamsListed(t testing.TB, file map[string]any, r response) {
	t.Helper()
	var problem struct {
		Code   string
		Params map[string]any
	}
	require.NoError(t, json.Unmarshal(r.body, &problem))
	var row string
	for line := range strings.Lines(lookup(t, file, "/components/schemas/Problem/description").(string)) {
		if codes, params, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | "); strings.Contains(codes, "`"+problem.Code+"`") {
			row = params
		}
	}
	for name := range problem.Params {
		require.Contains(t, row, "`"+name+"`", "params of %s, which the table in infra/openapi.yaml does not list: %s", problem.Code, r.body)
	}
}

func requireValid(t testing.TB, pointer string, body []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err, string(body))
	require.NoError(t, schemaAt(t, pointer).Validate(value), string(body))
}

func escape(s string) string {
	return url.PathEscape(strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1"))
}

func lookup(t testing.TB, file map[string]any, pointer string) any {
	t.Helper()
	var v any = file
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		v = v.(map[string]any)[name]
		require.NotNil(t, v, pointer)
	}
	return v
}

// operationFor finds the operation of a call; a path without parameters is found before one with.
func operationFor(file map[string]any, q request) (template string, operation map[string]any) {
	path, _, _ := strings.Cut(q.path, "?")
	var templates []string
	for candidate := range file["paths"].(map[string]any) {
		templates = append(templates, candidate)
	}
	slices.SortFunc(templates, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	for _, candidate := range templates {
		if !fits(candidate, path) {
			continue
		}
		if found, ok := file["paths"].(map[string]any)[candidate].(map[string]any)[strings.ToLower(q.method)].(map[string]any); ok {
			return candidate, found
		}
	}
	return "", nil
}

func fits(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for n := range want {
		if want[n] != got[n] && !strings.HasPrefix(want[n], "{") {
			return false
		}
	}
	return true
}

// TestRoutes_OneTable holds the three descriptions of the API equal: the code's table, template.yaml and the OpenAPI file.
func TestRoutes_OneTable(t *testing.T) {
	var code, inTemplate, inFile []string
	for _, r := range api.Routes() {
		code = append(code, fmt.Sprintf("%s %s %v", r.Method, r.Path, r.Staff()))
	}
	for _, r := range shared.Stack.Application.Routes {
		inTemplate = append(inTemplate, fmt.Sprintf("%s %s %v", r.Method, r.Path, r.Authorized))
		if r.Authorized {
			require.Equal(t, []string{httpapi.Scope}, r.Scopes, r.Path)
		}
		for _, row := range api.Routes() {
			if row.Method == r.Method && row.Path == r.Path {
				require.Equal(t, row.Function, functionName(r.Function), r.Path)
			}
		}
	}
	file, err := openAPI()
	require.NoError(t, err)
	for path, item := range file["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			_, secured := operation.(map[string]any)["security"]
			inFile = append(inFile, fmt.Sprintf("%s %s %v", strings.ToUpper(method), path, secured))
		}
	}
	require.ElementsMatch(t, code, inTemplate)
	require.ElementsMatch(t, code, inFile)
}

func functionName(logicalID string) string {
	for _, f := range shared.Stack.Application.Functions {
		if f.LogicalID == logicalID {
			return f.Name
		}
	}
	return ""
}

func TestCodes_TheFileListsThemAll(t *testing.T) {
	file, err := openAPI()
	require.NoError(t, err)
	var codes, verdicts []any
	for _, c := range license.Codes() {
		codes = append(codes, string(c))
		problem := httpapi.Present(license.Refuse(c, "detail"), "id")
		require.NotEmpty(t, problem.Title, c)
		require.GreaterOrEqual(t, problem.Status, 400, c)
	}
	for _, c := range verdict.Codes() {
		verdicts = append(verdicts, string(c))
	}
	require.ElementsMatch(t, codes, lookup(t, file, "/components/schemas/Problem/properties/code/enum"))
	require.ElementsMatch(t, verdicts, lookup(t, file, "/components/schemas/VerdictProblem/properties/code/enum"))
}
