// Package lambdastream hands the records of a DynamoDB stream, as Lambda delivers them, to what archives them.
package lambdastream

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"qmslicensing/shared/archive"
)

// Event is Lambda's event. The images stay as they came.
type Event struct {
	Records []struct {
		EventID  string `json:"eventID"`
		DynamoDB struct {
			SequenceNumber string          `json:"SequenceNumber"`
			OldImage       json.RawMessage `json:"OldImage"`
			NewImage       json.RawMessage `json:"NewImage"`
		} `json:"dynamodb"`
	}
}

// Handler gives every record of a batch to take, also after one that failed, and reports those that did: Lambda repeats
// the batch from the first of them on. So one that fails for ever holds up the shard for no longer than the event
// source mapping says, and loses nothing that came with it.
func Handler(take func(context.Context, archive.Change) error) func(context.Context, Event) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, batch Event) (events.DynamoDBEventResponse, error) {
		failures := []events.DynamoDBBatchItemFailure{}
		for _, r := range batch.Records {
			err := take(ctx, archive.Change{EventID: r.EventID, Before: present(r.DynamoDB.OldImage), After: present(r.DynamoDB.NewImage)})
			if err != nil {
				slog.ErrorContext(ctx, "stream record failed", "event", r.EventID, "error", err.Error())
				failures = append(failures, events.DynamoDBBatchItemFailure{ItemIdentifier: r.DynamoDB.SequenceNumber})
			}
		}
		return events.DynamoDBEventResponse{BatchItemFailures: failures}, nil
	}
}

// present takes an image that is null for none.
func present(image json.RawMessage) json.RawMessage {
	if string(image) == "null" {
		return nil
	}
	return image
}
