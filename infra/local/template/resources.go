package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

func (l *loader) loadFunction(id string, node *yaml.Node, path string) error {
	names := []string{"Description", "CodeUri", "Handler", "Runtime", "Architectures", "Timeout", "MemorySize", "Environment",
		"LoggingConfig", "Policies", "Events"}
	o, err := l.object(node, path, names...)
	if err != nil {
		return err
	}
	if l.globals != nil {
		global, err := l.object(l.globals, "Globals.Function", names...)
		if err != nil {
			return err
		}
		o.members = merge(global.members, o.members)
	}
	f := Function{LogicalID: id, RoleARN: roleARN(id), CodeURI: o.text("CodeUri"), Environment: map[string]string{}}
	f.Name = strings.TrimPrefix(f.CodeURI, "build/")
	f.Timeout = time.Duration(o.integer("Timeout")) * time.Second
	f.MemoryMB = o.integer("MemorySize")
	if handler := o.text("Handler"); handler != "bootstrap" {
		o.fail("Handler", "%q: only bootstrap is understood here", handler)
	}
	if runtime := o.text("Runtime"); runtime != "provided.al2023" {
		o.fail("Runtime", "%q: only provided.al2023 is understood here", runtime)
	}
	variables := o.child("Environment", "Variables").child("Variables")
	for name, value := range variables.members {
		f.Environment[name] = fmt.Sprint(value)
	}
	for i, policy := range o.list("Policies") {
		document := o.at(fmt.Sprintf("Policies[%d]", i), policy, "Version", "Statement")
		f.Statements = append(f.Statements, statements(document, identityPolicy)...)
	}
	l.app.Functions = append(l.app.Functions, f)
	events := o.child("Events")
	for _, name := range slices.Sorted(maps.Keys(events.members)) {
		l.loadEvent(id, events.child(name, "Type", "Properties"))
	}
	return *o.err
}

func (l *loader) loadEvent(function string, event object) {
	switch kind := event.text("Type"); kind {
	case "HttpApi":
		p := event.child("Properties", "ApiId", "Method", "Path", "Auth")
		auth := p.child("Auth", "Authorizer", "AuthorizationScopes")
		route := Route{Method: p.text("Method"), Path: p.text("Path"), Function: function, Scopes: auth.texts("AuthorizationScopes")}
		if api := p.text("ApiId"); l.resources[api].Type != typeAPI {
			p.fail("ApiId", "%q is not the HTTP API", api)
		}
		switch authorizer := auth.text("Authorizer"); authorizer {
		case "NONE":
			if len(route.Scopes) > 0 {
				auth.fail("AuthorizationScopes", "scopes without an authorizer guard nothing")
			}
		case authorizerName:
			route.Authorized = true
		default:
			auth.fail("Authorizer", "%q is neither %s nor NONE", authorizer, authorizerName)
		}
		l.app.Routes = append(l.app.Routes, route)
	case "Schedule":
		p := event.child("Properties", "Description", "Schedule", "Input")
		schedule := Schedule{Function: function, Input: "{}"}
		if p.has("Input") {
			schedule.Input = p.text("Input")
		}
		every, err := rate(p.text("Schedule"))
		if err != nil {
			p.fail("Schedule", "%v", err)
		}
		schedule.Every = every
		l.app.Schedules = append(l.app.Schedules, schedule)
	default:
		event.fail("Type", "%q is not understood here", kind)
	}
}

// rate reads a schedule expression such as rate(1 minute).
func rate(expression string) (time.Duration, error) {
	var count int
	var unit string
	inner, ok := strings.CutSuffix(expression, ")")
	if _, err := fmt.Sscanf(inner, "rate(%d %s", &count, &unit); err != nil || !ok || count < 1 {
		return 0, fmt.Errorf("%q is not understood here, only rate(n minutes), hours or days", expression)
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	singular := strings.TrimSuffix(unit, "s")
	if units[singular] == 0 || (unit == singular) != (count == 1) {
		return 0, fmt.Errorf("%q is not understood here: 1 minute, 2 minutes, hours or days", expression)
	}
	return time.Duration(count) * units[singular], nil
}

// authorizerName is the one authorizer that the local gateway plays.
const authorizerName = "StaffToken"

func (l *loader) loadAPI(id string, node *yaml.Node, path string) error {
	if l.app.Authorizer.Issuer != "" {
		return fmt.Errorf("Resources.%s: a second HTTP API is not understood here", id)
	}
	o, err := l.object(node, path, "FailOnWarnings", "Auth", "DefaultRouteSettings", "AccessLogSettings")
	if err != nil {
		return err
	}
	auth := o.child("Auth", "DefaultAuthorizer", "Authorizers")
	if name := auth.text("DefaultAuthorizer"); name != authorizerName {
		auth.fail("DefaultAuthorizer", "%q: a route that names none must not stand open", name)
	}
	token := auth.child("Authorizers", authorizerName).child(authorizerName, "IdentitySource", "JwtConfiguration")
	if source := token.text("IdentitySource"); source != "$request.header.Authorization" {
		token.fail("IdentitySource", "%q is not understood here", source)
	}
	jwt := token.child("JwtConfiguration", "issuer", "audience")
	l.app.Authorizer = Authorizer{Issuer: jwt.text("issuer"), Audience: jwt.texts("audience")}
	return *o.err
}

func (l *loader) loadTable(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "BillingMode", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification",
		"SSESpecification", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "StreamSpecification")
	if err != nil {
		return err
	}
	properties := map[string]any{}
	for _, name := range []string{"KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"} {
		if o.has(name) {
			properties[name] = o.list(name)
		}
	}
	if o.has("StreamSpecification") {
		view := o.child("StreamSpecification", "StreamViewType").text("StreamViewType")
		properties["StreamSpecification"] = map[string]any{"StreamEnabled": true, "StreamViewType": view}
	}
	l.app.Tables = append(l.app.Tables, Table{LogicalID: id, Name: id, Properties: properties})
	return *o.err
}

func (l *loader) loadKey(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "Description", "KeySpec", "KeyUsage", "PendingWindowInDays", "Tags", "KeyPolicy")
	if err != nil {
		return err
	}
	key := Key{LogicalID: id, ARN: keyARN(id), Spec: o.text("KeySpec"), Usage: o.text("KeyUsage")}
	for i, element := range o.list("Tags") {
		tag := o.at(fmt.Sprintf("Tags[%d]", i), element, "Key", "Value")
		switch tag.text("Key") {
		case "purpose":
			key.Purpose = tag.text("Value")
		case "state":
			key.State = tag.text("Value")
		}
	}
	key.Policy = statements(o.child("KeyPolicy", "Version", "Statement"), keyPolicy)
	l.app.Keys = append(l.app.Keys, key)
	return *o.err
}

func (l *loader) loadAlias(node *yaml.Node, path string) error {
	o, err := l.object(node, path, "AliasName", "TargetKeyId")
	if err != nil {
		return err
	}
	target := o.text("TargetKeyId")
	l.aliases[target] = append(l.aliases[target], o.text("AliasName"))
	return *o.err
}

// merge lays a function's own properties over the global ones, as SAM does: maps member by member, lists one after the
// other, anything else replaced.
func merge(global, own map[string]any) map[string]any {
	merged := maps.Clone(global)
	for name, value := range own {
		switch value := value.(type) {
		case map[string]any:
			if below, ok := merged[name].(map[string]any); ok {
				merged[name] = merge(below, value)
				continue
			}
		case []any:
			if below, ok := merged[name].([]any); ok {
				merged[name] = slices.Concat(below, value)
				continue
			}
		}
		merged[name] = own[name]
	}
	return merged
}
