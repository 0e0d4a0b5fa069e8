package stacks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/stacks"
)

const project = "../.."

// read returns one template of the project by its base name.
func read(t *testing.T, file string) stacks.Template {
	t.Helper()
	for _, one := range readAll(t) {
		if one.File == file {
			return one
		}
	}
	t.Fatalf("there is no template %s", file)
	return stacks.Template{}
}

func readAll(t *testing.T) []stacks.Template {
	t.Helper()
	all, err := stacks.ReadAll(project)
	require.NoError(t, err)
	require.Greater(t, len(all), 3)
	return all
}

func TestFind_NothingIsWrongWithWhatIsDeployed(t *testing.T) {
	require.Empty(t, stacks.Find(readAll(t)))
}

func TestReadAll_EveryTemplateHereIsNestedInTheRoot(t *testing.T) {
	nested := read(t, "template.yaml").OfType("AWS::CloudFormation::Stack")
	require.Len(t, nested, len(readAll(t))-1, "each template of this folder is nested in the root")
}

// forAll is what is said of a service that may do something for every customer of AWS.
const forAll = "allows it to a service for whatever account: no condition names aws:SourceArn or aws:SourceAccount"

// weakenings are mistakes in a template, and what is said of each.
var weakenings = []struct{ name, file, old, replacement, want string }{
	{"an action with a star", "template.yaml", "Action: [dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem]", "Action: dynamodb:*",
		"template.yaml: IssueFunction: statement ReadWriteLicenses allows the action dynamodb:*"},
	{"every resource", "template.yaml", "Action: [dynamodb:GetItem, dynamodb:PutItem, dynamodb:UpdateItem]\n              Resource: !GetAtt LicenseTable.Arn",
		"Action: [dynamodb:GetItem]\n              Resource: \"*\"", "template.yaml: IssueFunction: statement ReadWriteLicenses allows it on every resource like *"},
	{"every resource, by !Sub", "template.yaml", "Resource: !Sub \"${LicenseTable.Arn}/index/byServer\"", "Resource: !Sub \"*\"",
		"template.yaml: SearchFunction: statement FindByServer allows it on every resource like *"},
	{"every index", "template.yaml", "${LicenseTable.Arn}/index/byServer", "${LicenseTable.Arn}/index/*",
		"template.yaml: SearchFunction: statement FindByServer allows it on every resource like ${LicenseTable.Arn}/index/*"},
	{"every bucket", "template.yaml", "Resource: !GetAtt ArchiveBucket.Arn", "Resource: \"arn:aws:s3:::*\"",
		"template.yaml: ArchiveFunction: statement CompareArchive allows it on every resource like arn:aws:s3:::*"},
	{"every bucket of a kind", "template.yaml", "Resource: !GetAtt ArchiveBucket.Arn", "Resource: \"arn:aws:s3:::qms-archive-?\"",
		"template.yaml: ArchiveFunction: statement CompareArchive allows it on every resource like arn:aws:s3:::qms-archive-?"},
	{"the objects of what is no bucket", "template.yaml", "Resource: !GetAtt AuditTable.StreamArn", "Resource: !Sub \"${AuditTable.Arn}/*\"",
		"template.yaml: ArchiveFunction: statement ReadAuditStream allows it on every resource like ${AuditTable.Arn}/*"},
	{"an action with a question mark", "template.yaml", "Action: [s3:ListBucket]", "Action: \"s3:ListBucket?\"",
		"template.yaml: ArchiveFunction: statement CompareArchive allows the action s3:ListBucket?"},
	{"an action with a star, by !Sub", "template.yaml", "Action: [s3:ListBucket]", "Action: !Sub \"s3:*\"",
		"template.yaml: ArchiveFunction: statement CompareArchive allows the action s3:*"},
	{"neither allowed nor denied for sure", "template.yaml", "Effect: Allow\n              Action: [s3:ListBucket]", "Effect: !If [MakesUserPool, Allow, Deny]\n              Action: s3:*",
		"template.yaml: ArchiveFunction: statement CompareArchive allows the action s3:*"},
	{"schedules of others", "template.yaml", "            Condition: {ArnLike: {\"aws:SourceArn\": !Sub \"arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/${AWS::StackName}-*\"}}\n", "",
		"template.yaml: DeadLetterQueuePolicy: statement FailuresOfSchedules " + forAll},
	{"schedules of any account", "template.yaml", "events:${AWS::Region}:${AWS::AccountId}:rule/${AWS::StackName}-*", "events:${AWS::Region}:*:rule/*",
		"template.yaml: DeadLetterQueuePolicy: statement FailuresOfSchedules " + forAll},
	{"schedules but ours", "template.yaml", "Condition: {ArnLike: {\"aws:SourceArn\": !Sub \"arn:${AWS::Partition}:events", "Condition: {ArnNotLike: {\"aws:SourceArn\": !Sub \"arn:${AWS::Partition}:events",
		"template.yaml: DeadLetterQueuePolicy: statement FailuresOfSchedules " + forAll},
	{"distributions of others", "site.yaml", "            Condition: {StringEquals: {\"AWS:SourceArn\": !Sub \"arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}\"}}\n", "",
		"site.yaml: FilesPolicy: statement ReadByTheDistribution " + forAll},
	{"alarms of others", "alarms.yaml", "            Condition:\n              StringEquals: {\"aws:SourceAccount\": !Ref AWS::AccountId}\n              ArnLike:", "            Conditions:\n              ArnLike:",
		"alarms.yaml: TopicPolicy: statement PublishAlarmsOfThisAccount " + forAll},
	{"everybody", "site.yaml", "Principal: {Service: cloudfront.amazonaws.com}\n            Action: s3:GetObject", "Principal: \"*\"\n            Action: s3:GetObject",
		"site.yaml: FilesPolicy: statement ReadByTheDistribution allows it to everybody"},
	{"everybody, in long form", "site.yaml", "Principal: {Service: cloudfront.amazonaws.com}\n            Action: s3:GetObject", "Principal: {AWS: \"*\"}\n            Action: s3:GetObject",
		"site.yaml: FilesPolicy: statement ReadByTheDistribution allows it to everybody"},
	{"all but one action", "site.yaml", "Action: s3:GetObject", "NotAction: s3:PutObject",
		"site.yaml: FilesPolicy: statement ReadByTheDistribution allows by NotAction, which is everything else"},
	{"a public bucket", "site.yaml", "BlockPublicPolicy: true", "BlockPublicPolicy: false", "site.yaml: bucket Files may become public: BlockPublicPolicy is not true"},
	{"access lists", "site.yaml", "BucketOwnerEnforced", "ObjectWriter", "site.yaml: bucket Files takes access lists: its ownership is not BucketOwnerEnforced"},
	{"no encryption", "site.yaml", "BucketEncryption:", "BucketEncryptions:", "site.yaml: bucket Files is not encrypted"},
	{"no versions", "site.yaml", "VersioningConfiguration: {Status: Enabled}", "VersioningConfiguration: {Status: Suspended}", "site.yaml: bucket Files keeps no versions"},
	{"plain HTTP", "site.yaml", `"aws:SecureTransport": "false"`, `"aws:SecureTransport": "true"`, "site.yaml: bucket Files can be read without TLS: no policy denies it"},
	{"a bucket that may go", "site.yaml", "  Files:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Retain", "  Files:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Delete",
		"site.yaml: Files can be deleted by a deployment: both policies must be Retain"},
	{"a table that may go", "template.yaml", "DeletionProtectionEnabled: true", "DeletionProtectionEnabled: false", "template.yaml: table LicenseTable has no deletion protection"},
	{"no recovery", "template.yaml", "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false", "template.yaml: table LicenseTable has no point-in-time recovery"},
	{"no encryption of a table", "template.yaml", "SSEEnabled: true", "SSEEnabled: false", "template.yaml: table LicenseTable has no encryption"},
	{"people that may go", "signin.yaml", "UpdateReplacePolicy: Retain", "UpdateReplacePolicy: Delete", "signin.yaml: Staff can be deleted by a deployment: both policies must be Retain"},
	{"routes that are not logged", "template.yaml", "DestinationArn: !GetAtt ApiLogGroup.Arn", "Destination: none", "template.yaml: the routes of LicensingApi are not logged"},
	{"a log without the route", "template.yaml", "$context.routeKey", "$context.stage", "template.yaml: the access log of LicensingApi does not tell $context.routeKey"},
	{"a log with the path", "template.yaml", `"status":"$context.status"`, `"status":"$context.status","path":"$context.path"`, "template.yaml: the access log of LicensingApi shows $context.path"},
	{"a log with addresses", "template.yaml", `"status":"$context.status"`, `"status":"$context.status","from":"$context.identity.sourceIp"`, "template.yaml: the access log of LicensingApi shows $context.identity"},
	{"a function without a log", "template.yaml", "LoggingConfig: {LogFormat: JSON, LogGroup: !Ref KeysLogGroup}", "LoggingConfig: {LogFormat: JSON}", "template.yaml: function KeysFunction does not log to a group of its own"},
	{"a log for ever", "template.yaml", "/api\n      RetentionInDays: !Ref LogRetentionDays", "/api", "template.yaml: log group ApiLogGroup keeps for ever"},
	{"a schedule nobody watches", "template.yaml", "            DeadLetterConfig: {Arn: !GetAtt DeadLetterQueue.Arn}\n", "", "template.yaml: schedule EveryMinute of SweepFunction has no dead-letter queue"},
	{"a stream nobody watches", "template.yaml", "      DestinationConfig: {OnFailure: {Destination: !GetAtt DeadLetterQueue.Arn}}\n\n", "\n",
		"template.yaml: stream ArchiveSource has no dead-letter queue"},
	{"a parameter without words", "firewall.yaml", "    Description: Requests to", "    Comment: Requests to", "firewall.yaml: parameter RequestsPerAddress has no description"},
	{"people that may be deleted", "signin.yaml", "      DeletionProtection: ACTIVE\n", "", "signin.yaml: user pool Staff has no deletion protection"},
	{"people that may be deleted by word", "signin.yaml", "DeletionProtection: ACTIVE", "DeletionProtection: INACTIVE", "signin.yaml: user pool Staff has no deletion protection"},
	{"a sweep that fails unseen", "template.yaml", "        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt DeadLetterQueue.Arn}}\n", "",
		"template.yaml: what SweepFunction fails at is kept nowhere: its EventInvokeConfig has no OnFailure"},
	{"a queue without tags", "template.yaml", "      MessageRetentionPeriod: 1209600\n      Tags:", "      MessageRetentionPeriod: 1209600\n      Tag:", "template.yaml: DeadLetterQueue does not bear the tags project and environment"},
	{"an environment that is fixed", "firewall.yaml", "Value: !Ref Environment", "Value: production", "firewall.yaml: WebAcl does not bear the tags project and environment"},
	{"no secret for the site", "template.yaml", "        OriginSecret: !Ref OriginSecret\n        SignIn", "        OriginSecret: \"\"\n        SignIn",
		"template.yaml: SiteStack is given \"\" for OriginSecret, whatever the parameters of this template say"},
	{"no secret for some sites", "template.yaml", "        OriginSecret: !Ref OriginSecret\n        SignIn", "        OriginSecret: !If [HasPortalDomain, !Ref OriginSecret, \"\"]\n        SignIn",
		"template.yaml: SiteStack is not handed the parameter OriginSecret"},
	{"no secret for other sites", "template.yaml", "        OriginSecret: !Ref OriginSecret\n        SignIn", "        OriginSecret: !If [HasPortalDomain, !Ref OriginSecret, !Ref AWS::NoValue]\n        SignIn",
		"template.yaml: SiteStack is not handed the parameter OriginSecret"},
	{"no web ACL for the site", "template.yaml", "WebAclArn: !If [MakesWebAcl, !GetAtt FirewallStack.Outputs.WebAclArn, !Ref WebAclArn]", "WebAclArn: \"\"",
		"template.yaml: SiteStack is given \"\" for WebAclArn, whatever the parameters of this template say"},
	{"no web ACL of others", "template.yaml", "WebAclArn: !If [MakesWebAcl, !GetAtt FirewallStack.Outputs.WebAclArn, !Ref WebAclArn]", "WebAclArn: !GetAtt FirewallStack.Outputs.WebAclArn",
		"template.yaml: SiteStack is not handed the parameter WebAclArn"},
	{"a parameter for another", "template.yaml", "        FailedSignInsLimit: !Ref FailedSignInsLimit", "        FailedSignInsLimit: !Ref RefusedRequestsLimit",
		"template.yaml: AlarmStack is not handed the parameter FailedSignInsLimit"},
	{"a parameter left to its default", "template.yaml", "        RequestsPerAddress: !Ref RequestsPerAddress\n", "",
		"template.yaml: FirewallStack is not given its parameter RequestsPerAddress"},
	{"a stack of another folder", "template.yaml", "TemplateURL: infra/stacks/firewall.yaml", "TemplateURL: infra/stacks/walls.yaml", "template.yaml: FirewallStack has no template in infra/stacks"},
	{"a secret that is shown", "template.yaml", "    NoEcho: true\n", "", "template.yaml: parameter OriginSecret is a secret that is shown: NoEcho is missing"},
}

