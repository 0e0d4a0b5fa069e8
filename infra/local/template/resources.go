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
		"LoggingConfig", "Policies", "Events", "ReservedConcurrentExecutions", "Tags", "EventInvokeConfig"}
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
	if o.has("EventInvokeConfig") {
		o.child("EventInvokeConfig", "MaximumRetryAttempts", "DestinationConfig")
	}
	if o.has("ReservedConcurrentExecutions") {
		f.Reserved = o.integer("ReservedConcurrentExecutions")
	}
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
		p := event.child("Properties", "Description", "Schedule", "Input", "DeadLetterConfig")
		if p.has("DeadLetterConfig") { // the queue is AWS's alone: here a failure is a line of the log
			p.child("DeadLetterConfig", "Arn").text("Arn")
		}
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

func (l *loader) loadTable(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "BillingMode", "DeletionProtectionEnabled", "PointInTimeRecoverySpecification",
		"SSESpecification", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "StreamSpecification", "TableName", "Tags")
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
	name, err := l.tableName(id, path)
	if err != nil {
		return err
	}
	l.app.Tables = append(l.app.Tables, Table{LogicalID: id, Name: name, Properties: properties})
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

func (l *loader) loadBucket(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "ObjectLockEnabled", "ObjectLockConfiguration", "VersioningConfiguration", "BucketEncryption",
		"PublicAccessBlockConfiguration", "OwnershipControls", "LifecycleConfiguration", "Tags")
	if err != nil {
		return err
	}
	bucket := Bucket{LogicalID: id, Name: bucketName(id)}
	bucket.Versioned = o.has("VersioningConfiguration") && o.child("VersioningConfiguration", "Status").text("Status") == "Enabled"
	if lock := o.child("ObjectLockConfiguration", "ObjectLockEnabled", "Rule"); o.flag("ObjectLockEnabled") && lock.has("Rule") {
		retention := lock.child("Rule", "DefaultRetention").child("DefaultRetention", "Mode", "Days")
		bucket.RetentionMode, bucket.RetentionDays = retention.text("Mode"), retention.integer("Days")
	}
	for i, rule := range o.child("BucketEncryption", "ServerSideEncryptionConfiguration").list("ServerSideEncryptionConfiguration") {
		by := o.at(fmt.Sprintf("BucketEncryption[%d]", i), rule, "ServerSideEncryptionByDefault")
		bucket.Encryption = by.child("ServerSideEncryptionByDefault", "SSEAlgorithm").text("SSEAlgorithm")
	}
	blocks := []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"}
	access := o.child("PublicAccessBlockConfiguration", blocks...)
	bucket.Private = !slices.ContainsFunc(blocks, func(block string) bool { return !access.flag(block) })
	for i, rule := range o.child("OwnershipControls", "Rules").list("Rules") {
		owner := o.at(fmt.Sprintf("OwnershipControls.Rules[%d]", i), rule, "ObjectOwnership").text("ObjectOwnership")
		bucket.Private = bucket.Private && owner == "BucketOwnerEnforced"
	}
	for i, rule := range o.child("LifecycleConfiguration", "Rules").list("Rules") { // nothing that would end or move an object
		o.at(fmt.Sprintf("LifecycleConfiguration.Rules[%d]", i), rule, "Id", "Status", "AbortIncompleteMultipartUpload")
	}
	l.app.Buckets = append(l.app.Buckets, bucket)
	return *o.err
}

func (l *loader) loadQueue(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "SqsManagedSseEnabled", "MessageRetentionPeriod", "Tags")
	if err != nil {
		return err
	}
	l.app.Queues = append(l.app.Queues, Queue{LogicalID: id, ARN: queueARN(id), Encrypted: o.flag("SqsManagedSseEnabled")})
	return *o.err
}

func (l *loader) loadSource(id string, node *yaml.Node, path string) error {
	o, err := l.object(node, path, "EventSourceArn", "FunctionName", "StartingPosition", "BatchSize", "BisectBatchOnFunctionError",
		"FunctionResponseTypes", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds", "DestinationConfig")
	if err != nil {
		return err
	}
	source := Source{
		LogicalID: id, Function: o.text("FunctionName"), Batch: o.integer("BatchSize"), Bisect: o.flag("BisectBatchOnFunctionError"),
		Partial: slices.Contains(o.texts("FunctionResponseTypes"), "ReportBatchItemFailures"), MaxRetries: o.integer("MaximumRetryAttempts"),
		MaxAge: time.Duration(o.integer("MaximumRecordAgeInSeconds")) * time.Second,
	}
	if l.resources[source.Function].Type != typeFunction {
		o.fail("FunctionName", "%q is no function", source.Function)
	}
	if from := o.text("StartingPosition"); from != "TRIM_HORIZON" {
		o.fail("StartingPosition", "%q is not understood here: an entry could come before it", from)
	}
	for table, r := range l.resources {
		if r.Type != typeTable {
			continue
		}
		name, err := l.tableName(table, path)
		if err != nil {
			return err
		}
		if StreamARN(name) == o.text("EventSourceArn") {
			source.Table = name
		}
	}
	if source.Table == "" {
		o.fail("EventSourceArn", "%q is no stream of a table", o.text("EventSourceArn"))
	}
	to := o.child("DestinationConfig", "OnFailure").child("OnFailure", "Destination").text("Destination")
	source.DeadLetterTo = to[strings.LastIndex(to, ":")+1:]
	if l.resources[source.DeadLetterTo].Type != typeQueue {
		o.fail("DestinationConfig", "%q is no queue", to)
	}
	l.app.Sources = append(l.app.Sources, source)
	return *o.err
}

// hasStream reports whether a table has a stream.
func hasStream(table resource) bool {
	members, err := fields(table.Properties, "")
	return err == nil && members["StreamSpecification"] != nil
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
