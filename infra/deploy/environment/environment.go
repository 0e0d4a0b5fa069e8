// Package environment reads what an environment is from infra/samconfig.toml, the file that the SAM CLI reads too.
package environment

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Environment is one section of the file.
type Environment struct {
	Name       string // what follows ENV=, such as prod
	Stack      string
	Region     string
	Parameters map[string]string // of the template
}

// section is what is used of a section; the rest is between the file and the SAM CLI.
type section struct {
	Deploy struct {
		Parameters struct {
			StackName  string            `toml:"stack_name"`
			Region     string            `toml:"region"`
			Parameters map[string]string `toml:"parameter_overrides"`
		} `toml:"parameters"`
	} `toml:"deploy"`
}

// stackName fits whatever is made of it: the sign-in's prefix, the names of rules, functions and policies of CloudFront.
// reserved is what a sign-in's prefix may not hold.
var (
	stackName = regexp.MustCompile(`^[a-z](-?[a-z0-9]){0,24}$`)
	reserved  = regexp.MustCompile(`aws|amazon|cognito|.{26}`)
)

// Load reads the environment name from file.
func Load(file, name string) (Environment, error) {
	var all map[string]toml.Primitive
	meta, err := toml.DecodeFile(file, &all)
	if err != nil {
		return Environment{}, fmt.Errorf("reading the environments: %w", err)
	}
	delete(all, "version")
	raw, found := all[name]
	if !found {
		return Environment{}, fmt.Errorf("there is no environment %q: say ENV=%s (they stand in %s)",
			name, strings.Join(slices.Sorted(maps.Keys(all)), " or ENV="), file)
	}
	var s section
	if err := meta.PrimitiveDecode(raw, &s); err != nil {
		return Environment{}, fmt.Errorf("reading environment %s in %s: %w", name, file, err)
	}
	p := s.Deploy.Parameters
	switch {
	case p.StackName == "":
		return Environment{}, fmt.Errorf("environment %s in %s has no stack_name", name, file)
	case !stackName.MatchString(p.StackName) || reserved.MatchString(p.StackName):
		return Environment{}, fmt.Errorf("stack_name %q of environment %s in %s: names are made of it that AWS bounds; take at most 25 lower-case letters, digits "+
			"and single hyphens, beginning with a letter, without aws, amazon or cognito", p.StackName, name, file)
	case p.Region == "":
		return Environment{}, fmt.Errorf("environment %s in %s has no region", name, file)
	case p.Parameters["OriginSecret"] != "":
		return Environment{}, fmt.Errorf("environment %s in %s holds an OriginSecret: take it out, the first deployment makes one that nobody reads", name, file)
	}
	if p.Parameters == nil {
		p.Parameters = map[string]string{}
	}
	return Environment{Name: name, Stack: p.StackName, Region: p.Region, Parameters: p.Parameters}, nil
}
