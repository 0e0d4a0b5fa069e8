package issuing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	office "qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// requests is the desk beside the issuer.
func (d *desk) requests() *office.Requests {
	r, err := office.NewRequests(d.store, policy.DefaultPolicy(), []string{"secret"}, d.clock.Now)
	require.NoError(d.t, err)
	return r
}

// asked is an open request by sales for what q asks, with the conditions of q recorded.
func (d *desk) asked(by license.Caller, q issuing.SoldRequest) string {
	d.t.Helper()
	out, err := d.requests().Ask(context.Background(), licensetest.Call(by, d.key()), office.Asking{
		Sale: policy.Sale{ServerToken: q.ServerToken, Customer: q.Customer, Type: q.Type, Modules: q.Modules, Contract: q.Contract, Order: q.Order},
		Note: "urgent", Replaces: q.Replaces,
	})
	require.NoError(d.t, err)
	if len(q.Conditions) > 0 {
		require.NoError(d.t, d.recordMet(out.DocumentID, q.Conditions...))
	}
	return out.DocumentID
}

func (d *desk) recordMet(id string, met ...ledger.Condition) error {
	_, err := d.requests().Record(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), id, met)
	return err
}

func (d *desk) request(id string) office.Request {
	d.t.Helper()
	r, err := office.ReadRequest(context.Background(), d.store, id)
	require.NoError(d.t, err)
	return r
}

// answer issues from a request.
func (d *desk) answer(issuer *issuing.Issuer, key, id string) (protocol.Outcome, error) {
	return issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, key), issuing.SoldRequest{RequestID: id})
}

// requireAnswered asserts what always holds: a request is issued exactly while one license answers it that was not given
// up, and names it.
func requireAnswered(t *testing.T, d *desk, id string) {
	t.Helper()
	all, err := d.store.ByServer(context.Background(), licensetest.Token, 1<<30, 1000)
	require.NoError(t, err)
	var answers []string
	for _, l := range all {
		if d.record(l.ID).RequestID == id && l.Status != license.Void {
			answers = append(answers, l.ID)
		}
	}
	r := d.request(id)
	if r.State == office.Open {
		require.Empty(t, answers, "an open request has no license")
		require.Zero(t, r.Closed)
		return
	}
	require.Equal(t, office.Issued, r.State)
	require.Equal(t, []string{string(r.Closed.LicenseID)}, answers)
}

func TestAnswer_TakesEverythingFromTheRequest(t *testing.T) {
	d := newDesk(t)
	q := licensetest.Permanent()
	id := d.asked(licensetest.SalesCaller, q)
	out, err := d.answer(d.issuer, d.key(), " "+strings.ToUpper(id))
	l := d.must(out, err)
	require.Equal(t, []any{license.Permanent, q.Customer, q.Modules, license.Optional(q.Order)}, []any{l.Type, l.Customer, l.Modules, l.Order})
	record := d.record(l.ID)
	require.Equal(t, q.Conditions, record.Conditions)
	require.Equal(t, id, record.RequestID)
	require.Equal(t, "urgent", record.Note)
	r := d.request(id)
	require.Equal(t, office.Closing{By: "accounting", At: d.clock.Now(), LicenseID: license.Optional(l.ID)}, r.Closed)
	requireAnswered(t, d, id)
	chain := d.store.Audit(licensetest.Token)
	for _, entry := range chain[len(chain)-2:] {
		var text ledger.AuditText
		require.NoError(t, json.Unmarshal(entry.Text, &text))
		require.Equal(t, id, text.RequestID, "the license's %s names the request", text.Event)
	}

	other := d.asked(licensetest.SalesCaller, func() issuing.SoldRequest { q := licensetest.Subscription(); q.Replaces = l.ID; return q }())
	_, err = d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), issuing.SoldRequest{RequestID: other, TermMonths: 12})
	requireCode(t, license.IfMatchRequired, err)
	out, err = d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), issuing.SoldRequest{
		RequestID: other, TermMonths: 24, StartsOn: license.MakeDate(2026, 11, 1), IfMatch: 1,
	})
	s := d.must(out, err)
	require.EqualValues(t, "C-2041", s.Contract)
	require.Equal(t, license.MakeDate(2028, 10, 31), s.ExpiresOn, "the term comes from accounting")
	require.EqualValues(t, l.ID, s.Supersedes)
	require.Equal(t, l.LineageID, s.LineageID)
	requireAnswered(t, d, other)
	requireWhole(t, d, licensetest.Token)
}

