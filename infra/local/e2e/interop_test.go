package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestInterop_OtherLibrariesVerify hands license keys of every type and the published key set to two libraries that are
// not ours: jose in Node and PyJWT in Python. Each must accept the good ones and refuse a changed one.
func TestInterop_OtherLibrariesVerify(t *testing.T) {
	s := shared
	issuedTrial := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: trial(fresh("QMSA-INTEROP"))})
	keys := []string{
		issuedTrial.text(t, "license", "licenseKey"),
		s.issue(t, subscription(fresh("QMSA-INTEROP"))).text(t, "license", "licenseKey"),
		s.issue(t, permanent(fresh("QMSA-INTEROP"))).text(t, "license", "licenseKey"),
	}
	published := s.send(t, request{method: "GET", path: "/.well-known/jwks.json"})
	require.Equal(t, 200, published.status)
	input, err := json.Marshal(map[string]any{"keys": keys, "jwks": json.RawMessage(published.body)})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "input.json")
	require.NoError(t, os.WriteFile(file, input, 0o600))
	for name, command := range map[string][]string{
		"jose in Node":    {"node", "testdata/verify.mjs", file},
		"PyJWT in Python": {"../../../.cache/venv/bin/python", "testdata/verify.py", file},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
			require.NoError(t, err, string(out))
			require.Equal(t, "3 verified, 3 changed ones refused\n", string(out))
		})
	}
}
