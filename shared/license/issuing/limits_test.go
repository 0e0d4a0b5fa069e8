package issuing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	exceptions "qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// lend issues an emergency license of a number of days.
func (d *desk) lend(key string, days int) (protocol.Outcome, error) {
	return emergencyBy(d.issuer, key, days)
}

func emergencyBy(issuer *issuing.Issuer, key string, days int) (protocol.Outcome, error) {
	q := licensetest.Trial()
	q.Purpose, q.Days = license.Emergency, days
	return issuer.Temporary(context.Background(), licensetest.Call(licensetest.SupportCaller, key), q)
}

// grant grants an exception from a rule for the server of the tests, and returns its id.
func (d *desk) grant(rule license.Code) string { return d.grantDays(rule, 0) }

// grantDays grants one that also allows a license of a number of days.
func (d *desk) grantDays(rule license.Code, days int) string {
	d.t.Helper()
	out, err := d.exceptions().Grant(context.Background(), licensetest.Call(licensetest.AdminCaller, d.key()),
		exceptions.GrantRequest{ServerToken: string(licensetest.Token), Rule: string(rule), Reason: "agreed", Days: days})
	require.NoError(d.t, err)
	var a struct{ Exception exceptions.Exception }
	require.NoError(d.t, json.Unmarshal(out.Body, &a))
	return a.Exception.ID
}

func (d *desk) exceptions() *exceptions.Exceptions {
	d.t.Helper()
	desk, err := exceptions.NewExceptions(d.store, 14, []string{"secret"}, d.clock.Now)
	require.NoError(d.t, err)
	return desk
}

// exception reads an exception by its id.
func (d *desk) exception(id string) (e exceptions.Exception) {
	d.t.Helper()
	doc, found, err := d.store.Document(context.Background(), "exception", id)
	require.NoError(d.t, err)
	require.True(d.t, found)
	require.NoError(d.t, json.Unmarshal(doc.Body, &e.Grant))
	e.State, e.Version = exceptions.State(doc.State), doc.Version
	return e
}

// fillServer issues the three temporary licenses that a server gets.
func (d *desk) fillServer() {
	d.t.Helper()
	for range 3 {
		d.must(d.lend(d.key(), 5))
	}
	_, err := d.lend(d.key(), 5)
	requireCode(d.t, license.TemporaryLimit, err)
}

func TestLimit_ThreeTemporaryLicensesUntilTheWindowHasMoved(t *testing.T) {
	d := newDesk(t)
	first := d.must(d.lend(d.key(), 5))
	d.clock.Advance(24 * time.Hour)
	d.must(d.lend(d.key(), 5))
	d.must(d.lend(d.key(), 5))
	_, err := d.lend(d.key(), 5)
	refusal := requireCode(t, license.TemporaryLimit, err)
	require.Equal(t, first.ID, refusal.Params["issued"].([]policy.Issued)[0].LicenseID)
	possibleOn := refusal.Params["possibleOn"].(license.Date)
	require.Equal(t, first.IssuedOn.AddDays(90), possibleOn)
	midnight := time.Date(possibleOn.Year(), possibleOn.Month(), possibleOn.Day(), 0, 0, 0, 0, time.UTC)
	d.clock.Set(midnight.Add(-time.Nanosecond))
	_, err = d.lend(d.key(), 5)
	requireCode(t, license.TemporaryLimit, err)
	d.clock.Set(midnight)
	d.must(d.lend(d.key(), 5))
	requireWhole(t, d, licensetest.Token)
}

