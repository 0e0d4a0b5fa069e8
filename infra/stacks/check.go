package stacks

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Find runs every check over the templates and gives one sentence for each thing that is wrong.
func Find(all []Template) []string {
	var wrong []string
	for _, t := range all {
		for _, check := range []func(Template) []string{undescribed, wildcards, strangers, buckets, deletable, unlogged, unwatchedSchedules, untagged} {
			for _, finding := range check(t) {
				wrong = append(wrong, t.File+": "+finding)
			}
		}
		for _, finding := range withheld(t, all) {
			wrong = append(wrong, t.File+": "+finding)
		}
	}
	return wrong
}

func undescribed(t Template) []string {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		if p.Description == "" {
			wrong = append(wrong, fmt.Sprintf("parameter %s has no description", name))
		}
		if strings.Contains(name, "Secret") && !p.NoEcho {
			wrong = append(wrong, fmt.Sprintf("parameter %s is a secret that is shown: NoEcho is missing", name))
		}
	}
	return wrong
}

// buckets finds buckets that could be opened to the public, that keep no versions or no encryption, or that can be read
// without TLS.
func buckets(t Template) []string {
	var wrong []string
	for _, id := range t.OfType("AWS::S3::Bucket") {
		p := t.Resources[id].Properties
		for _, member := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if At(p, "PublicAccessBlockConfiguration", member) != true {
				wrong = append(wrong, fmt.Sprintf("bucket %s may become public: %s is not true", id, member))
			}
		}
		if At(p, "OwnershipControls", "Rules", 0, "ObjectOwnership") != "BucketOwnerEnforced" {
			wrong = append(wrong, fmt.Sprintf("bucket %s takes access lists: its ownership is not BucketOwnerEnforced", id))
		}
		if At(p, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm") == nil {
			wrong = append(wrong, fmt.Sprintf("bucket %s is not encrypted", id))
		}
		if At(p, "VersioningConfiguration", "Status") != "Enabled" {
			wrong = append(wrong, fmt.Sprintf("bucket %s keeps no versions", id))
		}
		if !slices.ContainsFunc(t.OfType("AWS::S3::BucketPolicy"), func(policy string) bool {
			p := t.Resources[policy].Properties
			return At(p, "Bucket", "Ref") == id && deniesPlainHTTP(p)
		}) {
			wrong = append(wrong, fmt.Sprintf("bucket %s can be read without TLS: no policy denies it", id))
		}
	}
	return wrong
}

func deniesPlainHTTP(policy map[string]any) bool {
	return slices.ContainsFunc(statementsIn(policy), func(s map[string]any) bool {
		return s["Effect"] == "Deny" && s["Principal"] == "*" && s["Action"] == "s3:*" && At(s, "Condition", "Bool", "aws:SecureTransport") == "false"
	})
}

