package issuing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"qmslicensing/shared/license"
)

// Condition is one condition of a sale, met.
type Condition struct {
	Name     string       `json:"name"`
	MetOn    license.Date `json:"metOn"`
	Evidence string       `json:"evidence"`
}

// SoldRequest asks for a permanent license or a subscription. A subscription has a contract and either TermMonths or
// ExpiresOn; a permanent license has an order and conditions. Replaces names the active base license that the new one
// takes the place of, and IfMatch is then its version; both are zero otherwise.
type SoldRequest struct {
	ServerToken string
	Customer    string
	Type        license.Type
	Modules     license.Modules
	Contract    string
	TermMonths  int
	ExpiresOn   license.Date
	StartsOn    license.Date // zero: today
	Order       string
	Conditions  []Condition
	Replaces    string
	IfMatch     int
}

// Sold issues a permanent license or a subscription; accounting only. Refusals: ConditionsNotMet, ExpiresInPast,
// BaseLicenseExists, and those of changing an existing license where it replaces one.
func (i *Issuer) Sold(ctx context.Context, call Call, q SoldRequest) (Outcome, error) {
	if err := call.Caller.Authorize(license.IssueSold); err != nil {
		return Outcome{}, err
	}
	q, token, err := q.clean()
	if err != nil {
		return Outcome{}, err
	}
	if q.Replaces != "" && q.IfMatch == 0 {
		return Outcome{}, ifMatchRequired("replaced")
	}
	if q.Replaces != "" && !license.IsID(q.Replaces) {
		return Outcome{}, license.NotFound().At(replacesPointer)
	}
	return i.run(ctx, write{
		call:   call,
		hash:   digest(q),
		token:  token,
		slot:   license.BaseSlot,
		target: q.Replaces,
		where:  replacesPointer,
		decide: func(ctx context.Context, now situation) (Record, error) { return i.decideSold(ctx, now, q) },
	})
}

func (q SoldRequest) clean() (SoldRequest, license.ServerToken, error) {
	token, tokenErr := parseToken(q.ServerToken)
	customer, customerErr := license.CleanText("/customer", "The customer's name", q.Customer, 1, maxCustomer)
	errs := []error{tokenErr, customerErr, q.Modules.Check("/modules")}
	switch q.Type {
	case license.Subscription:
		errs = append(errs, q.cleanSubscription()...)
	case license.Permanent:
		errs = append(errs, q.cleanPermanent()...)
		q.Conditions = cleanConditions(q.Conditions)
	default:
		errs = append(errs, license.Invalid("/type", "The type must be subscription or permanent. Sales and support issue temporary licenses."))
	}
	if q.Replaces == "" && q.IfMatch != 0 {
		errs = append(errs, license.Invalid("header:If-Match", "If-Match goes with replaces: name the license that this one takes the place of, or leave it out."))
	}
	if err := license.Collect(errs...); err != nil {
		return q, "", err
	}
	q.ServerToken, q.Customer = string(token), customer
	return q, token, nil
}

func (q *SoldRequest) cleanSubscription() []error {
	contract, err := license.CleanText("/contract", "The contract", q.Contract, 1, maxPaper)
	q.Contract = contract
	errs := []error{err, checkTermGiven(q.TermMonths, q.ExpiresOn)}
	if q.Order != "" {
		errs = append(errs, notFor("/order", license.Permanent))
	}
	if q.Conditions != nil {
		errs = append(errs, notFor("/conditions", license.Permanent))
	}
	return errs
}

func (q *SoldRequest) cleanPermanent() []error {
	order, err := license.CleanText("/order", "The order", q.Order, 1, maxPaper)
	q.Order = order
	errs := []error{err}
	for pointer, given := range map[string]bool{"/contract": q.Contract != "", "/termMonths": q.TermMonths != 0, "/expiresOn": !q.ExpiresOn.IsNever(), "/startsOn": !q.StartsOn.IsNever()} {
		if given {
			errs = append(errs, notFor(pointer, license.Subscription))
		}
	}
	return errs
}

