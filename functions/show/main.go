// Command show is the function behind GET /v1/licenses/{id} and GET /v1/licenses/{id}/history.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license/history"
	"qmslicensing/shared/license/registry"
)

func main() {
	store := dynamostore.New(dynamodb.NewFromConfig(awsenv.MustConfig()),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	handler := api.Mux(api.Show(registry.NewReader(store, time.Now)), api.History(history.NewReader(store)))
	lambda.Start(lambdahttp.Handler(handler, awsenv.MustOriginSecrets()...))
}
