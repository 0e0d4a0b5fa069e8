package lambdastream_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/archive"
	"qmslicensing/shared/lambdastream"
)

// delivered is Lambda's event: an item added, changed and removed.
const delivered = `{"Records": [
	{"eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
	 "dynamodb": {"ApproximateCreationDateTime": 1795000000, "Keys": {"pk": {"S": "a"}}, "NewImage": {"pk": {"S": "a"}, "n": {"N": "1"}},
	              "SequenceNumber": "111", "SizeBytes": 26, "StreamViewType": "NEW_AND_OLD_IMAGES"}},
	{"eventID": "2", "eventName": "MODIFY", "dynamodb": {"OldImage": {"pk": {"S": "a"}}, "NewImage": {"pk": {"S": "b"}}, "SequenceNumber": "222"}},
	{"eventID": "3", "eventName": "REMOVE", "dynamodb": {"OldImage": {"pk": {"S": "b"}}, "NewImage": null, "SequenceNumber": "333"}}
]}`

func TestHandler_EveryRecordIsTakenAndThoseThatFailAreReported(t *testing.T) {
	var event lambdastream.Event
	require.NoError(t, json.Unmarshal([]byte(delivered), &event))
	var taken []archive.Change
	handle := lambdastream.Handler(func(_ context.Context, c archive.Change) error {
		taken = append(taken, c)
		if c.EventID == "2" {
			return errors.New("no")
		}
		return nil
	})
	answer, err := handle(t.Context(), event)
	require.NoError(t, err)
	text, err := json.Marshal(answer)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures": [{"itemIdentifier": "222"}]}`, string(text))
	require.Equal(t, []archive.Change{
		{EventID: "1", After: json.RawMessage(`{"pk": {"S": "a"}, "n": {"N": "1"}}`)},
		{EventID: "2", Before: json.RawMessage(`{"pk": {"S": "a"}}`), After: json.RawMessage(`{"pk": {"S": "b"}}`)},
		{EventID: "3", Before: json.RawMessage(`{"pk": {"S": "b"}}`)},
	}, taken)
}

func TestHandler_ABatchThatIsTakenReportsAnEmptyList(t *testing.T) {
	answer, err := lambdastream.Handler(func(context.Context, archive.Change) error { return nil })(t.Context(), lambdastream.Event{})
	require.NoError(t, err)
	text, err := json.Marshal(answer)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures": []}`, string(text))
}
