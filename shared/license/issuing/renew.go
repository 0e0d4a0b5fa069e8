package issuing

import (
	"context"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// RenewalRequest asks to renew a subscription: either TermMonths or ExpiresOn. An empty Basis is BasisExpiration, but a
// lapsed subscription must say. Modules nil keeps those of the old license, KeepContract its contract; Contract is then
// empty. IfMatch is the version it was read at.
type RenewalRequest struct {
	ID         string
	Contract   string
	TermMonths int
	ExpiresOn  license.Date
	Basis      license.RenewalBasis
	Modules    *license.Modules
	IfMatch    int

	KeepContract bool `json:",omitzero"`
}

// Renew renews a subscription by contract; accounting only. Refusals: NotRenewable, BasisRequired, RenewalInPast, and
// those of changing an existing license.
func (i *Issuer) Renew(ctx context.Context, call protocol.Call, q RenewalRequest) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.Renew); err != nil {
		return protocol.Outcome{}, err
	}
	q, err := q.clean()
	if err != nil {
		return protocol.Outcome{}, err
	}
	if q.IfMatch == 0 {
		return protocol.Outcome{}, ifMatchRequired("renewed")
	}
	old, err := i.find(ctx, q.ID)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return i.run(ctx, renewal(call, old.ServerToken, q))
}

func renewal(call protocol.Call, token license.ServerToken, q RenewalRequest) protocol.Write {
	return protocol.Write{
		Call:   call,
		Hash:   protocol.Digest(q),
		Token:  token,
		Slot:   license.BaseSlot,
		Target: q.ID,
		Where:  idPointer,
		Decide: func(_ context.Context, now protocol.Situation) (protocol.Decision, error) {
			return decideRenewal(now, q)
		},
	}
}

// PreviewRenewal applies the rules of Renew to what is stored now and writes nothing: it returns the license as it is, also
// with a refusal, and the one that Renew would make of this version; q.IfMatch is not looked at, and
// neither is the day's number of the caller, which Quota reads once for many. Unavailable: another
// change of the server's license is under way, so that nobody knows yet what Renew would find.
func (i *Issuer) PreviewRenewal(ctx context.Context, caller license.Caller, q RenewalRequest) (old, renewed ledger.Record, err error) {
	if err := caller.Authorize(license.Renew); err != nil {
		return old, renewed, err
	}
	if q, err = q.clean(); err != nil {
		return old, renewed, err
	}
	if old, err = i.find(ctx, q.ID); err != nil {
		return old, renewed, err
	}
	write := renewal(protocol.Call{Caller: caller}, old.ServerToken, q)
	write.Decide = func(_ context.Context, now protocol.Situation) (protocol.Decision, error) {
		old = *now.Target
		q.IfMatch = old.Version
		decision, err := decideRenewal(now, q)
		if err == nil && now.Server.Base.Busy() != "" {
			err = underWay()
		}
		return decision, err
	}
	decision, err := i.writer.Preview(ctx, write)
	return old, decision.Record, err
}

// underWay says that a change is not finished; within a minute the sweep finishes what its caller left.
func underWay() error {
	refusal := license.Refuse(license.Unavailable, "Another change of this server's license has begun and is not finished. Look again in a minute.")
	refusal.RetryAfter = time.Minute
	return refusal
}

// Check returns what is wrong with a request whatever license it is for: InvalidRequest.
func (q RenewalRequest) Check() error {
	_, err := q.clean()
	return err
}

func (q RenewalRequest) clean() (RenewalRequest, error) {
	var contractErr, basisErr, modulesErr error
	if !q.KeepContract {
		q.Contract, contractErr = license.CleanText("/contract", "The contract", q.Contract, 1, policy.MaxPaper)
	}
	if q.Basis != "" && q.Basis != license.BasisExpiration && q.Basis != license.BasisToday {
		basisErr = license.Invalid("/basis", "The basis must be expiration or today.")
	}
	if q.Modules != nil {
		modulesErr = q.Modules.Check("/modules")
	}
	q.ID = strings.ToLower(strings.TrimSpace(q.ID))
	return q, license.Collect(contractErr, checkTermGiven(q.TermMonths, q.ExpiresOn), basisErr, modulesErr)
}

