package issuing_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

const day = 24 * time.Hour

func (d *desk) correct(l license.License, q issuing.CorrectionRequest) (protocol.Outcome, error) {
	q.ID, q.IfMatch = l.ID, d.record(l.ID).Version
	if q.Reason == "" {
		q.Reason = "Two orders were mixed up."
	}
	return d.issuer.Correct(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
}

func TestCorrect_RevokesTheWrongLicenseAndIssuesTheRightOne(t *testing.T) {
	for name, sold := range map[string]issuing.SoldRequest{"subscription": licensetest.Subscription(), "permanent": licensetest.Permanent()} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			old := d.sold(sold)
			was := d.record(old.ID)
			d.clock.Advance(7 * day)
			q := issuing.CorrectionRequest{Customer: " Northwind Telecare ", Modules: &license.Modules{CallRecording: 30}}
			if sold.Type == license.Permanent {
				q.Order = "O-1"
			} else {
				q.Contract = "C-1"
			}
			out, err := d.correct(old, q)
			require.NoError(t, err)
			answer := readAll(t, out)
			right := answer.License
			require.Equal(t, "Northwind Telecare", right.Customer)
			require.EqualValues(t, q.Contract, right.Contract)
			require.EqualValues(t, q.Order, right.Order)
			require.Equal(t, 30, right.Seats.CallRecording)
			same, kept := lasts(old), lasts(right)
			same.Customer, same.Contract, same.Order = kept.Customer, kept.Contract, kept.Order
			require.Equal(t, same, kept, "dates, type, lineage")
			require.Equal(t, old.ID, answer.PreviousLicenseID)
			require.Len(t, answer.Changes.Warnings, 3)
			require.Contains(t, answer.Notice, "The wrong license is revoked.")
			require.Contains(t, answer.Notice, "keeps working offline")

			is := d.record(right.ID)
			require.Equal(t, was.Conditions, is.Conditions)
			require.Equal(t, was.AnchorDay, is.AnchorDay)
			require.Equal(t, "Two orders were mixed up.", is.Reason)
			require.Equal(t, license.Revoked, d.record(old.ID).Status)
			require.Equal(t, "corrected", d.record(old.ID).LastChange.What)
			requireWhole(t, d, licensetest.Token)
		})
	}
}

func TestCorrect_AnotherServerClosesTheOldOne(t *testing.T) {
	d := newDesk(t)
	wrong := licensetest.Subscription()
	wrong.ServerToken = string(otherToken)
	first := d.sold(wrong)
	old, err := d.renew(first, issuing.RenewalRequest{})
	require.NoError(t, err)
	trial := d.trial() // of the same customer, on the right server
	out, err := d.correct(old, issuing.CorrectionRequest{ServerToken: " qmsa–7k2p-9xwd-h4tn-rc53\n"})
	require.NoError(t, err)
	answer := readAll(t, out)
	require.Equal(t, licensetest.Token, answer.License.ServerToken)
	require.Equal(t, 2, answer.License.Sequence, "the number is the new server's")
	require.Equal(t, old.LineageID, answer.License.LineageID)
	require.Nil(t, answer.Changes, "the modules are the same")
	require.Equal(t, license.Revoked, d.record(old.ID).Status)
	require.Equal(t, license.Superseded, d.record(first.ID).Status, "an earlier license of the lineage stays as it is")
	require.Equal(t, license.Superseded, d.record(trial.ID).Status)
	require.Equal(t, "replaced", d.record(trial.ID).LastChange.What, "it was not what was corrected")

	reader := registry.NewReader(d.store, d.clock.Now)
	_, err = reader.Retrieve(context.Background(), string(otherToken))
	requireCode(t, license.LicenseNotFound, err)
	found, err := reader.Retrieve(context.Background(), string(licensetest.Token))
	require.NoError(t, err)
	require.Equal(t, answer.License.ID, found.ID)
	requireWhole(t, d, licensetest.Token)
	requireWhole(t, d, otherToken)
	chain := d.store.Audit(otherToken)
	require.Contains(t, string(chain[len(chain)-1].Text), `"event":"moved","operation":"correct"`)
	require.Contains(t, string(chain[len(chain)-1].Text), `"reason":"Two orders were mixed up."`)
	require.Equal(t, license.Active, d.sold(wrong).Status, "the old server's slot is free")
}