func TestLimit_WhatIsVoidedIsNotCounted(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.must(d.lend(d.key(), 5))
	d.must(d.lend(d.key(), 5))
	enable := d.disable(license.TemporaryKey)
	_, err := d.lend("given up", 5)
	requireCode(t, license.Unavailable, err)
	quota := policy.DefaultPolicy().Quota(licensetest.SupportCaller.Subject, license.Today(d.clock.Now()))
	made, err := d.store.Count(ctx, quota.Key)
	require.NoError(t, err)
	require.Equal(t, 3, made, "what is pending is counted")
	d.clock.Advance(16 * time.Minute)
	report, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, report.Voided)
	enable()
	made, err = d.store.Count(ctx, quota.Key)
	require.NoError(t, err)
	require.Equal(t, 2, made)
	d.must(d.lend(d.key(), 5))
	_, err = d.lend(d.key(), 5)
	requireCode(t, license.TemporaryLimit, err)
	_, err = d.lend("given up", 5)
	requireCode(t, license.IssueVoided, err)
}

func TestException_LiftsEveryLimitOfItsRuleForOneLicense(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	id := d.grantDays(license.TemporaryLimit, 40)
	fourth := d.must(d.lend("fourth", 40)) // too long, and one too many
	require.Equal(t, fourth.IssuedOn.AddDays(40), fourth.ExpiresOn)
	used := d.exception(id)
	require.Equal(t, exceptions.Used, used.State)
	require.EqualValues(t, fourth.ID, used.LicenseID)
	require.EqualValues(t, "support", used.UsedBy)
	require.Equal(t, d.clock.Now(), *used.UsedAt)
	require.Equal(t, []string{id}, d.record(fourth.ID).Uses)
	named := 0
	for _, entry := range d.store.Audit(licensetest.Token) {
		if entry.LicenseID == fourth.ID {
			require.Contains(t, string(entry.Text), `"exceptionIds":["`+id+`"]`)
			named++
		}
	}
	require.Equal(t, 2, named, "the intent and the issue name it")
	_, err := d.lend(d.key(), 5)
	requireCode(t, license.TemporaryLimit, err)
	again, err := d.lend("fourth", 40)
	require.NoError(t, err)
	require.True(t, again.Replayed)
	requireWhole(t, d, licensetest.Token)
}

func TestException_WithoutDaysLiftsTheCountAndNoLength(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	id := d.grant(license.TemporaryLimit)
	_, err := d.lend(d.key(), 15)
	refusal := requireCode(t, license.TemporaryLimit, err)
	require.Equal(t, "Without an exception this license runs for at most 14 days. There is an exception that admin granted on 23 Nov 2026, 09:00 UTC; it says no days, "+
		"so it lifts the number of licenses and not their length. This asks for 15. Choose 14 or fewer, or ask an admin for an exception for 15 days, which then takes its place.", refusal.Detail, "and not the number, which it lifts")
	require.Equal(t, "/days", refusal.Fields[0].Pointer)
	require.Len(t, refusal.Fields, 1)
	require.NotContains(t, refusal.Params, "issued")
	require.Equal(t, id, refusal.Params["exceptionId"])
	require.Equal(t, 0, refusal.Params["exceptionDays"])
	require.Equal(t, policy.Ask{Rule: license.TemporaryLimit, ServerToken: licensetest.Token, Days: 15}, refusal.Params["ask"])
	require.Equal(t, exceptions.Granted, d.exception(id).State, "what is refused takes nothing")
	d.must(d.lend(d.key(), 14))
	require.Equal(t, exceptions.Used, d.exception(id).State)
}

func TestException_AllowsItsDaysAndNotOneMore(t *testing.T) {
	d := newDesk(t)
	d.grantDays(license.TemporaryLimit, 20)
	_, err := d.lend(d.key(), 21)
	require.Contains(t, requireCode(t, license.TemporaryLimit, err).Detail, "; it is for up to 20 days. This asks for 21. Choose 20 or fewer, or ask an admin for an exception for 21 days,")
	d.must(d.lend(d.key(), 20))
	_, err = d.lend(d.key(), 15)
	requireCode(t, license.TemporaryLimit, err)
}

func TestException_ShorterThanThePurposeGetsNamesThePurposesDays(t *testing.T) {
	d := newDesk(t)
	d.grantDays(license.TemporaryLimit, 5)
	_, err := d.lend(d.key(), 15)
	require.Contains(t, requireCode(t, license.TemporaryLimit, err).Detail, "; it is for up to 5 days. This asks for 15. Choose 14 or fewer,")
}

