package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/stream"
	"qmslicensing/infra/local/template"
)

// startSchedules runs the template's schedules until the context ends, each first after its interval.
func (s *Stack) startSchedules(ctx context.Context) {
	for _, schedule := range s.Application.Schedules {
		s.running.Go(func() {
			tick := time.NewTicker(schedule.Every)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					if err := s.run(ctx, schedule); err != nil && ctx.Err() == nil {
						fmt.Fprintf(s.log, "schedule of %s: %v\n", schedule.Function, err)
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
}

// RunSchedule runs the schedule of a function (its logical id) now and waits for its end.
func (s *Stack) RunSchedule(ctx context.Context, function string) error {
	for _, schedule := range s.Application.Schedules {
		if schedule.Function == function {
			return s.run(ctx, schedule)
		}
	}
	return fmt.Errorf("template has no schedule of %s", function)
}

func (s *Stack) run(ctx context.Context, schedule template.Schedule) error {
	input := schedule.Input
	if input == "" {
		input = "{}"
	}
	_, err := s.Functions.Invoke(ctx, schedule.Function, []byte(input))
	return err
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
