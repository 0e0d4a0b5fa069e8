// Command keys is the operator's command that fills the key table of a deployed stack. It reads the public keys from KMS
// and never removes a key.
//
//	keys -table TABLE temporary:signing=ARN temporary:standby=ARN sold:signing=ARN sold:standby=ARN
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"qmslicensing/infra/keys/table"
	"qmslicensing/shared/dynamostore"
)

func main() {
	licenseTable := flag.String("table", "", "DynamoDB table of licenses")
	flag.Parse()
	if err := run(context.Background(), *licenseTable, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "keys:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, licenseTable string, args []string) error {
	if licenseTable == "" || len(args) == 0 {
		return fmt.Errorf("say which table and which keys: keys -table TABLE PURPOSE:STATE=ARN …")
	}
	var keys []table.Key
	for _, arg := range args {
		key, err := table.ParseKey(arg)
		if err != nil {
			return err
		}
		keys = append(keys, key)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	store := dynamostore.New(dynamodb.NewFromConfig(cfg), licenseTable, "")
	written, err := table.Fill(ctx, kms.NewFromConfig(cfg), store, keys, time.Now())
	for _, entry := range written {
		fmt.Printf("%s  %s  %s  %s\n", entry.ID, entry.Purpose, entry.State, entry.ARN)
	}
	if err == nil && len(written) == 0 {
		fmt.Println("The key table says this already.")
	}
	return err
}
