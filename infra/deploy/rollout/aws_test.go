package rollout_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/rollout"
	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/memstore"
)

type distribution func() (*types.Distribution, error)

func (d distribution) GetDistribution(context.Context, *cloudfront.GetDistributionInput, ...func(*cloudfront.Options)) (*cloudfront.GetDistributionOutput, error) {
	found, err := d()
	return &cloudfront.GetDistributionOutput{Distribution: found}, err
}

func TestReadSite_WhetherTheSecretIsSent(t *testing.T) {
	header := func(name, value string) *types.CustomHeaders {
		return &types.CustomHeaders{Items: []types.OriginCustomHeader{{HeaderName: &name, HeaderValue: &value}}}
	}
	for name, c := range map[string]struct {
		headers *types.CustomHeaders
		want    string
	}{
		"it is":             {header("x-origin-secret", "abc"), "abc"},
		"an empty one":      {header("x-origin-secret", ""), ""},
		"another header":    {header("x-forwarded-for", "abc"), ""},
		"no header, at all": {nil, ""},
	} {
		site, err := rollout.ReadSite(context.Background(), distribution(func() (*types.Distribution, error) {
			return &types.Distribution{DomainName: aws.String("d1.cloudfront.net"), DistributionConfig: &types.DistributionConfig{
				Origins: &types.Origins{Items: []types.Origin{{Id: aws.String("files")}, {Id: aws.String("api"), CustomHeaders: c.headers}}},
			}}, nil
		}), "D1")
		require.NoError(t, err)
		require.Equal(t, rollout.Site{Domain: "d1.cloudfront.net", Secret: c.want}, site, name)
	}
	_, err := rollout.ReadSite(context.Background(), distribution(func() (*types.Distribution, error) { return nil, errors.New("no rights") }), "D1")
	require.EqualError(t, err, "reading distribution D1: no rights")
}

func TestFirstKeys_FillsAnEmptyTableAndLeavesAnyOtherAlone(t *testing.T) {
	ctx, store := context.Background(), memstore.New()
	server, err := kms.NewServer(t.TempDir(), template.Region, template.Account)
	require.NoError(t, err)
	outputs := map[string]string{}
	for i, name := range []string{"TemporarySigningKeyId", "TemporaryStandbyKeyId", "SoldSigningKeyId", "SoldStandbyKeyId", "another"} {
		outputs[name] = strings.Replace("11111111-1111-4111-8111-11111111111N", "N", string(rune('1'+i)), 1)
		require.NoError(t, server.EnsureKey(outputs[name], nil))
	}
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	client := sdk.New(sdk.Options{Region: template.Region, BaseEndpoint: &web.URL, Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")})

	written, err := rollout.FirstKeys(ctx, client, store, outputs)
	require.NoError(t, err)
	var got []string
	for _, e := range written {
		got = append(got, string(e.Purpose)+" "+string(e.State)+" "+e.ARN[strings.LastIndex(e.ARN, "/")+1:])
	}
	require.Equal(t, []string{
		"temporary signing " + outputs["TemporarySigningKeyId"], "temporary standby " + outputs["TemporaryStandbyKeyId"],
		"sold signing " + outputs["SoldSigningKeyId"], "sold standby " + outputs["SoldStandbyKeyId"],
	}, got)

	outputs["SoldSigningKeyId"] = outputs["another"]
	written, err = rollout.FirstKeys(ctx, client, store, outputs)
	require.NoError(t, err)
	require.Empty(t, written)
	entries, err := store.Keys(ctx)
	require.NoError(t, err)
	require.Len(t, entries, 4)

	outputs["SoldSigningKeyId"] = "not a key"
	_, err = rollout.FirstKeys(ctx, client, memstore.New(), outputs)
	require.ErrorContains(t, err, "reading the public key of not a key")
}

func TestNeeds_NamesEverythingThatIsMissingWithItsCommand(t *testing.T) {
	root := t.TempDir()
	write := func(name string, data []byte) {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, data, 0o600))
	}
	samCLI := filepath.Join(root, "sam")
	err := rollout.Needs(root, samCLI, "")
	require.ErrorContains(t, err, "no SAM CLI at "+samCLI)
	require.ErrorContains(t, err, "root of the repository")
	require.ErrorContains(t, err, "the portal is not built: make build")

	write("sam", nil)
	write("portal/dist/index.html", nil)
	write("functions/issue/main.go", nil)
	require.EqualError(t, rollout.Needs(root, samCLI, ""), "build/issue/bootstrap is not built: make build GOARCH=arm64")
	write("build/issue/bootstrap", binary(0xB7))
	require.NoError(t, rollout.Needs(root, samCLI, ""))
	require.NoError(t, rollout.Needs(root, samCLI, "arm64"))
	require.EqualError(t, rollout.Needs(root, samCLI, "x86_64"),
		"build/issue/bootstrap is built for EM_AARCH64, and Lambda runs x86_64: make build GOARCH=amd64")
	write("build/issue/bootstrap", binary(0x3E))
	require.NoError(t, rollout.Needs(root, samCLI, "x86_64"))
	require.EqualError(t, rollout.Needs(root, samCLI, ""),
		"build/issue/bootstrap is built for EM_X86_64, and Lambda runs arm64: make build GOARCH=arm64")
}

// binary is the header of an ELF file for a machine.
func binary(machine byte) []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18], header[20] = 2, machine, 1
	header[52], header[54], header[58] = 64, 56, 64
	return header
}
