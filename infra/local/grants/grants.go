// Package grants holds what a run has used of the template's permissions against what the template grants, so that a
// grant nobody needs is named as surely as one that is missing. A gate keeps a Book; a stack that runs the project's own,
// unchanged template writes it into the folder named by QMS_USED_DIR when it closes; Check reads that folder.
//
// An Allow is used when a running function used it, not when a test's client borrowed the function's access key: the
// demo data, for one, is written as the sweep. A Deny is used when it refused anyone: no function should ever meet it, so
// tests try what it forbids in the function's name.
//
// A key policy's statements for the account or its administrator are the operator's, not a function's: they are not
// counted here. The template's own tests hold them to their listed actions. Nor are the denials of a bucket's own policy,
// which the archive's tests try one by one, nor is what a retired key's policy gives: it is
// there for what was pending at the rotation, and nothing new is signed with such a key.
package grants

import (
	"fmt"

	"qmslicensing/infra/local/template"
	"qmslicensing/shared/license/keyring"
)

// Identity is the policy of a Grant that stands in a function's own policy.
const Identity = "identity"

// AccountRoot is the principal by which a key policy hands over to the account's identity policies.
const AccountRoot = "arn:aws:iam::" + template.Account + ":root"

// Grant is one action of one statement, as the template writes it, for one function.
type Grant struct {
	Function string `json:"function"` // logical ID
	Policy   string `json:"policy"`   // Identity, or the logical ID of a key or a bucket
	Sid      string `json:"sid"`
	Action   string `json:"action"` // such as dynamodb:GetItem
}

func (g Grant) String() string {
	return fmt.Sprintf("%s %s %s %s", g.Function, g.Policy, g.Sid, g.Action)
}

// Of lists everything that an application grants to its functions: their own statements, guards that deny included, and
// those of the policies of keys that are not retired, once for each function that they name.
func Of(app *template.Application) ([]Grant, error) {
	var all []Grant
	functions := map[string]string{}
	for _, f := range app.Functions {
		functions[f.RoleARN] = f.LogicalID
		for _, s := range f.Statements {
			for _, action := range s.Actions {
				all = append(all, Grant{Function: f.LogicalID, Policy: Identity, Sid: s.Sid, Action: action})
			}
		}
	}
	for _, key := range app.Keys {
		for _, s := range key.Policy {
			for _, role := range s.Principals {
				if role == AccountRoot {
					continue
				}
				function, known := functions[role]
				if !known {
					return nil, fmt.Errorf("%s: statement %s names %s, who is neither a function nor the account", key.LogicalID, s.Sid, role)
				}
				if key.State == string(keyring.Retired) {
					continue
				}
				for _, action := range s.Actions {
					all = append(all, Grant{Function: function, Policy: key.LogicalID, Sid: s.Sid, Action: action})
				}
			}
		}
	}
	return all, nil
}
