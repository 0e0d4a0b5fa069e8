package downgrade

import "sort"

// goal is what rules 2 to 4 leave of the plans: how many users and seats they take.
//
// Every best plan has exactly as many losers of Call Recording as seats are exceeded: one more could give up only the
// other modules, or nothing. When others touched is 0, losers alone give up everything, and computer and evaluation say
// only how many seats they give up together; each module's own number may differ between best plans, down to the excess.
// Otherwise every best plan takes exactly these numbers: more than the excess of one module is taken only where losers
// cannot help it, and never of one module in one best plan and of the other in another.
type goal struct {
	losers     int    // users who lose Call Recording and with it everything
	others     int    // users touched beside them, for Computer Recording, Agent Evaluation or both
	computer   int    // Computer Recording seats taken, losers' included
	evaluation int    // Agent Evaluation seats taken, losers' included
	over       excess // what must be given up at least
}

// bestGoal finds the fewest users and then the fewest seats. It tries every number of losers who hold everything; the
// best use of the other losers then follows.
func bestGoal(over excess, size tally) goal {
	var best goal
	first := max(0, over.call-size[plain]-size[computer]-size[evaluation])
	for full := first; full <= min(over.call, size[both]); full++ {
		g := goalWith(full, over, size)
		seats, bestSeats := g.computer+g.evaluation, best.computer+best.evaluation
		if full == first || g.others < best.others || g.others == best.others && seats < bestSeats {
			best = g
		}
	}
	return best
}

// goalWith is the best goal in which full of the losers hold everything.
func goalWith(full int, over excess, size tally) goal {
	losers := over.call - full // still to be chosen
	needComputer, needEvaluation := max(0, over.computer-full), max(0, over.evaluation-full)
	usefulComputer, usefulEvaluation := min(size[computer], needComputer), min(size[evaluation], needEvaluation)
	surplus := 0
	if usefulComputer+usefulEvaluation > losers {
		// Not every useful loser can be one. Even needs are best: a pair of needs costs one user who holds both.
		even := (losers + needComputer - needEvaluation) / 2
		usefulComputer = min(max(even, 0, losers-usefulEvaluation), losers, usefulComputer)
		usefulEvaluation = losers - usefulComputer
	} else {
		// The other losers hold Call Recording alone or, when those run out, a module of which enough is taken.
		surplus = max(0, losers-usefulComputer-usefulEvaluation-size[plain])
	}
	needComputer -= usefulComputer
	needEvaluation -= usefulEvaluation
	pairs := min(needComputer, needEvaluation, size[both]+size[both|keeps]-full)
	g := goal{
		losers: over.call, others: needComputer + needEvaluation - pairs,
		computer: max(over.computer, full), evaluation: max(over.evaluation, full), over: over,
	}
	if needComputer > 0 {
		g.evaluation += surplus
	} else {
		g.computer += surplus
	}
	return g
}

// reachable reports whether a plan of this goal touches at least least and at most most users of each class.
//
// It looks for full, the losers who hold everything. gap is the largest of finitely many linear functions of full, so
// it is convex, and a binary search on its slope finds its minimum.
func (g goal) reachable(least, most tally) bool {
	full := sort.Search(min(g.losers, most[both]), func(full int) bool {
		return g.gap(least, most, full) <= g.gap(least, most, full+1)
	})
	return g.gap(least, most, full) <= 0
}

// gap says by how much the conditions on a plan of this goal contradict each other when full losers hold everything; at
// 0 or less there is a plan.
//
// Two unknowns remain: x losers of class computer and y losers of class evaluation. The others are of three sorts. Those
// who give up Computer Recording alone are y - lowY (what losers do for Agent Evaluation leaves to them), those who give
// up Agent Evaluation alone are x - lowX, and the rest gives up both. Counting how many others each class can supply
// bounds only x, y and x+y; such bounds have a whole solution as soon as they do not contradict each other. Without
// others it is enough that the losers cover the excess with at most the goal's seats: the goal has the fewest.
func (g goal) gap(least, most tally, full int) int {
	lowX, lowY := g.computer-g.others-full, g.evaluation-g.others-full
	if g.others == 0 {
		lowX, lowY = g.over.computer-full, g.over.evaluation-full
	}
	// Others who hold both modules: any number from leastBoth to mostBoth.
	leastBoth := max(0, least[both]-full) + least[both|keeps]
	mostBoth := most[both] - full + most[both|keeps]
	mostComputer := most[computer] + most[computer|keeps]
	mostEvaluation := most[evaluation] + most[evaluation|keeps]
	// spare is how many others may be of class computer or evaluation beyond those who keep Call Recording.
	spare := g.others - leastBoth - least[computer|keeps] - least[evaluation|keeps]

	minX := max(0, lowX+least[evaluation|keeps], least[computer]-spare)
	minY := max(0, lowY+least[computer|keeps], least[evaluation]-spare)
	minSum := max(
		g.losers-full-most[plain],
		lowY+least[computer]+least[computer|keeps],
		lowX+least[evaluation]+least[evaluation|keeps],
		lowX+lowY+g.others-mostBoth,
		least[computer]+least[evaluation]-spare,
	)
	given := g.computer + g.evaluation - g.others - 2*full // others who give up both: given - (x+y)
	maxSum := min(g.losers-full-least[plain], given, mostComputer+mostEvaluation+mostBoth-g.others)
	return max(
		-spare,
		g.others-mostBoth-mostEvaluation+lowY,
		g.others-mostBoth-mostComputer+lowX,
		minX-most[computer],
		minY-most[evaluation],
		minSum-maxSum,
		minX+minY-maxSum,
		minSum-most[computer]-most[evaluation],
	)
}
