package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// askBucket asks S3 for each property that a bucket's template declares.
func (r *rehearsal) askBucket(ctx context.Context, one resource) {
	client := s3.NewFromConfig(r.emulator.config(), func(o *s3.Options) { o.UsePathStyle, o.Region = true, one.region })
	name := &one.physical
	for property, there := range map[string]func() bool{
		"ObjectLockConfiguration": func() bool {
			out, err := client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: name})
			return err == nil && out.ObjectLockConfiguration != nil
		},
		"PublicAccessBlockConfiguration": func() bool {
			out, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: name})
			return err == nil && out.PublicAccessBlockConfiguration != nil && aws.ToBool(out.PublicAccessBlockConfiguration.BlockPublicPolicy)
		},
		"VersioningConfiguration": func() bool {
			out, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: name})
			return err == nil && out.Status == types.BucketVersioningStatusEnabled
		},
		"BucketEncryption": func() bool {
			out, err := client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: name})
			return err == nil && out.ServerSideEncryptionConfiguration != nil
		},
		"LifecycleConfiguration": func() bool {
			out, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: name})
			return err == nil && len(out.Rules) > 0
		},
		"OwnershipControls": func() bool {
			out, err := client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: name})
			return err == nil && out.OwnershipControls != nil
		},
	} {
		if one.declared[property] != nil && !there() {
			r.missing(one, property)
		}
	}
}

// askDistribution asks CloudFront whether the distribution is bound to what the template binds it to.
func (r *rehearsal) askDistribution(ctx context.Context, one resource) {
	client := cloudfront.NewFromConfig(r.emulator.config())
	out, err := client.GetDistribution(ctx, &cloudfront.GetDistributionInput{Id: &one.physical})
	if err != nil || out.Distribution.DistributionConfig == nil {
		r.gap("%s %s: CloudFormation says that it is there, and CloudFront does not describe it: %v", one.kind, one.logical, err)
		return
	}
	config := out.Distribution.DistributionConfig
	if aws.ToString(config.WebACLId) == "" {
		r.missing(one, "WebACLId")
	}
	if config.DefaultCacheBehavior == nil || aws.ToString(config.DefaultCacheBehavior.ResponseHeadersPolicyId) == "" {
		r.missing(one, "the response headers policy of the portal")
	}
	if config.DefaultCacheBehavior == nil || config.DefaultCacheBehavior.FunctionAssociations == nil || len(config.DefaultCacheBehavior.FunctionAssociations.Items) == 0 {
		r.missing(one, "the function of the portal's screens")
	}
	if config.CacheBehaviors == nil || len(config.CacheBehaviors.Items) < 2 {
		r.missing(one, "the behaviors of the API's paths")
	}
}

// demandNoTLS takes the statements out of the portal's bucket policy that refuse a request without TLS: the emulator's
// CloudFront reads the bucket as if it had none.
func (r *rehearsal) demandNoTLS(ctx context.Context) error {
	s, err := r.parts.Stack(ctx, r.emulator.region, r.config.Environment.Stack)
	if err != nil {
		return err
	}
	client, bucket := s3.NewFromConfig(r.emulator.config(), func(o *s3.Options) { o.UsePathStyle = true }), s.Outputs["PortalBucket"]
	out, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket})
	if err != nil {
		return fmt.Errorf("reading its policy: %w", err)
	}
	policy, sids, err := WithoutTLS(aws.ToString(out.Policy))
	if err != nil {
		return err
	}
	if _, err := client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}); err != nil {
		return fmt.Errorf("writing its policy: %w", err)
	}
	r.gap("AWS::S3::BucketPolicy: CloudFront reads the bucket as if without TLS, which %s refuses: taken out after the deployment to ask on", strings.Join(sids, ", "))
	return nil
}

// WithoutTLS returns a policy without the statements that look at aws:SecureTransport, and their names.
func WithoutTLS(policy string) (rest string, sids []string, err error) {
	var document struct {
		Version   string
		Statement []map[string]any
	}
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return "", nil, fmt.Errorf("reading its policy: %w", err)
	}
	kept := document.Statement[:0]
	for _, statement := range document.Statement {
		if strings.Contains(fmt.Sprint(statement["Condition"]), "aws:SecureTransport") {
			sids = append(sids, fmt.Sprint(statement["Sid"]))
		} else {
			kept = append(kept, statement)
		}
	}
	if len(sids) == 0 {
		return "", nil, errors.New("its policy demands no TLS, so that is not why its files are refused")
	}
	document.Statement = kept
	data, err := json.Marshal(document)
	return string(data), sids, err
}
