package kmssign_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/keys/table"
	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/kmssign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/memstore"
)

// service is the KMS endpoint with one signing key of each purpose.
type service struct {
	*kms.Server
	client *sdk.Client
	keys   []keyring.Entry
}

func start(t *testing.T) service {
	t.Helper()
	server, err := kms.NewServer(t.TempDir(), template.Region, template.Account)
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	s := service{Server: server, client: sdk.New(sdk.Options{
		Region: template.Region, BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})}
	var keys []table.Key
	for id, purpose := range map[string]license.KeyPurpose{
		"11111111-1111-4111-8111-111111111111": license.TemporaryKey, "22222222-2222-4222-8222-222222222222": license.SoldKey,
	} {
		require.NoError(t, server.EnsureKey(id, nil))
		keys = append(keys, table.Key{Purpose: purpose, State: keyring.Signing, ARN: server.ARN(id)})
	}
	store := memstore.New()
	s.keys, err = table.Fill(context.Background(), s.client, store, keys, time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	return s
}

func setup(t *testing.T, s service) licensetest.SignerSetup {
	return licensetest.SignerSetup{
		Signer: kmssign.New(s.client, license.TemporaryKey, license.SoldKey),
		Keys:   s.keys,
		Disable: func(t *testing.T, purpose license.KeyPurpose) {
			for _, k := range s.keys {
				if k.Purpose == purpose {
					_, err := s.client.DisableKey(context.Background(), &sdk.DisableKeyInput{KeyId: &k.ARN})
					require.NoError(t, err)
				}
			}
		},
	}
}

func memory(keys []keyring.Entry) licensetest.AnyStoreWithKeys { return memstore.New(keys...) }

func TestContract(t *testing.T) {
	licensetest.Signer(t, func(t *testing.T) licensetest.SignerSetup { return setup(t, start(t)) }, memory)
}

// issue issues a subscription with a signer and returns the error.
func issue(t *testing.T, s service, signer protocol.Signer) error {
	t.Helper()
	clock := licensetest.NewClock()
	store := memstore.New(s.keys...)
	issuer := issuing.NewIssuer(store, signer, keyring.New(store, clock.Now), policy.DefaultPolicy(), clock.Now)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_, err := issuer.Sold(ctx, licensetest.Call(licensetest.AccountingCaller, "k"), licensetest.Subscription())
	return err
}

func arnOf(s service, purpose license.KeyPurpose) string {
	for _, k := range s.keys {
		if k.Purpose == purpose {
			return k.ARN
		}
	}
	return ""
}

func TestSign_WhatKMSRefusesIsRefused(t *testing.T) {
	for _, name := range []string{"DisabledException", "AccessDeniedException", "NotFoundException", "KMSInvalidStateException", "InvalidKeyUsageException"} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			id := arnOf(s, license.SoldKey)
			require.NoError(t, s.Fail(id[len(id)-36:], name))
			require.ErrorIs(t, issue(t, s, kmssign.New(s.client, license.SoldKey)), protocol.ErrRefused)
			require.Equal(t, 1, s.Calls(id[len(id)-36:]), "one call a lease: the SDK does not try again")
		})
	}
}

func TestSign_WhatMayPassIsNotRefused(t *testing.T) {
	s := start(t)
	id := arnOf(s, license.SoldKey)
	require.NoError(t, s.Fail(id[len(id)-36:], "KMSInternalException"))
	err := issue(t, s, kmssign.New(s.client, license.SoldKey))
	require.NotErrorIs(t, err, protocol.ErrRefused)
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, license.Unavailable, refusal.Code)
	require.Equal(t, 1, s.Calls(id[len(id)-36:]), "one call a lease: the SDK does not try again")
}

func TestSign_AnotherPurposesKeyIsNotEvenAsked(t *testing.T) {
	s := start(t)
	id := arnOf(s, license.SoldKey)
	require.ErrorIs(t, issue(t, s, kmssign.New(s.client, license.TemporaryKey)), protocol.ErrRefused)
	require.Zero(t, s.Calls(id[len(id)-36:]))
}

func TestSign_ASignatureOfAnotherKeyIsNotReturned(t *testing.T) {
	s := start(t)
	for n := range s.keys {
		s.keys[n].ARN = arnOf(s, license.TemporaryKey) // the key table is wrong
	}
	err := issue(t, s, kmssign.New(s.client, license.SoldKey))
	require.ErrorContains(t, err, "does not verify")
}
