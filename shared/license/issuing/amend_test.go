package issuing_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

// written is what the answer to a change says besides the license.
type written struct {
	License           license.License
	PreviousLicenseID string
	Changes           *ledger.Changes
	Notice            string
}

func readAll(t *testing.T, out protocol.Outcome) written {
	t.Helper()
	var w written
	require.NoError(t, json.Unmarshal(out.Body, &w))
	return w
}

func (d *desk) amend(l license.License, modules license.Modules) (protocol.Outcome, error) {
	return d.issuer.Amend(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()),
		issuing.AmendmentRequest{ID: l.ID, Modules: modules, IfMatch: d.record(l.ID).Version})
}

// lasts is a license without what is another's in every change: id, number, seats, key and what follows from them.
func lasts(l license.License) license.License {
	l.ID, l.Sequence, l.Version, l.Modules, l.Seats, l.Supersedes, l.SupersededBy, l.LicenseKey = "", 0, 0, license.Modules{}, license.Seats{}, "", "", ""
	l.IssuedOn, l.Status = license.Date{}, ""
	return l
}

func TestAmend_ChangesTheModulesAndNothingElse(t *testing.T) {
	for name, q := range map[string]issuing.SoldRequest{"subscription": licensetest.Subscription(), "permanent": licensetest.Permanent()} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			old := d.sold(q)
			was := d.record(old.ID)
			d.clock.Advance(100 * 24 * 3600e9)
			out, err := d.amend(old, license.Modules{QMSSuite: 50, CallRecording: 40})
			require.NoError(t, err)
			amended := readAll(t, out)
			require.Equal(t, lasts(old), lasts(amended.License))
			require.Equal(t, license.Seats{CallRecording: 90, ComputerRecording: 50, AgentEvaluation: 50}, amended.License.Seats)
			require.Equal(t, old.ID, amended.PreviousLicenseID)
			require.Empty(t, amended.Changes.Warnings, "an upgrade loads as it is")
			is := d.record(amended.License.ID)
			require.Equal(t, was.Conditions, is.Conditions, "no permanent license is without conditions")
			require.Equal(t, was.AnchorDay, is.AnchorDay)
			require.Equal(t, license.Superseded, d.record(old.ID).Status)
			require.Equal(t, "amended", d.record(old.ID).LastChange.What)
			requireWhole(t, d, licensetest.Token)
		})
	}
}

func TestAmend_FewerSeatsSayWhatTheCustomerMustDoFirst(t *testing.T) {
	d := newDesk(t)
	out, err := d.amend(d.sold(licensetest.Subscription()), license.Modules{CallRecording: 70, ComputerRecording: 1})
	require.NoError(t, err)
	warnings := readAll(t, out).Changes.Warnings
	require.Equal(t, []string{
		"Computer Recording seats go from 50 to 1. Before the new license is loaded, the customer must unlicense users in QMS until at most 1 has Computer Recording: a license with fewer seats than users assigned does not load. The downgrade check says whom.",
		"Agent Evaluation seats go from 50 to 0. Before the new license is loaded, the customer must unlicense users in QMS until nobody has Agent Evaluation: a license with fewer seats than users assigned does not load. The downgrade check says whom.",
	}, warnings)
}

func TestAmend_ThePreviewIsTheAnswerAndWritesNothing(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	ctx, call := context.Background(), licensetest.Call(licensetest.AccountingCaller, "k")
	q := issuing.AmendmentRequest{ID: old.ID, Modules: license.Modules{QMSSuite: 40}, IfMatch: 1}
	preview, changes, err := d.issuer.PreviewAmendment(ctx, call, q)
	require.NoError(t, err)
	require.Equal(t, 1, d.record(old.ID).Version)
	require.Len(t, d.store.Audit(licensetest.Token), 2)
	out, err := d.issuer.Amend(ctx, call, q)
	require.NoError(t, err, "the preview did not use the key")
	amended := readAll(t, out)
	require.Equal(t, changes, *amended.Changes)
	amended.License.IssuedBy = ""
	require.Equal(t, lasts(amended.License), lasts(preview))
	require.Equal(t, amended.License.Modules, preview.Modules)
	require.Equal(t, amended.License.Seats, preview.Seats)
}

