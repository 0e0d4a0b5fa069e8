package desk_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

func (o *bureau) grantDays(days int) (desk.Exception, error) {
	return o.grant(desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Days: days})
}

// listed are the exceptions in a state, by id.
func (o *bureau) listed(state desk.State) map[string]desk.Exception {
	o.t.Helper()
	page, err := o.exceptions.Exceptions(ctx, admin, state, "", 100)
	require.NoError(o.t, err)
	byID := map[string]desk.Exception{}
	for _, e := range page.Items {
		byID[e.ID] = e
	}
	return byID
}

func TestGrant_WithMoreDaysTakesThePlaceOfTheOpenOne(t *testing.T) {
	o := newBureau(t)
	first, err := o.grantDays(0)
	require.NoError(t, err)
	o.clock.Advance(time.Hour)
	second, err := o.grantDays(20)
	require.NoError(t, err)
	require.EqualValues(t, first.ID, second.Replaces)
	require.Equal(t, o.clock.Now().AddDate(0, 0, 14), second.ExpiresAt, "its time begins anew")
	asked, err := o.ask(sales, trialWish())
	require.NoError(t, err)
	third, err := o.grant(desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Days: 45, RequestID: asked.ID})
	require.NoError(t, err)

	replaced := o.listed(desk.Replaced)
	require.Len(t, replaced, 2)
	want, at := first, o.clock.Now()
	want.State, want.Version, want.ReplacedBy, want.ReplacedAt = desk.Replaced, 2, license.Optional(second.ID), &at
	require.Equal(t, want, replaced[first.ID])
	require.EqualValues(t, third.ID, replaced[second.ID].ReplacedBy)
	require.Equal(t, map[string]desk.Exception{third.ID: third}, o.listed(desk.Granted))

	last := o.entries(licensetest.Token)[3]
	require.Equal(t, third.ID, last.Document.ID)
	changed := map[string]string{}
	for _, d := range last.Others {
		changed[d.ID] = d.State
	}
	require.Equal(t, "replaced", changed[second.ID], "the chain can make it again")
	require.Equal(t, "granted", changed[asked.ID])

	decision := &protocol.Decision{}
	subject := desk.Subject{ServerToken: licensetest.Token}
	taken, _, err := desk.TakeException(ctx, o.store, decision, subject, license.TrialLimit, 0, false, sales, o.clock.Now())
	require.NoError(t, err)
	require.True(t, taken)
	require.Equal(t, []string{third.ID}, decision.Record.Uses, "never one whose place was taken")
}

func TestGrant_WithAsManyDaysOrFewerIsRefused(t *testing.T) {
	o := newBureau(t)
	const granted = "admin granted this exception on 23 Nov 2026, 09:00 UTC; it is not used yet, and open until 7 Dec 2026, 09:00 UTC. "
	open, err := o.grantDays(0)
	require.NoError(t, err)
	_, err = o.grantDays(0)
	refusal := requireCode(t, license.ExceptionExists, err)
	require.Equal(t, granted+"It says no days, so it allows the next license with the days of its purpose: issue that. One with days would take its place.", refusal.Detail)
	require.NotContains(t, refusal.Params, "days")
	require.Equal(t, open.ID, refusal.Params["exceptionId"])
	open, err = o.grantDays(45)
	require.NoError(t, err)
	for _, days := range []int{45, 44, 1, 0} {
		_, err = o.grantDays(days)
		refusal = requireCode(t, license.ExceptionExists, err)
		require.Equal(t, granted+"It allows the next license, for up to 45 days: issue that. One with more days would take its place.", refusal.Detail)
		require.Equal(t, 45, refusal.Params["days"])
		require.Equal(t, open.ID, refusal.Params["exceptionId"])
	}
	require.Len(t, o.entries(licensetest.Token), 2)

	sold, err := o.issuer.Sold(ctx, o.call(accounting), licensetest.Subscription())
	require.NoError(t, err)
	rehost := desk.GrantRequest{LineageID: sold.LicenseID, Rule: "rehost_limit"}
	_, err = o.grant(rehost)
	require.NoError(t, err)
	_, err = o.grant(rehost)
	require.Contains(t, requireCode(t, license.ExceptionExists, err).Detail, "It allows the next re-host: do that.")
}

