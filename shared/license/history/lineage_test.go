package history_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/history"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

func (w *world) requests() *desk.Requests {
	r, err := desk.NewRequests(w.store, policy.DefaultPolicy(), []string{"secret"}, w.clock.Now)
	require.NoError(w.t, err)
	return r
}

// asked is the id of a request for a permanent license, its conditions recorded in two steps.
func (w *world) asked() string {
	q, ctx := licensetest.Permanent(), context.Background()
	asked, err := w.requests().Ask(ctx, w.call(licensetest.SalesCaller), desk.Asking{
		Sale: policy.Sale{ServerToken: q.ServerToken, Customer: q.Customer, Type: q.Type, Modules: q.Modules, Order: q.Order},
	})
	require.NoError(w.t, err)
	for _, met := range [][]ledger.Condition{q.Conditions[2:3], {q.Conditions[0], q.Conditions[1], q.Conditions[3]}} {
		_, err = w.requests().Record(ctx, w.call(licensetest.AccountingCaller), asked.DocumentID, met)
		require.NoError(w.t, err)
	}
	return asked.DocumentID
}

// answered is the permanent license that answers it.
func (w *world) answered() license.License {
	return w.read(w.issuer.Sold(context.Background(), w.call(licensetest.AccountingCaller), issuing.SoldRequest{RequestID: w.asked()}))
}

func (w *world) rehost(l license.License, to string) license.License {
	return w.read(w.issuer.Rehost(context.Background(), w.call(licensetest.SupportCaller), issuing.RehostRequest{
		ID: l.ID, ServerToken: to, Reason: issuing.ServerReplaced, IfMatch: l.Version,
	}))
}

func sentences(p history.Page) []string {
	var all []string
	for _, e := range p.Events {
		all = append(all, e.Sentence)
	}
	return all
}

func TestEvents_RequestsAndExceptionsOfALineageFollowItToItsNewServer(t *testing.T) {
	w := newWorld(t)
	l := w.answered()
	for _, to := range []string{"QMSA-MOVE-0001", "QMSA-MOVE-0002", "QMSA-MOVE-0003"} {
		l = w.rehost(l, to)
	}
	x, err := desk.NewExceptions(w.store, 30, []string{"secret"}, w.clock.Now)
	require.NoError(t, err)
	ask := desk.AskRequest{LineageID: l.LineageID, Rule: string(license.RehostLimit), Reason: "Their server burnt."}
	asked, err := x.Ask(context.Background(), w.call(licensetest.SupportCaller), ask)
	require.NoError(t, err)
	_, err = x.Grant(context.Background(), w.call(licensetest.AdminCaller), desk.GrantRequest{
		LineageID: l.LineageID, Rule: string(license.RehostLimit), Reason: "The fire brigade says so.", RequestID: asked.DocumentID,
	})
	require.NoError(t, err)
	_, err = x.Ask(context.Background(), w.call(licensetest.SupportCaller), desk.AskRequest{ServerToken: "QMSA-MOVE-0003", Rule: string(license.TemporaryLimit), Reason: "elsewhere"})
	require.NoError(t, err)
	l = w.rehost(l, "QMSA-MOVE-0004")

	p := w.page(l.ID, "", 100, "")
	told := sentences(p)
	require.Equal(t, "support (support) moved the permanent license of Northwind Call Centers to this server, from server QMSA-MOVE-0003: the server was replaced. "+
		"It was allowed by an exception from the limit of re-hosts that admin granted: The fire brigade says so.", told[2])
	require.Contains(t, told, "admin (admin) granted an exception from the limit of re-hosts, for one license: The fire brigade says so.")
	require.Contains(t, told, "support (support) asked an admin for an exception from the limit of re-hosts: Their server burnt.")
	require.Contains(t, told, "sales (sales) requested a permanent license for Northwind Call Centers from accounting.")
	require.Contains(t, told, "accounting (accounting) recorded for the request of a permanent license for Northwind Call Centers that a condition of the sale is met: quantities match on 2 Nov 2026 (O-7781).")
	require.Contains(t, told, "accounting (accounting) recorded for the request of a permanent license for Northwind Call Centers that 3 conditions of the sale are met: "+
		"contract signed on 2 Nov 2026 (O-7781), payment received on 2 Nov 2026 (O-7781), customer name matches on 2 Nov 2026 (O-7781).")
	require.NotContains(t, strings.Join(told, "\n"), "elsewhere", "what else was asked of a server that it left is not told")
}

