package issuing

import (
	"context"

	"qmslicensing/shared/license"
)

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
	if err := i.policy.checkDays(q.Purpose, q.Days); err != nil {
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
	if refusal, ok := err.(*license.Error); ok {
		return "", refusal.At("/serverToken")
	}
	return token, err
}
