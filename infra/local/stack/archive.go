package stack

import (
	"context"
	"os"
	"path/filepath"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/s3"
	"qmslicensing/infra/local/stream"
)

// buckets makes the template's buckets. With tables that begin empty they do, too: an entry that comes for the first time
// must not meet another of an earlier run.
func (s *Stack) buckets() (*s3.Server, error) {
	dir := filepath.Join(s.config.Dir, "s3")
	if s.config.InMemory {
		dir = filepath.Join(s.config.Dir, "s3-of-this-run")
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	var names []string
	for _, bucket := range s.Application.Buckets {
		names = append(names, bucket.Name)
	}
	return s3.NewServer(dir, names...)
}

// startStreams lets the streams of tables trigger their functions until the context ends.
func (s *Stack) startStreams(ctx context.Context) error {
	for _, source := range s.Application.Sources {
		c := stream.Config{
			Source: source, Client: dynamodb.StreamsClient(s.DynamoDBEndpoint, gate.AccessKey(source.Function)), Invoke: s.Functions.Invoke, Log: s.log,
		}
		if !s.config.InMemory {
			c.Place = filepath.Join(s.config.Dir, "streams", source.LogicalID+".json")
		}
		reader, err := stream.New(c)
		if err != nil {
			return err
		}
		s.Streams = append(s.Streams, reader)
		s.running.Go(func() { reader.Run(ctx) })
	}
	return nil
}
