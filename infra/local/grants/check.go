package grants

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Allowance is a line of the allow list: a grant that may stay unused, and why.
type Allowance struct {
	Grant
	Reason string
	Line   int
}

// ReadAllowances reads the allow list: a line a grant, "Function Policy Sid action  # reason". Empty lines and lines that
// are comments alone are skipped; a grant without a reason is an error.
func ReadAllowances(file string) ([]Allowance, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the allow list of unused grants: %w", err)
	}
	var list []Allowance
	for n, line := range strings.Split(string(text), "\n") {
		grant, reason, _ := strings.Cut(line, "#")
		words := strings.Fields(grant)
		switch reason = strings.TrimSpace(reason); {
		case len(words) == 0:
			continue
		case len(words) != 4:
			return nil, fmt.Errorf("%s, line %d: %q is not: Function Policy Sid action  # reason", file, n+1, strings.TrimSpace(line))
		case reason == "":
			return nil, fmt.Errorf("%s, line %d: %s stands there without a reason: add one after a #", file, n+1, strings.Join(words, " "))
		}
		list = append(list, Allowance{Grant{words[0], words[1], words[2], words[3]}, reason, n + 1})
	}
	return list, nil
}

// Report is what Check found.
type Report struct {
	Granted int
	Unused  []Grant  // granted, never used, and not on the allow list
	Allowed []Grant  // the same, but on the allow list
	Stale   []string // what is wrong with the allow list, a sentence each
	Denied  []Denial // running functions that were refused
}

// Err is nil when every grant was used or is allowed to stay unused, the list says nothing else, and no running
// function was refused. Otherwise it names everything.
func (r Report) Err() error {
	var text strings.Builder
	if len(r.Unused) > 0 {
		fmt.Fprintf(&text, "%d of %d grants were never used in this test run:\n", len(r.Unused), r.Granted)
		for _, g := range r.Unused {
			fmt.Fprintf(&text, "  %s\n", describe(g))
		}
		text.WriteString("Take each out of template.yaml, or write the test that uses it, or list it with its reason in " + AllowList + ".\n")
	}
	for _, sentence := range r.Stale {
		fmt.Fprintf(&text, "%s: %s\n", AllowList, sentence)
	}
	if len(r.Denied) > 0 {
		text.WriteString("Running functions were refused in this test run:\n")
		for _, d := range r.Denied {
			fmt.Fprintf(&text, "  %s\n", d)
		}
		text.WriteString("Give the function the statement in template.yaml, or take the call out of it.\n")
	}
	if text.Len() == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.TrimSpace(text.String()))
}

// AllowList is the file of allowances, below the project.
const AllowList = "infra/local/grants/unused.txt"

func describe(g Grant) string {
	if g.Policy == Identity {
		return fmt.Sprintf("function %s, statement %s, action %s", g.Function, g.Sid, g.Action)
	}
	return fmt.Sprintf("function %s, key %s, statement %s, action %s", g.Function, g.Policy, g.Sid, g.Action)
}

// Check holds what was granted against what the book says.
func Check(granted []Grant, book *Book, allowed []Allowance) Report {
	report, used := Report{Granted: len(granted), Denied: book.Denials()}, book.Uses()
	for _, g := range granted {
		switch {
		case used[g] > 0:
		case slices.ContainsFunc(allowed, func(a Allowance) bool { return a.Grant == g }):
			report.Allowed = append(report.Allowed, g)
		default:
			report.Unused = append(report.Unused, g)
		}
	}
	for n, a := range allowed {
		twice := slices.ContainsFunc(allowed[:n], func(other Allowance) bool { return other.Grant == a.Grant })
		switch {
		case twice:
			report.Stale = append(report.Stale, fmt.Sprintf("line %d: %s stands there twice: remove one", a.Line, a.Grant))
		case !slices.Contains(granted, a.Grant):
			report.Stale = append(report.Stale, fmt.Sprintf("line %d: template.yaml no longer grants %s: remove the line", a.Line, a.Grant))
		case used[a.Grant] > 0:
			report.Stale = append(report.Stale, fmt.Sprintf("line %d: %s was used: remove the line", a.Line, a.Grant))
		}
	}
	return report
}
