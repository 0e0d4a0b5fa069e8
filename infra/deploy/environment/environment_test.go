package environment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/environment"
)

const ours = "../../samconfig.toml"

func TestLoad_TheEnvironmentsOfThisSystem(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"staging", "prod"} {
		e, err := environment.Load(ours, name)
		require.NoError(t, err)
		require.Equal(t, name, e.Name)
		require.NotEmpty(t, e.Region)
		require.NotEmpty(t, e.Parameters["Environment"])
		require.Empty(t, seen[e.Stack], "two environments are two stacks")
		seen[e.Stack] = name
	}
}

func TestLoad_AnUnknownEnvironmentIsAnsweredWithTheKnownOnes(t *testing.T) {
	for _, name := range []string{"", "production", "version"} {
		_, err := environment.Load(ours, name)
		require.ErrorContains(t, err, "ENV=prod or ENV=staging", name)
	}
}

func TestLoad_RefusesWhatWouldDeployElsewhere(t *testing.T) {
	for words, text := range map[string]string{
		"no stack_name":          "[x.deploy.parameters]\nregion = 'eu-central-1'",
		"no region":              "[x.deploy.parameters]\nstack_name = 's'",
		"OriginSecret":           "[x.deploy.parameters]\nstack_name = 's'\nregion = 'r'\nparameter_overrides = {OriginSecret = 'abc'}",
		"stack_name \"Qms\"":     "[x.deploy.parameters]\nstack_name = 'Qms'",
		"stack_name \"qms-aws\"": "[x.deploy.parameters]\nstack_name = 'qms-aws'",
		"stack_name \"qms-\"":    "[x.deploy.parameters]\nstack_name = 'qms-'",
		"stack_name \"qms-licensing-of-all-people\"": "[x.deploy.parameters]\nstack_name = 'qms-licensing-of-all-people'",
		"reading": "[x.deploy.parameters]\nstack_name = 1",
	} {
		file := filepath.Join(t.TempDir(), "samconfig.toml")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		_, err := environment.Load(file, "x")
		require.ErrorContains(t, err, words)
	}
	_, err := environment.Load(filepath.Join(t.TempDir(), "none.toml"), "x")
	require.ErrorContains(t, err, "reading the environments")
}

func TestLoad_AnEnvironmentWithoutParametersTakesTheDefaults(t *testing.T) {
	file := filepath.Join(t.TempDir(), "samconfig.toml")
	require.NoError(t, os.WriteFile(file, []byte("[x.deploy.parameters]\nstack_name = 's'\nregion = 'r'"), 0o600))
	e, err := environment.Load(file, "x")
	require.NoError(t, err)
	require.Equal(t, environment.Environment{Name: "x", Stack: "s", Region: "r", Parameters: map[string]string{}}, e)
}
