package template

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

const (
	typeFunction = "AWS::Serverless::Function"
	typeAPI      = "AWS::Serverless::HttpApi"
	typeTable    = "AWS::DynamoDB::Table"
	typeKey      = "AWS::KMS::Key"
	typeAlias    = "AWS::KMS::Alias"
	typeLogGroup = "AWS::Logs::LogGroup"
	typeBucket   = "AWS::S3::Bucket"
	typeQueue    = "AWS::SQS::Queue"
	typeSource   = "AWS::Lambda::EventSourceMapping"
	typeStack    = "AWS::CloudFormation::Stack"
)

// resolve turns a node into plain maps, lists and scalars, every intrinsic function replaced by its value.
func (l *loader) resolve(node *yaml.Node, path string) (any, error) {
	if name, argument, ok := intrinsic(node); ok {
		return l.call(name, argument, path)
	}
	switch node.Kind {
	case yaml.MappingNode:
		members, err := fields(node, path)
		if err != nil {
			return nil, err
		}
		resolved := make(map[string]any, len(members))
		for name, member := range members {
			if resolved[name], err = l.resolve(member, path+"."+name); err != nil {
				return nil, err
			}
			if resolved[name] == noValue {
				delete(resolved, name)
			}
		}
		return resolved, nil
	case yaml.SequenceNode:
		resolved := make([]any, len(node.Content))
		for i, element := range node.Content {
			var err error
			if resolved[i], err = l.resolve(element, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return nil, err
			}
		}
		return resolved, nil
	case yaml.ScalarNode:
		return scalar(node, path)
	}
	return nil, fmt.Errorf("%s: CloudFormation knows no YAML aliases", path)
}

func scalar(node *yaml.Node, path string) (any, error) {
	if node.Tag == "!!timestamp" { // an unquoted date, such as a policy's version
		return node.Value, nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return value, nil
}

// intrinsic recognizes both spellings: !Name argument, and {Fn::Name: argument} or {Ref: argument}. The argument of the
// short form keeps its tag; call never looks at it.
func intrinsic(node *yaml.Node) (name string, argument *yaml.Node, ok bool) {
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return strings.TrimPrefix(node.Tag, "!"), node, true
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return "", nil, false
	}
	key := node.Content[0].Value
	if long, found := strings.CutPrefix(key, "Fn::"); found {
		return long, node.Content[1], true
	}
	return key, node.Content[1], key == "Ref"
}

func (l *loader) call(name string, argument *yaml.Node, path string) (any, error) {
	switch {
	case name == "Ref" && argument.Kind == yaml.ScalarNode:
		return l.ref(argument.Value, path)
	case name == "GetAtt":
		id, attribute, err := attributeOf(argument, path)
		if err != nil {
			return nil, err
		}
		return l.attribute(id, attribute, path)
	case name == "Sub" && argument.Kind == yaml.ScalarNode:
		return l.substitute(argument.Value, nil, path)
	case name == "Sub" && argument.Kind == yaml.SequenceNode && len(argument.Content) == 2:
		values, err := l.object(argument.Content[1], path+"[1]")
		if err != nil {
			return nil, err
		}
		return l.substitute(argument.Content[0].Value, values.members, path)
	case argument.Kind == yaml.SequenceNode:
		return l.callOnList(name, argument.Content, path)
	}
	return nil, fmt.Errorf("%s: this use of !%s is not understood here", path, name)
}

