package downgrade_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/downgrade"
)

const (
	call       = license.CallRecording
	computer   = license.ComputerRecording
	evaluation = license.AgentEvaluation
)

func user(name string, role downgrade.Role, active license.Date, modules ...license.Module) downgrade.User {
	return downgrade.User{Name: name, Role: role, Modules: append([]license.Module{}, modules...), LastActiveOn: active}
}

func jan(day int) license.Date { return license.MakeDate(2026, 1, day) }

func TestCheck_RefusesUsersItCannotRead(t *testing.T) {
	ana := user("Ana Ruiz", downgrade.Agent, license.Never, call)
	tests := map[string]struct {
		users   []downgrade.User
		code    license.Code
		pointer string
		detail  string
	}{
		"equal names": {
			[]downgrade.User{ana, user("Kenji Mori", downgrade.Agent, license.Never), user(" Ana Ruiz ", downgrade.Manager, license.Never)},
			license.InvalidRequest, "/users/2/name", "Users 1 and 3 have the same name, Ana Ruiz. Send each user once, with all modules.",
		},
		"a name of white space": {
			[]downgrade.User{ana, user(" \t", downgrade.Agent, license.Never, call)},
			license.InvalidRequest, "/users/1/name", "The name of user 2 is empty.",
		},
		"a name of 201 characters": {
			[]downgrade.User{user(strings.Repeat("é", 201), downgrade.Agent, license.Never, call)},
			license.InvalidRequest, "/users/0/name", "The name of user 1 is longer than 200 characters.",
		},
		"a control character in a name": {
			[]downgrade.User{user("Ana\x00Ruiz", downgrade.Agent, license.Never, call)},
			license.InvalidRequest, "/users/0/name", "The name of user 1 has characters that are not text.",
		},
		"an unknown role": {
			[]downgrade.User{ana, user("Kenji Mori", "boss", license.Never, call)},
			license.InvalidRequest, "/users/1/role", "User 2, Kenji Mori, has an unknown role; use administrator, manager, supervisor or agent.",
		},
		"an unknown module": {
			[]downgrade.User{user("Kenji Mori", downgrade.Agent, license.Never, call, "qmsSuite")},
			license.InvalidRequest, "/users/0/modules/1", "User 1, Kenji Mori, has an unknown module; use callRecording, computerRecording or agentEvaluation.",
		},
		"a module twice": {
			[]downgrade.User{user("Kenji Mori", downgrade.Agent, license.Never, call, computer, call)},
			license.InvalidRequest, "/users/0/modules/2", "User 1, Kenji Mori, has Call Recording twice. Send each module once.",
		},
		"Computer Recording without Call Recording": {
			[]downgrade.User{ana, user("Kenji Mori", downgrade.Agent, license.Never, computer)},
			license.ModuleDependency, "/users/1/modules",
			"User 2, Kenji Mori, has Computer Recording without Call Recording. Add Call Recording to this user or take Computer Recording away.",
		},
		"both without Call Recording": {
			[]downgrade.User{user("Kenji Mori", downgrade.Agent, license.Never, evaluation, computer)},
			license.ModuleDependency, "/users/0/modules",
			"User 1, Kenji Mori, has Computer Recording and Agent Evaluation without Call Recording. Add Call Recording to this user or take Computer Recording and Agent Evaluation away.",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := downgrade.Check(license.Seats{CallRecording: 1}, test.users)
			var refusal *license.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, test.code, refusal.Code)
			require.Equal(t, test.detail, refusal.Detail)
			require.Equal(t, []license.FieldError{{Pointer: test.pointer, Detail: test.detail}}, refusal.Fields)
		})
	}
}

func TestCheck_TellsSeveralProblemsAtOnce(t *testing.T) {
	var users []downgrade.User
	for i := range 30 {
		users = append(users, user(fmt.Sprint("user ", i), downgrade.Agent, license.Never, evaluation))
	}
	_, err := downgrade.Check(license.Seats{CallRecording: 1}, users)
	var refusal *license.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, license.ModuleDependency, refusal.Code)
	require.Len(t, refusal.Fields, 20)
	require.Equal(t, refusal.Fields[0].Detail+" Problems after this one: 29.", refusal.Detail)

	users[29].Role = "boss"
	_, err = downgrade.Check(license.Seats{CallRecording: 1}, users)
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, license.InvalidRequest, refusal.Code, "a list that cannot be read comes first")
	require.Equal(t, "/users/29/role", refusal.Fields[0].Pointer)
}

