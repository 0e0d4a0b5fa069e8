package downgrade

import (
	"fmt"
	"strings"

	"qmslicensing/shared/license"
)

// steps writes the plan down; holders are in the order of the plan.
func steps(holders []holder) []Step {
	var list []Step
	for _, h := range holders {
		if h.take != 0 {
			list = append(list, Step{User: h.name, Unlicense: h.take.list(), Reason: reason(h)})
		}
	}
	return list
}

func reason(h holder) string {
	why := fmt.Sprintf("Inactive since %s.", h.lastActive.Words())
	switch {
	case h.lastActive != license.Never:
	case h.byName:
		why = "No date of last activity known; chosen by name."
	default:
		why = "No date of last activity known."
	}
	if h.losesClient() {
		why += " " + lossOfClient(map[Role]int{h.role: 1})
	}
	return why
}

// losesClient reports whether the plan leaves a user unable to open the QMS client.
func (h holder) losesClient() bool { return h.role.opensClient() && h.take.has(callRecording) }

func warnings(holders []holder) []string {
	lost := map[Role]int{}
	for _, h := range holders {
		if h.losesClient() {
			lost[h.role]++
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return []string{lossOfClient(lost)}
}

// lossOfClient is the sentence for administrators, managers and supervisors in a plan. It is always true that no other
// user is left to choose: the plan takes Call Recording from every agent before the first of them.
func lossOfClient(lost map[Role]int) string {
	var who []string
	for _, role := range Roles() {
		switch n := lost[role]; n {
		case 0:
		case 1:
			who = append(who, fmt.Sprintf("1 %s", role))
		default:
			who = append(who, fmt.Sprintf("%d %ss", n, role))
		}
	}
	return fmt.Sprintf("This takes Call Recording from %s, who then cannot open the QMS client. No other user is left to choose.", enumerate(who))
}

// enumerate joins words: "a", "a and b", "a, b and c".
func enumerate(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
