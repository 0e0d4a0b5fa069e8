package histories_test

import (
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

func (w *world) rehost(e *entry) step {
	token := pick(w, tokens)
	if token == e.ServerToken { // mostly another one
		token = pick(w, tokens)
	}
	q := issuing.RehostRequest{ID: e.ID, ServerToken: string(token), Reason: issuing.VirtualMachineMoved, IfMatch: w.version(e)}
	caller := w.someone(licensetest.SupportCaller)
	s := step{name: fmt.Sprintf("re-host of %s from %s to %s at version %d", e.ID, e.ServerToken, token, q.IfMatch), caller: caller, from: e}
	s.expect = func() (license.Code, bool, func(ledger.Record), func(ledger.Record)) {
		l := e.follower()
		l.ServerToken, l.set = token, map[string]license.Date{}
		made, givenUp := w.made(caller, l, e), w.givenUp(l, e)
		limit, _ := w.movedTooOften(e.LineageID)
		apply := func(r ledger.Record) {
			made(r)
			w.model.lineages[e.LineageID] = append(w.model.lineages[e.LineageID], r.IssuedAt)
			if limit {
				delete(w.model.allowed, subject(e.LineageID, license.RehostLimit))
			}
		}
		return refusedBy(caller, license.Rehost, w.counted(caller, w.refuseRehost(e, token, q.IfMatch))), true, apply, givenUp
	}
	s.send = func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error) {
		return i.Rehost(w.ctx, call, q)
	}
	return s
}

func (w *world) refuseRehost(e *entry, token license.ServerToken, version int) license.Code {
	refusal := w.model.changeable(e, version)
	switch {
	case e.ServerToken == token:
		return license.InvalidRequest
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
	if _, refused := w.movedTooOften(e.LineageID); refused {
		return license.RehostLimit
	}
	return ""
}

// taken is why a license of a customer cannot come to a server from another one.
func (w *world) taken(token license.ServerToken, owner string) license.Code {
	now, there := w.clock.Now(), w.model.server(token)
	switch {
	case there.base != nil && !same(there.base.Customer, owner):
		return license.OtherCustomer
	case there.activeBase(now) != nil:
		return license.BaseLicenseExists
	case there.temporary != nil && !there.temporary.expired(now) && !same(there.temporary.Customer, owner):
		return license.OtherCustomer
	}
	return ""
}
