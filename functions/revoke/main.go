// Command revoke is the function behind POST /v1/licenses/{id}/revoke. It signs nothing and has no way to a signer.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license/issuing"
)

func main() {
	cfg := awsenv.MustConfig()
	store := dynamostore.New(dynamodb.NewFromConfig(cfg),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	revoker := issuing.NewRevoker(store, time.Now)
	lambda.Start(lambdahttp.Handler(api.Revoke(revoker), awsenv.MustOriginSecrets()...))
}
