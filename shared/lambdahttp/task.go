package lambdahttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"
)

// OrTask adapts a function that serves HTTP and does one task of its own by a schedule. The schedule's event is what the
// template gives it as input, {"task": name}; that of API Gateway names its route, and no caller makes it: what callers
// send is inside. Any other event is an error.
func OrTask(serve func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error), name string, task func(context.Context) error) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		var kind struct {
			Task     string `json:"task"`
			RouteKey string `json:"routeKey"`
		}
		if err := json.Unmarshal(event, &kind); err != nil {
			return nil, fmt.Errorf("reading the event: %w", err)
		}
		switch {
		case kind.RouteKey != "" && kind.Task == "":
			var request events.APIGatewayV2HTTPRequest
			if err := json.Unmarshal(event, &request); err != nil {
				return nil, fmt.Errorf("reading the event of %s: %w", kind.RouteKey, err)
			}
			return serve(ctx, request)
		case kind.Task == name && kind.RouteKey == "":
			return nil, task(ctx)
		}
		return nil, errors.New("the event is neither a request of API Gateway nor this function's task")
	}
}
