package issuing_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

// otherToken is the server of licenses that were corrected to it.
const otherToken license.ServerToken = "QMSA-3333-4444"

// change is one way to change a subscription, always under the same Idempotency-Key.
type change struct {
	name   string
	do     func(i *issuing.Issuer, key string, old license.License, ifMatch int) (protocol.Outcome, error)
	leaves license.Status      // of the old license
	to     license.ServerToken // the server of the new one
}

// changes are a renewal, an amendment and both kinds of correction.
func changes() []change {
	ctx := context.Background()
	call := func(key string) protocol.Call { return licensetest.Call(licensetest.AccountingCaller, key) }
	return []change{
		{"renew", func(i *issuing.Issuer, key string, old license.License, ifMatch int) (protocol.Outcome, error) {
			return i.Renew(ctx, call(key), issuing.RenewalRequest{ID: old.ID, Contract: "C-2041", TermMonths: 12, IfMatch: ifMatch})
		}, license.Superseded, licensetest.Token},
		{"amend", func(i *issuing.Issuer, key string, old license.License, ifMatch int) (protocol.Outcome, error) {
			return i.Amend(ctx, call(key), issuing.AmendmentRequest{ID: old.ID, Modules: license.Modules{QMSSuite: 40}, IfMatch: ifMatch})
		}, license.Superseded, licensetest.Token},
		{"correct", func(i *issuing.Issuer, key string, old license.License, ifMatch int) (protocol.Outcome, error) {
			return i.Correct(ctx, call(key), issuing.CorrectionRequest{ID: old.ID, Reason: "The name was misspelled.", Customer: "Northwind Telecare", IfMatch: ifMatch})
		}, license.Revoked, licensetest.Token},
		{"correct the Server Token", func(i *issuing.Issuer, key string, old license.License, ifMatch int) (protocol.Outcome, error) {
			return i.Correct(ctx, call(key), issuing.CorrectionRequest{ID: old.ID, Reason: "Two servers were mixed up.", ServerToken: string(otherToken), IfMatch: ifMatch})
		}, license.Revoked, otherToken},
	}
}

// rescuers are who may come after a process that died in a change: each sees it finished or not begun, and changes nothing
// itself.
func rescuers() map[string]func(d *desk, c change, old license.License) {
	return map[string]func(d *desk, c change, old license.License){
		"the retry": func(*desk, change, license.License) {},
		"another writer of the old server": func(d *desk, _ change, old license.License) {
			q := issuing.AmendmentRequest{ID: old.ID, Modules: license.Modules{CallRecording: 1}, IfMatch: 99}
			_, err := d.issuer.Amend(context.Background(), licensetest.Call(licensetest.AccountingCaller, "other"), q)
			requireCode(d.t, license.VersionConflict, err)
		},
		"another writer of the new server": func(d *desk, c change, old license.License) {
			q := licensetest.Subscription()
			q.ServerToken, q.Replaces, q.IfMatch = string(c.to), old.ID, 99
			_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "other"), q)
			require.Error(d.t, err)
		},
		"the sweep": func(d *desk, _ change, _ license.License) {
			_, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(context.Background())
			require.NoError(d.t, err)
		},
	}
}

// TestCrash_BetweenEveryTwoSteps kills each change at each of its steps and lets each kind of rescuer come: the retry,
// another writer of a server concerned, or the sweep. Whatever happens there is one license for the key.
func TestCrash_BetweenEveryTwoSteps(t *testing.T) {
	for _, c := range changes() {
		for name, rescue := range rescuers() {
			for _, after := range []bool{false, true} {
				for dieAt := 1; ; dieAt++ {
					finished := false
					t.Run(fmt.Sprintf("%s, %s, step %d, after %v", c.name, name, dieAt, after), func(t *testing.T) {
						finished = crashOnce(t, c, dieAt, after, rescue)
					})
					if finished {
						require.Greater(t, dieAt, 9, "a change has at least nine steps")
						break
					}
				}
			}
		}
	}
}

