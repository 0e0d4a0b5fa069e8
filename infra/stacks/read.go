// Package stacks reads the templates that are deployed, the root and those nested in it, as CloudFormation sees them, and
// finds what would weaken them: wildcards, open buckets, data that a deployment may delete, what is not logged, parameters
// that change nothing.
package stacks

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Template is one template; intrinsic functions stand in their long form: {"Ref": "X"}, {"Fn::Sub": "…"}.
type Template struct {
	File       string // its base name, such as site.yaml
	Parameters map[string]Parameter
	Conditions map[string]any
	Globals    map[string]any
	Resources  map[string]Resource
	Outputs    map[string]any
}

// Parameter is what the checks ask of a parameter.
type Parameter struct {
	Type        string
	Description string
	NoEcho      bool
	MaxValue    int // 0 where there is none
}

// Resource is one resource.
type Resource struct {
	Type                string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          map[string]any
}

// ReadAll reads the root template of the project at root and every template in infra/stacks, the root first.
func ReadAll(root string) ([]Template, error) {
	files, err := filepath.Glob(filepath.Join(root, "infra", "stacks", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var all []Template
	for _, file := range append([]string{filepath.Join(root, "template.yaml")}, files...) {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a template: %w", err)
		}
		t, err := Parse(filepath.Base(file), content)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// Parse reads one template.
func Parse(file string, content []byte) (Template, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil || len(document.Content) == 0 {
		return Template{}, fmt.Errorf("reading %s: it is no YAML mapping: %w", file, err)
	}
	plain, err := long(document.Content[0])
	if err != nil {
		return Template{}, fmt.Errorf("reading %s: %w", file, err)
	}
	again, err := yaml.Marshal(plain)
	if err != nil {
		return Template{}, fmt.Errorf("reading %s: %w", file, err)
	}
	var t struct {
		Parameters map[string]Parameter      `yaml:"Parameters"`
		Conditions map[string]any            `yaml:"Conditions"`
		Globals    map[string]any            `yaml:"Globals"`
		Resources  map[string]map[string]any `yaml:"Resources"`
		Outputs    map[string]any            `yaml:"Outputs"`
	}
	if err := yaml.Unmarshal(again, &t); err != nil {
		return Template{}, fmt.Errorf("reading %s: %w", file, err)
	}
	read := Template{File: file, Parameters: t.Parameters, Conditions: t.Conditions, Globals: t.Globals, Outputs: t.Outputs, Resources: map[string]Resource{}}
	for id, r := range t.Resources {
		properties, _ := r["Properties"].(map[string]any)
		read.Resources[id] = Resource{Type: text(r["Type"]), DeletionPolicy: text(r["DeletionPolicy"]), UpdateReplacePolicy: text(r["UpdateReplacePolicy"]), Properties: properties}
	}
	return read, nil
}

// UnmarshalYAML reads a parameter in CloudFormation's spelling.
func (p *Parameter) UnmarshalYAML(node *yaml.Node) error {
	var members map[string]any
	if err := node.Decode(&members); err != nil {
		return err
	}
	most, _ := members["MaxValue"].(int)
	*p = Parameter{Type: text(members["Type"]), Description: text(members["Description"]), NoEcho: members["NoEcho"] == true, MaxValue: most}
	return nil
}

func text(value any) string {
	said, _ := value.(string)
	return said
}

// long turns a node into plain values, short intrinsics into their long form.
func long(node *yaml.Node) (any, error) {
	name, short := strings.CutPrefix(node.Tag, "!")
	short = short && !strings.HasPrefix(name, "!")
	var value any
	switch node.Kind {
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			member, err := long(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			members[node.Content[i].Value] = member
		}
		value = members
	case yaml.SequenceNode:
		elements := make([]any, len(node.Content))
		for i, element := range node.Content {
			var err error
			if elements[i], err = long(element); err != nil {
				return nil, err
			}
		}
		value = elements
	case yaml.ScalarNode:
		if short || node.Tag == "!!timestamp" {
			value = node.Value
		} else if err := node.Decode(&value); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("line %d: CloudFormation knows no YAML aliases", node.Line)
	}
	switch {
	case !short:
		return value, nil
	case name == "Ref" || name == "Condition":
		return map[string]any{name: value}, nil
	}
	return map[string]any{"Fn::" + name: value}, nil
}

// OfType lists the logical IDs of a type, sorted.
func (t Template) OfType(kind string) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		if t.Resources[id].Type == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

// At follows member names and list indexes down from value; nil when a step leads nowhere.
func At(value any, steps ...any) any {
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			members, _ := value.(map[string]any)
			value = members[step]
		case int:
			elements, _ := value.([]any)
			if step >= len(elements) {
				return nil
			}
			value = elements[step]
		}
	}
	return value
}
