package template

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// loader holds what the references of a template can point at.
type loader struct {
	parameters map[string]string
	conditions map[string]bool
	resources  map[string]resource
	limits     map[string]Limits      // route key → its own
	limit      Limits                 // of every other route
	globals    *yaml.Node             // of Globals.Function, nil when there are none
	aliases    map[string][]string    // key id → aliases
	policies   map[string][]Statement // bucket's name or queue's address → the statements of its policy
	app        *Application
}

// resource is one entry of Resources, its properties not yet resolved.
type resource struct {
	Type       string
	Properties *yaml.Node
	Condition  *yaml.Node
	DependsOn  *yaml.Node
}

// Load reads the template at path. params override the defaults of its parameters; a parameter without either is an
// error, and so is whatever the local stack would not do as AWS does.
func Load(path string, params map[string]string) (*Application, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the template: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("reading the template %s: %w", path, err)
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("reading the template %s: it is empty", path)
	}
	l := &loader{aliases: map[string][]string{}, policies: map[string][]Statement{}, app: &Application{References: map[string][]string{}}}
	if err := l.load(document.Content[0], params); err != nil {
		return nil, fmt.Errorf("reading the template %s: %w", path, err)
	}
	return l.app, nil
}

// LoadLocal is Load with stand-ins for what a running stack knows: for those who ask for grants, tables and keys only.
func LoadLocal(path string) (*Application, error) {
	return Load(path, map[string]string{"TokenIssuer": "http://localhost", "TokenAudience": "portal", "KmsEndpoint": "http://localhost"})
}

func (l *loader) load(root *yaml.Node, params map[string]string) error {
	top, err := fields(root, "the template")
	if err != nil {
		return err
	}
	if err := known(top, "the template", "AWSTemplateFormatVersion", "Transform", "Description", "Parameters", "Rules", "Conditions",
		"Globals", "Resources", "Outputs"); err != nil {
		return err
	}
	if err := l.loadParameters(top["Parameters"], params); err != nil {
		return err
	}
	if err := l.checkRules(top["Rules"]); err != nil {
		return err
	}
	if err := l.listResources(top["Resources"]); err != nil {
		return err
	}
	if err := l.loadConditions(top["Conditions"]); err != nil {
		return err
	}
	if err := l.loadGlobals(top["Globals"]); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(l.resources)) {
		if err := l.loadResource(id, l.resources[id]); err != nil {
			return err
		}
	}
	if err := l.setLimits(); err != nil {
		return err
	}
	for i, key := range l.app.Keys {
		l.app.Keys[i].Aliases = l.aliases[keyID(key.LogicalID)]
	}
	if err := l.attachPolicies(); err != nil {
		return err
	}
	return l.checkOutputs(top["Outputs"])
}

// checkOutputs resolves the outputs, of which the local stack needs none, so that a wrong reference is found here.
func (l *loader) checkOutputs(node *yaml.Node) error {
	outputs, err := fields(node, "Outputs")
	if err != nil {
		return err
	}
	for id, output := range outputs {
		members, err := fields(output, "Outputs."+id)
		if err != nil {
			return err
		}
		if err := known(members, "Outputs."+id, "Description", "Condition", "Value"); err != nil {
			return err
		}
		if made, err := l.made(id, resource{Condition: members["Condition"]}); !made || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if _, err := l.resolve(members["Value"], "Outputs."+id+".Value"); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) loadParameters(node *yaml.Node, params map[string]string) error {
	l.parameters = map[string]string{
		"AWS::Region": Region, "AWS::AccountId": Account, "AWS::Partition": "aws",
		"AWS::StackName": "qms-licensing", "AWS::URLSuffix": "amazonaws.com",
	}
	declared, err := fields(node, "Parameters")
	if err != nil {
		return err
	}
	for name := range params {
		if declared[name] == nil {
			return fmt.Errorf("parameter %s is given but the template does not declare it", name)
		}
	}
	for name, node := range declared {
		path := "Parameters." + name
		members, err := fields(node, path)
		if err != nil {
			return err
		}
		if err := known(members, path, "Type", "Default", "Description", "AllowedPattern", "AllowedValues", "MinValue",
			"MinLength", "MaxValue", "NoEcho"); err != nil {
			return err
		}
		var p parameter
		if err := node.Decode(&p); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		value, given := params[name]
		if !given && p.Default == nil {
			return fmt.Errorf("parameter %s has no default and no value is given", name)
		}
		if !given {
			value = *p.Default
		}
		if err := p.check(value); err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		l.parameters[name] = value
	}
	return nil
}

// checkRules refuses the parameters that CloudFormation would refuse by the template's rules.
func (l *loader) checkRules(node *yaml.Node) error {
	rules, err := fields(node, "Rules")
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		rule, err := l.object(rules[name], "Rules."+name, "RuleCondition", "Assertions")
		if err != nil {
			return err
		}
		if rule.has("RuleCondition") && rule.members["RuleCondition"] != true {
			continue
		}
		for i, element := range rule.list("Assertions") {
			assertion := rule.at(fmt.Sprintf("Assertions[%d]", i), element, "Assert", "AssertDescription")
			if assertion.members["Assert"] != true {
				assertion.fail("", "%s", assertion.text("AssertDescription"))
			}
		}
		if *rule.err != nil {
			return *rule.err
		}
	}
	return nil
}