func TestAnswer_WhatIsGivenMustBeWhatWasAskedFor(t *testing.T) {
	d := newDesk(t)
	q := licensetest.Permanent()
	id := d.asked(licensetest.SalesCaller, q)
	for name, c := range map[string]struct {
		change  func(*issuing.SoldRequest)
		pointer string
	}{
		"another server":     {func(q *issuing.SoldRequest) { q.ServerToken = "QMSA-OTHER-0001" }, "/serverToken"},
		"another customer":   {func(q *issuing.SoldRequest) { q.Customer = "Southwind" }, "/customer"},
		"another type":       {func(q *issuing.SoldRequest) { q.Type = license.Subscription; q.TermMonths = 1 }, "/type"},
		"fewer seats":        {func(q *issuing.SoldRequest) { q.Modules.CallRecording-- }, "/modules"},
		"another order":      {func(q *issuing.SoldRequest) { q.Order = "O-1" }, "/order"},
		"a contract":         {func(q *issuing.SoldRequest) { q.Contract = "C-1" }, "/contract"},
		"a term":             {func(q *issuing.SoldRequest) { q.TermMonths = 12 }, "/termMonths"},
		"conditions":         {func(q *issuing.SoldRequest) { q.Conditions = licensetest.Permanent().Conditions }, "/conditions"},
		"an empty list":      {func(q *issuing.SoldRequest) { q.Conditions = []ledger.Condition{} }, "/conditions"},
		"If-Match":           {func(q *issuing.SoldRequest) { q.IfMatch = 1 }, "header:If-Match"},
		"a request not made": {func(q *issuing.SoldRequest) { q.RequestID = strings.Repeat("0", 32) }, "/requestId"},
		"no id":              {func(q *issuing.SoldRequest) { q.RequestID = "none" }, "/requestId"},
	} {
		t.Run(name, func(t *testing.T) {
			given := q
			given.Conditions, given.RequestID = nil, id
			c.change(&given)
			_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), given)
			code := license.InvalidRequest
			if c.pointer == "/requestId" {
				code = license.RequestNotFound
			}
			require.Equal(t, c.pointer, requireCode(t, code, err).Fields[0].Pointer)
		})
	}
	given := q
	given.Conditions, given.RequestID, given.Customer, given.ServerToken = nil, id, " "+q.Customer, strings.ToLower(q.ServerToken)
	out, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), given)
	d.must(out, err) // the same, once it is cleaned
}

func TestAnswer_PermanentNeedsAllConditions(t *testing.T) {
	d := newDesk(t)
	q := licensetest.Permanent()
	met := q.Conditions
	q.Conditions = nil
	id := d.asked(licensetest.SalesCaller, q)
	for n, c := range met {
		_, err := d.answer(d.issuer, "the one key", id)
		refusal := requireCode(t, license.ConditionsNotMet, err)
		require.Len(t, refusal.Params["missing"], len(met)-n)
		require.Equal(t, "/requestId", refusal.Fields[0].Pointer)
		require.NoError(t, d.recordMet(id, c))
	}
	out, err := d.answer(d.issuer, "the one key", id)
	d.must(out, err)
}

func TestAnswer_AnotherPersonThanTheRequesterIssues(t *testing.T) {
	d := newDesk(t)
	id := d.asked(licensetest.AccountingCaller, licensetest.Permanent())
	_, err := d.answer(d.issuer, d.key(), id)
	refusal := requireCode(t, license.OwnRequest, err)
	require.Contains(t, refusal.Detail, "another accountant must issue it")
	namesake := licensetest.AccountingCaller
	namesake.Subject = "sub-of-another-accountant" // the same name is not the same person
	out, err := d.issuer.Sold(context.Background(), licensetest.Call(namesake, d.key()), issuing.SoldRequest{RequestID: id})
	d.must(out, err)
}

func TestAnswer_WhatBecameOfTheRequestIsSaid(t *testing.T) {
	d := newDesk(t)
	id := d.asked(licensetest.SalesCaller, licensetest.Permanent())
	out, err := d.answer(d.issuer, "first", id)
	l := d.must(out, err)
	_, err = d.answer(d.issuer, "second", id)
	refusal := requireCode(t, license.RequestNotOpen, err)
	require.Equal(t, "This request was issued by accounting on 23 Nov 2026, 09:00 UTC. Its license is "+l.ID+".", refusal.Detail)
	require.EqualValues(t, l.ID, refusal.Params["licenseId"])
	again, err := d.answer(d.issuer, "first", id)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, string(out.Body), string(again.Body))

	declined := d.asked(licensetest.SalesCaller, licensetest.Permanent())
	_, err = d.requests().Decline(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), declined, "no")
	require.NoError(t, err)
	_, err = d.answer(d.issuer, d.key(), declined)
	require.Equal(t, office.Declined, requireCode(t, license.RequestNotOpen, err).Params["state"])
}

