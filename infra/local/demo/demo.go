// Package demo fills an empty local stack with about 40 licenses of every type and state. They are made by the domain
// itself, with a clock that is set back, through the same store and signer as every other license.
package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
)

// desk issues as one member of staff after another, on one day after another.
type desk struct {
	issuer *issuing.Issuer
	store  issuing.Store
	now    time.Time
	today  license.Date
	calls  int
}

var (
	sales      = license.Caller{Subject: "demo-sales", Username: "sales", Role: license.Sales, RequestID: "demo"}
	support    = license.Caller{Subject: "demo-support", Username: "support", Role: license.Support, RequestID: "demo"}
	accounting = license.Caller{Subject: "demo-accounting", Username: "accounting", Role: license.Accounting, RequestID: "demo"}
)

// Store is what the demo needs of a store.
type Store interface {
	issuing.Store
	issuing.Pendings
}

// Seed issues the demo licenses as of now, unless they are there. It returns how many it made.
func Seed(ctx context.Context, store Store, signer issuing.Signer, keys *keyring.Ring, now time.Time) (int, error) {
	d := &desk{store: store, now: now, today: license.Today(now)}
	d.issuer = issuing.NewIssuer(store, signer, keys, issuing.DefaultPolicy(), func() time.Time { return d.now })
	last := stories[len(stories)-1]
	server, err := store.Server(ctx, last.token)
	if err != nil || server.Sequence > 0 {
		return 0, err
	}
	for _, s := range stories {
		if s.abandoned != nil {
			if err := d.abandon(ctx, s, store, keys); err != nil {
				return d.calls, fmt.Errorf("demo license for %s: %w", s.customer, err)
			}
		}
		if err := d.play(ctx, s); err != nil {
			return d.calls, fmt.Errorf("demo license for %s: %w", s.customer, err)
		}
	}
	return d.calls, nil
}

// at sets the clock to a number of days from today, in the morning, but never after now.
func (d *desk) at(days int) {
	day := d.today.AddDays(days)
	morning := time.Date(day.Year(), day.Month(), day.Day(), 9, 12, d.calls%60, 0, time.UTC)
	if now := time.Now(); morning.After(now) {
		morning = now
	}
	d.now = morning
}

func (d *desk) call(c license.Caller) issuing.Call {
	d.calls++
	return issuing.Call{Caller: c, Method: "POST", Path: "/demo", IdempotencyKey: fmt.Sprintf("demo-%s-%d", d.today, d.calls)}
}

// play issues the licenses of one customer's story, oldest first.
func (d *desk) play(ctx context.Context, s story) error {
	if s.trial != nil {
		d.at(s.trial.day)
		if _, err := d.issuer.Temporary(ctx, d.call(sales), issuing.TemporaryRequest{
			ServerToken: string(s.token), Customer: s.customer, Purpose: license.Trial, Modules: s.trial.modules, Days: s.trial.days,
		}); err != nil {
			return err
		}
	}
	if s.base != nil {
		if err := d.base(ctx, s); err != nil {
			return err
		}
	}
	for _, day := range s.renewals {
		if err := d.renew(ctx, s, day); err != nil {
			return err
		}
	}
	if s.revokedOn != 0 {
		return d.revoke(ctx, s)
	}
	if s.support == nil {
		return nil
	}
	d.at(s.support.day)
	_, err := d.issuer.Temporary(ctx, d.call(support), issuing.TemporaryRequest{
		ServerToken: string(s.token), Customer: s.customer, Purpose: s.support.purpose, Modules: s.support.modules, Days: s.support.days,
		Note: "Demo: bridge until the network card is back.",
	})
	return err
}

func (d *desk) base(ctx context.Context, s story) error {
	d.at(s.base.day)
	q := issuing.SoldRequest{ServerToken: string(s.token), Customer: s.customer, Modules: s.base.modules, Type: license.Permanent}
	if s.base.months > 0 {
		q.Type, q.Contract, q.TermMonths = license.Subscription, s.base.paper, s.base.months
	} else {
		q.Order = s.base.paper
		for _, name := range issuing.DefaultPolicy().Conditions {
			q.Conditions = append(q.Conditions, issuing.Condition{Name: name, MetOn: license.Today(d.now), Evidence: s.base.paper})
		}
	}
	_, err := d.issuer.Sold(ctx, d.call(accounting), q)
	return err
}

// current returns the customer's current base license.
func (d *desk) current(ctx context.Context, s story) (issuing.Record, error) {
	server, err := d.store.Server(ctx, s.token)
	if err != nil {
		return issuing.Record{}, err
	}
	return d.store.Record(ctx, server.Base.Current)
}

// revoke takes the customer's base license back.
func (d *desk) revoke(ctx context.Context, s story) error {
	d.at(s.revokedOn)
	old, err := d.current(ctx, s)
	if err != nil {
		return err
	}
	call := issuing.Call{Caller: accounting, Method: "POST", Path: "/demo", IdempotencyKey: "revoke-" + old.ID}
	_, err = d.issuer.Revoke(ctx, call, issuing.RevocationRequest{ID: old.ID, Reason: "Demo: the contract was cancelled.", IfMatch: old.Version})
	return err
}

// abandon asks for a license while the signing key is refused, and lets the sweep give it up.
func (d *desk) abandon(ctx context.Context, s story, pendings issuing.Pendings, keys *keyring.Ring) error {
	d.at(s.abandoned.day)
	clock := func() time.Time { return d.now }
	refusing := issuing.NewIssuer(d.store, refuser{}, keys, issuing.DefaultPolicy(), clock)
	q := issuing.SoldRequest{
		ServerToken: string(s.token), Customer: s.customer, Type: license.Subscription, Modules: s.abandoned.modules,
		Contract: s.abandoned.paper, TermMonths: s.abandoned.months,
	}
	if _, err := refusing.Sold(ctx, d.call(accounting), q); !errors.Is(err, issuing.ErrRefused) {
		return fmt.Errorf("the signing key was to be refused: %w", err)
	}
	for range 2 {
		d.now = d.now.Add(16 * time.Minute)
		if _, err := issuing.NewSweeper(refusing, pendings).Sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}

// refuser is a signing service whose key is disabled.
type refuser struct{}

func (refuser) Sign(context.Context, issuing.Prepared) (issuing.Signature, error) {
	return issuing.Signature{}, issuing.ErrRefused
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
