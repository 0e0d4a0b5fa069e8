// Package kmscount asks AWS how often its key service was used: CloudWatch's own count, which nobody who signs can leave
// out.
package kmscount

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"qmslicensing/shared/license/reconcile"
)

// client is what is used of cloudwatch.Client.
type client interface {
	GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// Counter reads the usage metric of KMS: calls of operations with elliptic keys, Sign among them. It is of the whole
// account and region.
type Counter struct{ client client }

var _ reconcile.SignatureCounter = (*Counter)(nil)

// New returns a Counter.
func New(client client) *Counter { return &Counter{client} }

// hour is the period of the sums: kept for 15 months.
const hour = 3600

// Signatures implements reconcile.SignatureCounter. A window without any call has no data, which is 0.
func (c *Counter) Signatures(ctx context.Context, from, to time.Time) (int, error) {
	in := cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &to,
		MetricDataQueries: []types.MetricDataQuery{{
			Id: aws.String("calls"),
			MetricStat: &types.MetricStat{
				Period: aws.Int32(hour), Stat: aws.String("Sum"),
				Metric: &types.Metric{Namespace: aws.String("AWS/Usage"), MetricName: aws.String("CallCount"), Dimensions: []types.Dimension{
					{Name: aws.String("Service"), Value: aws.String("KMS")}, {Name: aws.String("Type"), Value: aws.String("API")},
					{Name: aws.String("Resource"), Value: aws.String("CryptographicOperationsEcc")}, {Name: aws.String("Class"), Value: aws.String("None")},
				}},
			},
		}},
	}
	sum := 0.0
	for {
		out, err := c.client.GetMetricData(ctx, &in)
		if err != nil {
			return 0, fmt.Errorf("counting the calls of KMS from %s until %s: %w", from.Format(time.RFC3339), to.Format(time.RFC3339), err)
		}
		for _, result := range out.MetricDataResults {
			for _, value := range result.Values {
				sum += value
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return int(sum), nil
		}
	}
}
