package stacks_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/environment"
	"qmslicensing/shared/license/reconcile"
)

const runbook = "../RUNBOOK.md"

// section is a part of the runbook below a heading of the third level.
type section struct {
	chapter, title, body string
}

var notInAnchors = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchor is what a page of the repository makes of a heading.
func anchor(title string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

// readRunbook returns the sections by their anchors. Headings within fenced blocks are none.
func readRunbook(t *testing.T) (sections map[string]section, text string) {
	t.Helper()
	content, err := os.ReadFile(runbook)
	require.NoError(t, err)
	sections = map[string]section{}
	chapter, current, fenced := "", "", false
	for _, line := range strings.Split(string(content), "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		title, isSection := strings.CutPrefix(line, "### ")
		switch {
		case !fenced && strings.HasPrefix(line, "## "):
			chapter, current = strings.TrimPrefix(line, "## "), ""
		case !fenced && isSection:
			current = anchor(title)
			require.NotContains(t, sections, current, "two sections with one anchor")
			sections[current] = section{chapter: chapter, title: title}
		case current != "":
			s := sections[current]
			s.body += line + "\n"
			sections[current] = s
		}
	}
	require.False(t, fenced, "a block is not closed")
	return sections, string(content)
}

func TestRunbook_EveryAlarmHasItsSectionAndEverySectionItsAlarm(t *testing.T) {
	sections, _ := readRunbook(t)
	linked, written := map[string]bool{}, map[string]bool{}
	for id, a := range alarms(t) {
		found := link.FindStringSubmatch(a.AlarmDescription)
		require.NotNil(t, found, id)
		require.Contains(t, sections, found[1], "alarm %s links a section that is not there", id)
		linked[found[1]] = true
	}
	for at, s := range sections {
		if s.chapter == "Alarms" {
			written[at] = true
		}
	}
	require.Equal(t, linked, written)
}

var parts = []string{"**What it means.**", "**What to look at.**", "**What to do.**", "**When it is over.**"}

func TestRunbook_EverySectionOfAnAlarmHasItsParts(t *testing.T) {
	sections, _ := readRunbook(t)
	for at, s := range sections {
		if s.chapter != "Alarms" {
			continue
		}
		rest := s.body
		var texts []string
		for i, part := range parts {
			before, after, found := strings.Cut(rest, part)
			require.True(t, found, "%s: %s is missing or out of order", at, part)
			if i > 0 {
				texts = append(texts, before)
			}
			rest = after
		}
		texts = append(texts, rest)
		for i, text := range texts {
			require.Greater(t, len(strings.TrimSpace(text)), 20, "%s: %s says nothing", at, parts[i])
		}
		require.Contains(t, texts[1], "```", "%s: something to paste", at)
		require.Contains(t, texts[2], "\n1. ", "%s: steps", at)
	}
}

func TestRunbook_OperationsAreThere(t *testing.T) {
	sections, _ := readRunbook(t)
	for at, needs := range map[string]string{
		"rotate-a-signing-key":                                 "make drill-rotate",
		"loss-of-a-key":                                        "make drill-key-loss",
		"restore-the-tables":                                   "make drill-restore",
		"rotate-the-origin-secret":                             "OriginSecret",
		"a-staff-member-leaves":                                "AccessTokenMinutes",
		"add-a-staff-member":                                   "admin-add-user-to-group",
		"stop-all-issuing":                                     "disable-key",
		"take-a-stack-down":                                    "COMPLIANCE",
		"cloudfront-or-the-firewall-blocks-a-customer":         "RequestsPerAddress",
		"a-person-has-made-the-days-number-of-licenses":        "LicensesPerPersonDay",
		"demand-a-license-request-for-every-permanent-license": "RequireLicenseRequest",
		"take-new-indexes-into-use":                            "TableGeneration",
	} {
		require.Equal(t, "Operations", sections[at].chapter, at)
		require.Contains(t, sections[at].body, needs, at)
	}
}

// Whoever is woken pastes the first block as it is.
func TestRunbook_ItsCommandsAreForProduction(t *testing.T) {
	_, text := readRunbook(t)
	prod, err := environment.Load("../samconfig.toml", "prod")
	require.NoError(t, err)
	require.Contains(t, text, "\nexport STACK="+prod.Stack+" AWS_REGION="+prod.Region+"\n")
}

// The lists of functions that its queries are asked of are those that the alarms watch.
func TestRunbook_ItsListsOfFunctionsAreWhole(t *testing.T) {
	_, text := readRunbook(t)
	s := readStack(t, "alarms.yaml")
	list := func(name string) []string {
		found := regexp.MustCompile(`\nexport ` + name + `="([^"]*)"\n`).FindStringSubmatch(text)
		require.NotNil(t, found, name)
		return strings.Fields(found[1])
	}
	require.ElementsMatch(t, order(t, s, "WritingFunctions"), list("WRITING"))
	require.ElementsMatch(t, order(t, s, "ReadingFunctions"), list("READING"))
	var signing []string
	for _, f := range filters(t) {
		if f.MetricTransformations[0].MetricName == "KmsRefused" {
			group, _ := strings.CutSuffix(f.LogGroupName, "LogGroup")
			signing = append(signing, strings.ToLower(capital.ReplaceAllString(group, "$1-$2")))
		}
	}
	require.ElementsMatch(t, signing, list("SIGNING"))
}

// capital is a letter that begins a word within a name.
var capital = regexp.MustCompile(`([a-z])([A-Z])`)

func TestRunbook_EveryCodeOfAFindingHasItsRow(t *testing.T) {
	sections, _ := readRunbook(t)
	var want []string
	for _, code := range reconcile.Codes() {
		want = append(want, string(code))
	}
	var got []string
	for _, row := range regexp.MustCompile("(?m)^ +\\| `([a-z_]+)` \\| [^|]{20,} \\| [^|]{20,} \\|$").FindAllStringSubmatch(sections["reconcile-findings"].body, -1) {
		got = append(got, row[1])
	}
	require.Equal(t, want, got)
}

func TestRunbook_ItsOwnLinksLead(t *testing.T) {
	sections, text := readRunbook(t)
	links := regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, links)
	for _, found := range links {
		require.Contains(t, sections, found[1])
	}
}

