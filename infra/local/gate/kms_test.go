package gate_test

import (
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/template"
)

// vault is a gate before the KMS endpoint, which holds the template's keys.
type vault struct {
	gate     *gate.Gate
	endpoint string
	keys     map[string]template.Key // by logical ID
}

func newVault(t *testing.T, app *template.Application) *vault {
	t.Helper()
	server, err := kms.NewServer(t.TempDir(), template.Region, template.Account)
	require.NoError(t, err)
	v := &vault{keys: map[string]template.Key{}}
	for _, key := range app.Keys {
		require.NoError(t, server.EnsureKey(key.ID(), map[string]string{"purpose": key.Purpose, "state": key.State}, key.Aliases...))
		v.keys[key.LogicalID] = key
	}
	v.gate, err = gate.New(app, gate.Upstreams{KMS: server}, gate.Options{})
	require.NoError(t, err)
	front := httptest.NewServer(v.gate.KMS())
	t.Cleanup(front.Close)
	v.endpoint = front.URL
	return v
}

func (v *vault) as(principal string) *awskms.Client {
	return awskms.New(awskms.Options{
		BaseEndpoint: aws.String(v.endpoint), Region: template.Region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(gate.AccessKey(principal), "secret", "instance-7"),
	})
}

func (v *vault) sign(t *testing.T, principal, key string) error {
	t.Helper()
	_, err := v.as(principal).Sign(t.Context(), signing(key))
	return err
}

func signing(key string) *awskms.SignInput {
	return &awskms.SignInput{
		KeyId: aws.String(key), Message: []byte("header.payload"), MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	}
}

func TestKMS_OnlyTheSignersOfAPurposeSign(t *testing.T) {
	app := application(t)
	v := newVault(t, app)
	signers := map[string]map[string]bool{
		"temporary": {"IssueTemporaryFunction": true, "SweepFunction": true},
		"sold":      {"IssueFunction": true, "RenewSubscriptionFunction": true, "AmendFunction": true, "RehostFunction": true, "SweepFunction": true},
	}
	for _, key := range app.Keys {
		for _, f := range app.Functions {
			err := v.sign(t, f.LogicalID, key.ARN)
			if signers[key.Purpose][f.LogicalID] {
				require.NoError(t, err, "%s %s", f.LogicalID, key.LogicalID)
				continue
			}
			requireCode(t, err, "AccessDeniedException")
		}
		requireCode(t, v.sign(t, gate.Operator, key.ARN), "AccessDeniedException")
	}
	require.Equal(t, 1, v.gate.Book().Uses()[grants.Grant{Function: "IssueFunction", Policy: "SoldSigningKey", Sid: "SignSoldLicenses", Action: "kms:Sign"}])
}

func TestKMS_SalesFunctionAskingTheSoldKeyIsDeniedInAWSsWords(t *testing.T) {
	v := newVault(t, application(t))
	sold := v.keys["SoldSigningKey"]
	for _, name := range []string{sold.ARN, sold.ID(), sold.Aliases[0]} {
		err := v.sign(t, "IssueTemporaryFunction", name)
		var failure smithy.APIError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, "AccessDeniedException", failure.ErrorCode())
		require.Equal(t, "User: arn:aws:sts::000000000000:assumed-role/IssueTemporaryFunctionRole/IssueTemporaryFunction is not authorized to perform: kms:Sign on resource: "+
			sold.ARN+" because no resource-based policy allows the kms:Sign action", failure.ErrorMessage())
	}
}

func TestKMS_ConditionsOfTheKeyPolicyHold(t *testing.T) {
	v := newVault(t, application(t))
	sold := v.keys["SoldSigningKey"].ARN
	rows := []struct {
		name   string
		change func(*awskms.SignInput)
	}{
		{"a digest", func(in *awskms.SignInput) { in.MessageType, in.Message = types.MessageTypeDigest, make([]byte, 32) }},
		{"a message type left out", func(in *awskms.SignInput) { in.MessageType = "" }},
		{"another algorithm", func(in *awskms.SignInput) { in.SigningAlgorithm = types.SigningAlgorithmSpecEcdsaSha384 }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			input := signing(sold)
			row.change(input)
			_, err := v.as("IssueFunction").Sign(t.Context(), input)
			requireCode(t, err, "AccessDeniedException")
		})
	}
	require.NoError(t, v.sign(t, "IssueFunction", sold))
}

