package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// Letter is what Lambda sends to the dead-letter queue of records that it has given up: not they, but where they are.
type Letter struct {
	Function string
	Table    string
	Shard    string
	From, To string // sequence numbers
	Count    int
	Error    string
}

// maxWait bounds the pause between two tries.
const maxWait = 30 * time.Second

// deliver triggers the function with a batch until it has taken all of it or what is left is given up. Only the end of
// the context is an error.
func (r *Reader) deliver(ctx context.Context, shard string, batch []types.Record) error {
	source, wait := r.config.Source, r.config.Wait
	for tries := 0; ; tries++ {
		taken, err := r.invoke(ctx, batch)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && taken == len(batch) {
			return nil
		}
		if err != nil && source.Bisect && len(batch) > 1 {
			half := len(batch) / 2
			return errors.Join(r.deliver(ctx, shard, batch[:half]), r.deliver(ctx, shard, batch[half:]))
		}
		if taken > 0 {
			batch, tries = batch[taken:], 0
		}
		if err == nil {
			err = errors.New("the function reports it as failed")
		}
		if source.MaxRetries >= 0 && tries >= source.MaxRetries || source.MaxAge > 0 && age(batch[0]) > source.MaxAge {
			r.giveUp(shard, batch, err)
			return nil
		}
		fmt.Fprintf(r.config.Log, "stream of %s: record %s fails and is repeated: %v\n", source.Table, sequence(batch[0]), err)
		pause(ctx, wait)
		wait = min(2*wait, maxWait)
	}
}

// invoke triggers the function once and tells how many records of the batch it has taken, from the first on.
func (r *Reader) invoke(ctx context.Context, batch []types.Record) (taken int, err error) {
	event, err := eventOf(r.config.Source.Table, batch)
	if err != nil {
		return 0, err
	}
	answer, err := r.config.Invoke(ctx, r.config.Source.Function, event)
	if err != nil {
		return 0, err
	}
	if !r.config.Source.Partial {
		return len(batch), nil
	}
	var failed struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &failed); err != nil {
		return 0, fmt.Errorf("its answer is no list of failures: %w", err)
	}
	positions := map[string]int{}
	for i, record := range batch {
		positions[sequence(record)] = i
	}
	taken = len(batch)
	for _, failure := range failed.BatchItemFailures {
		at, known := positions[failure.ItemIdentifier]
		if !known {
			return 0, fmt.Errorf("it names %q as failed, which is not in the batch", failure.ItemIdentifier)
		}
		taken = min(taken, at)
	}
	return taken, nil
}

func (r *Reader) giveUp(shard string, batch []types.Record, err error) {
	letter := Letter{
		Function: r.config.Source.Function, Table: r.config.Source.Table, Shard: shard,
		From: sequence(batch[0]), To: sequence(batch[len(batch)-1]), Count: len(batch), Error: err.Error(),
	}
	fmt.Fprintf(r.config.Log, "stream of %s: given up, to %s: %+v\n", letter.Table, r.config.Source.DeadLetterTo, letter)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.letters = append(r.letters, letter)
}

func sequence(record types.Record) string { return aws.ToString(record.Dynamodb.SequenceNumber) }

func age(record types.Record) time.Duration {
	return time.Since(aws.ToTime(record.Dynamodb.ApproximateCreationDateTime))
}
