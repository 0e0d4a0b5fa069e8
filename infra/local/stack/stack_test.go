package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/stack"
	"qmslicensing/infra/local/template"
)

// project is a folder with the tests' template and its function, built once.
var project = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "stack-test")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile("testdata/template.yaml")
	if err != nil {
		return "", err
	}
	for path, source := range map[string]string{"build/probe/bootstrap": "./testdata/probe", "local": "qmslicensing/infra/local"} {
		if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, path), source).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	}
	return dir, os.WriteFile(filepath.Join(dir, "template.yaml"), text, 0o644)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := project(); err == nil {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func start(t *testing.T, change func(*stack.Config)) (*stack.Stack, error) {
	t.Helper()
	dir, err := project()
	require.NoError(t, err)
	c := stack.Config{Template: filepath.Join(dir, "template.yaml"), Dir: t.TempDir(), InMemory: true, FreePorts: true, Log: t.Output()}
	if change != nil {
		change(&c)
	}
	s, err := stack.Start(context.Background(), c)
	if err == nil {
		t.Cleanup(s.Close)
	}
	return s, err
}

func post(t *testing.T, url, token, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

// kept is the event that the function has written last.
func kept(t *testing.T, s *stack.Stack) string {
	t.Helper()
	client := dynamodb.Client(s.DynamoDBEndpoint, gate.AccessKey(gate.Operator))
	got, err := client.GetItem(context.Background(), &sdk.GetItemInput{
		TableName: aws.String(s.Application.Tables[0].Name),
		Key:       map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "probe"}},
	})
	require.NoError(t, err)
	event, _ := got.Item["event"].(*types.AttributeValueMemberS)
	if event == nil {
		return ""
	}
	return event.Value
}

func TestStack_WholeWay(t *testing.T) {
	prepared := false
	s, err := start(t, func(c *stack.Config) {
		c.Admin, c.NoSchedules = true, true
		c.Prepare = func(_ context.Context, s *stack.Stack) error {
			prepared = true
			require.Empty(t, kept(t, s), "tables exist before Prepare")
			return nil
		}
	})
	require.NoError(t, err)
	require.True(t, prepared)

	status, body := post(t, s.URL+"/v1/probe/x", "", `{}`)
	require.Equal(t, 200, status, body)
	require.Contains(t, body, "AccessDeniedException", "the statements give no GetItem")
	require.Contains(t, kept(t, s), `"pathParameters":{"name":"x"}`)

	status, body = post(t, s.URL+"/v1/staff", "", `{}`)
	require.Equal(t, 401, status)
	require.JSONEq(t, `{"message":"Unauthorized"}`, body)
	token, err := s.Token(context.Background(), "accounting")
	require.NoError(t, err)
	status, body = post(t, s.URL+"/v1/staff", token, `{}`)
	require.Equal(t, 200, status, body)
	require.Contains(t, kept(t, s), `"cognito:groups":"[accounting]"`)

	require.NoError(t, s.RunSchedule(context.Background(), "ProbeFunction"))
	require.JSONEq(t, `{"scheduled":true}`, kept(t, s))
	require.Error(t, s.RunSchedule(context.Background(), "Other"))

	status, body = post(t, s.AdminURL+"/functions/ProbeFunction/kill", "", "")
	require.Equal(t, 200, status)
	require.JSONEq(t, `{"killed":1}`, body)
	status, _ = post(t, s.AdminURL+"/schedules/ProbeFunction/run", "", "")
	require.Equal(t, 204, status)
}

func TestStack_AFunctionKilledByTheGateAnswersAnInternalError(t *testing.T) {
	var killed atomic.Pointer[string] // the instance
	s, err := start(t, func(c *stack.Config) {
		c.Hooks.After = func(call gate.Call, _ int) *gate.Fault {
			if call.Function != "ProbeFunction" || call.Action != "dynamodb:PutItem" || !killed.CompareAndSwap(nil, &call.Instance) {
				return nil
			}
			return &gate.Fault{Kill: true}
		}
	})
	require.NoError(t, err)
	status, body := post(t, s.URL+"/v1/probe/x", "", `{}`)
	require.Equal(t, 500, status)
	require.JSONEq(t, `{"message":"Internal Server Error"}`, body)
	require.NotNil(t, killed.Load())
	require.NotEmpty(t, *killed.Load())
	require.NotEmpty(t, kept(t, s), "it was killed after its write")
	status, _ = post(t, s.URL+"/v1/probe/x", "", `{}`)
	require.Equal(t, 200, status)
}

