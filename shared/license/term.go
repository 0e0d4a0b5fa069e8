package license

// Terms run for 1 to 120 months.
const (
	MinTermMonths = 1
	MaxTermMonths = 120
)

// RenewalBasis says where a renewed term starts.
type RenewalBasis string

// The renewal bases: the day after the old expiration date (the default), or today, which resets the anchor day.
const (
	BasisExpiration RenewalBasis = "expiration"
	BasisToday      RenewalBasis = "today"
)

// Term is the time of a subscription: it works through EndsOn. AnchorDay is the day of the month its terms start on,
// kept through renewals even where a month is too short for it.
type Term struct {
	StartsOn  Date
	EndsOn    Date
	AnchorDay int
}

// TermOfMonths returns the term of n months that starts on the given day: it ends on addMonths(start, n) - 1 day.
func TermOfMonths(start Date, months, anchor int) Term {
	return Term{start, start.AddMonths(months, anchor).AddDays(-1), anchor}
}

// TermUntil returns the term that ends on a given day; its anchor becomes the day after the end.
func TermUntil(start, end Date) Term { return Term{start, end, end.AddDays(1).Day()} }

// LastDay is the last day that a license may end on, for the format of license keys counts years up to 9998.
var LastDay = MakeDate(9998, 12, 31)

// LatestEnd is the last day that a term starting on the given day may end on: that of 120 months.
func LatestEnd(start Date) Date { return start.AddMonths(MaxTermMonths, start.Day()).AddDays(-1) }

// RenewalStart returns the first day of the renewed term and its anchor day.
func RenewalStart(basis RenewalBasis, oldEnd Date, oldAnchor int, today Date) (start Date, anchor int) {
	if basis == BasisToday {
		return today, today.Day()
	}
	return oldEnd.AddDays(1), oldAnchor
}
