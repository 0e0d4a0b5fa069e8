package portal

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cloudfronttypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Putter is what is used of s3.Client.
type Putter interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Upload puts the files into the bucket, in their order. Where it ends, every page that is there works: the new pages come
// last. Doing it again goes on.
func Upload(ctx context.Context, client Putter, bucket string, files []File) error {
	for _, f := range files {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: &f.Name, Body: bytes.NewReader(f.Data), ContentType: &f.ContentType, CacheControl: &f.CacheControl,
		})
		if err != nil {
			return fmt.Errorf("uploading %s to bucket %s: %w", f.Name, bucket, err)
		}
	}
	return nil
}

// Cache is what is used of cloudfront.Client.
type Cache interface {
	CreateInvalidation(ctx context.Context, in *cloudfront.CreateInvalidationInput, opts ...func(*cloudfront.Options)) (*cloudfront.CreateInvalidationOutput, error)
	cloudfront.GetInvalidationAPIClient
}

// Invalidate makes a distribution forget the paths, and waits until every place of it has.
func Invalidate(ctx context.Context, client Cache, distribution string, paths []string, now time.Time) error {
	quantity, reference := int32(len(paths)), now.UTC().Format(time.RFC3339Nano)
	out, err := client.CreateInvalidation(ctx, &cloudfront.CreateInvalidationInput{
		DistributionId: &distribution,
		InvalidationBatch: &cloudfronttypes.InvalidationBatch{
			CallerReference: &reference, Paths: &cloudfronttypes.Paths{Items: paths, Quantity: &quantity},
		},
	})
	if err != nil {
		return fmt.Errorf("invalidating distribution %s: %w", distribution, err)
	}
	waiter := cloudfront.NewInvalidationCompletedWaiter(client, func(o *cloudfront.InvalidationCompletedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 5*time.Second, 20*time.Second
	})
	in := &cloudfront.GetInvalidationInput{DistributionId: &distribution, Id: out.Invalidation.Id}
	if err := waiter.Wait(ctx, in, 15*time.Minute); err != nil {
		return fmt.Errorf("waiting for invalidation %s of distribution %s: %w", *out.Invalidation.Id, distribution, err)
	}
	return nil
}