// parameter is one entry of Parameters.
type parameter struct {
	Type           string   `yaml:"Type"`
	Default        *string  `yaml:"Default"`
	AllowedPattern string   `yaml:"AllowedPattern"`
	AllowedValues  []string `yaml:"AllowedValues"`
	MinValue       *int     `yaml:"MinValue"`
	MaxValue       *int     `yaml:"MaxValue"`
	MinLength      *int     `yaml:"MinLength"`
}

// check says why CloudFormation would refuse value, in its words' meaning.
func (p parameter) check(value string) error {
	switch p.Type {
	case "String":
	case "Number":
		number, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is not a number", value)
		}
		if p.MinValue != nil && number < *p.MinValue {
			return fmt.Errorf("%d is below %d", number, *p.MinValue)
		}
		if p.MaxValue != nil && number > *p.MaxValue {
			return fmt.Errorf("%d is above %d", number, *p.MaxValue)
		}
	default:
		return fmt.Errorf("type %s is not understood here", p.Type)
	}
	if len(p.AllowedValues) > 0 && !slices.Contains(p.AllowedValues, value) {
		return fmt.Errorf("%q is not one of %s", value, strings.Join(p.AllowedValues, ", "))
	}
	if p.MinLength != nil && len(value) < *p.MinLength {
		return fmt.Errorf("%q is shorter than %d", value, *p.MinLength)
	}
	pattern, err := regexp.Compile("^(?:" + p.AllowedPattern + ")$") // CloudFormation matches the whole value
	if err != nil {
		return fmt.Errorf("its AllowedPattern: %w", err)
	}
	if p.AllowedPattern != "" && !pattern.MatchString(value) {
		return fmt.Errorf("%q does not match %s", value, p.AllowedPattern)
	}
	return nil
}

func (l *loader) listResources(node *yaml.Node) error {
	declared, err := fields(node, "Resources")
	if err != nil {
		return err
	}
	l.resources = map[string]resource{}
	for id, node := range declared {
		path := "Resources." + id
		members, err := fields(node, path)
		if err != nil {
			return err
		}
		if err := known(members, path, "Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy"); err != nil {
			return err
		}
		if members["Type"] == nil {
			return fmt.Errorf("%s has no Type", path)
		}
		l.resources[id] = resource{Type: members["Type"].Value, Properties: members["Properties"], Condition: members["Condition"], DependsOn: members["DependsOn"]}
	}
	return nil
}

func (l *loader) loadConditions(node *yaml.Node) error {
	declared, err := fields(node, "Conditions")
	if err != nil {
		return err
	}
	l.conditions = map[string]bool{}
	for name, node := range declared {
		value, err := l.resolve(node, "Conditions."+name)
		if err != nil {
			return err
		}
		holds, ok := value.(bool)
		if !ok {
			return fmt.Errorf("Conditions.%s is not a condition", name)
		}
		l.conditions[name] = holds
	}
	return nil
}

func (l *loader) loadGlobals(node *yaml.Node) error {
	sections, err := fields(node, "Globals")
	if err != nil {
		return err
	}
	l.globals = sections["Function"]
	return known(sections, "Globals", "Function")
}

// made tells whether a resource's condition holds; one without a condition is always made.
func (l *loader) made(id string, r resource) (bool, error) {
	if r.Condition == nil {
		return true, nil
	}
	holds, declared := l.conditions[r.Condition.Value]
	if !declared {
		return false, fmt.Errorf("Resources.%s: condition %q does not exist", id, r.Condition.Value)
	}
	return holds, nil
}

func (l *loader) loadResource(id string, r resource) error {
	path := "Resources." + id + ".Properties"
	if r.Properties == nil {
		r.Properties = &yaml.Node{Kind: yaml.MappingNode}
	}
	if err := l.addReferences(id, r, path); err != nil {
		return err
	}
	if made, err := l.made(id, r); !made || err != nil {
		return err
	}
	switch r.Type {
	case typeFunction:
		return l.loadFunction(id, r.Properties, path)
	case typeAPI:
		return l.loadAPI(id, r.Properties, path)
	case typeTable:
		return l.loadTable(id, r.Properties, path)
	case typeKey:
		return l.loadKey(id, r.Properties, path)
	case typeAlias:
		return l.loadAlias(r.Properties, path)
	case typeBucket:
		return l.loadBucket(id, r.Properties, path)
	case typeQueue:
		return l.loadQueue(id, r.Properties, path)
	case typeSource:
		return l.loadSource(id, r.Properties, path)
	case typeBucket + "Policy", typeQueue + "Policy":
		return l.loadResourcePolicy(r.Properties, path)
	case typeLogGroup:
		_, err := l.object(r.Properties, path, "LogGroupName", "RetentionInDays")
		return err
	case typeStack: // played by other parts: the sign-in, the site
		_, err := l.object(r.Properties, path, "TemplateURL", "Parameters")
		return err
	}
	return fmt.Errorf("Resources.%s: type %s is not understood here", id, r.Type)
}