func TestAmend_RefusalsAreThePreviewsToo(t *testing.T) {
	other := license.Modules{CallRecording: 5}
	for name, c := range map[string]struct {
		code license.Code
		make func(d *desk) (license.License, issuing.AmendmentRequest)
	}{
		"a temporary license": {license.NotAmendable, func(d *desk) (license.License, issuing.AmendmentRequest) {
			return d.trial(), issuing.AmendmentRequest{Modules: other, IfMatch: 1}
		}},
		"an expired subscription": {license.ExpiresInPast, func(d *desk) (license.License, issuing.AmendmentRequest) {
			l := d.sold(licensetest.Subscription())
			d.clock.Set(l.ExpiresOn.ExpiryInstant())
			return l, issuing.AmendmentRequest{Modules: other, IfMatch: 1}
		}},
		"the same modules": {license.InvalidRequest, func(d *desk) (license.License, issuing.AmendmentRequest) {
			return d.sold(licensetest.Subscription()), issuing.AmendmentRequest{Modules: licensetest.Subscription().Modules, IfMatch: 1}
		}},
		"no seats": {license.ModuleDependency, func(d *desk) (license.License, issuing.AmendmentRequest) {
			return d.sold(licensetest.Subscription()), issuing.AmendmentRequest{IfMatch: 1}
		}},
		"a stale version": {license.VersionConflict, func(d *desk) (license.License, issuing.AmendmentRequest) {
			return d.sold(licensetest.Subscription()), issuing.AmendmentRequest{Modules: other, IfMatch: 2}
		}},
		"no version": {license.IfMatchRequired, func(d *desk) (license.License, issuing.AmendmentRequest) {
			return d.sold(licensetest.Subscription()), issuing.AmendmentRequest{Modules: other}
		}},
		"a superseded license": {license.NotCurrent, func(d *desk) (license.License, issuing.AmendmentRequest) {
			l := d.sold(licensetest.Subscription())
			_, err := d.renew(l, issuing.RenewalRequest{})
			require.NoError(d.t, err)
			return l, issuing.AmendmentRequest{Modules: other, IfMatch: d.record(l.ID).Version}
		}},
		"no such license": {license.LicenseNotFound, func(*desk) (license.License, issuing.AmendmentRequest) {
			return license.License{ID: "00000000000000000000000000000000"}, issuing.AmendmentRequest{Modules: other, IfMatch: 1}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			l, q := c.make(d)
			q.ID = l.ID
			call := licensetest.Call(licensetest.AccountingCaller, "k")
			calls := d.signer.Calls()
			_, err := d.issuer.Amend(context.Background(), call, q)
			refusal := requireCode(t, c.code, err)
			_, _, err = d.issuer.PreviewAmendment(context.Background(), call, q)
			require.Equal(t, refusal, requireCode(t, c.code, err))
			require.Equal(t, calls, d.signer.Calls())
		})
	}
}

func TestRenew_OtherModulesSayWhatChanges(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	call := licensetest.Call(licensetest.AccountingCaller, "k")
	same := licensetest.Subscription().Modules
	q := issuing.RenewalRequest{ID: old.ID, Contract: "C", TermMonths: 1, Modules: &same, IfMatch: 1}
	out, err := d.issuer.Renew(context.Background(), call, q)
	require.NoError(t, err)
	require.NotContains(t, string(out.Body), "changes", "they are the same")

	q.ID, q.Modules, call.IdempotencyKey = read(t, out).ID, &license.Modules{CallRecording: 30}, "other"
	out, err = d.issuer.Renew(context.Background(), call, q)
	require.NoError(t, err)
	changes := readAll(t, out).Changes
	require.Equal(t, license.Seats{CallRecording: 70, ComputerRecording: 50, AgentEvaluation: 50}, changes.Seats.Before)
	require.Equal(t, license.Seats{CallRecording: 30}, changes.Seats.After)
	require.Len(t, changes.Warnings, 3)
}

