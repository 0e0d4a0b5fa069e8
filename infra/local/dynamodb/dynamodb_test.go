package dynamodb_test

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/template"
)

func start(t *testing.T, data string) *dynamodb.Server {
	t.Helper()
	tools, err := setup.Find("")
	require.NoError(t, err)
	require.NoError(t, tools.EnsureDynamoDB(context.Background(), t.Output()))
	group := process.NewGroup()
	t.Cleanup(group.Close)
	server, err := dynamodb.Start(context.Background(), dynamodb.Config{
		Cache: tools.DynamoDB(), Data: data, Log: t.Output(), Group: group,
	})
	require.NoError(t, err)
	return server
}

func licenses(sortKey string) []template.Table {
	return []template.Table{{LogicalID: "LicenseTable", Name: "licenses", Properties: map[string]any{
		"BillingMode":          "PAY_PER_REQUEST",
		"AttributeDefinitions": []any{attribute("pk"), attribute(sortKey), attribute("bucket")},
		"KeySchema":            []any{key("pk", "HASH"), key(sortKey, "RANGE")},
		"GlobalSecondaryIndexes": []any{map[string]any{
			"IndexName": "expirations", "KeySchema": []any{key("bucket", "HASH")}, "Projection": map[string]any{"ProjectionType": "ALL"},
		}},
		"StreamSpecification":              map[string]any{"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
		"PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": true},
	}}}
}

func attribute(name string) any { return map[string]any{"AttributeName": name, "AttributeType": "S"} }

func key(name, kind string) any { return map[string]any{"AttributeName": name, "KeyType": kind} }

func TestServer_KeepsTablesAndItemsAcrossRestarts(t *testing.T) {
	ctx, data := context.Background(), t.TempDir()
	first := start(t, data)
	client := dynamodb.Client(first.Endpoint, "operator")
	require.NoError(t, dynamodb.CreateTables(ctx, client, licenses("sk")))
	require.NoError(t, dynamodb.CreateTables(ctx, client, licenses("sk")), "a second time")
	item := map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "a"}, "sk": &types.AttributeValueMemberS{Value: "b"},
	}
	_, err := client.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("licenses"), Item: item})
	require.NoError(t, err)
	begin := time.Now()
	first.Stop()
	require.Less(t, time.Since(begin), 3*time.Second)

	client = dynamodb.Client(start(t, data).Endpoint, "someoneelse")
	got, err := client.GetItem(ctx, &sdk.GetItemInput{TableName: aws.String("licenses"), Key: item, ConsistentRead: aws.Bool(true)})
	require.NoError(t, err)
	require.Equal(t, item, got.Item)
	require.NoError(t, dynamodb.CreateTables(ctx, client, licenses("sk")), "kept with its stream")
	require.ErrorContains(t, dynamodb.CreateTables(ctx, client, licenses("other")), "make clean")
	indexes := licenses("sk")
	indexes[0].Properties["GlobalSecondaryIndexes"] = append(indexes[0].Properties["GlobalSecondaryIndexes"].([]any), map[string]any{
		"IndexName": "customers", "KeySchema": []any{key("bucket", "HASH")}, "Projection": map[string]any{"ProjectionType": "ALL"},
	})
	require.EqualError(t, dynamodb.CreateTables(ctx, client, indexes), "creating table licenses: the data that an earlier run has kept has this table "+
		"with other indexes (customers) than template.yaml; it is of this machine alone: remove it with make clean, and start again")
	without := licenses("sk")
	delete(without[0].Properties, "StreamSpecification")
	require.ErrorContains(t, dynamodb.CreateTables(ctx, client, without), "make clean")
}

func TestServer_ListensOnTheLoopbackAlone(t *testing.T) {
	endpoint, err := url.Parse(start(t, "").Endpoint)
	require.NoError(t, err)
	addresses, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.IsLoopback() || network.IP.To4() == nil {
			continue
		}
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(network.IP.String(), endpoint.Port()), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		require.Error(t, err, network.IP)
	}
}
