package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/customer"
	"qmslicensing/shared/license/ledger"
)

// Rules are the limits that an exception can lift: the codes of their refusals.
func Rules() []license.Code {
	return []license.Code{license.TrialLimit, license.TemporaryLimit, license.RehostLimit}
}

// Issued is one license that counts towards a limit, as the params of a refusal show it.
type Issued struct {
	LicenseID string              `json:"licenseId"`
	Purpose   license.Purpose     `json:"purpose,omitempty"` // of temporary licenses, with Days
	Days      int                 `json:"days,omitempty"`
	From      license.ServerToken `json:"from,omitempty"` // of re-hosts, with To
	To        license.ServerToken `json:"to,omitempty"`
	IssuedBy  string              `json:"issuedBy"`
	IssuedAt  time.Time           `json:"issuedAt"`
}

// Ask is what a request for the exception that would lift a limit says, besides its reason, as the params of a refusal show
// it.
type Ask struct {
	Rule        license.Code        `json:"rule"`
	ServerToken license.ServerToken `json:"serverToken,omitzero"`
	LineageID   string              `json:"lineageId,omitzero"`
	Days        int                 `json:"days,omitzero"`
}

// TemporaryWish is a temporary license that somebody asks for.
type TemporaryWish struct {
	ServerToken license.ServerToken
	Purpose     license.Purpose
	Customer    string
	Days        int
}

// CheckTemporary returns the limits that a temporary license would exceed, perhaps two of one code: TrialLimit for a
// trial that is too long alone or with the customer's earlier ones on this server; TemporaryLimit for another purpose
// that is too long, or where the server has had its number. uses are all that the server has had.
func (p Policy) CheckTemporary(uses []ledger.TemporaryUse, w TemporaryWish, today license.Date) []*license.Error {
	var refusals []*license.Error
	for _, refusal := range []*license.Error{p.checkDays(w), p.checkTrials(uses, w), p.checkTemporaries(uses, w.ServerToken, today)} {
		if refusal != nil {
			refusals = append(refusals, refusal)
		}
	}
	return refusals
}

// TooLong reports whether a refusal of CheckTemporary is about the length of one license.
func TooLong(refusal *license.Error) bool { return refusal.Params["counted"] == "days" }

// checkDays refuses a temporary license that runs too long.
func (p Policy) checkDays(w TemporaryWish) *license.Error {
	limit := p.Days(w.Purpose)
	if w.Days <= limit {
		return nil
	}
	code := license.TemporaryLimit
	if w.Purpose == license.Trial {
		code = license.TrialLimit
	}
	return license.Refuse(code, "A temporary license for %s runs for at most %d days; this asks for %d. Choose %d or fewer. %s It must say the days: only one for %d days or more allows this length.",
		purposeWords[w.Purpose], limit, w.Days, limit, askFor, w.Days).
		With("counted", "days").With("limit", limit).With("requested", w.Days).
		With("ask", Ask{Rule: code, ServerToken: w.ServerToken, Days: w.Days}).At("/days")
}

// OpenException is an exception that is open and allows fewer days than somebody asks for; Days 0: it allows no length.
type OpenException struct {
	ID        string
	Days      int
	GrantedBy string
	GrantedAt time.Time
}

// TooShort is what the refusals of one rule by CheckTemporary become where an exception from it is open and too short for a
// license of so many days: the first of them, what the exception allows, and what to choose or ask for.
func TooShort(refusals []*license.Error, days int, open OpenException) *license.Error {
	first := refusals[0]
	why, most := strings.TrimSuffix(first.Detail, " "+askFor), open.Days
	if TooLong(first) {
		limit, _ := first.Params["limit"].(int)
		why = fmt.Sprintf("Without an exception this license runs for at most %s.", license.DaysWords(limit))
		if len(refusals) == 1 || open.Days == 0 { // else the exception is needed for a shorter one, too
			most = max(limit, open.Days)
		}
	}
	allows := "it says no days, so it lifts the number of licenses and not their length"
	if open.Days > 0 {
		allows = "it is for up to " + license.DaysWords(open.Days)
	}
	refusal := license.Refuse(first.Code, "%s There is an exception that %s granted on %s; %s. This asks for %d. Choose %d or fewer, or ask an admin for an exception for %s, which then takes its place.",
		why, open.GrantedBy, license.InstantWords(open.GrantedAt), allows, days, most, license.DaysWords(days))
	for name, value := range first.Params {
		refusal = refusal.With(name, value)
	}
	ask, _ := first.Params["ask"].(Ask)
	ask.Days = days
	return refusal.With("requested", days).With("ask", ask).
		With("exceptionId", open.ID).With("exceptionDays", open.Days).With("grantedBy", open.GrantedBy).With("grantedAt", open.GrantedAt).At("/days")
}

