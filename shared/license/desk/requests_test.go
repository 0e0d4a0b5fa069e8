package desk_test

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
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/memstore"
)

var (
	ctx        = context.Background()
	sales      = licensetest.SalesCaller
	accounting = licensetest.AccountingCaller
)

// office is a desk of license requests in memory.
type office struct {
	t     *testing.T
	clock *licensetest.Clock
	store *memstore.Store
	*desk.Requests
	n int
}

func newOffice(t *testing.T) *office {
	o := &office{t: t, clock: licensetest.NewClock(), store: memstore.New()}
	var err error
	o.Requests, err = desk.NewRequests(o.store, policy.DefaultPolicy(), []string{"secret"}, o.clock.Now)
	require.NoError(t, err)
	return o
}

// call is a write of its own.
func (o *office) call(by license.Caller) protocol.Call {
	o.n++
	return licensetest.Call(by, fmt.Sprint("key-", o.n))
}

func permanent() desk.Asking {
	return desk.Asking{Sale: policy.Sale{
		ServerToken: string(licensetest.Token), Customer: "Northwind Call Centers", Type: license.Permanent,
		Modules: license.Modules{QMSSuite: 50, CallRecording: 20}, Order: "O-7781",
	}, Note: "urgent"}
}

func subscription() desk.Asking {
	q := permanent()
	q.Type, q.Order, q.Contract = license.Subscription, "", "C-2041"
	return q
}

func (o *office) ask(by license.Caller, q desk.Asking) desk.View {
	o.t.Helper()
	out, err := o.Ask(ctx, o.call(by), q)
	return o.must(out, err)
}

func (o *office) must(out protocol.Outcome, err error) desk.View {
	o.t.Helper()
	require.NoError(o.t, err)
	var answer struct{ Request desk.View }
	require.NoError(o.t, json.Unmarshal(out.Body, &answer))
	require.Equal(o.t, answer.Request.ID, out.DocumentID)
	require.Equal(o.t, answer.Request.Version, out.Version)
	shown, err := o.Show(ctx, licensetest.AdminCaller, out.DocumentID)
	require.NoError(o.t, err)
	require.Equal(o.t, answer.Request, shown, "what is answered is what is stored")
	require.NotContains(o.t, string(out.Body), "sub-", "the sub of a person is not shown")
	return answer.Request
}

func met(name string) ledger.Condition {
	return ledger.Condition{Name: name, MetOn: license.MakeDate(2026, 11, 20), Evidence: "E-" + name}
}

func requireRefused(t *testing.T, want license.Code, pointer string, err error) *license.Error {
	t.Helper()
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, want, refusal.Code, refusal.Detail)
	if pointer != "" {
		require.NotEmpty(t, refusal.Fields)
		require.Equal(t, pointer, refusal.Fields[0].Pointer)
	}
	return refusal
}

func TestAsk_KeepsWhatWasAskedFor(t *testing.T) {
	o := newOffice(t)
	q := permanent()
	q.ServerToken, q.Customer, q.Note = " qmsa-7k2p-9xwd-h4tn-rc53\n", "  Northwind Call Centers ", " urgent "
	r := o.ask(sales, q)
	require.Equal(t, desk.View{
		ID: r.ID, Version: 1, State: desk.Open, Type: license.Permanent, ServerToken: licensetest.Token, Customer: "Northwind Call Centers",
		Modules: license.Modules{QMSSuite: 50, CallRecording: 20}, Seats: license.Seats{CallRecording: 70, ComputerRecording: 50, AgentEvaluation: 50},
		Order: "O-7781", Note: "urgent", RequestedBy: "sales", RequestedAt: o.clock.Now(),
		Conditions: []desk.MetCondition{}, Missing: policy.DefaultPolicy().Conditions,
	}, r)
	require.True(t, license.IsID(r.ID))
	require.Empty(t, o.ask(sales, subscription()).Missing, "a subscription needs no conditions")
}

func TestAsk_EveryWrongFieldIsNamed(t *testing.T) {
	o := newOffice(t)
	_, err := o.Ask(ctx, o.call(sales), desk.Asking{Sale: policy.Sale{Type: license.Permanent, Modules: license.Modules{CallRecording: -1}, Contract: "C"}, Note: "a\x07b"})
	refusal := requireRefused(t, license.InvalidRequest, "/serverToken", err)
	var pointers []string
	for _, f := range refusal.Fields {
		pointers = append(pointers, f.Pointer)
	}
	require.Equal(t, []string{"/serverToken", "/customer", "/modules/callRecording", "/order", "/contract", "/note"}, pointers)
	for name, c := range map[string]struct {
		change  func(*desk.Asking)
		code    license.Code
		pointer string
	}{
		"an order of a subscription": {func(q *desk.Asking) { *q = subscription(); q.Order = "O" }, license.InvalidRequest, "/order"},
		"no contract":                {func(q *desk.Asking) { *q = subscription(); q.Contract = " " }, license.InvalidRequest, "/contract"},
		"a temporary license":        {func(q *desk.Asking) { q.Type = license.Temporary }, license.InvalidRequest, "/type"},
		"no seats":                   {func(q *desk.Asking) { q.Modules = license.Modules{} }, license.ModuleDependency, "/modules/callRecording"},
		"replaces no id":             {func(q *desk.Asking) { q.Replaces = "none" }, license.LicenseNotFound, "/replaces"},
		"replaces nothing":           {func(q *desk.Asking) { q.Replaces = strings.Repeat("0", 32) }, license.LicenseNotFound, "/replaces"},
	} {
		t.Run(name, func(t *testing.T) {
			q := permanent()
			c.change(&q)
			_, err := o.Ask(ctx, o.call(sales), q)
			requireRefused(t, c.code, c.pointer, err)
		})
	}
	page, err := o.List(ctx, sales, "", "", 10)
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.Empty(t, o.store.Audit(licensetest.Token))
}

