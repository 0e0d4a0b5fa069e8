package template_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/template"
	"qmslicensing/infra/local/template/check"
)

const (
	path          = "../../../template.yaml"
	administrator = "arn:aws:iam::000000000000:root"
	auditTable    = "qms-licensing-audit-1"
	originSecret  = "0123456789abcdef0123456789abcdef"
)

// parameters are those that the template gives no default.
func parameters() map[string]string {
	return map[string]string{"TokenIssuer": "http://localhost:3000/signin", "TokenAudience": "qms-console", "OriginSecret": originSecret}
}

func load(t *testing.T) *template.Application {
	t.Helper()
	app, err := template.Load(path, parameters())
	require.NoError(t, err)
	return app
}

// edited loads the template with one text replaced.
func edited(t *testing.T, old, replacement string) (*template.Application, error) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), old)
	file := filepath.Join(t.TempDir(), "template.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), old, replacement, 1)), 0o600))
	return template.Load(file, parameters())
}

func function(t *testing.T, app *template.Application, id string) *template.Function {
	t.Helper()
	at := slices.IndexFunc(app.Functions, func(f template.Function) bool { return f.LogicalID == id })
	require.GreaterOrEqual(t, at, 0, id)
	return &app.Functions[at]
}

// What is public is decided here, not in the template alone.
func public() []string {
	return []string{
		"GET /v1/servers/{serverToken}/license",
		"POST /v1/licenses/validate",
		"POST /v1/licenses/downgrade-check",
		"GET /.well-known/jwks.json",
	}
}

func writers() []string {
	return []string{"IssueFunction", "IssueTemporaryFunction", "RenewSubscriptionFunction", "RehostFunction", "SweepFunction", "AmendFunction", "RevokeFunction", "RequestFunction", "ExceptionFunction"}
}

// chainReaders read the audit table and never write it.
func chainReaders() []string { return []string{"ShowFunction", "ReconcileFunction"} }

func signers() map[string][]string {
	return map[string][]string{
		"temporary": {"IssueTemporaryFunction", "SweepFunction"},
		"sold":      {"IssueFunction", "RenewSubscriptionFunction", "AmendFunction", "RehostFunction", "SweepFunction"},
	}
}

// administration lists what administrators of keys may do. Sign is not in it, nor CreateGrant, which hands Sign on.
func administration() []string {
	return []string{
		"kms:DescribeKey", "kms:GetPublicKey", "kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ListKeyPolicies", "kms:EnableKey",
		"kms:DisableKey", "kms:UpdateKeyDescription", "kms:ListResourceTags", "kms:TagResource", "kms:UntagResource",
		"kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias", "kms:ListGrants", "kms:RevokeGrant", "kms:ScheduleKeyDeletion",
		"kms:CancelKeyDeletion",
	}
}

