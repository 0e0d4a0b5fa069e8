// Command amend is the function behind POST /v1/licenses/{id}/amend and /correct.
package main

import (
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"qmslicensing/shared/api"
	"qmslicensing/shared/awsenv"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/kmssign"
	"qmslicensing/shared/lambdahttp"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
)

func main() {
	cfg := awsenv.MustConfig()
	store := dynamostore.New(dynamodb.NewFromConfig(cfg),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	signer := kmssign.New(kms.NewFromConfig(cfg), license.SoldKey)
	keys := keyring.New(store, time.Now)
	rules := awsenv.MustPolicy()
	rules.RequestRequired = awsenv.MustBool("REQUIRE_LICENSE_REQUEST", "whether a permanent license gets more seats only from a license request")
	issuer := issuing.NewIssuer(store, signer, keys, rules, time.Now)
	lambda.Start(lambdahttp.Handler(api.Mux(api.Amend(issuer), api.Correct(issuer)), awsenv.MustOriginSecrets()...))
}
