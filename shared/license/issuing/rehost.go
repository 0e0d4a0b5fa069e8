package issuing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/customer"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// RehostReason says why a license moves to another server.
type RehostReason string

// The reasons of re-hosts. Other says it in the note.
const (
	NetworkCardReplaced RehostReason = "network-card-replaced"
	ServerReplaced      RehostReason = "server-replaced"
	VirtualMachineMoved RehostReason = "virtual-machine-moved"
	OtherReason         RehostReason = "other"
)

// RehostReasons lists the reasons.
func RehostReasons() []RehostReason {
	return []RehostReason{NetworkCardReplaced, ServerReplaced, VirtualMachineMoved, OtherReason}
}

// RehostRequest asks to move a base license to another server. The note is required where the reason is OtherReason.
// IfMatch is the version it was read at.
type RehostRequest struct {
	ID          string
	ServerToken string // of the new server
	Reason      RehostReason
	Note        string
	IfMatch     int
}

// Rehost moves a base license to another server: the old server's slot closes and the new one's opens in one transaction,
// and nothing but the Server Token changes. Support only. Refusals: NotRehostable, ExpiresInPast, OtherCustomer,
// BaseLicenseExists, those of changing an existing license and, without an exception, RehostLimit.
func (i *Issuer) Rehost(ctx context.Context, call protocol.Call, q RehostRequest) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.Rehost); err != nil {
		return protocol.Outcome{}, err
	}
	q, token, err := q.clean()
	if err != nil {
		return protocol.Outcome{}, err
	}
	if q.IfMatch == 0 {
		return protocol.Outcome{}, ifMatchRequired("re-hosted")
	}
	old, err := i.find(ctx, q.ID)
	if err != nil {
		return protocol.Outcome{}, err
	}
	if old.ServerToken == token {
		return protocol.Outcome{}, license.Invalid("/serverToken", "This license is for Server Token %s already. Give the Server Token that QMS shows on the new server.", token)
	}
	return i.run(ctx, protocol.Write{
		Call: call, Hash: protocol.Digest(q), Token: token, From: old.ServerToken, Slot: license.BaseSlot, Target: q.ID, Where: idPointer,
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Decision, error) {
			return i.decideRehost(ctx, now, call.Caller, q)
		},
	})
}

func (q RehostRequest) clean() (RehostRequest, license.ServerToken, error) {
	token, tokenErr := parseToken(q.ServerToken)
	note, noteErr := license.CleanText("/note", "The note", q.Note, 0, policy.MaxNote)
	var reasonErr error
	if !slices.Contains(RehostReasons(), q.Reason) {
		reasonErr = license.Invalid("/reason", "The reason must be network-card-replaced, server-replaced, virtual-machine-moved or other.")
	}
	if q.Reason == OtherReason && note == "" && noteErr == nil {
		noteErr = license.Invalid("/note", "The reason other needs a note. Say in a sentence why the license moves.")
	}
	q.ServerToken, q.Note, q.ID = string(token), note, strings.ToLower(strings.TrimSpace(q.ID))
	return q, token, license.Collect(tokenErr, reasonErr, noteErr)
}

func (i *Issuer) decideRehost(ctx context.Context, now protocol.Situation, by license.Caller, q RehostRequest) (protocol.Decision, error) {
	if err := rehostable(now, q.IfMatch); err != nil {
		return protocol.Decision{}, err
	}
	if err := i.refuseTaken(ctx, now, now.Target.Customer); err != nil {
		return protocol.Decision{}, err
	}
	old := now.Target
	r := sameSale(*old)
	r.Operation, r.ServerToken, r.Reason, r.Note, r.Notice = ledger.OpRehost, now.Server.Token, string(q.Reason), q.Note, movedNotice(now)
	decision := protocol.Decision{Record: r}
	if refusal := i.policy.CheckRehosts(old.Rehosts, old.LineageID, now.Today()); refusal != nil {
		err := i.allow(ctx, &decision, desk.Subject{LineageID: old.LineageID}, 0, by, now.At, refusal)
		return decision, err
	}
	return decision, nil
}

// rehostable refuses to move the target unless the caller saw its current version and it is a base license that works.
func rehostable(now protocol.Situation, ifMatch int) error {
	if err := changeable(now, ifMatch, "re-hosted"); err != nil {
		return err
	}
	old := now.Target
	if old.Type == license.Temporary {
		return license.Refuse(license.NotRehostable, "This license is temporary; only permanent licenses and subscriptions are re-hosted. Issue a temporary license for the new Server Token instead.").
			With("type", old.Type)
	}
	if old.ExpiredAt(now.At) {
		return license.Refuse(license.ExpiresInPast, "This subscription lapsed on %s, so it would not load on the new server either. Ask accounting to renew it first, then re-host the renewed license.",
			old.ExpiresOn.Words()).With("expiresOn", old.ExpiresOn).With("today", now.Today())
	}
	return nil
}

// refuseTaken refuses a new server that has a license of another customer than the owner, or an active base license of the
// same one. A temporary license of the same customer bridges until the one that comes is loaded.
func (i *Issuer) refuseTaken(ctx context.Context, now protocol.Situation, owner string) error {
	for _, id := range []string{now.Server.Base.Current, now.Server.Temporary.Current, now.Server.Temporary.Pending} {
		if id == "" {
			continue
		}
		there, err := i.store.Record(ctx, id)
		if err != nil {
			return err
		}
		expired := there.ExpiredAt(now.At)
		switch {
		case there.Type == license.Temporary && expired:
		case !customer.Same(there.Customer, owner):
			return license.Refuse(license.OtherCustomer, "The new server has a %s license for %s, and this license is for %s. Compare the Server Token with the one in QMS. If it is the same customer under another name, accounting corrects the name first.",
				there.Type, there.Customer, owner).
				With("licenseId", there.ID).With("customer", owner).With("otherCustomer", there.Customer).At("/serverToken")
		case there.Type != license.Temporary && there.Status == license.Active && !expired:
			return license.Refuse(license.BaseLicenseExists, "The new server has an active %s license for %s already, expiration date %s. Compare the Server Token with the one in QMS. If it is the right server, ask accounting to revoke the license that is not needed.",
				there.Type, there.Customer, there.ExpiresOn.Words()).With("licenseId", there.ID).At("/serverToken")
		}
	}
	return nil
}

// movedNotice is what whoever re-hosts must know of both servers.
func movedNotice(now protocol.Situation) string {
	until := "its Server Token changes"
	if end := now.Target.ExpiresOn; !end.IsNever() {
		until += " or the license ends on " + end.Words()
	}
	return fmt.Sprintf("The license now belongs to Server Token %s; retrieval by %s stops. A copy already loaded on the old server keeps working offline until %s: ask the customer not to use it there any more. "+
		"Until the new license is loaded, support can bridge with an emergency license for either server.", now.Server.Token, now.From.Token, until)
}
