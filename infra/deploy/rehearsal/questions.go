package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// question is how a service is asked about one resource, and which members of its answer are the template's properties.
type question struct {
	service, target, path string // a target for JSON by one address, else a path; %s is the physical id
	body                  string // JSON; %s is the physical id
	// members are where the answer has a property, by the property's name; dots lead inside, * is the first of a list.
	members map[string]string
}

// questions are those of each type, in one place so that a new resource is one line. What stays unasked is listed in the report.
var questions = map[string][]question{
	"AWS::DynamoDB::Table": {
		{service: "dynamodb", target: "DynamoDB_20120810.DescribeTable", body: `{"TableName":%q}`, members: map[string]string{
			"TableName": "Table.TableName", "BillingMode": "Table.BillingModeSummary.BillingMode", "KeySchema": "Table.KeySchema",
			"DeletionProtectionEnabled": "Table.DeletionProtectionEnabled", "SSESpecification": "Table.SSEDescription.Status",
			"StreamSpecification": "Table.StreamSpecification.StreamViewType", "GlobalSecondaryIndexes": "Table.GlobalSecondaryIndexes",
		}},
		{service: "dynamodb", target: "DynamoDB_20120810.DescribeContinuousBackups", body: `{"TableName":%q}`, members: map[string]string{
			"PointInTimeRecoverySpecification": "ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus=ENABLED",
		}},
	},
	"AWS::KMS::Key": {
		{service: "kms", target: "TrentService.DescribeKey", body: `{"KeyId":%q}`, members: map[string]string{
			"KeySpec": "KeyMetadata.KeySpec", "KeyUsage": "KeyMetadata.KeyUsage", "Description": "KeyMetadata.Description",
		}},
		{service: "kms", target: "TrentService.GetKeyPolicy", body: `{"KeyId":%q,"PolicyName":"default"}`, members: map[string]string{"KeyPolicy": "Policy"}},
		{service: "kms", target: "TrentService.ListResourceTags", body: `{"KeyId":%q}`, members: map[string]string{"Tags": "Tags"}},
	},
	"AWS::Cognito::UserPool": {
		{service: "cognito-idp", target: "AWSCognitoIdentityProviderService.DescribeUserPool", body: `{"UserPoolId":%q}`, members: map[string]string{
			"MfaConfiguration": "UserPool.MfaConfiguration", "DeletionProtection": "UserPool.DeletionProtection",
			"AdminCreateUserConfig": "UserPool.AdminCreateUserConfig.AllowAdminCreateUserOnly", "UserPoolTags": "UserPool.UserPoolTags",
			"Policies": "UserPool.Policies.PasswordPolicy.MinimumLength", "AccountRecoverySetting": "UserPool.AccountRecoverySetting.RecoveryMechanisms",
		}},
		{service: "cognito-idp", target: "AWSCognitoIdentityProviderService.GetUserPoolMfaConfig", body: `{"UserPoolId":%q}`, members: map[string]string{
			"EnabledMfas": "SoftwareTokenMfaConfiguration.Enabled",
		}},
	},
	"AWS::Cognito::UserPoolClient": {{service: "cognito-idp", target: "AWSCognitoIdentityProviderService.DescribeUserPoolClient", body: `{"UserPoolId":%q,"ClientId":%q}`, members: map[string]string{
		"CallbackURLs": "UserPoolClient.CallbackURLs", "LogoutURLs": "UserPoolClient.LogoutURLs", "AllowedOAuthFlows": "UserPoolClient.AllowedOAuthFlows",
		"AllowedOAuthScopes": "UserPoolClient.AllowedOAuthScopes", "AccessTokenValidity": "UserPoolClient.AccessTokenValidity",
		"ExplicitAuthFlows": "UserPoolClient.ExplicitAuthFlows", "EnableTokenRevocation": "UserPoolClient.EnableTokenRevocation",
		"PreventUserExistenceErrors": "UserPoolClient.PreventUserExistenceErrors",
	}}},
	"AWS::Lambda::Function": {{service: "lambda", path: "/2015-03-31/functions/%s", members: map[string]string{
		"Runtime": "Configuration.Runtime", "Timeout": "Configuration.Timeout", "MemorySize": "Configuration.MemorySize", "Environment": "Configuration.Environment.Variables",
		"LoggingConfig": "Configuration.LoggingConfig.LogGroup", "Role": "Configuration.Role", "Architectures": "Configuration.Architectures", "Code": "Code",
	}}},
	"AWS::Lambda::EventSourceMapping": {{service: "lambda", path: "/2015-03-31/event-source-mappings/%s", members: map[string]string{
		"EventSourceArn": "EventSourceArn", "FunctionName": "FunctionArn", "StartingPosition": "StartingPosition", "DestinationConfig": "DestinationConfig.OnFailure.Destination",
		"BisectBatchOnFunctionError": "BisectBatchOnFunctionError", "MaximumRetryAttempts": "MaximumRetryAttempts", "FunctionResponseTypes": "FunctionResponseTypes",
	}}},
	"AWS::ApiGatewayV2::Stage": {{service: "apigateway", path: "/v2/apis/%s/stages/$default", members: map[string]string{
		"AccessLogSettings": "AccessLogSettings.Format", "DefaultRouteSettings": "DefaultRouteSettings.ThrottlingRateLimit", "RouteSettings": "RouteSettings", "AutoDeploy": "AutoDeploy",
	}}},
	"AWS::WAFv2::WebACL": {{service: "wafv2", target: "AWSWAF_20190729.GetWebACL", body: `{"Name":%q,"Id":%q,"Scope":"CLOUDFRONT"}`, members: map[string]string{
		"Rules": "WebACL.Rules", "DefaultAction": "WebACL.DefaultAction", "CustomResponseBodies": "WebACL.CustomResponseBodies", "VisibilityConfig": "WebACL.VisibilityConfig",
	}}},
	"AWS::Logs::LogGroup": {{service: "logs", target: "Logs_20140328.DescribeLogGroups", body: `{"logGroupNamePrefix":%q}`, members: map[string]string{
		"LogGroupName": "logGroups.*.logGroupName", "RetentionInDays": "logGroups.*.retentionInDays",
	}}},
	"AWS::Logs::MetricFilter": {{service: "logs", target: "Logs_20140328.DescribeMetricFilters", body: `{"filterNamePrefix":%q}`, members: map[string]string{
		"FilterPattern": "metricFilters.*.filterPattern", "MetricTransformations": "metricFilters.*.metricTransformations", "LogGroupName": "metricFilters.*.logGroupName",
	}}},
	"AWS::CloudWatch::Alarm": {{service: "monitoring", target: "GraniteServiceVersion20100801.DescribeAlarms", body: `{"AlarmNames":[%q]}`, members: map[string]string{
		"AlarmDescription": "MetricAlarms.*.AlarmDescription", "AlarmActions": "MetricAlarms.*.AlarmActions", "Threshold": "MetricAlarms.*.Threshold",
		"TreatMissingData": "MetricAlarms.*.TreatMissingData", "Metrics": "MetricAlarms.*.Metrics", "MetricName": "MetricAlarms.*.MetricName",
		"OKActions": "MetricAlarms.*.OKActions",
	}}},
	"AWS::SQS::Queue": {{service: "sqs", target: "AmazonSQS.GetQueueAttributes", body: `{"QueueUrl":%q,"AttributeNames":["All"]}`, members: map[string]string{
		"MessageRetentionPeriod": "Attributes.MessageRetentionPeriod", "SqsManagedSseEnabled": "Attributes.SqsManagedSseEnabled", "KmsMasterKeyId": "Attributes.KmsMasterKeyId",
	}}},
	"AWS::Events::Rule": {
		{service: "events", target: "AWSEvents.DescribeRule", body: `{"Name":%q}`, members: map[string]string{
			"ScheduleExpression": "ScheduleExpression", "Description": "Description", "State": "State"}},
		{service: "events", target: "AWSEvents.ListTargetsByRule", body: `{"Rule":%q}`, members: map[string]string{"Targets": "Targets"}},
	},
}

