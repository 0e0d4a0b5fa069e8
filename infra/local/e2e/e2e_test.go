// Package e2e_test runs the API on the local stack: the real bootstraps behind the gateway, DynamoDB Local and the KMS
// endpoint behind the permission gate, real tokens. Every answer is held against infra/openapi.yaml.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/operator"
	"qmslicensing/infra/local/stack"
	"qmslicensing/infra/local/template"
)

// system is one running stack with what tests do to it.
type system struct {
	*stack.Stack
	operator.System
	log   *lockedBuffer
	watch *watcher

	mu     sync.Mutex
	tokens map[string]string
}

// lockedBuffer keeps the log of a stack.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// inSAM has the functions run in SAM's containers: go test ./infra/local/e2e -sam.
var inSAM = flag.Bool("sam", false, "run the functions in containers of the SAM CLI")

// start starts a stack of its own, with its keys filled in; change may edit what the template says.
func start(dir string, change func(*template.Application)) (*system, error) {
	return startWith(dir, nil, change)
}

// startWith is start with parameters of the template.
func startWith(dir string, parameters map[string]string, change func(*template.Application)) (*system, error) {
	given := map[string]string{"LicensesPerPersonDay": "100000"} // the few persons of these tests make more on one day than people do
	maps.Copy(given, parameters)
	log := &lockedBuffer{}
	s := &system{log: log, watch: &watcher{}, tokens: map[string]string{}}
	var err error
	s.Stack, err = stack.Start(context.Background(), stack.Config{
		Dir: dir, SAM: *inSAM, InMemory: true, FreePorts: true, NoSchedules: true, Parameters: given, Change: change, Log: log, Hooks: s.watch.hooks(),
		Prepare: func(ctx context.Context, st *stack.Stack) error {
			s.System = operator.System{DynamoDBEndpoint: st.DynamoDBEndpoint, KMSEndpoint: st.KMSEndpoint, S3Endpoint: st.S3Endpoint, Application: st.Application}
			_, err := s.System.FillKeys(ctx)
			return err
		},
	})
	return s, err
}

// shared is the stack that most tests use, each with Server Tokens of its own.
var shared *system

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "qms-e2e")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if shared, err = start(dir, nil); err != nil {
			fmt.Fprintln(os.Stderr, "starting the local stack:", err)
			return 1
		}
		defer shared.Close()
		return max(m.Run(), tellFindings(os.Stderr), tellDenials(os.Stderr))
	}())
}

// tellDenials names what the shared stack's functions were refused, and is 1 if there was anything: no test there takes a
// statement away, so it is one that the template lacks, even if no test noticed.
func tellDenials(w io.Writer) int {
	denials := shared.Gate.Book().Denials()
	for _, denial := range denials {
		fmt.Fprintln(w, "FAIL: permission denied:", denial)
	}
	return min(len(denials), 1)
}

// tellFindings looks through what all tests have left on the shared stack, and is 1 if anything is wrong with it: crashes,
// races and refusals are no excuse.
func tellFindings(w io.Writer) int {
	codes, err := shared.findingsAtTheEnd()
	if err != nil || len(codes) > 0 {
		fmt.Fprintln(w, "FAIL: after all tests the tables are not whole:", codes, err)
		return 1
	}
	return 0
}

// logDenials names beside what failed what functions were refused until then: function, action and resource.
func (s *system) logDenials(t testing.TB, failed string) {
	t.Helper()
	for _, denial := range s.Gate.Book().Denials() {
		t.Logf("%s; so far %s", failed, denial)
	}
}

func (s *system) token(t testing.TB, username string) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[username] == "" {
		token, err := s.Token(context.Background(), username)
		require.NoError(t, err)
		s.tokens[username] = token
	}
	return s.tokens[username]
}

// request is one call of the API.
type request struct {
	method, path string
	as           string // who signs in; "" is nobody
	key          string // Idempotency-Key
	ifMatch      string
	body         any // a string is sent as it is
	contentType  string
	header       map[string]string
}

// response is its answer.
type response struct {
	status int
	header http.Header
	body   []byte
}

// send makes a call and holds the answer against the OpenAPI file.
func (s *system) send(t testing.TB, q request) response {
	t.Helper()
	r, err := s.try(t, q)
	require.NoError(t, err)
	checkAgainstOpenAPI(t, q, r)
	return r
}