// An exception for a few days is not a blank cheque for as many as the purpose gets.
func TestException_ForFewDaysAllowsNoLongerLicenseWhereTheCountIsMet(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	id := d.grantDays(license.TemporaryLimit, 5)
	_, err := d.lend(d.key(), 6)
	refusal := requireCode(t, license.TemporaryLimit, err)
	require.Contains(t, refusal.Detail, "A server gets at most 3 temporary licenses in 90 days.")
	require.Contains(t, refusal.Detail, "; it is for up to 5 days. This asks for 6. Choose 5 or fewer, or ask an admin for an exception for 6 days, which then takes its place.")
	require.NotContains(t, refusal.Detail, "If it must be")
	require.Equal(t, policy.Ask{Rule: license.TemporaryLimit, ServerToken: licensetest.Token, Days: 6}, refusal.Params["ask"])
	require.Len(t, refusal.Params["issued"], 3)
	_, err = d.lend(d.key(), 15)
	require.Contains(t, requireCode(t, license.TemporaryLimit, err).Detail, "Choose 5 or fewer,", "14 would need the exception as well")
	require.Equal(t, exceptions.Granted, d.exception(id).State)
	d.must(d.lend(d.key(), 5))
	require.Equal(t, exceptions.Used, d.exception(id).State)
}

func TestException_TooShortLeavesTheOtherRuleStanding(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	d.grantDays(license.TrialLimit, 31)
	q := licensetest.Trial()
	q.Days = 45
	_, err := d.issuer.Temporary(context.Background(), licensetest.Call(licensetest.SalesCaller, d.key()), q)
	refusal := requireCode(t, license.TrialLimit, err)
	require.Contains(t, refusal.Detail, "; it is for up to 31 days. This asks for 45.")
	require.Contains(t, refusal.Detail, "And another limit: A server gets at most 3")
	require.Equal(t, license.TemporaryLimit, refusal.Params["alsoRefused"])
}

// What a refusal for too few days says to ask for is what helps: the longer exception takes the place of the open one, and
// the license takes it.
func TestException_WithMoreDaysTakesThePlaceOfTheOneThatIsTooShort(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	short := d.grant(license.TemporaryLimit)
	_, err := d.lend(d.key(), 40)
	requireCode(t, license.TemporaryLimit, err)
	long := d.grantDays(license.TemporaryLimit, 40)
	fourth := d.must(d.lend(d.key(), 40))
	require.Equal(t, []string{long}, d.record(fourth.ID).Uses)
	require.Equal(t, exceptions.Replaced, d.exception(short).State)
	require.EqualValues(t, long, d.exception(short).ReplacedBy)
	_, err = d.lend(d.key(), 5)
	requireCode(t, license.TemporaryLimit, err)
	require.Equal(t, exceptions.Replaced, d.exception(short).State, "it is over for good")
	requireWhole(t, d, licensetest.Token)
}

func TestLimit_TwoOfOneCodeAreBothTold(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	_, err := d.lend(d.key(), 15)
	refusal := requireCode(t, license.TemporaryLimit, err)
	require.Contains(t, refusal.Detail, "runs for at most 14 days")
	require.Contains(t, refusal.Detail, "And another limit: A server gets at most 3")
	require.Len(t, refusal.Fields, 2)
	require.NotContains(t, refusal.Params, "alsoRefused", "it is the same code")
}

func TestException_NoneMakesATemporaryLicenseOfMoreThanAYear(t *testing.T) {
	d := newDesk(t)
	d.grantDays(license.TemporaryLimit, policy.MaxTemporaryDays)
	_, err := d.lend(d.key(), policy.MaxTemporaryDays+1)
	require.Equal(t, "/days", requireCode(t, license.InvalidRequest, err).Fields[0].Pointer)
	d.must(d.lend(d.key(), policy.MaxTemporaryDays))
}

