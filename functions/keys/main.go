// Command keys is the function behind GET /.well-known/jwks.json and GET /v1/keys.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license/keyring"
)

func main() {
	store := dynamostore.New(dynamodb.NewFromConfig(awsenv.MustConfig()),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"), "")
	ring := keyring.New(store, time.Now)
	lambda.Start(lambdahttp.Handler(api.Mux(api.Keys(ring), api.KeyAges(ring)), awsenv.MustOriginSecrets()...))
}
