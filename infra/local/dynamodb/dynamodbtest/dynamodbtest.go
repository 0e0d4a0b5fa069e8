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
	endpoint, err := start(group, false)
	if err != nil {
		fmt.Fprintln(os.Stderr, "starting DynamoDB Local:", err)
		return 1
	}
	use(endpoint)
	return m.Run()
}

// Bulk starts one of a test's own that is made for writing very much, and returns its endpoint.
func Bulk(t *testing.T) string {
	t.Helper()
	group := process.NewGroup()
	t.Cleanup(group.Close)
	endpoint, err := start(group, true)
	if err != nil {
		t.Fatal("starting DynamoDB Local:", err)
	}
	return endpoint
}

func start(group *process.Group, bulk bool) (endpoint string, err error) {
	tools, err := setup.Find("")
	if err != nil {
		return "", err
	}
	if err := tools.EnsureDynamoDB(context.Background(), os.Stderr); err != nil {
		return "", err
	}
	server, err := dynamodb.Start(context.Background(), dynamodb.Config{Cache: tools.DynamoDB(), Log: os.Stderr, Group: group, Bulk: bulk})
	if err != nil {
		return "", err
	}
	return server.Endpoint, nil
}