func TestException_IsNotTakenWhereNoLimitStandsInTheWay(t *testing.T) {
	d := newDesk(t)
	id := d.grant(license.TemporaryLimit)
	d.must(d.lend(d.key(), 14))
	require.Equal(t, exceptions.Granted, d.exception(id).State)
}

func TestException_ExpiresAfterItsDays(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	id := d.grant(license.TemporaryLimit)
	d.clock.Advance(14 * 24 * time.Hour)
	_, err := d.lend(d.key(), 5)
	requireCode(t, license.TemporaryLimit, err)
	d.clock.Advance(-time.Nanosecond)
	d.must(d.lend(d.key(), 5))
	require.Equal(t, exceptions.Used, d.exception(id).State)
}

func TestException_TwoRulesNeedTwo(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	for range 2 {
		d.trial()
	}
	d.must(d.lend(d.key(), 5))
	issue := func() (protocol.Outcome, error) {
		return d.issuer.Temporary(ctx, licensetest.Call(licensetest.SalesCaller, d.key()), licensetest.Trial())
	}
	_, err := issue()
	refusal := requireCode(t, license.TrialLimit, err)
	require.Equal(t, license.TemporaryLimit, refusal.Params["alsoRefused"])
	require.Contains(t, refusal.Detail, "And another limit: A server gets at most 3")
	trialLimit := d.grant(license.TrialLimit)
	_, err = issue()
	requireCode(t, license.TemporaryLimit, err)
	require.Equal(t, exceptions.Granted, d.exception(trialLimit).State, "what is refused takes nothing")
	temporaryLimit := d.grant(license.TemporaryLimit)
	issued := d.must(issue())
	for _, id := range []string{trialLimit, temporaryLimit} {
		require.EqualValues(t, issued.ID, d.exception(id).LicenseID)
	}
	require.Equal(t, []string{trialLimit, temporaryLimit}, d.record(issued.ID).Uses)
}

// TestException_CrashBetweenEveryTwoSteps kills the issue that takes an exception at each of its steps, and lets it be
// finished, or given up and asked for again. The exception allows one license, neither more nor less.
func TestException_CrashBetweenEveryTwoSteps(t *testing.T) {
	for _, givenUp := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			for dieAt := 1; ; dieAt++ {
				finished := false
				t.Run(fmt.Sprintf("given up %v, step %d, after %v", givenUp, dieAt, after), func(t *testing.T) {
					finished = crashWithException(t, dieAt, after, givenUp)
				})
				if finished {
					require.Greater(t, dieAt, 7, "an issue has at least seven steps")
					break
				}
			}
		}
	}
}

// crashWithException reports whether the process lived to its end.
func crashWithException(t *testing.T, dieAt int, after, givenUp bool) bool {
	d := newDesk(t)
	d.fillServer()
	id := d.grant(license.TemporaryLimit)
	process := &licensetest.Mortal{Store: d.store, Signer: d.signer, DieAt: dieAt, After: after}
	_, err := emergencyBy(d.issuerWith(process, process), "fourth", 5)
	if !process.Dead() {
		require.NoError(t, err)
	}
	key := "fourth"
	if givenUp {
		key = d.giveUp(key)
	}
	d.clock.Advance(6 * time.Second)
	fourth := d.must(d.lend(key, 5))
	require.Equal(t, license.Active, d.record(fourth.ID).Status)
	used := d.exception(id)
	require.Equal(t, exceptions.Used, used.State)
	require.EqualValues(t, fourth.ID, used.LicenseID)
	_, err = d.lend(d.key(), 5)
	requireCode(t, license.TemporaryLimit, err)
	server, err := d.store.Server(context.Background(), licensetest.Token)
	require.NoError(t, err)
	require.Len(t, server.Temporaries, 4)
	requireWhole(t, d, licensetest.Token)
	return !process.Dead()
}

