package gate_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/metrics"
	"qmslicensing/shared/kmscount"
)

func TestMetrics_OnlyReconcileMayCountAndOnlyThat(t *testing.T) {
	g, err := gate.New(application(t), gate.Upstreams{Metrics: metrics.Server{Count: func(from, to time.Time) int { return 1 }}}, gate.Options{})
	require.NoError(t, err)
	web := httptest.NewServer(g.Metrics())
	t.Cleanup(web.Close)
	as := func(principal string) *cloudwatch.Client {
		return cloudwatch.New(cloudwatch.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider(gate.AccessKey(principal), "local", ""),
		})
	}
	from := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	n, err := kmscount.New(as("ReconcileFunction")).Signatures(t.Context(), from, from.AddDate(0, 0, 1))
	require.NoError(t, err)
	require.Equal(t, 24, n)
	_, err = kmscount.New(as("SweepFunction")).Signatures(t.Context(), from, from.AddDate(0, 0, 1))
	require.ErrorContains(t, err, "AccessDeniedException")
	require.ErrorContains(t, err, "cloudwatch:GetMetricData")
	_, err = as("ReconcileFunction").ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{})
	require.ErrorContains(t, err, "the gate knows GetMetricData alone")
	answer, err := http.Get(web.URL)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusBadRequest, answer.StatusCode, "not signed")
}