func TestRequestRequired_ForPermanentLicenses(t *testing.T) {
	d := newDesk(t)
	rules := policy.DefaultPolicy()
	rules.RequestRequired = true
	strict := issuing.NewIssuer(d.store, d.signer, keyring.New(d.store, d.clock.Now), rules, d.clock.Now)
	direct := d.sold(licensetest.Permanent())
	revoked, err := d.issuer.Revoke(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), issuing.RevocationRequest{ID: direct.ID, Reason: "r", IfMatch: 1})
	d.must(revoked, err)
	_, err = strict.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), licensetest.Permanent())
	require.Equal(t, "/requestId", requireCode(t, license.RequestRequired, err).Fields[0].Pointer)
	out, err := d.answer(strict, d.key(), d.asked(licensetest.SalesCaller, licensetest.Permanent()))
	l := d.must(out, err)
	q := licensetest.Subscription()
	q.Replaces, q.IfMatch = l.ID, 1
	out, err = strict.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
	d.must(out, err) // a subscription needs none
}

func TestAnswer_OfManyAtOnceOneLicense(t *testing.T) {
	d := newDesk(t)
	id := d.asked(licensetest.SalesCaller, licensetest.Permanent())
	errs := make([]error, 16)
	var all sync.WaitGroup
	for n := range errs {
		all.Go(func() { _, errs[n] = d.answer(d.issuer, fmt.Sprint("racer-", n), id) })
	}
	all.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.EqualValues(t, d.request(id).Closed.LicenseID, requireCode(t, license.RequestNotOpen, err).Params["licenseId"])
	}
	require.Equal(t, 1, won)
	requireAnswered(t, d, id)
	requireWhole(t, d, licensetest.Token)
}

// meanwhile is a store to which something happens just before its first commit.
type meanwhile struct {
	ledger.Store
	happens func()
}

func (m *meanwhile) Commit(ctx context.Context, c ledger.Commit) error {
	if happens := m.happens; happens != nil {
		m.happens = nil
		happens()
	}
	return m.Store.Commit(ctx, c)
}

func TestAnswer_IsDecidedAgainWhenTheRequestChangesMeanwhile(t *testing.T) {
	t.Run("a condition is recorded", func(t *testing.T) {
		d := newDesk(t)
		id := d.asked(licensetest.SalesCaller, licensetest.Permanent())
		newer := licensetest.Permanent().Conditions[1]
		newer.Evidence = "Bank statement"
		store := &meanwhile{d.store, func() { require.NoError(t, d.recordMet(id, newer)) }}
		out, err := d.answer(d.issuerWith(store, d.signer), d.key(), id)
		l := d.must(out, err)
		require.Equal(t, newer, d.record(l.ID).Conditions[1])
		requireAnswered(t, d, id)
	})
	t.Run("it is declined", func(t *testing.T) {
		d := newDesk(t)
		id := d.asked(licensetest.SalesCaller, licensetest.Permanent())
		store := &meanwhile{d.store, func() {
			_, err := d.requests().Decline(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), id, "no")
			require.NoError(t, err)
		}}
		_, err := d.answer(d.issuerWith(store, d.signer), d.key(), id)
		requireCode(t, license.RequestNotOpen, err)
		require.Equal(t, office.Declined, d.request(id).State)
		requireWhole(t, d, licensetest.Token)
	})
}

// void has the sweep give up what is pending.
func void(d *desk) {
	sweeper := protocol.NewSweeper(d.issuer.Writer(), d.store)
	for range 17 {
		d.clock.Advance(time.Minute)
		_, err := sweeper.Sweep(context.Background())
		require.NoError(d.t, err)
	}
}

