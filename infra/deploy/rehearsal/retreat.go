package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"gopkg.in/yaml.v3"

	"qmslicensing/infra/deploy/rollout"
)

// copyTree makes a folder with copies of the templates, which a retreat may change, and links to everything they name.
func copyTree(root, to string) error {
	if err := os.MkdirAll(filepath.Join(to, "infra", "stacks"), 0o700); err != nil {
		return err
	}
	stacks, err := filepath.Glob(filepath.Join(root, "infra", "stacks", "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range append(stacks, filepath.Join(root, rollout.Template)) {
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
			return err
		}
	}
	for _, name := range []string{"build", "functions", "portal"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

// refusal is a resource that the emulator did not make.
type refusal struct{ stack, logical, kind, reason string }

// inside is where a reason names the property that is refused.
var inside = regexp.MustCompile(`Properties\.(\w+)`)

// retreat finds the resource for which a deployment failed and takes it out of the copied template, and with it those of its
// type that have the same property when the reason names one. It reports whether there is anything to try again.
func (r *rehearsal) retreat(ctx context.Context) (bool, error) {
	refused, err := r.refused(ctx)
	if err != nil || refused.kind == "" {
		return false, err
	}
	tree := r.config.Tool.Root
	root, err := os.ReadFile(filepath.Join(tree, rollout.Template))
	if err != nil {
		return false, err
	}
	name, err := TemplateOf(root, r.config.Environment.Stack, refused.stack)
	if err != nil {
		return false, err
	}
	template, err := os.ReadFile(filepath.Join(tree, name))
	if err != nil {
		return false, err
	}
	property := ""
	if found := inside.FindStringSubmatch(refused.reason); found != nil {
		property = found[1]
	}
	rest, taken, err := TakeOut(template, refused.kind, refused.logical, property)
	if err != nil || len(taken) == 0 {
		return false, err
	}
	r.gap("%s: refused with %q. Taken out of a copy of %s, to go on: %s", refused.kind, refused.reason, name, strings.Join(taken, ", "))
	return true, os.WriteFile(filepath.Join(tree, name), rest, 0o600)
}

// refused is the first failure of a resource that is not itself a stack.
func (r *rehearsal) refused(ctx context.Context) (refusal, error) {
	for _, region := range []string{rollout.CloudFrontRegion, r.emulator.region} {
		client := r.cloudFormation(region)
		pages := cloudformation.NewDescribeStacksPaginator(client, &cloudformation.DescribeStacksInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return refusal{}, err
			}
			for _, s := range page.Stacks {
				out, err := client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: s.StackName})
				if err != nil {
					return refusal{}, err
				}
				for _, event := range slices.Backward(out.StackEvents) {
					kind := aws.ToString(event.ResourceType)
					if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") && kind != "AWS::CloudFormation::Stack" {
						return refusal{aws.ToString(s.StackName), aws.ToString(event.LogicalResourceId), kind, aws.ToString(event.ResourceStatusReason)}, nil
					}
				}
			}
		}
	}
	return refusal{}, nil
}

// TemplateOf is the file that a stack was made from: the root's own, the firewall's, or what the root names for a nested one.
func TemplateOf(root []byte, rootStack, name string) (string, error) {
	switch name {
	case rootStack:
		return rollout.Template, nil
	case rootStack + "-firewall":
		return rollout.FirewallTemplate, nil
	}
	template, err := Parse(string(root))
	if err != nil {
		return "", err
	}
	logical, _, _ := strings.Cut(strings.TrimPrefix(name, rootStack+"-"), "-")
	file := strings.Trim(string(template.Resources[logical].Properties["TemplateURL"]), `"`)
	if file == "" {
		return "", fmt.Errorf("stack %s is not one that the template names", name)
	}
	return file, nil
}

// TakeOut returns a template without the resource, and without the others of its type that have the property; an empty
// property takes out the one alone. It returns their logical ids, too.
func TakeOut(template []byte, kind, logical, property string) (rest []byte, taken []string, err error) {
	var document yaml.Node
	if err := yaml.Unmarshal(template, &document); err != nil {
		return nil, nil, fmt.Errorf("reading a template: %w", err)
	}
	if len(document.Content) == 0 {
		return nil, nil, fmt.Errorf("reading a template: it is empty")
	}
	resources := member(document.Content[0], "Resources")
	if resources == nil {
		return nil, nil, fmt.Errorf("reading a template: it has no Resources")
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(resources.Content); i += 2 {
		name, resource := resources.Content[i].Value, resources.Content[i+1]
		ofKind := member(resource, "Type") != nil && member(resource, "Type").Value == kind
		if ofKind && (name == logical || property != "" && member(member(resource, "Properties"), property) != nil) {
			taken = append(taken, name)
			continue
		}
		kept = append(kept, resources.Content[i], resource)
	}
	resources.Content = kept
	var out bytes.Buffer
	if err := yaml.NewEncoder(&out).Encode(&document); err != nil {
		return nil, nil, fmt.Errorf("writing a template: %w", err)
	}
	return out.Bytes(), taken, nil
}

// member is the value of a mapping's key, nil for none.
func member(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}
