// Package demo fills an empty local stack with about 60 licenses of every type and state, and with requests and exceptions.
// They are made by the domain itself, with a clock that is set back, through the same store and signer as every other license.
package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// desk issues as one member of staff after another, on one day after another.
type desk struct {
	issuer *issuing.Issuer
	store  Store
	keys   *keyring.Ring
	now    time.Time
	today  license.Date
	made   int
}

var (
	sales      = caller("sales", license.Sales)
	support    = caller("support", license.Support)
	accounting = caller("accounting", license.Accounting)
	admin      = caller("admin", license.Admin)
)

// Store is what the demo needs of a store.
type Store interface {
	ledger.Store
	ledger.Shelf
	protocol.Pendings
}

// Seed issues the demo licenses as of now and returns how many it made. Those that an earlier start has made, even one
// that was interrupted anywhere, are left as they are.
func Seed(ctx context.Context, store Store, signer protocol.Signer, keys *keyring.Ring, now time.Time) (int, error) {
	d := &desk{store: store, keys: keys, now: now, today: license.Today(now)}
	d.issuer = issuing.NewIssuer(store, signer, keys, policy.DefaultPolicy(), d.clock)
	if err := d.finishPending(ctx, now); err != nil {
		return 0, err
	}
	for _, s := range stories {
		if err := d.play(ctx, s); err != nil {
			return d.made, fmt.Errorf("demo license for %s: %w", s.customer, err)
		}
	}
	err := d.live(ctx)
	return d.made, err
}

func (d *desk) clock() time.Time { return d.now }