// crashOnce reports whether the process lived to its end, because it has fewer steps than dieAt.
func crashOnce(t *testing.T, c change, dieAt int, after bool, rescue func(*desk, change, license.License)) bool {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	before := d.signer.Calls()
	process := &licensetest.Mortal{Store: d.store, Signer: d.signer, DieAt: dieAt, After: after}
	first, err := c.do(d.issuerWith(process, process), "change", old, old.Version)
	if !process.Dead() {
		require.NoError(t, err)
	}
	d.clock.Advance(6 * time.Second)
	rescue(d, c, old)

	out, err := c.do(d.issuer, "change", old, old.Version)
	require.NoError(t, err)
	made := read(t, out)
	if first.Body != nil {
		require.Equal(t, string(first.Body), string(out.Body))
	}
	require.Equal(t, c.to, made.ServerToken)
	require.EqualValues(t, old.ID, made.Supersedes)
	require.Equal(t, license.Active, d.record(made.ID).Status)
	require.Equal(t, c.leaves, d.record(old.ID).Status)
	require.EqualValues(t, made.ID, d.record(old.ID).SupersededBy)
	require.LessOrEqual(t, d.signer.Calls()-before, 2, "a crash costs one signature")
	require.LessOrEqual(t, d.signer.Calls()-before, d.record(made.ID).Attempts, "one call a lease")
	requireWhole(t, d, licensetest.Token)
	requireWhole(t, d, otherToken)
	return !process.Dead()
}

// TestVoid_OfEachChangeLosesNothing gives each change up because the key is refused for 15 minutes: the old license stays
// what it was, and both servers are free for the next try.
func TestVoid_OfEachChangeLosesNothing(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			old := d.sold(licensetest.Subscription())
			enable := d.disable(license.SoldKey)
			_, err := c.do(d.issuer, "change", old, old.Version)
			requireCode(t, license.Unavailable, err)
			sweeper := protocol.NewSweeper(d.issuer.Writer(), d.store)
			for range 16 {
				d.clock.Advance(time.Minute)
				_, err := sweeper.Sweep(context.Background())
				require.NoError(t, err)
			}
			_, err = c.do(d.issuer, "change", old, old.Version)
			requireCode(t, license.IssueVoided, err)
			requireWhole(t, d, licensetest.Token)
			requireWhole(t, d, otherToken)
			require.Equal(t, license.Active, d.record(old.ID).Status)
			server, err := d.store.Server(context.Background(), licensetest.Token)
			require.NoError(t, err)
			require.Equal(t, old.ID, server.Base.Current, "the old license is not lost")

			enable()
			again, err := c.do(d.issuer, "again", old, 2)
			require.NoError(t, err)
			require.Equal(t, license.Active, d.record(d.must(again, err).ID).Status)
			require.Equal(t, c.leaves, d.record(old.ID).Status)
			requireWhole(t, d, licensetest.Token)
			requireWhole(t, d, otherToken)
		})
	}
}

// TestRevoke_VoidsEachPendingChange revokes the old license while a change of it cannot be signed.
func TestRevoke_VoidsEachPendingChange(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			old := d.sold(licensetest.Subscription())
			enable := d.disable(license.SoldKey)
			_, err := c.do(d.issuer, "change", old, old.Version)
			requireCode(t, license.Unavailable, err)
			_, err = d.revoke(licensetest.AdminCaller, "revoke", old, 2)
			require.NoError(t, err)
			enable()
			_, err = c.do(d.issuer, "change", old, old.Version)
			requireCode(t, license.IssueVoided, err)
			require.Equal(t, license.Revoked, d.record(old.ID).Status)
			requireWhole(t, d, licensetest.Token)
			requireWhole(t, d, otherToken)
			q := licensetest.Subscription()
			q.ServerToken = string(c.to)
			require.Equal(t, license.Active, d.sold(q).Status, "the slot is free")
		})
	}
}

