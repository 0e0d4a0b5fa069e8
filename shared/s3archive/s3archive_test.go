package s3archive_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/s3"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/archive"
	"qmslicensing/shared/s3archive"
)

// double is the SDK's client with what a test says of it.
type double struct {
	put  func(*sdk.PutObjectInput) error
	list func(*sdk.ListObjectsV2Input) (*sdk.ListObjectsV2Output, error)
	get  func(*sdk.GetObjectInput) (*sdk.GetObjectOutput, error)
}

func (d double) PutObject(_ context.Context, in *sdk.PutObjectInput, _ ...func(*sdk.Options)) (*sdk.PutObjectOutput, error) {
	return &sdk.PutObjectOutput{}, d.put(in)
}

func (d double) ListObjectsV2(_ context.Context, in *sdk.ListObjectsV2Input, _ ...func(*sdk.Options)) (*sdk.ListObjectsV2Output, error) {
	return d.list(in)
}

func (d double) GetObject(_ context.Context, in *sdk.GetObjectInput, _ ...func(*sdk.Options)) (*sdk.GetObjectOutput, error) {
	return d.get(in)
}

var taken = &smithy.GenericAPIError{Code: "PreconditionFailed", Message: "it is there"}

func TestCreate_PutsOnlyWhatIsNotThereWithAChecksum(t *testing.T) {
	var got *sdk.PutObjectInput
	b := s3archive.New(double{put: func(in *sdk.PutObjectInput) error { got = in; return nil }}, "archive")
	require.NoError(t, b.Create(t.Context(), "audit/1", []byte("hello")))
	require.Equal(t, "*", *got.IfNoneMatch)
	require.Equal(t, "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", *got.ChecksumSHA256)
	require.Equal(t, "archive", *got.Bucket)
	body, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	require.Equal(t, "hello", string(body))
}

func TestCreate_WhatIsThereIsComparedByItsETag(t *testing.T) {
	const ofHello = `"5d41402abc4b2a76b9719d911017c592"`
	broken := errors.New("no answer")
	rows := []struct {
		name     string
		contents []types.Object
		fails    error
		want     error
		words    string
	}{
		{"the same", []types.Object{{Key: aws.String("audit/1"), ETag: aws.String(ofHello)}}, nil, nil, ""},
		{"another", []types.Object{{Key: aws.String("audit/1"), ETag: aws.String(`"0"`)}}, nil, archive.ErrOther, ""},
		{"not listed", nil, nil, nil, "does not list it"},
		{"a longer name listed", []types.Object{{Key: aws.String("audit/10"), ETag: aws.String(ofHello)}}, nil, nil, "does not list it"},
		{"no list", nil, broken, broken, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := s3archive.New(double{
				put: func(*sdk.PutObjectInput) error { return taken },
				list: func(in *sdk.ListObjectsV2Input) (*sdk.ListObjectsV2Output, error) {
					require.Equal(t, "audit/1", *in.Prefix)
					return &sdk.ListObjectsV2Output{Contents: row.contents}, row.fails
				},
			}, "archive")
			err := b.Create(t.Context(), "audit/1", []byte("hello"))
			switch {
			case row.want != nil:
				require.ErrorIs(t, err, row.want)
			case row.words != "":
				require.ErrorContains(t, err, row.words)
			default:
				require.NoError(t, err)
			}
		})
	}
}

func TestCreate_ARefusalIsHandedOn(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDenied"}
	b := s3archive.New(double{put: func(*sdk.PutObjectInput) error { return denied }}, "archive")
	require.ErrorIs(t, b.Create(t.Context(), "audit/1", nil), denied)
}

// TestBucket_OnARealEndpoint builds the client as the functions do: from an aws.Config that was made by hand.
func TestBucket_OnARealEndpoint(t *testing.T) {
	server, err := s3.NewServer(t.TempDir(), "archive")
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	config := aws.Config{Region: template.Region, BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")}
	b := s3archive.New(sdk.NewFromConfig(config, s3archive.PathStyle), "archive")
	const count = 1001 // more than one page
	for n := range count {
		require.NoError(t, b.Create(t.Context(), fmt.Sprintf("audit/%04d", n), []byte(fmt.Sprint(n))))
	}
	require.NoError(t, b.Create(t.Context(), "audit/0007", []byte("7")))
	require.ErrorIs(t, b.Create(t.Context(), "audit/0007", []byte("8")), archive.ErrOther)
	names := 0
	for name, err := range b.List(t.Context(), "audit/") {
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("audit/%04d", names), name)
		names++
	}
	require.Equal(t, count, names)
	body, err := b.Get(t.Context(), "audit/0007")
	require.NoError(t, err)
	require.Equal(t, "7", string(body))
	_, err = b.Get(t.Context(), "audit/none")
	require.ErrorContains(t, err, "reading audit/none")
	for _, err := range s3archive.New(sdk.NewFromConfig(config, s3archive.PathStyle), "other").List(t.Context(), "") {
		require.ErrorContains(t, err, "NoSuchBucket")
	}
}
