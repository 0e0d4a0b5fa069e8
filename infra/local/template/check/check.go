// Package check holds a loaded template against what the design promises. Each check gives one sentence for each thing
// that is wrong, naming function and statement, and nothing when all is well.
package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"qmslicensing/infra/local/template"
)

// Routes finds routes that neither demand the scope nor stand on the list of public ones ("GET /path"), and entries of
// that list that are no route.
func Routes(app *template.Application, scope string, public []string) []string {
	var wrong []string
	seen := map[string]bool{}
	for _, route := range app.Routes {
		name := route.Method + " " + route.Path
		seen[name] = true
		switch listed := slices.Contains(public, name); {
		case listed && route.Authorized:
			wrong = append(wrong, fmt.Sprintf("%s is on the public list but has the authorizer", name))
		case !listed && !route.Authorized:
			wrong = append(wrong, fmt.Sprintf("%s stands open: it has no authorizer and is not on the public list", name))
		case !listed && !slices.Equal(route.Scopes, []string{scope}):
			wrong = append(wrong, fmt.Sprintf("%s demands the scopes %v, not %s alone", name, route.Scopes, scope))
		}
	}
	for _, name := range public {
		if !seen[name] {
			wrong = append(wrong, fmt.Sprintf("%s is on the public list but is no route", name))
		}
	}
	return wrong
}

// Statements compares every statement of every function with the granted ones (function → Sid → as Describe puts it):
// whoever widens, narrows, adds or removes one has to say so in that list too.
func Statements(app *template.Application, granted map[string]map[string]string) []string {
	var wrong []string
	left := map[string]map[string]string{}
	for function, statements := range granted {
		left[function] = maps.Clone(statements)
	}
	for _, f := range app.Functions {
		for _, s := range f.Statements {
			want, listed := granted[f.LogicalID][s.Sid]
			if !listed {
				wrong = append(wrong, fmt.Sprintf("%s: statement %s is not granted: %s", f.LogicalID, s.Sid, Describe(s)))
			} else if got := Describe(s); got != want {
				wrong = append(wrong, fmt.Sprintf("%s: statement %s says %q, granted is %q", f.LogicalID, s.Sid, got, want))
			}
			delete(left[f.LogicalID], s.Sid)
		}
	}
	for function, statements := range left {
		for sid := range statements {
			wrong = append(wrong, fmt.Sprintf("%s: statement %s is granted but missing", function, sid))
		}
	}
	slices.Sort(wrong)
	return wrong
}

// Describe puts a statement into one line: effect, actions, on resources (without the account's prefix), and when.
func Describe(s template.Statement) string {
	resources := make([]string, len(s.Resources))
	for i, resource := range s.Resources {
		resources[i] = resource[strings.LastIndex(resource, ":")+1:]
	}
	line := fmt.Sprintf("%s %s on %s", s.Effect, strings.Join(s.Actions, " "), strings.Join(resources, " "))
	for _, operator := range slices.Sorted(maps.Keys(s.Conditions)) {
		for _, key := range slices.Sorted(maps.Keys(s.Conditions[operator])) {
			line += fmt.Sprintf(" when %s %s %s", operator, key, strings.Join(s.Conditions[operator][key], " "))
		}
	}
	return line
}

// Wildcards finds actions and resources of functions that hold a * or ?. The objects of one of the template's buckets
// cannot be said without.
func Wildcards(app *template.Application) []string {
	var objects []string
	for _, bucket := range app.Buckets {
		objects = append(objects, template.BucketARN(bucket.Name)+"/*")
	}
	return each(app, func(_ template.Function, s template.Statement) string {
		if slices.Equal(s.Actions, []string{"cloudwatch:GetMetricData"}) { // IAM has no resource for it
			return ""
		}
		for _, text := range slices.Concat(s.Actions, s.Resources) {
			if strings.ContainsAny(text, "*?") && !slices.Contains(objects, text) {
				return fmt.Sprintf("has the wildcard %s", text)
			}
		}
		return ""
	})
}

// IdentityKMS finds functions whose own statements speak of KMS: the key policies alone grant signing.
func IdentityKMS(app *template.Application) []string {
	return each(app, func(_ template.Function, s template.Statement) string {
		for _, text := range slices.Concat(s.Actions, s.Resources) {
			if strings.Contains(strings.ToLower(text), "kms:") {
				return "speaks of KMS: " + text
			}
		}
		return ""
	})
}

// Audit finds statements that give anyone but the writers and readers anything on the audit table, a writer more than
// PutItem, or a reader more than Query.
func Audit(app *template.Application, table string, writers, readers []string) []string {
	return each(app, func(f template.Function, s template.Statement) string {
		if !ofTables(s) || !slices.ContainsFunc(s.Resources, func(r string) bool { return covers(r, template.TableARN(table)) }) {
			return ""
		}
		reads := slices.Contains(readers, f.LogicalID)
		may := "PutItem"
		if reads {
			may = "Query"
		}
		if !reads && !slices.Contains(writers, f.LogicalID) {
			return "reaches the audit table, and the function neither writes nor reads it"
		}
		if s.Effect == "Allow" && !slices.Equal(s.Actions, []string{"dynamodb:" + may}) {
			return fmt.Sprintf("gives %v on the audit table, more than %s", s.Actions, may)
		}
		return ""
	})
}

// ofTables reports whether a statement has an action of DynamoDB, or one that may be any.
func ofTables(s template.Statement) bool {
	return slices.ContainsFunc(s.Actions, func(action string) bool { return !strings.HasPrefix(action, "cloudwatch:") })
}

// covers reports whether a resource of a statement reaches the table or an index of it. Its stream is another thing: see
// Streams.
func covers(resource, arn string) bool {
	if resource == template.StreamARN(arn[strings.LastIndex(arn, "/")+1:]) {
		return false
	}
	prefix, _, wildcard := strings.Cut(resource, "*")
	return resource == arn || strings.HasPrefix(resource, arn+"/") || wildcard && strings.HasPrefix(arn, prefix)
}

// ReadOnly finds actions of functions that are not writers and could change something.
func ReadOnly(app *template.Application, writers []string) []string {
	reading := []string{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
	return each(app, func(f template.Function, s template.Statement) string {
		for _, action := range s.Actions {
			if s.Effect == "Allow" && !slices.Contains(writers, f.LogicalID) && !slices.Contains(reading, action) {
				return fmt.Sprintf("gives %s to a function that only reads", action)
			}
		}
		return ""
	})
}

// each asks about every statement of every function and prefixes the answers with both names.
func each(app *template.Application, wrong func(template.Function, template.Statement) string) []string {
	var found []string
	for _, f := range app.Functions {
		for _, s := range f.Statements {
			if what := wrong(f, s); what != "" {
				found = append(found, fmt.Sprintf("%s: statement %s %s", f.LogicalID, s.Sid, what))
			}
		}
	}
	return found
}
