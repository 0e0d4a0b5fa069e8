package template_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/template"
	"qmslicensing/infra/local/template/check"
	"qmslicensing/shared/api"
)

func TestLoad_ResolvesWhatTheLocalStackRuns(t *testing.T) {
	app := load(t)
	require.Len(t, app.Functions, len(functions(t)))
	require.Len(t, app.Routes, len(api.Routes()))

	issue := function(t, app, "IssueFunction")
	require.Equal(t, "issue", issue.Name)
	require.Equal(t, "build/issue", issue.CodeURI)
	require.Equal(t, "arn:aws:iam::000000000000:role/IssueFunctionRole", issue.RoleARN)
	require.Equal(t, 20*time.Second, issue.Timeout)
	require.Equal(t, 256, issue.MemoryMB)
	require.Equal(t, map[string]string{
		"LICENSE_TABLE": "qms-licensing-licenses-1", "AUDIT_TABLE": "qms-licensing-audit-1", "AWS_ENDPOINT_URL_DYNAMODB": "", "AWS_ENDPOINT_URL_KMS": "", "ORIGIN_SECRET": originSecret,
		"TRIAL_DAYS": "30", "TROUBLESHOOTING_DAYS": "30", "EMERGENCY_DAYS": "14",
		"TRIAL_DAYS_IN_ALL": "60", "TEMPORARY_LICENSES": "3", "TEMPORARY_WINDOW_DAYS": "90", "REHOSTS": "3", "REHOST_WINDOW_MONTHS": "12",
		"LICENSES_PER_PERSON_DAY": "200",
		"CONDITIONS_OF_SALE":      "contract-signed,payment-received,quantities-match,customer-name-matches",
		"REQUIRE_LICENSE_REQUEST": "false",
		"CORRECTION_DAYS":         "7",
	}, issue.Environment)

	validate := function(t, app, "ValidateFunction")
	require.Equal(t, 10*time.Second, validate.Timeout)
	require.Equal(t, 512, validate.MemoryMB)
	require.Equal(t, map[string]string{"LICENSE_TABLE": "qms-licensing-licenses-1", "AWS_ENDPOINT_URL_DYNAMODB": "", "ORIGIN_SECRET": originSecret}, validate.Environment)
	require.Equal(t, template.Statement{
		Sid: "ReadKeyTable", Effect: "Allow", Actions: []string{"dynamodb:Query"},
		Resources:  []string{"arn:aws:dynamodb:us-east-1:000000000000:table/qms-licensing-licenses-1"},
		Conditions: map[string]map[string][]string{"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": {"keys"}}},
	}, validate.Statements[1])

	require.Equal(t, []template.Schedule{
		{Function: "ReconcileFunction", Every: time.Hour, Input: `{"task":"reconcile"}`}, {Function: "SweepFunction", Every: time.Minute, Input: "{}"},
	}, app.Schedules)
	require.Equal(t, template.Authorizer{Issuer: "http://localhost:3000/signin", Audience: []string{"qms-console"}}, app.Authorizer)
	require.Contains(t, app.Routes, template.Route{
		Method: "POST", Path: "/v1/licenses/{id}/renew", Function: "RenewSubscriptionFunction", Authorized: true, Scopes: []string{"licensing/staff"},
		Limits: template.Limits{Rate: 20, Burst: 40},
	})
	require.Contains(t, app.Routes, template.Route{Method: "GET", Path: "/.well-known/jwks.json", Function: "KeysFunction", Limits: template.Limits{Rate: 50, Burst: 100}})
}

