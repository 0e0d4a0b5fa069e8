package downgrade_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/downgrade"
)

// many returns 50,000 users of every class, with three years of dates, in a random order.
func many() []downgrade.User {
	random := rand.New(rand.NewPCG(50, 000))
	users := make([]downgrade.User, 50_000)
	for i, n := range random.Perm(len(users)) {
		users[i] = downgrade.User{Name: fmt.Sprintf("Extension %05d", n), Role: downgrade.Agent, Modules: modulesOf(holdings[random.IntN(4)])}
		if random.IntN(4) == 0 {
			users[i].Role = leaders[random.IntN(3)]
		}
		if random.IntN(10) > 0 {
			users[i].LastActiveOn = license.MakeDate(2024, 1, 1+random.IntN(1000))
		}
	}
	return users
}

// manySeats are licenses for many: nothing exceeded, each sort of excess, agents not enough, one seat left.
var manySeats = []license.Seats{
	{CallRecording: 50_000, ComputerRecording: 50_000, AgentEvaluation: 50_000},
	{CallRecording: 40_000, ComputerRecording: 20_000, AgentEvaluation: 24_000},
	{CallRecording: 45_000, ComputerRecording: 5_000, AgentEvaluation: 12_000},
	{CallRecording: 50_000},
	{CallRecording: 30_000, ComputerRecording: 24_000, AgentEvaluation: 2_000},
	{CallRecording: 8_000, ComputerRecording: 1_000, AgentEvaluation: 7_000},
	{CallRecording: 1, ComputerRecording: 1, AgentEvaluation: 1},
}

func BenchmarkCheck_50000Users(b *testing.B) {
	users := many()
	for _, seats := range manySeats {
		b.Run(fmt.Sprintf("%d-%d-%d", seats.CallRecording, seats.ComputerRecording, seats.AgentEvaluation), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = downgrade.Check(seats, users)
			}
		})
	}
}

// The budget is 200 ms of one processor. The shortest of several runs is the one that waited least for other programs.
func TestCheck_50000UsersWithinBudget(t *testing.T) {
	budget := 200 * time.Millisecond
	if raceDetector {
		budget *= 10
	}
	users := many()
	for _, seats := range manySeats {
		shortest := time.Hour
		for range 5 {
			start := time.Now()
			result, err := downgrade.Check(seats, users)
			shortest = min(shortest, time.Since(start))
			require.NoError(t, err)
			requireLoads(t, seats, users, result)
		}
		require.Less(t, shortest, budget, "seats %v", seats)
	}
}

// requireLoads carries the plan out and checks again.
func requireLoads(t *testing.T, seats license.Seats, users []downgrade.User, result downgrade.Result) {
	t.Helper()
	given := map[string]int{}
	for _, step := range result.Plan {
		given[step.User] = setOf(step.Unlicense)
	}
	after := make([]downgrade.User, len(users))
	for i, u := range users {
		after[i] = u
		after[i].Modules = modulesOf(setOf(u.Modules) &^ given[u.Name])
	}
	again, err := downgrade.Check(seats, after)
	require.NoError(t, err)
	require.True(t, again.Loads)
	require.Empty(t, again.Plan)
}