// giveUp lets the sweep give up what is pending, and returns the key to ask with again: a new one if the request of the
// given one was given up.
func (d *desk) giveUp(key string) string {
	d.t.Helper()
	enable := d.disable(license.TemporaryKey)
	defer enable()
	for range 4 {
		d.clock.Advance(6 * time.Minute)
		_, err := protocol.NewSweeper(d.issuer.Writer(), d.store).Sweep(context.Background())
		require.NoError(d.t, err)
	}
	call := licensetest.Call(licensetest.SupportCaller, key)
	earlier, found, err := d.store.Idempotency(context.Background(), protocol.Digest([]string{call.Caller.Subject, call.Method, call.Path, key}))
	require.NoError(d.t, err)
	if !found || d.record(earlier.LicenseID).Status != license.Void {
		return key
	}
	for _, returned := range d.record(earlier.LicenseID).Returns {
		require.Equal(d.t, exceptions.Granted, d.exception(returned.ID).State, "it is back")
		require.Equal(d.t, 3, d.exception(returned.ID).Version)
	}
	_, err = d.lend(key, 5)
	requireCode(d.t, license.IssueVoided, err)
	return key + ", again"
}

func TestException_NoSecondOneWhileTheFirstMayComeBack(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	id := d.grant(license.TemporaryLimit)
	enable := d.disable(license.TemporaryKey)
	_, err := d.lend("fourth", 5)
	requireCode(t, license.Unavailable, err)
	granting := d.exceptions()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err = granting.Grant(ctx, licensetest.Call(licensetest.AdminCaller, "second"),
		exceptions.GrantRequest{ServerToken: string(licensetest.Token), Rule: "temporary_limit", Reason: "hurry"})
	requireCode(t, license.Unavailable, err)
	ctx, cancel = context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err = granting.Grant(ctx, licensetest.Call(licensetest.AdminCaller, "longer"),
		exceptions.GrantRequest{ServerToken: string(licensetest.Token), Rule: "temporary_limit", Reason: "hurry", Days: 40})
	requireCode(t, license.Unavailable, err)
	require.Equal(t, exceptions.Used, d.exception(id).State, "one with more days waits, too")
	enable()
	d.clock.Advance(6 * time.Second)
	d.must(d.lend("fourth", 5))
	require.NotEqual(t, id, d.grant(license.TemporaryLimit), "it is used for good now")
}

func TestException_ThatCameBackIsReplacedLikeAnyOther(t *testing.T) {
	d := newDesk(t)
	d.fillServer()
	id := d.grant(license.TemporaryLimit)
	enable := d.disable(license.TemporaryKey)
	_, err := d.lend("fourth", 5)
	requireCode(t, license.Unavailable, err)
	enable()
	key := d.giveUp("fourth")
	require.Equal(t, exceptions.Granted, d.exception(id).State)
	long := d.grantDays(license.TemporaryLimit, 40)
	require.Equal(t, exceptions.Replaced, d.exception(id).State)
	require.Equal(t, 4, d.exception(id).Version)
	require.Empty(t, d.exception(id).LicenseID)
	require.Equal(t, []string{long}, d.record(d.must(d.lend(key, 5)).ID).Uses)
	requireWhole(t, d, licensetest.Token)
}