// TestChanges_64OfTwoKindsOneWins has every pair of changes of one license at once.
func TestChanges_64OfTwoKindsOneWins(t *testing.T) {
	all := changes()
	for n, a := range all {
		for _, b := range all[n+1:] {
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				d := newDesk(t)
				old := d.sold(licensetest.Subscription())
				results := make(chan error, 128)
				for k := range 64 {
					for _, c := range []change{a, b} {
						go func() {
							_, err := c.do(d.issuer, fmt.Sprint(c.name, k), old, old.Version)
							results <- err
						}()
					}
				}
				won := 0
				for range 128 {
					if err := <-results; err == nil {
						won++
					} else {
						requireCode(t, license.VersionConflict, err)
					}
				}
				require.Equal(t, 1, won)
				requireWhole(t, d, licensetest.Token)
				requireWhole(t, d, otherToken)
			})
		}
	}
}

// requireWhole asserts what always holds for a server once nothing is pending: numbers without gaps, one current
// license a slot, and a chain whose every link holds.
func requireWhole(t *testing.T, d *desk, token license.ServerToken) {
	t.Helper()
	ctx := context.Background()
	server, err := d.store.Server(ctx, token)
	require.NoError(t, err)
	require.Empty(t, server.Base.Busy())
	require.Empty(t, server.Temporary.Busy())
	all, err := d.store.ByServer(ctx, token, 1<<30, 1000)
	require.NoError(t, err)
	require.Len(t, all, server.Sequence)
	active := map[license.Slot]int{}
	for n, l := range all {
		require.Equal(t, server.Sequence-n, l.Sequence)
		if l.Status == license.Active {
			active[l.Type.Slot()]++
			require.Equal(t, l.ID, server.Slot(l.Type.Slot()).Current)
		}
	}
	require.LessOrEqual(t, active[license.BaseSlot], 1)
	require.LessOrEqual(t, active[license.TemporarySlot], 1)
	previous := ""
	for n, entry := range d.store.Audit(token) {
		var text struct {
			Number   int
			Previous string
		}
		require.NoError(t, json.Unmarshal(entry.Text, &text))
		require.Equal(t, n+1, text.Number)
		require.Equal(t, previous, text.Previous)
		sum := sha256.Sum256(entry.Text)
		previous = hex.EncodeToString(sum[:])
		require.Equal(t, previous, entry.Hash)
	}
	require.Equal(t, previous, server.ChainHash)
	require.Len(t, d.store.Audit(token), server.ChainLength)
}

func TestSweep_VoidsAfterFifteenMinutesOfRefusals(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	enable := d.disable(license.SoldKey)
	call := licensetest.Call(licensetest.AccountingCaller, "refused")
	_, err := d.issuer.Sold(ctx, call, licensetest.Subscription())
	refusal := requireCode(t, license.Unavailable, err)
	require.Contains(t, refusal.Detail, "signing key")
	require.Equal(t, time.Minute, refusal.RetryAfter)

	emergency := licensetest.Trial()
	emergency.Purpose, emergency.Modules = license.Emergency, licensetest.Subscription().Modules
	out, err := d.issuer.Temporary(ctx, licensetest.Call(licensetest.SupportCaller, "bridge"), emergency)
	require.NoError(t, err, "the temporary slot is not blocked")
	require.Equal(t, 2, read(t, out).Sequence)

	sweeper := protocol.NewSweeper(d.issuer.Writer(), d.store)
	for minute := 1; minute < 15; minute++ {
		d.clock.Advance(time.Minute)
		report, err := sweeper.Sweep(ctx)
		require.NoError(t, err)
		require.Equal(t, protocol.SweepReport{Waiting: 1, OldestPendingSeconds: 60 * minute}, report, "minute %d", minute)
	}
	d.clock.Advance(time.Minute)
	report, err := sweeper.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Voided: 1}, report)
	_, err = d.issuer.Sold(ctx, call, licensetest.Subscription())
	requireCode(t, license.IssueVoided, err)

	enable()
	again := d.sold(licensetest.Subscription())
	require.Equal(t, 3, again.Sequence, "the void number stays used")
	requireWhole(t, d, licensetest.Token)
}

