package cost_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/cost"
	"qmslicensing/infra/local/template"
)

var update = flag.Bool("update", false, "write the figures into README.md and infra/cost/README.md")

const root = "../.."

func read(t *testing.T) (cost.Sheet, *template.Application, cost.Standing) {
	t.Helper()
	sheet, err := cost.Read()
	require.NoError(t, err)
	app, err := template.Load(filepath.Join(root, "template.yaml"), map[string]string{"TokenIssuer": "https://example.com", "TokenAudience": "console", "KmsEndpoint": "http://localhost"})
	require.NoError(t, err)
	standing, err := cost.Count(root)
	require.NoError(t, err)
	return sheet, app, standing
}

func TestREADME_HasTheFiguresThatAreComputed(t *testing.T) {
	sheet, app, standing := read(t)
	summary, err := sheet.Summary(app, standing)
	require.NoError(t, err)
	require.Contains(t, summary, "issue a subscription")
	details, err := sheet.Details(app)
	require.NoError(t, err)
	for path, text := range map[string]string{"README.md": summary, "infra/cost/README.md": details} {
		path = filepath.Join(root, path)
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		wanted, err := cost.Insert(string(file), text)
		require.NoError(t, err, path)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(wanted), 0o644))
			continue
		}
		require.Equal(t, wanted, string(file), "other figures are computed now: go test ./infra/cost -update")
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), sheet.Prices.Date, "the date of the prices stands beside the figures")
}

// One operation by hand, so that the computation is not only held to itself.
func TestOperations_AnIssueByHand(t *testing.T) {
	_, app, _ := read(t)
	sheet := cost.Sheet{
		Prices: cost.Prices{List: []cost.Price{
			{Name: "HTTP API request", USD: 1, Per: 1e6}, {Name: "CloudFront request", USD: 0.01, Per: 1e4}, {Name: "WAF request", USD: 0.6, Per: 1e6},
			{Name: "CloudFront to viewer", USD: 0.085, Per: 1}, {Name: "CloudFront to origin", USD: 0.02, Per: 1},
			{Name: "Lambda request", USD: 0.2, Per: 1e6}, {Name: "Lambda GB-second, arm64", USD: 0.00001, Per: 1},
			{Name: "DynamoDB read unit", USD: 0.125, Per: 1e6}, {Name: "DynamoDB write unit", USD: 0.625, Per: 1e6},
			{Name: "DynamoDB storage", USD: 0.25, Per: 1}, {Name: "DynamoDB point-in-time recovery", USD: 0.2, Per: 1},
			{Name: "KMS signature, ECC", USD: 0.15, Per: 1e4}, {Name: "Log ingestion", USD: 0.5, Per: 1},
			{Name: "S3 PUT", USD: 0.005, Per: 1e3}, {Name: "DynamoDB stream read by Lambda", USD: 0, Per: 1},
		}},
		Assumptions: cost.Assumptions{Milliseconds: map[string]float64{"IssueFunction": 100, "ArchiveFunction": 0}},
		Calls: cost.Calls{"IssueFunction": {{
			Operation: "issue", Route: "POST /v1/licenses", RequestBytes: 600 << 10, AnswerBytes: 1 << 10, LogBytes: 1 << 10,
			Invocations: 1, Reads: 4, Writes: 40, StoredBytes: 1 << 10, Signatures: 1,
		}}},
	}
	lines, err := sheet.Operations(app)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	kilobytes := 1e6 / (1 << 20) // GB of a million KB
	want := map[string]float64{
		"API Gateway":     2, // two of 512 KB
		"CloudFront, WAF": 1 + 0.6 + 0.085*kilobytes + 0.02*600*kilobytes,
		"Lambda":          0.2 + 1e6*0.1*0.25*0.00001, // 256 MB
		"DynamoDB":        0.5 + 25,
		"KMS":             15,
		"logs":            0.5 * kilobytes,
		"archive":         0,
	}
	sum := 0.0
	for _, part := range lines[0].Parts {
		require.InDelta(t, want[part.Name], part.USD, 1e-9, part.Name)
		sum += want[part.Name]
	}
	require.Len(t, lines[0].Parts, len(want))
	require.InDelta(t, sum, lines[0].Sum(), 1e-9)
	require.InDelta(t, 0.45*kilobytes, lines[0].Kept, 1e-9)
}

func TestOperations_EveryRouteAndScheduleIsPriced(t *testing.T) {
	sheet, app, standing := read(t)
	lines, err := sheet.Operations(app)
	require.NoError(t, err)
	priced := map[string]bool{}
	for _, line := range lines {
		priced[line.Call.Route] = true
	}
	for _, route := range app.Routes {
		require.True(t, priced[route.Method+" "+route.Path], "%s %s is not priced", route.Method, route.Path)
	}
	require.Equal(t, len(app.Keys), standing.Keys)
	require.Equal(t, 1, standing.WebACLs)
	idle, err := sheet.Idle(app, standing)
	require.NoError(t, err)
	require.Len(t, idle, 4+len(app.Schedules))
	for _, part := range idle[4:] {
		require.Positive(t, part.USD, part.Name)
	}
	for _, f := range app.Functions {
		require.Positive(t, sheet.Assumptions.Milliseconds[f.LogicalID], "assumptions.json says no milliseconds of %s", f.LogicalID)
	}
}

func TestPrices_EachNamesItsPageAndWhetherItIsConfirmed(t *testing.T) {
	sheet, _, _ := read(t)
	require.Regexp(t, `^\d{4}-\d\d-\d\d$`, sheet.Prices.Date)
	for _, p := range sheet.Prices.List {
		require.True(t, strings.HasPrefix(p.Page, "https://aws.amazon.com/"), p.Name)
		require.Contains(t, []string{"confirmed", "unconfirmed"}, p.Status, p.Name)
		require.Positive(t, p.Per, p.Name)
		require.GreaterOrEqual(t, p.USD, 0.0, p.Name)
	}
}

func TestCount_WhatStandsInTheTemplates(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "infra", "stacks"), 0o700))
	write := func(path, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600))
	}
	write("template.yaml", `
Resources:
  Key: {Type: AWS::KMS::Key, Properties: {KeySpec: ECC_NIST_P256, Description: !Sub "key of ${AWS::StackName}"}}
  Alias: {Type: AWS::KMS::Alias}
  Acl: {Type: AWS::WAFv2::WebACL, Properties: {Rules: [{Name: a}, {Name: b}]}}
`)
	write("infra/stacks/alarms.yaml", `
Resources:
  One: {Type: AWS::CloudWatch::Alarm, Properties: {MetricName: 5xx}}
  Expression:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics: [{Id: sum, Expression: a + b}, {Id: a, MetricStat: {Stat: Sum}}, {Id: b, MetricStat: {Stat: Sum}}]
  Here: {Type: AWS::Logs::MetricFilter, Properties: {MetricTransformations: [{MetricName: Refused}]}}
  There: {Type: AWS::Logs::MetricFilter, Properties: {MetricTransformations: [{MetricName: Refused}]}}
`)
	got, err := cost.Count(dir)
	require.NoError(t, err)
	require.Equal(t, cost.Standing{Keys: 1, WebACLs: 1, Rules: 2, AlarmMetrics: 3, CustomMetrics: 1}, got)

	write("infra/stacks/more.yaml", "Resources: {Both: {Type: AWS::CloudWatch::CompositeAlarm}}")
	_, err = cost.Count(dir)
	require.ErrorContains(t, err, "composite alarm", "what has no price here is not counted as free")
}