func TestRunbook_NamesWhatTheTemplateMakes(t *testing.T) {
	_, text := readRunbook(t)
	template := readStack(t, root)
	groups := map[string]bool{}
	for _, g := range resourcesOf[struct {
		LogGroupName string `yaml:"LogGroupName"`
	}](t, template, "AWS::Logs::LogGroup") {
		groups[strings.TrimPrefix(g.LogGroupName, "/qms/${AWS::StackName}/")] = true
	}
	for what, check := range map[string]struct {
		pattern string
		known   func(string) bool
	}{
		"log group": {"`/qms/STACK/([a-z-]+)`", func(name string) bool { return groups[name] }},
		"resource":  {`physical ([A-Z]\w+)\)`, func(name string) bool { _, ok := template.Resources[name]; return ok }},
		"output":    {`output ([A-Z]\w+)[)\x60]`, func(name string) bool { _, ok := template.Outputs[name]; return ok }},
	} {
		found := regexp.MustCompile(check.pattern).FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, found, what)
		for _, name := range found {
			require.True(t, check.known(name[1]), "the template has no %s %s", what, name[1])
		}
	}
}

// A query that asks for a line which nobody writes finds nothing, and whoever is woken believes it.
func TestRunbook_QueriesAskForLinesThatAreWritten(t *testing.T) {
	_, text := readRunbook(t)
	written := map[string]bool{}
	for _, c := range logged(t) {
		for _, line := range c.lines {
			if msg, ok := line["msg"].(string); ok {
				written[msg] = true
			}
		}
	}
	asked := regexp.MustCompile(`msg = "([^"]+)"`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, asked)
	for _, found := range asked {
		require.True(t, written[found[1]], "no code writes the line %q", found[1])
	}
}
