package histories_test

import (
	"context"
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
	s := step{name: fmt.Sprintf("re-host of %s from %s to %s at version %d", e.ID, e.ServerToken, token, q.IfMatch), caller: caller}
	s.expect = func() (license.Code, bool, func(ledger.Record), func(ledger.Record)) {
		l := e.License
		l.ServerToken = token
		made, givenUp := w.made(caller, l, e.anchor, e), w.givenUp(l, e)
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
		return i.Rehost(context.Background(), call, q)
	}
	return s
}

func (w *world) refuseRehost(e *entry, token license.ServerToken, version int) license.Code {
	now, there := w.clock.Now(), w.model.server(token)
	refusal := w.model.changeable(e, version)
	switch {
	case e.ServerToken == token:
		return license.InvalidRequest
	case refusal != "":
		return refusal
	case e.Type == license.Temporary:
		return license.NotRehostable
	case e.expired(now):
		return license.ExpiresInPast
	case there.base != nil && there.base.Customer != e.Customer:
		return license.OtherCustomer
	case there.activeBase(now) != nil:
		return license.BaseLicenseExists
	case there.temporary != nil && !there.temporary.expired(now) && there.temporary.Customer != e.Customer:
		return license.OtherCustomer
	}
	if _, refused := w.movedTooOften(e.LineageID); refused {
		return license.RehostLimit
	}
	return ""
}
