package e2e_test

import (
	"context"
	"crypto/sha256"
	"os"
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
)

// TestSalesAndPermanent_RefusedFourTimesOver: the route, the role table, the permission gate, the key table.
func TestSalesAndPermanent_RefusedFourTimesOver(t *testing.T) {
	s, token := shared, fresh("QMSA-SALES")
	t.Run("the route does not know a type", func(t *testing.T) {
		r := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "type", "permanent")})
		requireProblem(t, r, 400, "invalid_request", "/type")
	})
	t.Run("the role table", func(t *testing.T) {
		r := s.send(t, request{method: "POST", path: "/v1/licenses", as: "sales", key: fresh("key"), body: permanent(token)})
		requireProblem(t, r, 403, "forbidden", "")
	})
	sign := func(principal, keyID string, input []byte) ([]byte, error) {
		out, err := s.System.KMS(principal).Sign(context.Background(), &kms.SignInput{
			KeyId: &keyID, Message: input, MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
		})
		if err != nil {
			return nil, err
		}
		return out.Signature, nil
	}
	t.Run("the permission gate", func(t *testing.T) {
		_, err := sign("IssueTemporaryFunction", s.signer(license.SoldKey).ARN, []byte("anything"))
		require.ErrorContains(t, err, "AccessDeniedException")
		require.Contains(t, s.log.String(), "IssueTemporaryFunction")
	})
	t.Run("the key table", func(t *testing.T) {
		signer, err := keyring.New(s.Store(gate.Operator), time.Now).Signer(context.Background(), license.TemporaryKey)
		require.NoError(t, err)
		input, err := licensekey.SigningInput(signer.ID, licensekey.Claims{
			ID: "00000000000000000000000000000001", ServerToken: license.ServerToken(token), IssuedAt: time.Now().Unix(), Type: license.Permanent,
			Seats: license.Seats{CallRecording: 1}, Sequence: 1,
		})
		require.NoError(t, err)
		der, err := sign("IssueTemporaryFunction", signer.ARN, input)
		require.NoError(t, err)
		signature, err := licensekey.SignatureFromDER(der)
		require.NoError(t, err)
		r := s.validate(t, licensekey.Join(input, signature))
		require.Equal(t, "key_not_for_type", codesOf(t, r)[0])
		require.Equal(t, false, r.get(t, "loads"))
		require.Nil(t, r.get(t, "license"))
	})
}

func TestGate_DigestsAndOtherAlgorithmsAreRefused(t *testing.T) {
	s := shared
	keyID, digest := s.soldKey(), sha256.Sum256([]byte("x"))
	_, err := s.System.KMS("IssueFunction").Sign(context.Background(), &kms.SignInput{
		KeyId: &keyID, Message: digest[:], MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	require.ErrorContains(t, err, "AccessDeniedException", "only RAW: a digest could be of anything")
}

// TestGate_AMissingStatementFailsAsOnAWS removes a statement from the template and sees the operation fail.
func TestGate_AMissingStatementFailsAsOnAWS(t *testing.T) {
	removed := ""
	used := t.TempDir()
	t.Setenv(grants.DirVariable, used)
	s, err := start(t.TempDir(), func(app *template.Application) {
		for n, f := range app.Functions {
			if f.LogicalID != "IssueFunction" {
				continue
			}
			for m, statement := range f.Statements {
				if len(statement.Actions) == 1 && statement.Actions[0] == "dynamodb:PutItem" && statement.Effect == "Allow" {
					removed = statement.Sid
					app.Functions[n].Statements = append(append([]template.Statement{}, f.Statements[:m]...), f.Statements[m+1:]...)
					return
				}
			}
		}
	})
	require.NoError(t, err)
	defer s.Close()
	require.NotEmpty(t, removed, "the statement that lets issue put audit entries")
	r := s.send(t, request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: subscription("QMSA-NO-AUDIT")})
	requireProblem(t, r, 500, "internal", "")
	require.NotContains(t, string(r.body), "AccessDenied", "the answer is stripped")
	log := s.log.String()
	require.Contains(t, log, "AccessDenied")
	require.Contains(t, log, "dynamodb:PutItem")
	require.Contains(t, log, "IssueFunction")
	denials := s.Gate.Book().Denials()
	require.Len(t, denials, 1)
	require.Equal(t, "IssueFunction was refused dynamodb:PutItem on "+template.TableARN(s.table("AuditTable"))+", "+
		"because no identity-based policy allows the dynamodb:PutItem action", denials[0].String())
	server, err := s.Store(gate.Operator).Server(context.Background(), "QMSA-NO-AUDIT")
	require.NoError(t, err)
	require.Zero(t, server.Sequence, "an operation whose audit entry cannot be written does not happen")
	s.Close()
	files, err := os.ReadDir(used)
	require.NoError(t, err)
	require.Empty(t, files, "a changed template says nothing of the project's")
}

// TestGate_NoWriterWritesTheKeyTable tries, with the access key of each function that may write the table of licenses,
// what its guard forbids.
func TestGate_NoWriterWritesTheKeyTable(t *testing.T) {
	s, writers := shared, 0
	name := s.table("LicenseTable")
	key := map[string]ddb.AttributeValue{"pk": &ddb.AttributeValueMemberS{Value: "keys"}, "sk": &ddb.AttributeValueMemberS{Value: "sold-2026-9"}}
	never := "attribute_exists(pk) AND attribute_not_exists(pk)" // without the guard it must not happen all the same
	for _, f := range s.Stack.Application.Functions {
		if !slices.ContainsFunc(f.Statements, func(statement template.Statement) bool {
			return statement.Effect == "Allow" && slices.Contains(statement.Resources, template.TableARN(name)) &&
				slices.ContainsFunc(statement.Actions, func(action string) bool { return action == "dynamodb:PutItem" || action == "dynamodb:UpdateItem" })
		}) {
			continue
		}
		writers++
		client := dynamodb.Client(s.Stack.DynamoDBEndpoint, gate.AccessKey(f.LogicalID))
		_, err := client.PutItem(context.Background(), &sdk.PutItemInput{TableName: &name, Item: key, ConditionExpression: &never})
		require.ErrorContains(t, err, "dynamodb:PutItem on resource: "+template.TableARN(name)+" with an explicit deny", f.LogicalID)
		_, err = client.UpdateItem(context.Background(), &sdk.UpdateItemInput{TableName: &name, Key: key, ConditionExpression: &never})
		require.ErrorContains(t, err, "dynamodb:UpdateItem on resource: "+template.TableARN(name)+" with an explicit deny", f.LogicalID)
	}
	require.GreaterOrEqual(t, writers, 5)
}

// table is what a table of the template is called here.
func (s *system) table(logicalID string) string {
	for _, table := range s.Stack.Application.Tables {
		if table.LogicalID == logicalID {
			return table.Name
		}
	}
	panic("no table " + logicalID)
}
