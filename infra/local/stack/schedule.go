package stack

import (
	"context"
	"fmt"
	"time"

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