func notFor(pointer string, t license.Type) error {
	return license.Invalid(pointer, "%s belongs to a %s license. Leave it out, or change the type.", pointer[1:], t)
}

// checkTermGiven wants exactly one of the two ways to say a term.
func checkTermGiven(months int, end license.Date) error {
	switch {
	case months == 0 && end.IsNever():
		return license.Invalid("/termMonths", "Give the term in months (termMonths, 1 to 120), or its last day (expiresOn).")
	case months != 0 && !end.IsNever():
		return license.Invalid("/expiresOn", "Give either termMonths or expiresOn, not both.")
	case end.IsNever() && (months < license.MinTermMonths || months > license.MaxTermMonths):
		return license.Invalid("/termMonths", "A term has 1 to 120 months; this is %d.", months)
	}
	return nil
}

func cleanConditions(conditions []Condition) []Condition {
	cleaned := make([]Condition, len(conditions))
	for n, c := range conditions {
		cleaned[n] = Condition{strings.TrimSpace(c.Name), c.MetOn, strings.TrimSpace(c.Evidence)}
	}
	return cleaned
}

// decideTerm computes the term of a new subscription.
func (q SoldRequest) decideTerm(today license.Date) (license.Term, error) {
	start := q.StartsOn
	if start.IsNever() {
		start = today
	}
	if start.After(today) {
		return license.Term{}, license.Invalid("/startsOn", "A license works from the moment it is signed, so its term cannot start later than today, %s. Leave startsOn out, or give today or a past day.", today.Words())
	}
	return termFrom(start, start.Day(), q.TermMonths, q.ExpiresOn, today, license.ExpiresInPast)
}

// termFrom computes a term that starts on a day and refuses, with the given code, one that does not end after today.
func termFrom(start license.Date, anchor, months int, end, today license.Date, inPast license.Code) (license.Term, error) {
	term := license.TermOfMonths(start, months, anchor)
	pointer := "/termMonths"
	if !end.IsNever() {
		term, pointer = license.TermUntil(start, end), "/expiresOn"
	}
	latest := license.LatestEnd(start)
	switch {
	case !term.EndsOn.After(today):
		return term, license.Refuse(inPast, "The license would end on %s, which is not after today, %s. Choose a later end.",
			term.EndsOn.Words(), today.Words()).With("expiresOn", term.EndsOn).With("today", today).At(pointer)
	case term.EndsOn.Before(start):
		return term, license.Invalid(pointer, "The term starts on %s, so it cannot end on %s. Choose a later end.", start.Words(), term.EndsOn.Words())
	case term.EndsOn.After(license.LastDay):
		return term, license.Invalid(pointer, "A license ends on %s at the latest. Choose an earlier end.", license.LastDay.Words())
	case !end.IsNever() && term.EndsOn.After(latest):
		return term, license.Invalid(pointer, "A term has at most 120 months: one that starts on %s ends on %s at the latest.", start.Words(), latest.Words())
	}
	return term, nil
}

// replacesPointer is where a request names the license that it replaces.
const replacesPointer = "/replaces"

func (i *Issuer) decideSold(ctx context.Context, now situation, q SoldRequest) (Record, error) {
	if err := i.policy.checkConditions(q, now.today()); err != nil {
		return Record{}, err
	}
	r := Record{
		License: license.License{
			ServerToken: now.server.Token, Type: q.Type, Customer: q.Customer, Modules: q.Modules,
			Contract: license.Optional(q.Contract), Order: license.Optional(q.Order), StartsOn: now.today(),
		},
		Operation:  OpIssue,
		Conditions: q.Conditions,
	}
	if now.target != nil {
		if now.target.ServerToken != now.server.Token {
			return r, license.Invalid(replacesPointer, "License %s belongs to another server. Name the base license of this one, or leave replaces out.", q.Replaces)
		}
		if err := now.changeable(q.IfMatch, "replaced"); err != nil {
			return r, err
		}
		if now.target.Type == license.Temporary {
			return r, license.Invalid(replacesPointer, "License %s is temporary; the new license supersedes it without being told. Leave replaces out.", q.Replaces)
		}
		r.LineageID, r.Predecessor = now.target.LineageID, now.target.ID
	} else if err := i.refuseOverBase(ctx, now); err != nil {
		return r, err
	}
	if q.Type == license.Subscription {
		term, err := q.decideTerm(now.today())
		if err != nil {
			return r, err
		}
		r.StartsOn, r.ExpiresOn, r.AnchorDay = term.StartsOn, term.EndsOn, term.AnchorDay
	}
	return r, nil
}

