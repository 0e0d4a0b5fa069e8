package issuing_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

// newToken is the server that licenses move to, thirdToken another one.
const (
	newToken   license.ServerToken = "QMSB-4M8D-K2VX-77QH-PT31"
	thirdToken license.ServerToken = "QMSC-91TZ-5WNB-2KLD-E6Q0"
)

// moving is a request for a re-host that is in order.
func moving(l license.License, to license.ServerToken, ifMatch int) issuing.RehostRequest {
	return issuing.RehostRequest{ID: l.ID, ServerToken: string(to), Reason: issuing.NetworkCardReplaced, IfMatch: ifMatch}
}

func (d *desk) tryRehost(q issuing.RehostRequest) (protocol.Outcome, error) {
	return d.issuer.Rehost(context.Background(), licensetest.Call(licensetest.SupportCaller, d.key()), q)
}

func (d *desk) rehost(l license.License, to license.ServerToken) license.License {
	d.t.Helper()
	return d.must(d.tryRehost(moving(l, to, d.record(l.ID).Version)))
}

// soldOn issues a subscription on a server for a customer.
func (d *desk) soldOn(token license.ServerToken, customer string) license.License {
	q := licensetest.Subscription()
	q.ServerToken, q.Customer = string(token), customer
	return d.sold(q)
}

// temporary issues a temporary license on a server with the seats of licensetest's base licenses.
func (d *desk) temporary(caller license.Caller, purpose license.Purpose, token license.ServerToken, customer string) (protocol.Outcome, error) {
	return d.issuer.Temporary(context.Background(), licensetest.Call(caller, d.key()), issuing.TemporaryRequest{
		ServerToken: string(token), Customer: customer, Purpose: purpose, Modules: licensetest.Subscription().Modules,
	})
}

func (d *desk) emergency(token license.ServerToken) license.License {
	d.t.Helper()
	return d.must(d.temporary(licensetest.SupportCaller, license.Emergency, token, northwind))
}

const northwind = "Northwind Call Centers"

func (d *desk) retrieve(token license.ServerToken) (license.License, error) {
	return registry.NewReader(d.store, d.clock.Now).Retrieve(context.Background(), string(token))
}

func (d *desk) requireRetrieved(token license.ServerToken, want license.License) {
	d.t.Helper()
	got, err := d.retrieve(token)
	require.NoError(d.t, err)
	require.Equal(d.t, want.ID, got.ID)
}

func (d *desk) requireNothing(token license.ServerToken) {
	d.t.Helper()
	_, err := d.retrieve(token)
	requireCode(d.t, license.LicenseNotFound, err)
}

// events are the events of a server's chain, in order.
func (d *desk) events(token license.ServerToken) string {
	d.t.Helper()
	var events []string
	for _, entry := range d.store.Audit(token) {
		var text ledger.AuditText
		require.NoError(d.t, json.Unmarshal(entry.Text, &text))
		events = append(events, string(text.Event))
	}
	return strings.Join(events, " ")
}