// checkTrials refuses a trial that, with the earlier ones of the same customer on the same server, runs too long. Trials
// never stop to count.
func (p Policy) checkTrials(uses []ledger.TemporaryUse, w TemporaryWish) *license.Error {
	if w.Purpose != license.Trial {
		return nil
	}
	had := 0
	earlier := []Issued{}
	for _, use := range uses {
		if use.Purpose == license.Trial && customer.Same(use.Customer, w.Customer) {
			had += use.Days
			earlier = append(earlier, issuedTemporary(use))
		}
	}
	if had+w.Days <= p.TrialDaysInAll {
		return nil
	}
	left, history, next := max(0, p.TrialDaysInAll-had), "none", "A customer who stays needs a license that is sold: ask accounting."
	if had > 0 {
		history = fmt.Sprintf("%d: %s", had, listed(earlier))
	}
	if left > 0 {
		next = fmt.Sprintf("Choose %d or fewer.", left)
	}
	return license.Refuse(license.TrialLimit, "The trials of one customer on one server run for at most %d days in all, and that limit does not end. %s has had %s. This asks for %d more. %s %s",
		p.TrialDaysInAll, w.Customer, history, w.Days, next, askFor).
		With("counted", "days in all").With("limit", p.TrialDaysInAll).With("requested", w.Days).With("left", left).
		With("issued", earlier).With("possibleOn", nil).
		With("ask", Ask{Rule: license.TrialLimit, ServerToken: w.ServerToken}).At("/days")
}

// checkTemporaries refuses another temporary license where the server has had its number within the window.
func (p Policy) checkTemporaries(uses []ledger.TemporaryUse, token license.ServerToken, today license.Date) *license.Error {
	var all []Issued
	for _, use := range uses {
		all = append(all, issuedTemporary(use))
	}
	counted, possibleOn := within(all, p.Temporaries, today, func(day license.Date) license.Date { return day.AddDays(p.TemporaryWindowDays) })
	if counted == nil {
		return nil
	}
	return license.Refuse(license.TemporaryLimit, "A server gets at most %d temporary licenses in %d days. This one has had %d: %s. The next is possible on %s. %s",
		p.Temporaries, p.TemporaryWindowDays, len(counted), listed(counted), possibleOn.Words(), askFor).
		With("counted", "licenses").With("limit", p.Temporaries).With("windowDays", p.TemporaryWindowDays).
		With("issued", counted).With("possibleOn", possibleOn).
		With("ask", Ask{Rule: license.TemporaryLimit, ServerToken: token}).At("/serverToken")
}

// CheckRehosts refuses, with RehostLimit, another re-host of a lineage that has had its number within the window; nil if
// there is room.
func (p Policy) CheckRehosts(rehosts []ledger.Rehost, lineageID string, today license.Date) *license.Error {
	var all []Issued
	for _, r := range rehosts {
		all = append(all, Issued{LicenseID: r.LicenseID, From: r.From, To: r.To, IssuedBy: r.By, IssuedAt: r.At})
	}
	counted, possibleOn := within(all, p.Rehosts, today, func(day license.Date) license.Date { return day.AddMonths(p.RehostWindowMonths, day.Day()) })
	if counted == nil {
		return nil
	}
	return license.Refuse(license.RehostLimit, "A license moves to another server at most %d times in %d months. This one has moved %d times: %s. The next is possible on %s. %s",
		p.Rehosts, p.RehostWindowMonths, len(counted), listed(counted), possibleOn.Words(), askFor).
		With("counted", "rehosts").With("limit", p.Rehosts).With("windowMonths", p.RehostWindowMonths).With("lineageId", lineageID).
		With("issued", counted).With("possibleOn", possibleOn).
		With("ask", Ask{Rule: license.RehostLimit, LineageID: lineageID})
}

