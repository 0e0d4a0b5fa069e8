// Command search is the function behind GET /v1/licenses and GET /v1/expirations.
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
	"qmslicensing/shared/license/registry"
)

func main() {
	store := dynamostore.New(dynamodb.NewFromConfig(awsenv.MustConfig()),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"), "")
	finder, err := registry.NewFinder(store, awsenv.MustCursorSecrets(), time.Now)
	if err != nil {
		log.Fatal(err)
	}
	handler := api.Mux(api.Search(finder), api.Expirations(finder))
	lambda.Start(lambdahttp.Handler(handler, awsenv.MustOriginSecrets()...))
}
