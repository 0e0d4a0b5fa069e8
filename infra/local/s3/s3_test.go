package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/s3"
	"qmslicensing/infra/local/template"
)

// start serves one bucket, "archive", below dir.
func start(t *testing.T, dir string) (*sdk.Client, string) {
	t.Helper()
	server, err := s3.NewServer(dir, "archive")
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	return sdk.New(sdk.Options{
		Region: template.Region, BaseEndpoint: aws.String(web.URL), UsePathStyle: true, RetryMaxAttempts: 1,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		Credentials:                credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}), web.URL
}

func put(t *testing.T, client *sdk.Client, key, body string, onlyIfAbsent bool) error {
	t.Helper()
	in := &sdk.PutObjectInput{Bucket: aws.String("archive"), Key: &key, Body: bytes.NewReader([]byte(body))}
	if onlyIfAbsent {
		in.IfNoneMatch = aws.String("*")
	}
	_, err := client.PutObject(t.Context(), in)
	return err
}

func get(t *testing.T, client *sdk.Client, key string) string {
	t.Helper()
	out, err := client.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("archive"), Key: &key})
	require.NoError(t, err)
	body, err := io.ReadAll(out.Body)
	require.NoError(t, err)
	require.NoError(t, out.Body.Close())
	return string(body)
}

func requireCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, code, api.ErrorCode())
}

func TestServer_KeepsObjectsAcrossRestartsUnderAnyName(t *testing.T) {
	dir := t.TempDir()
	client, _ := start(t, dir)
	names := []string{"audit/00ff/0000000001.json", "../outside", "a b+c%2F=é", "."}
	for _, name := range names {
		require.NoError(t, put(t, client, name, "of "+name, true), name)
	}
	again, _ := start(t, dir)
	for _, name := range names {
		require.Equal(t, "of "+name, get(t, again, name))
		head, err := again.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: aws.String("archive"), Key: &name})
		require.NoError(t, err)
		require.EqualValues(t, len("of "+name), *head.ContentLength)
	}
	_, err := again.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("archive"), Key: aws.String("none")})
	requireCode(t, err, "NoSuchKey")
	_, err = again.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String("other"), Key: aws.String("none")})
	requireCode(t, err, "NoSuchBucket")
}

func TestServer_WhatIsThereCannotBeReplacedOrDeleted(t *testing.T) {
	client, _ := start(t, t.TempDir())
	require.NoError(t, put(t, client, "one", "first", true))
	requireCode(t, put(t, client, "one", "first", true), "PreconditionFailed")
	requireCode(t, put(t, client, "one", "second", false), "AccessDenied")
	_, err := client.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String("archive"), Key: aws.String("one")})
	requireCode(t, err, "AccessDenied")
	_, err = client.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: aws.String("archive"), Key: aws.String("one"), VersionId: aws.String("x")})
	requireCode(t, err, "AccessDenied")
	require.Equal(t, "first", get(t, client, "one"))
}

func TestServer_OfManyAtOnceOneCreates(t *testing.T) {
	client, _ := start(t, t.TempDir())
	var made atomic.Int32
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			if put(t, client, "one", fmt.Sprint(n), true) == nil {
				made.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, made.Load())
}

func TestServer_ListsByPrefixInOrderPageByPage(t *testing.T) {
	client, _ := start(t, t.TempDir())
	for _, name := range []string{"b/2", "a/1", "b/10", "b/1", "b!"} {
		require.NoError(t, put(t, client, name, name, true))
	}
	var found []string
	pages := sdk.NewListObjectsV2Paginator(client, &sdk.ListObjectsV2Input{Bucket: aws.String("archive"), Prefix: aws.String("b/"), MaxKeys: aws.Int32(2)})
	count := 0
	for ; pages.HasMorePages(); count++ {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		for _, object := range page.Contents {
			found = append(found, *object.Key)
			require.EqualValues(t, len(*object.Key), *object.Size)
		}
	}
	require.Equal(t, 2, count)
	require.Equal(t, []string{"b/1", "b/10", "b/2"}, found)
}

func TestServer_DemandsAChecksumThatIsRight(t *testing.T) {
	_, url := start(t, t.TempDir())
	rows := []struct {
		name   string
		header map[string]string
		status int
		code   string
	}{
		{"none", nil, 400, "InvalidRequest"},
		{"a wrong one", map[string]string{"x-amz-checksum-crc32": "AAAAAA=="}, 400, "BadDigest"},
		{"a wrong MD5", map[string]string{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "BadDigest"},
		{"a wrong SHA-256", map[string]string{"x-amz-checksum-sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, 400, "BadDigest"},
		{"chunks", map[string]string{"Content-Encoding": "aws-chunked"}, 501, "NotImplemented"},
		{"the right one", map[string]string{"x-amz-checksum-crc32": "NhCmhg=="}, 200, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/archive/sum", strings.NewReader("hello"))
			require.NoError(t, err)
			for name, value := range row.header {
				request.Header.Set(name, value)
			}
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, row.status, response.StatusCode, string(body))
			require.Contains(t, string(body), row.code)
		})
	}
}

func TestNewServer_RefusesNamesThatAreFolders(t *testing.T) {
	for _, name := range []string{"", "..", "a/b"} {
		_, err := s3.NewServer(t.TempDir(), name)
		require.ErrorContains(t, err, "not one of S3")
	}
}
