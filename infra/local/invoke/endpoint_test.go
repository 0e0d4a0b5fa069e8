package invoke_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/invoke"
	"qmslicensing/infra/local/template"
)

// lambda plays the Lambda Invoke endpoint.
func lambda(t *testing.T, answer http.HandlerFunc) *invoke.Endpoint {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return invoke.NewEndpoint(server.URL, []template.Function{{LogicalID: "IssueFunction", Timeout: time.Second}, {LogicalID: "ShowFunction", Timeout: time.Second}})
}

func TestEndpoint_PostsTheEventToTheFunctionByItsLogicalID(t *testing.T) {
	e := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+string(body))
	})
	answer, err := e.Invoke(t.Context(), "IssueFunction", []byte(`{"a":1}`))
	require.NoError(t, err)
	require.Equal(t, `POST /2015-03-31/functions/IssueFunction/invocations {"a":1}`, string(answer))
	_, err = e.Invoke(t.Context(), "OtherFunction", nil)
	require.ErrorContains(t, err, "template has no function OtherFunction")
}

func TestEndpoint_FailuresAreWhatTheGatewayKnows(t *testing.T) {
	for name, c := range map[string]struct {
		status       int
		header, body string
		is           error
		says         string
	}{
		"a timeout in place of an answer": {200, "", "Task timed out after 3.00 seconds", gateway.ErrTimeout, ""},
		"a timeout as Lambda words it":    {200, "Unhandled", `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1 Error: Task timed out after 3.00 seconds"}`, gateway.ErrTimeout, ""},
		"an error of the function":        {200, "Unhandled", `{"errorType":"errorString","errorMessage":"QMSA-SECRET"}`, nil, `function reported an error of type "errorString"`},
		"a crash":                         {200, "Unhandled", `{"errorType":"Runtime.ExitError","errorMessage":"exit status 3"}`, nil, "Runtime.ExitError"},
		"an unreadable error":             {200, "Unhandled", `oops`, nil, `of type ""`},
		"a container that went away":      {500, "", `{"Type":"Service"}`, nil, "answered 500"},
		"a function SAM does not know":    {404, "", `{}`, nil, "answered 404"},
		"an answer without end":           {200, "", strings.Repeat("x", 17<<20), nil, "ResponseSizeTooLarge"},
	} {
		t.Run(name, func(t *testing.T) {
			e := lambda(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("X-Amz-Function-Error", c.header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			_, err := e.Invoke(t.Context(), "IssueFunction", []byte(`{}`))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "SECRET", "the message is the function's own")
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestEndpoint_AnEventOverSixMegabytesIsNotSent(t *testing.T) {
	var calls atomic.Int32
	e := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
	})
	_, err := e.Invoke(t.Context(), "IssueFunction", make([]byte, 6<<20))
	require.NoError(t, err)
	_, err = e.Invoke(t.Context(), "IssueFunction", make([]byte, 6<<20+1))
	require.ErrorIs(t, err, gateway.ErrTooLarge)
	require.EqualValues(t, 1, calls.Load())
}

func TestEndpoint_OneInvocationAtATimePerFunction(t *testing.T) {
	var running, most atomic.Int32
	e := lambda(t, func(_ http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "Issue") {
			if now := running.Add(1); now > most.Load() {
				most.Store(now)
			}
			time.Sleep(10 * time.Millisecond)
			running.Add(-1)
		}
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { _, _ = e.Invoke(t.Context(), "IssueFunction", []byte(`{}`)) })
	}
	all.Wait()
	require.EqualValues(t, 1, most.Load())
}

func TestEndpoint_ACallerWhoGivesUpStopsNothingAndHoldsUpNobodyElse(t *testing.T) {
	release, served := make(chan struct{}), make(chan struct{}, 1)
	e := lambda(t, func(_ http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "Issue") {
			<-release
			served <- struct{}{}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := e.Invoke(ctx, "IssueFunction", []byte(`{}`))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = e.Invoke(ctx, "IssueFunction", []byte(`{}`))
	require.ErrorContains(t, err, "waiting for the container of IssueFunction")
	_, err = e.Invoke(t.Context(), "ShowFunction", []byte(`{}`))
	require.NoError(t, err)
	close(release)
	<-served
	_, err = e.Invoke(t.Context(), "IssueFunction", []byte(`{}`))
	require.NoError(t, err)
}

func TestEndpoint_SaysThatNobodyListens(t *testing.T) {
	e := invoke.NewEndpoint("http://127.0.0.1:1", []template.Function{{LogicalID: "IssueFunction"}})
	_, err := e.Invoke(t.Context(), "IssueFunction", []byte(`{}`))
	require.ErrorContains(t, err, "invoking IssueFunction")
}