// granted is every statement of every function, in words.
func granted() map[string]map[string]string {
	const (
		readKeys = "Allow dynamodb:Query on table/qms-licensing-licenses-1 when ForAllValues:StringEquals dynamodb:LeadingKeys keys"
		read     = "Allow dynamodb:GetItem on table/qms-licensing-licenses-1"
		// A history is computed from the chain itself.
		readChain = "Allow dynamodb:Query on table/qms-licensing-audit-1"
	)
	write := func() map[string]string {
		return map[string]string{
			"ReadWriteLicenses":  "Allow dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem on table/qms-licensing-licenses-1",
			"NeverWriteKeyTable": "Deny dynamodb:PutItem dynamodb:UpdateItem on table/qms-licensing-licenses-1 when ForAnyValue:StringEquals dynamodb:LeadingKeys keys",
			"ReadKeyTable":       readKeys,
			"AppendAudit":        "Allow dynamodb:PutItem on table/qms-licensing-audit-1",
		}
	}
	revoke := write()
	delete(revoke, "ReadKeyTable") // it signs nothing
	sweep := write()
	sweep["FindPending"] = "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/pending"
	renew := write()
	for sid, index := range map[string]string{"FindByContract": "byContract", "FindByCustomer": "byCustomer", "FindByExpiration": "byExpiration"} {
		renew[sid] = "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/" + index
	}
	exception := write()
	delete(exception, "ReadWriteLicenses")
	delete(exception, "ReadKeyTable")
	exception["ReadPutDocuments"] = "Allow dynamodb:GetItem dynamodb:PutItem on table/qms-licensing-licenses-1"
	exception["ListDocuments"] = "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/documents"
	return map[string]map[string]string{
		"ExceptionFunction":         exception,
		"IssueFunction":             write(),
		"IssueTemporaryFunction":    write(),
		"RehostFunction":            write(),
		"AmendFunction":             write(),
		"RevokeFunction":            revoke,
		"RenewSubscriptionFunction": renew,
		"SweepFunction":             sweep,
		"RequestFunction": {
			"ReadWriteRequests":  "Allow dynamodb:GetItem dynamodb:PutItem on table/qms-licensing-licenses-1",
			"NeverWriteKeyTable": write()["NeverWriteKeyTable"],
			"ListRequests":       "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/documents",
			"AppendAudit":        write()["AppendAudit"],
		},
		"ShowFunction":     {"ReadLicense": read, "ReadChain": readChain},
		"RetrieveFunction": {"ReadLicense": read},
		"SearchFunction": {
			"FindByServer":     "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/byServer",
			"FindByContract":   "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/byContract",
			"FindByCustomer":   "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/byCustomer",
			"FindByExpiration": "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/byExpiration",
			"FindByIssue":      "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/byIssue",
			"ReadLicenses":     "Allow dynamodb:BatchGetItem on table/qms-licensing-licenses-1",
		},
		"ValidateFunction":       {"ReadLicense": read, "ReadKeyTable": readKeys},
		"DowngradeCheckFunction": {"ReadKeyTable": readKeys},
		"KeysFunction":           {"ReadKeyTable": readKeys},
		"ReconcileFunction": {
			"ReadEverything":     "Allow dynamodb:GetItem dynamodb:Scan on table/qms-licensing-licenses-1",
			"WriteFindings":      "Allow dynamodb:PutItem on table/qms-licensing-licenses-1 when ForAllValues:StringLike dynamodb:LeadingKeys reconcile-* idempotency#*",
			"NeverWriteKeyTable": "Deny dynamodb:PutItem dynamodb:UpdateItem on table/qms-licensing-licenses-1 when ForAnyValue:StringEquals dynamodb:LeadingKeys keys",
			"ReadKeyTable":       readKeys,
			"ListFindings":       "Allow dynamodb:Query on table/qms-licensing-licenses-1/index/documents",
			"ReadChain":          readChain,
			"CountSignatures":    "Allow cloudwatch:GetMetricData on *",
		},
		"ArchiveFunction": {
			"ReadAuditStream": "Allow dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams on table/qms-licensing-audit-1/stream/local",
			"WriteArchive":    "Allow s3:PutObject on qms-licensing-archivebucket/*",
			"CompareArchive":  "Allow s3:ListBucket on qms-licensing-archivebucket",
			"ReportLost":      "Allow sqs:SendMessage on DeadLetterQueue",
		},
	}
}

// denied is every statement of every bucket's policy, in words.
func denied() map[string]map[string]string {
	return map[string]map[string]string{"ArchiveBucket": {
		"OnlyByTLS":         "Deny s3:* on qms-licensing-archivebucket qms-licensing-archivebucket/* when Bool aws:SecureTransport false",
		"OnlyArchiveWrites": "Deny s3:PutObject on qms-licensing-archivebucket/* when StringNotEquals aws:PrincipalArn arn:aws:iam::000000000000:role/ArchiveFunctionRole",
		"NothingTwice":      "Deny s3:PutObject on qms-licensing-archivebucket/* when Null s3:if-none-match true",
		"NothingGoes":       "Deny s3:DeleteObject s3:DeleteObjectVersion on qms-licensing-archivebucket/*",
	}}
}

func TestTemplate_EveryRouteHasAuthorizerAndScopeOrIsPublic(t *testing.T) {
	require.Empty(t, check.Routes(load(t), "licensing/staff", public()))
}