// deletable finds what holds licenses, keys, people or files and could go with a deployment.
func deletable(t Template) []string {
	kept := []string{"AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Cognito::UserPool"}
	var wrong []string
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		if slices.Contains(kept, r.Type) && (r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain") {
			wrong = append(wrong, fmt.Sprintf("%s can be deleted by a deployment: both policies must be Retain", id))
		}
		if r.Type == "AWS::Cognito::UserPool" && r.Properties["DeletionProtection"] != "ACTIVE" {
			wrong = append(wrong, fmt.Sprintf("user pool %s has no deletion protection", id))
		}
		if r.Type != "AWS::DynamoDB::Table" {
			continue
		}
		for what, on := range map[string]any{
			"deletion protection":    r.Properties["DeletionProtectionEnabled"],
			"point-in-time recovery": At(r.Properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
			"encryption":             At(r.Properties, "SSESpecification", "SSEEnabled"),
		} {
			if on != true {
				wrong = append(wrong, fmt.Sprintf("table %s has no %s", id, what))
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// unlogged finds APIs whose routes are not logged, logs that would show a Server Token or a person's address, functions
// that log to no group of ours, and groups that keep for ever.
func unlogged(t Template) []string {
	var wrong []string
	for _, id := range t.OfType("AWS::Serverless::HttpApi") {
		settings := t.Resources[id].Properties["AccessLogSettings"]
		format := text(At(settings, "Format"))
		if At(settings, "DestinationArn") == nil {
			wrong = append(wrong, fmt.Sprintf("the routes of %s are not logged", id))
		}
		for _, member := range []string{"$context.routeKey", "$context.status", "$context.requestId", "$context.authorizer.error"} {
			if !strings.Contains(format, member) {
				wrong = append(wrong, fmt.Sprintf("the access log of %s does not tell %s", id, member))
			}
		}
		for _, member := range []string{"$context.path", "$context.protocol", "$context.identity", "$context.authorizer.claims", "$context.domain"} {
			if strings.Contains(format, member) {
				wrong = append(wrong, fmt.Sprintf("the access log of %s shows %s", id, member))
			}
		}
	}
	for _, id := range t.OfType("AWS::Serverless::Function") {
		group := text(At(t.Resources[id].Properties, "LoggingConfig", "LogGroup", "Ref"))
		if t.Resources[group].Type != "AWS::Logs::LogGroup" {
			wrong = append(wrong, fmt.Sprintf("function %s does not log to a group of its own", id))
		}
	}
	for _, id := range t.OfType("AWS::Logs::LogGroup") {
		if t.Resources[id].Properties["RetentionInDays"] == nil {
			wrong = append(wrong, fmt.Sprintf("log group %s keeps for ever", id))
		}
	}
	return wrong
}

// unwatchedSchedules finds schedules and streams whose failures nobody would see: a schedule's own, when it cannot start its
// function, and those of the function that it started.
func unwatchedSchedules(t Template) []string {
	var wrong []string
	for _, id := range t.OfType("AWS::Serverless::Function") {
		events, _ := At(t.Resources[id].Properties, "Events").(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(events)) {
			p := At(events[name], "Properties")
			if At(events[name], "Type") != "Schedule" {
				continue
			}
			if At(p, "DeadLetterConfig", "Arn") == nil {
				wrong = append(wrong, fmt.Sprintf("schedule %s of %s has no dead-letter queue", name, id))
			}
			if At(t.Resources[id].Properties, "EventInvokeConfig", "DestinationConfig", "OnFailure", "Destination") == nil {
				wrong = append(wrong, fmt.Sprintf("what %s fails at is kept nowhere: its EventInvokeConfig has no OnFailure", id))
			}
		}
	}
	for _, id := range t.OfType("AWS::Lambda::EventSourceMapping") {
		if At(t.Resources[id].Properties, "DestinationConfig", "OnFailure", "Destination") == nil {
			wrong = append(wrong, fmt.Sprintf("stream %s has no dead-letter queue", id))
		}
	}
	return wrong
}

// untagged finds what bears cost or data and does not say of which project and environment it is.
func untagged(t Template) []string {
	tagged := map[string]string{
		"AWS::Serverless::Function": "Tags", "AWS::Serverless::HttpApi": "Tags", "AWS::DynamoDB::Table": "Tags", "AWS::S3::Bucket": "Tags",
		"AWS::SQS::Queue": "Tags", "AWS::KMS::Key": "Tags", "AWS::CloudFront::Distribution": "Tags", "AWS::WAFv2::WebACL": "Tags",
		"AWS::Cognito::UserPool": "UserPoolTags",
	}
	var wrong []string
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		if tagged[r.Type] == "" {
			continue
		}
		tags := map[string]any{}
		if r.Type == "AWS::Serverless::Function" {
			addTags(tags, At(t.Globals, "Function", "Tags"))
		}
		addTags(tags, r.Properties[tagged[r.Type]])
		if tags["project"] != "qms-licensing" || At(tags["environment"], "Ref") != "Environment" {
			wrong = append(wrong, fmt.Sprintf("%s does not bear the tags project and environment", id))
		}
	}
	return wrong
}

// addTags reads tags in either spelling, {name: value} or [{Key: name, Value: value}].
func addTags(tags map[string]any, written any) {
	switch written := written.(type) {
	case map[string]any:
		maps.Copy(tags, written)
	case []any:
		for _, tag := range written {
			tags[text(At(tag, "Key"))] = At(tag, "Value")
		}
	}
}

// withheld finds parameters of nested stacks that are left to their default, or fixed here, or that are parameters of this
// template too and get something else: what an operator sets would change nothing.
func withheld(t Template, all []Template) []string {
	var wrong []string
	for _, id := range t.OfType("AWS::CloudFormation::Stack") {
		p := t.Resources[id].Properties
		at := slices.IndexFunc(all, func(nested Template) bool { return nested.File == path.Base(text(p["TemplateURL"])) })
		if at < 0 {
			wrong = append(wrong, fmt.Sprintf("%s has no template in infra/stacks", id))
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(all[at].Parameters)) {
			_, shared := t.Parameters[name]
			choices := branches(At(p, "Parameters", name))
			_, computed := choices[0].(map[string]any)
			switch {
			case len(choices) == 1 && choices[0] == nil:
				wrong = append(wrong, fmt.Sprintf("%s is not given its parameter %s", id, name))
			case len(choices) == 1 && !computed:
				wrong = append(wrong, fmt.Sprintf("%s is given %q for %s, whatever the parameters of this template say", id, fmt.Sprint(choices[0]), name))
			case shared && !handsOn(choices, name):
				wrong = append(wrong, fmt.Sprintf("%s is not handed the parameter %s", id, name))
			}
		}
	}
	return wrong
}

// handsOn says whether one of the values is the parameter and each is some value.
func handsOn(choices []any, name string) bool {
	found := false
	for _, choice := range choices {
		if choice == nil || choice == "" || At(choice, "Ref") == "AWS::NoValue" {
			return false
		}
		found = found || At(choice, "Ref") == name
	}
	return found
}

// branches gives the values that a value may become: itself, or those of its Fn::If.
func branches(value any) []any {
	if choice, ok := At(value, "Fn::If").([]any); ok && len(choice) == 3 {
		return append(branches(choice[1]), branches(choice[2])...)
	}
	return []any{value}
}
