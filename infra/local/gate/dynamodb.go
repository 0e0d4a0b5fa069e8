package gate

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"qmslicensing/infra/local/template"
)

// table holds the name of the partition key of a table (under "") and of each of its indexes.
type table map[string]string

type schema []struct{ AttributeName, KeyType string }

func (s schema) hash() string {
	for _, element := range s {
		if element.KeyType == "HASH" {
			return element.AttributeName
		}
	}
	return ""
}

func tablesByName(app *template.Application) (map[string]table, error) {
	tables := map[string]table{}
	for _, t := range app.Tables {
		text, err := json.Marshal(t.Properties)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.LogicalID, err)
		}
		var properties struct {
			KeySchema              schema
			GlobalSecondaryIndexes []struct {
				IndexName string
				KeySchema schema
			}
		}
		if err := json.Unmarshal(text, &properties); err != nil {
			return nil, fmt.Errorf("%s: %w", t.LogicalID, err)
		}
		tables[t.Name] = table{"": properties.KeySchema.hash()}
		for _, index := range properties.GlobalSecondaryIndexes {
			tables[t.Name][index.IndexName] = index.KeySchema.hash()
		}
		for index, hash := range tables[t.Name] {
			if hash == "" {
				return nil, fmt.Errorf("%s: index %q has no partition key", t.LogicalID, index)
			}
		}
	}
	return tables, nil
}

// attributes are those of an item or a key, in DynamoDB's JSON: name → type → value.
type attributes map[string]map[string]any

// element is a request on one item, alone or as a part of a transaction or batch.
type element struct {
	TableName string
	Key       attributes
	Item      attributes
}

// administration is what the operator alone does with tables, authorized on the table like everything else.
func administration() []string {
	return []string{"CreateTable", "DescribeTable", "UpdateTable", "DeleteTable", "DescribeTimeToLive", "UpdateTimeToLive",
		"DescribeContinuousBackups", "UpdateContinuousBackups"}
}

func (g *Gate) dynamoAccesses(operation string, body []byte) ([]access, error) {
	var single element
	switch {
	case slices.Contains([]string{"GetItem", "PutItem", "UpdateItem", "DeleteItem"}, operation):
		return read(body, &single, func() ([]access, error) { return []access{g.item(operation, single)}, nil })
	case operation == "Query" || operation == "Scan":
		var search search
		return read(body, &search, func() ([]access, error) { return g.search(operation, search) })
	case operation == "TransactWriteItems" || operation == "TransactGetItems":
		var transaction struct{ TransactItems []map[string]element }
		return read(body, &transaction, func() ([]access, error) { return g.transaction(operation, transaction.TransactItems) })
	case operation == "BatchGetItem" || operation == "BatchWriteItem":
		var batch struct{ RequestItems map[string]json.RawMessage }
		return read(body, &batch, func() ([]access, error) { return g.batch(operation, batch.RequestItems) })
	case slices.Contains(administration(), operation):
		return read(body, &single, func() ([]access, error) {
			return []access{{action: operation, resource: tableARN(single.TableName)}}, nil
		})
	case operation == "ListTables":
		return []access{{action: operation, resource: "*"}}, nil
	}
	return nil, failure{coral: true, name: "UnknownOperationException", message: operation + " is not an operation that the gate knows"}
}

func read(body []byte, into any, then func() ([]access, error)) ([]access, error) {
	if err := json.Unmarshal(body, into); err != nil {
		return nil, failure{coral: true, name: "SerializationException", message: err.Error()}
	}
	return then()
}

// tableARN takes a table's name or ARN, as the API does.
func tableARN(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return template.TableARN(name)
}

// leading gives the partition key's values as the condition key dynamodb:LeadingKeys. An item without its partition key,
// or of a table unknown here, leads with a value that no condition names: a missing condition key would let
// ForAllValues hold.
func (g *Gate) leading(tableName string, items ...attributes) map[string][]string {
	hash := g.tables[tableName[strings.LastIndex(tableName, "/")+1:]][""]
	var values []string
	for _, item := range items {
		values = append(values, text(item[hash]))
	}
	return map[string][]string{"dynamodb:LeadingKeys": values}
}

// text is the one value in an attribute such as {"S": "keys"}.
func text(attribute map[string]any) string {
	for _, value := range attribute {
		return fmt.Sprint(value)
	}
	return ""
}

func (g *Gate) item(action string, e element) access {
	key := e.Key
	if action == "PutItem" {
		key = e.Item
	}
	return access{action: action, resource: tableARN(e.TableName), context: g.leading(e.TableName, key)}
}