func TestEvents_TellTheDaysOfExceptionsAndWhatBecameOfTheRequests(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	x, err := desk.NewExceptions(w.store, 30, []string{"secret"}, w.clock.Now)
	require.NoError(t, err)
	ask := func(days int) string {
		asked, err := x.Ask(ctx, w.call(licensetest.SalesCaller), desk.AskRequest{ServerToken: string(licensetest.Token), Rule: string(license.TrialLimit), Reason: "A long trial.", Days: days})
		require.NoError(t, err)
		return asked.DocumentID
	}
	_, err = x.Decline(ctx, w.call(licensetest.AdminCaller), ask(60), "They buy.")
	require.NoError(t, err)
	_, err = x.Withdraw(ctx, w.call(licensetest.SalesCaller), ask(0), "")
	require.NoError(t, err)
	for _, days := range []int{0, 31, 45} {
		_, err = x.Grant(ctx, w.call(licensetest.AdminCaller), desk.GrantRequest{ServerToken: string(licensetest.Token), Rule: string(license.TrialLimit), Reason: "Agreed.", Days: days})
		require.NoError(t, err)
	}
	q := licensetest.Trial()
	q.Days = 45
	l := w.read(w.issuer.Temporary(ctx, w.call(licensetest.SalesCaller), q))

	p := w.page(l.ID, "", 100, "")
	told := sentences(p)
	require.True(t, strings.HasSuffix(told[0], " It was allowed by an exception from the limit of trials that admin granted for up to 45 days: Agreed."), told[0])
	require.Equal(t, []string{
		"admin (admin) granted an exception from the limit of trials, for one license for up to 45 days: Agreed. It takes the place of the one for up to 31 days that admin granted on 23 Nov 2026, 09:06 UTC and that was not used.",
		"admin (admin) granted an exception from the limit of trials, for one license for up to 31 days: Agreed. It takes the place of the one without days that admin granted on 23 Nov 2026, 09:05 UTC and that was not used.",
		"admin (admin) granted an exception from the limit of trials, for one license: Agreed.",
		"sales (sales) withdrew the request for an exception from the limit of trials.",
		"sales (sales) asked an admin for an exception from the limit of trials: A long trial.",
		"admin (admin) declined the request of sales for an exception from the limit of trials, for up to 60 days: They buy.",
		"sales (sales) asked an admin for an exception from the limit of trials, for up to 60 days: A long trial.",
	}, told[2:])
	declined := p.Events[7]
	require.Equal(t, ledger.EventExceptionDeclined, declined.Event)
	require.EqualValues(t, "They buy.", declined.Reason)
	require.JSONEq(t, `"open"`, string(declined.Before["state"]))
	require.JSONEq(t, `"declined"`, string(declined.After["state"]))
	require.JSONEq(t, `"admin"`, string(declined.After["declinedBy"]))
}

func TestEvents_TellTheConditionsAndTheTrialThatALicenseWasMadeFrom(t *testing.T) {
	w := newWorld(t)
	trial := w.read(w.issuer.Temporary(context.Background(), w.call(licensetest.SalesCaller), licensetest.Trial()))
	q := licensetest.Permanent()
	q.ConvertsTrial, q.Conditions[1].Evidence = trial.ID, "Bank statement"
	l := w.read(w.issuer.Sold(context.Background(), w.call(licensetest.AccountingCaller), q))
	e := w.page(l.ID, "", 1, "").Events[0]
	require.Equal(t, q.Conditions, e.Conditions)
	require.EqualValues(t, trial.ID, e.ConvertsTrial)
	require.True(t, strings.HasSuffix(e.Sentence, " It takes the place of the trial "+trial.ID+". Conditions of the sale: contract signed on 2 Nov 2026 (O-7781), "+
		"payment received on 2 Nov 2026 (Bank statement), quantities match on 2 Nov 2026 (O-7781), customer name matches on 2 Nov 2026 (O-7781)."), e.Sentence)
}

