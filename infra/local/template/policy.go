package template

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// policyKind says whom the statements of a policy are about.
type policyKind int

const (
	identityPolicy policyKind = iota // whoever has it: they name no principal
	keyPolicy                        // the principals that they name
	denials                          // everyone: a resource's own policy, which here only takes away from functions
)

// statements reads a policy document.
func statements(document object, kind policyKind) []Statement {
	if version := document.text("Version"); version != "2012-10-17" {
		document.fail("Version", "%q is not understood here", version)
	}
	names := []string{"Sid", "Effect", "Action", "Resource", "Condition"}
	if kind != identityPolicy {
		names = append(names, "Principal")
	}
	var read []Statement
	for i, element := range document.list("Statement") {
		o := document.at(fmt.Sprintf("Statement[%d]", i), element, names...)
		s := Statement{Sid: o.text("Sid"), Effect: o.text("Effect"), Actions: o.texts("Action"), Resources: o.texts("Resource")}
		if s.Effect != "Allow" && s.Effect != "Deny" {
			o.fail("Effect", "%q is neither Allow nor Deny", s.Effect)
		}
		if len(s.Actions) == 0 || len(s.Resources) == 0 {
			o.fail("", "a statement needs Action and Resource")
		}
		if slices.ContainsFunc(read, func(other Statement) bool { return other.Sid == s.Sid }) {
			o.fail("Sid", "%s stands there twice", s.Sid)
		}
		switch kind {
		case keyPolicy:
			s.Principals = o.child("Principal", "AWS").texts("AWS")
			if len(s.Principals) == 0 {
				o.fail("Principal", "a statement of a key policy needs principals")
			}
		case denials:
			if principal, _ := o.members["Principal"].(map[string]any); s.Effect == "Allow" && len(principal) == 1 && principal["Service"] != nil {
				continue // to a service of AWS, as which nobody asks here
			}
			s.Principals = o.texts("Principal")
			if s.Effect != "Deny" || !slices.Equal(s.Principals, []string{"*"}) {
				o.fail("", "only a Deny for everyone, or an Allow for a service of AWS, is understood here")
			}
		}
		s.Conditions = conditions(o)
		read = append(read, s)
	}
	return read
}

func conditions(statement object) map[string]map[string][]string {
	if !statement.has("Condition") {
		return nil
	}
	read := map[string]map[string][]string{}
	operators := statement.child("Condition")
	for operator := range operators.members {
		keys := operators.child(operator)
		read[operator] = map[string][]string{}
		for key := range keys.members {
			read[operator][key] = keys.texts(key)
		}
	}
	return read
}

// loadResourcePolicy keeps the policy of a bucket or of queues until all of them are known.
func (l *loader) loadResourcePolicy(node *yaml.Node, path string) error {
	o, err := l.object(node, path, "Bucket", "Queues", "PolicyDocument")
	if err != nil {
		return err
	}
	read := statements(o.child("PolicyDocument", "Version", "Statement"), denials)
	for _, target := range slices.Concat(o.texts("Bucket"), o.texts("Queues")) {
		if l.policies[target] != nil {
			o.fail("", "%s has another policy already", target)
		}
		l.policies[target] = read
	}
	return *o.err
}

func (l *loader) attachPolicies() error {
	for i, bucket := range l.app.Buckets {
		l.app.Buckets[i].Policy = l.policies[bucket.Name]
		delete(l.policies, bucket.Name)
	}
	for i, queue := range l.app.Queues {
		address, err := l.ref(queue.LogicalID, "Resources."+queue.LogicalID)
		if err != nil {
			return err
		}
		l.app.Queues[i].Policy = l.policies[address]
		delete(l.policies, address)
	}
	for target := range l.policies {
		return fmt.Errorf("a policy names %q, which is neither bucket nor queue of this template", target)
	}
	return nil
}
