package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine is a PATH that holds stand-ins for this project's tools and, of the machine's own, what the script is made of.
type machine struct{ bin string }

func newMachine(t *testing.T) machine {
	t.Helper()
	m := machine{t.TempDir()}
	for _, name := range []string{"bash", "sort", "head", "grep", "tr", "id"} {
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(m.bin, name)))
	}
	for name, version := range map[string]string{"java": "17.0.1", "javac": "17.0.1", "mvn": "3.8.7", "go": "go1.26.0", "node": "v22.1.0", "npm": "11.2.0"} {
		m.program(t, name, "echo "+version)
	}
	m.python(t, "3.11.2", true)
	return m
}

func (m machine) program(t *testing.T, name, script string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(m.bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
}

// python is one that can only be asked for its version and its modules, with or without python3-venv.
func (m machine) python(t *testing.T, version string, venv bool) {
	t.Helper()
	has := "exit 1"
	if venv {
		has = "exit 0"
	}
	m.program(t, "python3", `case "$1" in --version) echo Python `+version+` ;; -c) `+has+` ;; *) echo "pip was tried"; exit 9 ;; esac`)
}

func (m machine) run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = "../..", []string{"PATH=" + m.bin}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestTools_ADeploymentNeedsPythonWithItsVenvAndNothingOfTheTests(t *testing.T) {
	m := newMachine(t)
	out, err := m.run(t, "bash", "infra/tools.sh", "deploy")
	require.NoError(t, err, out)
	m.python(t, "3.11.2", false)
	out, err = m.run(t, "bash", "infra/tools.sh", "deploy")
	require.Error(t, err)
	require.Contains(t, out, "Missing: python3-venv \n")
	require.Contains(t, out, "apt-get install -y python3-venv\n")
	require.NoError(t, os.Remove(filepath.Join(m.bin, "mvn")))
	out, err = m.run(t, "bash", "infra/tools.sh", "deploy")
	require.Error(t, err)
	require.Contains(t, out, "Missing: maven python3-venv \n", "it builds, too")
}

func TestTools_AnOldPythonIsNamedWhereItIsUsed(t *testing.T) {
	m := newMachine(t)
	for _, name := range []string{"chromium", "gcc", "ps", "docker", "busybox"} {
		m.program(t, name, "exit 0")
	}
	for _, old := range []string{"3.9.2", "3.10.12"} {
		m.python(t, old, true)
		for _, kind := range []string{"test", "sam", "deploy"} {
			out, err := m.run(t, "bash", "infra/tools.sh", kind)
			require.Error(t, err, kind)
			require.Equal(t, "Python is "+old+", needed is 3.11 or newer: install it from https://www.python.org/ and put it on the PATH as python3\n", out, kind)
		}
		out, err := m.run(t, "bash", "infra/tools.sh", "run")
		require.NoError(t, err, out)
	}
	m.python(t, "3.13.0", true)
	for _, kind := range []string{"test", "sam", "deploy"} {
		out, err := m.run(t, "bash", "infra/tools.sh", kind)
		require.NoError(t, err, "%s: %s", kind, out)
	}
}

func TestMake_ADeploymentLooksForItsToolsBeforeAnythingElse(t *testing.T) {
	m := newMachine(t)
	m.python(t, "3.11.2", false)
	for _, target := range []string{"deploy", "deploy-rehearsal"} {
		out, err := m.run(t, "make", "--always-make", target, "ENV=staging") // a venv that is there already would hide the order
		require.Error(t, err, target)
		require.Contains(t, out, "Missing: python3-venv", target)
		require.NotContains(t, out, "pip", target)
	}
}
