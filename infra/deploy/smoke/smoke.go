// Package smoke asks a deployed system a few questions whose right answers are known, and changes nothing in it.
package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Target is the system.
type Target struct {
	Portal string // address of portal and API, such as https://d111.cloudfront.net
	API    string // address of the HTTP API itself, which must refuse
	// Issuer and ClientID are what config.json must say.
	Issuer, ClientID string
	// Generation is the tables': from 2 on, they were made to be filled from restored ones. Empty is 1.
	Generation string
	Client     *http.Client
}

// Check is one question.
type Check struct {
	Name string
	// Next is what to do when the answer is wrong.
	Next string
	// restored is what to do instead when the tables are of a later generation than the first; empty for nothing else.
	restored string
	// API tells the questions to the API from those to the portal's files.
	API bool
	ask func(ctx context.Context, t Target) error
}

// Result is a check and what was wrong with the answer, nil for nothing.
type Result struct {
	Check
	Err error
}

// minKeys is how many keys the first deployment publishes: two purposes, each with its standby.
const minKeys = 4

// Checks are the questions, in the order they are asked.
var checks = []Check{
	{Name: "the public keys are published", API: true, ask: askKeys,
		Next: "look at the log of the function keys. Where the key table lacks the first keys: make keys TABLE=… KEYS='temporary:signing=ARN " +
			"temporary:standby=ARN sold:signing=ARN sold:standby=ARN', with the stack's outputs LicenseTableName, TemporarySigningKeyId, " +
			"TemporaryStandbyKeyId, SoldSigningKeyId and SoldStandbyKeyId, in this order",
		restored: "copy the restored tables first: infra/RUNBOOK.md, Restore the tables, step 4; not make keys. Where that is done, look at " +
			"the log of the function keys"},
	{Name: "a text that is no license is explained", API: true, ask: askValidate, Next: "look at the log of the function validate"},
	{Name: "a staff route without a token is refused", API: true, ask: askStaff,
		Next: "nobody may use this system before the route has its authorizer: look at the API's routes"},
	{Name: "the customers' page", ask: page("/"), Next: "look at the bucket's objects and at the distribution's behaviors"},
	{Name: "the staff's page", ask: page("/console/"), Next: "look at the bucket's objects and at the distribution's function"},
	{Name: "config.json names this stack's sign-in", ask: askConfig, Next: "deploy again: config.json is written from the stack's outputs"},
	{Name: "the API's own address refuses", ask: askAround,
		Next: "the stack has no OriginSecret, or CloudFront does not send the one that the functions know: deploy again"},
}

// Run asks everything, and asks what failed again until patience is over: a new distribution takes a while to be known
// everywhere.
func Run(ctx context.Context, t Target, patience, pause time.Duration) []Result {
	until := time.Now().Add(patience)
	for {
		results, failed := ask(ctx, t), false
		for _, r := range results {
			failed = failed || r.Err != nil
		}
		if !failed || time.Now().Add(pause).After(until) {
			return results
		}
		select {
		case <-ctx.Done():
			return results
		case <-time.After(pause):
		}
	}
}

func ask(ctx context.Context, t Target) (results []Result) {
	for _, c := range checks {
		if c.restored != "" && t.Generation != "" && t.Generation != "1" {
			c.Next = c.restored
		}
		results = append(results, Result{Check: c, Err: c.ask(ctx, t)})
	}
	return results
}

func askKeys(ctx context.Context, t Target) error {
	var set struct{ Keys []json.RawMessage }
	if _, err := t.get(ctx, t.Portal+"/.well-known/jwks.json", &set); err != nil {
		return err
	}
	if len(set.Keys) < minKeys {
		return fmt.Errorf("%d keys are published, not %d or more", len(set.Keys), minKeys)
	}
	return nil
}

func askValidate(ctx context.Context, t Target) error {
	response, body, err := t.do(ctx, http.MethodPost, t.Portal+"/v1/licenses/validate", `{"licenseKey":"smoke test"}`)
	if err != nil {
		return err
	}
	var verdict struct {
		Valid    bool
		Problems []json.RawMessage
	}
	if err := decode(response, body, &verdict); err != nil {
		return err
	}
	if verdict.Valid || len(verdict.Problems) == 0 {
		return fmt.Errorf("a text that is no license is answered without a problem: %s", short(body))
	}
	return nil
}

func askStaff(ctx context.Context, t Target) error {
	response, body, err := t.do(ctx, http.MethodGet, t.Portal+"/v1/licenses?serverToken=SMOKE-TEST", "")
	if err != nil {
		return err
	}
	return status(response, body, http.StatusUnauthorized)
}

func page(path string) func(ctx context.Context, t Target) error {
	return func(ctx context.Context, t Target) error {
		response, body, err := t.do(ctx, http.MethodGet, t.Portal+path, "")
		if err != nil {
			return err
		}
		if err := status(response, body, http.StatusOK); err != nil {
			return err
		}
		if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
			return fmt.Errorf("it is %q, not text/html", kind)
		}
		return policy(response)
	}
}

func askConfig(ctx context.Context, t Target) error {
	var config struct{ Issuer, ClientID, Scope string }
	response, err := t.get(ctx, t.Portal+"/config.json", &config)
	if err != nil {
		return err
	}
	if config.Issuer != t.Issuer || config.ClientID != t.ClientID || config.Scope == "" {
		return fmt.Errorf("it names issuer %q and client %q; the stack's are %q and %q", config.Issuer, config.ClientID, t.Issuer, t.ClientID)
	}
	return policy(response)
}

func askAround(ctx context.Context, t Target) error {
	response, body, err := t.do(ctx, http.MethodGet, t.API+"/.well-known/jwks.json", "")
	if err != nil {
		return err
	}
	return status(response, body, http.StatusForbidden)
}

// policy checks that a file came with the portal's content security policy.
func policy(response *http.Response) error {
	if got := response.Header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") {
		return fmt.Errorf("its Content-Security-Policy is %q, without default-src 'none'", got)
	}
	return nil
}

func (t Target) get(ctx context.Context, url string, into any) (*http.Response, error) {
	response, body, err := t.do(ctx, http.MethodGet, url, "")
	if err != nil {
		return nil, err
	}
	return response, decode(response, body, into)
}

func (t Target) do(ctx context.Context, method, url, body string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := t.Client.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the answer of %s: %w", url, err)
	}
	return response, data, nil
}

func decode(response *http.Response, body []byte, into any) error {
	if err := status(response, body, http.StatusOK); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the answer is not JSON: %s", short(body))
	}
	return nil
}

func status(response *http.Response, body []byte, want int) error {
	if response.StatusCode != want {
		return fmt.Errorf("it answers %d instead of %d: %s", response.StatusCode, want, short(body))
	}
	return nil
}

// short is the start of an answer, on one line.
func short(body []byte) string {
	text := string(bytes.Join(bytes.Fields(body), []byte(" ")))
	if len(text) > 120 {
		text = text[:120] + "…"
	}
	return text
}
