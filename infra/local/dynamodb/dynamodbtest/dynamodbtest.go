// Package dynamodbtest gives the tests of a package one DynamoDB Local, in memory.
package dynamodbtest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/setup"
)

// Main is what TestMain exits with: it starts DynamoDB Local, hands its endpoint over, and runs the tests.
func Main(m *testing.M, use func(endpoint string)) int {
	group := process.NewGroup()
	defer group.Close()
	tools, err := setup.Find("")
	if err == nil {
		err = tools.EnsureDynamoDB(context.Background(), os.Stderr)
	}
	var server *dynamodb.Server
	if err == nil {
		server, err = dynamodb.Start(context.Background(), dynamodb.Config{Cache: tools.DynamoDB(), Log: os.Stderr, Group: group})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting DynamoDB Local:", err)
		return 1
	}
	use(server.Endpoint)
	return m.Run()
}
