package issuing

import (
	"context"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// CorrectionRequest asks to mend a mistake in a base license: what is "" or nil stays as it is. Contract is for
// subscriptions, Order for permanent licenses. IfMatch is the version it was read at.
type CorrectionRequest struct {
	ID          string
	Reason      string
	ServerToken string
	Customer    string
	Contract    string
	Order       string
	Modules     *license.Modules
	IfMatch     int
}

// Correct revokes a license with a mistake in it and issues the right one, in one step; accounting only, and only for some
// days after the mistake. Dates, type and conditions stay. Refusals: NotCorrectable for a temporary or re-hosted license
// and one that is too old, ExpiresInPast for one that has expired; for another Server Token BaseLicenseExists where an active
// base license is and OtherCustomer where another customer's license is; and those of changing an existing license.
func (i *Issuer) Correct(ctx context.Context, call protocol.Call, q CorrectionRequest) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.Correct); err != nil {
		return protocol.Outcome{}, err
	}
	q, err := q.clean()
	if err != nil {
		return protocol.Outcome{}, err
	}
	if q.IfMatch == 0 {
		return protocol.Outcome{}, ifMatchRequired("corrected")
	}
	old, err := i.find(ctx, q.ID)
	if err != nil {
		return protocol.Outcome{}, err
	}
	write := protocol.Write{
		Call: call, Hash: protocol.Digest(q), Token: old.ServerToken, Slot: license.BaseSlot, Target: q.ID, Where: idPointer,
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Decision, error) {
			return i.decideCorrection(ctx, now, q)
		},
	}
	if token := license.ServerToken(q.ServerToken); token != "" && token != old.ServerToken {
		write.Token, write.From = token, old.ServerToken
	}
	return i.run(ctx, write)
}

func (q CorrectionRequest) clean() (CorrectionRequest, error) {
	var errs []error
	text := func(pointer, what, given string, most int) string {
		if given == "" {
			return ""
		}
		cleaned, err := license.CleanText(pointer, what, given, 1, most)
		errs = append(errs, err)
		return cleaned
	}
	var reasonErr error
	q.ID = strings.ToLower(strings.TrimSpace(q.ID))
	q.Reason, reasonErr = license.CleanText("/reason", "The reason", q.Reason, 1, policy.MaxNote)
	errs = append(errs, reasonErr)
	if q.ServerToken != "" {
		token, err := parseToken(q.ServerToken)
		q.ServerToken, errs = string(token), append(errs, err)
	}
	q.Customer = text("/customer", "The customer's name", q.Customer, policy.MaxCustomer)
	q.Contract = text("/contract", "The contract", q.Contract, policy.MaxPaper)
	q.Order = text("/order", "The order", q.Order, policy.MaxPaper)
	if q.Modules != nil {
		errs = append(errs, q.Modules.Check("/modules"))
	}
	return q, license.Collect(errs...)
}

func (i *Issuer) decideCorrection(ctx context.Context, now protocol.Situation, q CorrectionRequest) (protocol.Decision, error) {
	if err := changeable(now, q.IfMatch, "corrected"); err != nil {
		return protocol.Decision{}, err
	}
	if err := i.correctable(ctx, now); err != nil {
		return protocol.Decision{}, err
	}
	old := *now.Target
	if err := q.fits(old); err != nil {
		return protocol.Decision{}, err
	}
	r := sameSale(old)
	r.Operation, r.Reason, r.RequestID = ledger.OpCorrect, q.Reason, old.RequestID
	r.ServerToken = now.Server.Token
	r.Customer = either(q.Customer, old.Customer)
	r.Contract = license.Optional(either(q.Contract, string(old.Contract)))
	r.Order = license.Optional(either(q.Order, string(old.Order)))
	if q.Modules != nil {
		r.Modules = *q.Modules
	}
	if r.ServerToken == old.ServerToken && r.Customer == old.Customer && r.Contract == old.Contract && r.Order == old.Order && r.Modules == old.Modules {
		return protocol.Decision{}, license.Invalid("", "The license says all of this already, so there is nothing to correct. Give what is wrong in it: serverToken, customer, contract, order or modules.")
	}
	if now.From != nil {
		if err := i.refuseTaken(ctx, now, r.Customer); err != nil {
			return protocol.Decision{}, err
		}
	}
	r.Changes = changesOf(old.Modules, r.Modules)
	r.Notice = "The wrong license is revoked. " + keepsWorking(old.License, now.At)
	return protocol.Decision{Record: r}, nil
}

func either(given, otherwise string) string {
	if given != "" {
		return given
	}
	return otherwise
}

// fits refuses papers that the type of license does not have.
func (q CorrectionRequest) fits(old ledger.Record) error {
	switch {
	case q.Contract != "" && old.Type == license.Permanent:
		return license.Invalid("/contract", "A permanent license has an order and no contract. Leave the contract out.")
	case q.Order != "" && old.Type == license.Subscription:
		return license.Invalid("/order", "A subscription has a contract and no order. Leave the order out.")
	}
	return nil
}

// correctable refuses what is not a fresh mistake: the days count from the license in which it was made, so that a
// correction can be corrected, too, but does not start them again.
func (i *Issuer) correctable(ctx context.Context, now protocol.Situation) error {
	first := *now.Target
	if first.Type == license.Temporary {
		return license.Refuse(license.NotCorrectable, "This license is temporary; only permanent licenses and subscriptions are corrected. Issue a new temporary license, or revoke this one.").With("type", first.Type)
	}
	for first.Operation == ledger.OpCorrect {
		var err error
		if first, err = i.store.Record(ctx, first.Predecessor); err != nil {
			return err
		}
	}
	if first.Operation == ledger.OpRehost {
		return license.Refuse(license.NotCorrectable, "Support re-hosted this license, so it is not one that accounting made a mistake in. Amend it, or revoke it and issue another.").With("operation", first.Operation)
	}
	until := first.IssuedOn.AddDays(i.policy.CorrectionDays)
	if now.Today().After(until) {
		return license.Refuse(license.NotCorrectable, "This license was issued on %s and could be corrected until %s. Amend it to change its modules; for anything else revoke it and issue another.",
			first.IssuedOn.Words(), until.Words()).With("issuedOn", first.IssuedOn).With("until", until)
	}
	return notExpired(now, "Renew it, and correct what the renewal takes over.")
}
