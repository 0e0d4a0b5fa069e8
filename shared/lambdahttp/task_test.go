package lambdahttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"qmslicensing/shared/lambdahttp"
)

func TestOrTask_TellsScheduleAndRequestApart(t *testing.T) {
	failed := errors.New("failed")
	var served events.APIGatewayV2HTTPRequest
	ran := 0
	handle := lambdahttp.OrTask(func(_ context.Context, r events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		served = r
		return events.APIGatewayV2HTTPResponse{StatusCode: 201}, nil
	}, "reconcile", func(context.Context) error {
		if ran++; ran == 2 {
			return failed
		}
		return nil
	})
	answer, err := handle(context.Background(), json.RawMessage(`{"version":"2.0","routeKey":"POST /v1/reconcile","body":"{\"task\":\"reconcile\"}"}`))
	require.NoError(t, err)
	require.Equal(t, 201, answer.(events.APIGatewayV2HTTPResponse).StatusCode)
	require.Equal(t, `{"task":"reconcile"}`, served.Body)
	require.Zero(t, ran, "a body is no event")
	_, err = handle(context.Background(), json.RawMessage(`{"task":"reconcile"}`))
	require.NoError(t, err)
	require.Equal(t, 1, ran)
	_, err = handle(context.Background(), json.RawMessage(`{"task":"reconcile"}`))
	require.ErrorIs(t, err, failed, "what a task fails at is told to whoever runs it")
	for _, event := range []string{`{}`, `{"task":"other"}`, `{"task":"reconcile","routeKey":"POST /v1/reconcile"}`, `{"source":"aws.events","detail-type":"Scheduled Event"}`, `[]`, ``} {
		_, err = handle(context.Background(), json.RawMessage(event))
		require.Error(t, err, event)
	}
	require.Equal(t, 2, ran)
}
