// Package stream plays Lambda's event source mapping: it reads the stream of a table in DynamoDB Local from its beginning
// and triggers a function with the records in Lambda's own shape, in order, repeating what fails as the template says. It
// reads with the function's identity, as Lambda does.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"qmslicensing/infra/local/template"
)

// Client is what is used of dynamodbstreams.Client.
type Client interface {
	ListStreams(ctx context.Context, in *dynamodbstreams.ListStreamsInput, opts ...func(*dynamodbstreams.Options)) (*dynamodbstreams.ListStreamsOutput, error)
	DescribeStream(ctx context.Context, in *dynamodbstreams.DescribeStreamInput, opts ...func(*dynamodbstreams.Options)) (*dynamodbstreams.DescribeStreamOutput, error)
	GetShardIterator(ctx context.Context, in *dynamodbstreams.GetShardIteratorInput, opts ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetShardIteratorOutput, error)
	GetRecords(ctx context.Context, in *dynamodbstreams.GetRecordsInput, opts ...func(*dynamodbstreams.Options)) (*dynamodbstreams.GetRecordsOutput, error)
}

// Config is what a Reader needs.
type Config struct {
	Source template.Source
	Client Client
	Invoke func(ctx context.Context, function string, event []byte) ([]byte, error)
	Place  string    // the file that remembers how far it came; nothing is remembered when empty
	Log    io.Writer // what goes wrong; may be nil

	Poll time.Duration // between looks at a stream without news; half a second when 0
	Wait time.Duration // before the first repetition, doubled for each further up to half a minute; a second when 0
}

// Reader reads one stream.
type Reader struct {
	config Config
	place  *place

	mu      sync.Mutex
	letters []Letter
}

// New returns a Reader, which does nothing before Run.
func New(c Config) (*Reader, error) {
	if c.Log == nil {
		c.Log = io.Discard
	}
	if c.Poll == 0 {
		c.Poll = 500 * time.Millisecond
	}
	if c.Wait == 0 {
		c.Wait = time.Second
	}
	place, err := readPlace(c.Place)
	if err != nil {
		return nil, err
	}
	return &Reader{config: c, place: place}, nil
}

// Run reads until the context ends. A failure is logged, and reading begins again where it was.
func (r *Reader) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.follow(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintf(r.config.Log, "stream of %s: %v\n", r.config.Source.Table, err)
		}
		pause(ctx, r.config.Wait)
	}
}

// Letters gives what was given up, as the dead-letter queue would.
func (r *Reader) Letters() []Letter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Letter{}, r.letters...)
}

// lookAgain is how long a list of shards is taken for whole while none of them ends.
const lookAgain = 10 * time.Second

// follow reads every open shard by turns until the context ends or something fails.
func (r *Reader) follow(ctx context.Context) error {
	arn, err := r.arn(ctx)
	if err != nil {
		return err
	}
	r.place.of(arn)
	iterators := map[string]*string{} // of shards that are being read
	var looked time.Time
	for ctx.Err() == nil {
		if time.Since(looked) > lookAgain {
			if err := r.open(ctx, arn, iterators); err != nil {
				return err
			}
			looked = time.Now()
		}
		news := false
		for shard, iterator := range iterators {
			next, count, err := r.read(ctx, shard, iterator)
			if err != nil {
				return err
			}
			news = news || count > 0
			iterators[shard] = next
			if next == nil {
				delete(iterators, shard)
				if err := r.place.ended(shard); err != nil {
					return err
				}
				looked = time.Time{} // for the shards that follow it
			}
		}
		if !news {
			pause(ctx, r.config.Poll)
		}
	}
	return ctx.Err()
}

func (r *Reader) arn(ctx context.Context) (string, error) {
	out, err := r.config.Client.ListStreams(ctx, &dynamodbstreams.ListStreamsInput{TableName: &r.config.Source.Table})
	if err != nil {
		return "", err
	}
	if len(out.Streams) == 0 {
		return "", errors.New("the table has none")
	}
	return aws.ToString(out.Streams[len(out.Streams)-1].StreamArn), nil // the newest is listed last
}

// open gives an iterator to every shard that has not ended and does not wait for another: a child's records come after
// its parent's.
func (r *Reader) open(ctx context.Context, arn string, iterators map[string]*string) error {
	in := &dynamodbstreams.DescribeStreamInput{StreamArn: &arn}
	var shards []types.Shard
	for {
		out, err := r.config.Client.DescribeStream(ctx, in)
		if err != nil {
			return err
		}
		shards = append(shards, out.StreamDescription.Shards...)
		if in.ExclusiveStartShardId = out.StreamDescription.LastEvaluatedShardId; in.ExclusiveStartShardId == nil {
			break
		}
	}
	there := map[string]bool{}
	for _, shard := range shards {
		there[aws.ToString(shard.ShardId)] = true
	}
	for _, shard := range shards {
		id, parent := aws.ToString(shard.ShardId), aws.ToString(shard.ParentShardId)
		if iterators[id] != nil || r.place.hasEnded(id) || there[parent] && !r.place.hasEnded(parent) {
			continue
		}
		iterator, err := r.iterator(ctx, arn, id)
		if err != nil {
			return err
		}
		iterators[id] = iterator
	}
	return nil
}

func (r *Reader) iterator(ctx context.Context, arn, shard string) (*string, error) {
	in := &dynamodbstreams.GetShardIteratorInput{StreamArn: &arn, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	if after := r.place.after(shard); after != "" {
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, &after
	}
	out, err := r.config.Client.GetShardIterator(ctx, in)
	if trimmed := new(types.TrimmedDataAccessException); errors.As(err, &trimmed) { // it was away for more than a day
		in.ShardIteratorType, in.SequenceNumber = types.ShardIteratorTypeTrimHorizon, nil
		out, err = r.config.Client.GetShardIterator(ctx, in)
	}
	if err != nil {
		return nil, err
	}
	return out.ShardIterator, nil
}

// read delivers one batch of a shard and gives the iterator of the next one, nil at the shard's end.
func (r *Reader) read(ctx context.Context, shard string, iterator *string) (next *string, count int, err error) {
	out, err := r.config.Client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(int32(r.config.Source.Batch))})
	if err != nil {
		return nil, 0, err
	}
	if len(out.Records) == 0 {
		return out.NextShardIterator, 0, nil
	}
	if err := r.deliver(ctx, shard, out.Records); err != nil {
		return nil, 0, err
	}
	last := out.Records[len(out.Records)-1]
	return out.NextShardIterator, len(out.Records), r.place.reached(shard, aws.ToString(last.Dynamodb.SequenceNumber))
}

// pause waits, or less when the context ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
