package rehearsal_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/environment"
	"qmslicensing/infra/deploy/rehearsal"
	"qmslicensing/infra/deploy/rollout"
	"qmslicensing/infra/deploy/sam"
)

const role = "QMS_TEST_PLAYS_THE_EMULATOR"

// TestMain plays an emulator that is there and knows nothing of AWS, when the program below asks for it.
func TestMain(m *testing.M) {
	if os.Getenv(role) == "" {
		os.Exit(m.Run())
	}
	err := http.ListenAndServe(net.JoinHostPort(os.Getenv("BIND_HOST"), os.Getenv("GATEWAY_PORT")), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/_ministack/health" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// rehearse rehearses with a shell script in the emulator's place.
func rehearse(t *testing.T, script string) error {
	t.Helper()
	root := t.TempDir()
	program := filepath.Join(root, ".cache", "ministack", "bin", "ministack")
	require.NoError(t, os.MkdirAll(filepath.Dir(program), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "infra", "stacks"), 0o755))
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root, rollout.Template), []byte("Resources: {}\n"), 0o600))
	return rehearsal.Rehearse(context.Background(), rehearsal.Config{
		Environment: environment.Environment{Name: "staging", Stack: "qms", Region: "us-east-1"}, Out: t.Output(),
		Tool: sam.Tool{Path: filepath.Join(root, "sam"), Root: root, Out: t.Output()},
	})
}

func TestRehearse_AnEmulatorThatEndsAtItsStartLeavesTheEndOfItsLog(t *testing.T) {
	err := rehearse(t, `i=1; while [ $i -le 30 ]; do echo "line $i."; i=$((i+1)); done; echo "no module named x" >&2; exit 3`)
	require.ErrorContains(t, err, "the emulator ended at its start: exit status 3\nThe end of its log:\n  line 12.\n")
	require.ErrorContains(t, err, "\n  line 30.\n  no module named x")
	require.NotContains(t, err.Error(), "line 11.")
	require.EqualError(t, rehearse(t, "exit 0"), "the emulator ended at its start: exit status 0\nIt logged nothing.")
}

func TestRehearse_AFailureDoesNotPromiseThatItGoesOn(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	err = rehearse(t, role+`=1 exec "`+self+`"`)
	require.ErrorContains(t, err, "Stopped while looking for what a deployment needs:\n  there is no SAM CLI at ")
	require.ErrorContains(t, err, "\nWhat to do: bring what is missing.")
	require.NotContains(t, err.Error(), "again", "its data is gone")
	var failure *rollout.Failure
	require.ErrorAs(t, err, &failure)
}
