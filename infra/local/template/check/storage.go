package check

import (
	"fmt"
	"slices"
	"strings"

	"qmslicensing/infra/local/template"
)

// Streams finds statements on a table's stream that do more than read it, or that a function has which no event source
// mapping ties to that stream, and mappings whose function does not report what failed.
func Streams(app *template.Application) []string {
	reading := []string{"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"}
	wrong := each(app, func(f template.Function, s template.Statement) string {
		for _, resource := range s.Resources {
			if !strings.Contains(resource, "/stream/") {
				continue
			}
			if !slices.ContainsFunc(app.Sources, func(source template.Source) bool {
				return source.Function == f.LogicalID && resource == template.StreamARN(source.Table)
			}) {
				return "reaches a stream that does not trigger the function"
			}
			for _, action := range s.Actions {
				if !slices.Contains(reading, action) {
					return fmt.Sprintf("gives %s on a stream, more than reading it", action)
				}
			}
		}
		return ""
	})
	for _, source := range app.Sources {
		if !source.Partial {
			wrong = append(wrong, source.LogicalID+": one record that fails repeats its whole batch: no ReportBatchItemFailures")
		}
	}
	return wrong
}

// Buckets finds buckets that are not private, encrypted and versioned or lock nothing, whose objects somebody could delete
// early, and whose policies do not deny exactly what is wanted (Sid → as Describe puts it).
func Buckets(app *template.Application, denied map[string]map[string]string) []string {
	var wrong []string
	say := func(b template.Bucket, format string, arguments ...any) {
		wrong = append(wrong, b.LogicalID+": "+fmt.Sprintf(format, arguments...))
	}
	for _, b := range app.Buckets {
		if !b.Private {
			say(b, "public access is not blocked in every way")
		}
		if !b.Versioned || b.RetentionMode != "COMPLIANCE" || b.RetentionDays < 1 {
			say(b, "its objects can be deleted early: versions %t, retention %q of %d days", b.Versioned, b.RetentionMode, b.RetentionDays)
		}
		if b.Encryption != "AES256" {
			say(b, "encryption %q: only with AES256 is the ETag the MD5 of the content", b.Encryption)
		}
		said := map[string]bool{}
		for _, s := range b.Policy {
			said[s.Sid] = true
			if got, want := Describe(s), denied[b.LogicalID][s.Sid]; got != want {
				say(b, "statement %s says %q, wanted is %q", s.Sid, got, want)
			}
		}
		for sid := range denied[b.LogicalID] {
			if !said[sid] {
				say(b, "statement %s is missing", sid)
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// Queues finds queues that are not encrypted or may be reached without TLS.
func Queues(app *template.Application) []string {
	var wrong []string
	for _, q := range app.Queues {
		if !q.Encrypted {
			wrong = append(wrong, q.LogicalID+": is not encrypted")
		}
		if !slices.ContainsFunc(q.Policy, func(s template.Statement) bool {
			return slices.Equal(s.Conditions["Bool"]["aws:SecureTransport"], []string{"false"}) && slices.Equal(s.Resources, []string{q.ARN})
		}) {
			wrong = append(wrong, q.LogicalID+": may be reached without TLS")
		}
	}
	return wrong
}
