package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/memstore"
)

const token = string(licensetest.Token)

// bureau is exceptions in memory, with who issues.
type bureau struct {
	t          *testing.T
	clock      *licensetest.Clock
	store      *memstore.Store
	issuer     *issuing.Issuer
	exceptions *desk.Exceptions
	n          int
}

func newBureau(t *testing.T) *bureau {
	signer, keys := licensetest.Keys(t)
	o := &bureau{t: t, clock: licensetest.NewClock(), store: memstore.New(keys...)}
	o.issuer = issuing.NewIssuer(o.store, signer, keyring.New(o.store, o.clock.Now), policy.DefaultPolicy(), o.clock.Now)
	var err error
	o.exceptions, err = desk.NewExceptions(o.store, 14, []string{"secret"}, o.clock.Now)
	require.NoError(t, err)
	return o
}

func (o *bureau) call(by license.Caller) protocol.Call {
	o.n++
	return licensetest.Call(by, fmt.Sprint("key-", o.n))
}

func (o *bureau) grant(q desk.GrantRequest) (desk.Exception, error) {
	if q.Reason == "" {
		q.Reason = "agreed with the sales manager"
	}
	out, err := o.exceptions.Grant(context.Background(), o.call(licensetest.AdminCaller), q)
	var a struct{ Exception desk.Exception }
	if err == nil {
		require.NoError(o.t, json.Unmarshal(out.Body, &a))
		require.Equal(o.t, a.Exception.ID, out.DocumentID)
		require.Equal(o.t, a.Exception.Version, out.Version)
	}
	return a.Exception, err
}

func (o *bureau) ask(by license.Caller, q desk.AskRequest) (desk.ExceptionRequest, error) {
	if q.Reason == "" {
		q.Reason = "the PBX was replaced"
	}
	out, err := o.exceptions.Ask(context.Background(), o.call(by), q)
	var a struct{ Request desk.ExceptionRequest }
	if err == nil {
		require.NoError(o.t, json.Unmarshal(out.Body, &a))
	}
	return a.Request, err
}

func requireCode(t *testing.T, want license.Code, err error) *license.Error {
	t.Helper()
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, want, refusal.Code, refusal.Detail)
	return refusal
}

// entries are the events of a server's chain.
func (o *bureau) entries(server license.ServerToken) (all []ledger.AuditText) {
	o.t.Helper()
	for _, entry := range o.store.Audit(server) {
		require.True(o.t, entry.Intact())
		var text ledger.AuditText
		require.NoError(o.t, json.Unmarshal(entry.Text, &text))
		all = append(all, text)
	}
	return all
}

func TestGrant_IsInTheHistoryOfAServerThatHasNothingYet(t *testing.T) {
	o := newBureau(t)
	granted, err := o.grant(desk.GrantRequest{ServerToken: " qmsa-7k2p-9xwd-h4tn-rc53\n", Rule: "trial_limit", Reason: " a longer trial ", Days: 45})
	require.NoError(t, err)
	require.Equal(t, desk.Granted, granted.State)
	require.EqualValues(t, licensetest.Token, granted.ServerToken)
	require.Equal(t, "a longer trial", granted.Reason)
	require.Equal(t, 45, granted.Days)
	require.Equal(t, "admin", granted.GrantedBy)
	require.Equal(t, o.clock.Now().AddDate(0, 0, 14), granted.ExpiresAt)
	entries := o.entries(licensetest.Token)
	require.Len(t, entries, 1)
	require.Equal(t, ledger.EventExceptionGranted, entries[0].Event)
	require.Equal(t, "sub-admin", entries[0].By.Subject)
	require.Equal(t, "a longer trial", entries[0].Reason)
	require.Equal(t, granted.ID, entries[0].Document.ID)

	q := licensetest.Trial()
	q.Days = 45
	out, err := o.issuer.Temporary(context.Background(), o.call(licensetest.SalesCaller), q)
	require.NoError(t, err, "the first license of the server uses it")
	page, err := o.exceptions.Exceptions(context.Background(), licensetest.AdminCaller, desk.Used, "", 10)
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.EqualValues(t, out.LicenseID, page.Items[0].LicenseID)
	require.Equal(t, 2, page.Items[0].Version)
}