func TestSweep_FinishesWhatACallerLeft(t *testing.T) {
	d := newDesk(t)
	enable := d.disable(license.SoldKey)
	call := licensetest.Call(licensetest.AccountingCaller, "k")
	_, err := d.issuer.Sold(context.Background(), call, licensetest.Subscription())
	requireCode(t, license.Unavailable, err)
	enable()
	sweeper := protocol.NewSweeper(d.issuer.Writer(), d.store)
	report, err := sweeper.Sweep(context.Background())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{}, report, "the lease is not over")
	d.clock.Advance(6 * time.Second)
	report, err = sweeper.Sweep(context.Background())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Finished: 1}, report)
	out, err := d.issuer.Sold(context.Background(), call, licensetest.Subscription())
	require.NoError(t, err)
	require.True(t, out.Replayed)
	requireWhole(t, d, licensetest.Token)
}

func TestSweep_VoidsWhatWouldAlreadyHaveExpired(t *testing.T) {
	d := newDesk(t)
	enable := d.disable(license.TemporaryKey)
	_, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SalesCaller, "k"), licensetest.Trial())
	requireCode(t, license.Unavailable, err)
	enable()
	d.clock.Advance(40 * 24 * time.Hour)
	calls := d.signer.Calls()
	report, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(context.Background())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Voided: 1}, report)
	require.Equal(t, calls, d.signer.Calls(), "nothing is signed")
	requireWhole(t, d, licensetest.Token)
}

func TestActivate_ATemporaryLicenseOvertakenByABaseIsSuperseded(t *testing.T) {
	d := newDesk(t)
	enable := d.disable(license.TemporaryKey)
	call := licensetest.Call(licensetest.SalesCaller, "k")
	_, err := d.issuer.Temporary(context.Background(), call, licensetest.Trial())
	requireCode(t, license.Unavailable, err)
	base := d.sold(licensetest.Subscription())
	enable()
	d.clock.Advance(6 * time.Second)
	out, err := d.issuer.Temporary(context.Background(), call, licensetest.Trial())
	require.NoError(t, err)
	trial := read(t, out)
	require.Equal(t, license.Superseded, trial.Status)
	require.EqualValues(t, base.ID, trial.SupersededBy)
	requireWhole(t, d, licensetest.Token)
}

func TestDeadline_AnswersUnavailableInTime(t *testing.T) {
	d := newDesk(t)
	process := &licensetest.Mortal{Store: d.store, Signer: d.signer, DieAt: 5} // Server, Idempotency, Count, Commit, Sign
	call := licensetest.Call(licensetest.AccountingCaller, "k")
	_, err := d.issuerWith(process, process).Sold(context.Background(), call, licensetest.Subscription())
	require.ErrorIs(t, err, licensetest.ErrDead)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err = d.issuer.Sold(ctx, call, licensetest.Subscription()) // the dead process holds the lease
	refusal := requireCode(t, license.Unavailable, err)
	require.Positive(t, refusal.RetryAfter)
	require.NoError(t, ctx.Err(), "answered before the deadline")
}

func TestVoid_LeavesNoWordOfTheChangeOnTheLicense(t *testing.T) {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	issued := d.record(old.ID).LastChange
	enable := d.disable(license.SoldKey)
	_, err := d.renew(old, issuing.RenewalRequest{})
	requireCode(t, license.Unavailable, err)
	require.Equal(t, "renewed", d.record(old.ID).LastChange.What, "while it is pending a version conflict says who and what")
	void(d)
	enable()
	is := d.record(old.ID)
	require.Equal(t, issued, is.LastChange)
	require.Equal(t, 2, is.Version)
	_, err = d.renew(old, issuing.RenewalRequest{IfMatch: 2})
	require.NoError(t, err)
	requireWhole(t, d, licensetest.Token)
}
