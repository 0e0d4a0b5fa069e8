package reconcile

import (
	"context"
	"time"

	"qmslicensing/shared/license/ledger"
)

const (
	// countedAfter is how long AWS may take to count a call.
	countedAfter = 2 * time.Hour
	// countedAtMost bounds how far back signatures are compared, for a system where no run came to its end for long.
	countedAtMost = 14 * 24 * time.Hour
	// slack is how far AWS's clock and this one may be apart.
	slack = time.Minute
)

// window is the time whose signatures a run compares: whole days of UTC up to the last that is over and counted, from
// where the last run that came to its end has compared them to, at least one day.
func window(now, comparedTo time.Time) (from, to time.Time) {
	to = midnight(now.Add(-countedAfter))
	from = to.AddDate(0, 0, -1)
	if !comparedTo.IsZero() && comparedTo.Before(from) {
		from = comparedTo
	}
	if earliest := to.Add(-countedAtMost); from.Before(earliest) {
		from = earliest
	}
	return from, to
}

// attempts adds what a license accounts for: all of its leases, if any can have been in the window. A lease is one call
// at most, so calls beyond the sum are nobody's license. Fewer calls are normal.
func (p *progress) attempts(r ledger.Record) {
	if r.IssuedAt.Add(-slack).Before(p.To) && !r.LeaseUntil.Add(slack).Before(p.From) {
		p.Attempts += r.Attempts
	}
}

// signatures compares what AWS has counted with what the licenses account for.
func (l *look) signatures(ctx context.Context) error {
	counted, err := l.counter.Signatures(ctx, l.run.From, l.run.To)
	if err != nil {
		return err
	}
	if counted > l.run.Attempts {
		l.add(finding(SignaturesUncounted, "", "", "From %s until %s AWS has counted %d signatures, and the licenses account for %d.",
			words(l.run.From), words(l.run.To), counted, l.run.Attempts))
	}
	return nil
}

func words(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }
