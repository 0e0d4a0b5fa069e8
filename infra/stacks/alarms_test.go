// Package stacks_test holds the alarms to what stands outside of their stack: to the runbook, to the lines that the code
// logs, and to the functions of the root template.
package stacks_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// resource is an entry of a template's Resources.
type resource struct {
	Type       string    `yaml:"Type"`
	Properties yaml.Node `yaml:"Properties"`
}

// stack is a template, as far as these tests read one.
type stack struct {
	Parameters map[string]struct {
		Description string `yaml:"Description"`
	} `yaml:"Parameters"`
	Globals struct {
		Function struct {
			Timeout int `yaml:"Timeout"`
		} `yaml:"Function"`
	} `yaml:"Globals"`
	Resources map[string]resource  `yaml:"Resources"`
	Outputs   map[string]yaml.Node `yaml:"Outputs"`
}

func readStack(t *testing.T, path string) stack {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var s stack
	require.NoError(t, yaml.Unmarshal(text, &s))
	return s
}

const root = "../../template.yaml"

// metric is what an alarm watches, and what each metric of an expression names.
type metric struct {
	Namespace  string `yaml:"Namespace"`
	MetricName string `yaml:"MetricName"`
	Dimensions []struct {
		Name  string    `yaml:"Name"`
		Value yaml.Node `yaml:"Value"` // !Ref X or !Select [n, !Ref X]
	} `yaml:"Dimensions"`
}

// query is one entry of an alarm's Metrics: an expression, or a metric for it.
type query struct {
	ID         string `yaml:"Id"`
	Expression string `yaml:"Expression"`
	ReturnData *bool  `yaml:"ReturnData"`
	MetricStat struct {
		Stat   string `yaml:"Stat"`
		Period int    `yaml:"Period"`
		Metric metric `yaml:"Metric"`
	} `yaml:"MetricStat"`
}

type alarm struct {
	metric             `yaml:",inline"`
	AlarmName          string   `yaml:"AlarmName"`
	AlarmDescription   string   `yaml:"AlarmDescription"`
	AlarmActions       []string `yaml:"AlarmActions"`
	OKActions          []string `yaml:"OKActions"`
	TreatMissingData   string   `yaml:"TreatMissingData"`
	ComparisonOperator string   `yaml:"ComparisonOperator"`
	Threshold          string   `yaml:"Threshold"`
	EvaluationPeriods  int      `yaml:"EvaluationPeriods"`
	Statistic          string   `yaml:"Statistic"`
	Period             int      `yaml:"Period"`
	Metrics            []query  `yaml:"Metrics"`
}

// metrics returns every metric that the alarm reads.
func (a alarm) metrics() []metric {
	if len(a.Metrics) == 0 {
		return []metric{a.metric}
	}
	var found []metric
	for _, q := range a.Metrics {
		if q.Expression == "" {
			found = append(found, q.MetricStat.Metric)
		}
	}
	return found
}

// resourcesOf decodes the properties of every resource of a type, by logical id.
func resourcesOf[T any](t *testing.T, s stack, kind string) map[string]T {
	t.Helper()
	found := map[string]T{}
	for id, r := range s.Resources {
		if r.Type == kind {
			var properties T
			require.NoError(t, r.Properties.Decode(&properties), id)
			found[id] = properties
		}
	}
	require.NotEmpty(t, found)
	return found
}

func alarms(t *testing.T) map[string]alarm {
	return resourcesOf[alarm](t, readStack(t, "alarms.yaml"), "AWS::CloudWatch::Alarm")
}

var link = regexp.MustCompile(`^\$\{Environment\}: .{20,}\. \$\{RunbookUrl\}#([a-z-]+)$`)

func TestAlarms_EachSaysWhatIsWrongAndWhereToReadOn(t *testing.T) {
	for id, a := range alarms(t) {
		require.Equal(t, []string{"Topic"}, a.AlarmActions, id)
		require.Equal(t, []string{"Topic"}, a.OKActions, id)
		found := link.FindStringSubmatch(a.AlarmDescription)
		require.NotNil(t, found, "%s: the description %q does not say a sentence and end with the runbook's section", id, a.AlarmDescription)
		require.LessOrEqual(t, len(a.AlarmDescription), 800, "%s: CloudWatch takes 1,024 characters with the addresses", id)
		require.Equal(t, "${SystemName}-"+found[1], a.AlarmName, id)
		require.Equal(t, id, strings.ReplaceAll(titled(found[1]), "-", ""), "%s and its section %s", id, found[1])
	}
}

// titled capitalizes each word between dashes.
func titled(slug string) string {
	words := strings.Split(slug, "-")
	for i, word := range words {
		words[i] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "-")
}

