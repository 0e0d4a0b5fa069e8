package policy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
)

var now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func day(n int) time.Time { return now.AddDate(0, 0, n) }

func use(n int, purpose license.Purpose, days int, customer string) ledger.TemporaryUse {
	return ledger.TemporaryUse{LicenseID: fmt.Sprint("l", n), Purpose: purpose, Customer: customer, Days: days, By: "sales", At: day(n)}
}

func TestCheckTemporary_AtTheLimitAndOneMore(t *testing.T) {
	trial, emergency, repair := license.Trial, license.Emergency, license.Troubleshooting
	for name, c := range map[string]struct {
		uses []ledger.TemporaryUse
		wish policy.TemporaryWish
		want []license.Code
	}{
		"a first trial of 30 days":                 {nil, policy.TemporaryWish{Purpose: trial, Customer: "N", Days: 30}, nil},
		"a first trial of 31 days":                 {nil, policy.TemporaryWish{Purpose: trial, Customer: "N", Days: 31}, []license.Code{"trial_limit"}},
		"troubleshooting of 30 days":               {nil, policy.TemporaryWish{Purpose: repair, Customer: "N", Days: 30}, nil},
		"troubleshooting of 31 days":               {nil, policy.TemporaryWish{Purpose: repair, Customer: "N", Days: 31}, []license.Code{"temporary_limit"}},
		"an emergency of 14 days":                  {nil, policy.TemporaryWish{Purpose: emergency, Customer: "N", Days: 14}, nil},
		"an emergency of 15 days":                  {nil, policy.TemporaryWish{Purpose: emergency, Customer: "N", Days: 15}, []license.Code{"temporary_limit"}},
		"60 days of trials in all":                 {[]ledger.TemporaryUse{use(-40, trial, 30, "N")}, policy.TemporaryWish{Purpose: trial, Customer: "N", Days: 30}, nil},
		"61 days of trials in all":                 {[]ledger.TemporaryUse{use(-40, trial, 30, "N"), use(-9, trial, 10, "N")}, policy.TemporaryWish{Purpose: trial, Customer: "N", Days: 21}, []license.Code{"trial_limit"}},
		"the customer written otherwise":           {[]ledger.TemporaryUse{use(-400, trial, 60, "Müller GmbH")}, policy.TemporaryWish{Purpose: trial, Customer: "MULLER", Days: 1}, []license.Code{"trial_limit"}},
		"a customer without letters":               {[]ledger.TemporaryUse{use(-400, trial, 60, "+++")}, policy.TemporaryWish{Purpose: trial, Customer: "***", Days: 30}, nil},
		"the same without letters":                 {[]ledger.TemporaryUse{use(-400, trial, 60, "+++")}, policy.TemporaryWish{Purpose: trial, Customer: "+++", Days: 30}, []license.Code{"trial_limit"}},
		"another customer on this server":          {[]ledger.TemporaryUse{use(-400, trial, 60, "Müller GmbH")}, policy.TemporaryWish{Purpose: trial, Customer: "Northwind", Days: 30}, nil},
		"the customer's other licenses":            {[]ledger.TemporaryUse{use(-40, repair, 30, "N"), use(-20, emergency, 14, "N")}, policy.TemporaryWish{Purpose: trial, Customer: "N", Days: 30}, nil},
		"a third license in 90 days":               {[]ledger.TemporaryUse{use(-89, repair, 9, "N"), use(-1, emergency, 9, "N")}, policy.TemporaryWish{Purpose: emergency, Customer: "N", Days: 9}, nil},
		"a fourth, of any purpose and customer":    {[]ledger.TemporaryUse{use(-89, trial, 9, "A"), use(-1, emergency, 9, "B"), use(0, repair, 9, "C")}, policy.TemporaryWish{Purpose: emergency, Customer: "N", Days: 9}, []license.Code{"temporary_limit"}},
		"a fourth, the first 90 days ago":          {[]ledger.TemporaryUse{use(-90, trial, 9, "A"), use(-1, emergency, 9, "B"), use(0, repair, 9, "C")}, policy.TemporaryWish{Purpose: emergency, Customer: "N", Days: 9}, nil},
		"two limits of one code are two refusals":  {[]ledger.TemporaryUse{use(-2, trial, 9, "A"), use(-1, emergency, 9, "B"), use(0, repair, 9, "C")}, policy.TemporaryWish{Purpose: emergency, Customer: "N", Days: 15}, []license.Code{"temporary_limit", "temporary_limit"}},
		"too long, too much in all, and too often": {[]ledger.TemporaryUse{use(-2, trial, 30, "N"), use(-1, trial, 9, "N"), use(0, repair, 9, "C")}, policy.TemporaryWish{Purpose: trial, Customer: "N", Days: 31}, []license.Code{"trial_limit", "trial_limit", "temporary_limit"}},
	} {
		t.Run(name, func(t *testing.T) {
			var codes []license.Code
			for _, refusal := range policy.DefaultPolicy().CheckTemporary(c.uses, c.wish, license.Today(now)) {
				codes = append(codes, refusal.Code)
			}
			require.Equal(t, c.want, codes)
		})
	}
}

