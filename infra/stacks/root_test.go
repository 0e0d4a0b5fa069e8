package stacks_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// The alarms take functions by their place in a list: a list in another order would watch the wrong ones.
func TestRoot_PassesTheFunctionsInTheOrderOfTheAlarms(t *testing.T) {
	s, template := readStack(t, "alarms.yaml"), readStack(t, root)
	folders := map[string]string{}
	for id, f := range resourcesOf[struct {
		CodeURI string `yaml:"CodeUri"`
	}](t, template, "AWS::Serverless::Function") {
		folders[id] = f.CodeURI
	}
	passed := resourcesOf[struct {
		Parameters map[string]yaml.Node `yaml:"Parameters"`
	}](t, template, "AWS::CloudFormation::Stack")["AlarmStack"].Parameters
	seen := 0
	for _, list := range []string{"WritingFunctions", "ReadingFunctions"} {
		var got []string
		for _, found := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(passed[list].Value, -1) {
			got = append(got, folders[found[1]])
		}
		var want []string
		for _, name := range order(t, s, list) {
			want = append(want, "build/"+name)
		}
		require.Equal(t, want, got, list)
		seen += len(got)
	}
	require.Len(t, folders, seen, "every function is watched")
}
