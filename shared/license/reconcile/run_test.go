package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/reconcile"
	"qmslicensing/shared/memstore"
)

func TestSignatures_HealthyDaysGiveNoFinding(t *testing.T) {
	w := newWorld(t)
	// around midnight, with a license that is signed a day after its intent, and runs at every hour of the day
	w.clock.Set(time.Date(2026, 11, 23, 23, 59, 58, 0, time.UTC))
	for hour := range 60 {
		q := licensetest.Subscription()
		q.ServerToken = fmt.Sprintf("QMSA-HOURLY-%04d", hour)
		w.read(w.issuer.Sold(context.Background(), w.call(licensetest.AccountingCaller), q))
		w.clock.Advance(time.Hour - 2*time.Second)
		_, found := w.run()
		require.Empty(t, found, w.clock.Now())
	}
}

func TestSignatures_AreComparedFromWhereTheLastRunStopped(t *testing.T) {
	w := newWorld(t)
	w.run()
	w.counter.count(w.clock.Now().Add(time.Minute)) // today, not over yet
	_, found := w.run()
	require.Empty(t, found, "a day that is not over is not compared")
	w.clock.Advance(5 * 24 * time.Hour) // nobody has run it for days
	_, found = w.run()
	require.Equal(t, []reconcile.Code{reconcile.SignaturesUncounted}, codes(found))
	require.Contains(t, found[0].Detail, "From 23 Nov 2026, 00:00 UTC until 28 Nov 2026, 00:00 UTC AWS has counted 1 signatures, and the licenses account for 0.")
	w.clock.Advance(24 * time.Hour)
	_, found = w.run()
	require.Empty(t, found, "the next run compares the next day")
}

func TestStart_GoesOnWhereTheTimeWasUp(t *testing.T) {
	w := newWorld(t)
	for n := range 30 {
		q := licensetest.Subscription()
		q.ServerToken = fmt.Sprintf("QMSA-MANY-%04d", n)
		w.read(w.issuer.Sold(context.Background(), w.call(licensetest.AccountingCaller), q))
	}
	slow := &slowStore{Store: w.store}
	runner := reconcile.New(slow, keyring.New(w.store, w.clock.Now), w.counter, w.clock.Now)
	var first, last struct{ Run reconcile.Run }
	for calls := 1; ; calls++ {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second+80*time.Millisecond)
		call := w.call(licensetest.AdminCaller)
		out, err := runner.Start(ctx, call)
		cancel()
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(out.Body, &last))
		if calls == 1 {
			first = last
			require.Equal(t, reconcile.Running, first.Run.State)
			again, err := runner.Start(context.Background(), call)
			require.NoError(t, err)
			require.True(t, again.Replayed)
			require.Equal(t, string(out.Body), string(again.Body), "a repetition has the same answer, however far it is now")
		}
		require.Equal(t, first.Run.ID, last.Run.ID)
		if last.Run.State == reconcile.Done {
			require.Greater(t, calls, 1)
			break
		}
	}
	require.Equal(t, 30, last.Run.Checked.Licenses)
	require.Equal(t, 30, last.Run.Checked.Servers)
	require.Zero(t, last.Run.Findings)
}

// slowStore takes its time for a page.
type slowStore struct{ *memstore.Store }

func (s *slowStore) Scan(ctx context.Context, after string, limit int) (ledger.Batch, error) {
	time.Sleep(50 * time.Millisecond)
	return s.Store.Scan(ctx, after, limit)
}

func TestTick_RunsOnceADayAndFinishesWhatIsNotDone(t *testing.T) {
	w := newWorld(t)
	w.live()
	runs := map[string]bool{}
	for hour := range 48 {
		run, err := w.runner.Tick(context.Background())
		require.NoError(t, err)
		if run != nil {
			runs[run.ID] = true
			require.Equal(t, "schedule", run.StartedBy)
			require.True(t, hour == 0 || w.clock.Now().Hour() == 3, w.clock.Now())
		}
		w.clock.Set(w.clock.Now().Truncate(time.Hour).Add(time.Hour))
	}
	require.Len(t, runs, 3, "at once, since none has ever run; then at 03:00 on each day")
}

func TestTick_AFailureIsMadeGoodAtTheNext(t *testing.T) {
	w := newWorld(t)
	w.live()
	failing := reconcile.New(w.store, keyring.New(w.store, w.clock.Now), failingCounter{}, w.clock.Now)
	_, err := failing.Tick(context.Background())
	require.ErrorIs(t, err, errCount)
	run, err := w.runner.Tick(context.Background())
	require.NoError(t, err)
	require.Equal(t, reconcile.Done, run.State)
	require.Zero(t, run.Findings)
}