func TestRehost_ChangesTheServerTokenAlone(t *testing.T) {
	for name, request := range map[string]issuing.SoldRequest{"subscription": licensetest.Subscription(), "permanent": licensetest.Permanent()} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			if name == "subscription" {
				request.StartsOn = license.MakeDate(2026, 1, 31)
			}
			old := d.sold(request)
			d.clock.Advance(72 * time.Hour)
			q := moving(old, newToken, 1)
			q.Reason, q.Note = issuing.OtherReason, "  The house burnt down. "
			out, err := d.tryRehost(q)
			moved := d.must(out, err)

			was, is := d.record(old.ID), d.record(moved.ID)
			require.Equal(t, license.Superseded, was.Status)
			require.EqualValues(t, moved.ID, was.SupersededBy)
			want := old
			want.ID, want.ServerToken, want.LicenseKey, want.Supersedes = is.ID, newToken, is.LicenseKey, license.Optional(old.ID)
			want.IssuedOn, want.IssuedBy = license.MakeDate(2026, 11, 26), "support"
			require.Equal(t, want, is.License)
			require.Equal(t, was.AnchorDay, is.AnchorDay)
			require.Equal(t, was.Conditions, is.Conditions)
			require.Equal(t, "The house burnt down.", is.Note)
			require.Equal(t, "other", is.Reason)
			require.Equal(t, []ledger.Rehost{{LicenseID: is.ID, By: "support", At: d.clock.Now(), From: licensetest.Token, To: newToken, Reason: "other"}}, is.Rehosts)

			lookup := keyring.New(d.store, d.clock.Now).Lookup(context.Background())
			before, _, err := licensekey.Verify(string(old.LicenseKey), lookup)
			require.NoError(t, err)
			after, kid, err := licensekey.Verify(string(moved.LicenseKey), lookup)
			require.NoError(t, err)
			require.Equal(t, "sold-2026-1", kid)
			before.ID, before.ServerToken, before.IssuedAt = moved.ID, newToken, d.clock.Now().Unix()
			require.Equal(t, before, after)

			d.requireNothing(licensetest.Token)
			d.requireRetrieved(newToken, moved)
			require.Equal(t, "intent issued moving moved", d.events(licensetest.Token))
			require.Equal(t, "intent issued", d.events(newToken))
			requireWhole(t, d, licensetest.Token)
			requireWhole(t, d, newToken)
		})
	}
}

func TestRehost_TheAnswerSaysWhatBecomesOfBothServers(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	out, err := d.tryRehost(moving(old, newToken, 1))
	require.NoError(t, err)
	var answer struct {
		PreviousLicenseID string
		Notice            string
		License           license.License
	}
	require.NoError(t, json.Unmarshal(out.Body, &answer))
	require.Equal(t, old.ID, answer.PreviousLicenseID)
	require.Equal(t, license.Active, answer.License.Status)
	require.Contains(t, answer.Notice, "belongs to Server Token "+string(newToken)+"; retrieval by "+string(licensetest.Token)+" stops")
	require.Contains(t, answer.Notice, "keeps working offline until its Server Token changes or the license ends on 22 Nov 2027")
	require.Contains(t, answer.Notice, "emergency license for either server")

	permanent := licensetest.Permanent()
	permanent.ServerToken = string(thirdToken)
	out, err = d.tryRehost(moving(d.sold(permanent), licensetest.Token, 1))
	require.NoError(t, err)
	require.Contains(t, string(out.Body), "keeps working offline until its Server Token changes: ask")
}

func TestRehost_ARenewalGoesOnWhereTheLineageWas(t *testing.T) {
	d := newDesk(t)
	q := licensetest.Subscription()
	q.StartsOn = license.MakeDate(2026, 1, 31)
	moved := d.rehost(d.sold(q), newToken)
	renewed, err := d.renew(moved, issuing.RenewalRequest{TermMonths: 1})
	require.NoError(t, err)
	require.Equal(t, newToken, renewed.ServerToken)
	require.Equal(t, "2027-02-27", renewed.ExpiresOn.String(), "the anchor day is kept")
	require.Len(t, d.record(renewed.ID).Rehosts, 1)
	again := d.rehost(renewed, thirdToken)
	require.Len(t, d.record(again.ID).Rehosts, 2)
	require.Equal(t, moved.LineageID, again.LineageID)
	permanent := licensetest.Permanent()
	permanent.ServerToken, permanent.Replaces, permanent.IfMatch = string(thirdToken), again.ID, 1
	require.Len(t, d.record(d.sold(permanent).ID).Rehosts, 2, "it is the same lineage")
}

func TestRehost_BackToTheOldServer(t *testing.T) {
	d := newDesk(t)
	there := d.rehost(d.sold(licensetest.Subscription()), newToken)
	back := d.rehost(there, licensetest.Token)
	require.Equal(t, 2, back.Sequence)
	require.Len(t, d.record(back.ID).Rehosts, 2)
	d.requireRetrieved(licensetest.Token, back)
	d.requireNothing(newToken)
	again := d.rehost(back, newToken)
	require.Equal(t, 2, again.Sequence)
	d.requireRetrieved(newToken, again)
	for _, token := range []license.ServerToken{licensetest.Token, newToken} {
		requireWhole(t, d, token)
	}
	require.Equal(t, "intent issued moving moved intent issued moving moved", d.events(licensetest.Token))
	require.Equal(t, "intent issued moving moved intent issued", d.events(newToken))
}