func TestCheckTemporary_SaysWhatWasIssuedAndWhenTheNextIsPossible(t *testing.T) {
	uses := []ledger.TemporaryUse{use(-50, license.Trial, 30, "N"), use(-30, license.Emergency, 14, "N"), use(-3, license.Troubleshooting, 20, "N")}
	refusals := policy.DefaultPolicy().CheckTemporary(uses, policy.TemporaryWish{ServerToken: "QMSA-0001", Purpose: license.Emergency, Customer: "N", Days: 14}, license.Today(now))
	require.Len(t, refusals, 1)
	refusal := refusals[0]
	require.Equal(t, policy.Ask{Rule: license.TemporaryLimit, ServerToken: "QMSA-0001"}, refusal.Params["ask"])
	require.Equal(t, "A server gets at most 3 temporary licenses in 90 days. This one has had 3: 30 days for a trial by sales on 4 Oct 2026, 09:00 UTC; 14 days for an emergency by sales on 24 Oct 2026, 09:00 UTC; "+
		"20 days for troubleshooting by sales on 20 Nov 2026, 09:00 UTC. The next is possible on 2 Jan 2027. If it must be, ask an admin for an exception from this limit.", refusal.Detail)
	require.Equal(t, "licenses", refusal.Params["counted"])
	require.Equal(t, 3, refusal.Params["limit"])
	require.Equal(t, []policy.Issued{
		{LicenseID: "l-50", Purpose: license.Trial, Days: 30, IssuedBy: "sales", IssuedAt: day(-50)},
		{LicenseID: "l-30", Purpose: license.Emergency, Days: 14, IssuedBy: "sales", IssuedAt: day(-30)},
		{LicenseID: "l-3", Purpose: license.Troubleshooting, Days: 20, IssuedBy: "sales", IssuedAt: day(-3)},
	}, refusal.Params["issued"])
	possibleOn := refusal.Params["possibleOn"].(license.Date)
	require.Equal(t, "2027-01-02", possibleOn.String())
	require.NotEmpty(t, policy.DefaultPolicy().CheckTemporary(uses, policy.TemporaryWish{Purpose: license.Emergency, Customer: "N", Days: 14}, possibleOn.AddDays(-1)))
	require.Empty(t, policy.DefaultPolicy().CheckTemporary(uses, policy.TemporaryWish{Purpose: license.Emergency, Customer: "N", Days: 14}, possibleOn), "on that day it is possible")
}

func TestCheckTemporary_AfterExceptionsTheOldestThatStandsInTheWayDecides(t *testing.T) {
	var uses []ledger.TemporaryUse
	for n := range 8 {
		uses = append(uses, use(n-8, license.Emergency, 1, "N"))
	}
	refusal := policy.DefaultPolicy().CheckTemporary(uses, policy.TemporaryWish{Purpose: license.Emergency, Customer: "N", Days: 1}, license.Today(now))[0]
	require.Contains(t, refusal.Detail, "has had 8: 3 earlier ones; 1 day for an emergency")
	require.Len(t, refusal.Params["issued"], 8, "the params name all")
	require.Equal(t, license.Today(day(-3)).AddDays(90), refusal.Params["possibleOn"])
}

