package issuing

import (
	"context"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
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

func (q TemporaryRequest) clean(rules policy.Policy) (TemporaryRequest, license.ServerToken, error) {
	token, tokenErr := parseToken(q.ServerToken)
	customer, customerErr := license.CleanText("/customer", "The customer's name", q.Customer, 1, policy.MaxCustomer)
	note, noteErr := license.CleanText("/note", "The note", q.Note, 0, policy.MaxNote)
	var purposeErr, daysErr error
	if rules.Days(q.Purpose) == 0 {
		purposeErr = license.Invalid("/purpose", "The purpose must be trial, troubleshooting or emergency.")
	}
	if q.Days < 0 || q.Days > policy.MaxTemporaryDays {
		daysErr = license.Invalid("/days", "The number of days must be 1 to %d; this is %d. Leave days out for the length that the purpose gets.", policy.MaxTemporaryDays, q.Days)
	}
	if err := license.Collect(tokenErr, customerErr, purposeErr, q.Modules.Check("/modules"), daysErr, noteErr); err != nil {
		return q, "", err
	}
	q.ServerToken, q.Customer, q.Note = string(token), customer, note
	return q, token, nil
}

// Temporary issues a temporary license: sales a trial, support one for troubleshooting or an emergency. Refusals:
// TrialOverBase for a trial where a base license is active or pending, SeatsBelowBase for fewer seats than the base
// license has, and, without an exception, TrialLimit and TemporaryLimit for too many days or licenses.
func (i *Issuer) Temporary(ctx context.Context, call protocol.Call, q TemporaryRequest) (protocol.Outcome, error) {
	if err := i.authorizeTemporary(call.Caller, q.Purpose); err != nil {
		return protocol.Outcome{}, err
	}
	q, token, err := q.clean(i.policy)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return i.run(ctx, protocol.Write{
		Call:  call,
		Hash:  protocol.Digest(q),
		Token: token,
		Slot:  license.TemporarySlot,
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Decision, error) {
			return i.decideTemporary(ctx, now, call.Caller, q)
		},
	})
}

// authorizeTemporary refuses who may issue no temporary license at all before it looks at the purpose.
func (i *Issuer) authorizeTemporary(caller license.Caller, purpose license.Purpose) error {
	if purpose == license.Trial || caller.Authorize(license.IssueSupport) != nil && i.policy.Days(purpose) == 0 {
		return caller.Authorize(license.IssueTrial)
	}
	return caller.Authorize(license.IssueSupport)
}

func (i *Issuer) decideTemporary(ctx context.Context, now protocol.Situation, by license.Caller, q TemporaryRequest) (protocol.Decision, error) {
	if err := i.checkBase(ctx, now, q); err != nil {
		return protocol.Decision{}, err
	}
	days := q.Days
	if days == 0 {
		days = i.policy.Days(q.Purpose)
	}
	decision := protocol.Decision{Record: ledger.Record{
		License: license.License{
			ServerToken: now.Server.Token, Type: license.Temporary, Purpose: q.Purpose, Customer: q.Customer,
			Modules: q.Modules, StartsOn: now.Today(), ExpiresOn: now.Today().AddDays(days),
		},
		Operation: ledger.OpIssue,
		Note:      q.Note,
	}}
	refusals := i.policy.CheckTemporary(now.Server.Temporaries, policy.TemporaryWish{ServerToken: now.Server.Token, Purpose: q.Purpose, Customer: q.Customer, Days: days}, now.Today())
	err := i.allow(ctx, &decision, desk.Subject{ServerToken: now.Server.Token}, days, by, now.At, refusals...)
	return decision, err
}

// checkBase holds a temporary license against the base license of its server, current or pending.
func (i *Issuer) checkBase(ctx context.Context, now protocol.Situation, q TemporaryRequest) error {
	seats := q.Modules.Seats()
	for _, id := range []string{now.Server.Base.Current, now.Server.Base.Pending} {
		if id == "" {
			continue
		}
		base, err := i.store.Record(ctx, id)
		if err != nil {
			return err
		}
		if base.License.At(now.At).Status == license.Expired {
			continue
		}
		if q.Purpose == license.Trial {
			return license.Refuse(license.TrialOverBase, "This server has a %s license already, so it needs no trial. To change its seats ask accounting; to bridge an emergency ask support.",
				base.Type).With("licenseId", id)
		}
		if !seats.Covers(base.Seats) {
			return license.Refuse(license.SeatsBelowBase, "The base license of this server has %s seats; a temporary license with %s would not load. Give at least the seats of the base license.",
				base.Seats, seats).With("base", base.Seats).With("requested", seats).At("/modules")
		}
	}
	return nil
}
