// Probe is the function that the stack's tests run: it answers the event it got after it has written an item, and
// tells of a read that its statements do not give.
package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func main() {
	client := dynamodb.New(dynamodb.Options{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL_DYNAMODB")),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	})
	lambda.Start(func(ctx context.Context, event json.RawMessage) (any, error) {
		key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "probe"}}
		item := map[string]types.AttributeValue{"pk": key["pk"], "event": &types.AttributeValueMemberS{Value: string(event)}}
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(os.Getenv("TABLE")), Item: item}); err != nil {
			return nil, err
		}
		_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(os.Getenv("TABLE")), Key: key})
		if err == nil {
			return map[string]any{"event": event, "read": "allowed"}, nil
		}
		return map[string]any{"event": event, "read": err.Error()}, nil
	})
}
