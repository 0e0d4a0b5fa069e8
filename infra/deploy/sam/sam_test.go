package sam_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/sam"
)

// fake is a program that tells how it was called: its arguments, and the file of parameters with its mode.
const fake = `#!/bin/sh
echo "in $PWD telemetry $SAM_CLI_TELEMETRY own $OWN"
echo "args $*"
while [ $# -gt 0 ]; do
  if [ "$1" = --parameter-overrides ]; then file=${2#file://}; fi
  shift
done
echo "mode $(stat -c %a "$file")"
cp "$file" given.json
echo "$file" > place
exit $FAIL
`

func tool(t *testing.T, fail string) (sam.Tool, *bytes.Buffer) {
	root, out := t.TempDir(), &bytes.Buffer{}
	path := filepath.Join(root, "sam")
	require.NoError(t, os.WriteFile(path, []byte(fake), 0o700))
	return sam.Tool{
		Path: path, ConfigFile: "infra/samconfig.toml", Root: root, Out: out,
		Env: []string{"PATH=" + os.Getenv("PATH"), "OWN=yes", "FAIL=" + fail},
	}, out
}

var request = sam.Request{
	Environment: "prod", Stack: "qms", Region: "eu-central-1", Template: "template.yaml",
	Parameters: map[string]string{"Environment": "production", "OriginSecret": "nobody-reads-this"},
}

func TestDeploy_ParametersGoByAFileThatIsGoneAfterwards(t *testing.T) {
	for _, fail := range []string{"0", "1"} {
		tool, out := tool(t, fail)
		err := tool.Deploy(context.Background(), request)
		require.Equal(t, fail == "0", err == nil, "%v", err)
		require.Contains(t, out.String(), "in "+tool.Root+" telemetry 0 own yes\n")
		require.Contains(t, out.String(), "args deploy --config-file infra/samconfig.toml --config-env prod --template-file template.yaml "+
			"--stack-name qms --region eu-central-1 --parameter-overrides file://")
		require.NotContains(t, out.String(), "nobody-reads-this")
		require.NotContains(t, out.String(), "--disable-rollback")
		require.Contains(t, out.String(), "mode 600\n")
		given, err := os.ReadFile(filepath.Join(tool.Root, "given.json"))
		require.NoError(t, err)
		require.JSONEq(t, `{"Environment":"production","OriginSecret":"nobody-reads-this"}`, string(given))
		place, err := os.ReadFile(filepath.Join(tool.Root, "place"))
		require.NoError(t, err)
		require.NoFileExists(t, strings.TrimSpace(string(place)))
	}
}

func TestDeploy_AFirstDeploymentKeepsWhatItMade(t *testing.T) {
	tool, out := tool(t, "0")
	first := request
	first.Keep = true
	require.NoError(t, tool.Deploy(context.Background(), first))
	require.Contains(t, out.String(), " --disable-rollback\n")
}

func TestDeploy_AFailureNamesStackAndRegion(t *testing.T) {
	tool, _ := tool(t, "1")
	require.EqualError(t, tool.Deploy(context.Background(), request), "sam deploy of stack qms in eu-central-1: exit status 1")
}