func TestCheck_ANameOf200CharactersIsTrimmedAndAccepted(t *testing.T) {
	name := strings.Repeat("é", 200)
	result, err := downgrade.Check(license.Seats{CallRecording: 1}, []downgrade.User{
		user("  "+name+"\u00a0", downgrade.Agent, jan(3), call), user("b", downgrade.Agent, license.Never, call),
	})
	require.NoError(t, err)
	require.Equal(t, []downgrade.Step{{User: name, Unlicense: []license.Module{call}, Reason: "Inactive since 3 Jan 2026."}}, result.Plan)
}

func TestCheck_RefusesSeatsThatNoLicenseHas(t *testing.T) {
	tests := map[string]struct {
		seats license.Seats
		code  license.Code
	}{
		"no Call Recording seat":                   {license.Seats{}, license.ModuleDependency},
		"more Computer Recording":                  {license.Seats{CallRecording: 2, ComputerRecording: 3}, license.ModuleDependency},
		"negative":                                 {license.Seats{CallRecording: 2, AgentEvaluation: -1}, license.InvalidRequest},
		"over the most that a license can contain": {license.Seats{CallRecording: 100_001}, license.InvalidRequest},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := downgrade.Check(test.seats, nil)
			var refusal *license.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, test.code, refusal.Code)
			_, err = downgrade.CheckCounts(test.seats, license.Seats{})
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, test.code, refusal.Code)
		})
	}
}

func TestCheck_LastLeaderKeepsCallRecording(t *testing.T) {
	result, err := downgrade.Check(license.Seats{CallRecording: 1}, []downgrade.User{
		user("admin", downgrade.Administrator, jan(9), call), user("manager 1", downgrade.Manager, jan(2), call),
		user("manager 2", downgrade.Manager, jan(1), call), user("supervisor", downgrade.Supervisor, jan(3), call),
		user("agent", downgrade.Agent, jan(20), call),
	})
	require.NoError(t, err)
	var chosen []string
	for _, step := range result.Plan {
		chosen = append(chosen, step.User)
	}
	require.Equal(t, []string{"manager 2", "manager 1", "supervisor", "agent"}, chosen)
	require.Equal(t, []string{"This takes Call Recording from 2 managers and 1 supervisor, who then cannot open the QMS client. No other user is left to choose."}, result.Warnings)
	require.Equal(t, "Inactive since 3 Jan 2026. This takes Call Recording from 1 supervisor, who then cannot open the QMS client. No other user is left to choose.", result.Plan[2].Reason)
	require.Equal(t, "Inactive since 20 Jan 2026.", result.Plan[3].Reason)
}

func TestCheckCounts_ComparesPerModule(t *testing.T) {
	result, err := downgrade.CheckCounts(license.Seats{CallRecording: 40, ComputerRecording: 25, AgentEvaluation: 10}, license.Seats{CallRecording: 46, ComputerRecording: 28, AgentEvaluation: 8})
	require.NoError(t, err)
	require.Equal(t, downgrade.Result{Modules: downgrade.Counts{
		CallRecording:     downgrade.Count{Licensed: 40, Assigned: 46, Excess: 6},
		ComputerRecording: downgrade.Count{Licensed: 25, Assigned: 28, Excess: 3},
		AgentEvaluation:   downgrade.Count{Licensed: 10, Assigned: 8},
	}}, result)
	require.Equal(t, 3, result.Modules.Of(computer).Excess)

	result, err = downgrade.CheckCounts(license.Seats{CallRecording: 40}, license.Seats{CallRecording: 40})
	require.NoError(t, err)
	require.True(t, result.Loads)
}

func TestCheckCounts_RefusesCountsThatCannotBe(t *testing.T) {
	var refusal *license.Error
	_, err := downgrade.CheckCounts(license.Seats{CallRecording: 40}, license.Seats{CallRecording: 5, ComputerRecording: 6, AgentEvaluation: 9})
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, license.ModuleDependency, refusal.Code)
	require.Equal(t, map[string]any{"needed": 9, "have": 5, "add": 4}, refusal.Params)
	require.Equal(t, "6 Computer Recording users need 6 Call Recording users; these are 5. Count the Call Recording users again: each user of Computer Recording is one.", refusal.Detail)
	require.Equal(t, "/assigned/computerRecording", refusal.Fields[0].Pointer)
	require.Equal(t, "/assigned/agentEvaluation", refusal.Fields[1].Pointer)

	for _, bad := range []int{-1, 100_001} {
		_, err = downgrade.CheckCounts(license.Seats{CallRecording: 40}, license.Seats{CallRecording: bad})
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, license.InvalidRequest, refusal.Code)
		require.Equal(t, "/assigned/callRecording", refusal.Fields[0].Pointer)
	}
	_, err = downgrade.CheckCounts(license.Seats{CallRecording: 40}, license.Seats{CallRecording: 100_000, AgentEvaluation: 100_000})
	require.NoError(t, err)
}
