// Package issuing makes and changes licenses by the rules of the trade: who may, which term, which limits. Package
// protocol then sees to it that each happens exactly once.
package issuing

import (
	"context"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Revoker takes licenses back. It signs nothing.
type Revoker struct {
	recorder *protocol.Recorder
	store    ledger.Store
}

// NewRevoker returns a Revoker, which needs no signer and no keys. All parts are required.
func NewRevoker(store ledger.Store, now func() time.Time) *Revoker {
	return &Revoker{protocol.NewRecorder(store, now), store}
}

// Issuer makes and changes licenses, and does all that a Revoker does.
type Issuer struct {
	*Revoker
	writer *protocol.Writer
	policy policy.Policy
	now    func() time.Time
}

// NewIssuer returns an Issuer. All parts are required.
func NewIssuer(store ledger.Store, signer protocol.Signer, keys *keyring.Ring, rules policy.Policy, now func() time.Time) *Issuer {
	writer := protocol.NewWriter(store, signer, keys, now)
	return &Issuer{&Revoker{writer.Recorder, store}, writer, rules, now}
}

// Writer returns what carries the issuer's writes, which a Sweeper needs, too.
func (i *Issuer) Writer() *protocol.Writer { return i.writer }

// idPointer is where a request to change a license names it.
const idPointer = "path:id"

// find reads the license that a request names, only to learn its server.
func (r *Revoker) find(ctx context.Context, id string) (ledger.Record, error) {
	if !license.IsID(id) {
		return ledger.Record{}, license.NotFound().At(idPointer)
	}
	record, err := r.store.Record(ctx, id)
	return record, license.PointAt(err, idPointer)
}

// run carries a write through, and counts the license that it makes for who makes it. Every write that signs goes through
// here.
func (i *Issuer) run(ctx context.Context, q protocol.Write) (protocol.Outcome, error) {
	decide := q.Decide
	q.Decide = func(ctx context.Context, now protocol.Situation) (protocol.Decision, error) {
		decision, err := decide(ctx, now)
		if err != nil {
			return decision, err
		}
		quota := i.policy.Quota(q.Call.Caller.Subject, now.Today())
		made, err := i.store.Count(ctx, quota.Key)
		if err != nil {
			return decision, err
		}
		decision.Counts = append(decision.Counts, quota)
		return decision, i.policy.CheckQuota(made, 0, now.At)
	}
	return i.writer.Run(ctx, q)
}

// Quota reads what a caller has made today. The check tells whether they may make one more after a number of others: nil, or
// QuotaExceeded as run refuses it.
func (i *Issuer) Quota(ctx context.Context, caller license.Caller) (check func(before int) error, err error) {
	at := i.now()
	made, err := i.store.Count(ctx, i.policy.Quota(caller.Subject, license.Today(at)).Key)
	return func(before int) error { return i.policy.CheckQuota(made, before, at) }, err
}

// preview applies the rules of a write, the day's number of its caller among them, and writes nothing.
func (i *Issuer) preview(ctx context.Context, q protocol.Write) (protocol.Decision, error) {
	decision, err := i.writer.Preview(ctx, q)
	if err != nil {
		return decision, err
	}
	check, err := i.Quota(ctx, q.Call.Caller)
	if err != nil {
		return decision, err
	}
	return decision, check(0)
}

// allow lets a decision exceed limits where the subject has an open exception from each rule that is as long as the license,
// which the decision then takes. days is the license's length, 0 for one without. Else it returns the first refusal, which
// also tells of the other limits.
func (i *Issuer) allow(ctx context.Context, d *protocol.Decision, s desk.Subject, days int, by license.Caller, at time.Time, refusals ...*license.Error) error {
	var standing []*license.Error
	for n, refusal := range refusals {
		ofRule := func(r *license.Error) bool { return r.Code == refusal.Code }
		if slices.ContainsFunc(refusals[:n], ofRule) {
			continue
		}
		of := slices.DeleteFunc(slices.Clone(refusals), func(r *license.Error) bool { return !ofRule(r) })
		taken, short, err := desk.TakeException(ctx, i.store, d, s, refusal.Code, days, slices.ContainsFunc(of, policy.TooLong), by, at)
		switch {
		case err != nil:
			return err
		case short != nil:
			standing = append(standing, policy.TooShort(of, days, policy.OpenException{ID: short.ID, Days: short.Days, GrantedBy: short.GrantedBy, GrantedAt: short.GrantedAt}))
		case !taken:
			standing = append(standing, of...)
		}
	}
	if len(standing) == 0 {
		return nil
	}
	first := standing[0]
	for _, another := range standing[1:] {
		first.Detail += " And another limit: " + another.Detail
		first.Fields = slices.Concat(first.Fields, another.Fields)
		if another.Code != first.Code {
			first.With("alsoRefused", another.Code)
		}
	}
	return first
}

func parseToken(raw string) (license.ServerToken, error) {
	token, err := license.ParseServerToken(raw)
	return token, license.PointAt(err, "/serverToken")
}
