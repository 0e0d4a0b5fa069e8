package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/api"
)

// sample is a curl line of the OpenAPI file.
type sample struct{ label, source string }

// samplesOf reads the curl lines of an operation, of which there must be one.
func samplesOf(t *testing.T, operation map[string]any) (samples []sample) {
	t.Helper()
	listed, _ := operation["x-codeSamples"].([]any)
	require.NotEmpty(t, listed, "%v has no curl line: give it x-codeSamples in infra/openapi.yaml", operation["operationId"])
	for _, one := range listed {
		said := one.(map[string]any)
		require.Equal(t, "Shell", said["lang"])
		samples = append(samples, sample{label: said["label"].(string), source: said["source"].(string)})
	}
	return samples
}

// TestCurl_EverySampleIsTried runs every curl line of the OpenAPI file in a shell, as a role that may, on a thing that the
// matrix makes for it. The answer must be the one that the matrix expects, and as the file documents it.
func TestCurl_EverySampleIsTried(t *testing.T) {
	s := shared
	file, err := openAPI()
	require.NoError(t, err)
	explained := lookup(t, file, "/info/description").(string)
	by := casesByRoute(t)
	licenseKey := s.issue(t, subscription(fresh("QMSA-CURL"))).text(t, "license", "licenseKey")
	for _, route := range api.Routes() {
		operation := lookup(t, file, "/paths").(map[string]any)[route.Path].(map[string]any)[strings.ToLower(route.Method)].(map[string]any)
		for _, one := range samplesOf(t, operation) {
			t.Run(fmt.Sprint(operation["operationId"], " ", one.label), func(t *testing.T) {
				for _, name := range variable.FindAllStringSubmatch(one.source, -1) {
					require.Contains(t, explained, "`$"+name[1]+"`", "info.description explains every variable")
				}
				c := promising(t, s, by[route.String()], route)
				q, r := s.curl(t, one, c, licenseKey)
				template, _ := operationFor(file, q)
				require.Equal(t, route.String(), q.method+" "+template, "the line asks another operation than its own")
				require.Equal(t, c.want().status, r.status, string(r.body))
				require.Less(t, r.status, 300)
				require.Contains(t, operation["responses"], fmt.Sprint(r.status))
				if c.of.rowCode != nil {
					require.Empty(t, c.of.rowCode(t, r), string(r.body))
				}
				checkAgainstOpenAPI(t, q, r)
			})
		}
	}
}

var variable = regexp.MustCompile(`\$([A-Z_]+)`)

// promising is the first cell of a route that is answered with success, its thing made: on nothing, the caller's own, or
// another's.
func promising(t *testing.T, s *system, of routeCase, route api.Route) cell {
	t.Helper()
	all := cells(of, route)
	for _, preferred := range []state{none, own, others} {
		for _, c := range all {
			if c.state != preferred || c.want().status >= 300 || c.want().code != "" || (route.Staff() && c.caller.role == "") {
				continue
			}
			if c.thing = of.make(c)(t, s, c.owner()); c.thing != nil {
				return c
			}
		}
	}
	require.Fail(t, "the matrix has no cell of this route that is answered with success")
	return cell{}
}

// curl runs a sample as the cell's caller and returns what it asked and what it was answered. What curl is told besides
// (where to write status and headers) stands in its configuration file: the line is run as it is.
func (s *system) curl(t *testing.T, one sample, c cell, licenseKey string) (request, response) {
	t.Helper()
	home := t.TempDir()
	headers := filepath.Join(home, "headers")
	config := fmt.Sprintf("dump-header = %q\nwrite-out = \"%%{stderr}%%{method} %%{http_code} %%{url_effective}\"\n", headers)
	require.NoError(t, os.WriteFile(filepath.Join(home, ".curlrc"), []byte(config), 0o600))
	command := exec.CommandContext(t.Context(), "bash", "-euc", one.source)
	command.Env = append(environment(s, c, licenseKey), "PATH="+os.Getenv("PATH"), "HOME="+home, "CURL_HOME="+home)
	if c.route.Staff() {
		command.Env = append(command.Env, "TOKEN="+s.token(t, c.caller.username))
	}
	var body, said bytes.Buffer
	command.Stdout, command.Stderr = &body, &said
	require.NoError(t, command.Run(), "%s\n%s", one.source, said.String())
	var status int
	var method, url string
	_, err := fmt.Sscan(said.String(), &method, &status, &url)
	require.NoError(t, err, said.String())
	return request{method: method, path: strings.TrimPrefix(url, s.URL)}, response{status: status, header: headersIn(t, headers), body: body.Bytes()}
}

// environment has the variables of the samples but the token: those of the thing, if it has them.
func environment(s *system, c cell, licenseKey string) []string {
	server := c.thing["serverToken"]
	if server == "" {
		server = fresh("QMSA-CURL")
	}
	variables := []string{
		"PORTAL=" + s.URL, "KEY=" + fresh("curl"), "SERVER=" + server, "NEW_SERVER=" + fresh("QMSB-CURL"), "LICENSE_KEY=" + licenseKey,
	}
	if id, ok := c.thing["id"]; ok {
		variables = append(variables, "ID="+id)
	}
	if etag, ok := c.thing["etag"]; ok {
		variables = append(variables, "VERSION="+strings.Trim(etag, `"`))
	}
	return variables
}

// headersIn reads what curl wrote of an answer's head.
func headersIn(t *testing.T, file string) http.Header {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	_, lines, ok := bytes.Cut(text, []byte("\r\n"))
	require.True(t, ok, string(text))
	header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(lines))).ReadMIMEHeader()
	require.NoError(t, err, string(text))
	return http.Header(header)
}

// TestExamples_FitTheirSchemas holds every example of the OpenAPI file against the schema beside it.
func TestExamples_FitTheirSchemas(t *testing.T) {
	file, err := openAPI()
	require.NoError(t, err)
	tried := 0
	walk(file, "", func(pointer string, value map[string]any) {
		var examples []any
		beside := pointer
		if _, ok := value["schema"]; ok {
			beside += "/schema"
			if example, ok := value["example"]; ok {
				examples = append(examples, example)
			}
			named, _ := value["examples"].(map[string]any)
			for _, one := range named {
				examples = append(examples, one.(map[string]any)["value"])
			}
		} else if listed, ok := value["examples"].([]any); ok {
			examples = listed
		}
		for _, example := range examples {
			tried++
			require.NoError(t, schemaAt(t, beside).Validate(example), "%s: %v", pointer, example)
		}
	})
	require.Greater(t, tried, len(api.Routes()))
}

// TestDescriptions_AreWhole finds a comma in a description without quotes, which ends it in {description: …, …}: the rest of
// the sentence becomes the name of a member without a value.
func TestDescriptions_AreWhole(t *testing.T) {
	file, err := openAPI()
	require.NoError(t, err)
	described := 0
	walk(file, "", func(pointer string, value map[string]any) {
		if _, ok := value["description"].(string); !ok {
			return
		}
		described++
		for name, member := range value {
			require.NotNil(t, member, "%s: put the description before %q into quotes", pointer, name)
		}
	})
	require.Greater(t, described, len(api.Routes()))
}

// walk visits every object of a JSON value with its pointer, in the order of the names.
func walk(value any, pointer string, visit func(string, map[string]any)) {
	switch v := value.(type) {
	case map[string]any:
		visit(pointer, v)
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			walk(v[name], pointer+"/"+escape(name), visit)
		}
	case []any:
		for n, one := range v {
			walk(one, fmt.Sprint(pointer, "/", n), visit)
		}
	}
}
