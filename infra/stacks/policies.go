package stacks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// wildcards finds statements that allow an action or a resource with a * or ? in it, or everybody. Three resources are
// meant so: "*" in a key's policy, where it is that key, all objects of a bucket of the template, and "*" for reading
// metrics, for which IAM has no other. A Deny may be as wide as it likes.
func wildcards(t Template) []string {
	var wrong []string
	for id, s := range t.allowed() {
		where := fmt.Sprintf("%s: statement %s", id, text(s["Sid"]))
		for _, action := range list(s["Action"]) {
			if wild(action) {
				wrong = append(wrong, fmt.Sprintf("%s allows the action %s", where, said(action)))
			}
		}
		for _, resource := range list(s["Resource"]) {
			if wild(resource) && !t.meantWide(id, resource) && !slices.Equal(list(s["Action"]), []any{"cloudwatch:GetMetricData"}) {
				wrong = append(wrong, fmt.Sprintf("%s allows it on every resource like %s", where, said(resource)))
			}
		}
		if wild(s["Principal"]) {
			wrong = append(wrong, fmt.Sprintf("%s allows it to everybody", where))
		}
		for _, other := range []string{"NotAction", "NotResource", "NotPrincipal"} {
			if s[other] != nil {
				wrong = append(wrong, fmt.Sprintf("%s allows by %s, which is everything else", where, other))
			}
		}
	}
	return wrong
}

// strangers finds statements that allow something to a service of AWS without saying for which resource or account the
// service must ask: it asks for every customer of AWS.
func strangers(t Template) []string {
	var wrong []string
	for id, s := range t.allowed() {
		if At(s["Principal"], "Service") != nil && !namesItsSource(s["Condition"]) {
			wrong = append(wrong, fmt.Sprintf("%s: statement %s allows it to a service for whatever account: no condition names aws:SourceArn or aws:SourceAccount", id, text(s["Sid"])))
		}
	}
	return wrong
}

// namesItsSource says whether a condition holds the source to this account. An operator that is not here, a negated one or
// one that is met by a missing key, holds it to nothing.
func namesItsSource(condition any) bool {
	for _, operator := range []string{"StringEquals", "StringLike", "ArnEquals", "ArnLike"} {
		keys, _ := At(condition, operator).(map[string]any)
		for key, value := range keys {
			if (strings.EqualFold(key, "aws:SourceArn") || strings.EqualFold(key, "aws:SourceAccount")) && strings.Contains(fmt.Sprint(value), "AWS::AccountId") {
				return true
			}
		}
	}
	return false
}

// allowed gives every statement that allows something, with the logical ID of the resource that it stands in, in the order
// of these. What is not surely a Deny allows.
func (t Template) allowed() func(yield func(id string, statement map[string]any) bool) {
	return func(yield func(string, map[string]any) bool) {
		for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
			for _, s := range statementsIn(t.Resources[id].Properties) {
				if s["Effect"] != "Deny" && !yield(id, s) {
					return
				}
			}
		}
	}
}

// wild says whether a * or ? stands anywhere in a value, within an intrinsic function too.
func wild(value any) bool { return strings.ContainsAny(fmt.Sprint(value), "*?") }

// said gives a value as its author wrote it, as far as that is one text.
func said(value any) string {
	if sub := text(At(value, "Fn::Sub")); sub != "" {
		return sub
	}
	return fmt.Sprint(value)
}

// meantWide says whether a resource with a wildcard is one of the two that are meant so.
func (t Template) meantWide(id string, resource any) bool {
	if resource == "*" {
		return t.Resources[id].Type == "AWS::KMS::Key"
	}
	return slices.ContainsFunc(t.OfType("AWS::S3::Bucket"), func(bucket string) bool {
		return text(At(resource, "Fn::Sub")) == "${"+bucket+".Arn}/*"
	})
}

// statementsIn finds every policy statement below a value: whatever has an Effect.
func statementsIn(value any) []map[string]any {
	var found []map[string]any
	switch value := value.(type) {
	case map[string]any:
		if value["Effect"] != nil {
			return []map[string]any{value}
		}
		for _, name := range slices.Sorted(maps.Keys(value)) {
			found = append(found, statementsIn(value[name])...)
		}
	case []any:
		for _, element := range value {
			found = append(found, statementsIn(element)...)
		}
	}
	return found
}

// list gives a policy's element, one value or many, as many.
func list(value any) []any {
	switch value := value.(type) {
	case nil:
		return nil
	case []any:
		return value
	}
	return []any{value}
}
