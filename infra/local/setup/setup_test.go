package setup_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/setup"
)

func TestFind_TheProjectAroundTheWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.mod"), nil, 0o644))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "a/b"), 0o755))
	t.Chdir(filepath.Join(root, "a/b"))
	tools, err := setup.Find("")
	require.NoError(t, err)
	found, err := filepath.EvalSymlinks(tools.Root)
	require.NoError(t, err)
	wanted, err := filepath.EvalSymlinks(root)
	require.NoError(t, err)
	require.Equal(t, wanted, found)
}

func TestEnsure_NamesTheCommandThatInstallsAMissingProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	tools := setup.Tools{Root: t.TempDir()}
	require.EqualError(t, tools.EnsureDynamoDB(context.Background(), os.Stderr),
		"java is missing; install it with: apt-get install openjdk-17-jdk-headless")
	require.EqualError(t, tools.EnsureSignIn(context.Background(), os.Stderr),
		"node is missing; install it with: apt-get install nodejs npm")
}

// fakeTools puts shell scripts named node and npm on the path.
func fakeTools(t *testing.T, npm string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range map[string]string{"node": "exit 0", "npm": npm} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

func TestEnsure_FetchesOnceAndAgainWhenTheLockFileChanges(t *testing.T) {
	fakeTools(t, `mkdir -p node_modules && echo x >> node_modules/runs`)
	tools := setup.Tools{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(tools.SignIn(), 0o755))
	lock := filepath.Join(tools.SignIn(), "package-lock.json")
	var progress bytes.Buffer
	for _, version := range []string{"1", "1", "2"} {
		require.NoError(t, os.WriteFile(lock, []byte(version), 0o644))
		require.NoError(t, tools.EnsureSignIn(context.Background(), &progress))
	}
	runs, err := os.ReadFile(filepath.Join(tools.SignIn(), "node_modules/runs"))
	require.NoError(t, err)
	require.Equal(t, "x\nx\n", string(runs))
	require.Contains(t, progress.String(), "fetching the sign-in's packages from npm …")
}

func TestEnsure_ShowsTheOutputOfWhatFails(t *testing.T) {
	fakeTools(t, `echo no route to the registry; exit 1`)
	tools := setup.Tools{Root: t.TempDir()}
	require.NoError(t, os.MkdirAll(tools.SignIn(), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tools.SignIn(), "package-lock.json"), nil, 0o644))
	require.ErrorContains(t, tools.EnsureSignIn(context.Background(), &bytes.Buffer{}), "no route to the registry")
}
