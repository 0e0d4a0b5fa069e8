package gate

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/template"
)

const (
	allow = "Allow"
	deny  = "Deny"
)

// access is one thing that a request asks to do.
type access struct {
	action   string
	resource string              // ARN
	context  map[string][]string // condition key → values; a key that is absent is absent
}

// decision is what the policies say of one access, and the statement that decided.
type decision struct {
	allowed bool
	reason  string // of a denial, the end of AWS's sentence
	policy  string // Identity, or the logical ID of the key or bucket
	sid     string // empty when no statement spoke
	action  string // as that statement writes it
}

// byStatement is the decision of a statement that matches the access.
func byStatement(policy string, s template.Statement, a access) decision {
	at := slices.IndexFunc(s.Actions, a.isLike)
	return decision{allowed: s.Effect == allow, policy: policy, sid: s.Sid, action: s.Actions[at]}
}

// because adds why it is a denial.
func (d decision) because(reason string) decision {
	d.reason = reason
	return d
}

// The condition operators and keys that evaluate knows, and which go together: the set operators are for keys with many
// values, and AWS warns of using them on others.
func understood(s template.Statement) error {
	single := []string{"kms:SigningAlgorithm", "kms:MessageType"}
	many := []string{"dynamodb:LeadingKeys"}
	keysOf := map[string][]string{
		"StringEquals": single, "ForAllValues:StringEquals": many, "ForAllValues:StringLike": many, "ForAnyValue:StringEquals": many,
		"Bool": {"aws:SecureTransport"}, "StringNotEquals": {"aws:PrincipalArn"}, "Null": {"s3:if-none-match"},
	}
	for operator, keys := range s.Conditions {
		known, ok := keysOf[operator]
		if !ok {
			return fmt.Errorf("condition operator %s is not understood here", operator)
		}
		for key := range keys {
			if !slices.Contains(known, key) {
				return fmt.Errorf("condition key %s with %s is not understood here", key, operator)
			}
		}
	}
	if s.Effect != allow && s.Effect != deny {
		return fmt.Errorf("effect %q is neither Allow nor Deny", s.Effect)
	}
	if slices.Contains(s.Principals, "*") && s.Effect != deny {
		return fmt.Errorf("an Allow for the principal * is not understood here")
	}
	for _, pattern := range slices.Concat(s.Actions, s.Resources) {
		if strings.ContainsAny(pattern, `[\`) {
			return fmt.Errorf("%q is no action or resource", pattern)
		}
	}
	return nil
}

// decideIdentity judges by the principal's own statements alone, as DynamoDB does without a resource policy.
func decideIdentity(who principal, a access) decision {
	if s, found := first(who.statements, deny, a); found {
		return byStatement(grants.Identity, s, a).because("with an explicit deny in an identity-based policy")
	}
	if s, found := first(who.statements, allow, a); found {
		return byStatement(grants.Identity, s, a)
	}
	return decision{reason: "because no identity-based policy allows the " + a.action + " action"}
}

// first finds the first statement of that effect that speaks of the access.
func first(statements []template.Statement, effect string, a access) (template.Statement, bool) {
	at := slices.IndexFunc(statements, func(s template.Statement) bool {
		return s.Effect == effect && matches(s, a)
	})
	if at < 0 {
		return template.Statement{}, false
	}
	return statements[at], true
}

func matches(s template.Statement, a access) bool {
	resource := func(pattern string) bool { return like(pattern, a.resource) }
	return slices.ContainsFunc(s.Actions, a.isLike) && slices.ContainsFunc(s.Resources, resource) && holds(s.Conditions, a.context)
}

func (a access) isLike(action string) bool {
	return like(strings.ToLower(action), strings.ToLower(a.action))
}

// like matches IAM's * and ?, which cross every separator; path.Match's * stops at a slash, so slashes are put aside.
func like(pattern, text string) bool {
	aside := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	matched, err := path.Match(aside(pattern), aside(text))
	return err == nil && matched
}

// holds evaluates all conditions. As on AWS, ForAllValues holds when the request has no such key at all.
func holds(conditions map[string]map[string][]string, context map[string][]string) bool {
	for operator, keys := range conditions {
		for key, wanted := range keys {
			values := context[key]
			unwanted := func(value string) bool { return !slices.Contains(wanted, value) }
			var ok bool
			switch operator {
			case "StringEquals", "Bool":
				ok = len(values) == 1 && !unwanted(values[0])
			case "StringNotEquals":
				ok = len(values) != 1 || unwanted(values[0])
			case "Null":
				ok = !unwanted(strconv.FormatBool(len(values) == 0))
			case "ForAllValues:StringEquals":
				ok = !slices.ContainsFunc(values, unwanted)
			case "ForAllValues:StringLike":
				ok = !slices.ContainsFunc(values, func(value string) bool {
					return !slices.ContainsFunc(wanted, func(pattern string) bool { return like(pattern, value) })
				})
			case "ForAnyValue:StringEquals":
				ok = slices.ContainsFunc(values, func(value string) bool { return !unwanted(value) })
			}
			if !ok {
				return false
			}
		}
	}
	return true
}

// note writes into the book what counts: a grant that a running function used, a guard that refused anyone, and a running
// function that was refused. Running functions have a session token, the clients of tests and operators have none.
func (g *Gate) note(who principal, a access, d decision, running bool) {
	if d.sid != "" && (running || !d.allowed) {
		g.book.Used(grants.Grant{Function: who.name, Policy: d.policy, Sid: d.sid, Action: d.action})
	}
	if running && !d.allowed {
		resource := a.resource
		if key, ours := g.keys.find(resource); ours { // nobody knows a key by its id
			resource = key.LogicalID + " (" + key.ARN + ")"
		}
		g.book.Refused(grants.Denial{Function: who.name, Action: a.action, Resource: resource, Reason: d.reason})
	}
}

// Book is what has been used and refused since the start.
func (g *Gate) Book() *grants.Book { return &g.book }
