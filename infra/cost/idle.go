package cost

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"

	"qmslicensing/infra/local/template"
)

// month is 730 hours, as AWS counts.
const month = 730 * time.Hour

// Standing is what the templates hold that costs something while nobody calls.
type Standing struct {
	Keys          int // of KMS
	WebACLs       int
	Rules         int // of these
	AlarmMetrics  int // that alarms watch; an alarm on an expression watches several
	CustomMetrics int // that metric filters make of logs
}

// Count reads the templates of the project at root: template.yaml and those below infra/stacks. It counts what they make
// in us-east-1, with the web ACL.
func Count(root string) (Standing, error) {
	nested, err := filepath.Glob(filepath.Join(root, "infra", "stacks", "*.yaml"))
	if err != nil {
		return Standing{}, err
	}
	var s Standing
	metrics := map[string]bool{}
	for _, path := range append(nested, filepath.Join(root, "template.yaml")) {
		text, err := os.ReadFile(path)
		if err != nil {
			return Standing{}, err
		}
		var file struct {
			Resources map[string]resource `yaml:"Resources"`
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return Standing{}, fmt.Errorf("reading %s: %w", path, err)
		}
		for _, r := range file.Resources {
			if err := s.add(r, metrics); err != nil {
				return Standing{}, fmt.Errorf("reading %s: %w", path, err)
			}
		}
	}
	s.CustomMetrics = len(metrics)
	return s, nil
}

type resource struct {
	Type       string    `yaml:"Type"`
	Properties yaml.Node `yaml:"Properties"`
}

func (s *Standing) add(r resource, metrics map[string]bool) error {
	var p struct {
		Rules   []yaml.Node `yaml:"Rules"`
		Metrics []struct {
			MetricStat yaml.Node `yaml:"MetricStat"`
		} `yaml:"Metrics"`
		MetricTransformations []struct {
			MetricName string `yaml:"MetricName"`
		} `yaml:"MetricTransformations"`
	}
	switch r.Type {
	case "AWS::KMS::Key":
		s.Keys++
		return nil
	case "AWS::WAFv2::WebACL", "AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter":
		if err := r.Properties.Decode(&p); err != nil {
			return err
		}
	case "AWS::CloudWatch::CompositeAlarm":
		return fmt.Errorf("a composite alarm has a price of its own: add it to prices.json and here")
	}
	switch r.Type {
	case "AWS::WAFv2::WebACL":
		s.WebACLs++
		s.Rules += len(p.Rules)
	case "AWS::CloudWatch::Alarm":
		watched := 0
		for _, m := range p.Metrics {
			if !m.MetricStat.IsZero() {
				watched++
			}
		}
		s.AlarmMetrics += max(watched, 1)
	}
	for _, m := range p.MetricTransformations {
		metrics[m.MetricName] = true
	}
	return nil
}

// Idle is what a month costs in which nobody calls.
func (s Sheet) Idle(app *template.Application, standing Standing) ([]Part, error) {
	p, a := s.Prices, s.Assumptions
	parts := []Part{
		{many(standing.Keys, "KMS key"), p.of("KMS key", float64(standing.Keys))},
		{many(standing.WebACLs, "web ACL") + " with " + many(standing.Rules, "rule"), p.of("WAF web ACL", float64(standing.WebACLs)) + p.of("WAF rule", float64(standing.Rules))},
		{"alarms on " + many(standing.AlarmMetrics, "metric"), p.of("Alarm", float64(standing.AlarmMetrics))},
		{many(standing.CustomMetrics, "metric") + " made of logs", p.of("Custom metric", float64(standing.CustomMetrics))},
	}
	for _, schedule := range app.Schedules {
		runs := float64(month / schedule.Every)
		call, counted := s.Calls.scheduled(schedule.Function)
		if !counted {
			return nil, fmt.Errorf("calls.json has no run of %s", schedule.Function)
		}
		for _, f := range app.Functions {
			if f.LogicalID != schedule.Function {
				continue
			}
			lambda, err := s.lambda(f)
			if err != nil {
				return nil, err
			}
			parts = append(parts, Part{fmt.Sprintf("%s runs of %s", thousands(runs), f.Name), runs * (lambda*float64(call.Invocations) +
				p.of("EventBridge scheduled rule", 1) + p.of("DynamoDB read unit", call.Reads) + p.of("DynamoDB write unit", call.Writes) +
				p.of("Log ingestion", (float64(call.LogBytes)+a.PlatformLogBytes*float64(call.Invocations))/gigabyte))})
		}
	}
	return parts, nil
}

// many is a number of things in words.
func many(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