// What is not reported is good news, except that the sweep and reconcile run.
func TestAlarms_MissingDataIsDecided(t *testing.T) {
	for id, a := range alarms(t) {
		want := "notBreaching"
		if strings.HasSuffix(id, "NotRunning") {
			want = "breaching"
			require.Equal(t, "LessThanThreshold", a.ComparisonOperator)
		} else {
			require.Contains(t, a.ComparisonOperator, "Greater", id)
		}
		require.Equal(t, want, a.TreatMissingData, id)
		require.NotEmpty(t, a.Threshold, id)
		require.Positive(t, a.EvaluationPeriods, id)
	}
}

// published are the metrics that AWS publishes, with their dimensions, as far as they are used here.
var published = map[string][]string{
	"AWS/Lambda Errors":                          {"FunctionName"},
	"AWS/Lambda Throttles":                       {"FunctionName"},
	"AWS/Lambda Duration":                        {"FunctionName"},
	"AWS/Lambda Invocations":                     {"FunctionName"},
	"AWS/Lambda IteratorAge":                     {"FunctionName"},
	"AWS/DynamoDB ConsumedWriteCapacityUnits":    {"TableName"},
	"AWS/DynamoDB ReadThrottleEvents":            {"TableName", "TableName GlobalSecondaryIndexName"},
	"AWS/DynamoDB WriteThrottleEvents":           {"TableName", "TableName GlobalSecondaryIndexName"},
	"AWS/ApiGateway 5xx":                         {"ApiId"},
	"AWS/SQS ApproximateNumberOfMessagesVisible": {"QueueName"},
	"AWS/Cognito SignInSuccesses":                {"UserPool UserPoolClient"},
}

const own = "QMS/${SystemName}"

func TestAlarms_WatchWhatIsPublished(t *testing.T) {
	counted := map[string]bool{}
	for _, f := range filters(t) {
		counted[f.MetricTransformations[0].MetricName] = true
	}
	watched := map[string]bool{}
	for id, a := range alarms(t) {
		for _, m := range a.metrics() {
			if m.Namespace == own {
				require.True(t, counted[m.MetricName], "%s: no filter counts %s", id, m.MetricName)
				require.Empty(t, m.Dimensions, id)
				watched[m.MetricName] = true
				continue
			}
			var dimensions []string
			for _, d := range m.Dimensions {
				dimensions = append(dimensions, d.Name)
			}
			require.Contains(t, published[m.Namespace+" "+m.MetricName], strings.Join(dimensions, " "), "%s: %s %s", id, m.Namespace, m.MetricName)
		}
	}
	require.Equal(t, counted, watched, "every metric of the filters has its alarm")
}

func TestAlarms_ExpressionsAreWhatCloudWatchTakes(t *testing.T) {
	operand := regexp.MustCompile(`\b[a-z]\w*\b`)
	for id, a := range alarms(t) {
		if len(a.Metrics) == 0 {
			require.NotEmpty(t, a.Statistic, id)
			require.Positive(t, a.Period, id)
			continue
		}
		ids, expressions := []string{}, []string{}
		for _, q := range a.Metrics {
			if q.Expression != "" {
				expressions = append(expressions, q.Expression)
				continue
			}
			ids = append(ids, q.ID)
			require.NotNil(t, q.ReturnData, "%s: %s", id, q.ID)
			require.False(t, *q.ReturnData, "%s: one series alone decides", id)
			require.Equal(t, a.Metrics[1].MetricStat.Period, q.MetricStat.Period, "%s: one period for all", id)
		}
		require.LessOrEqual(t, len(ids), 10, "%s: an alarm reads at most 10 metrics", id)
		require.Len(t, expressions, 1, id)
		if expressions[0] != "SUM(METRICS())" {
			require.ElementsMatch(t, ids, operand.FindAllString(expressions[0], -1), "%s: %s", id, expressions[0])
		}
	}
}

// order reads the names of a list of functions from the description of its parameter.
func order(t *testing.T, s stack, parameter string) []string {
	t.Helper()
	_, list, ok := strings.Cut(s.Parameters[parameter].Description, "in this order - ")
	require.True(t, ok, parameter)
	return strings.Split(list, ", ")
}

// function returns the function that a metric is of: the n-th of its list.
func (q query) function(t *testing.T, s stack) string {
	t.Helper()
	value := q.MetricStat.Metric.Dimensions[0].Value
	require.Equal(t, "!Select", value.Tag)
	n, err := strconv.Atoi(value.Content[0].Value)
	require.NoError(t, err)
	return order(t, s, value.Content[1].Value)[n]
}

