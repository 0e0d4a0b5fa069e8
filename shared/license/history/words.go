package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

func kind(l license.License) string {
	switch {
	case l.Type == license.Subscription:
		return "subscription"
	case l.Type == license.Temporary && l.Purpose != "":
		return string(l.Purpose) + " license"
	case l.Type != "":
		return string(l.Type) + " license"
	}
	return "license"
}

// aKind is a kind with its article.
func aKind(l license.License) string {
	name := kind(l)
	if strings.ContainsAny(name[:1], "aeiou") {
		return "an " + name
	}
	return "a " + name
}

func seats(l license.License) string {
	noun := "seats"
	if l.Seats.AgentEvaluation == 1 {
		noun = "seat"
	}
	return fmt.Sprintf("%d Call Recording, %d Computer Recording and %d Agent Evaluation %s", l.Seats.CallRecording, l.Seats.ComputerRecording, l.Seats.AgentEvaluation, noun)
}

// rule is the name of a limit that an exception lifts. A code that it does not know names itself.
func rule(code license.Code) string {
	switch code {
	case "":
		return "a limit"
	case license.TrialLimit:
		return "the limit of trials"
	case license.TemporaryLimit:
		return "the limit of temporary licenses"
	case license.RehostLimit:
		return "the limit of re-hosts"
	}
	return "the limit " + string(code)
}

// moveReasons are the words for the reasons of re-hosts. The reason other has none: the note says it.
var moveReasons = map[string]string{
	"network-card-replaced": "the network card was replaced",
	"server-replaced":       "the server was replaced",
	"virtual-machine-moved": "the virtual machine was moved",
	"other":                 "",
}

// moveReason is why a license moves, and the note, at the end of a sentence.
func moveReason(says *ledger.AuditText) string {
	reason, known := moveReasons[says.Reason]
	if !known {
		reason = says.Reason
	}
	return because(strings.Join(slices.DeleteFunc([]string{reason, says.Note}, func(s string) bool { return s == "" }), "; "))
}

// met says in a clause that conditions of the sale are met, and which.
func met(recorded []ledger.Condition) string {
	switch len(recorded) {
	case 0:
		return "a condition of the sale is met"
	case 1:
		return "a condition of the sale is met: " + conditions(recorded)
	}
	return fmt.Sprintf("%d conditions of the sale are met: %s", len(recorded), conditions(recorded))
}

// conditions names each condition with the day that it was met on and the evidence.
func conditions(all []ledger.Condition) string {
	words := make([]string, len(all))
	for n, c := range all {
		words[n] = strings.ReplaceAll(c.Name, "-", " ")
		if !c.MetOn.IsNever() {
			words[n] += " on " + c.MetOn.Words()
		}
		if c.Evidence != "" {
			words[n] += " (" + c.Evidence + ")"
		}
	}
	return strings.Join(words, ", ")
}

// givenBack says what a license had taken that was given up before it was signed: the documents that its end changed. A
// request is open again, but where a correction had it name the right license, it names the wrong one again.
func givenBack(others []ledger.AuditDocument) string {
	text := ""
	for _, d := range others {
		switch d.Kind {
		case ledger.KindException:
			var exception deskBody
			_ = json.Unmarshal(d.Body, &exception) // its name can do without
			text += " The exception from " + rule(exception.Rule) + " is given back."
		case ledger.KindRequest:
			if d.State == "open" {
				text += " The license request that it had answered is open again."
			} else {
				text += " The license request names the earlier license again."
			}
		}
	}
	return text
}
