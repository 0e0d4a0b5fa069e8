// Command reconcile is the function behind POST /v1/reconcile, GET /v1/findings and the schedule of the daily run.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/kmscount"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/reconcile"
)

func main() {
	cfg := awsenv.MustConfig()
	store := dynamostore.New(dynamodb.NewFromConfig(cfg),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	runner := reconcile.New(store, keyring.New(store, time.Now), kmscount.New(cloudwatch.NewFromConfig(cfg)), time.Now)
	handler := lambdahttp.Handler(api.Mux(api.Reconcile(runner), api.Findings(runner)), awsenv.MustOriginSecrets()...)
	lambda.Start(lambdahttp.OrTask(handler, "reconcile", api.ReconcileTick(runner)))
}