func TestGrant_OneThatIsOverIsNotReplaced(t *testing.T) {
	o := newBureau(t)
	first, err := o.grantDays(20)
	require.NoError(t, err)
	o.clock.Advance(14 * 24 * time.Hour)
	second, err := o.grantDays(45)
	require.NoError(t, err)
	require.Empty(t, second.Replaces)
	require.Equal(t, desk.Expired, o.listed(desk.Granted)[first.ID].State)
}

// Of many at once with different days the longest is open at the end, and each that is not was replaced by a longer one.
func TestGrant_ManyAtOnceEndWithTheLongest(t *testing.T) {
	o := newBureau(t)
	var all sync.WaitGroup
	errs := make([]error, 24)
	for n := range errs {
		call := o.call(admin)
		all.Go(func() {
			_, errs[n] = o.exceptions.Grant(ctx, call, desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Reason: "r", Days: 31 + n%12})
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
	require.Len(t, o.entries(licensetest.Token), granted)
	open, replaced := o.listed(desk.Granted), o.listed(desk.Replaced)
	require.Len(t, open, 1)
	require.Len(t, replaced, granted-1)
	var at desk.Exception
	for _, at = range open {
		require.Equal(t, 42, at.Days)
	}
	for range replaced {
		before, known := replaced[string(at.Replaces)]
		require.True(t, known)
		require.EqualValues(t, at.ID, before.ReplacedBy)
		require.Less(t, before.Days, at.Days)
		at = before
	}
	require.Empty(t, at.Replaces)
}

// While licenses are issued that need an exception, ones with more days are granted: each allows one license or is replaced,
// and none both.
func TestGrant_WithMoreDaysWhileLicensesTakeThem(t *testing.T) {
	o := newBureau(t)
	for range 2 {
		_, err := o.issuer.Temporary(ctx, o.call(sales), licensetest.Trial())
		require.NoError(t, err)
	}
	_, err := o.grantDays(31)
	require.NoError(t, err)
	var all sync.WaitGroup
	used, granted := make([]error, 12), make([]error, 12)
	for n := range used {
		issue, grant := o.call(sales), o.call(admin)
		all.Go(func() {
			q := licensetest.Trial()
			q.Days = 31
			used[n] = untilClear(func() error { return second(o.issuer.Temporary(ctx, issue, q)) })
		})
		all.Go(func() { // it waits for a license that may still give an exception back
			q := desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Reason: "r", Days: 32 + n}
			granted[n] = untilClear(func() error { return second(o.exceptions.Grant(ctx, grant, q)) })
		})
	}
	all.Wait()
	for _, err := range slices.Concat(used, granted) {
		if err != nil {
			refusal := new(license.Error)
			require.ErrorAs(t, err, &refusal)
			require.Contains(t, []license.Code{license.TrialLimit, license.TemporaryLimit, license.ExceptionExists}, refusal.Code, refusal.Detail)
		}
	}
	made := 1 // before
	for _, err := range granted {
		if err == nil {
			made++
		}
	}
	taken := o.listed(desk.Used)
	require.Equal(t, made, len(taken)+len(o.listed(desk.Replaced))+len(o.listed(desk.Granted)))
	for id, e := range taken {
		require.Empty(t, e.ReplacedBy)
		r, err := o.store.Record(ctx, string(e.LicenseID))
		require.NoError(t, err)
		require.Equal(t, []string{id}, r.Uses)
	}
	for _, e := range o.listed(desk.Replaced) {
		require.Empty(t, e.LicenseID)
	}
}

// untilClear sends a write by its key until it is done or refused for good.
func untilClear(send func() error) error {
	for {
		err := send()
		if refusal := new(license.Error); !errors.As(err, &refusal) || refusal.Code != license.Unavailable {
			return err
		}
	}
}
