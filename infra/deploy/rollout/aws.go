package rollout

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"qmslicensing/infra/deploy/environment"
	"qmslicensing/infra/deploy/portal"
	"qmslicensing/infra/deploy/sam"
	"qmslicensing/infra/deploy/smoke"
	"qmslicensing/infra/deploy/stack"
	"qmslicensing/infra/keys/table"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

// secretHeader is what CloudFront sends the API besides the viewer's headers.
const secretHeader = "x-origin-secret"

// OnAWS returns the parts that work on AWS, or on whatever answers at the configuration's endpoint.
func OnAWS(cfg aws.Config, tool sam.Tool, e environment.Environment) Parts {
	cfg.Region = e.Region
	front := cloudfront.NewFromConfig(cfg)
	files := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
	return Parts{
		Needs:  func() error { return Needs(tool.Root, tool.Path, e.Parameters["Arch"]) },
		Caller: caller(cfg),
		Stack: func(ctx context.Context, region, name string) (stack.Stack, error) {
			return stack.Read(ctx, cloudformation.NewFromConfig(cfg, func(o *cloudformation.Options) { o.Region = region }), name)
		},
		Deploy:   tool.Deploy,
		Site:     func(ctx context.Context, id string) (Site, error) { return ReadSite(ctx, front, id) },
		FillKeys: fillKeys(cfg),
		Plan: func(config []byte) ([]portal.File, error) {
			return portal.Plan(os.DirFS(filepath.Join(tool.Root, "portal", "dist")), config)
		},
		Upload: func(ctx context.Context, bucket string, plan []portal.File) error {
			return portal.Upload(ctx, files, bucket, plan)
		},
		Invalidate: func(ctx context.Context, id string, paths []string) error {
			return portal.Invalidate(ctx, front, id, paths, time.Now())
		},
		Smoke: func(ctx context.Context, t smoke.Target) []smoke.Result {
			t.Client = http.DefaultClient
			return smoke.Run(ctx, t, 3*time.Minute, 10*time.Second)
		},
	}
}

func caller(cfg aws.Config) func(ctx context.Context) (Caller, error) {
	return func(ctx context.Context) (Caller, error) {
		out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return Caller{}, fmt.Errorf("there are no credentials that AWS takes: %w", err)
		}
		return Caller{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}, nil
	}
}

// Distributions is what is used of cloudfront.Client.
type Distributions interface {
	GetDistribution(ctx context.Context, in *cloudfront.GetDistributionInput, opts ...func(*cloudfront.Options)) (*cloudfront.GetDistributionOutput, error)
}

// ReadSite asks CloudFront about a distribution.
func ReadSite(ctx context.Context, client Distributions, id string) (Site, error) {
	out, err := client.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &id})
	if err != nil {
		return Site{}, fmt.Errorf("reading distribution %s: %w", id, err)
	}
	site := Site{Domain: aws.ToString(out.Distribution.DomainName)}
	if config := out.Distribution.DistributionConfig; config != nil && config.Origins != nil {
		for _, origin := range config.Origins.Items {
			if origin.CustomHeaders == nil {
				continue
			}
			for _, header := range origin.CustomHeaders.Items {
				if aws.ToString(header.HeaderName) == secretHeader {
					site.Secret = aws.ToString(header.HeaderValue)
				}
			}
		}
	}
	return site, nil
}

// firstKeys are the keys of a new system, by the outputs that name them.
var firstKeys = []struct {
	output  string
	purpose license.KeyPurpose
	state   keyring.State
}{
	{"TemporarySigningKeyId", license.TemporaryKey, keyring.Signing},
	{"TemporaryStandbyKeyId", license.TemporaryKey, keyring.Standby},
	{"SoldSigningKeyId", license.SoldKey, keyring.Signing},
	{"SoldStandbyKeyId", license.SoldKey, keyring.Standby},
}

func fillKeys(cfg aws.Config) func(ctx context.Context, outputs map[string]string) ([]keyring.Entry, error) {
	return func(ctx context.Context, outputs map[string]string) ([]keyring.Entry, error) {
		store := dynamostore.New(dynamodb.NewFromConfig(cfg), outputs["LicenseTableName"], "")
		return FirstKeys(ctx, kms.NewFromConfig(cfg), store, outputs)
	}
}

// FirstKeys fills a key table that is empty with the keys that a stack's outputs name, and returns what it wrote. A table that
// is not empty is the record of rotations, which the outputs do not know: it is left alone.
func FirstKeys(ctx context.Context, client table.KMS, store table.Store, outputs map[string]string) ([]keyring.Entry, error) {
	entries, err := store.Keys(ctx)
	if err != nil || len(entries) > 0 {
		return nil, err
	}
	var keys []table.Key
	for _, k := range firstKeys {
		keys = append(keys, table.Key{Purpose: k.purpose, State: k.state, ARN: outputs[k.output]})
	}
	return table.Fill(ctx, client, store, keys, time.Now())
}
