package kms_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/template"
)

const (
	id    = "1b0c5e0e-7a52-8d0b-9f3f-4c7a1e6f2d11"
	alias = "alias/qms-licensing-sold-signing"
)

// open starts an endpoint over dir, with one key.
func open(t *testing.T, dir string) (*kms.Server, *awskms.Client) {
	t.Helper()
	server, err := kms.NewServer(dir, template.Region, template.Account)
	require.NoError(t, err)
	require.NoError(t, server.EnsureKey(id, map[string]string{"purpose": "sold", "state": "signing"}, alias))
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	return server, awskms.New(awskms.Options{
		BaseEndpoint: aws.String(listener.URL), Region: template.Region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func sign(message []byte) *awskms.SignInput {
	return &awskms.SignInput{
		KeyId: aws.String(id), Message: message, MessageType: types.MessageTypeRaw, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	}
}

func publicKey(t *testing.T, client *awskms.Client) *ecdsa.PublicKey {
	t.Helper()
	out, err := client.GetPublicKey(t.Context(), &awskms.GetPublicKeyInput{KeyId: aws.String(id)})
	require.NoError(t, err)
	require.Equal(t, types.KeySpecEccNistP256, out.KeySpec)
	require.Equal(t, types.KeyUsageTypeSignVerify, out.KeyUsage)
	require.Equal(t, []types.SigningAlgorithmSpec{types.SigningAlgorithmSpecEcdsaSha256}, out.SigningAlgorithms)
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	require.NoError(t, err)
	return parsed.(*ecdsa.PublicKey)
}

func TestSign_RawIsHashedAndDigestIsNot(t *testing.T) {
	server, client := open(t, t.TempDir())
	public := publicKey(t, client)
	message := []byte("header.payload")
	digest := sha256.Sum256(message)

	out, err := client.Sign(t.Context(), sign(message))
	require.NoError(t, err)
	require.True(t, ecdsa.VerifyASN1(public, digest[:], out.Signature))
	require.Equal(t, server.ARN(id), aws.ToString(out.KeyId))
	require.NotEmpty(t, requestID(t, out.ResultMetadata))

	ofDigest := sign(digest[:])
	ofDigest.MessageType = types.MessageTypeDigest
	out, err = client.Sign(t.Context(), ofDigest)
	require.NoError(t, err)
	require.True(t, ecdsa.VerifyASN1(public, digest[:], out.Signature))
	require.Equal(t, 2, server.Signatures(id))
}

func TestSign_KeyByIdARNAliasAndAliasARN(t *testing.T) {
	_, client := open(t, t.TempDir())
	for _, name := range []string{id, "arn:aws:kms:us-east-1:000000000000:key/" + id, alias, "arn:aws:kms:us-east-1:000000000000:" + alias} {
		input := sign([]byte("x"))
		input.KeyId = aws.String(name)
		out, err := client.Sign(t.Context(), input)
		require.NoError(t, err, name)
		require.Equal(t, "arn:aws:kms:us-east-1:000000000000:key/"+id, aws.ToString(out.KeyId))
	}
}

func TestSign_LimitsAndErrors(t *testing.T) {
	server, client := open(t, t.TempDir())
	rows := []struct {
		name   string
		change func(*awskms.SignInput)
		want   string
	}{
		{"4096 bytes are the most", func(in *awskms.SignInput) { in.Message = bytes.Repeat([]byte("x"), 4097) }, "ValidationException"},
		{"one byte is the least", func(in *awskms.SignInput) { in.Message = []byte{} }, "ValidationException"},
		{"a digest has 32 bytes", func(in *awskms.SignInput) { in.MessageType, in.Message = types.MessageTypeDigest, make([]byte, 31) }, "ValidationException"},
		{"no such message type", func(in *awskms.SignInput) { in.MessageType = "COOKED" }, "ValidationException"},
		{"no such algorithm", func(in *awskms.SignInput) { in.SigningAlgorithm = "ES256" }, "ValidationException"},
		{"another curve's algorithm", func(in *awskms.SignInput) { in.SigningAlgorithm = types.SigningAlgorithmSpecEcdsaSha384 }, "InvalidKeyUsageException"},
		{"no such key", func(in *awskms.SignInput) { in.KeyId = aws.String("11111111-1111-4111-8111-111111111111") }, "NotFoundException"},
		{"no such alias", func(in *awskms.SignInput) { in.KeyId = aws.String("alias/none") }, "NotFoundException"},
		{"another account's key", func(in *awskms.SignInput) { in.KeyId = aws.String("arn:aws:kms:us-east-1:999999999999:key/" + id) }, "NotFoundException"},
		{"a dry run", func(in *awskms.SignInput) { in.DryRun = aws.Bool(true) }, "DryRunOperationException"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			input := sign([]byte("x"))
			row.change(input)
			_, err := client.Sign(t.Context(), input)
			requireCode(t, err, row.want)
		})
	}
	require.Zero(t, server.Signatures(id))
	_, err := client.Sign(t.Context(), sign(bytes.Repeat([]byte("x"), 4096)))
	require.NoError(t, err)
}

func TestKeyStates_FollowKMS(t *testing.T) {
	_, client := open(t, t.TempDir())
	ctx := t.Context()
	key := aws.String(id)

	_, err := client.DisableKey(ctx, &awskms.DisableKeyInput{KeyId: key})
	require.NoError(t, err)
	_, err = client.Sign(ctx, sign([]byte("x")))
	var disabled *types.DisabledException
	require.ErrorAs(t, err, &disabled)
	require.Equal(t, "arn:aws:kms:us-east-1:000000000000:key/"+id+" is disabled.", disabled.ErrorMessage())
	_, err = client.GetPublicKey(ctx, &awskms.GetPublicKeyInput{KeyId: key})
	requireCode(t, err, "DisabledException")
	described, err := client.DescribeKey(ctx, &awskms.DescribeKeyInput{KeyId: key})
	require.NoError(t, err)
	require.Equal(t, types.KeyStateDisabled, described.KeyMetadata.KeyState)
	require.False(t, described.KeyMetadata.Enabled)

	_, err = client.EnableKey(ctx, &awskms.EnableKeyInput{KeyId: key})
	require.NoError(t, err)
	_, err = client.Sign(ctx, sign([]byte("x")))
	require.NoError(t, err)

	scheduled, err := client.ScheduleKeyDeletion(ctx, &awskms.ScheduleKeyDeletionInput{KeyId: key, PendingWindowInDays: aws.Int32(7)})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 7), *scheduled.DeletionDate, time.Minute)
	_, err = client.Sign(ctx, sign([]byte("x")))
	requireCode(t, err, "KMSInvalidStateException")
	_, err = client.EnableKey(ctx, &awskms.EnableKeyInput{KeyId: key})
	requireCode(t, err, "KMSInvalidStateException")

	_, err = client.CancelKeyDeletion(ctx, &awskms.CancelKeyDeletionInput{KeyId: key})
	require.NoError(t, err)
	_, err = client.Sign(ctx, sign([]byte("x")))
	requireCode(t, err, "DisabledException")
}