func TestConvert_TakesWhatIsLeftOutFromTheTrial(t *testing.T) {
	d := newDesk(t)
	trial := d.trial()
	q := licensetest.Subscription()
	q.ServerToken, q.Customer, q.Modules, q.ConvertsTrial = "", "", license.Modules{}, trial.ID
	base := d.sold(q)
	require.Equal(t, trial.ServerToken, base.ServerToken)
	require.Equal(t, trial.Customer, base.Customer)
	require.Equal(t, trial.Modules, base.Modules)
	require.NotEqual(t, trial.LineageID, base.LineageID, "a sale of its own")
	require.Equal(t, license.Superseded, d.record(trial.ID).Status)
	for _, entry := range d.store.Audit(licensetest.Token)[2:] {
		require.Contains(t, string(entry.Text), `"convertsTrial":"`+trial.ID+`"`)
	}
	requireWhole(t, d, licensetest.Token)
}

func TestConvert_WhatIsGivenWins(t *testing.T) {
	d := newDesk(t)
	trial := d.trial()
	d.clock.Set(trial.ExpiresOn.ExpiryInstant())
	q := licensetest.Permanent()
	q.Customer, q.ConvertsTrial = "Northwind Telecare", trial.ID
	base := d.sold(q)
	require.Equal(t, "Northwind Telecare", base.Customer, "also of a trial that has expired")
	require.Equal(t, licensetest.Permanent().Modules, base.Modules)
}

func TestConvert_Refusals(t *testing.T) {
	for name, c := range map[string]struct {
		code    license.Code
		pointer string
		make    func(d *desk, q *issuing.SoldRequest)
	}{
		"no such trial": {license.LicenseNotFound, "/convertsTrial", func(_ *desk, q *issuing.SoldRequest) { q.ConvertsTrial = "00000000000000000000000000000000" }},
		"no id":         {license.LicenseNotFound, "/convertsTrial", func(_ *desk, q *issuing.SoldRequest) { q.ConvertsTrial = "the trial" }},
		"another server": {license.InvalidRequest, "/serverToken", func(d *desk, q *issuing.SoldRequest) {
			q.ConvertsTrial, q.ServerToken = d.trial().ID, "QMSA-0000-0001"
		}},
		"an emergency license": {license.InvalidRequest, "/convertsTrial", func(d *desk, q *issuing.SoldRequest) {
			emergency := licensetest.Trial()
			emergency.Purpose = license.Emergency
			out, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SupportCaller, d.key()), emergency)
			q.ConvertsTrial = d.must(out, err).ID
		}},
		"a revoked trial": {license.NotCurrent, "/convertsTrial", func(d *desk, q *issuing.SoldRequest) {
			trial := d.trial()
			_, err := d.revoke(licensetest.AdminCaller, d.key(), trial, 1)
			require.NoError(d.t, err)
			q.ConvertsTrial = trial.ID
		}},
		"a trial and a replaced license": {license.InvalidRequest, "/convertsTrial", func(d *desk, q *issuing.SoldRequest) {
			q.ConvertsTrial, q.Replaces, q.IfMatch = d.trial().ID, "00000000000000000000000000000000", 1
		}},
		"a base license is active": {license.BaseLicenseExists, "", func(d *desk, q *issuing.SoldRequest) {
			q.ConvertsTrial = d.trial().ID
			d.sold(licensetest.Permanent())
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			q := licensetest.Subscription()
			c.make(d, &q)
			_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "k"), q)
			refusal := requireCode(t, c.code, err)
			if c.pointer != "" {
				require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
			}
		})
	}
}