func TestRehost_Refusals(t *testing.T) {
	d := newDesk(t)
	base := d.sold(licensetest.Subscription())
	trial := d.must(d.temporary(licensetest.SalesCaller, license.Trial, thirdToken, northwind))
	good := moving(base, newToken, 1)
	for name, c := range map[string]struct {
		change  func(q *issuing.RehostRequest)
		code    license.Code
		pointer string
		says    string
	}{
		"no token":                    {func(q *issuing.RehostRequest) { q.ServerToken = "" }, license.InvalidRequest, "/serverToken", "Server Token"},
		"the same token, as typed":    {func(q *issuing.RehostRequest) { q.ServerToken = " qmsa–7k2p–9xwd–h4tn–rc53\n" }, license.InvalidRequest, "/serverToken", "already"},
		"no reason":                   {func(q *issuing.RehostRequest) { q.Reason = "" }, license.InvalidRequest, "/reason", "virtual-machine-moved"},
		"a reason of one's own":       {func(q *issuing.RehostRequest) { q.Reason = "lost" }, license.InvalidRequest, "/reason", "must be"},
		"other without a note":        {func(q *issuing.RehostRequest) { q.Reason, q.Note = issuing.OtherReason, " \t" }, license.InvalidRequest, "/note", "needs a note"},
		"a long note":                 {func(q *issuing.RehostRequest) { q.Note = strings.Repeat("n", 2001) }, license.InvalidRequest, "/note", "2000"},
		"no version":                  {func(q *issuing.RehostRequest) { q.IfMatch = 0 }, license.IfMatchRequired, "header:If-Match", "ETag"},
		"no such license":             {func(q *issuing.RehostRequest) { q.ID = strings.Repeat("0", 32) }, license.LicenseNotFound, "path:id", "no license"},
		"no id":                       {func(q *issuing.RehostRequest) { q.ID = "../x" }, license.LicenseNotFound, "path:id", "no license"},
		"another version":             {func(q *issuing.RehostRequest) { q.IfMatch = 2 }, license.VersionConflict, "", "Nothing was re-hosted"},
		"a temporary license":         {func(q *issuing.RehostRequest) { q.ID = trial.ID }, license.NotRehostable, "", "Issue a temporary license for the new Server Token"},
		"a temporary one's own token": {func(q *issuing.RehostRequest) { q.ID, q.ServerToken = trial.ID, string(thirdToken) }, license.InvalidRequest, "/serverToken", "already"},
	} {
		t.Run(name, func(t *testing.T) {
			q := good
			c.change(&q)
			_, err := d.tryRehost(q)
			refusal := requireCode(t, c.code, err)
			require.Contains(t, refusal.Detail, c.says)
			if c.pointer != "" {
				require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
			}
		})
	}
	for _, caller := range []license.Caller{licensetest.SalesCaller, licensetest.AccountingCaller, licensetest.AdminCaller, {}} {
		_, err := d.issuer.Rehost(context.Background(), licensetest.Call(caller, "k"), good)
		requireCode(t, license.Forbidden, err)
	}
	_, err := d.revoke(licensetest.AdminCaller, "r", base, 1)
	require.NoError(t, err)
	_, err = d.tryRehost(moving(base, newToken, 2))
	require.Contains(t, requireCode(t, license.NotCurrent, err).Detail, "This license is revoked")
	require.Empty(t, d.store.Audit(newToken), "a refusal writes nothing")
}