// try makes a call.
func (s *system) try(t testing.TB, q request) (response, error) {
	t.Helper()
	var body io.Reader
	switch b := q.body.(type) {
	case nil:
	case string:
		body = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		require.NoError(t, err)
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequest(q.method, s.URL+q.path, body)
	require.NoError(t, err)
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range map[string]string{"Content-Type": q.contentType, "Idempotency-Key": q.key, "If-Match": q.ifMatch} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	if q.as != "" {
		r.Header.Set("Authorization", "Bearer "+s.token(t, q.as))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return response{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if answer.StatusCode >= 500 { // it may be for want of a permission, which the answer does not say
		s.logDenials(t, fmt.Sprintf("%s %s answered %d", q.method, q.path, answer.StatusCode))
	}
	return response{answer.StatusCode, answer.Header, text}, err
}

// get reads a member of a JSON answer by its path: get("license", "id").
func (r response) get(t testing.TB, path ...string) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(r.body, &v), string(r.body))
	for _, name := range path {
		object, ok := v.(map[string]any)
		require.True(t, ok, "no %v in %s", path, r.body)
		v = object[name]
	}
	return v
}

func (r response) text(t testing.TB, path ...string) string {
	t.Helper()
	s, ok := r.get(t, path...).(string)
	require.True(t, ok, "%v is no text in %s", path, r.body)
	return s
}

// requireProblem asserts a refusal by its status and code, with an error at pointer if one is given.
func requireProblem(t testing.TB, r response, status int, code, pointer string) {
	t.Helper()
	require.Equal(t, status, r.status, string(r.body))
	require.Equal(t, "application/problem+json", r.header.Get("Content-Type"), string(r.body))
	require.Equal(t, code, r.text(t, "code"), string(r.body))
	require.NotEmpty(t, r.text(t, "detail"))
	require.NotEmpty(t, r.text(t, "requestId"))
	if pointer != "" {
		require.Contains(t, string(r.body), `"pointer":"`+pointer+`"`)
	}
}

var serial struct {
	sync.Mutex
	n int
}

// fresh returns a name that no other test uses.
func fresh(prefix string) string {
	serial.Lock()
	defer serial.Unlock()
	serial.n++
	return fmt.Sprintf("%s-%04d", prefix, serial.n)
}

// trial, subscription and permanent are bodies that are in order.
func trial(token string) map[string]any {
	return map[string]any{"serverToken": token, "customer": "Northwind Call Centers", "purpose": "trial", "modules": map[string]int{"qmsSuite": 10}}
}

func subscription(token string) map[string]any {
	return map[string]any{
		"serverToken": token, "customer": "Northwind Call Centers", "type": "subscription", "contract": "C-2041", "termMonths": 12,
		"modules": map[string]int{"qmsSuite": 50, "callRecording": 20},
	}
}

func permanent(token string) map[string]any {
	var conditions []map[string]string
	for _, name := range []string{"contract-signed", "payment-received", "quantities-match", "customer-name-matches"} {
		conditions = append(conditions, map[string]string{"name": name, "metOn": "2026-01-02", "evidence": "O-7781"})
	}
	return map[string]any{
		"serverToken": token, "customer": "Northwind Call Centers", "type": "permanent", "order": "O-7781", "conditions": conditions,
		"modules": map[string]int{"qmsSuite": 50, "callRecording": 20},
	}
}

// with returns a copy of a body with members changed; nil removes one.
func with(body map[string]any, changes ...any) map[string]any {
	copied := map[string]any{}
	for name, value := range body {
		copied[name] = value
	}
	for n := 0; n < len(changes); n += 2 {
		if changes[n+1] == nil {
			delete(copied, changes[n].(string))
		} else {
			copied[changes[n].(string)] = changes[n+1]
		}
	}
	return copied
}

func (s *system) issue(t testing.TB, body map[string]any) response {
	t.Helper()
	r := s.send(t, request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: body})
	require.Equal(t, 201, r.status, string(r.body))
	return r
}

// renewal renews the license of an answer.
func renewal(t testing.TB, issued response, key string) request {
	t.Helper()
	return request{
		method: "POST", path: "/v1/licenses/" + issued.text(t, "license", "id") + "/renew", as: "accounting", key: key,
		ifMatch: issued.header.Get("ETag"), body: map[string]any{"contract": "C-2041", "termMonths": 12},
	}
}