func TestGrant_ASecondOneIsRefusedWhileOneIsOpen(t *testing.T) {
	o := newBureau(t)
	first, err := o.grant(desk.GrantRequest{ServerToken: token, Rule: "temporary_limit"})
	require.NoError(t, err)
	_, err = o.grant(desk.GrantRequest{ServerToken: token, Rule: "temporary_limit"})
	refusal := requireCode(t, license.ExceptionExists, err)
	require.Equal(t, first.ID, refusal.Params["exceptionId"])
	require.Contains(t, refusal.Detail, "admin granted this exception on 23 Nov 2026, 09:00 UTC; it is not used yet, and open until 7 Dec 2026, 09:00 UTC.")
	_, err = o.grant(desk.GrantRequest{ServerToken: token, Rule: "trial_limit"})
	require.NoError(t, err, "another rule")
	_, err = o.grant(desk.GrantRequest{ServerToken: "QMSA-ANOTHER-SERVER", Rule: "temporary_limit"})
	require.NoError(t, err, "another server")
	o.clock.Advance(14 * 24 * time.Hour)
	_, err = o.grant(desk.GrantRequest{ServerToken: token, Rule: "temporary_limit"})
	require.NoError(t, err, "the time of the first is over")
	page, err := o.exceptions.Exceptions(context.Background(), licensetest.AdminCaller, desk.Granted, "", 10)
	require.NoError(t, err)
	states := []desk.State{}
	for _, e := range page.Items {
		states = append(states, e.State)
	}
	require.Equal(t, []desk.State{desk.Granted, desk.Expired, desk.Expired, desk.Expired}, states)
}

func TestGrant_ManyAtOnceGiveOne(t *testing.T) {
	o := newBureau(t)
	var all sync.WaitGroup
	errs := make([]error, 32)
	for n := range errs {
		call := o.call(licensetest.AdminCaller)
		all.Go(func() {
			_, errs[n] = o.exceptions.Grant(context.Background(), call, desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Reason: "r"})
		})
	}
	all.Wait()
	granted := 0
	for _, err := range errs {
		if err == nil {
			granted++
			continue
		}
		requireCode(t, license.ExceptionExists, err)
	}
	require.Equal(t, 1, granted)
	require.Len(t, o.entries(licensetest.Token), 1)
}

func TestGrant_TheSameKeyGivesTheSameAnswer(t *testing.T) {
	o := newBureau(t)
	call := o.call(licensetest.AdminCaller)
	q := desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Reason: "r"}
	first, err := o.exceptions.Grant(context.Background(), call, q)
	require.NoError(t, err)
	o.clock.Advance(100 * 24 * time.Hour)
	q.ServerToken, q.Reason = " "+token, "r "
	again, err := o.exceptions.Grant(context.Background(), call, q)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, string(first.Body), string(again.Body))
	q.Reason = "another"
	_, err = o.exceptions.Grant(context.Background(), call, q)
	requireCode(t, license.IdempotencyKeyReused, err)
	require.Len(t, o.entries(licensetest.Token), 1)
}

