// Package s3archive keeps the archive of audit entries in an S3 bucket with Object Lock. Writing takes PutObject and
// ListBucket and never reads an object: what is there already is compared by its ETag, which is the MD5 of the content
// in a bucket that S3 encrypts with its own keys.
package s3archive

import (
	"bytes"
	"context"
	"crypto/md5" // S3's ETag; the integrity of the archive is its chain of SHA-256
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"qmslicensing/shared/archive"
)

// client is what is used of s3.Client.
type client interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, opts ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Bucket is the archive's bucket.
type Bucket struct {
	client client
	name   string
}

var (
	_ archive.Store  = (*Bucket)(nil)
	_ archive.Source = (*Bucket)(nil)
)

// New returns a Bucket.
func New(client client, name string) *Bucket { return &Bucket{client, name} }

// PathStyle is an option of the client: the bucket stands in the path, so that an endpoint of any name does, too.
func PathStyle(o *s3.Options) { o.UsePathStyle = true }

// Create implements archive.Store. A locked bucket takes nothing without a checksum, and the SDK adds one by itself only
// where its configuration comes from LoadDefaultConfig.
func (b *Bucket) Create(ctx context.Context, name string, body []byte) error {
	checksum := sha256.Sum256(body)
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &name, Body: bytes.NewReader(body), ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(checksum[:])),
	})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "PreconditionFailed" {
		return err
	}
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &name, MaxKeys: aws.Int32(1)})
	if err != nil {
		return fmt.Errorf("comparing with what is there: %w", err)
	}
	if len(out.Contents) == 0 || aws.ToString(out.Contents[0].Key) != name {
		return fmt.Errorf("comparing with what is there: S3 has refused %s as existing and does not list it", name)
	}
	sum := md5.Sum(body)
	if strings.Trim(aws.ToString(out.Contents[0].ETag), `"`) != hex.EncodeToString(sum[:]) {
		return archive.ErrOther
	}
	return nil
}

// List implements archive.Source.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", fmt.Errorf("listing %s: %w", prefix, err))
				return
			}
			for _, object := range page.Contents {
				if !yield(aws.ToString(object.Key), nil) {
					return
				}
			}
		}
	}
}

// Get implements archive.Source.
func (b *Bucket) Get(ctx context.Context, name string) ([]byte, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &name})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	body, err := io.ReadAll(out.Body)
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return body, nil
}
