package downgrade_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/downgrade"
)

// suffixPlan is the best way to give up some number of seats among the last users.
type suffixPlan struct {
	figure [3]int // rules 2, 3 and 4
	taken  []int  // by user, in the order of rule 5
}

func (p *suffixPlan) before(q *suffixPlan) bool {
	if c := slices.Compare(p.figure[:], q.figure[:]); c != 0 {
		return c < 0
	}
	for i := range p.taken {
		if touched := p.taken[i] != 0; touched != (q.taken[i] != 0) {
			return touched
		}
	}
	return slices.Compare(p.taken, q.taken) > 0
}

// bestByDynamicProgram is slow but reaches sizes at which trying every plan does not: user by user, for every number of
// seats still to be given up, the best plan for the users after this one. Rule 1 follows from rule 2 and a seat.
func bestByDynamicProgram(seats license.Seats, users []downgrade.User) map[string]int {
	users = inOrder(users)
	var need [3]int
	for m, module := range license.AllModules() {
		for _, u := range users {
			if slices.Contains(u.Modules, module) {
				need[m]++
			}
		}
		need[m] = max(0, need[m]-seats.Of(module))
	}
	after := map[[3]int]*suffixPlan{{}: {}}
	for _, u := range slices.Backward(users) {
		after = prepend(u, after, need)
	}
	plan := map[string]int{}
	for i, take := range after[need].taken {
		if take != 0 {
			plan[users[i].Name] = take
		}
	}
	return plan
}

// prepend returns, for every number of seats up to need, the best plan with one more user in front.
func prepend(u downgrade.User, after map[[3]int]*suffixPlan, need [3]int) map[[3]int]*suffixPlan {
	held, with := setOf(u.Modules), map[[3]int]*suffixPlan{}
	for c := range need[0] + 1 {
		for r := range need[1] + 1 {
			for a := range need[2] + 1 {
				for take := range 8 {
					if take&^held != 0 || take&4 != 0 && take != held {
						continue
					}
					rest := after[[3]int{max(0, c-take>>2&1), max(0, r-take>>1&1), max(0, a-take&1)}]
					if rest == nil {
						continue
					}
					p := &suffixPlan{figure: rest.figure, taken: append([]int{take}, rest.taken...)}
					if take&4 != 0 && u.Role != downgrade.Agent {
						p.figure[0]++
					}
					if take != 0 {
						p.figure[1]++
					}
					p.figure[2] += take>>2&1 + take>>1&1 + take&1
					if best := with[[3]int{c, r, a}]; best == nil || p.before(best) {
						with[[3]int{c, r, a}] = p
					}
				}
			}
		}
	}
	return with
}

func TestCheck_RandomCasesOfManyUsersAreTheBestPlan(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 2026))
	longest := 0
	for range testScale(150, 20) {
		users := randomUsers(random, 8+random.IntN(11))
		seats := randomSeats(random, len(users))
		result, err := downgrade.Check(seats, users)
		require.NoError(t, err)
		got := map[string]int{}
		for _, step := range result.Plan {
			got[step.User] = setOf(step.Unlicense)
		}
		require.Equal(t, bestByDynamicProgram(seats, users), got, "seats %v, users %v", seats, users)
		longest = max(longest, len(got))
	}
	require.Greater(t, longest, 10)
}
