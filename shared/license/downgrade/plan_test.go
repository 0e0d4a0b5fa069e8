package downgrade_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/downgrade"
)

// Sets of modules in this file: 4 is Call Recording, 2 Computer Recording, 1 Agent Evaluation.

var (
	holdings = []int{4, 4 | 2, 4 | 1, 4 | 2 | 1}
	leaders  = []downgrade.Role{downgrade.Administrator, downgrade.Manager, downgrade.Supervisor}
)

func modulesOf(set int) []license.Module {
	var list []license.Module
	for i, m := range license.AllModules() {
		if set&(4>>i) != 0 {
			list = append(list, m)
		}
	}
	return list
}

func setOf(list []license.Module) int {
	set := 0
	for i, m := range license.AllModules() {
		if slices.Contains(list, m) {
			set |= 4 >> i
		}
	}
	return set
}

// inOrder sorts by rule 5: longest inactive first, then name.
func inOrder(users []downgrade.User) []downgrade.User {
	users = slices.Clone(users)
	slices.SortFunc(users, func(a, b downgrade.User) int {
		switch {
		case a.LastActiveOn.Before(b.LastActiveOn):
			return -1
		case b.LastActiveOn.Before(a.LastActiveOn):
			return 1
		case a.Name < b.Name:
			return -1
		}
		return 1
	})
	return users
}

// everyPlan is the definition in the package comment and nothing else: it tries every plan and keeps the first in order.
type everyPlan struct {
	users      []downgrade.User // in the order of rule 5
	held       []int
	over       [3]int // by module
	taken      []int
	best       []int
	bestFigure [3]int
	plans      int
}

// bestByDefinition returns the modules to take from each user by name.
func bestByDefinition(seats license.Seats, users []downgrade.User) (map[string]int, *everyPlan) {
	e := &everyPlan{users: inOrder(users), over: [3]int{-seats.CallRecording, -seats.ComputerRecording, -seats.AgentEvaluation}}
	for _, u := range e.users {
		set := setOf(u.Modules)
		e.held = append(e.held, set)
		for i := range e.over {
			e.over[i] += set >> (2 - i) & 1
		}
	}
	e.taken = make([]int, len(users))
	e.choose(0)
	plan := map[string]int{}
	for i, set := range e.best {
		if set != 0 {
			plan[e.users[i].Name] = set
		}
	}
	return plan, e
}

func (e *everyPlan) choose(i int) {
	if i == len(e.held) {
		e.consider()
		return
	}
	for take := range 8 {
		if take&^e.held[i] != 0 || take&4 != 0 && take != e.held[i] {
			continue // not held, or Call Recording without what needs it
		}
		e.taken[i] = take
		e.choose(i + 1)
	}
}

func (e *everyPlan) consider() {
	e.plans++
	var figure [3]int // rules 2, 3 and 4
	var given [3]int
	had, kept := false, false
	for i, take := range e.taken {
		leader := e.users[i].Role != downgrade.Agent && e.held[i] != 0
		had = had || leader
		kept = kept || leader && take&4 == 0
		if leader && take&4 != 0 {
			figure[0]++
		}
		if take != 0 {
			figure[1]++
		}
		for m := range given {
			given[m] += take >> (2 - m) & 1
		}
	}
	figure[2] = given[0] + given[1] + given[2]
	for m := range given {
		if given[m] < e.over[m] {
			return // does not load
		}
	}
	if had && !kept {
		return // rule 1
	}
	if e.best == nil || e.before(figure) {
		e.best, e.bestFigure = slices.Clone(e.taken), figure
	}
}

func (e *everyPlan) before(figure [3]int) bool {
	if c := slices.Compare(figure[:], e.bestFigure[:]); c != 0 {
		return c < 0
	}
	positions := func(plan []int) []int {
		var list []int
		for i, take := range plan {
			if take != 0 {
				list = append(list, i)
			}
		}
		return list
	}
	if c := slices.Compare(positions(e.taken), positions(e.best)); c != 0 {
		return c < 0
	}
	// Rule 6 prefers, in this order: with Call Recording, both others, Computer Recording, Agent Evaluation.
	return slices.Compare(e.taken, e.best) > 0
}

