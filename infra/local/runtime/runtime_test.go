package runtime_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/runtime"
	"qmslicensing/infra/local/template"
)

// root holds build/echo/bootstrap, built once for all tests.
var root = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "runtime-test")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", filepath.Join(dir, "build/echo/bootstrap"), "./testdata/echo")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := root(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func start(t *testing.T, change func(*runtime.Config)) *runtime.Runtime {
	t.Helper()
	dir, err := root()
	require.NoError(t, err)
	c := runtime.Config{
		Root: dir,
		Application: &template.Application{Functions: []template.Function{{
			LogicalID: "EchoFunction", Name: "echo", CodeURI: "build/echo", Timeout: 3 * time.Second, MemoryMB: 128,
			Environment: map[string]string{"LICENSE_TABLE": "licenses"},
		}}},
		Environment: func(f template.Function) map[string]string {
			return map[string]string{"AWS_ACCESS_KEY_ID": "key-of-" + f.LogicalID}
		},
	}
	if change != nil {
		change(&c)
	}
	r, err := runtime.New(c)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

type echo struct {
	PID     int    `json:"pid"`
	Request string `json:"request"`
	ARN     string `json:"arn"`
	Size    int    `json:"size"`
	Left    int64  `json:"left"`
	Session string `json:"session"`
}

func invoke(r *runtime.Runtime, event string) (echo, error) {
	var out echo
	payload, err := r.Invoke(context.Background(), "EchoFunction", []byte(event))
	if err == nil {
		err = json.Unmarshal(payload, &out)
	}
	return out, err
}

func TestInvoke_ReusesTheProcessAndTellsEachInvocationApart(t *testing.T) {
	r := start(t, nil)
	first, err := invoke(r, `{}`)
	require.NoError(t, err)
	second, err := invoke(r, `{}`)
	require.NoError(t, err)
	require.Equal(t, first.PID, second.PID)
	require.NotEqual(t, first.Request, second.Request)
	require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, first.Request)
	require.Equal(t, "arn:aws:lambda:us-east-1:000000000000:function:echo", first.ARN)
	require.InDelta(t, 3000, first.Left, 500)
	require.Equal(t, 1, r.Processes("EchoFunction"))
}

func TestInvoke_OneInvocationAtATimePerProcessAndAQueueBeyondTheBound(t *testing.T) {
	r := start(t, func(c *runtime.Config) { c.MaxProcesses = 3 })
	var (
		wg      sync.WaitGroup
		answers [9]echo
		errs    [9]error
	)
	for n := range answers {
		wg.Go(func() { answers[n], errs[n] = invoke(r, `{"sleepMillis":100}`) })
	}
	wg.Wait()
	pids, requests := map[int]bool{}, map[string]bool{}
	for n, a := range answers {
		require.NoError(t, errs[n])
		pids[a.PID], requests[a.Request] = true, true
	}
	require.Len(t, pids, 3)
	require.Len(t, requests, 9)
}

func TestInvoke_AFunctionThatTakesTooLongIsKilled(t *testing.T) {
	r := start(t, func(c *runtime.Config) { c.Application.Functions[0].Timeout = 200 * time.Millisecond })
	before, err := invoke(r, `{}`)
	require.NoError(t, err)
	_, err = invoke(r, `{"sleepMillis":5000}`)
	require.ErrorIs(t, err, gateway.ErrTimeout)
	after, err := invoke(r, `{}`)
	require.NoError(t, err)
	require.NotEqual(t, before.PID, after.PID)
}

func TestInvoke_ACrashFailsOneInvocationOnly(t *testing.T) {
	r := start(t, nil)
	_, err := invoke(r, `{"do":"crash"}`)
	require.ErrorContains(t, err, "exit status 3")
	_, err = invoke(r, `{}`)
	require.NoError(t, err)
}

func TestInvoke_AFunctionsErrorIsAnErrorAndTheProcessGoesOn(t *testing.T) {
	r := start(t, nil)
	before, err := invoke(r, `{}`)
	require.NoError(t, err)
	_, err = invoke(r, `{"do":"fail"}`)
	require.ErrorContains(t, err, "errorString")
	after, err := invoke(r, `{}`)
	require.NoError(t, err)
	require.Equal(t, before.PID, after.PID)
}

func TestInvoke_AProcessThatCannotStartIsTriedOnce(t *testing.T) {
	r := start(t, func(c *runtime.Config) { c.Application.Functions[0].Environment["BROKEN"] = "1" })
	_, err := invoke(r, `{}`)
	require.ErrorContains(t, err, "exit status 1")
}

