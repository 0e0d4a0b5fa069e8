package gate_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/s3"
	"qmslicensing/infra/local/template"
)

const bucket = "qms-licensing-archivebucket"

// archive is a gate before the S3 endpoint, with a client as a principal.
func archive(t *testing.T, app *template.Application) (*gate.Gate, string, func(principal string) *sdk.Client) {
	t.Helper()
	upstream, err := s3.NewServer(t.TempDir(), bucket)
	require.NoError(t, err)
	g, err := gate.New(app, gate.Upstreams{S3: upstream}, gate.Options{})
	require.NoError(t, err)
	front := httptest.NewServer(g.S3())
	t.Cleanup(front.Close)
	return g, front.URL, func(principal string) *sdk.Client {
		return sdk.New(sdk.Options{
			Region: template.Region, BaseEndpoint: aws.String(front.URL), UsePathStyle: true, RetryMaxAttempts: 1,
			RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
			Credentials:                credentials.NewStaticCredentialsProvider(gate.AccessKey(principal), "secret", "instance-7"),
		})
	}
}

func create(t *testing.T, client *sdk.Client, key string, condition *string) error {
	t.Helper()
	_, err := client.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: strings.NewReader("{}"), IfNoneMatch: condition})
	return err
}

func TestS3_StatementsAndBucketPolicyDecide(t *testing.T) {
	g, _, as := archive(t, application(t))
	require.NoError(t, create(t, as("ArchiveFunction"), "audit/a b/1.json", aws.String("*")))
	requireCode(t, create(t, as("ArchiveFunction"), "audit/2.json", nil), "AccessDenied")
	require.ErrorContains(t, create(t, as("IssueFunction"), "audit/3.json", aws.String("*")), "with an explicit deny in a resource-based policy")
	_, err := as("ArchiveFunction").GetObject(t.Context(), &sdk.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("audit/a b/1.json")})
	requireCode(t, err, "AccessDenied")
	require.ErrorContains(t, err, "assumed-role/ArchiveFunctionRole/ArchiveFunction is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::"+
		bucket+"/audit/a b/1.json because no identity-based policy allows the s3:GetObject action")
	_, err = as("ArchiveFunction").ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("audit/")})
	require.NoError(t, err)
	_, err = as("ArchiveFunction").ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String("another")})
	requireCode(t, err, "AccessDenied")
	_, err = as("nobody").ListObjectsV2(t.Context(), &sdk.ListObjectsV2Input{Bucket: aws.String(bucket)})
	requireCode(t, err, "InvalidAccessKeyId")
	require.Equal(t, map[grants.Grant]int{
		{Function: "ArchiveFunction", Policy: grants.Identity, Sid: "WriteArchive", Action: "s3:PutObject"}:    1,
		{Function: "ArchiveFunction", Policy: grants.Identity, Sid: "CompareArchive", Action: "s3:ListBucket"}: 1,
		{Function: "ArchiveFunction", Policy: "ArchiveBucket", Sid: "NothingTwice", Action: "s3:PutObject"}:    1,
		{Function: "IssueFunction", Policy: "ArchiveBucket", Sid: "OnlyArchiveWrites", Action: "s3:PutObject"}: 1,
	}, g.Book().Uses())
}

func TestS3_WithoutItsPolicyTheBucketIsAsOpenAsTheIdentity(t *testing.T) {
	app := application(t)
	app.Buckets[0].Policy = nil
	_, _, as := archive(t, app)
	require.NoError(t, create(t, as("ArchiveFunction"), "one", nil))
	require.NoError(t, create(t, as(gate.Operator), "two", nil))
	requireCode(t, create(t, as("IssueFunction"), "three", nil), "AccessDenied")
}