func TestCreateKey_MakesSigningKeysOnly(t *testing.T) {
	_, client := open(t, t.TempDir())
	out, err := client.CreateKey(t.Context(), &awskms.CreateKeyInput{
		KeySpec: types.KeySpecEccNistP256, KeyUsage: types.KeyUsageTypeSignVerify, Description: aws.String("a test's"),
	})
	require.NoError(t, err)
	require.Equal(t, types.KeyStateEnabled, out.KeyMetadata.KeyState)
	require.WithinDuration(t, time.Now(), *out.KeyMetadata.CreationDate, time.Minute)
	input := sign([]byte("x"))
	input.KeyId = out.KeyMetadata.KeyId
	_, err = client.Sign(t.Context(), input)
	require.NoError(t, err)

	_, err = client.CreateKey(t.Context(), &awskms.CreateKeyInput{})
	requireCode(t, err, "UnsupportedOperationException")
	_, err = client.CreateKey(t.Context(), &awskms.CreateKeyInput{KeySpec: types.KeySpecEccNistP256})
	requireCode(t, err, "ValidationException")
	_, err = client.ListKeys(t.Context(), &awskms.ListKeysInput{})
	requireCode(t, err, "UnknownOperationException")
}

func TestKeys_SurviveARestartInPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	_, client := open(t, dir)
	before := publicKey(t, client)
	_, err := client.DisableKey(t.Context(), &awskms.DisableKeyInput{KeyId: aws.String(id)})
	require.NoError(t, err)

	_, again := open(t, dir)
	_, err = again.Sign(t.Context(), sign([]byte("x")))
	requireCode(t, err, "DisabledException")
	_, err = again.EnableKey(t.Context(), &awskms.EnableKeyInput{KeyId: aws.String(id)})
	require.NoError(t, err)
	require.True(t, before.Equal(publicKey(t, again)))

	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
	info, err := files[0].Info()
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestKeys_DamagedFileStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "damaged.json"), []byte(`{"id":"damaged"}`), 0o600))
	_, err := kms.NewServer(dir, template.Region, template.Account)
	require.ErrorContains(t, err, "decoding key damaged")
}