func TestRehost_ALapsedSubscriptionIsRenewedFirst(t *testing.T) {
	d := newDesk(t)
	base := d.sold(licensetest.Subscription())
	d.clock.Set(base.ExpiresOn.ExpiryInstant())
	_, err := d.tryRehost(moving(base, newToken, 1))
	refusal := requireCode(t, license.ExpiresInPast, err)
	require.Contains(t, refusal.Detail, "lapsed on 22 Nov 2027")
	require.Contains(t, refusal.Detail, "Ask accounting to renew it first")
	renewed, err := d.renew(base, issuing.RenewalRequest{Basis: license.BasisToday})
	require.NoError(t, err)
	require.Equal(t, renewed.ExpiresOn, d.rehost(renewed, newToken).ExpiresOn)
}

func TestRehost_WhatTheNewServerHas(t *testing.T) {
	year := 366 * 24 * time.Hour
	short := func(d *desk, customer string) {
		q := licensetest.Subscription()
		q.ServerToken, q.Customer, q.TermMonths = string(newToken), customer, 1
		d.sold(q)
	}
	temporary := func(d *desk, customer string) {
		d.must(d.temporary(licensetest.SupportCaller, license.Emergency, newToken, customer))
	}
	for name, c := range map[string]struct {
		prepare func(d *desk)
		after   time.Duration
		want    license.Code // "": it moves
		status  license.Status
	}{
		"nothing":                              {prepare: func(*desk) {}},
		"an active base of another":            {prepare: func(d *desk) { d.soldOn(newToken, "Südwind GmbH") }, want: license.OtherCustomer},
		"a lapsed base of another":             {prepare: func(d *desk) { short(d, "Südwind GmbH") }, after: year / 4, want: license.OtherCustomer},
		"a temporary of another":               {prepare: func(d *desk) { temporary(d, "Südwind GmbH") }, want: license.OtherCustomer},
		"an expired temporary of another":      {prepare: func(d *desk) { temporary(d, "Südwind GmbH") }, after: year / 4, status: license.Superseded},
		"a pending temporary of another":       {prepare: pendingTrial, want: license.OtherCustomer},
		"a revoked base of another":            {prepare: func(d *desk) { d.must(d.revoke(licensetest.AdminCaller, "x", d.soldOn(newToken, "Südwind GmbH"), 1)) }, status: license.Revoked},
		"one whose license moved away":         {prepare: func(d *desk) { d.rehost(d.soldOn(newToken, "Südwind GmbH"), thirdToken) }, status: license.Superseded},
		"an active base of the same":           {prepare: func(d *desk) { d.soldOn(newToken, "NORTHWIND CALL-CENTERS, Ltd.") }, want: license.BaseLicenseExists},
		"a lapsed base of the same":            {prepare: func(d *desk) { short(d, "Nörthwind Call Centers") }, after: year / 4, status: license.Superseded},
		"a temporary of the same":              {prepare: func(d *desk) { temporary(d, "Northwind Call Centers Inc.") }, status: license.Superseded},
		"a name without letters":               {prepare: func(d *desk) { d.soldOn(newToken, "★") }, want: license.OtherCustomer},
		"another's base, a bridge of the same": {prepare: func(d *desk) { d.soldOn(newToken, "Südwind GmbH"); temporary(d, northwind) }, want: license.OtherCustomer},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			base := d.sold(licensetest.Subscription())
			c.prepare(d)
			d.clock.Advance(c.after)
			there := d.newest(newToken)
			out, err := d.tryRehost(moving(base, newToken, 1))
			if c.want == "" {
				d.requireRetrieved(newToken, d.must(out, err))
				for _, l := range there {
					require.Equal(t, c.status, d.record(l.ID).Status)
				}
				requireWhole(t, d, newToken)
				return
			}
			refusal := requireCode(t, c.want, err)
			require.Equal(t, "/serverToken", refusal.Fields[0].Pointer)
			require.NotEmpty(t, refusal.Params["licenseId"])
			if c.want == license.OtherCustomer {
				other := d.record(refusal.Params["licenseId"].(string)).Customer
				require.NotEqual(t, northwind, other)
				require.Equal(t, []any{northwind, other}, []any{refusal.Params["customer"], refusal.Params["otherCustomer"]})
				require.Contains(t, refusal.Detail, northwind)
				require.Contains(t, refusal.Detail, other)
			}
			d.requireRetrieved(licensetest.Token, base)
			require.Equal(t, "intent issued", d.events(licensetest.Token))
		})
	}
}

