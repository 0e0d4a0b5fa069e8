package cost

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"qmslicensing/infra/local/template"
)

// What stands around the computed text in a Markdown file.
const (
	Begin = "<!-- computed by infra/cost -->"
	End   = "<!-- end -->"
)

// Insert puts text between Begin and End of a Markdown file.
func Insert(file, text string) (string, error) {
	before, rest, begins := strings.Cut(file, Begin)
	_, after, ends := strings.Cut(rest, End)
	if !begins || !ends {
		return "", fmt.Errorf("the file has no place for the figures: %s … %s", Begin, End)
	}
	return before + Begin + "\n" + text + End + after, nil
}

// Summary is the figures in short, for the project's README: of each function its dearest operation, the dearest first.
func (s Sheet) Summary(app *template.Application, standing Standing) (string, error) {
	idle, err := s.Idle(app, standing)
	if err != nil {
		return "", err
	}
	lines, err := s.Operations(app)
	if err != nil {
		return "", err
	}
	var words []string
	sum := 0.0
	for _, part := range idle {
		if part.USD == 0 {
			continue
		}
		sum += part.USD
		words = append(words, fmt.Sprintf("%s %s", part.Name, dollars(part.USD)))
	}
	text := &strings.Builder{}
	fmt.Fprintf(text, "Idle, a month: **%s** (%s).\n\n", dollars(sum), strings.Join(words, ", "))
	writeLines(text, dearest(lines))
	return text.String(), nil
}

// dearest leaves of each function the line of the highest sum.
func dearest(lines []Line) []Line {
	best := map[string]Line{}
	for _, line := range lines {
		if line.Sum() > best[line.Function].Sum() {
			best[line.Function] = line
		}
	}
	return slices.Collect(maps.Values(best))
}

// writeLines writes a table of what 1,000,000 calls cost, the dearest first.
func writeLines(text *strings.Builder, lines []Line) {
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(b.Sum(), a.Sum()), cmp.Compare(a.Call.Operation, b.Call.Operation))
	})
	shown := shownParts(lines)
	fmt.Fprintf(text, "| 1,000,000 times | sum | %s | kept, a month |\n|---|%s\n", strings.Join(shown, " | "), strings.Repeat("--:|", len(shown)+2))
	for _, line := range lines {
		fmt.Fprintf(text, "| %s | **%s** |", line.Call.Operation, dollars(line.Sum()))
		for _, part := range line.Parts {
			if slices.Contains(shown, part.Name) {
				fmt.Fprintf(text, " %s |", orDash(part.USD))
			}
		}
		fmt.Fprintf(text, " %s |\n", orDash(line.Kept))
	}
}

// shownParts are those that cost something anywhere.
func shownParts(lines []Line) []string {
	var names []string
	for _, line := range lines {
		for _, part := range line.Parts {
			if part.USD > 0 && !slices.Contains(names, part.Name) {
				names = append(names, part.Name)
			}
		}
	}
	if len(lines) > 0 { // in the order of the bill
		order := func(name string) int {
			return slices.IndexFunc(lines[0].Parts, func(p Part) bool { return p.Name == name })
		}
		slices.SortFunc(names, func(a, b string) int { return order(a) - order(b) })
	}
	return names
}

// Details are the figures of every operation and what they rest on: prices, what one call uses, and what is assumed.
func (s Sheet) Details(app *template.Application) (string, error) {
	lines, err := s.Operations(app)
	if err != nil {
		return "", err
	}
	text := &strings.Builder{}
	text.WriteString("## What every operation costs\n\nIn US dollars.\n\n")
	writeLines(text, lines)
	text.WriteString("\n")
	fmt.Fprintf(text, "## Prices\n\nList prices of %s in US dollars, as far as known on %s.\n\n", s.Prices.Region, s.Prices.Date)
	fmt.Fprintf(text, "| what | price | on %s |\n|---|---|---|\n", s.Prices.Date)
	for _, p := range s.Prices.List {
		amount := "free"
		if p.USD > 0 {
			amount = fmt.Sprintf("$%s for %s %s", strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.10f", p.USD), "0"), "."), thousands(p.Per), p.Unit)
		}
		fmt.Fprintf(text, "| [%s](%s) | %s | %s |\n", p.Name, p.Page, amount, p.Status)
	}
	text.WriteString("\n## What one call uses\n\n| operation | request, answer, log: bytes | read units | write units | requests | signatures | audit entries | stored bytes | assumed |\n|---|---|--:|--:|--:|--:|--:|--:|---|\n")
	for _, f := range app.Functions {
		assumed := fmt.Sprintf("%.0f ms at %d MB", s.Assumptions.Milliseconds[f.LogicalID], f.MemoryMB)
		if len(s.Calls[f.LogicalID]) == 0 {
			fmt.Fprintf(text, "| %s, for each audit entry | | | | | | | | %s |\n", f.Name, assumed)
			continue
		}
		for _, call := range s.Calls[f.LogicalID] {
			fmt.Fprintf(text, "| %s | %s, %s, %d | %g | %g | %d | %d | %d | %s | %s |\n", call.Operation, thousands(float64(call.RequestBytes)), thousands(float64(call.AnswerBytes)), call.LogBytes,
				call.Reads, call.Writes, call.Requests, call.Signatures, call.AuditEntries, thousands(float64(call.StoredBytes)), assumed)
		}
	}
	a := s.Assumptions
	fmt.Fprintf(text, "\nAssumed for all: headers of %s bytes in a request and %s in an answer, and %s bytes that Lambda itself logs of an invocation.\n",
		thousands(a.RequestHeaderBytes), thousands(a.AnswerHeaderBytes), thousands(a.PlatformLogBytes))
	return text.String(), nil
}

func dollars(usd float64) string { return fmt.Sprintf("$%.2f", usd) }

func orDash(usd float64) string {
	if usd == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", usd)
}

func thousands(n float64) string {
	digits := fmt.Sprintf("%.0f", n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