// refuseOverBase refuses to issue a base license where one is active, unless it is meant.
func (i *Issuer) refuseOverBase(ctx context.Context, now situation) error {
	if now.server.Base.Current == "" {
		return nil
	}
	base, err := i.store.Record(ctx, now.server.Base.Current)
	if err != nil {
		return err
	}
	if base.License.At(now.at).Status != license.Active {
		return nil
	}
	return license.Refuse(license.BaseLicenseExists, "This server has an active %s license for %s, expiration date %s. Renew or amend that one, or name it in replaces with its version in If-Match.",
		base.Type, base.Customer, base.ExpiresOn.Words()).With("licenseId", base.ID)
}

// checkConditions wants, for a permanent license, every condition of the sale and no other, each with its evidence.
func (p Policy) checkConditions(q SoldRequest, today license.Date) error {
	if q.Type != license.Permanent {
		return nil
	}
	given := map[string]bool{}
	for n, c := range q.Conditions {
		pointer := fmt.Sprintf("/conditions/%d", n)
		switch {
		case !slices.Contains(p.Conditions, c.Name):
			return license.Invalid(pointer+"/name", "This is not a condition of the sale. The conditions are %s.", strings.Join(p.Conditions, ", "))
		case given[c.Name]:
			return license.Invalid(pointer+"/name", "The condition %s is given twice. Give it once.", c.Name)
		case c.MetOn.IsNever() || c.MetOn.After(today):
			return license.Invalid(pointer+"/metOn", "%s: the day it was met must be today or a past day.", conditionWords(c.Name))
		}
		if _, err := license.CleanText(pointer+"/evidence", "The evidence of "+conditionWords(c.Name), c.Evidence, 1, maxPaper); err != nil {
			return err
		}
		given[c.Name] = true
	}
	var missing, words []string
	for _, name := range p.Conditions {
		if !given[name] {
			missing, words = append(missing, name), append(words, conditionWords(name))
		}
	}
	if missing == nil {
		return nil
	}
	return license.Refuse(license.ConditionsNotMet, "Not met yet: %s. A permanent license is issued when all %d conditions of the sale are met.",
		strings.Join(words, ", "), len(p.Conditions)).With("missing", missing).At("/conditions")
}

// conditionWords turns contract-signed into "contract signed".
func conditionWords(name string) string { return strings.ReplaceAll(name, "-", " ") }

// The most characters of the texts that people give.
const (
	maxCustomer = 200
	maxPaper    = 100 // contract, order, evidence
	maxNote     = 2000
)

// TemporaryRequest asks for a temporary license. Days 0 is the purpose's limit.
type TemporaryRequest struct {
	ServerToken string
	Customer    string
	Purpose     license.Purpose
	Modules     license.Modules
	Days        int
	Note        string
}

func (q TemporaryRequest) clean(policy Policy) (TemporaryRequest, license.ServerToken, error) {
	token, tokenErr := parseToken(q.ServerToken)
	customer, customerErr := license.CleanText("/customer", "The customer's name", q.Customer, 1, maxCustomer)
	note, noteErr := license.CleanText("/note", "The note", q.Note, 0, maxNote)
	var purposeErr, daysErr error
	if policy.days(q.Purpose) == 0 {
		purposeErr = license.Invalid("/purpose", "The purpose must be trial, troubleshooting or emergency.")
	}
	if q.Days < 0 {
		daysErr = license.Invalid("/days", "The number of days must be 1 or more; this is %d.", q.Days)
	}
	if err := license.Collect(tokenErr, customerErr, purposeErr, q.Modules.Check("/modules"), daysErr, noteErr); err != nil {
		return q, "", err
	}
	q.ServerToken, q.Customer, q.Note = string(token), customer, note
	return q, token, nil
}

