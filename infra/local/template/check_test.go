package template_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/template"
	"qmslicensing/infra/local/template/check"
)

func TestCheck_NamesFunctionAndStatementThatIsWidened(t *testing.T) {
	rows := []struct {
		name  string
		widen func(*template.Function)
		run   func(*template.Application) []string
		want  string
	}{
		{"an action more", func(f *template.Function) {
			f.Statements[0].Actions = append(f.Statements[0].Actions, "dynamodb:DeleteItem")
		}, all, "ValidateFunction: statement ReadLicense says"},
		{"a write action for a reader", func(f *template.Function) {
			f.Statements[0].Actions = append(f.Statements[0].Actions, "dynamodb:DeleteItem")
		}, func(app *template.Application) []string {
			return check.ReadOnly(app, append(writers(), "ArchiveFunction", "ReconcileFunction"))
		},
			"ValidateFunction: statement ReadLicense gives dynamodb:DeleteItem to a function that only reads"},
		{"a wildcard", func(f *template.Function) {
			f.Statements[0].Resources = []string{"arn:aws:dynamodb:us-east-1:000000000000:table/*"}
		},
			check.Wildcards, "ValidateFunction: statement ReadLicense has the wildcard"},
		{"the audit table by a wildcard", func(f *template.Function) { f.Statements[0].Resources = []string{"*"} },
			func(app *template.Application) []string {
				return check.Audit(app, auditTable, writers(), chainReaders())
			},
			"ValidateFunction: statement ReadLicense reaches the audit table"},
		{"signing by its own statement", func(f *template.Function) { f.Statements[0].Actions = []string{"kms:Sign"} },
			check.IdentityKMS, "ValidateFunction: statement ReadLicense speaks of KMS: kms:Sign"},
		{"a condition dropped", func(f *template.Function) { f.Statements[1].Conditions = nil }, all, "ValidateFunction: statement ReadKeyTable says"},
		{"a statement more", func(f *template.Function) {
			f.Statements = append(f.Statements, template.Statement{Sid: "More", Effect: "Allow"})
		}, all, "ValidateFunction: statement More is not granted"},
		{"a statement less", func(f *template.Function) { f.Statements = f.Statements[:1] }, all, "ValidateFunction: statement ReadKeyTable is granted but missing"},
		{"a table that does not exist", func(f *template.Function) { f.Environment["LICENSE_TABLE"] = "Licences" },
			check.Environment, `ValidateFunction: LICENSE_TABLE names "Licences", which is no table`},
		{"a table that it may not use", func(f *template.Function) { f.Environment["AUDIT_TABLE"] = "qms-licensing-audit-1" },
			check.Environment, "ValidateFunction: may use AuditTable: false, is told of it: true"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			app := load(t)
			row.widen(function(t, app, "ValidateFunction"))
			found := row.run(app)
			require.NotEmpty(t, found)
			require.Contains(t, found[0], row.want)
		})
	}
}

func all(app *template.Application) []string { return check.Statements(app, granted()) }

func TestCheck_AWriterThatMayDeleteAuditEntriesIsNamed(t *testing.T) {
	app := load(t)
	f := function(t, app, "IssueFunction")
	at := slices.IndexFunc(f.Statements, func(s template.Statement) bool { return s.Sid == "AppendAudit" })
	f.Statements[at].Actions = append(f.Statements[at].Actions, "dynamodb:DeleteItem")
	require.Equal(t, []string{
		"IssueFunction: statement AppendAudit gives [dynamodb:PutItem dynamodb:DeleteItem] on the audit table, more than PutItem",
	}, check.Audit(app, auditTable, writers(), chainReaders()))
}

func TestCheck_KeyPolicyThatIsWidenedIsNamed(t *testing.T) {
	rows := []struct {
		name  string
		widen func(*template.Key)
		want  string
	}{
		{"sales may sign with a sold key", func(k *template.Key) {
			k.Policy[0].Principals = append(k.Policy[0].Principals, "arn:aws:iam::000000000000:role/IssueTemporaryFunctionRole")
		}, "SoldSigningKey: [AmendFunction IssueFunction IssueTemporaryFunction RehostFunction RenewSubscriptionFunction SweepFunction] may sign"},
		{"an action more", func(k *template.Key) { k.Policy[0].Actions = []string{"kms:Sign", "kms:GetPublicKey"} },
			"SoldSigningKey: statement SignSoldLicenses gives [kms:Sign kms:GetPublicKey], not kms:Sign alone"},
		{"any message type", func(k *template.Key) { delete(k.Policy[0].Conditions["StringEquals"], "kms:MessageType") },
			"SoldSigningKey: statement SignSoldLicenses has the conditions"},
		{"administrators sign", func(k *template.Key) { k.Policy[1].Actions = append(k.Policy[1].Actions, "kms:Sign") },
			"SoldSigningKey: statement Administer gives administrators kms:Sign"},
		{"administrators do everything", func(k *template.Key) { k.Policy[1].Actions = []string{"kms:*"} },
			"SoldSigningKey: statement Administer gives administrators kms:*"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			app := load(t)
			at := slices.IndexFunc(app.Keys, func(k template.Key) bool { return k.LogicalID == "SoldSigningKey" })
			row.widen(&app.Keys[at])
			found := check.Keys(app, signers(), administrator, administration())
			require.Len(t, found, 1)
			require.Contains(t, found[0], row.want)
		})
	}
}

