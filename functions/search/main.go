// Command search is the function behind GET /v1/licenses.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license/registry"
)

func main() {
	store := dynamostore.New(dynamodb.NewFromConfig(awsenv.MustConfig()),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"), "")
	lambda.Start(lambdahttp.Handler(api.Search(registry.NewReader(store, time.Now)), awsenv.MustOriginSecrets()...))
}
