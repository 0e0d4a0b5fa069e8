// Command sweep is the scheduled function that finishes or voids what stays pending.
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
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/protocol"
)

func main() {
	cfg := awsenv.MustConfig()
	store := dynamostore.New(dynamodb.NewFromConfig(cfg),
		awsenv.Must("LICENSE_TABLE", "DynamoDB table of licenses"),
		awsenv.Must("AUDIT_TABLE", "DynamoDB table of audit entries"))
	signer := kmssign.New(kms.NewFromConfig(cfg), license.TemporaryKey, license.SoldKey)
	keys := keyring.New(store, time.Now)
	sweeper := protocol.NewSweeper(protocol.NewWriter(store, signer, keys, time.Now), store)
	lambda.Start(api.Sweep(sweeper))
}