func TestTemplate_StatementsAreTheGrantedOnes(t *testing.T) {
	require.Empty(t, check.Statements(load(t), granted()))
}

func TestTemplate_NoWildcardInAFunctionsStatement(t *testing.T) {
	require.Empty(t, check.Wildcards(load(t)))
}

func TestTemplate_NoFunctionsStatementSpeaksOfKMS(t *testing.T) {
	require.Empty(t, check.IdentityKMS(load(t)))
}

func TestTemplate_WritersMayOnlyPutItemOnTheAuditTable(t *testing.T) {
	require.Empty(t, check.Audit(load(t), auditTable, writers(), chainReaders()))
}

func TestTemplate_ReadersCannotWrite(t *testing.T) {
	require.Empty(t, check.ReadOnly(load(t), append(writers(), "ArchiveFunction", "ReconcileFunction")))
}

func TestTemplate_ArchiveCannotBeChangedByAnyone(t *testing.T) {
	require.Len(t, load(t).Buckets, 1)
	require.Empty(t, check.Buckets(load(t), denied()))
}

func TestTemplate_StreamsAreReadByTheFunctionThatTheyTrigger(t *testing.T) {
	require.Empty(t, check.Streams(load(t)))
}

func TestTemplate_QueuesAreEncryptedInEveryWay(t *testing.T) {
	require.Len(t, load(t).Queues, 1)
	require.Empty(t, check.Queues(load(t)))
}

func TestTemplate_KeyPoliciesLetOnlyTheirSignersSign(t *testing.T) {
	app := load(t)
	require.NotEmpty(t, app.Keys)
	require.Empty(t, check.Keys(app, signers(), administrator, administration()))
}

// A rotation adds keys and retires others, so there is no fixed number of them.
func TestTemplate_EachPurposeHasOneSignerAndAStandby(t *testing.T) {
	states := map[string]map[string]int{}
	for purpose := range signers() {
		states[purpose] = map[string]int{}
	}
	for _, key := range load(t).Keys {
		require.Contains(t, states, key.Purpose, key.LogicalID)
		require.Contains(t, []string{"signing", "standby", "retired"}, key.State, key.LogicalID)
		states[key.Purpose][key.State]++
	}
	for purpose, count := range states {
		require.Equal(t, 1, count["signing"], "%s keys that sign", purpose)
		require.GreaterOrEqual(t, count["standby"], 1, "%s keys that stand by", purpose)
	}
}

func TestTemplate_SalesCannotReachASoldKey(t *testing.T) {
	app := load(t)
	sales := function(t, app, "IssueTemporaryFunction")
	require.NotContains(t, signers()["sold"], sales.LogicalID)
	sold := 0
	for _, key := range app.Keys {
		if key.Purpose != "sold" {
			continue
		}
		sold++
		for _, s := range key.Policy {
			require.NotContains(t, s.Principals, sales.RoleARN, "%s %s", key.LogicalID, s.Sid)
		}
	}
	require.GreaterOrEqual(t, sold, 2, "a signer and a standby")
}

func TestTemplate_EnvironmentNamesWhatTheFunctionMayUse(t *testing.T) {
	require.Empty(t, check.Environment(load(t)))
}

func TestTemplate_NoDependencyCycleOnceRolesAreExpanded(t *testing.T) {
	app := load(t)
	require.Empty(t, check.Cycle(app))
	require.Contains(t, app.References["SoldSigningKey"], "IssueFunctionRole")
	require.Equal(t, []string{"AuditTable", "LicenseTable"}, app.References["IssueFunctionRole"])
	require.Contains(t, app.References["IssueFunction"], "IssueFunctionRole")
	require.Contains(t, app.References["LicensingApi"], "IssueFunction")
}

func TestTemplate_AdministratorByParameter(t *testing.T) {
	const role = "arn:aws:iam::000000000000:role/KeyCustodian"
	given := parameters()
	given["KeyAdministratorArn"] = role
	app, err := template.Load(path, given)
	require.NoError(t, err)
	require.Empty(t, check.Keys(app, signers(), role, administration()))
}
