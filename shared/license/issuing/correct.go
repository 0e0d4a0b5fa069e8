package issuing

import (
	"context"
	"fmt"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
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
// days after each mistake. Dates, type and conditions stay. Refusals: NotCorrectable for a temporary or re-hosted license
// and one that is too old, ExpiresInPast for one that has expired; for another Server Token BaseLicenseExists where an active
// base license is and OtherCustomer where another customer's license is; OwnRequest for whoever made the request that it was
// sold by; RequestRequired for more seats of a permanent license where it should have one; and those of changing an existing
// license.
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
			return i.decideCorrection(ctx, now, call.Caller, q)
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

func (i *Issuer) decideCorrection(ctx context.Context, now protocol.Situation, by license.Caller, q CorrectionRequest) (protocol.Decision, error) {
	if err := changeable(now, q.IfMatch, "corrected"); err != nil {
		return protocol.Decision{}, err
	}
	old := *now.Target
	if old.Type == license.Temporary {
		return protocol.Decision{}, license.Refuse(license.NotCorrectable, "This license is temporary; only permanent licenses and subscriptions are corrected. Issue a new temporary license, or revoke this one.").With("type", old.Type)
	}
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
	wrong := differing(r.License, old.License)
	if len(wrong) == 0 {
		return protocol.Decision{}, license.Invalid("", "The license says all of this already, so there is nothing to correct. Give what is wrong in it: serverToken, customer, contract, order or modules.")
	}
	if err := i.refuseLate(ctx, now, wrong); err != nil {
		return protocol.Decision{}, err
	}
	if err := notExpired(now, "Renew it, and correct what the renewal takes over."); err != nil {
		return protocol.Decision{}, err
	}
	if err := i.refuseOwn(ctx, old, by); err != nil {
		return protocol.Decision{}, err
	}
	if err := i.refuseMore(old, r.Modules); err != nil {
		return protocol.Decision{}, err
	}
	if now.From != nil {
		if err := i.refuseTaken(ctx, now, r.Customer); err != nil {
			return protocol.Decision{}, err
		}
	}
	r.Changes = changesOf(old.Modules, r.Modules)
	r.Notice = "The wrong license is revoked. " + keepsWorking(old.License, now.At)
	d := protocol.Decision{Record: r}
	return d, i.reanswer(ctx, &d)
}

// reanswer has the license request that the wrong license answered name the right one, with the intent; a void puts it back.
func (i *Issuer) reanswer(ctx context.Context, d *protocol.Decision) error {
	if d.Record.RequestID == "" {
		return nil
	}
	asked, err := desk.ReadRequest(ctx, i.store, d.Record.RequestID)
	if err != nil {
		return err
	}
	d.Record.ID = protocol.NewID()
	before, after, err := asked.AnswerCorrected(d.Record.ID)
	d.Record.Returns, d.Documents = append(d.Record.Returns, before), append(d.Documents, after)
	return err
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

// member is a part of a license that a correction can change, as people name it.
type member string

const (
	customerMember member = "customer"
	tokenMember    member = "Server Token"
	orderMember    member = "order"
	contractMember member = "contract"
	modulesMember  member = "modules"
)

// differing lists the members in which two licenses differ.
func differing(a, b license.License) []member {
	var all []member
	for _, m := range []struct {
		name    member
		differs bool
	}{
		{customerMember, a.Customer != b.Customer}, {tokenMember, a.ServerToken != b.ServerToken}, {orderMember, a.Order != b.Order},
		{contractMember, a.Contract != b.Contract}, {modulesMember, a.Modules != b.Modules},
	} {
		if m.differs {
			all = append(all, m.name)
		}
	}
	return all
}

// sets reports whether a license gave the member its value, and did not take it over from the license before. A
// correction sets nothing: its days are those of the mistake.
func sets(r, before ledger.Record, m member) bool {
	switch r.Operation {
	case ledger.OpIssue:
		return true
	case ledger.OpAmend:
		return m == modulesMember
	case ledger.OpRenew:
		return m == contractMember || m == modulesMember && r.Modules != before.Modules
	}
	return false
}

// maxLineage is how many licenses of a lineage are looked through: more than 80 years of renewals by the month.
const maxLineage = 1000

// refuseLate refuses what is not a fresh mistake: the days of each member that is wrong count from the license that set it,
// so that no amendment, renewal or correction starts the days of anything else again.
func (i *Issuer) refuseLate(ctx context.Context, now protocol.Situation, wrong []member) error {
	r := *now.Target
	for range maxLineage {
		if r.Operation == ledger.OpRehost {
			return license.Refuse(license.NotCorrectable, "Support re-hosted this license, so it is not one that accounting made a mistake in. Amend it, or revoke it and issue another.").With("operation", r.Operation)
		}
		var before ledger.Record
		if r.Operation != ledger.OpIssue {
			var err error
			if before, err = i.store.Record(ctx, r.Predecessor); err != nil {
				return err
			}
		}
		var earlier []member
		until := r.IssuedOn.AddDays(i.policy.CorrectionDays)
		for _, m := range wrong {
			switch {
			case !sets(r, before, m):
				earlier = append(earlier, m)
			case now.Today().After(until):
				return tooLate(m, r.IssuedOn, until)
			}
		}
		if len(earlier) == 0 {
			return nil
		}
		r, wrong = before, earlier
	}
	return fmt.Errorf("lineage %s has more than %d licenses", r.LineageID, maxLineage)
}

func tooLate(m member, issuedOn, until license.Date) error {
	next := "Revoke this license and issue another."
	if m == modulesMember {
		next = "Amend this license to change its modules."
	}
	return license.Refuse(license.NotCorrectable, "What is wrong here (%s) is from the license issued on %s and could be corrected until %s. %s",
		m, issuedOn.Words(), until.Words(), next).With("issuedOn", issuedOn).With("until", until)
}