// TestFind_NamesWhatIsWeakened edits a template as a mistake would and reads what is said of it.
func TestFind_NamesWhatIsWeakened(t *testing.T) {
	for _, c := range weakenings {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, []string{c.want}, stacks.Find(weakened(t, c.file, c.old, c.replacement)))
		})
	}
}

// weakened is every template of the project, one of them edited as a mistake would.
func weakened(t *testing.T, file, old, replacement string) []stacks.Template {
	t.Helper()
	path := filepath.Join(project, "infra/stacks", file)
	if file == "template.yaml" {
		path = filepath.Join(project, file)
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	edited, err := stacks.Parse(file, []byte(strings.Replace(string(text), old, replacement, 1)))
	require.NoError(t, err)
	all := readAll(t)
	all[slices.IndexFunc(all, func(one stacks.Template) bool { return one.File == file })] = edited
	return all
}

func TestFind_EveryFunctionIsNamedWhenTheirCommonTagsAreGone(t *testing.T) {
	all := weakened(t, "template.yaml", "    Tags: {project: qms-licensing, environment: !Ref Environment}\n    Environment:", "    Environment:")
	var want []string
	for _, id := range all[0].OfType("AWS::Serverless::Function") {
		want = append(want, "template.yaml: "+id+" does not bear the tags project and environment")
	}
	require.Greater(t, len(want), 10)
	require.Equal(t, want, stacks.Find(all))
}
