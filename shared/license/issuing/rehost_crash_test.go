package issuing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

// rehostRescuers come after a re-host died. Each but the last leads to the license on the new server.
var rehostRescuers = map[string]func(d *desk, old license.License){
	"the retry": func(*desk, license.License) {},
	"a writer on the old server": func(d *desk, old license.License) {
		_, err := d.renew(old, issuing.RenewalRequest{IfMatch: 99})
		requireCode(d.t, license.VersionConflict, err)
	},
	"a writer on the new server": func(d *desk, old license.License) {
		q := licensetest.Subscription()
		q.ServerToken, q.Replaces, q.IfMatch = string(newToken), old.ID, 1
		_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
		require.Contains(d.t, requireCode(d.t, license.InvalidRequest, err).Detail, "another server")
	},
	"a re-host to the old server": func(d *desk, old license.License) {
		_, err := d.tryRehost(moving(d.soldOn(thirdToken, northwind), licensetest.Token, 99))
		requireCode(d.t, license.VersionConflict, err)
	},
	"the sweep": func(d *desk, _ license.License) {
		_, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(context.Background())
		require.NoError(d.t, err)
	},
	"a revocation": func(d *desk, old license.License) {
		_, err := d.revoke(licensetest.AdminCaller, d.key(), old, d.record(old.ID).Version)
		if d.record(old.ID).Status == license.Superseded {
			requireCode(d.t, license.NotCurrent, err)
			return
		}
		require.NoError(d.t, err)
	},
}

// TestCrash_RehostBetweenEveryTwoSteps kills a re-host at each of its steps, before and after it took effect, and lets
// each kind of rescuer come. Whatever happens there is one license for the key, on one of the two servers.
func TestCrash_RehostBetweenEveryTwoSteps(t *testing.T) {
	for name, rescue := range rehostRescuers {
		for _, after := range []bool{false, true} {
			for dieAt, finished := 1, false; !finished; dieAt++ {
				t.Run(fmt.Sprintf("%s, step %d, after %v", name, dieAt, after), func(t *testing.T) {
					finished = crashRehost(t, dieAt, after, rescue)
				})
				if finished {
					require.Greater(t, dieAt, 12, "a re-host has at least twelve steps")
				}
			}
		}
	}
}

// crashRehost reports whether the process lived to its end, because it has fewer steps than dieAt.
func crashRehost(t *testing.T, dieAt int, after bool, rescue func(*desk, license.License)) bool {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	bridge := d.emergency(newToken)
	before := d.signer.Calls()
	process := &licensetest.Mortal{Store: d.store, Signer: d.signer, DieAt: dieAt, After: after}
	call, q := licensetest.Call(licensetest.SupportCaller, "re-host"), moving(old, newToken, 1)
	first, err := d.issuerWith(process, process).Rehost(context.Background(), call, q)
	if !process.Dead() {
		require.NoError(t, err)
	}
	d.clock.Advance(6 * time.Second)
	rescue(d, old)
	if d.record(old.ID).Status == license.Revoked {
		requireGivenUp(t, d, call, q, bridge)
		return !process.Dead()
	}
	moved := d.must(d.issuer.Rehost(context.Background(), call, q))
	if first.Body != nil {
		again, err := d.issuer.Rehost(context.Background(), call, q)
		require.NoError(t, err)
		require.Equal(t, string(first.Body), string(again.Body))
	}
	require.Equal(t, license.Active, d.record(moved.ID).Status)
	require.EqualValues(t, moved.ID, d.record(old.ID).SupersededBy)
	require.EqualValues(t, moved.ID, d.record(bridge.ID).SupersededBy)
	require.LessOrEqual(t, d.record(moved.ID).Attempts, 2, "a crash costs one signature")
	require.Len(t, d.record(moved.ID).Rehosts, 1)
	d.requireNothing(licensetest.Token)
	d.requireRetrieved(newToken, moved)
	require.Equal(t, "intent issued moving moved", d.events(licensetest.Token))
	require.Equal(t, "intent issued intent issued", d.events(newToken))
	require.LessOrEqual(t, d.signer.Calls()-before, 3, "one of them for the rescuer's own license")
	requireWhole(t, d, licensetest.Token)
	requireWhole(t, d, newToken)
	return !process.Dead()
}