func TestCheck_ArchiveThatIsWeakenedIsNamed(t *testing.T) {
	buckets := func(app *template.Application) []string { return check.Buckets(app, denied()) }
	rows := []struct {
		name, old, replacement string
		run                    func(*template.Application) []string
		want                   string
	}{
		{"a lock that bows", "Mode: COMPLIANCE", "Mode: GOVERNANCE", buckets, "ArchiveBucket: its objects can be deleted early"},
		{"no versions", "VersioningConfiguration: {Status: Enabled}", "VersioningConfiguration: {Status: Suspended}", buckets, "ArchiveBucket: its objects can be deleted early"},
		{"public access", "RestrictPublicBuckets: true", "RestrictPublicBuckets: false", buckets, "ArchiveBucket: public access is not blocked"},
		{"ACLs", "ObjectOwnership: BucketOwnerEnforced", "ObjectOwnership: ObjectWriter", buckets, "ArchiveBucket: public access is not blocked"},
		{"another encryption", "SSEAlgorithm: AES256", "SSEAlgorithm: aws:kms", buckets, "only with AES256"},
		{"deletes", "Action: [s3:DeleteObject, s3:DeleteObjectVersion]", "Action: [s3:DeleteObjectVersion]", buckets, "ArchiveBucket: statement NothingGoes says"},
		{"a policy less", "Sid: NothingTwice", "Sid: Once", buckets, "ArchiveBucket: statement NothingTwice is missing"},
		{"whole batches repeated", "FunctionResponseTypes: [ReportBatchItemFailures]", "FunctionResponseTypes: []", check.Streams, "ArchiveSource: one record that fails"},
		{"a stream written to", "dynamodb:ListStreams]", "dynamodb:ListStreams, dynamodb:PutItem]", check.Streams, "ArchiveFunction: statement ReadAuditStream gives dynamodb:PutItem"},
		{"another function on the stream", "FunctionName: !Ref ArchiveFunction", "FunctionName: !Ref SweepFunction", check.Streams, "ArchiveFunction: statement ReadAuditStream reaches a stream"},
		{"a queue in clear", "SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false", check.Queues, "DeadLetterQueue: is not encrypted"},
		{"a queue without TLS", "Queues: [!Ref DeadLetterQueue]", "Queues: []", check.Queues, "DeadLetterQueue: may be reached without TLS"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			app, err := edited(t, row.old, row.replacement)
			require.NoError(t, err)
			require.Contains(t, strings.Join(row.run(app), "\n"), row.want)
		})
	}
}

func TestCheck_RouteThatStandsOpenIsNamed(t *testing.T) {
	app := load(t)
	at := slices.IndexFunc(app.Routes, func(r template.Route) bool { return r.Path == "/v1/temporary-licenses" })
	app.Routes[at].Scopes = nil
	require.Equal(t, []string{"POST /v1/temporary-licenses demands the scopes [], not licensing/staff alone"}, check.Routes(app, "licensing/staff", public()))
	app.Routes[at].Authorized = false
	require.Equal(t, []string{"POST /v1/temporary-licenses stands open: it has no authorizer and is not on the public list"},
		check.Routes(app, "licensing/staff", public()))
}

func TestCheck_RolePolicyThatNamesItsKeyIsACycle(t *testing.T) {
	app, err := edited(t, "              Resource: !GetAtt AuditTable.Arn", "              Resource: !GetAtt SoldSigningKey.Arn")
	require.NoError(t, err)
	require.Equal(t, []string{"IssueFunctionRole", "SoldSigningKey", "IssueFunctionRole"}, check.Cycle(app))
}

func TestCheck_FunctionThatIsToldTheAPIsAddressIsACycle(t *testing.T) {
	app, err := edited(t, "AUDIT_TABLE: !Ref AuditTable", "AUDIT_TABLE: !Sub https://${LicensingApi}.example")
	require.NoError(t, err)
	require.Equal(t, []string{"IssueFunction", "LicensingApi", "IssueFunction"}, check.Cycle(app))
}
