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

// AmendmentRequest asks for other modules on a base license, an upgrade or a downgrade. IfMatch is the version it was
// read at.
type AmendmentRequest struct {
	ID      string
	Modules license.Modules
	Note    string
	IfMatch int
}

// Amend issues a base license anew with other modules: same type, dates, papers and conditions; accounting only.
// Refusals: NotAmendable for a temporary license, ExpiresInPast for one that has expired, those of changing an existing
// license; for more seats OwnRequest for whoever made the request that it was sold by, and RequestRequired for a permanent
// license where it should have one. The answer says what changes and what the customer must do first.
func (i *Issuer) Amend(ctx context.Context, call protocol.Call, q AmendmentRequest) (protocol.Outcome, error) {
	write, err := i.amendment(ctx, call, q)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return i.run(ctx, write)
}

// PreviewAmendment applies the rules of Amend to what is stored now and writes nothing, the Idempotency-Key neither. It
// returns the license that Amend would make, without what only issuing gives it (id, sequence, version, key), and what
// changes.
func (i *Issuer) PreviewAmendment(ctx context.Context, call protocol.Call, q AmendmentRequest) (license.License, ledger.Changes, error) {
	write, err := i.amendment(ctx, call, q)
	if err != nil {
		return license.License{}, ledger.Changes{}, err
	}
	decision, err := i.preview(ctx, write)
	if err != nil {
		return license.License{}, ledger.Changes{}, err
	}
	return decision.Record.License, *decision.Record.Changes, nil
}

func (i *Issuer) amendment(ctx context.Context, call protocol.Call, q AmendmentRequest) (protocol.Write, error) {
	if err := call.Caller.Authorize(license.Amend); err != nil {
		return protocol.Write{}, err
	}
	note, noteErr := license.CleanText("/note", "The note", q.Note, 0, policy.MaxNote)
	if err := license.Collect(q.Modules.Check("/modules"), noteErr); err != nil {
		return protocol.Write{}, err
	}
	q.ID, q.Note = strings.ToLower(strings.TrimSpace(q.ID)), note
	if q.IfMatch == 0 {
		return protocol.Write{}, ifMatchRequired("amended")
	}
	old, err := i.find(ctx, q.ID)
	if err != nil {
		return protocol.Write{}, err
	}
	return protocol.Write{
		Call: call, Hash: protocol.Digest(q), Token: old.ServerToken, Slot: license.BaseSlot, Target: q.ID, Where: idPointer,
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Decision, error) {
			return i.decideAmendment(ctx, now, call.Caller, q)
		},
	}, nil
}

func (i *Issuer) decideAmendment(ctx context.Context, now protocol.Situation, by license.Caller, q AmendmentRequest) (protocol.Decision, error) {
	if err := changeable(now, q.IfMatch, "amended"); err != nil {
		return protocol.Decision{}, err
	}
	old := now.Target
	if old.Type == license.Temporary {
		return protocol.Decision{}, license.Refuse(license.NotAmendable, "This license is temporary; only permanent licenses and subscriptions are amended. Issue a new temporary license with the modules that are wanted.").With("type", old.Type)
	}
	if err := notExpired(now, "Renew it first; the renewal may change its modules, too."); err != nil {
		return protocol.Decision{}, err
	}
	if q.Modules == old.Modules {
		return protocol.Decision{}, license.Invalid("/modules", "This license has exactly these modules already. Give the modules that it is to have.")
	}
	if !old.Seats.Covers(q.Modules.Seats()) {
		if err := i.refuseOwn(ctx, *old, by); err != nil {
			return protocol.Decision{}, err
		}
	}
	if err := i.refuseMore(*old, q.Modules); err != nil {
		return protocol.Decision{}, err
	}
	r := sameSale(*old)
	r.Operation, r.Modules, r.Note = ledger.OpAmend, q.Modules, q.Note
	r.Changes = changesOf(old.Modules, q.Modules)
	return protocol.Decision{Record: r}, nil
}

// refuseMore refuses more seats for a permanent license where each is issued from a license request.
func (i *Issuer) refuseMore(old ledger.Record, modules license.Modules) error {
	if old.Type != license.Permanent || !i.policy.RequestRequired || old.Seats.Covers(modules.Seats()) {
		return nil
	}
	return license.Refuse(license.RequestRequired, "A permanent license gets more seats by a license request, which somebody else made. Have one made with replaces %s and the modules that are wanted, record its conditions, and issue the license from it.", old.ID).At("/modules")
}

// refuseOwn refuses to change what was sold by a license request for whoever made the request, as issuing it was refused.
func (i *Issuer) refuseOwn(ctx context.Context, r ledger.Record, by license.Caller) error {
	for range maxLineage {
		if r.RequestID != "" {
			asked, err := desk.ReadRequest(ctx, i.store, r.RequestID)
			if err != nil {
				return err
			}
			return asked.CheckOther(by, "You made the request for this license yourself on %s, so another accountant must change it.")
		}
		if r.Operation == ledger.OpIssue {
			return nil
		}
		var err error
		if r, err = i.store.Record(ctx, r.Predecessor); err != nil {
			return err
		}
	}
	return fmt.Errorf("lineage %s has more than %d licenses", r.LineageID, maxLineage)
}

// notExpired refuses to change a target that no longer works. next is the step that helps.
func notExpired(now protocol.Situation, next string) error {
	if !now.Target.ExpiredAt(now.At) {
		return nil
	}
	return license.Refuse(license.ExpiresInPast, "This license expired on %s; today is %s. %s", now.Target.ExpiresOn.Words(), now.Today().Words(), next).
		With("expiresOn", now.Target.ExpiresOn).With("today", now.Today())
}

// sameSale is the license that follows another one of the same sale on the same server, with nothing changed yet. The
// conditions of the sale go with it, so that no permanent license is without.
func sameSale(old ledger.Record) ledger.Record {
	return ledger.Record{
		License: license.License{
			ServerToken: old.ServerToken, LineageID: old.LineageID, Type: old.Type, Customer: old.Customer, Modules: old.Modules,
			Contract: old.Contract, Order: old.Order, StartsOn: old.StartsOn, ExpiresOn: old.ExpiresOn,
		},
		AnchorDay: old.AnchorDay, Predecessor: old.ID, Conditions: old.Conditions,
	}
}

// changesOf says what other modules mean for the customer; nil if they are the same.
func changesOf(before, after license.Modules) *ledger.Changes {
	if before == after {
		return nil
	}
	c := &ledger.Changes{
		Modules:  ledger.ModuleChange{Before: before, After: after},
		Seats:    ledger.SeatChange{Before: before.Seats(), After: after.Seats()},
		Warnings: []string{},
	}
	for _, module := range license.AllModules() {
		was, is := c.Seats.Before.Of(module), c.Seats.After.Of(module)
		if is < was {
			c.Warnings = append(c.Warnings, fewerSeats(module, was, is))
		}
	}
	return c
}

func fewerSeats(module license.Module, was, is int) string {
	most := fmt.Sprintf("at most %d have", is)
	switch is {
	case 0:
		most = "nobody has"
	case 1:
		most = "at most 1 has"
	}
	return fmt.Sprintf("%s seats go from %d to %d. Before the new license is loaded, the customer must unlicense users in QMS until %s %s: "+
		"a license with fewer seats than users assigned does not load. The downgrade check says whom.", module.Name(), was, is, most, module.Name())
}
