package kmscount_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/shared/kmscount"
)

type fake func(*cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error)

func (f fake) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	return f(in)
}

var from = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func TestSignatures_SumsEveryPage(t *testing.T) {
	counter := kmscount.New(fake(func(in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
		require.Equal(t, from, *in.StartTime)
		require.Equal(t, from.AddDate(0, 0, 1), *in.EndTime)
		require.Equal(t, "Sum", *in.MetricDataQueries[0].MetricStat.Stat)
		if in.NextToken == nil {
			return &cloudwatch.GetMetricDataOutput{NextToken: aws.String("2"), MetricDataResults: []types.MetricDataResult{{Values: []float64{3, 4}}}}, nil
		}
		return &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{{Values: []float64{5}}}}, nil
	}))
	n, err := counter.Signatures(context.Background(), from, from.AddDate(0, 0, 1))
	require.NoError(t, err)
	require.Equal(t, 12, n)
}

func TestSignatures_NoDataIsNoCallAndAFailureIsOne(t *testing.T) {
	n, err := kmscount.New(fake(func(*cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
		return &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{{}}}, nil
	})).Signatures(context.Background(), from, from.AddDate(0, 0, 1))
	require.NoError(t, err)
	require.Zero(t, n)
	denied := errors.New("AccessDenied")
	_, err = kmscount.New(fake(func(*cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) { return nil, denied })).
		Signatures(context.Background(), from, from.AddDate(0, 0, 1))
	require.ErrorIs(t, err, denied)
}
