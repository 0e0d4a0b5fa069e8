// Command request is the function behind /v1/license-requests: sales asks for licenses, accounting sees the queue,
// records conditions of the sale and declines. It signs nothing; issue answers requests.
package main

import (
	"log"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/policy"
)

func main() {
	store := dynamostore.New(dynamodb.NewFromConfig(awsenv.MustConfig()),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	requests, err := desk.NewRequests(store, policy.Policy{Conditions: awsenv.MustConditions()}, awsenv.MustCursorSecrets(), time.Now)
	if err != nil {
		log.Fatal(err)
	}
	handler := api.Mux(api.AskForLicense(requests), api.Requests(requests), api.Request(requests),
		api.RecordConditions(requests), api.DeclineRequest(requests), api.WithdrawRequest(requests))
	lambda.Start(lambdahttp.Handler(handler, awsenv.MustOriginSecrets()...))
}