// callOnList evaluates the intrinsic functions that take a list.
func (l *loader) callOnList(name string, arguments []*yaml.Node, path string) (any, error) {
	switch {
	case name == "If" && len(arguments) == 3:
		holds, declared := l.conditions[arguments[0].Value]
		if !declared {
			return nil, fmt.Errorf("%s: condition %q does not exist", path, arguments[0].Value)
		}
		if holds {
			return l.resolve(arguments[1], path)
		}
		return l.resolve(arguments[2], path)
	case name == "Split" && len(arguments) == 2:
		text, err := l.resolve(arguments[1], path)
		var parts []any
		for part := range strings.SplitSeq(fmt.Sprint(text), arguments[0].Value) {
			parts = append(parts, part)
		}
		return parts, err
	case name == "Select" && len(arguments) == 2:
		return l.pick(arguments[0].Value, arguments[1], path)
	case name == "Equals" && len(arguments) == 2:
		left, err := l.resolve(arguments[0], path)
		if err != nil {
			return nil, err
		}
		right, err := l.resolve(arguments[1], path)
		return fmt.Sprint(left) == fmt.Sprint(right), err
	case name == "Not" && len(arguments) == 1:
		value, err := l.resolve(arguments[0], path)
		holds, ok := value.(bool)
		if err == nil && !ok {
			err = fmt.Errorf("%s: !Not takes a condition", path)
		}
		return !holds, err
	case name == "And" || name == "Or":
		for _, argument := range arguments {
			if value, err := l.resolve(argument, path); err != nil || value == (name == "Or") {
				return name == "Or", err
			}
		}
		return name == "And", nil
	}
	return nil, fmt.Errorf("%s: this use of !%s is not understood here", path, name)
}

// pick evaluates Select.
func (l *loader) pick(index string, node *yaml.Node, path string) (any, error) {
	list, err := l.resolve(node, path)
	if err != nil {
		return nil, err
	}
	elements, _ := list.([]any)
	at, err := strconv.Atoi(index)
	if err != nil || at < 0 || at >= len(elements) {
		return nil, fmt.Errorf("%s: !Select finds no element %s", path, index)
	}
	return elements[at], nil
}

// attributeOf splits the argument of GetAtt, a text or a list, into logical ID and attribute.
func attributeOf(argument *yaml.Node, path string) (id, attribute string, err error) {
	text := argument.Value
	if argument.Kind == yaml.SequenceNode && len(argument.Content) == 2 {
		text = argument.Content[0].Value + "." + argument.Content[1].Value
	}
	id, attribute, ok := strings.Cut(text, ".")
	if !ok {
		return "", "", fmt.Errorf("%s: !GetAtt %q names no attribute", path, text)
	}
	return id, attribute, nil
}

// noValue is what AWS::NoValue stands for: the member that has it is not there.
const noValue = "AWS::NoValue"

// placeholder matches ${Name}, ${Name.Attribute} and ${!Literal}.
var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (l *loader) substitute(text string, values map[string]any, path string) (string, error) {
	var failure error
	replaced := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := strings.TrimSpace(match[2 : len(match)-1])
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			return "${" + literal + "}"
		}
		if value, own := values[name]; own {
			return fmt.Sprint(value)
		}
		var value string
		var err error
		if id, attribute, ok := strings.Cut(name, "."); ok {
			value, err = l.attribute(id, attribute, path)
		} else {
			value, err = l.ref(name, path)
		}
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return replaced, failure
}

// ref gives a parameter's value or what CloudFormation calls the resource's physical id.
func (l *loader) ref(name, path string) (string, error) {
	if name == noValue {
		return noValue, nil
	}
	if value, ok := l.parameters[name]; ok {
		return value, nil
	}
	r, ok := l.resources[name]
	if !ok {
		return "", fmt.Errorf("%s: %q is neither a parameter nor a resource", path, name)
	}
	switch r.Type {
	case typeKey:
		return keyID(name), nil
	case typeTable:
		return l.tableName(name, path)
	case typeFunction, typeAPI, typeLogGroup:
		return name, nil
	case typeBucket:
		return bucketName(name), nil
	case typeQueue:
		return fmt.Sprintf("https://sqs.%s.amazonaws.com/%s/%s", Region, Account, name), nil
	}
	return "", fmt.Errorf("%s: !Ref to a resource of type %s is not understood here", path, r.Type)
}