func TestCorrect_TheOldServersTemporaryLicenseStays(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	emergency := licensetest.Trial()
	emergency.Purpose, emergency.Modules = license.Emergency, licensetest.Subscription().Modules
	out, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SupportCaller, "k"), emergency)
	bridge := d.must(out, err)
	_, err = d.correct(old, issuing.CorrectionRequest{ServerToken: string(otherToken)})
	require.NoError(t, err)
	found, err := registry.NewReader(d.store, d.clock.Now).Retrieve(context.Background(), string(licensetest.Token))
	require.NoError(t, err)
	require.Equal(t, bridge.ID, found.ID)
}

func TestCorrect_SevenDaysCountFromTheMistake(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	d.clock.Advance(5 * day)
	out, err := d.correct(old, issuing.CorrectionRequest{Customer: "Northwind Telecaer"})
	once := d.must(out, err)
	d.clock.Advance(2 * day)
	out, err = d.correct(once, issuing.CorrectionRequest{Customer: "Northwind Telecare"})
	twice := d.must(out, err)
	d.clock.Advance(day)
	_, err = d.correct(twice, issuing.CorrectionRequest{Customer: "Northwind"})
	refusal := requireCode(t, license.NotCorrectable, err)
	require.Contains(t, refusal.Detail, "could be corrected until 30 Nov 2026")
	require.Equal(t, old.IssuedOn.AddDays(7), refusal.Params["until"])

	out, err = d.amend(twice, license.Modules{CallRecording: 3})
	amended := d.must(out, err)
	_, err = d.correct(amended, issuing.CorrectionRequest{Modules: &license.Modules{CallRecording: 4}})
	require.NoError(t, err, "an amendment is a license of its own, with its own days")
	requireWhole(t, d, licensetest.Token)
}

// TestCorrect_EachMemberHasTheDaysOfTheLicenseThatSetIt has one sale, issued, then renewed and amended much later.
func TestCorrect_EachMemberHasTheDaysOfTheLicenseThatSetIt(t *testing.T) {
	other := license.Modules{CallRecording: 9}
	amended := func(d *desk, l license.License) license.License {
		out, err := d.amend(l, license.Modules{CallRecording: 5})
		return d.must(out, err)
	}
	renewed := func(q issuing.RenewalRequest) func(d *desk, l license.License) license.License {
		return func(d *desk, l license.License) license.License {
			n, err := d.renew(l, q)
			require.NoError(d.t, err)
			return n
		}
	}
	permanent, subscription := licensetest.Permanent(), licensetest.Subscription()
	for name, c := range map[string]struct {
		sold   issuing.SoldRequest
		change func(d *desk, l license.License) license.License
		q      issuing.CorrectionRequest
		right  bool
	}{
		"amended, the customer":              {permanent, amended, issuing.CorrectionRequest{Customer: "A"}, false},
		"amended, the Server Token":          {permanent, amended, issuing.CorrectionRequest{ServerToken: string(otherToken)}, false},
		"amended, the order":                 {permanent, amended, issuing.CorrectionRequest{Order: "X"}, false},
		"amended, the contract":              {subscription, amended, issuing.CorrectionRequest{Contract: "X"}, false},
		"amended, the modules":               {permanent, amended, issuing.CorrectionRequest{Modules: &other}, true},
		"amended, the modules and the order": {permanent, amended, issuing.CorrectionRequest{Modules: &other, Order: "X"}, false},
		"renewed, the customer":              {subscription, renewed(issuing.RenewalRequest{}), issuing.CorrectionRequest{Customer: "A"}, false},
		"renewed, the contract":              {subscription, renewed(issuing.RenewalRequest{}), issuing.CorrectionRequest{Contract: "X"}, true},
		"renewed, the modules as they were":  {subscription, renewed(issuing.RenewalRequest{}), issuing.CorrectionRequest{Modules: &other}, false},
		"renewed with other modules":         {subscription, renewed(issuing.RenewalRequest{Modules: &license.Modules{CallRecording: 6}}), issuing.CorrectionRequest{Modules: &other}, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			old := d.sold(c.sold)
			d.clock.Advance(100 * day)
			l := c.change(d, old)
			_, err := d.correct(l, c.q)
			if c.right {
				require.NoError(t, err)
				return
			}
			refusal := requireCode(t, license.NotCorrectable, err)
			require.Equal(t, old.IssuedOn, refusal.Params["issuedOn"])
			require.Equal(t, old.IssuedOn.AddDays(7), refusal.Params["until"])
			require.Regexp(t, "(Revoke this license and issue another|Amend this license to change its modules)\\.$", refusal.Detail)
			require.Equal(t, license.Active, d.record(l.ID).Status)
		})
	}
}

