package gate

import (
	"encoding/json"
	"regexp"
	"strings"

	"qmslicensing/infra/local/template"
)

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