func TestKill_FailsWhatRunsAndAnIdleProcessIsReplacedUnseen(t *testing.T) {
	r := start(t, nil)
	failed := make(chan error)
	go func() {
		_, err := invoke(r, `{"sleepMillis":2000}`)
		failed <- err
	}()
	require.Eventually(t, func() bool { return r.Processes("EchoFunction") == 1 }, 2*time.Second, 5*time.Millisecond)
	time.Sleep(300 * time.Millisecond)
	require.Equal(t, 1, r.Kill("EchoFunction", ""))
	require.ErrorContains(t, <-failed, "in the middle")

	for range 20 {
		_, err := invoke(r, `{}`)
		require.NoError(t, err)
		r.Kill("EchoFunction", "")
	}
}

func TestKill_ByInstanceKillsThatProcessAlone(t *testing.T) {
	r := start(t, nil)
	var first, second echo
	var wg sync.WaitGroup
	wg.Go(func() { first, _ = invoke(r, `{"sleepMillis":200}`) })
	wg.Go(func() { second, _ = invoke(r, `{"sleepMillis":200}`) })
	wg.Wait()
	require.NotEqual(t, first.PID, second.PID)
	require.Equal(t, 1, r.Kill("EchoFunction", first.Session))
	require.Eventually(t, func() bool { return r.Processes("EchoFunction") == 1 }, time.Second, 5*time.Millisecond)
	require.Zero(t, r.Kill("EchoFunction", "unknown"))
	require.Zero(t, r.Kill("Other", ""))
	left, err := invoke(r, `{}`)
	require.NoError(t, err)
	require.Equal(t, second.PID, left.PID)
}

func TestInvoke_SixMegabytesEachWay(t *testing.T) {
	r := start(t, nil)
	most := 6 << 20
	fits, err := invoke(r, `"`+strings.Repeat("x", most-2)+`"`)
	require.NoError(t, err)
	require.Equal(t, most, fits.Size)
	_, err = invoke(r, `"`+strings.Repeat("x", most-1)+`"`)
	require.ErrorIs(t, err, gateway.ErrTooLarge)

	payload, err := r.Invoke(context.Background(), "EchoFunction", fmt.Appendf(nil, `{"do":"large","size":%d}`, most-2))
	require.NoError(t, err)
	require.Len(t, payload, most)
	_, err = r.Invoke(context.Background(), "EchoFunction", fmt.Appendf(nil, `{"do":"large","size":%d}`, most+200))
	require.ErrorContains(t, err, "ResponseSizeTooLarge")
}

func TestInvoke_TheEnvironmentIsLambdasAndTheTemplatesAlone(t *testing.T) {
	t.Setenv("LEAKED", "no")
	r := start(t, nil)
	payload, err := r.Invoke(context.Background(), "EchoFunction", []byte(`{"do":"environment"}`))
	require.NoError(t, err)
	var got []string
	require.NoError(t, json.Unmarshal(payload, &got))
	require.Contains(t, got, "AWS_ACCESS_KEY_ID=key-of-EchoFunction")
	require.Contains(t, got, "LICENSE_TABLE=licenses")
	require.Contains(t, got, "AWS_LAMBDA_FUNCTION_NAME=echo")
	require.Contains(t, got, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128")
	require.Contains(t, got, "AWS_REGION=us-east-1")
	require.Contains(t, got, "TZ=UTC")
	require.NotContains(t, strings.Join(got, " "), "LEAKED")
}

func TestRuntime_StopsIdleProcesses(t *testing.T) {
	r := start(t, func(c *runtime.Config) { c.Idle = 50 * time.Millisecond })
	_, err := invoke(r, `{}`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.Processes("EchoFunction") == 0 }, 2*time.Second, 10*time.Millisecond)
	_, err = invoke(r, `{}`)
	require.NoError(t, err)
}

func TestRuntime_LogsLinesAfterTheFunctionsName(t *testing.T) {
	var out bytes.Buffer
	var mu sync.Mutex
	r := start(t, func(c *runtime.Config) {
		c.Log = process.Lines(func(line string) { mu.Lock(); defer mu.Unlock(); out.WriteString(line + "\n") })
	})
	_, err := invoke(r, `{"do":"print"}`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(out.String(), "echo: hello from the function\n")
	}, time.Second, 5*time.Millisecond)
}

func BenchmarkInvoke_Warm(b *testing.B) {
	dir, err := root()
	require.NoError(b, err)
	r, err := runtime.New(runtime.Config{Root: dir, Application: &template.Application{Functions: []template.Function{
		{LogicalID: "EchoFunction", Name: "echo", CodeURI: "build/echo", Timeout: 3 * time.Second},
	}}})
	require.NoError(b, err)
	defer r.Close()
	for b.Loop() {
		if _, err := invoke(r, `{}`); err != nil {
			b.Fatal(err)
		}
	}
}
