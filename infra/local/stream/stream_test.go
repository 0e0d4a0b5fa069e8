package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	tables "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/stream"
	"qmslicensing/infra/local/template"
)

// double is a stream: shards with records, each record's sequence number its text.
type double struct {
	mu      sync.Mutex
	shards  []types.Shard
	records map[string][]types.Record // of a shard
	closed  map[string]bool
	asked   []string // for iterators
	fails   int      // the next so many calls of GetRecords
}

func (d *double) ListStreams(context.Context, *dynamodbstreams.ListStreamsInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.ListStreamsOutput, error) {
	return &dynamodbstreams.ListStreamsOutput{Streams: []types.Stream{{StreamArn: aws.String("arn/1")}}}, nil
}

func (d *double) DescribeStream(context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error) {
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &types.StreamDescription{Shards: d.shards}}, nil
}

func (d *double) GetShardIterator(_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := 0
	for i, record := range d.records[*in.ShardId] {
		if in.SequenceNumber != nil && *record.Dynamodb.SequenceNumber == *in.SequenceNumber {
			from = i + 1
		}
	}
	d.asked = append(d.asked, fmt.Sprintf("%s %s %s", *in.ShardId, in.ShardIteratorType, aws.ToString(in.SequenceNumber)))
	if aws.ToString(in.SequenceNumber) == "trimmed" {
		return nil, &types.TrimmedDataAccessException{}
	}
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: aws.String(fmt.Sprintf("%s/%d", *in.ShardId, from))}, nil
}

func (d *double) GetRecords(_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fails > 0 {
		d.fails--
		return nil, errors.New("no answer")
	}
	shard, at, _ := strings.Cut(*in.ShardIterator, "/")
	from, err := strconv.Atoi(at)
	if err != nil {
		return nil, err
	}
	to := min(len(d.records[shard]), from+int(*in.Limit))
	out := &dynamodbstreams.GetRecordsOutput{Records: d.records[shard][from:to]}
	if to < len(d.records[shard]) || !d.closed[shard] {
		out.NextShardIterator = aws.String(fmt.Sprintf("%s/%d", shard, to))
	}
	return out, nil
}

func records(sequences ...string) []types.Record {
	var list []types.Record
	for _, s := range sequences {
		list = append(list, types.Record{
			EventID: aws.String("event-" + s), EventName: types.OperationTypeInsert, EventVersion: aws.String("1.1"),
			Dynamodb: &types.StreamRecord{
				SequenceNumber: aws.String(s), SizeBytes: aws.Int64(3), StreamViewType: types.StreamViewTypeNewAndOldImages,
				ApproximateCreationDateTime: aws.Time(time.Now()),
				Keys:                        map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: s}},
				NewImage:                    map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: s}},
			},
		})
	}
	return list
}

// function is what the stream triggers.
type function struct {
	mu      sync.Mutex
	batches []string // sequence numbers, joined
	events  [][]byte
	answer  func(sequences []string) (string, error)
}

func (f *function) invoke(_ context.Context, name string, event []byte) ([]byte, error) {
	var e struct {
		Records []struct {
			DynamoDB struct{ SequenceNumber string }
		}
	}
	if err := json.Unmarshal(event, &e); err != nil || name != "ArchiveFunction" {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var sequences []string
	for _, r := range e.Records {
		sequences = append(sequences, r.DynamoDB.SequenceNumber)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches, f.events = append(f.batches, strings.Join(sequences, " ")), append(f.events, event)
	if f.answer == nil {
		return []byte(`{"batchItemFailures":[]}`), nil
	}
	answer, err := f.answer(sequences)
	return []byte(answer), err
}

func (f *function) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.batches...)
}

func source() template.Source {
	return template.Source{LogicalID: "Source", Function: "ArchiveFunction", Table: "AuditTable", Batch: 4, Bisect: true, Partial: true, MaxRetries: 2, MaxAge: time.Hour, DeadLetterTo: "Queue"}
}

// run reads until done holds.
func run(t *testing.T, c stream.Config, done func(*stream.Reader) bool) *stream.Reader {
	t.Helper()
	c.Log, c.Poll, c.Wait = t.Output(), 5*time.Millisecond, 5*time.Millisecond
	reader, err := stream.New(c)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { reader.Run(ctx) })
	require.Eventually(t, func() bool { return done(reader) }, 20*time.Second, 5*time.Millisecond)
	stop()
	running.Wait()
	return reader
}

