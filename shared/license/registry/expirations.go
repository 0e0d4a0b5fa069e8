package registry

import (
	"context"
	"fmt"
	"time"

	"qmslicensing/shared/license"
)

// Month is how many of the licenses in force expire in one month.
type Month struct {
	Month string `json:"month"` // YYYY-MM
	Expiring
}

// The bounds of the months to count.
const (
	DefaultMonths = 12
	MaxMonths     = 60
)

// Expirations counts, for a number of months from one on (YYYY-MM; "" is the present one), the licenses that expire in each
// and are neither superseded nor revoked. months is 1 to MaxMonths. What it costs grows with the licenses that it counts,
// besides a little for each month; not with the table.
func (f *Finder) Expirations(ctx context.Context, caller license.Caller, from string, months int) ([]Month, error) {
	if err := caller.Authorize(license.Find); err != nil {
		return nil, err
	}
	today := license.Today(f.now())
	first := license.MakeDate(today.Year(), today.Month(), 1)
	if from != "" {
		parsed, err := time.Parse("2006-01", from)
		if err != nil || parsed.Year() < 1000 || parsed.Year() > 9900 {
			return nil, license.Invalid("query:from", "from is a month, written YYYY-MM, such as 2026-11; this is %q.", from)
		}
		first = license.Today(parsed)
	}
	var counted []Month
	for n := range months {
		begins := first.AddMonths(n, 1)
		counts, err := f.indexes.CountExpiring(ctx, begins, begins.AddMonths(1, 1).AddDays(-1))
		if err != nil {
			return nil, fmt.Errorf("counting what expires in %s: %w", begins.String()[:7], err)
		}
		counted = append(counted, Month{begins.String()[:7], counts})
	}
	return counted, nil
}
