package downgrade

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// class groups users who are alike for a plan: by what they hold beside Call Recording and by whether they may lose it.
// Alike users differ in rules 5 and 6 only, so a plan takes the first ones of each class.
type class uint8

const (
	plain      = class(0)                                   // Call Recording alone
	evaluation = class(agentEvaluation)                     // and Agent Evaluation
	computer   = class(computerRecording)                   // and Computer Recording
	both       = class(computerRecording | agentEvaluation) // and both
	keeps      = class(4)                                   // added to a class: keeps Call Recording whatever happens
	classes    = 8
)

// tally counts users by class.
type tally [classes]int

// pool is the users that a plan may choose from, in the order of rule 5.
type pool struct {
	holders []*holder
	class   []class // of each holder
	at      [classes][]int
	size    tally
}

func (p *pool) add(h *holder, c class) {
	p.at[c] = append(p.at[c], len(p.holders))
	p.size[c]++
	p.holders = append(p.holders, h)
	p.class = append(p.class, c)
}

// excess is how many seats of each module must be given up.
type excess struct{ call, computer, evaluation int }

// makePlan sorts the holders into the order of rule 5 and sets what the best plan takes from each.
func makePlan(counts Counts, holders []holder) {
	slices.SortFunc(holders, func(a, b holder) int {
		return cmp.Or(cmp.Compare(a.day, b.day), strings.Compare(a.name, b.name))
	})
	over := excess{counts.CallRecording.Excess, counts.ComputerRecording.Excess, counts.AgentEvaluation.Excess}
	p, left := choosable(over, holders)
	goal := bestGoal(left, p.size)
	goal.take(p, goal.firstUsers(p))
}

// choosable applies rules 1 and 2, which leave no choice of numbers. While the agents can give up enough Call Recording,
// nobody else loses it. Otherwise every agent loses everything, and the rest comes from the other three roles, of whom
// one keeps it because the license has a seat. It returns who is left to choose from and what is left to give up.
func choosable(over excess, holders []holder) (*pool, excess) {
	agents := 0
	for _, h := range holders {
		if h.role == Agent {
			agents++
		}
	}
	p := &pool{}
	for i := range holders {
		h := &holders[i]
		c := class(h.modules &^ callRecording)
		switch {
		case over.call <= agents && h.role == Agent:
			p.add(h, c)
		case over.call <= agents && c != plain:
			p.add(h, c|keeps)
		case over.call > agents && h.role != Agent:
			p.add(h, c)
		case over.call > agents:
			h.take = h.modules
		}
	}
	if over.call > agents {
		taken := assignedSeats(slices.DeleteFunc(slices.Clone(holders), func(h holder) bool { return h.take == 0 }))
		over.call -= taken.CallRecording
		over.computer = max(0, over.computer-taken.ComputerRecording)
		over.evaluation = max(0, over.evaluation-taken.AgentEvaluation)
	}
	return p, over
}

// firstUsers applies rule 5: it returns how many users of each class, the first ones, the best plan touches. It takes
// the users in order as far as some plan of this goal touches them all; the user where that ends is not touched, nor is
// a later one of the same class, and it goes on without that class.
func (g goal) firstUsers(p *pool) tally {
	most := p.size
	for {
		end := sort.Search(len(p.holders), func(n int) bool { return !g.reachable(p.among(n+1, most), most) })
		least := p.among(end, most)
		if end == len(p.holders) {
			return least
		}
		most[p.class[end]] = least[p.class[end]]
	}
}

// among counts the first n users by class, up to most of each class.
func (p *pool) among(n int, most tally) tally {
	var t tally
	for c := range t {
		t[c] = min(most[c], sort.SearchInts(p.at[c], n))
	}
	return t
}

// take applies rule 6 to the first touched[c] users of every class c. Who holds Call Recording alone loses it; the goal
// says how many more losers there are, and how many users who hold everything give up both other modules (as losers or
// not) instead of only the one that is short. In the order of the plan each user gives up the most that leaves the
// users after it enough room for the remaining losers.
func (g goal) take(p *pool, touched tally) {
	undecided := touched
	losers := g.losers - touched[plain]
	bothTouched := touched[both] + touched[both|keeps]
	computerTouched := bothTouched + touched[computer] + touched[computer|keeps]
	evaluationTouched := bothTouched + touched[evaluation] + touched[evaluation|keeps]
	giveBoth := g.computer + g.evaluation - (computerTouched + evaluationTouched - bothTouched)
	short := agentEvaluation
	if evaluationTouched > g.evaluation {
		short = computerRecording
	}
	for i, h := range p.holders {
		c := p.class[i]
		if undecided[c] == 0 {
			continue
		}
		undecided[c]--
		h.byName = touched[c] < p.size[c]
		switch {
		case c == plain:
			h.take = h.modules
		case c < keeps && losers > 0 && (c != both || giveBoth > 0):
			h.take = h.modules
			losers--
		case c&both == both && (giveBoth == 0 || losers > undecided[computer]+undecided[evaluation]+giveBoth-1):
			h.take = short
		default:
			h.take = h.modules &^ callRecording
		}
		if h.take&moduleSet(both) == moduleSet(both) {
			giveBoth--
		}
	}
}