// Quota is the counter of what one person makes on one day.
func (p Policy) Quota(subject string, today license.Date) ledger.Count {
	sum := sha256.Sum256([]byte(subject))
	return ledger.Count{Key: "quota#" + hex.EncodeToString(sum[:]) + "#" + today.String(), Add: 1, Limit: p.LicensesPerPersonDay}
}

// CheckQuota refuses, with QuotaExceeded, another license of a person who has made the day's number, or will have with
// those that a dry run tells of before it.
func (p Policy) CheckQuota(made, before int, at time.Time) error {
	if made+before < p.LicensesPerPersonDay {
		return nil
	}
	at = at.UTC()
	tomorrow := license.Today(at).AddDays(1)
	midnight := time.Date(tomorrow.Year(), tomorrow.Month(), tomorrow.Day(), 0, 0, 0, 0, time.UTC)
	so := fmt.Sprintf("You have made %s today", licenses(made))
	if before > 0 {
		so += fmt.Sprintf(", and with %s before this one that is", licenses(before))
	} else {
		so += ","
	}
	refusal := license.Refuse(license.QuotaExceeded, "%s the most for one person and day, so that a stolen session cannot make many. Go on tomorrow, %s (from midnight UTC), let a colleague go on, or ask an operator to raise LicensesPerPersonDay.",
		so, tomorrow.Words()).With("limit", p.LicensesPerPersonDay).With("made", made).With("possibleOn", tomorrow)
	refusal.RetryAfter = midnight.Sub(at)
	return refusal
}

func licenses(n int) string {
	if n == 1 {
		return "1 license"
	}
	return fmt.Sprintf("%d licenses", n)
}

// within returns, oldest first, what still counts, and the day on which the next is possible; nil if that is today. ends
// gives the first day on which a license of some day counts no longer.
func within(all []Issued, limit int, today license.Date, ends func(license.Date) license.Date) ([]Issued, license.Date) {
	var counted []Issued
	for _, one := range all {
		if ends(license.Today(one.IssuedAt)).After(today) {
			counted = append(counted, one)
		}
	}
	if len(counted) < limit {
		return nil, license.Date{}
	}
	slices.SortStableFunc(counted, func(a, b Issued) int { return cmp.Compare(a.IssuedAt.UnixNano(), b.IssuedAt.UnixNano()) })
	return counted, ends(license.Today(counted[len(counted)-limit].IssuedAt))
}

func issuedTemporary(use ledger.TemporaryUse) Issued {
	return Issued{LicenseID: use.LicenseID, Purpose: use.Purpose, Days: use.Days, IssuedBy: use.By, IssuedAt: use.At}
}

// maxListed is how many licenses a sentence names; the params name all.
const maxListed = 5

// listed says what was issued, by whom and when; the newest ones if they are many.
func listed(all []Issued) string {
	var words []string
	if more := len(all) - maxListed; more > 0 {
		words, all = append(words, fmt.Sprintf("%d earlier ones", more)), all[more:]
	}
	for _, one := range all {
		what := fmt.Sprintf("%d days for %s", one.Days, purposeWords[one.Purpose])
		if one.Days == 1 {
			what = "1 day for " + purposeWords[one.Purpose]
		}
		if one.To != "" {
			what = fmt.Sprintf("from %s to %s", one.From.Tail(), one.To.Tail())
		}
		words = append(words, fmt.Sprintf("%s by %s on %s", what, one.IssuedBy, license.InstantWords(one.IssuedAt)))
	}
	return strings.Join(words, "; ")
}

// askFor is the next step of whoever has met a limit and cannot wait.
const askFor = "If it must be, ask an admin for an exception from this limit."