// TestCorrect_ACorrectionDoesNotStartTheDaysAgain corrects modules within their days and then the customer after its own.
func TestCorrect_ACorrectionDoesNotStartTheDaysAgain(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Permanent())
	d.clock.Advance(100 * day)
	out, err := d.amend(old, license.Modules{CallRecording: 5})
	amended := d.must(out, err)
	out, err = d.correct(amended, issuing.CorrectionRequest{Modules: &license.Modules{CallRecording: 6}})
	right := d.must(out, err)
	_, err = d.correct(right, issuing.CorrectionRequest{Customer: "A"})
	require.Equal(t, old.IssuedOn, requireCode(t, license.NotCorrectable, err).Params["issuedOn"])
	d.clock.Advance(8 * day)
	_, err = d.correct(right, issuing.CorrectionRequest{Modules: &license.Modules{CallRecording: 7}})
	require.Equal(t, amended.IssuedOn, requireCode(t, license.NotCorrectable, err).Params["issuedOn"])
}

func TestCorrect_Refusals(t *testing.T) {
	sell := func(d *desk) license.License { return d.sold(licensetest.Subscription()) }
	for name, c := range map[string]struct {
		code    license.Code
		pointer string
		q       issuing.CorrectionRequest
		make    func(d *desk) license.License
	}{
		"a temporary license":    {license.NotCorrectable, "", issuing.CorrectionRequest{Customer: "A"}, (*desk).trial},
		"nothing given":          {license.InvalidRequest, "", issuing.CorrectionRequest{}, sell},
		"nothing that differs":   {license.InvalidRequest, "", issuing.CorrectionRequest{ServerToken: string(licensetest.Token), Customer: "Northwind Call Centers", Contract: "C-2041"}, sell},
		"an order":               {license.InvalidRequest, "/order", issuing.CorrectionRequest{Order: "O"}, sell},
		"a contract":             {license.InvalidRequest, "/contract", issuing.CorrectionRequest{Contract: "C"}, func(d *desk) license.License { return d.sold(licensetest.Permanent()) }},
		"a malformed Token":      {license.InvalidRequest, "/serverToken", issuing.CorrectionRequest{ServerToken: "Q%"}, sell},
		"a control character":    {license.InvalidRequest, "/reason", issuing.CorrectionRequest{Reason: "\a", Customer: "A"}, sell},
		"a missing prerequisite": {license.ModuleDependency, "/modules/agentEvaluation", issuing.CorrectionRequest{Modules: &license.Modules{CallRecording: 1, AgentEvaluation: 2}}, sell},
		"an expired subscription": {license.ExpiresInPast, "", issuing.CorrectionRequest{Customer: "A"}, func(d *desk) license.License {
			q := licensetest.Subscription()
			q.TermMonths, q.ExpiresOn = 0, license.Today(d.clock.Now()).AddDays(1)
			l := d.sold(q)
			d.clock.Advance(3 * day)
			return l
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			l := c.make(d)
			calls := d.signer.Calls()
			_, err := d.correct(l, c.q)
			refusal := requireCode(t, c.code, err)
			if c.pointer != "" {
				require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
			}
			require.Equal(t, calls, d.signer.Calls())
			require.Equal(t, license.Active, d.record(l.ID).Status)
		})
	}
}