// requireGivenUp asserts that the old license was revoked before it had moved: the new server keeps what it had.
func requireGivenUp(t *testing.T, d *desk, call protocol.Call, q issuing.RehostRequest, bridge license.License) {
	t.Helper()
	_, err := d.issuer.Rehost(context.Background(), call, q)
	if strings.HasSuffix(d.events(newToken), "voided") {
		require.Contains(t, requireCode(t, license.IssueVoided, err).Detail, "the license it was to follow was revoked")
		require.Equal(t, "intent issued moving revoked", d.events(licensetest.Token))
		require.Equal(t, "intent issued intent voided", d.events(newToken))
	} else {
		requireCode(t, license.VersionConflict, err)
		require.Equal(t, "intent issued revoked", d.events(licensetest.Token))
		require.Equal(t, "intent issued", d.events(newToken))
	}
	d.requireNothing(licensetest.Token)
	d.requireRetrieved(newToken, bridge)
	requireWhole(t, d, licensetest.Token)
	requireWhole(t, d, newToken)
	d.soldOn(licensetest.Token, northwind)
	d.soldOn(newToken, northwind)
}

func TestRehost_ASweepThatVoidsItLosesNeitherServer(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	enable := d.disable(license.SoldKey)
	call := licensetest.Call(licensetest.SupportCaller, "re-host")
	_, err := d.issuer.Rehost(context.Background(), call, moving(old, newToken, 1))
	requireCode(t, license.Unavailable, err)
	d.requireRetrieved(licensetest.Token, old)
	d.requireNothing(newToken)
	sweeper := protocol.NewSweeper(d.issuer.Writer(), d.store)
	for range 14 {
		d.clock.Advance(time.Minute)
		report, err := sweeper.Sweep(context.Background())
		require.NoError(t, err)
		require.Equal(t, 1, report.Waiting)
	}
	d.clock.Advance(time.Minute)
	report, err := sweeper.Sweep(context.Background())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Voided: 1}, report)
	_, err = d.issuer.Rehost(context.Background(), call, moving(old, newToken, 1))
	require.Contains(t, requireCode(t, license.IssueVoided, err).Detail, "the signing key could not be used")
	d.requireRetrieved(licensetest.Token, old)
	d.requireNothing(newToken)
	require.Equal(t, "intent issued moving stays", d.events(licensetest.Token))
	require.Equal(t, "intent voided", d.events(newToken))
	requireWhole(t, d, licensetest.Token)
	requireWhole(t, d, newToken)

	enable()
	moved := d.rehost(old, thirdToken)
	require.Len(t, d.record(moved.ID).Rehosts, 1, "what was given up did not happen")
	require.Equal(t, 2, d.soldOn(newToken, northwind).Sequence, "the void number stays used")
}

func TestRehost_WhatExpiresWhileItIsPendingStays(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	enable := d.disable(license.SoldKey)
	_, err := d.tryRehost(moving(old, newToken, 1))
	requireCode(t, license.Unavailable, err)
	enable()
	d.clock.Set(old.ExpiresOn.ExpiryInstant())
	report, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(context.Background())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Voided: 1}, report)
	_, err = d.renew(old, issuing.RenewalRequest{Basis: license.BasisToday})
	require.NoError(t, err, "it stays where it was and can be renewed")
}

// While the key cannot be used, a re-host that is pending holds both base slots.
func TestRehost_OtherWritersWaitForIt(t *testing.T) {
	d := newDesk(t)
	old, other := d.sold(licensetest.Subscription()), d.soldOn(thirdToken, northwind)
	d.disable(license.SoldKey)
	_, err := d.tryRehost(moving(old, newToken, 1))
	requireCode(t, license.Unavailable, err)
	for name, write := range map[string]func() error{
		"renewing the old":   func() error { _, err := d.renew(old, issuing.RenewalRequest{IfMatch: 2}); return err },
		"moving it again":    func() error { _, err := d.tryRehost(moving(old, thirdToken, 2)); return err },
		"moving to the old":  func() error { _, err := d.tryRehost(moving(other, licensetest.Token, 1)); return err },
		"moving to the new":  func() error { _, err := d.tryRehost(moving(other, newToken, 1)); return err },
		"selling to the new": func() error { return d.trySold(newToken) },
		"selling to the old": func() error { return d.trySold(licensetest.Token) },
	} {
		d.clock.Advance(6 * time.Second)
		requireCode(t, license.Unavailable, write())
		require.Equal(t, "intent issued moving", d.events(licensetest.Token), name)
	}
}

