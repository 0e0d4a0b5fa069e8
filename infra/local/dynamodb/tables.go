package dynamodb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"qmslicensing/infra/local/template"
)

// shape is what of a table's properties makes its items' places and its stream: the rest (recovery, protection, tags) is AWS's alone.
type shape struct {
	AttributeDefinitions   []types.AttributeDefinition
	KeySchema              []types.KeySchemaElement
	GlobalSecondaryIndexes []types.GlobalSecondaryIndex
	StreamSpecification    *types.StreamSpecification // nil when the table has no stream
}

// Client returns a client of an endpoint of the local stack. accessKey names who asks.
func Client(endpoint, accessKey string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       template.Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "local", ""),
	})
}

// StreamsClient returns a client of the streams at the same endpoint, which is a running function's: it has a session.
func StreamsClient(endpoint, accessKey string) *dynamodbstreams.Client {
	return dynamodbstreams.New(dynamodbstreams.Options{
		Region:       template.Region,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(accessKey, "local", "event-source-mapping"),
	})
}

// CreateTables makes those of the tables that are not there. A kept table that the template now wants otherwise is an
// error.
func CreateTables(ctx context.Context, client *dynamodb.Client, tables []template.Table) error {
	for _, table := range tables {
		wanted, err := shapeOf(table)
		if err != nil {
			return fmt.Errorf("reading the properties of table %s: %w", table.LogicalID, err)
		}
		_, err = client.CreateTable(ctx, &dynamodb.CreateTableInput{
			TableName:              aws.String(table.Name),
			BillingMode:            types.BillingModePayPerRequest,
			AttributeDefinitions:   wanted.AttributeDefinitions,
			KeySchema:              wanted.KeySchema,
			GlobalSecondaryIndexes: wanted.GlobalSecondaryIndexes,
			StreamSpecification:    wanted.StreamSpecification,
		})
		if exists := new(types.ResourceInUseException); errors.As(err, &exists) {
			err = compare(ctx, client, table.Name, wanted)
		}
		if err != nil {
			return fmt.Errorf("creating table %s: %w", table.Name, err)
		}
	}
	return nil
}

func shapeOf(table template.Table) (shape, error) {
	var out shape
	text, err := json.Marshal(table.Properties)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, err
	}
	if len(out.KeySchema) == 0 {
		return out, errors.New("it has no KeySchema")
	}
	return out, nil
}

func compare(ctx context.Context, client *dynamodb.Client, name string, wanted shape) error {
	there, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(name)})
	if err != nil {
		return err
	}
	kept := shape{AttributeDefinitions: there.Table.AttributeDefinitions, KeySchema: there.Table.KeySchema, StreamSpecification: there.Table.StreamSpecification}
	for _, index := range there.Table.GlobalSecondaryIndexes {
		kept.GlobalSecondaryIndexes = append(kept.GlobalSecondaryIndexes,
			types.GlobalSecondaryIndex{IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection})
	}
	if slices.Equal(kept.plain(), wanted.plain()) {
		return nil
	}
	what := "keys or another stream"
	if names := kept.otherIndexes(wanted); len(names) > 0 {
		what = "indexes (" + strings.Join(names, ", ") + ")"
	}
	return fmt.Errorf("the data that an earlier run has kept has this table with other %s than template.yaml; it is of this machine alone: remove it with make clean, and start again", what)
}

// otherIndexes names the indexes that only one of two shapes has, or that are not the same in both, sorted.
func (s shape) otherIndexes(than shape) []string {
	mine, theirs := s.indexes(), than.indexes()
	var names []string
	for name := range mine {
		if mine[name] != theirs[name] {
			names = append(names, name)
		}
	}
	for name := range theirs {
		if _, both := mine[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// indexes describes each index by its name.
func (s shape) indexes() map[string]string {
	lines := map[string]string{}
	for _, index := range s.GlobalSecondaryIndexes {
		line := keys(index.KeySchema)
		if index.Projection != nil {
			others := slices.Sorted(slices.Values(index.Projection.NonKeyAttributes))
			line += " " + string(index.Projection.ProjectionType) + " " + strings.Join(others, " ")
		}
		lines[aws.ToString(index.IndexName)] = line
	}
	return lines
}

// plain writes a shape as sorted lines, so that two can be compared.
func (s shape) plain() []string {
	var lines []string
	for _, a := range s.AttributeDefinitions {
		lines = append(lines, "attribute "+aws.ToString(a.AttributeName)+" "+string(a.AttributeType))
	}
	lines = append(lines, "table "+keys(s.KeySchema))
	for name, line := range s.indexes() {
		lines = append(lines, "index "+name+" "+line)
	}
	if s.StreamSpecification != nil && aws.ToBool(s.StreamSpecification.StreamEnabled) {
		lines = append(lines, "stream "+string(s.StreamSpecification.StreamViewType))
	}
	slices.Sort(lines)
	return lines
}

func keys(schema []types.KeySchemaElement) string {
	var out string
	for _, k := range schema {
		out += aws.ToString(k.AttributeName) + ":" + string(k.KeyType) + " "
	}
	return out
}
