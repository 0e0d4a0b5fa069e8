package registry

import (
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Query says which licenses are asked for: those that every filter holds for. The zero Query asks for all. Parse makes it.
type Query struct {
	id        string
	token     license.ServerToken
	customer  string // folded
	contract  string // as contractKey writes it
	kind      license.Type
	status    license.Status
	purpose   license.Purpose
	issuedBy  string
	lastEvent string
	from, to  license.Date // expiring between these days, both included; Never is open
	current   bool         // stored active; only a Selector asks so
}

// filter reads the value of one filter into a query.
type filter struct {
	name string
	read func(q *Query, pointer, value string) error
}

// The filters by their names in the API, in the order in which refusals name them.
var filters = []filter{
	{"id", readID}, {"serverToken", readToken}, {"customer", readCustomer}, {"contract", readContract},
	{"type", func(q *Query, pointer, value string) error {
		return oneOf(pointer, "type", value, &q.kind, license.Permanent, license.Subscription, license.Temporary)
	}},
	{"status", func(q *Query, pointer, value string) error {
		return oneOf(pointer, "status", value, &q.status, license.Active, license.Expired, license.Superseded, license.Revoked, license.Pending, license.Void)
	}},
	{"purpose", func(q *Query, pointer, value string) error {
		return oneOf(pointer, "purpose", value, &q.purpose, license.Trial, license.Troubleshooting, license.Emergency)
	}},
	{"issuedBy", readIssuer},
	{"lastEvent", func(q *Query, pointer, value string) error {
		return oneOf(pointer, "lastEvent", value, &q.lastEvent, ledger.ChangeWords()...)
	}},
	{"expiresFrom", func(q *Query, pointer, value string) error { return readDay(pointer, "expiresFrom", value, &q.from) }},
	{"expiresTo", func(q *Query, pointer, value string) error { return readDay(pointer, "expiresTo", value, &q.to) }},
}

// Filters are the names of the filters.
func Filters() []string {
	var names []string
	for _, f := range filters {
		names = append(names, f.name)
	}
	return names
}

// Parse reads the filters that are given, by their names. The error is InvalidRequest and points at every value that is
// wrong: where is what stands before a name, such as "query:".
func Parse(where string, given map[string]string) (Query, error) {
	var q Query
	var errs []error
	for _, f := range filters {
		value, ok := given[f.name]
		switch {
		case !ok:
		case strings.TrimFunc(value, license.IsSpaceOrInvisible) == "":
			errs = append(errs, license.Invalid(where+f.name, "%s is empty. Give it a value, or leave it out.", f.name))
		default:
			errs = append(errs, f.read(&q, where+f.name, value))
		}
	}
	if q.expiring() && q.status != "" && q.status != license.Active && q.status != license.Expired {
		errs = append(errs, license.Invalid(where+"status", "Only licenses that are active or expired are found by their expiration date. Choose one of the two, or leave the dates out."))
	}
	if !q.from.IsNever() && !q.to.IsNever() && q.to.Before(q.from) {
		errs = append(errs, license.Invalid(where+"expiresTo", "expiresTo (%s) is before expiresFrom (%s). Exchange the two.", q.to, q.from))
	}
	return q, license.Collect(errs...)
}

func oneOf[T ~string](pointer, name, value string, into *T, allowed ...T) error {
	if slices.Contains(allowed, T(value)) {
		*into = T(value)
		return nil
	}
	var names []string
	for _, one := range allowed {
		names = append(names, string(one))
	}
	return license.Invalid(pointer, "%s is one of %s; this is %q.", name, strings.Join(names, ", "), value)
}

func readID(q *Query, pointer, value string) error {
	q.id = strings.ToLower(strings.TrimFunc(value, license.IsSpaceOrInvisible))
	if license.IsID(q.id) {
		return nil
	}
	return license.Invalid(pointer, "A license id has 32 characters, 0-9 and a-f. Copy it again, or search by Server Token.")
}

func readToken(q *Query, pointer, value string) (err error) {
	q.token, err = license.ParseServerToken(value)
	return license.PointAt(err, pointer)
}

func readCustomer(q *Query, pointer, value string) error {
	text, err := license.CleanText(pointer, "customer", value, 1, 200)
	if err != nil {
		return err
	}
	if q.customer = foldName(text); q.customer == "" {
		return license.Invalid(pointer, "customer has no letter or digit to search for. Type the start of the name.")
	}
	return nil
}

func readContract(q *Query, pointer, value string) error {
	text, err := license.CleanText(pointer, "contract", value, 1, 100)
	q.contract = contractKey(text)
	return err
}

func readIssuer(q *Query, pointer, value string) (err error) {
	q.issuedBy, err = license.CleanText(pointer, "issuedBy", value, 1, 128)
	return err
}

func readDay(pointer, name, value string, into *license.Date) (err error) {
	if *into, err = license.ParseDate(value); err != nil {
		return license.Invalid(pointer, "%s: %v.", name, err)
	}
	return nil
}

// expiring reports whether the query asks for licenses by their expiration date.
func (q Query) expiring() bool { return !q.from.IsNever() || !q.to.IsNever() }

// text writes a query so that no two different ones are written alike: no value has a zero byte.
func (q Query) text() string {
	return strings.Join([]string{
		q.id, string(q.token), q.customer, q.contract, string(q.kind), string(q.status), string(q.purpose),
		strings.ToLower(q.issuedBy), q.lastEvent, q.from.String(), q.to.String(),
	}, "\x00")
}

// span returns the part of the index that holds every license asked for, and not many others: the most selective filter
// decides. Which index it is follows from the query alone, so all pages of a query are in one order.
func (q Query) span(now time.Time) Span {
	switch {
	case q.token != "":
		return Span{Index: ByServer, Partition: string(q.token), Falling: true}
	case q.contract != "":
		return Span{Index: ByContract, Partition: q.contract, Falling: true}
	case q.customer != "":
		return Span{Index: ByCustomer, Low: q.customer, High: q.customer + beyond}
	case q.expiring() || q.status == license.Expired || q.current:
		return q.expirations(now)
	}
	return Span{Index: ByIssue, Falling: true}
}

// expirations is the span of the dates asked for. Expired licenses without dates come the latest first.
func (q Query) expirations(now time.Time) Span {
	span := Span{Index: ByExpiration, Falling: !q.expiring() && !q.current}
	from, to := q.from, q.to
	ended := lastExpired(now)
	if q.status == license.Expired && (to.IsNever() || to.After(ended)) {
		to = ended
	}
	if q.status == license.Active && (from.IsNever() || !from.After(ended)) {
		from = ended.AddDays(1)
	}
	if !from.IsNever() {
		span.Low = from.String()
	}
	if !to.IsNever() {
		span.High = to.String() + beyond
	}
	return span
}

// lastExpired is the latest expiration date of licenses that have stopped working.
func lastExpired(now time.Time) license.Date {
	day := license.Today(now).AddDays(-1)
	if now.Before(day.ExpiryInstant()) {
		return day.AddDays(-1)
	}
	return day
}

// matches reports whether every filter holds for a license.
func (q Query) matches(e Entry, now time.Time) bool {
	name, _, _ := strings.Cut(e.CustomerKey, afterName)
	day, _, _ := strings.Cut(e.ExpiringKey, "#")
	switch {
	case q.id != "" && q.id != e.ID,
		q.token != "" && q.token != e.ServerToken,
		!strings.HasPrefix(name, q.customer),
		q.contract != "" && q.contract != e.ContractKey,
		q.kind != "" && q.kind != e.Type,
		q.purpose != "" && q.purpose != e.Purpose,
		q.issuedBy != "" && !strings.EqualFold(q.issuedBy, e.IssuedBy),
		q.lastEvent != "" && q.lastEvent != e.LastEvent,
		q.current && e.Status != license.Active,
		q.expiring() && (day == "" || e.Status != license.Active),
		!q.from.IsNever() && day < q.from.String(),
		!q.to.IsNever() && day > q.to.String():
		return false
	}
	status := e.Status
	if status == license.Active && day != "" && day <= lastExpired(now).String() {
		status = license.Expired
	}
	return q.status == "" || q.status == status
}