func TestEvents_ACorrectionToAnotherServerIsNoMove(t *testing.T) {
	w := newWorld(t)
	wrong := w.sold()
	w.read(w.issuer.Correct(context.Background(), w.call(licensetest.AccountingCaller), issuing.CorrectionRequest{
		ID: wrong.ID, IfMatch: 1, Reason: "A typing error.", ServerToken: "QMSA-RIGHT-0001", Customer: "Contoso",
	}))
	var told []string
	for _, e := range w.page(wrong.ID, "", 100, "").Events {
		if e.ServerToken == licensetest.Token {
			told = append(told, e.Sentence)
		}
	}
	require.Equal(t, []string{
		"accounting (accounting) corrected the subscription of Northwind Call Centers: A typing error. It is revoked here; the right one is on server QMSA-RIGHT-0001.",
		"accounting (accounting) asked for a correction of the subscription of Northwind Call Centers: the right one is to be on server QMSA-RIGHT-0001: A typing error.",
	}, told[:2])
}

func TestSentence_Words(t *testing.T) {
	by := ledger.AuditActor{Subject: "s", Username: "anna", Role: license.Support}
	l := license.License{Customer: "Nordwind", Type: license.Temporary, Purpose: license.Emergency, Seats: license.Seats{CallRecording: 1, ComputerRecording: 1, AgentEvaluation: 1}}
	require.Contains(t, history.Sentence(&ledger.AuditText{Event: ledger.EventIssued, By: by, License: &l}, nil), "anna (support) issued an emergency license for Nordwind")
	require.Contains(t, history.Sentence(&ledger.AuditText{Event: ledger.EventIssued, By: by, License: &l}, nil), "1 Agent Evaluation seat.")
	for rule, words := range map[license.Code]string{
		license.TemporaryLimit: "the limit of temporary licenses", license.TrialLimit: "the limit of trials", license.RehostLimit: "the limit of re-hosts", "new_limit": "the limit new_limit",
	} {
		got := history.Sentence(&ledger.AuditText{Event: ledger.EventExceptionAsked, By: by, Document: &ledger.AuditDocument{Body: []byte(`{"rule":"` + string(rule) + `"}`)}}, nil)
		require.Equal(t, "anna (support) asked an admin for an exception from "+words+".", got)
	}
	for _, reason := range issuing.RehostReasons() {
		got := history.Sentence(&ledger.AuditText{Event: ledger.EventIssued, Operation: ledger.OpRehost, By: by, License: &l, Reason: string(reason), Note: "as they say"}, nil)
		require.NotContains(t, got, string(reason))
		require.Contains(t, got, "as they say.")
	}
}

func TestEvents_AVoidTellsWhatItGivesBack(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	x, err := desk.NewExceptions(w.store, 14, []string{"secret"}, w.clock.Now)
	require.NoError(t, err)
	_, err = x.Grant(ctx, w.call(licensetest.AdminCaller), desk.GrantRequest{ServerToken: string(licensetest.Token), Rule: string(license.TrialLimit), Reason: "Agreed.", Days: 45})
	require.NoError(t, err)
	asked := w.asked()
	for _, key := range w.keys {
		require.NoError(t, os.Rename(key.ARN, key.ARN+".off"))
	}
	q := licensetest.Trial()
	q.Days = 45
	_, err = w.issuer.Temporary(ctx, w.call(licensetest.SalesCaller), q)
	require.ErrorIs(t, err, protocol.ErrRefused)
	_, err = w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), issuing.SoldRequest{RequestID: asked})
	require.ErrorIs(t, err, protocol.ErrRefused)
	w.clock.Advance(16 * time.Minute)
	_, err = protocol.NewSweeper(w.issuer.Writer(), w.store).Sweep(ctx)
	require.NoError(t, err)

	server, entries, err := ledger.ReadChain(ctx, w.store, licensetest.Token)
	require.NoError(t, err)
	require.Empty(t, server.Base.Pending+server.Temporary.Pending)
	told := strings.Join(sentences(w.page(entries[len(entries)-1].LicenseID, "", 100, "")), "\n")
	require.Contains(t, told, "Number 1 stays used. The exception from the limit of trials is given back.")
	require.Contains(t, told, "Number 2 stays used. The license request that it had answered is open again.")
}
