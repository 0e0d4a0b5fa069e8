package gate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/template"
)

// keys are those whose policies decide, under every name that KMS takes: id, ARN, alias and alias ARN.
type keys struct {
	mu     sync.RWMutex
	byName map[string]template.Key
}

func (k *keys) find(name string) (template.Key, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, ok := k.byName[name]
	return key, ok
}

// AddKey lets a key's policy decide from now on, as when a deployment brings a new key. It refuses a policy that holds
// what the gate cannot evaluate.
func (g *Gate) AddKey(key template.Key) error {
	for _, s := range key.Policy {
		if err := understood(s); err != nil {
			return fmt.Errorf("%s: statement %s: %w", key.LogicalID, s.Sid, err)
		}
	}
	g.keys.mu.Lock()
	defer g.keys.mu.Unlock()
	g.keys.byName[key.ARN] = key
	g.keys.byName[key.ID()] = key
	for _, alias := range key.Aliases {
		g.keys.byName[alias] = key
		g.keys.byName[kmsARN(alias)] = key
	}
	return nil
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
	if key, ok := g.keys.find(request.KeyId); ok {
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
		return byStatement(grants.Identity, s, a).because("with an explicit deny in an identity-based policy")
	}
	if a.action == "kms:CreateKey" {
		return decideIdentity(who, a)
	}
	key, ours := g.keys.find(a.resource)
	if !ours { // made by CreateKey, with KMS's default policy
		key.LogicalID = a.resource
		key.Policy = []template.Statement{{
			Sid: "Default", Effect: allow, Principals: []string{accountRoot}, Actions: []string{"kms:*"}, Resources: []string{"*"},
		}}
	}
	if s, found := first(naming(key.Policy, who.role, accountRoot), deny, a); found {
		return byStatement(key.LogicalID, s, a).because("with an explicit deny in a resource-based policy")
	}
	if s, found := first(naming(key.Policy, who.role), allow, a); found {
		return byStatement(key.LogicalID, s, a)
	}
	if _, found := first(naming(key.Policy, accountRoot), allow, a); found {
		return decideIdentity(who, a)
	}
	return decision{reason: "because no resource-based policy allows the " + a.action + " action"}
}

const accountRoot = grants.AccountRoot

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
