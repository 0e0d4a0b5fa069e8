package license_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
)

func requireCode(t *testing.T, want license.Code, err error) *license.Error {
	t.Helper()
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, want, refusal.Code, refusal.Detail)
	return refusal
}

func TestModules_QuantitiesCombine(t *testing.T) {
	m := license.Modules{QMSSuite: 50, CallRecording: 20}
	require.NoError(t, m.Check("/modules"))
	require.Equal(t, "70 / 50 / 50", m.Seats().String())
	require.Equal(t, m, license.ModulesOf(m.Seats(), m.QMSSuite))
}

func TestModules_RefusalShowsTheSumAndTheFix(t *testing.T) {
	for name, c := range map[string]struct {
		modules license.Modules
		code    license.Code
		detail  string
		pointer string
		add     int
	}{
		"Computer Recording needs Call Recording": {license.Modules{QMSSuite: 5, CallRecording: 20, ComputerRecording: 25}, license.ModuleDependency,
			"30 Computer Recording seats need 30 Call Recording seats; this license has 20 + 5 from QMS Suite = 25. Add 5.", "/modules/computerRecording", 5},
		"Agent Evaluation needs Call Recording": {license.Modules{CallRecording: 2, AgentEvaluation: 3}, license.ModuleDependency,
			"3 Agent Evaluation seats need 3 Call Recording seats; this license has 2. Add 1.", "/modules/agentEvaluation", 1},
		"zero seats": {license.Modules{}, license.ModuleDependency,
			"A license needs at least 1 Call Recording seat; this one has 0. Add 1 Call Recording or 1 QMS Suite.", "/modules/callRecording", 1},
		"100,001 seats": {license.Modules{CallRecording: 100_001}, license.InvalidRequest,
			"The quantity of Call Recording must be 0 to 100,000; this is 100001.", "/modules/callRecording", 0},
		"a sum over 100,000": {license.Modules{QMSSuite: 60_000, CallRecording: 60_000}, license.InvalidRequest,
			"60000 QMS Suite + 60000 Call Recording = 120000 seats; the most is 100,000.", "/modules/callRecording", 0},
		"a negative quantity": {license.Modules{CallRecording: 5, AgentEvaluation: -1}, license.InvalidRequest,
			"The quantity of Agent Evaluation must be 0 to 100,000; this is -1.", "/modules/agentEvaluation", 0},
	} {
		t.Run(name, func(t *testing.T) {
			refusal := requireCode(t, c.code, c.modules.Check("/modules"))
			require.Equal(t, c.detail, refusal.Detail)
			require.Equal(t, c.pointer, refusal.Fields[0].Pointer)
			if c.add > 0 {
				require.Equal(t, c.add, refusal.Params["add"])
			}
		})
	}
}

func TestModules_TwoBrokenPrerequisitesAddTheLarger(t *testing.T) {
	refusal := requireCode(t, license.ModuleDependency, license.Modules{CallRecording: 1, ComputerRecording: 3, AgentEvaluation: 5}.Check("/modules"))
	require.Equal(t, 4, refusal.Params["add"])
	require.Len(t, refusal.Fields, 2)
}

func TestDate_AddMonthsClampsAndKeepsTheAnchor(t *testing.T) {
	jan31 := license.MakeDate(2026, time.January, 31)
	var got []string
	for n := range 5 {
		got = append(got, jan31.AddMonths(n, 31).String())
	}
	require.Equal(t, []string{"2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"}, got)
	require.Equal(t, "2028-02-29", license.MakeDate(2027, 8, 31).AddMonths(6, 31).String())
}

func TestTerm_EndsTheDayBefore(t *testing.T) {
	require.Equal(t, "2026-12-31", license.TermOfMonths(license.MakeDate(2026, 1, 1), 12, 1).EndsOn.String())
	require.Equal(t, 1, license.TermUntil(license.MakeDate(2026, 1, 5), license.MakeDate(2026, 1, 31)).AnchorDay)
}

func TestDate_WorksThroughTheDayEverywhereOnEarth(t *testing.T) {
	end := license.MakeDate(2026, 11, 3)
	require.Equal(t, time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC), end.ExpiryInstant())
	l := license.License{Status: license.Active, ExpiresOn: end}
	require.Equal(t, license.Active, l.At(end.ExpiryInstant().Add(-time.Nanosecond)).Status)
	require.Equal(t, license.Expired, l.At(end.ExpiryInstant()).Status)
	l.Status = license.Revoked
	require.Equal(t, license.Revoked, l.At(end.ExpiryInstant()).Status, "the first status that holds")
}

func TestDate_RefusesWhatTheCalendarDoesNotHave(t *testing.T) {
	for _, text := range []string{"2026-02-29", "2026-13-01", "2026-1-1", "26-01-01", "2026-01-01T00:00:00Z", "", "0001-01-01"} {
		_, err := license.ParseDate(text)
		require.Error(t, err, text)
	}
	leap, err := license.ParseDate("2028-02-29")
	require.NoError(t, err)
	require.Equal(t, "29 Feb 2028", leap.Words())
}

func TestDate_JSON(t *testing.T) {
	text, err := json.Marshal([]license.Date{license.Never, license.MakeDate(2026, 11, 3)})
	require.NoError(t, err)
	require.Equal(t, `[null,"2026-11-03"]`, string(text))
	var back []license.Date
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, []license.Date{license.Never, license.MakeDate(2026, 11, 3)}, back)
	require.Error(t, json.Unmarshal([]byte(`["2026-02-29"]`), &back))
	require.Error(t, json.Unmarshal([]byte(`[20260229]`), &back))
}