func TestAnswer_WhilePendingNobodyElseHasItAndAVoidGivesItBack(t *testing.T) {
	d := newDesk(t)
	id := d.asked(licensetest.SalesCaller, licensetest.Permanent())
	before := d.request(id)
	enable := d.disable(license.SoldKey)
	_, err := d.answer(d.issuer, "refused", id)
	requireCode(t, license.Unavailable, err)
	requireAnswered(t, d, id)
	pending := d.request(id)
	require.Equal(t, office.Issued, pending.State)
	require.Equal(t, license.Pending, d.record(string(pending.Closed.LicenseID)).Status)
	_, err = d.requests().Decline(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), id, "no")
	requireCode(t, license.RequestNotOpen, err)
	_, err = d.requests().Withdraw(context.Background(), licensetest.Call(licensetest.SalesCaller, d.key()), id, "")
	requireCode(t, license.RequestNotOpen, err)

	void(d)
	requireAnswered(t, d, id)
	after := d.request(id)
	require.Equal(t, before.Version+2, after.Version)
	before.Version = after.Version
	require.Equal(t, before, after, "it is open again, with its conditions")
	_, err = d.answer(d.issuer, "refused", id)
	requireCode(t, license.IssueVoided, err)
	enable()
	out, err := d.answer(d.issuer, "again", id)
	d.must(out, err)
	requireAnswered(t, d, id)
	requireWhole(t, d, licensetest.Token)
}

func TestCorrect_TheRequestNamesTheRightLicenseAndAVoidPutsItBack(t *testing.T) {
	d := newDesk(t)
	id := d.asked(licensetest.SalesCaller, licensetest.Permanent())
	out, err := d.answer(d.issuer, d.key(), id)
	wrong := d.must(out, err)
	before := d.request(id)

	enable := d.disable(license.SoldKey)
	_, err = d.correct(wrong, issuing.CorrectionRequest{Order: "O-2"})
	requireCode(t, license.Unavailable, err)
	require.Equal(t, license.Pending, d.record(string(d.request(id).Closed.LicenseID)).Status)
	void(d)
	enable()
	after := d.request(id)
	require.Equal(t, before.Version+2, after.Version)
	before.Version = after.Version
	require.Equal(t, before, after, "it names the license that stays")

	for _, order := range []string{"O-3", "O-4"} {
		out, err = d.correct(wrong, issuing.CorrectionRequest{Order: order})
		right := d.must(out, err)
		require.Equal(t, id, d.record(right.ID).RequestID)
		is := d.request(id)
		require.Equal(t, office.Issued, is.State)
		require.EqualValues(t, right.ID, is.Closed.LicenseID)
		require.Equal(t, before.Closed.At, is.Closed.At, "when it was issued stays")
		wrong = right
	}
	requireWhole(t, d, licensetest.Token)
}

func TestAnswer_OfARequestThatReplacesSaysWhatHelps(t *testing.T) {
	d := newDesk(t)
	trial, base := d.trial(), d.sold(licensetest.Subscription())
	q := licensetest.Permanent()
	q.Replaces = base.ID
	id := d.asked(licensetest.SalesCaller, q)
	answer := func(q issuing.SoldRequest) *license.Error {
		q.RequestID, q.IfMatch = id, d.record(base.ID).Version
		_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
		var refusal *license.Error
		require.ErrorAs(t, err, &refusal)
		return refusal
	}
	require.Contains(t, answer(issuing.SoldRequest{ConvertsTrial: trial.ID}).Detail, "license request "+id+" replaces license "+base.ID+". Leave convertsTrial out")
	_, err := d.revoke(licensetest.AccountingCaller, d.key(), base, 1)
	require.NoError(t, err)
	refusal := answer(issuing.SoldRequest{})
	require.Equal(t, license.NotCurrent, refusal.Code)
	require.Contains(t, refusal.Detail, "Decline this request and have a new one made.")
	require.Equal(t, map[string]any{"licenseId": base.ID, "status": license.Revoked}, refusal.Params)
}

// TestOwnRequest_NeitherAmendedNorCorrectedByWhoMadeIt has a sale that accounting asked for and a colleague issued.
func TestOwnRequest_NeitherAmendedNorCorrectedByWhoMadeIt(t *testing.T) {
	d := newDesk(t)
	id := d.asked(licensetest.AccountingCaller, licensetest.Permanent())
	colleague := licensetest.AccountingCaller
	colleague.Subject = "sub-of-a-colleague"
	out, err := d.issuer.Sold(context.Background(), licensetest.Call(colleague, d.key()), issuing.SoldRequest{RequestID: id})
	l := d.must(out, err)
	more, fewer := license.Modules{QMSSuite: 1000}, license.Modules{CallRecording: 2}
	for range 2 { // the license itself, and one that follows it
		_, err = d.amend(l, more)
		require.Equal(t, "accounting", requireCode(t, license.OwnRequest, err).Params["requestedBy"])
		_, err = d.correct(l, issuing.CorrectionRequest{Customer: "Mallory"})
		requireCode(t, license.OwnRequest, err)
		out, err = d.amend(l, fewer)
		l, fewer = d.must(out, err), license.Modules{CallRecording: 1}
		more = license.Modules{CallRecording: 3}
	}
	out, err = d.issuer.Amend(context.Background(), licensetest.Call(colleague, d.key()), issuing.AmendmentRequest{ID: l.ID, Modules: more, IfMatch: 1})
	l = d.must(out, err)
	out, err = d.issuer.Correct(context.Background(), licensetest.Call(colleague, d.key()), issuing.CorrectionRequest{ID: l.ID, Reason: "r", Customer: "Northwind", IfMatch: 1})
	d.must(out, err)
}

