package table_test

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
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/memstore"
)

var ids = []string{
	"11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333",
}

func endpoint(t *testing.T) *sdk.Client {
	server, err := kms.NewServer(t.TempDir(), template.Region, template.Account)
	require.NoError(t, err)
	for _, id := range ids {
		require.NoError(t, server.EnsureKey(id, nil))
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return sdk.New(sdk.Options{Region: template.Region, BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})
}

func TestFill_PromotesAStandbyAndRemovesNothing(t *testing.T) {
	ctx, client, store := context.Background(), endpoint(t), memstore.New()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	first := []table.Key{
		{Purpose: license.TemporaryKey, State: keyring.Signing, ARN: ids[0]},
		{Purpose: license.SoldKey, State: keyring.Signing, ARN: ids[1]},
	}
	written, err := table.Fill(ctx, client, store, first, now)
	require.NoError(t, err)
	require.Len(t, written, 2)
	require.Contains(t, written[0].ARN, "arn:aws:kms:", "a key named by its id is stored by its ARN")
	written, err = table.Fill(ctx, client, store, first, now.AddDate(1, 0, 0))
	require.NoError(t, err)
	require.Empty(t, written, "it says so already")

	written, err = table.Fill(ctx, client, store, []table.Key{
		{Purpose: license.SoldKey, State: keyring.Retired, ARN: ids[1]}, {Purpose: license.SoldKey, State: keyring.Signing, ARN: ids[2]},
	}, now.Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, written, 2)
	entries, err := keyring.New(store, time.Now).All(ctx)
	require.NoError(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.ID+" "+string(e.State))
	}
	require.Equal(t, []string{"sold-2026-1 retired", "sold-2026-2 signing", "temporary-2026-1 signing"}, got)
	require.Equal(t, now, entries[0].Created, "a key keeps the instant that it was made")
	require.Equal(t, now.Add(time.Hour), entries[0].Since, "and is what it is since it was made so")
}

func TestFill_ALostKeyMakesWayForItsStandby(t *testing.T) {
	for _, named := range []string{"by its id", "by its ARN"} {
		t.Run(named, func(t *testing.T) {
			ctx, client, store := context.Background(), endpoint(t), memstore.New()
			written, err := table.Fill(ctx, client, store, []table.Key{
				{license.TemporaryKey, keyring.Signing, ids[0]}, {license.SoldKey, keyring.Signing, ids[1]}, {license.SoldKey, keyring.Standby, ids[2]},
			}, time.Now())
			require.NoError(t, err)
			lost := map[string]string{"by its id": ids[1], "by its ARN": written[1].ARN}[named]
			_, err = client.DisableKey(ctx, &sdk.DisableKeyInput{KeyId: &lost})
			require.NoError(t, err)
			_, err = client.GetPublicKey(ctx, &sdk.GetPublicKeyInput{KeyId: &lost})
			require.Error(t, err, "KMS says nothing about it")

			written, err = table.Fill(ctx, client, store, []table.Key{
				{license.SoldKey, keyring.Retired, lost}, {license.SoldKey, keyring.Signing, ids[2]},
			}, time.Now())
			require.NoError(t, err)
			require.Len(t, written, 2)
			require.Equal(t, keyring.Retired, written[0].State)
			require.NotNil(t, written[0].Public, "what it signed must still verify")
			require.Equal(t, keyring.Signing, written[1].State)
		})
	}
}

func TestFill_WritesNothingThatWouldNotSign(t *testing.T) {
	for name, keys := range map[string][]table.Key{
		"two signers of a purpose": {{license.TemporaryKey, keyring.Signing, ids[0]}, {license.SoldKey, keyring.Signing, ids[1]}, {license.SoldKey, keyring.Signing, ids[2]}},
		"no sold signer":           {{license.TemporaryKey, keyring.Signing, ids[0]}},
		"an unknown key":           {{license.TemporaryKey, keyring.Signing, "44444444-4444-4444-8444-444444444444"}},
		"an unknown state":         {{license.TemporaryKey, "asleep", ids[0]}},
	} {
		t.Run(name, func(t *testing.T) {
			store := memstore.New()
			_, err := table.Fill(context.Background(), endpoint(t), store, keys, time.Now())
			require.Error(t, err)
			entries, err := store.Keys(context.Background())
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

func TestParseKey(t *testing.T) {
	key, err := table.ParseKey("sold:standby=arn:aws:kms:x")
	require.NoError(t, err)
	require.Equal(t, table.Key{Purpose: license.SoldKey, State: keyring.Standby, ARN: "arn:aws:kms:x"}, key)
	for _, text := range []string{"", "sold=arn", "sold:standby", "gold:signing=arn", "sold:asleep=arn"} {
		_, err := table.ParseKey(text)
		require.Error(t, err, text)
	}
}
