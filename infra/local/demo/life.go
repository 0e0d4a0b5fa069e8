package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"qmslicensing/shared/license"
	office "qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// life is what happens to one customer, told step by step. A step is a write under a key that is the same at every start,
// so what an earlier start has done is only read again; a step that cannot be done leaves out those after it. The key is the
// step's number, and data outlives versions: new steps go to the end of a life.
type life struct {
	*desk
	customer   string
	requests   *office.Requests
	exceptions *office.Exceptions
	ctx        context.Context
	steps      int
	err        error
}

// subject is the sub that the local sign-in gives a user.
func subject(username string) string {
	sum := sha256.Sum256([]byte("qms-local-signin:" + username))
	h := hex.EncodeToString(sum[:])
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:32])
}

func caller(username string, role license.Role) license.Caller {
	return license.Caller{Subject: subject(username), Username: username, Role: role, RequestID: "demo"}
}

// live plays every life.
func (d *desk) live(ctx context.Context) error {
	rules := policy.DefaultPolicy()
	requests, err := office.NewRequests(d.store, rules, []string{"demo"}, d.clock)
	if err != nil {
		return err
	}
	exceptions, err := office.NewExceptions(d.store, exceptionDays, []string{"demo"}, d.clock)
	if err != nil {
		return err
	}
	for _, one := range lives {
		l := &life{desk: d, customer: one.customer, requests: requests, exceptions: exceptions, ctx: ctx}
		if one.tell(l); l.err != nil {
			return fmt.Errorf("demo life of %s: %w", one.customer, l.err)
		}
	}
	return nil
}

// exceptionDays is how long an exception of the demo is open.
const exceptionDays = 14

// step does one write on a day and returns the id of what it made or changed.
func (l *life) step(day int, by license.Caller, do func(protocol.Call) (protocol.Outcome, error)) string {
	l.steps++
	if l.err != nil {
		return ""
	}
	l.at(day)
	out, err := do(protocol.Call{Caller: by, Method: "POST", Path: "/demo", IdempotencyKey: fmt.Sprintf("demo %s %d", l.customer, l.steps)})
	var refusal *license.Error
	if errors.As(err, &refusal) && refusal.Code == license.IdempotencyKeyReused { // its dates were those of an earlier start
		return ""
	}
	l.err = err
	return out.LicenseID + out.DocumentID
}

// license is a step that makes one.
func (l *life) license(day int, by license.Caller, do func(protocol.Call) (protocol.Outcome, error)) string {
	return l.step(day, by, func(c protocol.Call) (protocol.Outcome, error) {
		out, err := do(c)
		if err == nil && !out.Replayed {
			l.made++
		}
		return out, err
	})
}

func (l *life) subscribe(day int, token license.ServerToken, customer, contract string, modules license.Modules) string {
	return l.license(day, accounting, func(c protocol.Call) (protocol.Outcome, error) {
		return l.issuer.Sold(l.ctx, c, issuing.SoldRequest{
			ServerToken: string(token), Customer: customer, Type: license.Subscription, Modules: modules, Contract: contract, TermMonths: 12,
		})
	})
}

func (l *life) try(day, days int, token license.ServerToken, modules license.Modules) string {
	return l.license(day, sales, func(c protocol.Call) (protocol.Outcome, error) {
		return l.issuer.Temporary(l.ctx, c, issuing.TemporaryRequest{ServerToken: string(token), Customer: l.customer, Purpose: license.Trial, Modules: modules, Days: days})
	})
}

// convert makes a trial a subscription.
func (l *life) convert(day int, trial, contract string, modules license.Modules) {
	l.license(day, accounting, func(c protocol.Call) (protocol.Outcome, error) {
		return l.issuer.Sold(l.ctx, c, issuing.SoldRequest{ConvertsTrial: trial, Type: license.Subscription, Modules: modules, Contract: contract, TermMonths: 12})
	})
}

func (l *life) amend(day int, id string, modules license.Modules, note string) {
	l.license(day, accounting, func(c protocol.Call) (protocol.Outcome, error) {
		return l.issuer.Amend(l.ctx, c, issuing.AmendmentRequest{ID: id, Modules: modules, Note: note, IfMatch: 1})
	})
}

func (l *life) correct(day int, id, reason string) {
	l.license(day, accounting, func(c protocol.Call) (protocol.Outcome, error) {
		return l.issuer.Correct(l.ctx, c, issuing.CorrectionRequest{ID: id, Customer: l.customer, Reason: reason, IfMatch: 1})
	})
}

func (l *life) rehost(day int, id string, token license.ServerToken, reason issuing.RehostReason) {
	l.license(day, support, func(c protocol.Call) (protocol.Outcome, error) {
		return l.issuer.Rehost(l.ctx, c, issuing.RehostRequest{ID: id, ServerToken: string(token), Reason: reason, IfMatch: 1})
	})
}

// ask makes a license request: of a permanent license for an order, of a subscription for a contract.
func (l *life) ask(day int, token license.ServerToken, kind license.Type, paper string, modules license.Modules, note string) string {
	sale := policy.Sale{ServerToken: string(token), Customer: l.customer, Type: kind, Modules: modules}
	if kind == license.Permanent {
		sale.Order = paper
	} else {
		sale.Contract = paper
	}
	return l.step(day, sales, func(c protocol.Call) (protocol.Outcome, error) {
		return l.requests.Ask(l.ctx, c, office.Asking{Sale: sale, Note: note})
	})
}

// meet records conditions of the sale.
func (l *life) meet(day int, id, evidence string, names ...string) {
	l.step(day, accounting, func(c protocol.Call) (protocol.Outcome, error) {
		var met []ledger.Condition
		for _, name := range names {
			met = append(met, ledger.Condition{Name: name, MetOn: license.Today(l.now), Evidence: evidence})
		}
		return l.requests.Record(l.ctx, c, id, met)
	})
}

func (l *life) decline(day int, id, reason string) {
	l.step(day, accounting, func(c protocol.Call) (protocol.Outcome, error) {
		return l.requests.Decline(l.ctx, c, id, reason)
	})
}

// answer issues what a request asks for.
func (l *life) answer(day int, id string) {
	l.license(day, accounting, func(c protocol.Call) (protocol.Outcome, error) {
		return l.issuer.Sold(l.ctx, c, issuing.SoldRequest{RequestID: id})
	})
}

// wish asks for an exception from the limit of trials; grant grants it, deny declines it.
func (l *life) wish(day int, token license.ServerToken, reason string) string {
	return l.step(day, sales, func(c protocol.Call) (protocol.Outcome, error) {
		return l.exceptions.Ask(l.ctx, c, office.AskRequest{ServerToken: string(token), Rule: string(license.TrialLimit), Reason: reason})
	})
}

func (l *life) grant(day int, token license.ServerToken, wish, reason string) {
	l.step(day, admin, func(c protocol.Call) (protocol.Outcome, error) {
		return l.exceptions.Grant(l.ctx, c, office.GrantRequest{ServerToken: string(token), Rule: string(license.TrialLimit), Reason: reason, RequestID: wish})
	})
}

func (l *life) deny(day int, wish, reason string) {
	l.step(day, admin, func(c protocol.Call) (protocol.Outcome, error) {
		return l.exceptions.Decline(l.ctx, c, wish, reason)
	})
}