func decideRenewal(now protocol.Situation, q RenewalRequest) (protocol.Decision, error) {
	if err := changeable(now, q.IfMatch, "renewed"); err != nil {
		return protocol.Decision{}, err
	}
	old := now.Target
	if old.Type != license.Subscription {
		return protocol.Decision{}, license.Refuse(license.NotRenewable, "This license is %s; only subscriptions are renewed. %s",
			old.Type, map[license.Type]string{
				license.Permanent: "It has no expiration date.",
				license.Temporary: "Issue a new temporary license, or a subscription.",
			}[old.Type]).With("type", old.Type)
	}
	if q.Basis == "" {
		if old.License.At(now.At).Status == license.Expired {
			return protocol.Decision{}, license.Refuse(license.BasisRequired, "This subscription lapsed on %s. Say where the new term starts: basis expiration (%s) or basis today (%s).",
				old.ExpiresOn.Words(), old.ExpiresOn.AddDays(1).Words(), now.Today().Words()).
				With("expiresOn", old.ExpiresOn).With("bases", []license.RenewalBasis{license.BasisExpiration, license.BasisToday}).At("/basis")
		}
		q.Basis = license.BasisExpiration
	}
	if !q.ExpiresOn.IsNever() && q.ExpiresOn.Before(old.ExpiresOn) && q.ExpiresOn.After(now.Today()) {
		return protocol.Decision{}, license.Invalid("/expiresOn", "This subscription runs through %s already; a renewal until %s would shorten it. Choose a later end.",
			old.ExpiresOn.Words(), q.ExpiresOn.Words())
	}
	start, anchor := license.RenewalStart(q.Basis, old.ExpiresOn, old.AnchorDay, now.Today())
	term, err := termFrom(start, anchor, q.TermMonths, q.ExpiresOn, now.Today(), license.RenewalInPast)
	if err != nil {
		return protocol.Decision{}, err
	}
	if term.EndsOn.Before(old.ExpiresOn) {
		return protocol.Decision{}, license.Invalid("/termMonths", "This subscription runs through %s already; a renewal by %d months from %s would end on %s and shorten it. Give more months, or basis expiration.",
			old.ExpiresOn.Words(), q.TermMonths, start.Words(), term.EndsOn.Words())
	}
	modules, contract := old.Modules, license.Optional(q.Contract)
	if q.Modules != nil {
		modules = *q.Modules
	}
	if q.KeepContract {
		contract = old.Contract
	}
	return protocol.Decision{Record: ledger.Record{
		License: license.License{
			ServerToken: old.ServerToken, LineageID: old.LineageID, Type: license.Subscription, Customer: old.Customer,
			Modules: modules, Contract: contract, StartsOn: term.StartsOn, ExpiresOn: term.EndsOn,
		},
		Operation:         ledger.OpRenew,
		AnchorDay:         term.AnchorDay,
		Predecessor:       old.ID,
		PreviousExpiresOn: old.ExpiresOn,
		Changes:           changesOf(old.Modules, modules),
	}}, nil
}

// changeable refuses to change the target unless the caller saw its current version and it is stored active, expired
// included. verb is what then did not happen, such as "renewed".
func changeable(now protocol.Situation, ifMatch int, verb string) error {
	t := now.Target
	if t.Version != ifMatch {
		return license.Refuse(license.VersionConflict, "%s %s it on %s. Nothing was %s. Read the license again, then decide.",
			t.LastChange.By, t.LastChange.What, license.InstantWords(t.LastChange.At), verb).
			With("licenseId", t.ID).With("version", t.Version).With("changedBy", t.LastChange.By).
			With("changedAt", t.LastChange.At.UTC().Format(time.RFC3339)).With("change", t.LastChange.What)
	}
	if t.Status != license.Active {
		return license.Refuse(license.NotCurrent, "This license is %s, so it cannot be %s. Find the current license by its Server Token.",
			t.Status, verb).With("licenseId", t.ID).With("status", t.Status)
	}
	return nil
}

func ifMatchRequired(verb string) error {
	return license.Refuse(license.IfMatchRequired, "Send the license's ETag as If-Match, so that what is %s is what you saw. Read the license to get it.", verb).At("header:If-Match")
}