// TestCorrect_ServersThatAreTaken has a license on the server of the new Server Token, for the same customer or another.
func TestCorrect_ServersThatAreTaken(t *testing.T) {
	base := func(d *desk, name string, months int) {
		q := licensetest.Subscription()
		q.ServerToken, q.Customer, q.TermMonths = string(otherToken), name, months
		d.sold(q)
	}
	trial := func(d *desk, name string) {
		q := licensetest.Trial()
		q.ServerToken, q.Customer = string(otherToken), name
		_, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SalesCaller, d.key()), q)
		require.NoError(d.t, err)
	}
	for name, c := range map[string]struct {
		code  license.Code
		there func(d *desk)
	}{
		"an active base license":                   {license.BaseLicenseExists, func(d *desk) { base(d, "Northwind Call Centers", 12) }},
		"another customer's active base license":   {license.OtherCustomer, func(d *desk) { base(d, "Lakeshore", 12) }},
		"another customer's expired base license":  {license.OtherCustomer, func(d *desk) { base(d, "Lakeshore", 1) }},
		"another customer's trial":                 {license.OtherCustomer, func(d *desk) { d.clock.Advance(25 * day); trial(d, "Lakeshore"); d.clock.Advance(-25 * day) }},
		"another customer's trial that is over":    {"", func(d *desk) { trial(d, "Lakeshore") }},
		"an expired base license, the name alike":  {"", func(d *desk) { base(d, "NORTHWIND Call-Centers, Inc.", 1) }},
		"a trial of a customer with the same name": {"", func(d *desk) { trial(d, "Northwind Call Centers") }},
		"a server that had a license, now revoked": {"", func(d *desk) {
			q := licensetest.Subscription()
			q.ServerToken, q.Customer = string(otherToken), "Lakeshore"
			_, err := d.revoke(licensetest.AdminCaller, d.key(), d.sold(q), 1)
			require.NoError(d.t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			c.there(d)
			d.clock.Advance(40 * day)
			old := d.sold(licensetest.Subscription())
			_, err := d.correct(old, issuing.CorrectionRequest{ServerToken: string(otherToken)})
			if c.code == "" {
				require.NoError(t, err)
				requireWhole(t, d, otherToken)
				return
			}
			refusal := requireCode(t, c.code, err)
			require.Equal(t, "/serverToken", refusal.Fields[0].Pointer)
			if c.code == license.OtherCustomer {
				require.Equal(t, "Northwind Call Centers", refusal.Params["customer"])
				require.Equal(t, "Lakeshore", refusal.Params["otherCustomer"])
				_, err = d.correct(old, issuing.CorrectionRequest{ServerToken: string(otherToken), Customer: "Lakeshore Ltd."})
				if name == "another customer's active base license" {
					requireCode(t, license.BaseLicenseExists, err)
					return
				}
				require.NoError(t, err, "the customer was wrong, too")
			}
		})
	}
}

func TestCorrect_ARehostedLicenseIsNotAccountingsMistake(t *testing.T) {
	d := newDesk(t)
	rehosted := d.rehost(d.sold(licensetest.Subscription()), otherToken)
	_, err := d.correct(rehosted, issuing.CorrectionRequest{Customer: "A"})
	require.Contains(t, requireCode(t, license.NotCorrectable, err).Detail, "re-hosted")
}