// ask asks about one resource and notes what is missing. It reports whether there was a question for its type.
func (r *rehearsal) ask(ctx context.Context, one resource) bool {
	switch one.kind {
	case "AWS::S3::Bucket":
		r.askBucket(ctx, one)
		return true
	case "AWS::CloudFront::Distribution":
		r.askDistribution(ctx, one)
		return true
	}
	for _, q := range questions[one.kind] {
		answer, err := r.answer(ctx, q, one)
		if err != nil {
			r.gap("%s %s: CloudFormation says that it is there, and %v", one.kind, one.logical, err)
			continue
		}
		for _, property := range slices.Sorted(maps.Keys(q.members)) {
			if one.declared[property] != nil && !Holds(answer, q.members[property]) {
				r.missing(one, property)
			}
		}
		if one.kind == "AWS::Cognito::UserPoolClient" && !Holds(answer, "UserPoolClient.CallbackURLs.*="+r.portal+"/console/") {
			r.gap("%s %s: the sign-in does not lead back to %s/console/", one.kind, one.logical, r.portal)
		}
	}
	return len(questions[one.kind]) > 0
}

func (r *rehearsal) answer(ctx context.Context, q question, one resource) (answer any, err error) {
	parent, err := r.parent(ctx, one)
	if err != nil {
		return nil, err
	}
	if q.target == "" {
		return answer, r.emulator.call(ctx, one.region, q.service, "GET", fmt.Sprintf(q.path, url.PathEscape(parent)), "", nil, &answer)
	}
	ids := []any{parent, one.physical}
	if name, rest, compound := strings.Cut(one.physical, "|"); compound { // a web ACL is name|id|scope
		id, _, _ := strings.Cut(rest, "|")
		ids = []any{name, id}
	}
	body := json.RawMessage(fmt.Sprintf(q.body, ids[:strings.Count(q.body, "%q")]...))
	return answer, r.emulator.call(ctx, one.region, q.service, "POST", "/", q.target, body, &answer)
}

