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

// ParseMonth reads from, a month written YYYY-MM, among what is given, and returns its first day; Never if it is not given.
func ParseMonth(where string, given map[string]string) (license.Date, error) {
	text, ok := given["from"]
	if !ok {
		return license.Never, nil
	}
	first, err := time.Parse("2006-01", text)
	if err != nil || first.Year() < 1000 || first.Year() > 9900 {
		return license.Never, license.Invalid(where+"from", "from is a month, written YYYY-MM, such as 2026-11; this is %q.", text)
	}
	return license.Today(first), nil
}

// Expirations counts, for a number of months from the one of a day on (Never is the present one), the licenses that expire
// in each and are neither superseded nor revoked. months is 1 to MaxMonths. What it costs grows with the licenses that it
// counts, besides a little for each month; not with the table.
func (f *Finder) Expirations(ctx context.Context, caller license.Caller, from license.Date, months int) ([]Month, error) {
	if err := caller.Authorize(license.Find); err != nil {
		return nil, err
	}
	if from.IsNever() {
		from = license.Today(f.now())
	}
	var counted []Month
	for n := range months {
		begins := from.AddMonths(n, 1)
		counts, err := f.indexes.CountExpiring(ctx, begins, begins.AddMonths(1, 1).AddDays(-1))
		if err != nil {
			return nil, fmt.Errorf("counting what expires in %s: %w", begins.String()[:7], err)
		}
		counted = append(counted, Month{begins.String()[:7], counts})
	}
	return counted, nil
}
