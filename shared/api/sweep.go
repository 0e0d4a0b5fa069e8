package api

import (
	"context"
	"log/slog"

	"qmslicensing/shared/license/protocol"
)

// Sweep is the operation behind the schedule, the only one without a route. It logs what the sweep did: the alarm
// license-pending reads oldestPendingSeconds from this line (infra/stacks/alarms.yaml), so a sweep that failed for some
// licenses writes it too. One that could not look for them or read one knows no age and must not report 0.
func Sweep(sweeper *protocol.Sweeper) func(context.Context) (protocol.SweepReport, error) {
	return func(ctx context.Context) (protocol.SweepReport, error) {
		report, err := sweeper.Sweep(ctx)
		if err == nil || report.OldestPendingSeconds > 0 {
			slog.InfoContext(ctx, "swept", "finished", report.Finished, "voided", report.Voided, "waiting", report.Waiting,
				"oldestPendingSeconds", report.OldestPendingSeconds)
		}
		return report, err
	}
}