func TestExceptions_Refusals(t *testing.T) {
	o := newBureau(t)
	trial, err := o.issuer.Temporary(context.Background(), o.call(licensetest.SalesCaller), licensetest.Trial())
	require.NoError(t, err)
	const nobody = "00000000000000000000000000000000"
	for name, c := range map[string]struct {
		q       desk.GrantRequest
		code    license.Code
		pointer string
	}{
		"no rule":                    {desk.GrantRequest{ServerToken: token}, license.InvalidRequest, "/rule"},
		"no limit":                   {desk.GrantRequest{ServerToken: token, Rule: "not_current"}, license.InvalidRequest, "/rule"},
		"the quota":                  {desk.GrantRequest{ServerToken: token, Rule: "quota_exceeded"}, license.InvalidRequest, "/rule"},
		"a lineage for a server":     {desk.GrantRequest{ServerToken: token, LineageID: nobody, Rule: "trial_limit"}, license.InvalidRequest, "/lineageId"},
		"a server for a lineage":     {desk.GrantRequest{ServerToken: token, LineageID: nobody, Rule: "rehost_limit"}, license.InvalidRequest, "/serverToken"},
		"no server":                  {desk.GrantRequest{Rule: "trial_limit"}, license.InvalidRequest, "/serverToken"},
		"no lineage":                 {desk.GrantRequest{Rule: "rehost_limit"}, license.InvalidRequest, "/lineageId"},
		"an unknown lineage":         {desk.GrantRequest{LineageID: nobody, Rule: "rehost_limit"}, license.LicenseNotFound, "/lineageId"},
		"a temporary license":        {desk.GrantRequest{LineageID: trial.LicenseID, Rule: "rehost_limit"}, license.InvalidRequest, "/lineageId"},
		"days of a re-host":          {desk.GrantRequest{LineageID: nobody, Rule: "rehost_limit", Days: 5}, license.InvalidRequest, "/days"},
		"days below one":             {desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Days: -1}, license.InvalidRequest, "/days"},
		"more than a year":           {desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Days: 367}, license.InvalidRequest, "/days"},
		"no reason":                  {desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Reason: " "}, license.InvalidRequest, "/reason"},
		"an unknown request":         {desk.GrantRequest{ServerToken: token, Rule: "trial_limit", RequestID: nobody}, license.RequestNotFound, "/requestId"},
		"a request that is no id":    {desk.GrantRequest{ServerToken: token, Rule: "trial_limit", RequestID: "x"}, license.RequestNotFound, "/requestId"},
		"a request for another rule": {desk.GrantRequest{ServerToken: token, Rule: "trial_limit", RequestID: "?"}, license.InvalidRequest, "/requestId"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.q.RequestID == "?" {
				asked, err := o.ask(licensetest.SupportCaller, desk.AskRequest{ServerToken: token, Rule: "temporary_limit"})
				require.NoError(t, err)
				c.q.RequestID = asked.ID
			}
			before := len(o.entries(licensetest.Token))
			_, err := o.grant(c.q)
			require.Equal(t, c.pointer, requireCode(t, c.code, err).Fields[0].Pointer)
			if c.q.RequestID == "" {
				_, err = o.ask(licensetest.SalesCaller, desk.AskRequest{ServerToken: c.q.ServerToken, LineageID: c.q.LineageID, Rule: c.q.Rule, Reason: c.q.Reason, Days: c.q.Days})
				require.Equal(t, c.pointer, requireCode(t, c.code, err).Fields[0].Pointer)
			}
			require.Len(t, o.entries(licensetest.Token), before)
		})
	}
}

func TestExceptions_WhoMayWhat(t *testing.T) {
	ctx := context.Background()
	for _, caller := range []license.Caller{licensetest.SalesCaller, licensetest.SupportCaller, licensetest.AccountingCaller, licensetest.AdminCaller, {}} {
		o := newBureau(t)
		admin, asks := caller.Role == license.Admin, caller.Role != license.Admin && caller.Role != ""
		check := func(may bool, err error) {
			t.Helper()
			if may {
				require.NoError(t, err, caller.Role)
				return
			}
			requireCode(t, license.Forbidden, err)
		}
		_, err := o.exceptions.Grant(ctx, o.call(caller), desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Reason: "r"})
		check(admin, err)
		_, err = o.exceptions.Exceptions(ctx, caller, desk.Granted, "", 10)
		check(admin, err)
		_, err = o.exceptions.Ask(ctx, o.call(caller), desk.AskRequest{ServerToken: token, Rule: "trial_limit", Reason: "r"})
		check(asks, err)
		_, err = o.exceptions.Requests(ctx, caller, desk.Open, "", 10)
		check(admin || asks, err)
	}
}

func TestAskException_AnAdminGrantsItAndBothSeeIt(t *testing.T) {
	o := newBureau(t)
	ctx := context.Background()
	asked, err := o.ask(licensetest.SalesCaller, desk.AskRequest{ServerToken: token, Rule: "trial_limit", Days: 45})
	require.NoError(t, err)
	require.Equal(t, desk.Open, asked.State)
	shown, err := o.exceptions.Requests(ctx, licensetest.AdminCaller, desk.Open, "", 10)
	require.NoError(t, err)
	require.Equal(t, 45, shown.Items[0].Days, "an admin sees for how long")
	granted, err := o.grant(desk.GrantRequest{ServerToken: token, Rule: "trial_limit", RequestID: asked.ID, Days: 40})
	require.NoError(t, err)
	require.EqualValues(t, asked.ID, granted.RequestID)
	page, err := o.exceptions.Requests(ctx, licensetest.SalesCaller, desk.Granted, "", 10)
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	require.EqualValues(t, granted.ID, page.Items[0].ExceptionID)
	require.EqualValues(t, "admin", page.Items[0].GrantedBy)
	require.Equal(t, 40, page.Items[0].GrantedDays, "fewer than were asked for")
	require.Equal(t, 2, page.Items[0].Version)
	page, err = o.exceptions.Requests(ctx, licensetest.SalesCaller, desk.Open, "", 10)
	require.NoError(t, err)
	require.Empty(t, page.Items)
	events := []ledger.Event{}
	for _, entry := range o.entries(licensetest.Token) {
		events = append(events, entry.Event)
	}
	require.Equal(t, []ledger.Event{ledger.EventExceptionAsked, ledger.EventExceptionGranted}, events)

	o.clock.Advance(15 * 24 * time.Hour)
	_, err = o.grant(desk.GrantRequest{ServerToken: token, Rule: "trial_limit", RequestID: asked.ID})
	refusal := requireCode(t, license.RequestNotOpen, err)
	require.Contains(t, refusal.Detail, "This request was granted by admin on 23 Nov 2026, 09:00 UTC, by exception "+granted.ID+". Nothing was granted.")
}

