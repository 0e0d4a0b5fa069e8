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
	if err := json.NewEncoder(os.Stdout).Encode(awsenv.MustOriginSecrets()); err != nil {
		panic(err)
	}
}

// start starts a function with one more variable, and returns what it made of it and what it logged.
func start(t *testing.T, variable string) (made, log string, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	var out, failure bytes.Buffer
	command := exec.CommandContext(t.Context(), self)
	command.Env = []string{"AWSENV_TEST_START=1"}
	if variable != "" {
		command.Env = append(command.Env, variable)
	}
	command.Stdout, command.Stderr = &out, &failure
	err = command.Run()
	return out.String(), failure.String(), err
}

func TestMustOriginSecrets_ReturnsTheValuesAlone(t *testing.T) {
	for name, c := range map[string]struct{ variable, secrets string }{
		"not set":           {"", `null`},
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