func TestLoad_TablesAndKeys(t *testing.T) {
	app := load(t)
	require.Len(t, app.Tables, 2)
	require.Equal(t, "AuditTable", app.Tables[0].LogicalID)
	require.Equal(t, auditTable, app.Tables[0].Name)
	require.Equal(t, []any{
		map[string]any{"AttributeName": "pk", "KeyType": "HASH"}, map[string]any{"AttributeName": "sk", "KeyType": "RANGE"},
	}, app.Tables[0].Properties["KeySchema"])
	require.Len(t, app.Tables[1].Properties["GlobalSecondaryIndexes"], 7)

	again := load(t)
	seen := map[string]bool{}
	for i, key := range app.Keys {
		require.Regexp(t, `^arn:aws:kms:us-east-1:000000000000:key/[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, key.ARN)
		require.Equal(t, key.ARN, again.Keys[i].ARN, "the same at every start")
		require.Len(t, key.Aliases, 1, key.LogicalID)
		require.Regexp(t, `^alias/qms-licensing-`+key.Purpose+`-[a-z0-9-]+$`, key.Aliases[0], "it says what the key is for; the state changes, the name does not")
		seen[key.ARN], seen[key.Aliases[0]] = true, true
	}
	require.Len(t, seen, 2*len(app.Keys), "no two keys have an ARN or an alias in common")
}

func TestLoad_AKeyThatIsTaggedRetiredIsLoadedLikeAnyOther(t *testing.T) {
	app, err := edited(t, "{Key: state, Value: signing}", "{Key: state, Value: retired}")
	require.NoError(t, err)
	want, changed := load(t).Keys, 0
	for i := range want {
		if want[i].State != app.Keys[i].State {
			require.Equal(t, "signing", want[i].State)
			want[i].State = "retired"
			changed++
		}
	}
	require.Equal(t, 1, changed)
	require.Equal(t, want, app.Keys)
	require.Empty(t, check.Keys(app, signers(), administrator, administration()), "what is pending with a retired key is still signed with it")
}

func TestLoad_TheArchive(t *testing.T) {
	app := load(t)
	require.Equal(t, []template.Source{{
		LogicalID: "ArchiveSource", Function: "ArchiveFunction", Table: "qms-licensing-audit-1", Batch: 100, Bisect: true, Partial: true,
		MaxRetries: -1, MaxAge: 20 * time.Hour, DeadLetterTo: "DeadLetterQueue",
	}}, app.Sources)
	require.Equal(t, map[string]any{"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}, app.Tables[0].Properties["StreamSpecification"])
	require.Len(t, app.Buckets, 1)
	require.Equal(t, app.Buckets[0].Name, function(t, app, "ArchiveFunction").Environment["ARCHIVE_BUCKET"])
	require.Equal(t, 2557, app.Buckets[0].RetentionDays)

	given := parameters()
	given["ArchiveRetentionDays"] = "1"
	short, err := template.Load(path, given)
	require.NoError(t, err)
	require.Equal(t, 1, short.Buckets[0].RetentionDays)
}

func TestLoad_RefusesWhatItDoesNotUnderstandAndNamesIt(t *testing.T) {
	rows := []struct{ name, old, replacement, want string }{
		{"an intrinsic", "LICENSE_TABLE: !Ref LicenseTable", "LICENSE_TABLE: !ImportValue LicenseTable", "Globals.Function.Environment.Variables.LICENSE_TABLE: this use of !ImportValue"},
		{"a long intrinsic", "AUDIT_TABLE: !Ref AuditTable", "AUDIT_TABLE: {Fn::ImportValue: AuditTable}", "Resources.IssueFunction.Properties.Environment.Variables.AUDIT_TABLE: this use of !ImportValue"},
		{"a reference to nothing", "AUDIT_TABLE: !Ref AuditTable", "AUDIT_TABLE: !Ref AuditTabel", `"AuditTabel" is neither a parameter nor a resource`},
		{"an attribute", "!GetAtt LicenseTable.Arn", "!GetAtt LicenseTable.StreamArn", "table LicenseTable has no stream"},
		{"an attribute of a bucket", "!GetAtt ArchiveBucket.Arn", "!GetAtt ArchiveBucket.DomainName", "attribute DomainName of a resource of type AWS::S3::Bucket"},
		{"a resource type", "Type: AWS::DynamoDB::Table", "Type: AWS::SNS::Topic", "AWS::SNS::Topic"},
		{"a bucket's property", "VersioningConfiguration: {Status: Enabled}", "WebsiteConfiguration: {IndexDocument: x}", "Resources.ArchiveBucket.Properties.WebsiteConfiguration"},
		{"a lifecycle that ends objects", "AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}", "ExpirationInDays: 1", "LifecycleConfiguration.Rules[0].ExpirationInDays"},
		{"a bucket policy that gives", "- Sid: OnlyByTLS\n            Effect: Deny", "- Sid: OnlyByTLS\n            Effect: Allow", "Resources.ArchiveBucketPolicy.Properties.PolicyDocument.Statement[0]: only a Deny for everyone"},
		{"a policy of nothing here", "Bucket: !Ref ArchiveBucket\n", "Bucket: other\n", `a policy names "other"`},
		{"a queue's property", "MessageRetentionPeriod: 1209600", "FifoQueue: true", "Resources.DeadLetterQueue.Properties.FifoQueue"},
		{"a stream that begins late", "StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST", "Resources.ArchiveSource.Properties.StartingPosition"},
		{"a stream without an end for what fails", "{OnFailure: {Destination: !GetAtt DeadLetterQueue.Arn}}", "{OnFailure: {Destination: !GetAtt AuditTable.Arn}}", "is no queue"},
		{"a filter on a stream", "BatchSize: 100", "FilterCriteria: {Filters: []}", "Resources.ArchiveSource.Properties.FilterCriteria"},
		{"a policy element", "Action: [dynamodb:GetItem,", "NotAction: [dynamodb:GetItem,", "Resources.IssueFunction.Properties.Policies[0].Statement[0].NotAction"},
		{"an effect", "Effect: Allow", "Effect: Permit", `Statement[0].Effect: "Permit" is neither Allow nor Deny`},
		{"a principal", "AWS: !If [HasKeyAdministrator", "Service: !If [HasKeyAdministrator", "Statement[1].Principal.Service"},
		{"an event type", "Type: Schedule\n", "Type: SQS\n", `Resources.SweepFunction.Properties.Events.EveryMinute.Type: "SQS"`},
		{"an event's property", "Schedule: rate(1 minute)", "Schedule: rate(1 minute)\n            State: DISABLED", "Events.EveryMinute.Properties.State"},
		{"a schedule", "rate(1 minute)", "cron(0 * * * ? *)", "cron(0 * * * ? *)"},
		{"a schedule's unit", "rate(1 minute)", "rate(2 minute)", "rate(2 minute)"},
		{"a function's property", "MemorySize: 512", "Tracing: Active", "Resources.ValidateFunction.Properties.Tracing"},
		{"limits of no route", "GET /.well-known/jwks.json: {Thr", "GET /.well-known/jwks: {Thr", `RouteSettings: there is no route "GET /.well-known/jwks"`},
		{"a resource's condition", "Condition: MakesWebAcl", "Condition: MakesACL", `Resources.FirewallStack: condition "MakesACL" does not exist`},
		{"an output of no stack", "!GetAtt SiteStack.Outputs.Bucket", "!GetAtt PortalStack.Outputs.Bucket", `Outputs.PortalBucket.Value: there is no resource "PortalStack"`},
		{"a runtime", "Runtime: provided.al2023", "Runtime: nodejs22.x", `Runtime: "nodejs22.x"`},
		{"a policy template", "- Version: \"2012-10-17\"", "- DynamoDBCrudPolicy: {TableName: x}\n        - Version: \"2012-10-17\"", "Policies[0].DynamoDBCrudPolicy"},
		{"an authorizer", "Authorizer: NONE", "Authorizer: AWS_IAM", `"AWS_IAM" is neither StaffToken nor NONE`},
		{"an event without one", "            Auth: {Authorizer: NONE}\n", "", "Properties.Auth.Authorizer: is missing"},
		{"a default that stands open", "DefaultAuthorizer: StaffToken", "DefaultAuthorizer: NONE", "must not stand open"},
		{"a condition", "!If [HasKeyAdministrator,", "!If [HasAdministrator,", `condition "HasAdministrator" does not exist`},
		{"a section", "Outputs:\n", "Mappings:\n", "the template.Mappings is not understood"},
		{"the same name twice", "MemorySize: 512", "CodeUri: build/other", "CodeUri stands there twice"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := edited(t, row.old, row.replacement)
			require.ErrorContains(t, err, row.want)
		})
	}
}

func TestLoad_Parameters(t *testing.T) {
	rows := []struct{ name, parameter, value, want string }{
		{"unknown", "Colour", "red", "parameter Colour is given but the template does not declare it"},
		{"not allowed", "Arch", "riscv", `parameter Arch: "riscv" is not one of arm64, x86_64`},
		{"no number", "TrialDays", "many", `parameter TrialDays: "many" is not a number`},
		{"too small", "TrialDays", "0", "parameter TrialDays: 0 is below 1"},
		{"too large", "AccessTokenMinutes", "61", "parameter AccessTokenMinutes: 61 is above 60"},
		{"a rule", "OriginSecret", "", "Rules.OriginSecretOnAWS.Assertions[0]: OriginSecret is empty"},
		{"a rule with a condition", "PortalDomain", "licensing.example.com", "PortalDomain needs PortalCertificateArn"},
		{"another's tokens for nobody", "TokenAudience", "", "TokenIssuer needs TokenAudience"},
		{"pattern", "TokenIssuer", "cognito", `parameter TokenIssuer: "cognito" does not match`},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			given := parameters()
			given[row.parameter] = row.value
			_, err := template.Load(path, given)
			require.ErrorContains(t, err, row.want)
		})
	}
	_, err := edited(t, "    Default: arm64\n", "")
	require.ErrorContains(t, err, "parameter Arch has no default and no value is given")

	given := parameters()
	given["DynamodbEndpoint"] = "http://127.0.0.1:4101"
	app, err := template.Load(path, given)
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:4101", function(t, app, "KeysFunction").Environment["AWS_ENDPOINT_URL_DYNAMODB"])
	require.Zero(t, function(t, app, "KeysFunction").Reserved)

	given["ReservedConcurrency"], given["TableGeneration"] = "5", "2"
	app, err = template.Load(path, given)
	require.NoError(t, err)
	require.Equal(t, 5, function(t, app, "KeysFunction").Reserved)
	require.Equal(t, "qms-licensing-licenses-2", function(t, app, "KeysFunction").Environment["LICENSE_TABLE"])
	require.Contains(t, function(t, app, "KeysFunction").Statements[0].Resources, template.TableARN("qms-licensing-licenses-2"))
}

// functions are the folders of the functions.
func functions(t *testing.T) []os.DirEntry {
	t.Helper()
	folders, err := os.ReadDir("../../../functions")
	require.NoError(t, err)
	return folders
}