// finishPending finishes what an interrupted start left pending, at its own time: by today it might have expired.
func (d *desk) finishPending(ctx context.Context, now time.Time) error {
	pending, err := d.store.Pending(ctx, now, 10)
	if err != nil {
		return err
	}
	for _, id := range pending {
		record, err := d.store.Record(ctx, id)
		if err != nil {
			return err
		}
		d.now = record.LeaseUntil.Add(time.Second)
		if _, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// at sets the clock to a number of days from today, in the morning, but never after now.
func (d *desk) at(days int) {
	day := d.today.AddDays(days)
	morning := time.Date(day.Year(), day.Month(), day.Day(), 9, 12, d.made%60, 0, time.UTC)
	if now := time.Now(); morning.After(now) {
		morning = now
	}
	d.now = morning
}

// call is a write under a key of its own: what is already there is not asked for again.
func (d *desk) call(c license.Caller) protocol.Call {
	d.made++
	return protocol.Call{Caller: c, Method: "POST", Path: "/demo", IdempotencyKey: rand.Text()}
}

// play issues the licenses of one customer's story, oldest first. Each step makes one license, so the server's sequence
// says which steps are done.
func (d *desk) play(ctx context.Context, s story) error {
	for done, step := range d.steps(s) {
		server, err := d.store.Server(ctx, s.token)
		if err != nil {
			return err
		}
		if server.Sequence > done {
			continue
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	if s.revokedOn == 0 {
		return nil
	}
	return d.revoke(ctx, s)
}

func (d *desk) steps(s story) []func(context.Context) error {
	var steps []func(context.Context) error
	if s.abandoned != nil {
		steps = append(steps, func(ctx context.Context) error { return d.abandon(ctx, s) })
	}
	if s.trial != nil {
		steps = append(steps, func(ctx context.Context) error { return d.temporary(ctx, s, sales, *s.trial, license.Trial, "") })
	}
	if s.base != nil {
		steps = append(steps, func(ctx context.Context) error { return d.base(ctx, s) })
	}
	for _, day := range s.renewals {
		steps = append(steps, func(ctx context.Context) error { return d.renew(ctx, s, day) })
	}
	if s.support != nil {
		steps = append(steps, func(ctx context.Context) error {
			return d.temporary(ctx, s, support, *s.support, s.support.purpose, "Demo: bridge until the network card is back.")
		})
	}
	return steps
}

func (d *desk) temporary(ctx context.Context, s story, by license.Caller, t temporary, purpose license.Purpose, note string) error {
	d.at(t.day)
	_, err := d.issuer.Temporary(ctx, d.call(by), issuing.TemporaryRequest{
		ServerToken: string(s.token), Customer: s.customer, Purpose: purpose, Modules: t.modules, Days: t.days, Note: note,
	})
	return err
}

func (d *desk) base(ctx context.Context, s story) error {
	if server, err := d.store.Server(ctx, s.token); err != nil || server.Base.Current != "" {
		return err // what was to be given up was finished after all, by the sweep of a later start
	}
	d.at(s.base.day)
	q := issuing.SoldRequest{ServerToken: string(s.token), Customer: s.customer, Modules: s.base.modules, Type: license.Permanent}
	if s.base.months > 0 {
		q.Type, q.Contract, q.TermMonths = license.Subscription, s.base.paper, s.base.months
	} else {
		q.Order = s.base.paper
		for _, name := range policy.DefaultPolicy().Conditions {
			q.Conditions = append(q.Conditions, ledger.Condition{Name: name, MetOn: license.Today(d.now), Evidence: s.base.paper})
		}
	}
	_, err := d.issuer.Sold(ctx, d.call(accounting), q)
	return err
}

// current returns the customer's current base license.
func (d *desk) current(ctx context.Context, s story) (ledger.Record, error) {
	server, err := d.store.Server(ctx, s.token)
	if err != nil {
		return ledger.Record{}, err
	}
	return d.store.Record(ctx, server.Base.Current)
}

// revoke takes the customer's base license back.
func (d *desk) revoke(ctx context.Context, s story) error {
	server, err := d.store.Server(ctx, s.token)
	if err != nil || server.Base.Current == "" { // it is done
		return err
	}
	d.at(s.revokedOn)
	old, err := d.current(ctx, s)
	if err != nil {
		return err
	}
	call := protocol.Call{Caller: accounting, Method: "POST", Path: "/demo", IdempotencyKey: rand.Text()}
	_, err = d.issuer.Revoke(ctx, call, issuing.RevocationRequest{ID: old.ID, Reason: "Demo: the contract was cancelled.", IfMatch: old.Version})
	return err
}

// abandon asks for a license while the signing key is refused, and lets the sweep give it up.
func (d *desk) abandon(ctx context.Context, s story) error {
	d.at(s.abandoned.day)
	refusing := issuing.NewIssuer(d.store, refuser{}, d.keys, policy.DefaultPolicy(), d.clock)
	q := issuing.SoldRequest{
		ServerToken: string(s.token), Customer: s.customer, Type: license.Subscription, Modules: s.abandoned.modules,
		Contract: s.abandoned.paper, TermMonths: s.abandoned.months,
	}
	if _, err := refusing.Sold(ctx, d.call(accounting), q); !errors.Is(err, protocol.ErrRefused) {
		return fmt.Errorf("the signing key was to be refused: %w", err)
	}
	for range 2 {
		d.now = d.now.Add(16 * time.Minute)
		if _, err := protocol.NewSweeper(refusing.Writer(), d.store).Sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// refuser is a signing service whose key is disabled.
type refuser struct{}

func (refuser) Sign(context.Context, protocol.Prepared) (protocol.Signature, error) {
	return protocol.Signature{}, protocol.ErrRefused
}

// renew renews the customer's base license on a day, from its expiration date.
func (d *desk) renew(ctx context.Context, s story, day int) error {
	d.at(day)
	old, err := d.current(ctx, s)
	if err != nil {
		return err
	}
	_, err = d.issuer.Renew(ctx, d.call(accounting), issuing.RenewalRequest{
		ID: old.ID, Contract: string(old.Contract), TermMonths: s.base.months, Basis: license.BasisExpiration, IfMatch: old.Version,
	})
	return err
}