func TestS3_ARequestThatMeansMoreIsRefused(t *testing.T) {
	_, url, _ := archive(t, application(t))
	rows := []struct{ name, method, path, header string }{
		{"a subresource", http.MethodGet, "/" + bucket + "?policy", ""},
		{"a subresource of an object", http.MethodPut, "/" + bucket + "/one?retention", ""},
		{"a version", http.MethodGet, "/" + bucket + "/one?versionId=1", ""},
		{"many deletions", http.MethodPost, "/" + bucket + "?delete", ""},
		{"all buckets", http.MethodGet, "/", ""},
		{"a copy", http.MethodPut, "/" + bucket + "/one", "X-Amz-Copy-Source"},
		{"a lock of its own", http.MethodPut, "/" + bucket + "/one", "X-Amz-Object-Lock-Mode"},
		{"another condition", http.MethodPut, "/" + bucket + "/one", "If-Match"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), row.method, url+row.path, nil)
			require.NoError(t, err)
			request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+gate.AccessKey(gate.Operator)+"/20260101/us-east-1/s3/aws4_request, Signature=0")
			if row.header != "" {
				request.Header.Set(row.header, "x")
			}
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusNotImplemented, response.StatusCode)
			require.Contains(t, string(body), "<Code>NotImplemented</Code>")
		})
	}
}

func TestS3_FaultsStrike(t *testing.T) {
	g, _, as := archive(t, application(t))
	require.NoError(t, g.Arm(gate.Arming{Action: "s3:PutObject", When: "before", Do: "error:SlowDown"}))
	requireCode(t, create(t, as("ArchiveFunction"), "one", aws.String("*")), "SlowDown")
	require.NoError(t, create(t, as("ArchiveFunction"), "one", aws.String("*")))
	require.Error(t, g.Arm(gate.Arming{Action: "sqs:SendMessage", When: "before", Do: "drop"}))
}

func TestStreams_AreReadByTheStatementOnThem(t *testing.T) {
	r := newRig(t, application(t), gate.Options{})
	as := func(principal string) *dynamodbstreams.Client {
		return dynamodbstreams.New(dynamodbstreams.Options{
			BaseEndpoint: aws.String(r.endpoint), Region: template.Region, RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(gate.AccessKey(principal), "secret", "instance-7"),
		})
	}
	const arn = "arn:aws:dynamodb:ddblocal:000000000000:table/AuditTable/stream/2026-11-23T09:00:00.000"
	calls := map[string]func(*dynamodbstreams.Client) error{
		"ListStreams": func(c *dynamodbstreams.Client) error {
			_, err := c.ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: aws.String("AuditTable")})
			return err
		},
		"DescribeStream": func(c *dynamodbstreams.Client) error {
			_, err := c.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: aws.String(arn)})
			return err
		},
		"GetShardIterator": func(c *dynamodbstreams.Client) error {
			_, err := c.GetShardIterator(t.Context(), &dynamodbstreams.GetShardIteratorInput{StreamArn: aws.String(arn), ShardId: aws.String("shardId-00000000000000000001"), ShardIteratorType: "TRIM_HORIZON"})
			return err
		},
		"GetRecords": func(c *dynamodbstreams.Client) error {
			_, err := c.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: aws.String("000|" + arn + "|x")})
			return err
		},
	}
	for name, call := range calls {
		require.NoError(t, call(as("ArchiveFunction")), name)
		requireCode(t, call(as("IssueFunction")), "AccessDeniedException")
	}
	want := map[grants.Grant]int{}
	for name := range calls {
		want[grants.Grant{Function: "ArchiveFunction", Policy: grants.Identity, Sid: "ReadAuditStream", Action: "dynamodb:" + name}] = 1
	}
	require.Equal(t, want, r.gate.Book().Uses())
	_, err := as("ArchiveFunction").GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: aws.String("nothing")})
	requireCode(t, err, "ValidationException")
	_, err = as("ArchiveFunction").ListStreams(t.Context(), &dynamodbstreams.ListStreamsInput{TableName: aws.String("LicenseTable")})
	requireCode(t, err, "AccessDeniedException")
}
