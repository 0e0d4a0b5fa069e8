// Command validate is the function behind POST /v1/licenses/validate.
package main

import (
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/verdict"
)

func main() {
	store := dynamostore.New(dynamodb.NewFromConfig(awsenv.MustConfig()),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"), "")
	keys := keyring.New(store, time.Now)
	validator := verdict.NewValidator(keys.Lookup, api.Fates(store), slog.Default(), time.Now)
	lambda.Start(lambdahttp.Handler(api.Validate(validator), awsenv.MustOriginSecrets()...))
}