// newest is the newest license of a server, if it has any.
func (d *desk) newest(token license.ServerToken) []license.License {
	found, err := d.store.ByServer(context.Background(), token, 1<<30, 1)
	require.NoError(d.t, err)
	return found
}

// pendingTrial leaves another customer's trial pending on the new server.
func pendingTrial(d *desk) {
	enable := d.disable(license.TemporaryKey)
	defer enable()
	_, err := d.temporary(licensetest.SalesCaller, license.Trial, newToken, "Südwind GmbH")
	requireCode(d.t, license.Unavailable, err)
}

func TestRehost_AnEmergencyLicenseBridgesBeforeDuringAndAfter(t *testing.T) {
	d := newDesk(t)
	base := d.sold(licensetest.Subscription())
	before := map[license.ServerToken]license.License{licensetest.Token: d.emergency(licensetest.Token), newToken: d.emergency(newToken)}
	for token, bridge := range before {
		d.requireRetrieved(token, bridge)
	}
	enable := d.disable(license.SoldKey)
	call := licensetest.Call(licensetest.SupportCaller, "move")
	_, err := d.issuer.Rehost(context.Background(), call, moving(base, newToken, 1))
	require.Contains(t, requireCode(t, license.Unavailable, err).Detail, "emergency license")
	_, err = d.temporary(licensetest.SalesCaller, license.Trial, newToken, northwind)
	requireCode(t, license.TrialOverBase, err)
	_, err = d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SupportCaller, "few"), issuing.TemporaryRequest{
		ServerToken: string(newToken), Customer: northwind, Purpose: license.Emergency, Modules: license.Modules{CallRecording: 1},
	})
	requireCode(t, license.SeatsBelowBase, err)
	during := map[license.ServerToken]license.License{licensetest.Token: d.emergency(licensetest.Token), newToken: d.emergency(newToken)}
	for token, bridge := range during {
		require.EqualValues(t, bridge.ID, d.record(before[token].ID).SupersededBy)
		d.requireRetrieved(token, bridge)
	}
	enable()
	d.clock.Advance(6 * time.Second)
	moved := d.must(d.issuer.Rehost(context.Background(), call, moving(base, newToken, 1)))
	require.Equal(t, license.Active, moved.Status)
	for token, bridge := range during { // numbered after the base, they are newer
		require.Equal(t, license.Active, d.record(bridge.ID).Status)
		d.requireRetrieved(token, bridge)
	}
	after := map[license.ServerToken]license.License{licensetest.Token: d.emergency(licensetest.Token), newToken: d.emergency(newToken)}
	for token, bridge := range after {
		d.requireRetrieved(token, bridge)
		requireWhole(t, d, token)
	}
	d.clock.Advance(20 * 24 * time.Hour)
	d.requireRetrieved(newToken, moved)
	d.requireRetrieved(licensetest.Token, after[licensetest.Token])
	require.Equal(t, "intent issued intent issued moving intent issued moved intent issued", d.events(licensetest.Token))
	require.Equal(t, "intent issued intent intent issued issued intent issued", d.events(newToken))
}

func TestRehost_ABridgeOnTheNewServerIsSupersededWhenItMoves(t *testing.T) {
	d := newDesk(t)
	base, bridge := d.sold(licensetest.Subscription()), d.emergency(newToken)
	moved := d.rehost(base, newToken)
	require.Equal(t, 2, moved.Sequence)
	require.EqualValues(t, moved.ID, d.record(bridge.ID).SupersededBy)
	require.Equal(t, "replaced", d.record(bridge.ID).LastChange.What)
	require.Equal(t, "re-hosted", d.record(base.ID).LastChange.What)
	d.requireRetrieved(newToken, moved)
}