// parents are the properties that name what a resource is a part of, and is asked by.
var parents = map[string]string{"AWS::ApiGatewayV2::Stage": "ApiId", "AWS::Cognito::UserPoolClient": "UserPoolId"}

// parent is the physical id of what a resource is asked by: of its API or user pool, for everything else its own.
func (r *rehearsal) parent(ctx context.Context, one resource) (string, error) {
	property, isPart := parents[one.kind]
	if !isPart {
		return one.physical, nil
	}
	var logical string
	var reference struct{ Ref string }
	if json.Unmarshal(one.declared[property], &reference) == nil {
		logical = reference.Ref
	} else if err := json.Unmarshal(one.declared[property], &logical); err != nil { // from a short form, !Ref
		return "", fmt.Errorf("its %s is %s, no reference", property, one.declared[property])
	}
	return physical(ctx, r.cloudFormation(one.region), one.stack, logical)
}

func (r *rehearsal) missing(one resource, property string) {
	r.gap("%s %s: %s is declared and not there afterwards", one.kind, one.logical, property)
}

// Holds reports whether a JSON document has something at a path; "=" after it demands that very text.
func Holds(document any, path string) bool {
	path, want, exact := strings.Cut(path, "=")
	for _, name := range strings.Split(path, ".") {
		switch at := document.(type) {
		case map[string]any:
			document = nil
			for key, value := range at { // services disagree about the first letter's case
				if strings.EqualFold(key, name) {
					document = value
				}
			}
		case []any:
			if name != "*" || len(at) == 0 {
				return false
			}
			document = at[0]
		default:
			return false
		}
	}
	switch value := document.(type) {
	case nil:
		return false
	case bool:
		return value
	case string:
		return value != "" && (!exact || value == want)
	case []any:
		return len(value) > 0
	case map[string]any:
		return len(value) > 0
	}
	return true
}
