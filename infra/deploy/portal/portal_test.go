package portal_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/portal"
)

var dist = fstest.MapFS{
	"index.html":            {Data: []byte("<p>customers")},
	"console/index.html":    {Data: []byte("<p>staff")},
	"assets/index-1f.js":    {Data: []byte("1")},
	"assets/index-2e.css":   {Data: []byte("2")},
	"assets/deeper/mark.js": {Data: []byte("3")},
	"mark.svg":              {Data: []byte("<svg/>")},
	"config.json":           {Data: []byte("of another environment")},
}

func TestPlan_AssetsThenConfigurationThenPages(t *testing.T) {
	files, err := portal.Plan(dist, []byte("{}"))
	require.NoError(t, err)
	const forever, never = "public, max-age=31536000, immutable", "no-cache"
	require.Equal(t, []portal.File{
		{"assets/deeper/mark.js", []byte("3"), "text/javascript; charset=utf-8", forever},
		{"assets/index-1f.js", []byte("1"), "text/javascript; charset=utf-8", forever},
		{"assets/index-2e.css", []byte("2"), "text/css; charset=utf-8", forever},
		{"config.json", []byte("{}"), "application/json", never},
		{"mark.svg", []byte("<svg/>"), "image/svg+xml", never},
		{"console/index.html", []byte("<p>staff"), "text/html; charset=utf-8", never},
		{"index.html", []byte("<p>customers"), "text/html; charset=utf-8", never},
	}, files)
	require.Equal(t, []string{"/", "/console/*", "/config.json", "/mark.svg", "/index.html"}, portal.Stale(files),
		"what is immutable is not forgotten")
}

func TestPlan_APortalThatIsNotBuiltIsNotUploaded(t *testing.T) {
	for _, missing := range []string{"index.html", "console/index.html"} {
		built := fstest.MapFS{}
		for name, file := range dist {
			if name != missing {
				built[name] = file
			}
		}
		_, err := portal.Plan(built, []byte("{}"))
		require.ErrorContains(t, err, "has no "+missing+": run make build")
	}
}

func TestConfig_IsWhatTheConsoleReads(t *testing.T) {
	config, err := portal.Config("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_X", "abc")
	require.NoError(t, err)
	require.JSONEq(t, `{"issuer":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_X","clientId":"abc","scope":"openid licensing/staff"}`, string(config))
	for _, c := range [][2]string{{"", "abc"}, {"https://x", ""}} {
		_, err := portal.Config(c[0], c[1])
		require.ErrorContains(t, err, "nobody could sign in")
	}
}

type put func(in *s3.PutObjectInput) error

func (p put) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return &s3.PutObjectOutput{}, p(in)
}

func TestUpload_InOrderWithHeadersAndStopsAtAFailure(t *testing.T) {
	files, err := portal.Plan(dist, []byte("{}"))
	require.NoError(t, err)
	var got []portal.File
	require.NoError(t, portal.Upload(context.Background(), put(func(in *s3.PutObjectInput) error {
		data, err := io.ReadAll(in.Body)
		require.NoError(t, err)
		require.Equal(t, "files", *in.Bucket)
		got = append(got, portal.File{*in.Key, data, *in.ContentType, *in.CacheControl})
		return nil
	}), "files", files))
	require.Equal(t, files, got)

	tried := 0
	err = portal.Upload(context.Background(), put(func(in *s3.PutObjectInput) error {
		tried++
		if *in.Key == "config.json" {
			return errors.New("no rights")
		}
		return nil
	}), "files", files)
	require.EqualError(t, err, "uploading config.json to bucket files: no rights")
	require.Equal(t, 4, tried, "no page is put after it")
}

type cache struct {
	asked    *cloudfront.CreateInvalidationInput
	statuses []string
}

func (c *cache) CreateInvalidation(_ context.Context, in *cloudfront.CreateInvalidationInput, _ ...func(*cloudfront.Options)) (*cloudfront.CreateInvalidationOutput, error) {
	c.asked = in
	if len(c.statuses) == 0 {
		return nil, errors.New("no rights")
	}
	return &cloudfront.CreateInvalidationOutput{Invalidation: &types.Invalidation{Id: aws.String("I1")}}, nil
}

func (c *cache) GetInvalidation(_ context.Context, in *cloudfront.GetInvalidationInput, _ ...func(*cloudfront.Options)) (*cloudfront.GetInvalidationOutput, error) {
	status := c.statuses[0]
	c.statuses = c.statuses[1:]
	return &cloudfront.GetInvalidationOutput{Invalidation: &types.Invalidation{Id: in.Id, Status: &status}}, nil
}

func TestInvalidate_Waits(t *testing.T) {
	c := &cache{statuses: []string{"Completed"}}
	now := time.Date(2026, 11, 23, 9, 0, 0, 5, time.UTC)
	require.NoError(t, portal.Invalidate(context.Background(), c, "D1", []string{"/", "/index.html"}, now))
	require.Empty(t, c.statuses, "the status was asked for")
	require.Equal(t, "D1", *c.asked.DistributionId)
	require.Equal(t, []string{"/", "/index.html"}, c.asked.InvalidationBatch.Paths.Items)
	require.Equal(t, int32(2), *c.asked.InvalidationBatch.Paths.Quantity)
	require.Equal(t, "2026-11-23T09:00:00.000000005Z", *c.asked.InvalidationBatch.CallerReference)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, portal.Invalidate(ctx, &cache{statuses: []string{"InProgress"}}, "D1", []string{"/"}, now), "waiting for invalidation I1")
	require.EqualError(t, portal.Invalidate(context.Background(), &cache{}, "D1", []string{"/"}, now), "invalidating distribution D1: no rights")
}