func TestRoles(t *testing.T) {
	o := newOffice(t)
	r := o.ask(sales, permanent())
	for _, by := range []license.Caller{sales, licensetest.SupportCaller, accounting, licensetest.AdminCaller} {
		may := func(op license.Operation) func(error) {
			return func(err error) {
				t.Helper()
				if by.Authorize(op) != nil {
					requireRefused(t, license.Forbidden, "", err)
				} else {
					require.NoError(t, err)
				}
			}
		}
		_, err := o.Ask(ctx, o.call(by), permanent())
		may(license.RequestSold)(err)
		_, err = o.Show(ctx, by, r.ID)
		may(license.ListRequests)(err)
		_, err = o.List(ctx, by, "", "", 1)
		may(license.ListRequests)(err)
		_, err = o.Record(ctx, o.call(by), r.ID, []ledger.Condition{met("contract-signed")})
		may(license.RecordConditions)(err)
		_, err = o.Decline(ctx, o.call(by), o.ask(sales, permanent()).ID, "no")
		may(license.DeclineRequest)(err)
	}
}

func TestRecord_AddsAndReplacesConditions(t *testing.T) {
	o := newOffice(t)
	id := o.ask(sales, permanent()).ID
	first := o.must(o.Record(ctx, o.call(accounting), id, []ledger.Condition{met("payment-received"), met("contract-signed")}))
	require.Equal(t, 2, first.Version)
	require.Equal(t, []string{"quantities-match", "customer-name-matches"}, first.Missing)
	at := o.clock.Now()
	o.clock.Advance(time.Hour)
	other := license.Caller{Subject: "sub-2", Username: "accounting2", Role: license.Accounting}
	better := ledger.Condition{Name: " payment-received", MetOn: license.MakeDate(2026, 11, 23), Evidence: "Bank statement "}
	second := o.must(o.Record(ctx, o.call(other), id, []ledger.Condition{better, met("quantities-match")}))
	better.Name, better.Evidence = "payment-received", "Bank statement"
	require.Equal(t, []desk.MetCondition{
		{Condition: better, RecordedBy: "accounting2", RecordedAt: at.Add(time.Hour)},
		{Condition: met("contract-signed"), RecordedBy: "accounting", RecordedAt: at},
		{Condition: met("quantities-match"), RecordedBy: "accounting2", RecordedAt: at.Add(time.Hour)},
	}, second.Conditions)
	require.Equal(t, []string{"customer-name-matches"}, second.Missing)

	_, err := o.Record(ctx, o.call(accounting), id, []ledger.Condition{
		{Name: "moon-is-full", MetOn: license.MakeDate(2026, 11, 20), Evidence: "e"},
		{Name: "contract-signed", MetOn: license.MakeDate(2026, 11, 24)},
	})
	refusal := requireRefused(t, license.InvalidRequest, "/conditions/0/name", err)
	require.Len(t, refusal.Fields, 3, "all at once")
	require.Equal(t, "/conditions/1/metOn", refusal.Fields[1].Pointer)
	require.Equal(t, "/conditions/1/evidence", refusal.Fields[2].Pointer)
	_, err = o.Record(ctx, o.call(accounting), id, []ledger.Condition{met("contract-signed"), met("contract-signed")})
	requireRefused(t, license.InvalidRequest, "/conditions/1/name", err)
	_, err = o.Record(ctx, o.call(accounting), id, nil)
	requireRefused(t, license.InvalidRequest, "/conditions", err)
	_, err = o.Record(ctx, o.call(accounting), o.ask(sales, subscription()).ID, []ledger.Condition{met("contract-signed")})
	requireRefused(t, license.InvalidRequest, "/conditions", err)
	_, err = o.Record(ctx, o.call(accounting), strings.Repeat("0", 32), []ledger.Condition{met("contract-signed")})
	requireRefused(t, license.RequestNotFound, "path:id", err)
	shown, err := o.Show(ctx, sales, id)
	require.NoError(t, err)
	require.Equal(t, second, shown, "a refusal changes nothing")
}

