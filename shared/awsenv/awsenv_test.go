package awsenv_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/awsenv"
)

// TestMain is also the function whose start a setting stops.
func TestMain(m *testing.M) {
	if os.Getenv("AWSENV_TEST_START") == "" {
		os.Exit(m.Run())
	}
	secrets := awsenv.MustOriginSecrets
	if os.Getenv("AWSENV_TEST_START") == "cursors" {
		secrets = awsenv.MustCursorSecrets
	}
	var made any
	if os.Getenv("AWSENV_TEST_START") == "switch" {
		made = awsenv.MustBool("SWITCH", "what it switches")
	} else {
		made = secrets()
	}
	if err := json.NewEncoder(os.Stdout).Encode(made); err != nil {
		panic(err)
	}
}

// start starts a function with variables, and returns what it made of them and what it logged.
func start(t *testing.T, variables ...string) (made, log string, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	var out, failure bytes.Buffer
	command := exec.CommandContext(t.Context(), self)
	command.Env = append([]string{"AWSENV_TEST_START=1"}, variables...)
	command.Stdout, command.Stderr = &out, &failure
	err = command.Run()
	return out.String(), failure.String(), err
}

func TestMustOriginSecrets_ReturnsTheValuesAlone(t *testing.T) {
	for name, c := range map[string]struct{ variable, secrets string }{
		"not set":           {"OTHER=1", `null`},
		"empty":             {"ORIGIN_SECRET=", `null`},
		"one":               {"ORIGIN_SECRET=abc", `["abc"]`},
		"two":               {"ORIGIN_SECRET=abc,def", `["abc","def"]`},
		"with spaces about": {"ORIGIN_SECRET= abc ,\tdef\n", `["abc","def"]`},
	} {
		t.Run(name, func(t *testing.T) {
			made, log, err := start(t, c.variable)
			require.NoError(t, err, log)
			require.JSONEq(t, c.secrets, made)
		})
	}
}

func TestMustOriginSecrets_AVariableWithoutAValueStopsTheStart(t *testing.T) {
	for text, says := range map[string]string{
		",":        "value 1 of 2 is empty",
		" ":        "value 1 of 1 is empty",
		"hidden,":  "value 2 of 2 is empty",
		",hidden":  "value 1 of 2 is empty",
		"hidden, ": "value 2 of 2 is empty",
		"a,,b":     "value 2 of 3 is empty",
	} {
		t.Run(text, func(t *testing.T) {
			made, log, err := start(t, "ORIGIN_SECRET="+text)
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, 1, exit.ExitCode(), log)
			require.Empty(t, made)
			require.Contains(t, log, "ORIGIN_SECRET is set, but "+says)
			require.NotContains(t, log, "hidden", "no secret in a log")
		})
	}
}

func TestMustCursorSecrets_NeedsOne(t *testing.T) {
	made, log, err := start(t, "AWSENV_TEST_START=cursors", "ORIGIN_SECRET=abc,def")
	require.NoError(t, err, log)
	require.JSONEq(t, `["abc","def"]`, made)
	for _, none := range []string{"OTHER=1", "ORIGIN_SECRET="} {
		made, log, err = start(t, "AWSENV_TEST_START=cursors", none)
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode(), log)
		require.Empty(t, made)
		require.Contains(t, log, "ORIGIN_SECRET is not set: the cursors of pages are signed")
	}
}

func TestMustBool_IsTrueOrFalse(t *testing.T) {
	for _, text := range []string{"true", "false"} {
		made, log, err := start(t, "AWSENV_TEST_START=switch", "SWITCH="+text)
		require.NoError(t, err, log)
		require.JSONEq(t, text, made)
	}
	for variable, says := range map[string]string{
		"OTHER=1":   "SWITCH is not set: what it switches",
		"SWITCH=":   "SWITCH is not set",
		"SWITCH=no": `SWITCH is "no", not true or false: what it switches`,
	} {
		made, log, err := start(t, "AWSENV_TEST_START=switch", variable)
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, variable)
		require.Empty(t, made)
		require.Contains(t, log, says)
	}
}
