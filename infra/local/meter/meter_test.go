package meter_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/meter"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/setup"
)

const table = "things"

// metered is DynamoDB Local behind a meter, with a table whose index has everything.
func metered(t *testing.T) (*sdk.Client, *meter.Meter) {
	t.Helper()
	tools, err := setup.Find("")
	require.NoError(t, err)
	require.NoError(t, tools.Ensure(context.Background(), t.Output()))
	group := process.NewGroup()
	t.Cleanup(group.Close)
	server, err := dynamodb.Start(context.Background(), dynamodb.Config{Cache: tools.DynamoDB(), Group: group, Log: t.Output()})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	endpoint, err := url.Parse(server.Endpoint)
	require.NoError(t, err)
	m := &meter.Meter{}
	front := httptest.NewServer(m.DynamoDB(gate.ProxyTo(endpoint)))
	t.Cleanup(front.Close)
	client := dynamodb.Client(front.URL, gate.AccessKey("IssueFunction"))
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS}
	}
	hash := func(name string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: aws.String(name), KeyType: types.KeyTypeHash}}
	}
	_, err = client.CreateTable(context.Background(), &sdk.CreateTableInput{
		TableName: aws.String(table), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{text("pk"), text("group")}, KeySchema: hash("pk"),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName: aws.String("byGroup"), KeySchema: hash("group"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	require.NoError(t, err)
	require.Empty(t, m.Take(), "operations on tables are free")
	return client, m
}

// item is one of a size in bytes, in the index when group is given.
func item(pk, group string, size int) map[string]types.AttributeValue {
	it := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}}
	size -= len("pk") + len(pk) + len("x")
	if group != "" {
		it["group"] = &types.AttributeValueMemberS{Value: group}
		size -= len("group") + len(group)
	}
	it["x"] = &types.AttributeValueMemberS{Value: strings.Repeat("x", size)}
	return it
}

// The rule of AWS's price list: a unit for every begun KB that is written, two in a transaction, the same again for
// every index; a unit for every begun 4 KB that is read, half of one when eventually consistent.
func TestDynamoDB_UnitsFollowThePriceList(t *testing.T) {
	client, m := metered(t)
	ctx := context.Background()
	put := func(it map[string]types.AttributeValue) func() error {
		return func() error {
			_, err := client.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String(table), Item: it})
			return err
		}
	}
	transaction := func(items ...map[string]types.AttributeValue) func() error {
		return func() error {
			in := &sdk.TransactWriteItemsInput{}
			for _, it := range items {
				in.TransactItems = append(in.TransactItems, types.TransactWriteItem{Put: &types.Put{TableName: aws.String(table), Item: it}})
			}
			_, err := client.TransactWriteItems(ctx, in)
			return err
		}
	}
	get := func(pk string, consistent bool) func() error {
		return func() error {
			_, err := client.GetItem(ctx, &sdk.GetItemInput{
				TableName: aws.String(table), ConsistentRead: &consistent, Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: pk}},
			})
			return err
		}
	}
	query := func(group string) func() error {
		return func() error {
			_, err := client.Query(ctx, &sdk.QueryInput{
				TableName: aws.String(table), IndexName: aws.String("byGroup"), KeyConditionExpression: aws.String("#g = :g"),
				ExpressionAttributeNames:  map[string]string{"#g": "group"},
				ExpressionAttributeValues: map[string]types.AttributeValue{":g": &types.AttributeValueMemberS{Value: group}},
			})
			return err
		}
	}
	rows := []struct {
		name   string
		do     func() error
		action string
		puts   int
		want   []meter.Consumed
	}{
		{"1 KB", put(item("a", "", 1024)), "PutItem", 0, []meter.Consumed{{Writes: 1}}},
		{"a byte more", put(item("b", "", 1025)), "PutItem", 0, []meter.Consumed{{Writes: 2}}},
		{"with an index", put(item("c", "g", 1025)), "PutItem", 0, []meter.Consumed{{Writes: 2}, {Index: "byGroup", Writes: 2}}},
		{"a transaction", transaction(item("d", "", 1025)), "TransactWriteItems", 1, []meter.Consumed{{Writes: 4}}},
		{"of two, each rounded on its own", transaction(item("e", "", 100), item("f", "", 100)), "TransactWriteItems", 2, []meter.Consumed{{Writes: 2}, {Writes: 2}}},
		{"with an index, which DynamoDB Local doubles too", transaction(item("h", "g", 1025)), "TransactWriteItems", 1,
			[]meter.Consumed{{Writes: 4}, {Index: "byGroup", Writes: 4}}},
		{"a read", get("a", false), "GetItem", 0, []meter.Consumed{{Reads: 0.5}}},
		{"a consistent read", get("a", true), "GetItem", 0, []meter.Consumed{{Reads: 1}}},
		{"a read of nothing", get("nothing", true), "GetItem", 0, []meter.Consumed{{Reads: 1}}},
		{"a query of an index", query("g"), "Query", 0, []meter.Consumed{{Index: "byGroup", Reads: 0.5}}},
		{"a query that finds nothing", query("nobody"), "Query", 0, []meter.Consumed{{Index: "byGroup", Reads: 0.5}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			require.NoError(t, row.do())
			noted := m.Take()
			require.Len(t, noted, 1)
			require.Equal(t, "IssueFunction", noted[0].Principal)
			require.Equal(t, "dynamodb:"+row.action, noted[0].Action)
			require.Equal(t, row.puts, noted[0].Puts[table])
			for n := range row.want {
				row.want[n].Table = table
			}
			slices.SortFunc(noted[0].Consumed, func(a, b meter.Consumed) int { return strings.Compare(a.Index, b.Index) })
			require.Equal(t, row.want, noted[0].Consumed)
		})
	}
}