// requireBest holds Check to the definition and returns how many plans were compared.
func requireBest(t *testing.T, seats license.Seats, users []downgrade.User) int {
	t.Helper()
	result, err := downgrade.Check(seats, users)
	require.NoError(t, err)
	got := map[string]int{}
	for _, step := range result.Plan {
		got[step.User] = setOf(step.Unlicense)
	}
	want, all := bestByDefinition(seats, users)
	if fmt.Sprint(want) != fmt.Sprint(got) {
		require.Equal(t, want, got, "seats %v, users %v", seats, all.users)
	}
	require.Equal(t, len(want) == 0, result.Loads)
	return all.plans
}

func TestCheck_EveryCaseOfUpToFourUsersIsTheBestPlan(t *testing.T) {
	cases := 0
	for n := range testScale(5, 4) {
		kinds := 2 * len(holdings)
		for code := range power(kinds, n) {
			users := make([]downgrade.User, n)
			for i := range users {
				kind := code / power(kinds, i) % kinds
				users[i] = downgrade.User{Name: string(rune('a' + i)), Role: downgrade.Agent, Modules: modulesOf(holdings[kind/2])}
				if kind%2 == 1 {
					users[i].Role = leaders[i%3]
				}
			}
			for c := 1; c <= max(1, n); c++ {
				for r := range c + 1 {
					for a := range c + 1 {
						requireBest(t, license.Seats{CallRecording: c, ComputerRecording: r, AgentEvaluation: a}, users)
						cases++
					}
				}
			}
		}
	}
	require.Greater(t, cases, 10_000)
}

func TestCheck_RandomCasesAreTheBestPlan(t *testing.T) {
	random := rand.New(rand.NewPCG(2026, 11))
	plans := 0
	for range testScale(6_000, 800) {
		users := randomUsers(random, 1+random.IntN(7))
		plans += requireBest(t, randomSeats(random, len(users)), users)
	}
	require.Greater(t, plans, 100_000)
}

// randomUsers draws from a random few kinds of users, so that many are alike, with few dates, so that many are equal.
func randomUsers(random *rand.Rand, n int) []downgrade.User {
	kinds, leaderIn, days := 1+random.IntN(4), 1+random.IntN(5), 1+random.IntN(4)
	shuffledHoldings, names := random.Perm(4), random.Perm(n)
	users := make([]downgrade.User, n)
	for i := range users {
		u := downgrade.User{Name: fmt.Sprintf("user %02d", names[i]), Role: downgrade.Agent}
		u.Modules = modulesOf(holdings[shuffledHoldings[random.IntN(kinds)]])
		if random.IntN(20) == 0 {
			u.Modules = nil
		}
		if random.IntN(leaderIn) == 0 {
			u.Role = leaders[random.IntN(3)]
		}
		if day := random.IntN(days + 1); day > 0 {
			u.LastActiveOn = license.MakeDate(2026, 1, day)
		}
		users[i] = u
	}
	return users
}

func randomSeats(random *rand.Rand, users int) license.Seats {
	c := 1 + random.IntN(users+1)
	return license.Seats{CallRecording: c, ComputerRecording: random.IntN(c + 1), AgentEvaluation: random.IntN(c + 1)}
}

func TestCheck_TheOrderOfTheUsersDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	planned := 0
	for range testScale(300, 60) {
		users := randomUsers(random, 5+random.IntN(60))
		seats := randomSeats(random, len(users))
		want, err := downgrade.Check(seats, users)
		require.NoError(t, err)
		planned += len(want.Plan)
		for range 5 {
			random.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
			got, err := downgrade.Check(seats, users)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	require.Positive(t, planned)
}

func TestCheck_TheUsersAreNotChanged(t *testing.T) {
	users := randomUsers(rand.New(rand.NewPCG(1, 2)), 40)
	before := slices.Clone(users)
	_, err := downgrade.Check(license.Seats{CallRecording: 3}, users)
	require.NoError(t, err)
	require.Equal(t, before, users)
}

func power(base, exponent int) int {
	n := 1
	for range exponent {
		n *= base
	}
	return n
}
