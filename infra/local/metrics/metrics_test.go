package metrics_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/metrics"
	"qmslicensing/shared/kmscount"
)

func TestServer_CountsAsTheSDKAsks(t *testing.T) {
	from := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	calls := []time.Time{from.Add(-time.Second), from, from.Add(90 * time.Minute), from.Add(91 * time.Minute), from.AddDate(0, 0, 1)}
	web := httptest.NewServer(metrics.Server{Count: func(from, to time.Time) int {
		n := 0
		for _, at := range calls {
			if !at.Before(from) && at.Before(to) {
				n++
			}
		}
		return n
	}})
	t.Cleanup(web.Close)
	client := cloudwatch.New(cloudwatch.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	n, err := kmscount.New(client).Signatures(context.Background(), from, from.AddDate(0, 0, 1))
	require.NoError(t, err)
	require.Equal(t, 3, n)
	n, err = kmscount.New(client).Signatures(context.Background(), from.AddDate(0, 0, 5), from.AddDate(0, 0, 6))
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = client.GetMetricData(context.Background(), &cloudwatch.GetMetricDataInput{StartTime: &from, EndTime: &from, MetricDataQueries: []types.MetricDataQuery{
		{Id: aws.String("calls"), MetricStat: &types.MetricStat{Period: aws.Int32(60), Stat: aws.String("Sum"), Metric: &types.Metric{Namespace: aws.String("AWS/KMS"), MetricName: aws.String("CallCount")}}},
	}})
	require.ErrorContains(t, err, "is counted here")
}
