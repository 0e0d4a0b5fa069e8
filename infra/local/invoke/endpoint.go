package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/template"
)

const (
	maxEvent  = 6 << 20          // bytes of one event; the container itself takes more
	maxAnswer = 16 << 20         // of one answer: SAM writes the JSON anew, so it may be longer than Lambda's 6 MB
	grace     = 20 * time.Second // over a function's own timeout, for a container that is made anew
)

// Endpoint invokes functions by Lambda's Invoke API. A function's invocations wait for each other: its one container
// serves one at a time, and SAM starts the timeout of those that wait inside it.
type Endpoint struct {
	url       string
	client    http.Client
	functions map[string]*queue // logical ID →
}

// queue is one function with the place of the one event that runs.
type queue struct {
	timeout time.Duration
	turn    chan struct{}
}

var _ gateway.Invoker = (*Endpoint)(nil)

// NewEndpoint invokes the functions at a URL such as http://127.0.0.1:3001.
func NewEndpoint(url string, functions []template.Function) *Endpoint {
	e := &Endpoint{url: url, functions: map[string]*queue{}}
	e.client.Transport = &http.Transport{MaxIdleConnsPerHost: len(functions)} // no proxy: it is this machine
	for _, f := range functions {
		e.functions[f.LogicalID] = &queue{timeout: f.Timeout, turn: make(chan struct{}, 1)}
	}
	return e
}

type outcome struct {
	payload []byte
	err     error
}

// Invoke runs a function on an event. A caller who gives up (ctx) does not stop it.
func (e *Endpoint) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	f := e.functions[function]
	if f == nil {
		return nil, fmt.Errorf("template has no function %s", function)
	}
	if len(event) > maxEvent {
		return nil, gateway.ErrTooLarge
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the container of %s: %w", function, ctx.Err())
	}
	reply := make(chan outcome, 1)
	go func() {
		defer func() { <-f.turn }()
		payload, err := e.post(context.WithoutCancel(ctx), f, function, event)
		reply <- outcome{payload, err}
	}()
	select {
	case out := <-reply:
		return out.payload, out.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for %s: %w", function, ctx.Err())
	}
}

func (e *Endpoint) post(ctx context.Context, f *queue, function string, event []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout+grace)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		e.url+"/2015-03-31/functions/"+url.PathEscape(function)+"/invocations", bytes.NewReader(event))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := e.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("invoking %s: %w", function, err)
	}
	defer response.Body.Close()
	payload, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer of %s: %w", function, err)
	case len(payload) > maxAnswer:
		return nil, errors.New("Function.ResponseSizeTooLarge")
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("invoking %s: the Lambda endpoint answered %s", function, response.Status)
	}
	return payload, failureIn(response.Header.Get("X-Amz-Function-Error"), payload)
}

// timedOut is what a container answers in place of JSON, with nothing in the headers that would tell.
const timedOut = "Task timed out after "

// failureIn tells how a function failed. The message of a failure is the function's own, so only its type is kept.
func failureIn(header string, payload []byte) error {
	if bytes.HasPrefix(payload, []byte(timedOut)) {
		return gateway.ErrTimeout
	}
	if header == "" {
		return nil
	}
	var said struct{ ErrorType, ErrorMessage string }
	_ = json.Unmarshal(payload, &said)
	if bytes.Contains([]byte(said.ErrorMessage), []byte(timedOut)) || said.ErrorType == "Sandbox.Timedout" {
		return gateway.ErrTimeout
	}
	return fmt.Errorf("function reported an error of type %q", said.ErrorType)
}