func TestEnsureKey_AliasOfAnotherKeyIsRefused(t *testing.T) {
	server, _ := open(t, t.TempDir())
	require.ErrorContains(t, server.EnsureKey("other", nil, alias), alias+" is an alias of key "+id+" and of key other")
	require.ErrorContains(t, server.EnsureKey("../other", nil), "not one of KMS")
}

func TestFaults_FailAndDelayOneKey(t *testing.T) {
	server, client := open(t, t.TempDir())
	require.NoError(t, server.Fail(id, "KMSInternalException"))
	_, err := client.Sign(t.Context(), sign([]byte("x")))
	requireCode(t, err, "KMSInternalException")
	require.NoError(t, server.Fail(id, ""))

	require.NoError(t, server.Delay(id, 50*time.Millisecond))
	started := time.Now()
	_, err = client.Sign(t.Context(), sign([]byte("x")))
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(started), 50*time.Millisecond)
	require.Equal(t, 1, server.Signatures(id))
	require.Equal(t, 2, server.Calls(id))
	require.Error(t, server.Fail("none", "KMSInternalException"))
}

func TestSign_CountsConcurrentCalls(t *testing.T) {
	server, client := open(t, t.TempDir())
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			_, err := client.Sign(t.Context(), sign([]byte("x")))
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Equal(t, 16, server.Signatures(id))
}

func TestAdmin_DisablesEnablesFailsAndCounts(t *testing.T) {
	server, client := open(t, t.TempDir())
	admin := httptest.NewServer(server.Admin())
	t.Cleanup(admin.Close)
	post := func(action, body string, want int) {
		response, err := http.Post(admin.URL+"/keys/"+id+"/"+action, "application/json", strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, want, response.StatusCode, action)
	}
	post("disable", "", http.StatusNoContent)
	_, err := client.Sign(t.Context(), sign([]byte("x")))
	requireCode(t, err, "DisabledException")
	post("enable", "", http.StatusNoContent)
	post("fail", `{"error":"DependencyTimeoutException"}`, http.StatusNoContent)
	_, err = client.Sign(t.Context(), sign([]byte("x")))
	requireCode(t, err, "DependencyTimeoutException")
	post("fail", `{}`, http.StatusNoContent)
	post("delay", `{"delay":"1ms"}`, http.StatusNoContent)
	post("delay", `{"delay":"soon"}`, http.StatusBadRequest)
	post("burn", "", http.StatusBadRequest)
	_, err = client.Sign(t.Context(), sign([]byte("x")))
	require.NoError(t, err)

	response, err := http.Get(admin.URL + "/keys")
	require.NoError(t, err)
	defer response.Body.Close()
	var reports []kms.KeyReport
	require.NoError(t, json.NewDecoder(response.Body).Decode(&reports))
	require.Equal(t, []kms.KeyReport{{
		ID: id, ARN: server.ARN(id), State: "Enabled", Tags: map[string]string{"purpose": "sold", "state": "signing"}, Calls: 3, Signatures: 1, Delay: "1ms",
	}}, reports)
}

func requireCode(t *testing.T, err error, code string) {
	t.Helper()
	var failure smithy.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, code, failure.ErrorCode())
}
