package histories_test

import (
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

func (w *world) rehost(e *entry) step {
	token := pick(w, tokens)
	if token == e.ServerToken { // mostly another one
		token = pick(w, tokens)
	}
	return w.rehostTo(e, token)
}

func (w *world) rehostTo(e *entry, token license.ServerToken) step {
	q := issuing.RehostRequest{ID: e.ID, ServerToken: string(token), Reason: issuing.VirtualMachineMoved, IfMatch: w.version(e)}
	caller, early := w.someone(licensetest.SupportCaller), license.Code("")
	if token == e.ServerToken {
		early = license.InvalidRequest
	}
	return step{
		op: "re-host", name: fmt.Sprintf("re-host of %s from %s to %s at version %d", e.ID, e.ServerToken, token, q.IfMatch),
		caller: caller, early: refusedBy(caller, license.Rehost, early), needs: []place{base(token), base(e.ServerToken)},
		plan: func() plan {
			l := e.follower()
			l.ServerToken, l.set = token, map[string]license.Date{}
			p := plan{refusal: w.refuseRehost(e, token, q.IfMatch), makes: &l, before: e}
			p.kept = func(made *entry) {
				w.model.lineages[e.LineageID] = append(w.model.lineages[e.LineageID], made.at)
			}
			if w.movedTooOften(e.LineageID) {
				w.uses(&p, e.LineageID, []limit{{rule: license.RehostLimit}})
			}
			return p
		},
		send: func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) { return i.Rehost(w.ctx, call, q) },
	}
}

func (w *world) refuseRehost(e *entry, token license.ServerToken, version int) license.Code {
	refusal := w.model.changeable(e, version)
	switch {
	case refusal != "":
		return refusal
	case e.Type == license.Temporary:
		return license.NotRehostable
	case e.expired(w.clock.Now()):
		return license.ExpiresInPast
	}
	if refusal := w.taken(token, e.Customer); refusal != "" {
		return refusal
	}
	if w.movedTooOften(e.LineageID) && !w.model.open(e.LineageID, license.RehostLimit, w.clock.Now()) {
		return license.RehostLimit
	}
	return ""
}

// taken is why a license of a customer cannot come to a server from another one.
func (w *world) taken(token license.ServerToken, owner string) license.Code {
	now, there := w.clock.Now(), w.model.server(token)
	pending := w.model.promised(token) // a temporary license: a base license is finished first
	switch {
	case there.base != nil && !same(there.base.Customer, owner):
		return license.OtherCustomer
	case there.activeBase(now) != nil:
		return license.BaseLicenseExists
	case there.temporary != nil && !there.temporary.expired(now) && !same(there.temporary.Customer, owner):
		return license.OtherCustomer
	case pending != nil && !same(pending.Customer, owner):
		return license.OtherCustomer
	}
	return ""
}