func TestDate_NeverIsAfterEveryDay(t *testing.T) {
	day := license.MakeDate(9999, 12, 31)
	require.True(t, license.Never.After(day))
	require.True(t, day.Before(license.Never))
	require.False(t, license.Never.After(license.Never))
}

func TestServerToken_IsCleaned(t *testing.T) {
	for _, raw := range []string{
		"QMSA-7K2P-9XWD", " qmsa-7k2p-9xwd\r\n", "QMSA‐7K2P−9XWD", "QMSA—7K2P–9XWD", "\ufeffQM\u200bSA-7K\u00ad2P-\u00a09XWD", "Q M S A - 7 K 2 P - 9 X W D",
	} {
		token, err := license.ParseServerToken(raw)
		require.NoError(t, err, "%q", raw)
		require.Equal(t, license.ServerToken("QMSA-7K2P-9XWD"), token)
	}
}

func TestServerToken_Refusals(t *testing.T) {
	for raw, detail := range map[string]string{
		"QMSA-7":                     "This one has 6 characters, it needs at least 8.",
		"QMSA%207K2P":                `this one has "%"`,
		"QMSA_7K2P":                  `this one has "_"`,
		"QMSÄ-7K2P":                  `this one has "Ä"`,
		"QMSA-7K2\xff":               "not valid text",
		strings.Repeat("A", 129):     "it has 129 characters",
		strings.Repeat("\u200b", 50): "This one has 0 characters",
	} {
		_, err := license.ParseServerToken(raw)
		require.Contains(t, requireCode(t, license.InvalidRequest, err).Detail, detail)
	}
	_, err := license.ParseServerToken(strings.Repeat("A", 128))
	require.NoError(t, err)
}

func TestRoles_TheTableCellByCell(t *testing.T) {
	const s, u, a, d = license.Sales, license.Support, license.Accounting, license.Admin
	table := map[license.Operation][]license.Role{
		license.IssueTrial: {s}, license.IssueSupport: {u}, license.RequestSold: {s, a}, license.IssueSold: {a},
		license.Renew: {a}, license.Amend: {a}, license.Correct: {a}, license.Revoke: {a, d}, license.Rehost: {u},
		license.RecordConditions: {a}, license.DeclineRequest: {a}, license.WithdrawRequest: {s, a},
		license.ListRequests: {s, a, d}, license.AskException: {s, u, a}, license.GrantException: {d},
		license.WithdrawAsk: {s, u, a}, license.DeclineAsk: {d},
		license.SeeKeysAndFindings: {d}, license.Find: {s, u, a, d},
	}
	for op, may := range table {
		require.Equal(t, may, license.RolesFor(op), op)
		for _, role := range append(license.Roles(), "", "root") {
			err := license.Caller{Subject: "s", Role: role}.Authorize(op)
			if contains(may, role) {
				require.NoError(t, err)
			} else {
				requireCode(t, license.Forbidden, err)
			}
		}
	}
	requireCode(t, license.Forbidden, license.Caller{Subject: "s", Role: d}.Authorize("an operation nobody knows"))
}

func contains(roles []license.Role, role license.Role) bool {
	for _, r := range roles {
		if r == role {
			return true
		}
	}
	return false
}

func TestCollect_NamesEveryField(t *testing.T) {
	err := license.Collect(nil, license.Invalid("/a", "A."), license.Invalid("/b", "B."))
	refusal := requireCode(t, license.InvalidRequest, err)
	require.Equal(t, "A. B.", refusal.Detail)
	require.Equal(t, []license.FieldError{{Pointer: "/a", Detail: "A."}, {Pointer: "/b", Detail: "B."}}, refusal.Fields)
	require.NoError(t, license.Collect(nil, nil))
	other := errors.New("other")
	require.ErrorIs(t, license.Collect(license.Invalid("/a", "A."), other), other)
}

func TestCleanText_RefusesWhatWouldMakeASentenceReadOtherwise(t *testing.T) {
	for _, raw := range []string{"a\u0007b", "paid \u202Edetnarg", "a\u2066b", "a\nb"} {
		_, err := license.CleanText("/reason", "The reason", raw, 1, 100)
		var refusal *license.Error
		require.ErrorAs(t, err, &refusal, "%q", raw)
		require.Equal(t, "/reason", refusal.Fields[0].Pointer)
		require.Contains(t, refusal.Detail, "has a control character (U+")
	}
	text, err := license.CleanText("/reason", "The reason", "\u202E שלום عليكم Ünï \u2069", 1, 100)
	require.NoError(t, err)
	require.Equal(t, "שלום عليكم Ünï", text)
}

func TestCleanText_CountsWhatWasSent(t *testing.T) {
	text, err := license.CleanText("/reason", "The reason", " ÄÖÜ\u200b", 1, 5)
	require.NoError(t, err)
	require.Equal(t, "ÄÖÜ", text)
	_, err = license.CleanText("/reason", "The reason", " ÄÖÜ\u200b", 1, 4)
	require.EqualError(t, err, "invalid_request: The reason has 5 characters; the most is 4. Shorten it.")
	_, err = license.CleanText("/reason", "The reason", "\u200b ", 1, 4)
	require.EqualError(t, err, "invalid_request: The reason is missing. Give 1 to 4 characters.")
}