func TestRequestRequired_ForMoreSeatsOfPermanentLicenses(t *testing.T) {
	d := newDesk(t)
	q := licensetest.Permanent()
	q.Modules = license.Modules{CallRecording: 5}
	l := d.sold(q)
	other := licensetest.Subscription()
	other.ServerToken = string(otherToken)
	s := d.sold(other)
	rules := policy.DefaultPolicy()
	rules.RequestRequired = true
	d.issuer = issuing.NewIssuer(d.store, d.signer, keyring.New(d.store, d.clock.Now), rules, d.clock.Now)
	more := license.Modules{CallRecording: 4, ComputerRecording: 1}
	_, err := d.amend(l, more)
	refusal := requireCode(t, license.RequestRequired, err)
	require.Contains(t, refusal.Detail, "with replaces "+l.ID)
	require.Equal(t, "/modules", refusal.Fields[0].Pointer)
	_, err = d.correct(l, issuing.CorrectionRequest{Modules: &more})
	requireCode(t, license.RequestRequired, err)

	out, err := d.correct(l, issuing.CorrectionRequest{Customer: "Northwind"})
	l = d.must(out, err)
	out, err = d.amend(l, license.Modules{CallRecording: 4})
	l = d.must(out, err)
	out, err = d.amend(s, license.Modules{QMSSuite: 1000})
	d.must(out, err) // a subscription needs none
	q.Modules, q.Replaces = more, l.ID
	out, err = d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), issuing.SoldRequest{RequestID: d.asked(licensetest.SalesCaller, q), IfMatch: 1})
	require.Equal(t, l.LineageID, d.must(out, err).LineageID)
}

// TestCrash_IssuingFromARequest kills it at each of its steps and lets each kind of rescuer come.
func TestCrash_IssuingFromARequest(t *testing.T) {
	rescuers := map[string]func(d *desk, id string) (again license.Code){
		"the retry": func(*desk, string) license.Code { return "" },
		"the sweep": func(d *desk, _ string) license.Code {
			_, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(context.Background())
			require.NoError(d.t, err)
			return ""
		},
		"another accountant": func(d *desk, id string) license.Code {
			_, err := d.answer(d.issuer, "other", id)
			if err != nil { // the dead one's promise was kept
				requireCode(d.t, license.RequestNotOpen, err)
				return ""
			}
			return license.RequestNotOpen
		},
		"a void": func(d *desk, id string) license.Code {
			was := d.request(id).State
			enable := d.disable(license.SoldKey)
			void(d)
			enable()
			if was == office.Issued && d.request(id).State == office.Open {
				return license.IssueVoided
			}
			return ""
		},
	}
	for name, rescue := range rescuers {
		for _, after := range []bool{false, true} {
			for dieAt := 1; ; dieAt++ {
				finished := false
				t.Run(fmt.Sprintf("%s, step %d, after %v", name, dieAt, after), func(t *testing.T) {
					d := newDesk(t)
					id := d.asked(licensetest.SalesCaller, licensetest.Permanent())
					process := &licensetest.Mortal{Store: d.store, Signer: d.signer, DieAt: dieAt, After: after}
					_, err := d.answer(d.issuerWith(process, process), "the dead one's", id)
					finished = !process.Dead()
					require.Equal(t, finished, err == nil)
					requireAnswered(t, d, id)
					d.clock.Advance(6 * time.Second)
					code := rescue(d, id)
					requireAnswered(t, d, id)
					out, err := d.answer(d.issuer, "the dead one's", id)
					if code == "" {
						d.must(out, err)
						require.Equal(t, office.Issued, d.request(id).State)
					} else {
						requireCode(t, code, err)
					}
					requireAnswered(t, d, id)
					requireWhole(t, d, licensetest.Token)
				})
				if finished {
					require.Greater(t, dieAt, 8, "it has at least eight steps")
					break
				}
			}
		}
	}
}
