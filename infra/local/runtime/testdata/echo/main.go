// Echo is the function that the runtime's tests run: the event says what it should do.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	Do    string `json:"do"`
	Size  int    `json:"size"`
	Sleep int    `json:"sleepMillis"`
}

func main() {
	if os.Getenv("BROKEN") != "" {
		fmt.Println("cannot start")
		os.Exit(1)
	}
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		var o order
		_ = json.Unmarshal(event, &o)
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		time.Sleep(time.Duration(o.Sleep) * time.Millisecond)
		switch o.Do {
		case "crash":
			os.Exit(3)
		case "fail":
			return nil, errors.New("it failed")
		case "large":
			return strings.Repeat("x", o.Size), nil
		case "print":
			fmt.Println("hello from the function")
		case "environment":
			return os.Environ(), nil
		}
		return map[string]any{
			"pid": os.Getpid(), "request": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "size": len(event),
			"left": time.Until(deadline).Milliseconds(), "session": os.Getenv("AWS_SESSION_TOKEN"),
		}, nil
	})
}