// Temporary issues a temporary license: sales a trial, support one for troubleshooting or an emergency. Refusals:
// TrialLimit and TemporaryLimit for too many days, TrialOverBase for a trial where a base license is active or pending,
// SeatsBelowBase for fewer seats than the base license has.
func (i *Issuer) Temporary(ctx context.Context, call Call, q TemporaryRequest) (Outcome, error) {
	if err := i.authorizeTemporary(call.Caller, q.Purpose); err != nil {
		return Outcome{}, err
	}
	q, token, err := q.clean(i.policy)
	if err != nil {
		return Outcome{}, err
	}
	return i.run(ctx, write{
		call:  call,
		hash:  digest(q),
		token: token,
		slot:  license.TemporarySlot,
		decide: func(ctx context.Context, now situation) (Record, error) {
			return i.decideTemporary(ctx, now, q)
		},
	})
}

// authorizeTemporary refuses who may issue no temporary license at all before it looks at the purpose.
func (i *Issuer) authorizeTemporary(caller license.Caller, purpose license.Purpose) error {
	if purpose == license.Trial || caller.Authorize(license.IssueSupport) != nil && i.policy.days(purpose) == 0 {
		return caller.Authorize(license.IssueTrial)
	}
	return caller.Authorize(license.IssueSupport)
}

func (p Policy) checkDays(purpose license.Purpose, days int) error {
	limit := p.days(purpose)
	if days <= limit {
		return nil
	}
	code := license.TemporaryLimit
	if purpose == license.Trial {
		code = license.TrialLimit
	}
	return license.Refuse(code, "A temporary license for %s runs for at most %d days; this asks for %d. Choose %d or fewer.",
		purposeWords[purpose], limit, days, limit).With("limit", limit).With("requested", days).At("/days")
}

var purposeWords = map[license.Purpose]string{
	license.Trial: "a trial", license.Troubleshooting: "troubleshooting", license.Emergency: "an emergency",
}

func (i *Issuer) decideTemporary(ctx context.Context, now situation, q TemporaryRequest) (Record, error) {
	if err := i.policy.checkDays(q.Purpose, q.Days); err != nil {
		return Record{}, err
	}
	seats := q.Modules.Seats()
	for _, id := range []string{now.server.Base.Current, now.server.Base.Pending} {
		if id == "" {
			continue
		}
		base, err := i.store.Record(ctx, id)
		if err != nil {
			return Record{}, err
		}
		if base.License.At(now.at).Status == license.Expired {
			continue
		}
		if q.Purpose == license.Trial {
			return Record{}, license.Refuse(license.TrialOverBase, "This server has a %s license already, so it needs no trial. To change its seats ask accounting; to bridge an emergency ask support.",
				base.Type).With("licenseId", id)
		}
		if !seats.Covers(base.Seats) {
			return Record{}, license.Refuse(license.SeatsBelowBase, "The base license of this server has %s seats; a temporary license with %s would not load. Give at least the seats of the base license.",
				base.Seats, seats).With("base", base.Seats).With("requested", seats).At("/modules")
		}
	}
	days := q.Days
	if days == 0 {
		days = i.policy.days(q.Purpose)
	}
	return Record{
		License: license.License{
			ServerToken: now.server.Token, Type: license.Temporary, Purpose: q.Purpose, Customer: q.Customer,
			Modules: q.Modules, StartsOn: now.today(), ExpiresOn: now.today().AddDays(days),
		},
		Operation: OpIssue,
		Note:      q.Note,
	}, nil
}

func parseToken(raw string) (license.ServerToken, error) {
	token, err := license.ParseServerToken(raw)
	return token, license.PointAt(err, "/serverToken")
}