func (d *desk) trySold(token license.ServerToken) error {
	q := licensetest.Subscription()
	q.ServerToken = string(token)
	_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), q)
	return err
}

// atOnce makes re-hosts at once and returns the refusals by their codes, "" for those that moved.
func (d *desk) atOnce(requests ...issuing.RehostRequest) map[license.Code]int {
	codes := map[license.Code]int{}
	var all sync.WaitGroup
	var mu sync.Mutex
	for n, q := range requests {
		all.Go(func() {
			_, err := d.issuer.Rehost(context.Background(), licensetest.Call(licensetest.SupportCaller, fmt.Sprint("at-once-", n)), q)
			var refusal *license.Error
			code := license.Code("")
			if errors.As(err, &refusal) {
				code = refusal.Code
			} else if err != nil {
				code = license.Code(err.Error())
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	all.Wait()
	return codes
}

func TestRehost_OneLicenseToManyServersAtOnce(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	var requests []issuing.RehostRequest
	for n := range 64 {
		requests = append(requests, moving(old, license.ServerToken(fmt.Sprint("QMSB-MANY-", n)), 1))
	}
	require.Equal(t, map[license.Code]int{"": 1, license.VersionConflict: 63}, d.atOnce(requests...))
	holders := 0
	for _, q := range requests {
		requireWhole(t, d, license.ServerToken(q.ServerToken))
		if _, err := d.retrieve(license.ServerToken(q.ServerToken)); err == nil {
			holders++
		}
	}
	require.Equal(t, 1, holders)
	requireWhole(t, d, licensetest.Token)
	require.Equal(t, "intent issued moving moved", d.events(licensetest.Token))
}

func TestRehost_TwoLicensesToOneServerAtOnce(t *testing.T) {
	for range 20 {
		d := newDesk(t)
		one, two := d.sold(licensetest.Subscription()), d.soldOn(thirdToken, northwind)
		require.Equal(t, map[license.Code]int{"": 1, license.BaseLicenseExists: 1}, d.atOnce(moving(one, newToken, 1), moving(two, newToken, 1)))
		for _, token := range []license.ServerToken{licensetest.Token, newToken, thirdToken} {
			requireWhole(t, d, token)
		}
	}
}

func TestRehost_TwoLicensesCannotChangePlaces(t *testing.T) {
	for range 20 {
		d := newDesk(t)
		one, two := d.sold(licensetest.Subscription()), d.soldOn(newToken, northwind)
		require.Equal(t, map[license.Code]int{license.BaseLicenseExists: 2}, d.atOnce(moving(one, newToken, 1), moving(two, licensetest.Token, 1)))
		d.requireRetrieved(licensetest.Token, one)
		d.requireRetrieved(newToken, two)
	}
}

// One license moves into the place that another leaves at the same time: either it comes too early, or both move.
func TestRehost_IntoThePlaceThatAnotherLeaves(t *testing.T) {
	for range 20 {
		d := newDesk(t)
		one, two := d.sold(licensetest.Subscription()), d.soldOn(newToken, northwind)
		codes := d.atOnce(moving(one, newToken, 1), moving(two, thirdToken, 1))
		require.Contains(t, []map[license.Code]int{{"": 2}, {"": 1, license.BaseLicenseExists: 1}}, codes)
		for _, token := range []license.ServerToken{licensetest.Token, newToken, thirdToken} {
			requireWhole(t, d, token)
		}
	}
}

// forger is a store whose pending licenses read otherwise than they were stored.
type forger struct {
	ledger.Store
	forge func(r *ledger.Record)
}

func (f forger) Record(ctx context.Context, id string) (ledger.Record, error) {
	return f.forged(f.Store.Record(ctx, id))
}

func (f forger) Touch(ctx context.Context, id string, t ledger.Touch) (ledger.Record, error) {
	return f.forged(f.Store.Touch(ctx, id, t))
}

func (f forger) forged(r ledger.Record, err error) (ledger.Record, error) {
	if err == nil && r.Status == license.Pending {
		f.forge(&r)
	}
	return r, err
}

// rewrite makes the bytes to sign say what a record says.
func rewrite(t *testing.T, r *ledger.Record) {
	r.Seats = r.Modules.Seats()
	c := licensekey.Claims{
		ID: r.ID, ServerToken: r.ServerToken, IssuedAt: r.IssuedAt.Unix(), Type: r.Type, ExpiresOn: r.ExpiresOn, Seats: r.Seats, Suite: r.Modules.QMSSuite, Sequence: r.Sequence,
	}
	if !r.ExpiresOn.IsNever() {
		c.ExpiresAt = r.ExpiresOn.ExpiryInstant().Unix()
	}
	var err error
	r.SigningInput, err = licensekey.SigningInput(r.KeyID, c)
	require.NoError(t, err)
}

func TestRehost_WhatSaysMoreThanTheOldLicenseIsNeverSigned(t *testing.T) {
	d := newDesk(t)
	old, richer := d.sold(licensetest.Subscription()), d.soldOn(thirdToken, northwind)
	trial := d.must(d.temporary(licensetest.SupportCaller, license.Emergency, "QMSD-0000-0001", northwind))
	enable := d.disable(license.SoldKey)
	call := licensetest.Call(licensetest.SupportCaller, "re-host")
	_, err := d.issuer.Rehost(context.Background(), call, moving(old, newToken, 1))
	requireCode(t, license.Unavailable, err)
	enable()
	before := d.signer.Calls()
	for name, forge := range map[string]func(r *ledger.Record){
		"more seats":  func(r *ledger.Record) { r.Modules.CallRecording++; rewrite(t, r) },
		"fewer seats": func(r *ledger.Record) { r.Modules.CallRecording--; rewrite(t, r) },
		"the same seats, bought otherwise": func(r *ledger.Record) {
			r.Modules = license.Modules{QMSSuite: 49, CallRecording: 21, ComputerRecording: 1, AgentEvaluation: 1}
			rewrite(t, r)
		},
		"a longer date":    func(r *ledger.Record) { r.ExpiresOn = r.ExpiresOn.AddDays(1); rewrite(t, r) },
		"no end":           func(r *ledger.Record) { r.ExpiresOn, r.Type = license.Never, license.Permanent; rewrite(t, r) },
		"another type":     func(r *ledger.Record) { r.Type = license.Temporary; rewrite(t, r) },
		"the record alone": func(r *ledger.Record) { r.Modules.QMSSuite++; r.Seats = r.Modules.Seats() },
		"the bytes alone": func(r *ledger.Record) {
			altered := *r
			altered.Modules.QMSSuite++
			rewrite(t, &altered)
			r.SigningInput = altered.SigningInput
		},
		"a license of another server": func(r *ledger.Record) { r.Predecessor = richer.ID },
		"a temporary license": func(r *ledger.Record) {
			r.Predecessor, r.MovedFrom, r.Type, r.ExpiresOn, r.KeyID = trial.ID, trial.ServerToken, trial.Type, trial.ExpiresOn, "temporary-2026-1"
			rewrite(t, r)
		},
		"from nowhere":   func(r *ledger.Record) { r.MovedFrom = "" },
		"to where it is": func(r *ledger.Record) { r.ServerToken = licensetest.Token; rewrite(t, r) },
		"no license":     func(r *ledger.Record) { r.Predecessor = strings.Repeat("0", 32) },
	} {
		t.Run(name, func(t *testing.T) {
			store := forger{d.store, forge}
			forged := d.issuerWith(store, d.signer)
			d.clock.Advance(6 * time.Second)
			_, err := forged.Rehost(context.Background(), call, moving(old, newToken, 1))
			require.Error(t, err)
			d.clock.Advance(6 * time.Second)
			_, err = forged.Renew(context.Background(), licensetest.Call(licensetest.AccountingCaller, d.key()), issuing.RenewalRequest{ID: old.ID, Contract: "C", TermMonths: 1, IfMatch: 2})
			require.Error(t, err, "nor by another writer")
			d.clock.Advance(6 * time.Second)
			report, err := protocol.NewSweeper(forged.Writer(), d.store).Sweep(context.Background())
			require.Error(t, err, "nor by the sweep")
			require.Equal(t, 1, report.Waiting)
			require.Equal(t, before, d.signer.Calls())
			d.requireRetrieved(licensetest.Token, old)
		})
	}
	d.clock.Advance(6 * time.Second)
	moved := d.must(d.issuer.Rehost(context.Background(), call, moving(old, newToken, 1)))
	require.Equal(t, old.Seats, moved.Seats)
	requireWhole(t, d, newToken)
}