func (l *loader) attribute(id, attribute, path string) (string, error) {
	if function, ok := strings.CutSuffix(id, "Role"); ok && l.resources[function].Type == typeFunction && attribute == "Arn" {
		return roleARN(function), nil
	}
	r, ok := l.resources[id]
	if !ok {
		return "", fmt.Errorf("%s: there is no resource %q", path, id)
	}
	if r.Type == typeStack && strings.HasPrefix(attribute, "Outputs.") {
		return id + "." + attribute, nil // of a part that the local stack plays otherwise
	}
	switch r.Type + "." + attribute {
	case typeTable + ".Arn":
		name, err := l.tableName(id, path)
		return TableARN(name), err
	case typeTable + ".StreamArn":
		if !hasStream(r) {
			return "", fmt.Errorf("%s: table %s has no stream", path, id)
		}
		name, err := l.tableName(id, path)
		return StreamARN(name), err
	case typeBucket + ".Arn":
		return BucketARN(bucketName(id)), nil
	case typeQueue + ".QueueName":
		return id, nil
	case typeQueue + ".Arn":
		return queueARN(id), nil
	case typeKey + ".Arn":
		return keyARN(id), nil
	case typeKey + ".KeyId":
		return keyID(id), nil
	case typeFunction + ".Arn":
		return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", Region, Account, id), nil
	case typeLogGroup + ".Arn":
		return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:*", Region, Account, id), nil
	case typeAPI + ".ApiEndpoint":
		return fmt.Sprintf("https://%s.execute-api.%s.amazonaws.com", strings.ToLower(id), Region), nil
	}
	return "", fmt.Errorf("%s: attribute %s of a resource of type %s is not understood here", path, attribute, r.Type)
}

// tableName is a table's TableName, or its logical ID, as CloudFormation makes a name of it.
func (l *loader) tableName(id, path string) (string, error) {
	properties, err := fields(l.resources[id].Properties, path)
	if err != nil || properties["TableName"] == nil {
		return id, err
	}
	name, err := l.resolve(properties["TableName"], path+".TableName")
	return fmt.Sprint(name), err
}

// TableARN is the ARN that the local stack gives the table of that name.
func TableARN(name string) string {
	return fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/%s", Region, Account, name)
}

// StreamARN is the ARN that the local stack gives the stream of the table of that name.
func StreamARN(table string) string { return TableARN(table) + "/stream/local" }

// BucketARN is the ARN of the bucket of that name.
func BucketARN(name string) string { return "arn:aws:s3:::" + name }

// bucketName makes the name of a bucket, which takes no capitals.
func bucketName(logicalID string) string { return "qms-licensing-" + strings.ToLower(logicalID) }

func queueARN(logicalID string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", Region, Account, logicalID)
}

func roleARN(function string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%sRole", Account, function)
}

func keyARN(logicalID string) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", Region, Account, keyID(logicalID))
}

// keyID is a UUID made from the logical ID, so that the template's keys keep their names across restarts.
func keyID(logicalID string) string {
	sum := sha256.Sum256([]byte("AWS::KMS::Key " + logicalID))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: made by a rule of our own
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// fields gives the members of a mapping; nil gives none.
func fields(node *yaml.Node, path string) (map[string]*yaml.Node, error) {
	if node == nil {
		return nil, nil
	}
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s is not a mapping", path)
	}
	members := make(map[string]*yaml.Node, len(node.Content)/2)
	for i := 0; i < len(node.Content); i += 2 {
		name := node.Content[i].Value
		if members[name] != nil {
			return nil, fmt.Errorf("%s.%s stands there twice", path, name)
		}
		members[name] = node.Content[i+1]
	}
	return members, nil
}

// known refuses a member that is not among names.
func known[V any](members map[string]V, path string, names ...string) error {
	for name := range members {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%s.%s is not understood here", path, name)
		}
	}
	return nil
}
