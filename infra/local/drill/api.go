package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"qmslicensing/infra/local/stack"
)

// api is the API as the staff and customers call it.
type api struct {
	url    string
	tokens map[string]string
	client *http.Client
	serial atomic.Int64
}

func newAPI(ctx context.Context, s *stack.Stack) (*api, error) {
	a := &api{url: s.URL, tokens: map[string]string{}, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	for _, username := range []string{"sales", "support", "accounting", "admin"} {
		token, err := s.Token(ctx, username)
		if err != nil {
			return nil, fmt.Errorf("signing %s in: %w", username, err)
		}
		a.tokens[username] = token
	}
	return a, nil
}

// fresh returns a name that nothing else in the drill has.
func (a *api) fresh(prefix string) string { return fmt.Sprintf("%s-%06d", prefix, a.serial.Add(1)) }

// call is one request.
type call struct {
	method, path string
	as           string // who signs in; "" is a customer
	key          string // Idempotency-Key
	ifMatch      string
	body         any
}

func (c call) String() string { return c.method + " " + c.path }

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %.300s", a.status, a.body) }

// read decodes an answer of that status.
func (a answer) read(status int, into any) error {
	if a.status != status {
		return unmet(fmt.Sprint("status ", status), "%v", a)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return unmet("an answer in JSON", "%v", a)
	}
	return nil
}

func (a *api) send(ctx context.Context, c call) (answer, error) {
	body, err := json.Marshal(c.body)
	if err != nil {
		return answer{}, err
	}
	r, err := http.NewRequestWithContext(ctx, c.method, a.url+c.path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if c.body == nil {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range map[string]string{"Idempotency-Key": c.key, "If-Match": c.ifMatch} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if c.as != "" {
		r.Header.Set("Authorization", "Bearer "+a.tokens[c.as])
	}
	got, err := a.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	return answer{got.StatusCode, got.Header, text}, err
}

// want sends a call, demands a status, and decodes the answer.
func (a *api) want(ctx context.Context, c call, status int, into any) (answer, error) {
	got, err := a.send(ctx, c)
	if err == nil {
		err = got.read(status, into)
	}
	if err != nil {
		return got, fmt.Errorf("%v: %w", c, err)
	}
	return got, nil
}

// license is what the drills read of one.
type license struct {
	ID, ServerToken, LicenseKey string
	Sequence                    int
}

type licensed struct{ License license }

// issue, temporary, renewal, rehost and amendment are the calls that make licenses.
func (a *api) issue(token string) call {
	return call{method: "POST", path: "/v1/licenses", as: "accounting", key: a.fresh("issue"), body: map[string]any{
		"serverToken": token, "customer": "Northwind Call Centers", "type": "subscription", "contract": "C-2041", "termMonths": 12,
		"modules": map[string]int{"qmsSuite": 50, "callRecording": 20},
	}}
}

func (a *api) temporary(as, purpose, token string) call {
	return call{method: "POST", path: "/v1/temporary-licenses", as: as, key: a.fresh("temporary"), body: map[string]any{
		"serverToken": token, "customer": "Northwind Call Centers", "purpose": purpose, "modules": map[string]int{"qmsSuite": 50, "callRecording": 20},
	}}
}

func (a *api) renewal(id, etag string) call {
	return call{method: "POST", path: "/v1/licenses/" + id + "/renew", as: "accounting", key: a.fresh("renew"), ifMatch: etag,
		body: map[string]any{"contract": "C-2041", "termMonths": 12}}
}

func (a *api) rehost(id, token, etag string) call {
	return call{method: "POST", path: "/v1/licenses/" + id + "/rehost", as: "support", key: a.fresh("rehost"), ifMatch: etag,
		body: map[string]any{"serverToken": token, "reason": "server-replaced"}}
}

func (a *api) amendment(id, etag string) call {
	return call{method: "POST", path: "/v1/licenses/" + id + "/amend", as: "accounting", key: a.fresh("amend"), ifMatch: etag,
		body: map[string]any{"modules": map[string]int{"qmsSuite": 60, "callRecording": 20}}}
}

// revocation takes a license back.
func (a *api) revocation(id, etag string) call {
	return call{method: "POST", path: "/v1/licenses/" + id + "/revoke", as: "accounting", key: a.fresh("revoke"), ifMatch: etag,
		body: map[string]any{"reason": "A drill."}}
}

// post is any other write.
func (a *api) post(as, path string, body any) call {
	return call{method: "POST", path: path, as: as, key: a.fresh("post"), body: body}
}

// validate, retrieve, downgrade and keySet are the calls that customers make.
func validate(licenseKey string) call {
	return call{method: "POST", path: "/v1/licenses/validate", body: map[string]any{"licenseKey": licenseKey}}
}

func retrieve(token string) call {
	return call{method: "GET", path: "/v1/servers/" + token + "/license"}
}

func downgrade(licenseKey string) call {
	return call{method: "POST", path: "/v1/licenses/downgrade-check",
		body: map[string]any{"licenseKey": licenseKey, "assigned": map[string]int{"callRecording": 10}}}
}

func keySet() call { return call{method: "GET", path: "/.well-known/jwks.json"} }
