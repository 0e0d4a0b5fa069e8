// Command renew-subscription is the function behind POST /v1/licenses/{id}/renew and POST /v1/renewals.
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
	"qmslicensing/shared/license/batch"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/registry"
)

func main() {
	cfg := awsenv.MustConfig()
	store := dynamostore.New(dynamodb.NewFromConfig(cfg),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	signer := kmssign.New(kms.NewFromConfig(cfg), license.SoldKey)
	keys := keyring.New(store, time.Now)
	issuer := issuing.NewIssuer(store, signer, keys, awsenv.MustPolicy(), time.Now)
	renewer := batch.NewRenewer(issuer, registry.NewSelector(store, time.Now))
	handler := api.Mux(api.Renew(issuer), api.Renewals(renewer))
	lambda.Start(lambdahttp.Handler(handler, awsenv.MustOriginSecrets()...))
}