func TestReader_ReadsAParentBeforeItsChildAndRemembersItsPlace(t *testing.T) {
	d := &double{
		shards:  []types.Shard{{ShardId: aws.String("child"), ParentShardId: aws.String("parent")}, {ShardId: aws.String("parent"), ParentShardId: aws.String("trimmed long ago")}},
		records: map[string][]types.Record{"parent": records("1", "2", "3", "4", "5"), "child": records("6")},
		closed:  map[string]bool{"parent": true}, fails: 1,
	}
	f, c := &function{}, stream.Config{Source: source(), Client: d, Place: filepath.Join(t.TempDir(), "streams", "place.json")}
	c.Invoke = f.invoke
	run(t, c, func(*stream.Reader) bool { return len(f.seen()) == 3 })
	require.Equal(t, []string{"1 2 3 4", "5", "6"}, f.seen())

	d.records["child"] = append(d.records["child"], records("7")...)
	d.asked = nil
	run(t, c, func(*stream.Reader) bool { return len(f.seen()) == 4 })
	require.Equal(t, "7", f.seen()[3])
	require.Equal(t, []string{"child AFTER_SEQUENCE_NUMBER 6"}, d.asked)
}

func TestReader_RepeatsFromTheFirstThatFailsAndGivesUp(t *testing.T) {
	d := &double{shards: []types.Shard{{ShardId: aws.String("one")}}, records: map[string][]types.Record{"one": records("1", "2", "3", "4", "5")}}
	f := &function{answer: func(sequences []string) (string, error) {
		for _, s := range sequences {
			if s == "3" {
				return `{"batchItemFailures":[{"itemIdentifier":"4"},{"itemIdentifier":"3"}]}`, nil
			}
		}
		return `{"batchItemFailures":[]}`, nil
	}}
	reader := run(t, stream.Config{Source: source(), Client: d, Invoke: f.invoke}, func(*stream.Reader) bool { return len(f.seen()) == 4 })
	require.Equal(t, []string{"1 2 3 4", "3 4", "3 4", "5"}, f.seen(), "it goes on after what was given up")
	require.Equal(t, []stream.Letter{{
		Function: "ArchiveFunction", Table: "AuditTable", Shard: "one", From: "3", To: "4", Count: 2, Error: "the function reports it as failed",
	}}, reader.Letters())
}

func TestReader_ABatchThatFailsAsAWholeIsHalvedUntilOneIsLeft(t *testing.T) {
	d := &double{shards: []types.Shard{{ShardId: aws.String("one")}}, records: map[string][]types.Record{"one": records("1", "2", "3", "4")}}
	f := &function{answer: func(sequences []string) (string, error) {
		for _, s := range sequences {
			if s == "3" {
				return "", errors.New("it crashes")
			}
		}
		return `{"batchItemFailures":[]}`, nil
	}}
	reader := run(t, stream.Config{Source: source(), Client: d, Invoke: f.invoke}, func(r *stream.Reader) bool { return len(r.Letters()) == 1 && f.seen()[len(f.seen())-1] == "4" })
	require.Equal(t, []string{"1 2 3 4", "1 2", "3 4", "3", "3", "3", "4"}, f.seen())
	require.Equal(t, "3", reader.Letters()[0].To)
}

