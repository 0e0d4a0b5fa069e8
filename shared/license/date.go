package license

import (
	"fmt"
	"time"
)

// Date is a calendar day without a time or a zone. The zero Date means Never.
type Date struct {
	year  int
	month time.Month
	day   int
}

// Never is the expiration date of a permanent license.
var Never = Date{}

// MakeDate returns the given day; days past the month's end roll over as in time.Date.
func MakeDate(year int, month time.Month, day int) Date {
	return dateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

func dateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{y, m, d}
}

// Today is the UTC day of an instant.
func Today(now time.Time) Date { return dateOf(now.UTC()) }

// ParseDate reads YYYY-MM-DD, years 1000 to 9999. A day that the calendar does not have, such as 29 February of a
// common year, is an error that says so.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1000 {
		return Date{}, fmt.Errorf("%q is not a calendar day; write YYYY-MM-DD, such as 2026-11-23", s)
	}
	return dateOf(t), nil
}

// IsNever reports whether d is the zero Date.
func (d Date) IsNever() bool { return d == Date{} }

// Year, Month and Day return the parts of the date.
func (d Date) Year() int { return d.year }

// Month returns the month of the date.
func (d Date) Month() time.Month { return d.month }

// Day returns the day of the month.
func (d Date) Day() int { return d.day }

func (d Date) time() time.Time { return time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC) }

// String returns YYYY-MM-DD, or Never.
func (d Date) String() string {
	if d.IsNever() {
		return "Never"
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// Words returns the date as people here read it: "3 Nov 2026", or Never.
func (d Date) Words() string {
	if d.IsNever() {
		return "Never"
	}
	return d.time().Format("2 Jan 2006")
}

// InstantWords returns an instant as people here read it: "20 Nov 2026, 09:12 UTC".
func InstantWords(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04 UTC") }

// Before reports whether d is an earlier day than o. Never is after every day.
func (d Date) Before(o Date) bool {
	if d.IsNever() || o.IsNever() {
		return !d.IsNever() && o.IsNever()
	}
	return d.time().Before(o.time())
}

// DaysWords is a number of days as a sentence says it: 1 day, 45 days.
func DaysWords(days int) string {
	if days == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", days)
}

// After reports whether d is a later day than o. Never is after every day.
func (d Date) After(o Date) bool { return o.Before(d) }

// AddDays returns the day n days later, or earlier for a negative n.
func (d Date) AddDays(n int) Date { return dateOf(d.time().AddDate(0, 0, n)) }

// DaysUntil counts the days from d to o; it is negative when o is earlier.
func (d Date) DaysUntil(o Date) int { return int(o.time().Sub(d.time()) / (24 * time.Hour)) }

// AddMonths returns the date n months later on the anchor day of the month, clamped to the month's end: with anchor 31,
// 31 Jan, 28 Feb, 31 Mar. (time.AddDate rolls 31 Jan + 1 month over to 3 Mar and forgets the 31.)
func (d Date) AddMonths(n, anchor int) Date {
	first := time.Date(d.year, d.month+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return Date{first.Year(), first.Month(), min(anchor, last)}
}

// ExpiryInstant is when a license with this expiration date stops working: 12:00:00Z on the following day, so that it
// works through the whole of the day everywhere on Earth.
func (d Date) ExpiryInstant() time.Time { return d.time().AddDate(0, 0, 1).Add(12 * time.Hour) }

// MarshalJSON writes "YYYY-MM-DD", or null for Never.
func (d Date) MarshalJSON() ([]byte, error) {
	if d.IsNever() {
		return []byte("null"), nil
	}
	return []byte(`"` + d.String() + `"`), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (d *Date) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*d = Never
		return nil
	}
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return fmt.Errorf("a date is a string YYYY-MM-DD")
	}
	parsed, err := ParseDate(string(data[1 : len(data)-1]))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