func TestStack_ServesThePortalsSettings(t *testing.T) {
	s, err := start(t, nil)
	require.NoError(t, err)
	response, err := http.Get(s.URL + "/config.json")
	require.NoError(t, err)
	defer response.Body.Close()
	var settings map[string]string
	require.NoError(t, json.NewDecoder(response.Body).Decode(&settings))
	require.Equal(t, map[string]string{"issuer": s.Issuer, "clientId": "qms-licensing-portal", "scope": "openid licensing/staff"}, settings)

	noFollow := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err = noFollow.Get(strings.Replace(s.URL, "localhost", "127.0.0.1", 1) + "/console/?a=b")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, s.URL+"/console/?a=b", response.Header.Get("Location"))
}

func TestStack_KeepsItsDataAndOneRunAtATime(t *testing.T) {
	data := t.TempDir()
	onDisk := func(c *stack.Config) { c.Dir, c.InMemory = data, false }
	first, err := start(t, onDisk)
	require.NoError(t, err)
	status, _ := post(t, first.URL+"/v1/probe/kept", "", `{}`)
	require.Equal(t, 200, status)
	_, err = start(t, onDisk)
	require.ErrorContains(t, err, "another run uses the data")
	first.Close()

	second, err := start(t, onDisk)
	require.NoError(t, err)
	require.Contains(t, kept(t, second), `"name":"kept"`)
}

func TestStart_SaysWhichPortIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	_, err = start(t, func(c *stack.Config) { c.FreePorts, c.PortBase = false, port })
	require.ErrorContains(t, err, fmt.Sprintf("port %d, for the API and portal, is taken", port))
	require.ErrorContains(t, err, "-port-base")
}

func TestStart_SaysWhatIsNotBuilt(t *testing.T) {
	_, err := start(t, func(c *stack.Config) {
		c.Change = func(app *template.Application) { app.Functions[0].CodeURI = "build/none" }
	})
	require.ErrorContains(t, err, "make build")
	require.ErrorContains(t, err, "function probe has no ")
}

// command runs the program itself until it says that it runs, and returns it and the process ids of its children.
func command(t *testing.T) (*exec.Cmd, []string) {
	t.Helper()
	dir, err := project()
	require.NoError(t, err)
	run := exec.Command(filepath.Join(dir, "local"), "run", "-bare", "-free-ports", "-memory", "-quiet",
		"-data", t.TempDir(), "-template", filepath.Join(dir, "template.yaml"))
	ready := make(chan struct{})
	run.Stdout = process.Lines(func(line string) {
		t.Log(line)
		if strings.Contains(line, "Ctrl-C stops it") {
			close(ready)
		}
	})
	run.Stderr = run.Stdout
	require.NoError(t, run.Start())
	t.Cleanup(func() { _ = run.Process.Kill(); _ = run.Wait() })
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		t.Fatal("it does not start")
	}
	list, err := exec.Command("ps", "-o", "pid=", "--ppid", fmt.Sprint(run.Process.Pid)).Output()
	require.NoError(t, err)
	children := strings.Fields(string(list))
	require.GreaterOrEqual(t, len(children), 2, "DynamoDB Local and the sign-in")
	return run, children
}

func gone(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestCommand_KilledItLeavesNothingBehind(t *testing.T) {
	run, children := command(t)
	require.NoError(t, run.Process.Kill())
	for _, pid := range children {
		require.Eventually(t, func() bool { return gone(pid) }, 3*time.Second, 20*time.Millisecond)
	}
}

func TestCommand_StopsWithinThreeSeconds(t *testing.T) {
	run, children := command(t)
	begin := time.Now()
	require.NoError(t, run.Process.Signal(os.Interrupt))
	require.NoError(t, run.Wait())
	require.Less(t, time.Since(begin), 3*time.Second)
	for _, pid := range children {
		require.True(t, gone(pid))
	}
}