func TestReader_OldRecordsAreGivenUpHoweverManyRetriesAreLeft(t *testing.T) {
	d := &double{shards: []types.Shard{{ShardId: aws.String("one")}}, records: map[string][]types.Record{"one": records("1")}}
	d.records["one"][0].Dynamodb.ApproximateCreationDateTime = aws.Time(time.Now().Add(-2 * time.Hour))
	f := &function{answer: func([]string) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":"1"}]}`, nil }}
	s := source()
	s.MaxRetries = -1
	run(t, stream.Config{Source: s, Client: d, Invoke: f.invoke}, func(r *stream.Reader) bool { return len(r.Letters()) == 1 })
	require.Equal(t, []string{"1"}, f.seen())
}

func TestReader_AnAnswerThatNamesNoRecordFailsTheBatch(t *testing.T) {
	d := &double{shards: []types.Shard{{ShardId: aws.String("one")}}, records: map[string][]types.Record{"one": records("1")}}
	for _, answer := range []string{`{"batchItemFailures":[{"itemIdentifier":""}]}`, `[]`} {
		f := &function{answer: func([]string) (string, error) { return answer, nil }}
		run(t, stream.Config{Source: source(), Client: d, Invoke: f.invoke}, func(r *stream.Reader) bool { return len(r.Letters()) == 1 })
	}
}

func TestReader_WritesLambdasEvent(t *testing.T) {
	d := &double{shards: []types.Shard{{ShardId: aws.String("one")}}, records: map[string][]types.Record{"one": records("1")}}
	r := d.records["one"][0]
	r.EventName, r.Dynamodb.ApproximateCreationDateTime = types.OperationTypeModify, aws.Time(time.Unix(1795000000, 5e8))
	r.Dynamodb.OldImage = map[string]types.AttributeValue{
		"s": &types.AttributeValueMemberS{Value: "<é>"}, "n": &types.AttributeValueMemberN{Value: "1"}, "b": &types.AttributeValueMemberB{Value: []byte("x")},
		"bool": &types.AttributeValueMemberBOOL{Value: true}, "null": &types.AttributeValueMemberNULL{Value: true},
		"ss": &types.AttributeValueMemberSS{Value: []string{"a"}}, "ns": &types.AttributeValueMemberNS{Value: []string{"2"}}, "bs": &types.AttributeValueMemberBS{Value: [][]byte{[]byte("y")}},
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberN{Value: "3"}}}}},
	}
	r.UserIdentity = &types.Identity{Type: aws.String("Service"), PrincipalId: aws.String("dynamodb.amazonaws.com")}
	d.records["one"][0] = r
	f, s := &function{}, source()
	s.MaxAge = 0
	run(t, stream.Config{Source: s, Client: d, Invoke: f.invoke}, func(*stream.Reader) bool { return len(f.seen()) == 1 })
	require.JSONEq(t, `{"Records": [{"eventID": "event-1", "eventName": "MODIFY", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "us-east-1",
		"eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/AuditTable/stream/local",
		"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
		"dynamodb": {"ApproximateCreationDateTime": 1795000000, "SequenceNumber": "1", "SizeBytes": 3, "StreamViewType": "NEW_AND_OLD_IMAGES",
			"Keys": {"pk": {"S": "1"}}, "NewImage": {"pk": {"S": "1"}},
			"OldImage": {"s": {"S": "<é>"}, "n": {"N": "1"}, "b": {"B": "eA=="}, "bool": {"BOOL": true}, "null": {"NULL": true},
				"ss": {"SS": ["a"]}, "ns": {"NS": ["2"]}, "bs": {"BS": ["eQ=="]}, "m": {"M": {"l": {"L": [{"N": "3"}]}}}}}}]}`, string(f.events[0]))
}

// TestReader_OnDynamoDBLocalGoesOnAfterARestart sees what the streams of DynamoDB Local are like.
func TestReader_OnDynamoDBLocalGoesOnAfterARestart(t *testing.T) {
	tools, err := setup.Find("")
	require.NoError(t, err)
	require.NoError(t, tools.EnsureDynamoDB(t.Context(), t.Output()))
	group := process.NewGroup()
	t.Cleanup(group.Close)
	data, place, f := t.TempDir(), filepath.Join(t.TempDir(), "place.json"), &function{}
	var seen []string
	for round, items := range [][]string{{"a", "b"}, {"c"}} {
		server, err := dynamodb.Start(t.Context(), dynamodb.Config{Cache: tools.DynamoDB(), Data: data, Log: t.Output(), Group: group})
		require.NoError(t, err)
		client := dynamodb.Client(server.Endpoint, "operator")
		require.NoError(t, dynamodb.CreateTables(t.Context(), client, []template.Table{{LogicalID: "AuditTable", Name: "AuditTable", Properties: map[string]any{
			"AttributeDefinitions": []any{map[string]any{"AttributeName": "pk", "AttributeType": "S"}},
			"KeySchema":            []any{map[string]any{"AttributeName": "pk", "KeyType": "HASH"}},
			"StreamSpecification":  map[string]any{"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
		}}}))
		for _, item := range items {
			_, err := client.PutItem(t.Context(), &sdk.PutItemInput{
				TableName: aws.String("AuditTable"), Item: map[string]tables.AttributeValue{"pk": &tables.AttributeValueMemberS{Value: item}},
			})
			require.NoError(t, err)
			seen = append(seen, item)
		}
		c := stream.Config{Source: source(), Client: dynamodb.StreamsClient(server.Endpoint, "operator"), Invoke: f.invoke, Place: place}
		run(t, c, func(*stream.Reader) bool { return len(keysOf(t, f)) >= len(seen) })
		require.Equal(t, seen, keysOf(t, f), "round %d", round)
		server.Stop()
	}
}

// keysOf gives the keys of all records that the function has been given.
func keysOf(t *testing.T, f *function) []string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var keys []string
	for _, event := range f.events {
		var e struct {
			Records []struct {
				DynamoDB struct {
					NewImage struct{ PK struct{ S string } }
				}
			}
		}
		require.NoError(t, json.Unmarshal(event, &e))
		for _, r := range e.Records {
			keys = append(keys, r.DynamoDB.NewImage.PK.S)
		}
	}
	return keys
}
