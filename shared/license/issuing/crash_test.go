package issuing_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

var errDead = errors.New("the process is dead")

// mortal is a process that dies at its n-th step, before the step takes effect or after it with the reply lost.
type mortal struct {
	ledger.Store
	signer protocol.Signer
	dieAt  int
	after  bool
	steps  int
	dead   bool
}

// step runs one step of a process unless it is dead.
func step[T any](m *mortal, do func() (T, error)) (T, error) {
	var none T
	if m.dead {
		return none, errDead
	}
	if m.steps++; m.steps != m.dieAt {
		return do()
	}
	m.dead = true
	if m.after {
		do()
	}
	return none, errDead
}

func (m *mortal) Server(ctx context.Context, token license.ServerToken) (ledger.Server, error) {
	return step(m, func() (ledger.Server, error) { return m.Store.Server(ctx, token) })
}

func (m *mortal) Record(ctx context.Context, id string) (ledger.Record, error) {
	return step(m, func() (ledger.Record, error) { return m.Store.Record(ctx, id) })
}

func (m *mortal) Idempotency(ctx context.Context, key string) (ledger.IdempotencyRecord, bool, error) {
	if m.dead {
		return ledger.IdempotencyRecord{}, false, errDead
	}
	return m.Store.Idempotency(ctx, key)
}

func (m *mortal) Commit(ctx context.Context, c ledger.Commit) error {
	_, err := step(m, func() (struct{}, error) { return struct{}{}, m.Store.Commit(ctx, c) })
	return err
}

func (m *mortal) Touch(ctx context.Context, id string, t ledger.Touch) (ledger.Record, error) {
	return step(m, func() (ledger.Record, error) { return m.Store.Touch(ctx, id, t) })
}

func (m *mortal) Sign(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
	return step(m, func() (protocol.Signature, error) { return m.signer.Sign(ctx, p) })
}

// TestCrash_BetweenEveryTwoSteps kills a renewal at each of its steps and lets each kind of rescuer come: the retry,
// another writer of the same server, or the sweep. Whatever happens there is one license for the key.
func TestCrash_BetweenEveryTwoSteps(t *testing.T) {
	rescuers := map[string]func(d *desk, old license.License){
		"the retry": func(*desk, license.License) {},
		"another writer": func(d *desk, old license.License) {
			q := licensetest.Subscription()
			_, err := d.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "other"), q)
			requireCode(d.t, license.BaseLicenseExists, err)
		},
		"the sweep": func(d *desk, _ license.License) {
			_, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(context.Background())
			require.NoError(d.t, err)
		},
	}
	for name, rescue := range rescuers {
		for _, after := range []bool{false, true} {
			for dieAt := 1; ; dieAt++ {
				finished := false
				t.Run(fmt.Sprintf("%s, step %d, after %v", name, dieAt, after), func(t *testing.T) {
					finished = crashOnce(t, dieAt, after, rescue)
				})
				if finished {
					require.Greater(t, dieAt, 8, "a renewal has at least eight steps")
					break
				}
			}
		}
	}
}

// crashOnce reports whether the process lived to its end, because it has fewer steps than dieAt.
func crashOnce(t *testing.T, dieAt int, after bool, rescue func(*desk, license.License)) bool {
	d := newDesk(t)
	old := d.sold(licensetest.Subscription())
	before := d.signer.Calls()
	process := &mortal{Store: d.store, signer: d.signer, dieAt: dieAt, after: after}
	call := licensetest.Call(licensetest.AccountingCaller, "renewal")
	q := issuing.RenewalRequest{ID: old.ID, Contract: "C-2041", TermMonths: 12, IfMatch: old.Version}
	first, err := d.issuerWith(process, process).Renew(context.Background(), call, q)
	if !process.dead {
		require.NoError(t, err)
	}
	d.clock.Advance(6 * time.Second)
	rescue(d, old)

	out, err := d.issuer.Renew(context.Background(), call, q)
	require.NoError(t, err)
	renewed := read(t, out)
	if first.Body != nil {
		require.Equal(t, string(first.Body), string(out.Body))
	}
	require.Equal(t, 2, renewed.Sequence)
	require.Equal(t, license.Active, d.record(renewed.ID).Status)
	require.EqualValues(t, renewed.ID, d.record(old.ID).SupersededBy)
	require.LessOrEqual(t, d.signer.Calls()-before, 2, "a crash costs one signature")
	require.LessOrEqual(t, d.signer.Calls()-before, d.record(renewed.ID).Attempts, "one call a lease")
	requireWhole(t, d, licensetest.Token)
	return !process.dead
}

// requireWhole asserts what always holds for a server once nothing is pending: numbers without gaps, one current
// license a slot, and a chain whose every link holds.
func requireWhole(t *testing.T, d *desk, token license.ServerToken) {
	t.Helper()
	ctx := context.Background()
	server, err := d.store.Server(ctx, token)
	require.NoError(t, err)
	require.Empty(t, server.Base.Pending)
	require.Empty(t, server.Base.Moving)
	require.Empty(t, server.Temporary.Pending)
	all, err := d.store.ByServer(ctx, token, 1<<30, 1000)
	require.NoError(t, err)
	require.Len(t, all, server.Sequence)
	active := map[license.Slot]int{}
	for n, l := range all {
		require.Equal(t, server.Sequence-n, l.Sequence)
		if l.Status == license.Active {
			active[l.Type.Slot()]++
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
	process := &mortal{Store: d.store, signer: d.signer, dieAt: 3} // Server, Commit, Sign
	call := licensetest.Call(licensetest.AccountingCaller, "k")
	_, err := d.issuerWith(process, process).Sold(context.Background(), call, licensetest.Subscription())
	require.ErrorIs(t, err, errDead)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err = d.issuer.Sold(ctx, call, licensetest.Subscription()) // the dead process holds the lease
	refusal := requireCode(t, license.Unavailable, err)
	require.Positive(t, refusal.RetryAfter)
	require.NoError(t, ctx.Err(), "answered before the deadline")
}
