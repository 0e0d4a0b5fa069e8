// Command exception is the function behind /v1/exceptions and /v1/exception-requests: who asks for exceptions from limits and
// who grants or declines them.
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
)

func main() {
	store := dynamostore.New(dynamodb.NewFromConfig(awsenv.MustConfig()),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	exceptions, err := desk.NewExceptions(store, awsenv.MustInt("EXCEPTION_DAYS", "the days that an exception from a limit is open"), awsenv.MustCursorSecrets(), time.Now)
	if err != nil {
		log.Fatal(err)
	}
	lambda.Start(lambdahttp.Handler(api.Exceptions(exceptions), awsenv.MustOriginSecrets()...))
}