var errCount = errors.New("CloudWatch does not answer")

type failingCounter struct{}

func (failingCounter) Signatures(context.Context, time.Time, time.Time) (int, error) {
	return 0, errCount
}

func TestStart_TwoAtOnceWorkOnOneRun(t *testing.T) {
	w := newWorld(t)
	w.live()
	w.run() // so that the pointer is there
	w.store.Tamper(func(t *memstore.Tables) {
		for n := range 200 {
			key := fmt.Sprint("x", n)
			t.Idempotency[key] = ledger.IdempotencyRecord{Key: key, LicenseID: key}
		}
	})
	var both sync.WaitGroup
	calls := []func(){}
	for range 4 {
		call := w.call(licensetest.AdminCaller)
		calls = append(calls, func() {
			if _, err := w.runner.Start(context.Background(), call); err != nil {
				t.Error(err)
			}
		})
	}
	for _, call := range calls {
		both.Go(call)
	}
	both.Wait()
	page, err := w.runner.Findings(context.Background(), licensetest.AdminCaller, "", "", 100)
	require.NoError(t, err)
	require.Equal(t, reconcile.Done, page.Run.State)
	require.Equal(t, 200, page.Run.Findings, "each is found once")
	require.Len(t, page.Findings, 100)
}

// A run beside writers finds nothing: what it reads of one server is of one moment.
func TestRun_BesideWritersFindsNothing(t *testing.T) {
	w := newWorld(t)
	var writers sync.WaitGroup
	var writing atomic.Int32
	writing.Store(3)
	for n := range 3 {
		writers.Go(func() {
			defer writing.Add(-1)
			q := licensetest.Subscription()
			q.ServerToken = fmt.Sprintf("QMSA-BUSY-%04d", n)
			out, err := w.issuer.Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, fmt.Sprint("busy-", n)), q)
			for m := range 60 { // bounded: what a run reads grows with it
				var answer struct{ License license.License }
				if err == nil {
					err = json.Unmarshal(out.Body, &answer)
				}
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(2 * time.Millisecond)
				out, err = w.issuer.Renew(context.Background(), licensetest.Call(licensetest.AccountingCaller, fmt.Sprint("busy-", n, "-", m)),
					issuing.RenewalRequest{ID: answer.License.ID, Contract: "C-1", ExpiresOn: answer.License.ExpiresOn.AddDays(1), IfMatch: 1})
			}
		})
	}
	runs := 0
	for ; writing.Load() > 0; runs++ {
		_, found := w.run()
		require.Empty(t, found)
	}
	writers.Wait()
	require.Greater(t, runs, 1)
}

func TestFindings_RefusalsAndPages(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	page, err := w.runner.Findings(ctx, licensetest.AdminCaller, "", "", 10)
	require.NoError(t, err)
	require.Nil(t, page.Run, "there was no run yet")
	w.store.Tamper(func(t *memstore.Tables) {
		for n := range 120 {
			key := fmt.Sprint("x", n)
			t.Idempotency[key] = ledger.IdempotencyRecord{Key: key, LicenseID: key}
		}
	})
	_, err = w.runner.Start(ctx, w.call(licensetest.AdminCaller))
	require.NoError(t, err)
	seen, cursor := map[string]bool{}, ""
	for {
		page, err := w.runner.Findings(ctx, licensetest.AdminCaller, "", cursor, 50)
		require.NoError(t, err)
		require.Equal(t, 120, page.Run.Findings)
		for _, f := range page.Findings {
			seen[f.Detail] = true
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Len(t, seen, 120)
	for _, c := range []struct {
		caller      license.Caller
		run, cursor string
		code        license.Code
	}{
		{licensetest.SalesCaller, "", "", license.Forbidden},
		{licensetest.AccountingCaller, "", "", license.Forbidden},
		{licensetest.AdminCaller, "x", "", license.InvalidRequest},
		{licensetest.AdminCaller, "00000000000000000000000000000000", "", license.InvalidRequest},
		{licensetest.AdminCaller, "", "x", license.InvalidRequest},
	} {
		_, err := w.runner.Findings(ctx, c.caller, c.run, c.cursor, 10)
		var refusal *license.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, c.code, refusal.Code)
	}
	_, err = w.runner.Start(ctx, w.call(licensetest.SupportCaller))
	require.Error(t, err)
}