func TestQuota_CountsEveryLicenseOfAPersonAndDay(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	rules := policy.DefaultPolicy()
	rules.LicensesPerPersonDay = 3
	d.issuer = issuing.NewIssuer(d.store, d.signer, keyring.New(d.store, d.clock.Now), rules, d.clock.Now)
	d.clock.Set(time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC))
	sold := d.sold(licensetest.Subscription())
	renewed, err := d.renew(sold, issuing.RenewalRequest{})
	require.NoError(t, err)
	permanent := licensetest.Permanent()
	permanent.Replaces, permanent.IfMatch = renewed.ID, renewed.Version
	last := d.sold(permanent)
	other := licensetest.Subscription()
	other.ServerToken = "QMSA-ANOTHER-SERVER"
	_, err = d.issuer.Sold(ctx, licensetest.Call(licensetest.AccountingCaller, "fourth"), other)
	refusal := requireCode(t, license.QuotaExceeded, err)
	require.Equal(t, time.Hour, refusal.RetryAfter)
	require.Equal(t, 3, refusal.Params["made"])
	server, err := d.store.Server(ctx, "QMSA-ANOTHER-SERVER")
	require.NoError(t, err)
	require.Zero(t, server.ChainLength, "nothing was written")

	_, _, err = d.issuer.PreviewAmendment(ctx, licensetest.Call(licensetest.AccountingCaller, "dry"),
		issuing.AmendmentRequest{ID: last.ID, Modules: license.Modules{CallRecording: 7}, IfMatch: last.Version})
	requireCode(t, license.QuotaExceeded, err)

	colleague := licensetest.AccountingCaller
	colleague.Subject = "sub-colleague"
	d.must(d.issuer.Sold(ctx, licensetest.Call(colleague, "theirs"), other))
	d.must(d.emergencyOf(licensetest.SupportCaller, "QMSA-YET-ANOTHER"))
	_, err = d.revoke(licensetest.AccountingCaller, "revoke", last, 1)
	require.NoError(t, err, "what makes no license is not counted")
	d.clock.Advance(time.Hour)
	other.ServerToken = "QMSA-THE-NEXT-DAY"
	d.must(d.issuer.Sold(ctx, licensetest.Call(licensetest.AccountingCaller, "fourth, tomorrow"), other))
}

func (d *desk) emergencyOf(by license.Caller, token string) (protocol.Outcome, error) {
	q := licensetest.Trial()
	q.Purpose, q.ServerToken = license.Emergency, token
	return d.issuer.Temporary(context.Background(), licensetest.Call(by, d.key()), q)
}

// Every write that signs is counted in one place: no operation may go around it.
func TestQuota_NothingSignsWithoutBeingCounted(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	runs := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if n := strings.Count(string(text), "writer.Run("); n > 0 && !strings.HasSuffix(file, "_test.go") {
			runs[file] = n
		}
	}
	require.Equal(t, map[string]int{"issuing.go": 1}, runs, "call i.run instead")
}

func TestLimit_ThreeRehostsOfALineageThenAnException(t *testing.T) {
	d := newDesk(t)
	l := d.sold(licensetest.Subscription())
	for _, to := range []license.ServerToken{newToken, thirdToken, newToken} {
		d.clock.Advance(24 * time.Hour)
		l = d.rehost(l, to)
	}
	l, err := d.renew(l, issuing.RenewalRequest{}) // the lineage goes on, and so does its count
	require.NoError(t, err)
	try := func() (protocol.Outcome, error) {
		return d.tryRehost(moving(l, thirdToken, d.record(l.ID).Version))
	}
	_, err = try()
	refusal := requireCode(t, license.RehostLimit, err)
	require.Len(t, refusal.Params["issued"], 3)
	require.Equal(t, "2027-11-24", refusal.Params["possibleOn"].(license.Date).String())
	require.Equal(t, policy.Ask{Rule: license.RehostLimit, LineageID: l.LineageID}, refusal.Params["ask"])

	out, err := d.exceptions().Grant(context.Background(), licensetest.Call(licensetest.AdminCaller, d.key()),
		exceptions.GrantRequest{LineageID: l.LineageID, Rule: string(license.RehostLimit), Reason: "agreed"})
	require.NoError(t, err)
	require.Contains(t, d.events(newToken), string(ledger.EventExceptionGranted), "in the chain of the server that it is on")
	moved := d.must(try())
	require.EqualValues(t, moved.ID, d.exception(out.DocumentID).LicenseID)
	require.Equal(t, []string{out.DocumentID}, d.record(moved.ID).Uses)
	require.Len(t, d.record(moved.ID).Rehosts, 4)
	_, err = d.tryRehost(moving(moved, licensetest.Token, d.record(moved.ID).Version))
	requireCode(t, license.RehostLimit, err)
}