func TestRecord_OfManyAtOnceNoneIsLost(t *testing.T) {
	o := newOffice(t)
	id := o.ask(sales, permanent()).ID
	names := policy.DefaultPolicy().Conditions
	var all sync.WaitGroup
	for n := range 16 {
		call := o.call(accounting)
		all.Go(func() {
			_, err := o.Record(ctx, call, id, []ledger.Condition{met(names[n%len(names)])})
			require.NoError(t, err)
		})
	}
	all.Wait()
	shown, err := o.Show(ctx, sales, id)
	require.NoError(t, err)
	require.Len(t, shown.Conditions, len(names))
	require.Empty(t, shown.Missing)
	require.Equal(t, 17, shown.Version)
	require.Len(t, o.store.Audit(licensetest.Token), 17, "each is in the chain")
}

func TestDecline_EndsIt(t *testing.T) {
	o := newOffice(t)
	id := o.ask(sales, permanent()).ID
	_, err := o.Decline(ctx, o.call(accounting), id, " ")
	requireRefused(t, license.InvalidRequest, "/reason", err)
	call := o.call(accounting)
	out, err := o.Decline(ctx, call, id, "The order is for 40.")
	declined := o.must(out, err)
	require.Equal(t, desk.Declined, declined.State)
	require.EqualValues(t, "accounting", declined.DeclinedBy)
	require.Equal(t, o.clock.Now(), *declined.DeclinedAt)
	require.EqualValues(t, "The order is for 40.", declined.DeclinedReason)

	again, err := o.Decline(ctx, call, id, "The order is for 40.")
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, string(out.Body), string(again.Body))
	_, err = o.Decline(ctx, call, id, "Another reason.")
	requireRefused(t, license.IdempotencyKeyReused, "header:Idempotency-Key", err)

	for name, err := range map[string]error{
		"decline":  second(o.Decline(ctx, o.call(accounting), id, "x")),
		"withdraw": second(o.Withdraw(ctx, o.call(sales), id, "")),
		"record":   second(o.Record(ctx, o.call(accounting), id, []ledger.Condition{met("contract-signed")})),
	} {
		t.Run(name, func(t *testing.T) {
			refusal := requireRefused(t, license.RequestNotOpen, "", err)
			require.Equal(t, `This request was declined by accounting on 23 Nov 2026, 09:00 UTC. The reason: “The order is for 40.”. If it is still wanted, make a new request.`, refusal.Detail)
			require.Equal(t, map[string]any{"state": desk.Declined, "by": "accounting", "at": o.clock.Now()}, refusal.Params)
		})
	}
}

func second(_ protocol.Outcome, err error) error { return err }

func TestWithdraw_OnlyWhoMadeIt(t *testing.T) {
	o := newOffice(t)
	id := o.ask(sales, permanent()).ID
	namesake := license.Caller{Subject: "sub-other", Username: "sales", Role: license.Sales}
	for _, by := range []license.Caller{namesake, accounting} {
		_, err := o.Withdraw(ctx, o.call(by), id, "")
		refusal := requireRefused(t, license.Forbidden, "", err)
		require.Contains(t, refusal.Detail, "Only sales, who made this request")
	}
	withdrawn := o.must(o.Withdraw(ctx, o.call(sales), id, "The customer thinks again."))
	require.Equal(t, desk.Withdrawn, withdrawn.State)
	require.EqualValues(t, "sales", withdrawn.WithdrawnBy)
	require.EqualValues(t, "The customer thinks again.", withdrawn.WithdrawnReason)
	require.NotNil(t, withdrawn.WithdrawnAt)
	require.Equal(t, desk.Withdrawn, o.must(o.Withdraw(ctx, o.call(accounting), o.ask(accounting, permanent()).ID, "")).State, "without a reason, too")
}

func TestEveryChange_IsInTheChainOfItsServer(t *testing.T) {
	o := newOffice(t)
	id := o.ask(sales, permanent()).ID
	o.must(o.Record(ctx, o.call(accounting), id, []ledger.Condition{met("contract-signed")}))
	o.must(o.Decline(ctx, o.call(accounting), id, "no"))
	o.must(o.Withdraw(ctx, o.call(sales), o.ask(sales, permanent()).ID, "changed"))
	var events []ledger.Event
	previous := ""
	for _, entry := range o.store.Audit(licensetest.Token) {
		var text ledger.AuditText
		require.NoError(t, json.Unmarshal(entry.Text, &text))
		require.True(t, entry.Intact())
		require.Equal(t, previous, text.Previous)
		require.Nil(t, text.License)
		require.Equal(t, ledger.KindRequest, text.Document.Kind)
		events, previous = append(events, text.Event), entry.Hash
		if text.Event == ledger.EventDeclined {
			require.Equal(t, "no", text.Reason)
			require.Equal(t, 3, text.Document.Version)
			require.Equal(t, "sub-accounting", text.By.Subject)
			stored, _, err := o.store.Document(ctx, ledger.KindRequest, id)
			require.NoError(t, err)
			require.JSONEq(t, string(stored.Body), string(text.Document.Body), "whole, so that it can be made again")
		}
	}
	require.Equal(t, []ledger.Event{ledger.EventRequested, ledger.EventConditionMet, ledger.EventDeclined, ledger.EventRequested, ledger.EventWithdrawn}, events)
}
