package gate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"qmslicensing/infra/local/template"
)

// keysByName lists the template's keys under every name that KMS takes: id, ARN, alias and alias ARN.
func keysByName(app *template.Application) map[string]template.Key {
	byName := map[string]template.Key{}
	for _, key := range app.Keys {
		byName[key.ARN] = key
		byName[key.ID()] = key
		for _, alias := range key.Aliases {
			byName[alias] = key
			byName[kmsARN(alias)] = key
		}
	}
	return byName
}

func kmsARN(resource string) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:%s", template.Region, template.Account, resource)
}

func (g *Gate) kmsAccesses(operation string, body []byte) ([]access, error) {
	var request struct{ KeyId, SigningAlgorithm, MessageType string }
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, failure{coral: true, name: "SerializationException", message: err.Error()}
	}
	switch operation {
	case "CreateKey":
		return []access{{action: operation, resource: "*"}}, nil
	case "Sign", "GetPublicKey", "DescribeKey", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion":
	default:
		return nil, failure{coral: true, name: "UnknownOperationException", message: operation + " is not an operation that the gate knows"}
	}
	a := access{action: operation, resource: request.KeyId, context: map[string][]string{}}
	if key, ok := g.keys[request.KeyId]; ok {
		a.resource = key.ARN
	} else if !strings.HasPrefix(request.KeyId, "arn:") {
		a.resource = kmsARN("key/" + request.KeyId)
	}
	// A member that is left out is no condition key, although KMS then takes RAW: whoever signs says what.
	if request.SigningAlgorithm != "" {
		a.context["kms:SigningAlgorithm"] = []string{request.SigningAlgorithm}
	}
	if request.MessageType != "" {
		a.context["kms:MessageType"] = []string{request.MessageType}
	}
	return []access{a}, nil
}

// decideKey judges as KMS does: a key policy that names the role itself is enough; one that names the account lets the
// account's identity policies decide; an identity policy alone is never enough.
func (g *Gate) decideKey(who principal, a access) decision {
	if s, found := first(who.statements, deny, a); found {
		return decision{policy: Identity, sid: s.Sid, reason: "with an explicit deny in an identity-based policy"}
	}
	if a.action == "kms:CreateKey" {
		return decideIdentity(who, a)
	}
	key, ours := g.keys[a.resource]
	if !ours { // made by CreateKey, with KMS's default policy
		key.LogicalID = a.resource
		key.Policy = []template.Statement{{
			Sid: "Default", Effect: allow, Principals: []string{accountRoot}, Actions: []string{"kms:*"}, Resources: []string{"*"},
		}}
	}
	if s, found := first(naming(key.Policy, who.role, accountRoot), deny, a); found {
		return decision{policy: key.LogicalID, sid: s.Sid, reason: "with an explicit deny in a resource-based policy"}
	}
	if s, found := first(naming(key.Policy, who.role), allow, a); found {
		return decision{allowed: true, policy: key.LogicalID, sid: s.Sid}
	}
	if s, found := first(naming(key.Policy, accountRoot), allow, a); found {
		if decideIdentity(who, a).allowed {
			return decision{allowed: true, policy: key.LogicalID, sid: s.Sid}
		}
		return decision{reason: "because no identity-based policy allows the " + a.action + " action"}
	}
	return decision{reason: "because no resource-based policy allows the " + a.action + " action"}
}

const accountRoot = "arn:aws:iam::" + template.Account + ":root"

// naming keeps the statements that name one of the principals, or everyone.
func naming(statements []template.Statement, principals ...string) []template.Statement {
	var kept []template.Statement
	principals = append(principals, "*")
	for _, s := range statements {
		if slices.ContainsFunc(principals, func(p string) bool { return slices.Contains(s.Principals, p) }) {
			kept = append(kept, s)
		}
	}
	return kept
}
