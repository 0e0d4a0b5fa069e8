// Command downgrade-check is the function behind POST /v1/licenses/downgrade-check.
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
	lambda.Start(lambdahttp.Handler(api.DowngradeCheck(keyring.New(store, time.Now), time.Now), awsenv.MustOriginSecrets()...))
}