func TestKMS_TheAccountAdministersAndNoFunctionDoes(t *testing.T) {
	v := newVault(t, application(t))
	key := aws.String(v.keys["SoldSigningKey"].ARN)
	_, err := v.as(gate.Operator).GetPublicKey(t.Context(), &awskms.GetPublicKeyInput{KeyId: key})
	require.NoError(t, err)
	_, err = v.as(gate.Operator).DisableKey(t.Context(), &awskms.DisableKeyInput{KeyId: key})
	require.NoError(t, err)
	requireCode(t, v.sign(t, "IssueFunction", *key), "DisabledException")

	_, err = v.as("IssueFunction").EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: key})
	requireCode(t, err, "AccessDeniedException")
	_, err = v.as("IssueFunction").GetPublicKey(t.Context(), &awskms.GetPublicKeyInput{KeyId: key})
	requireCode(t, err, "AccessDeniedException")
	_, err = v.as("IssueFunction").CreateKey(t.Context(), &awskms.CreateKeyInput{})
	requireCode(t, err, "AccessDeniedException")
}

func TestKMS_AKeyOfTheOperatorsHasKMSsDefaultPolicy(t *testing.T) {
	v := newVault(t, application(t))
	out, err := v.as(gate.Operator).CreateKey(t.Context(), &awskms.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	require.NoError(t, err)
	require.NoError(t, v.sign(t, gate.Operator, *out.KeyMetadata.KeyId))
	requireCode(t, v.sign(t, "IssueFunction", *out.KeyMetadata.KeyId), "AccessDeniedException")
	requireCode(t, v.sign(t, gate.Operator, "11111111-1111-4111-8111-111111111111"), "NotFoundException")
}

func TestKMS_DenyInTheKeyPolicyWins(t *testing.T) {
	app := application(t)
	for i, key := range app.Keys {
		sign := key.Policy[0]
		sign.Sid, sign.Effect, sign.Conditions = "Stop", "Deny", nil
		app.Keys[i].Policy = append(app.Keys[i].Policy, sign)
	}
	v := newVault(t, app)
	require.ErrorContains(t, v.sign(t, "IssueFunction", v.keys["SoldSigningKey"].ARN), "with an explicit deny in a resource-based policy")
}

func TestKMS_AnIdentityPolicyAloneIsNotEnough(t *testing.T) {
	app := application(t)
	for i, f := range app.Functions {
		if f.LogicalID == "IssueTemporaryFunction" {
			app.Functions[i].Statements = append(f.Statements, template.Statement{Sid: "Sign", Effect: "Allow", Actions: []string{"kms:Sign"}, Resources: []string{"*"}})
		}
	}
	v := newVault(t, app)
	requireCode(t, v.sign(t, "IssueTemporaryFunction", v.keys["SoldSigningKey"].ARN), "AccessDeniedException")
}

func TestAddKey_ItsPolicyDecidesFromThenOn(t *testing.T) {
	v := newVault(t, application(t))
	out, err := v.as(gate.Operator).CreateKey(t.Context(), &awskms.CreateKeyInput{KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify})
	require.NoError(t, err)
	requireCode(t, v.sign(t, "IssueFunction", *out.KeyMetadata.Arn), "AccessDeniedException")
	added := v.keys["SoldStandbyKey"]
	added.LogicalID, added.ARN, added.Aliases = "NewKey", *out.KeyMetadata.Arn, nil
	require.NoError(t, v.gate.AddKey(added))
	require.NoError(t, v.sign(t, "IssueFunction", *out.KeyMetadata.KeyId))
	requireCode(t, v.sign(t, "IssueTemporaryFunction", *out.KeyMetadata.Arn), "AccessDeniedException")

	added.Policy = []template.Statement{{Sid: "Odd", Effect: "Maybe"}}
	require.ErrorContains(t, v.gate.AddKey(added), "NewKey: statement Odd: effect")
}