// transaction authorizes each element as the single operation on its table.
func (g *Gate) transaction(operation string, elements []map[string]element) ([]access, error) {
	actions := map[string]string{"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
	if operation == "TransactGetItems" {
		actions = map[string]string{"Get": "GetItem"}
	}
	var accesses []access
	for _, e := range elements {
		for kind, on := range e {
			action, ok := actions[kind]
			if !ok {
				return nil, failure{coral: true, name: "SerializationException", message: kind + " is no element of " + operation}
			}
			accesses = append(accesses, g.item(action, on))
		}
	}
	return notEmpty(accesses, operation)
}

// batch authorizes the batch itself on each of its tables; AWS does not break it into the single operations.
func (g *Gate) batch(operation string, tables map[string]json.RawMessage) ([]access, error) {
	var accesses []access
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		var keys []attributes
		if operation == "BatchGetItem" {
			var gets struct{ Keys []attributes }
			if err := json.Unmarshal(tables[name], &gets); err != nil {
				return nil, failure{coral: true, name: "SerializationException", message: err.Error()}
			}
			keys = gets.Keys
		} else {
			var writes []struct{ PutRequest, DeleteRequest element }
			if err := json.Unmarshal(tables[name], &writes); err != nil {
				return nil, failure{coral: true, name: "SerializationException", message: err.Error()}
			}
			for _, write := range writes {
				key := write.PutRequest.Item
				if key == nil {
					key = write.DeleteRequest.Key
				}
				keys = append(keys, key)
			}
		}
		accesses = append(accesses, access{action: operation, resource: tableARN(name), context: g.leading(name, keys...)})
	}
	return notEmpty(accesses, operation)
}

// notEmpty keeps a request that names no table from passing because nothing in it was denied.
func notEmpty(accesses []access, operation string) ([]access, error) {
	if len(accesses) == 0 {
		return nil, failure{name: "ValidationException", message: operation + " names no table"}
	}
	return accesses, nil
}

// search is a Query or Scan.
type search struct {
	TableName                 string
	IndexName                 string
	KeyConditionExpression    string
	ExpressionAttributeNames  map[string]string
	ExpressionAttributeValues attributes
}

func (g *Gate) search(operation string, s search) ([]access, error) {
	a := access{action: operation, resource: tableARN(s.TableName)}
	name := a.resource[strings.LastIndex(a.resource, "/")+1:]
	if s.IndexName != "" {
		a.resource += "/index/" + s.IndexName
	}
	hash, known := g.tables[name][s.IndexName]
	if operation == "Query" && known {
		value, ok := s.partition(hash)
		if !ok {
			return nil, failure{name: "ValidationException", message: "Query condition missed key schema element: " + hash}
		}
		a.context = map[string][]string{"dynamodb:LeadingKeys": {value}}
	}
	return []access{a}, nil
}

// equality matches "name = :value" in a key condition; the partition key takes no other comparison.
var equality = regexp.MustCompile(`([#\w.-]+)\s*=\s*(:\w+)`)

func (s search) partition(hash string) (string, bool) {
	for _, match := range equality.FindAllStringSubmatch(s.KeyConditionExpression, -1) {
		name := match[1]
		if strings.HasPrefix(name, "#") {
			name = s.ExpressionAttributeNames[name]
		}
		if value, ok := s.ExpressionAttributeValues[match[2]]; ok && name == hash {
			return text(value), true
		}
	}
	return "", false
}

// streamsTarget starts the X-Amz-Target header of DynamoDB's streams.
const streamsTarget = "DynamoDBStreams_20120810."

// streamOfTable matches the table in a stream's ARN, which DynamoDB Local also writes into its shard iterators.
var streamOfTable = regexp.MustCompile(`:table/([\w.-]+)/stream/`)

// streamAccesses authorizes on the stream that the template knows, whatever name DynamoDB Local has made for it.
func streamAccesses(operation string, body []byte) ([]access, error) {
	var request struct{ TableName, StreamArn, ShardIterator string }
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, failure{coral: true, name: "SerializationException", message: err.Error()}
	}
	named := request.StreamArn
	switch operation {
	case "ListStreams":
		named = ":table/" + request.TableName + "/stream/"
	case "DescribeStream", "GetShardIterator":
	case "GetRecords":
		named = request.ShardIterator
	default:
		return nil, failure{coral: true, name: "UnknownOperationException", message: operation + " is not an operation that the gate knows"}
	}
	match := streamOfTable.FindStringSubmatch(named)
	if match == nil {
		return nil, failure{name: "ValidationException", message: operation + " names no stream: " + strings.TrimSpace(named)}
	}
	return []access{{action: operation, resource: template.StreamARN(match[1])}}, nil
}