func TestAlarms_FunctionsAreTakenFromTheirPlaceInTheList(t *testing.T) {
	s := readStack(t, "alarms.yaml")
	for id, a := range alarms(t) {
		if !strings.HasPrefix(id, "Writing") && !strings.HasPrefix(id, "Reading") {
			continue
		}
		var functions []string
		for _, q := range a.Metrics[1:] {
			function := q.function(t, s)
			require.Contains(t, function, q.ID, id)
			functions = append(functions, function)
		}
		list := order(t, s, "WritingFunctions")
		if strings.HasPrefix(id, "Reading") {
			list = order(t, s, "ReadingFunctions")
		}
		// How far the archive is behind has an alarm of its own; the other two work as long as they have time.
		left := map[string][]string{"WritingSlow": {"archive", "renew-subscription"}, "ReadingSlow": {"reconcile"}}[id]
		list = slices.DeleteFunc(list, func(name string) bool { return slices.Contains(left, name) })
		require.Equal(t, list, functions, id)
	}
	for id, want := range map[string]string{"SweepNotRunning": "sweep", "ReconcileNotRunning": "reconcile", "ArchiveBehind": "archive"} {
		q := query{}
		q.MetricStat.Metric = alarms(t)[id].metric
		require.Equal(t, want, q.function(t, s), id)
	}
}

// An expression such as MAX([issue/200]) is percent of the time limit only while that is 20 s.
func TestAlarms_SlowIsMeasuredByTheTimeLimits(t *testing.T) {
	s, template := readStack(t, "alarms.yaml"), readStack(t, root)
	limits := map[string]int{}
	for _, f := range resourcesOf[struct {
		CodeURI string `yaml:"CodeUri"`
		Timeout int    `yaml:"Timeout"`
	}](t, template, "AWS::Serverless::Function") {
		if f.Timeout == 0 {
			f.Timeout = template.Globals.Function.Timeout
		}
		limits[strings.TrimPrefix(f.CodeURI, "build/")] = f.Timeout
	}
	share := regexp.MustCompile(`([a-z]+)/(\d+)`)
	measured := 0
	for _, id := range []string{"WritingSlow", "ReadingSlow"} {
		a := alarms(t)[id]
		require.Equal(t, "80", a.Threshold, id)
		functions := map[string]string{}
		for _, q := range a.Metrics[1:] {
			functions[q.ID] = q.function(t, s)
		}
		for _, part := range share.FindAllStringSubmatch(a.Metrics[0].Expression, -1) {
			divisor, err := strconv.Atoi(part[2])
			require.NoError(t, err)
			limit := limits[functions[part[1]]] * 1000 // milliseconds, as Duration is
			require.Equal(t, limit, divisor*100, "%s: the time limit of %s is %d ms", id, functions[part[1]], limit)
			measured++
		}
	}
	require.Equal(t, len(limits)-3, measured, "all but archive, renew-subscription and reconcile")
}

// Of an index the table's own metrics say nothing, and a full one stops the writes of its table.
func TestAlarms_EveryTableAndIndexIsWatchedForThrottling(t *testing.T) {
	want, got := map[string]bool{}, map[string]int{}
	for id, table := range resourcesOf[struct {
		GlobalSecondaryIndexes []struct {
			IndexName string `yaml:"IndexName"`
		} `yaml:"GlobalSecondaryIndexes"`
	}](t, readStack(t, root), "AWS::DynamoDB::Table") {
		places := []string{id}
		for _, index := range table.GlobalSecondaryIndexes {
			places = append(places, id+" "+index.IndexName)
		}
		for _, place := range places {
			want["ReadThrottleEvents "+place], want["WriteThrottleEvents "+place] = true, true
		}
	}
	for _, a := range alarms(t) {
		for _, m := range a.metrics() {
			if !strings.HasSuffix(m.MetricName, "ThrottleEvents") {
				continue
			}
			place := m.MetricName
			for _, d := range m.Dimensions {
				place += " " + strings.TrimSuffix(d.Value.Value, "Name")
			}
			got[place]++
			require.Equal(t, 1, got[place], place)
			require.True(t, want[place], "%s is watched and not there", place)
		}
	}
	require.Len(t, got, len(want), "all are watched")
}

func TestAlarms_OnlyThisAccountsAlarmsPublish(t *testing.T) {
	for id, p := range resourcesOf[struct {
		PolicyDocument struct {
			Statement []struct {
				Effect, Action string
				Principal      yaml.Node                    `yaml:"Principal"`
				Condition      map[string]map[string]string `yaml:"Condition"`
			} `yaml:"Statement"`
		} `yaml:"PolicyDocument"`
	}](t, readStack(t, "alarms.yaml"), "AWS::SNS::TopicPolicy") {
		require.Len(t, p.PolicyDocument.Statement, 2, id)
		allow, deny := p.PolicyDocument.Statement[0], p.PolicyDocument.Statement[1]
		var principal map[string]string
		require.NoError(t, allow.Principal.Decode(&principal))
		require.Equal(t, map[string]string{"Service": "cloudwatch.amazonaws.com"}, principal)
		require.Equal(t, "AWS::AccountId", allow.Condition["StringEquals"]["aws:SourceAccount"])
		require.Contains(t, allow.Condition["ArnLike"]["aws:SourceArn"], ":${AWS::AccountId}:alarm:")
		require.Equal(t, "*", deny.Principal.Value)
		require.Equal(t, "false", deny.Condition["Bool"]["aws:SecureTransport"])
	}
}