func TestRequests_AnAdminSeesAllTheOthersTheirOwn(t *testing.T) {
	o := newBureau(t)
	ctx := context.Background()
	namesake := license.Caller{Subject: "sub-sales-2", Username: "sales", Role: license.Sales}
	var own []string
	for n := range 30 {
		by := namesake
		if n%10 == 3 {
			by = licensetest.SalesCaller
		}
		asked, err := o.ask(by, desk.AskRequest{ServerToken: fmt.Sprint("QMSA-SERVER-", n), Rule: "trial_limit"})
		require.NoError(t, err)
		if n%10 == 3 {
			own = append([]string{asked.ID}, own...)
		}
		o.clock.Advance(time.Minute)
	}
	walk := func(caller license.Caller, limit int) (ids []string, pages int) {
		cursor := ""
		for {
			page, err := o.exceptions.Requests(ctx, caller, desk.Open, cursor, limit)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Items), limit)
			for _, r := range page.Items {
				ids = append(ids, r.ID)
			}
			pages++
			if cursor = page.Next; cursor == "" {
				return ids, pages
			}
		}
	}
	ids, _ := walk(licensetest.SalesCaller, 1)
	require.Equal(t, own, ids, "newest first")
	ids, pages := walk(licensetest.SalesCaller, 2)
	require.Equal(t, own, ids)
	require.Equal(t, 2, pages)
	ids, pages = walk(licensetest.AdminCaller, 10)
	require.Len(t, ids, 30)
	require.Equal(t, 3, pages, "no empty page at the end")
	_, err := o.exceptions.Requests(ctx, licensetest.AdminCaller, "closed", "", 10)
	requireCode(t, license.InvalidRequest, err)
}

func TestGrant_OfALineageIsInTheChainOfItsServer(t *testing.T) {
	o := newBureau(t)
	ctx := context.Background()
	sold, err := o.issuer.Sold(ctx, o.call(licensetest.AccountingCaller), licensetest.Subscription())
	require.NoError(t, err)
	renewed, err := o.issuer.Renew(ctx, o.call(licensetest.AccountingCaller), issuing.RenewalRequest{ID: sold.LicenseID, Contract: "C", TermMonths: 12, IfMatch: 1})
	require.NoError(t, err)
	_, err = o.grant(desk.GrantRequest{LineageID: renewed.LicenseID, Rule: "rehost_limit"})
	require.Contains(t, requireCode(t, license.InvalidRequest, err).Detail, sold.LicenseID, "it names the lineage")
	granted, err := o.grant(desk.GrantRequest{LineageID: sold.LicenseID, Rule: "rehost_limit"})
	require.NoError(t, err)
	require.EqualValues(t, sold.LicenseID, granted.LineageID)
	require.Empty(t, granted.ServerToken)
	entries := o.entries(licensetest.Token)
	require.Equal(t, granted.ID, entries[len(entries)-1].Document.ID)

	decision := &protocol.Decision{}
	for _, want := range []bool{false, true} {
		subject := desk.Subject{LineageID: sold.LicenseID}
		if !want {
			subject = desk.Subject{LineageID: renewed.LicenseID}
		}
		taken, _, err := desk.TakeException(ctx, o.store, decision, subject, license.RehostLimit, 0, false, licensetest.SupportCaller, o.clock.Now())
		require.NoError(t, err)
		require.Equal(t, want, taken)
	}
	require.Equal(t, []string{granted.ID}, decision.Record.Uses)
	require.Len(t, decision.Record.Returns, 1)
	require.Equal(t, 1, decision.Record.Returns[0].Version)
	require.Equal(t, 2, decision.Documents[0].Version)
	require.EqualValues(t, desk.Used, decision.Documents[0].State)
	require.NotEmpty(t, decision.Record.ID)
	require.Contains(t, string(decision.Documents[0].Body), decision.Record.ID)
}