func TestCheckTemporary_TrialsOfACustomerDoNotStopToCount(t *testing.T) {
	uses := []ledger.TemporaryUse{use(-900, license.Trial, 30, "N"), use(-800, license.Trial, 15, "N")}
	refusal := policy.DefaultPolicy().CheckTemporary(uses, policy.TemporaryWish{Purpose: license.Trial, Customer: "N", Days: 30}, license.Today(now))[0]
	require.Contains(t, refusal.Detail, "N has had 45: 30 days for a trial by sales on 6 Jun 2024")
	require.Contains(t, refusal.Detail, "Choose 15 or fewer.")
	require.Equal(t, 15, refusal.Params["left"])
	require.Nil(t, refusal.Params["possibleOn"])
	require.Empty(t, policy.DefaultPolicy().CheckTemporary(uses, policy.TemporaryWish{Purpose: license.Trial, Customer: "N", Days: 15}, license.Today(now)))
}

func rehost(at time.Time) ledger.Rehost {
	return ledger.Rehost{LicenseID: at.Format(time.DateOnly), By: "support", At: at, From: "QMSA-OLD-1111", To: "QMSA-NEW-2222", Reason: "network card replaced"}
}

func TestCheckRehosts_ThreeInTwelveMonths(t *testing.T) {
	p := policy.DefaultPolicy()
	moves := []ledger.Rehost{rehost(time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC)), rehost(time.Date(2026, 2, 28, 9, 0, 0, 0, time.UTC)), rehost(time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC))}
	require.Nil(t, p.CheckRehosts(moves, "lineage", license.Today(now)), "two within twelve months")
	moves = append(moves, rehost(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)))
	refusal := p.CheckRehosts(moves, "lineage", license.Today(now))
	require.Equal(t, license.RehostLimit, refusal.Code)
	require.Contains(t, refusal.Detail, "This one has moved 3 times: from …1111 to …2222 by support on 28 Feb 2026, 09:00 UTC; ")
	require.Contains(t, refusal.Detail, "The next is possible on 28 Feb 2027.")
	require.Equal(t, policy.Ask{Rule: license.RehostLimit, LineageID: "lineage"}, refusal.Params["ask"])
	require.Len(t, refusal.Params["issued"], 3)
	possibleOn := refusal.Params["possibleOn"].(license.Date)
	require.NotNil(t, p.CheckRehosts(moves, "lineage", possibleOn.AddDays(-1)))
	require.Nil(t, p.CheckRehosts(moves, "lineage", possibleOn))
}

func TestCheckQuota_UntilMidnightUTC(t *testing.T) {
	p := policy.DefaultPolicy()
	late := time.Date(2026, 12, 31, 23, 59, 30, 0, time.UTC)
	require.NoError(t, p.CheckQuota(199, 0, late))
	var refusal *license.Error
	require.ErrorAs(t, p.CheckQuota(200, 0, late), &refusal)
	require.Equal(t, license.QuotaExceeded, refusal.Code)
	require.Contains(t, refusal.Detail, "You have made 200 licenses today, the most for one person and day")
	require.NoError(t, p.CheckQuota(1, 198, late))
	var ahead *license.Error
	require.ErrorAs(t, p.CheckQuota(1, 199, late), &ahead)
	require.Contains(t, ahead.Detail, "You have made 1 license today, and with 199 licenses before this one that is the most for one person and day")
	require.Equal(t, 1, ahead.Params["made"])
	require.Equal(t, 30*time.Second, refusal.RetryAfter)
	require.Equal(t, "2027-01-01", refusal.Params["possibleOn"].(license.Date).String())
	today, tomorrow := p.Quota("sub", license.Today(late)), p.Quota("sub", license.Today(late.Add(time.Minute)))
	require.NotEqual(t, today.Key, tomorrow.Key)
	require.NotEqual(t, today.Key, p.Quota("other", license.Today(late)).Key)
	require.Equal(t, 200, today.Limit)
}
