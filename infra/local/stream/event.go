package stream

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"qmslicensing/infra/local/template"
)

// object is a JSON object; encoding/json writes its members in order.
type object = map[string]any

// eventOf writes records as Lambda's event.
func eventOf(table string, records []types.Record) ([]byte, error) {
	list := make([]object, len(records))
	for i, r := range records {
		data := object{
			"SequenceNumber": sequence(r), "SizeBytes": aws.ToInt64(r.Dynamodb.SizeBytes), "StreamViewType": r.Dynamodb.StreamViewType,
			"ApproximateCreationDateTime": aws.ToTime(r.Dynamodb.ApproximateCreationDateTime).Unix(),
		}
		for name, image := range map[string]map[string]types.AttributeValue{
			"Keys": r.Dynamodb.Keys, "OldImage": r.Dynamodb.OldImage, "NewImage": r.Dynamodb.NewImage,
		} {
			if len(image) == 0 {
				continue // Lambda leaves out what is not there
			}
			written, err := attributes(image)
			if err != nil {
				return nil, err
			}
			data[name] = written
		}
		list[i] = object{
			"eventID": aws.ToString(r.EventID), "eventName": r.EventName, "eventVersion": aws.ToString(r.EventVersion),
			"eventSource": "aws:dynamodb", "awsRegion": template.Region, "eventSourceARN": template.StreamARN(table), "dynamodb": data,
		}
		if r.UserIdentity != nil { // of DynamoDB itself, when it deletes by TTL
			list[i]["userIdentity"] = object{"type": aws.ToString(r.UserIdentity.Type), "principalId": aws.ToString(r.UserIdentity.PrincipalId)}
		}
	}
	return json.Marshal(object{"Records": list})
}

func attributes(image map[string]types.AttributeValue) (object, error) {
	written := object{}
	for name, value := range image {
		var err error
		if written[name], err = attribute(value); err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
	}
	return written, nil
}

// attribute writes a value in DynamoDB's JSON.
func attribute(value types.AttributeValue) (object, error) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return object{"S": v.Value}, nil
	case *types.AttributeValueMemberN:
		return object{"N": v.Value}, nil
	case *types.AttributeValueMemberB:
		return object{"B": v.Value}, nil
	case *types.AttributeValueMemberBOOL:
		return object{"BOOL": v.Value}, nil
	case *types.AttributeValueMemberNULL:
		return object{"NULL": v.Value}, nil
	case *types.AttributeValueMemberSS:
		return object{"SS": v.Value}, nil
	case *types.AttributeValueMemberNS:
		return object{"NS": v.Value}, nil
	case *types.AttributeValueMemberBS:
		return object{"BS": v.Value}, nil
	case *types.AttributeValueMemberM:
		members, err := attributes(v.Value)
		return object{"M": members}, err
	case *types.AttributeValueMemberL:
		list := make([]object, len(v.Value))
		for i, element := range v.Value {
			var err error
			if list[i], err = attribute(element); err != nil {
				return nil, err
			}
		}
		return object{"L": list}, nil
	}
	return nil, fmt.Errorf("type %T is not understood here", value)
}
