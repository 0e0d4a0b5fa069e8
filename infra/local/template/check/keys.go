package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"qmslicensing/infra/local/template"
)

// signing is the condition under which a function may sign: this algorithm, over the whole message.
var signing = map[string]map[string][]string{
	"StringEquals": {"kms:SigningAlgorithm": {"ECDSA_SHA_256"}, "kms:MessageType": {"RAW"}},
}

// Keys finds key policies that let anyone but the signers of the key's purpose (function IDs) sign, that let them do more
// or without the conditions, or that give administrators an action outside the list.
func Keys(app *template.Application, signers map[string][]string, administrator string, administration []string) []string {
	var wrong []string
	say := func(key template.Key, s template.Statement, format string, arguments ...any) {
		wrong = append(wrong, fmt.Sprintf("%s: statement %s %s", key.LogicalID, s.Sid, fmt.Sprintf(format, arguments...)))
	}
	for _, key := range app.Keys {
		var may []string
		for _, s := range key.Policy {
			if s.Effect != "Allow" {
				say(key, s, "is no Allow")
			} else if slices.Equal(s.Principals, []string{administrator}) {
				for _, action := range s.Actions {
					if !slices.Contains(administration, action) {
						say(key, s, "gives administrators %s", action)
					}
				}
			} else {
				may = append(may, functionsOf(app, s.Principals)...)
				if !slices.Equal(s.Actions, []string{"kms:Sign"}) {
					say(key, s, "gives %v, not kms:Sign alone", s.Actions)
				}
				if !maps.EqualFunc(s.Conditions, signing, func(a, b map[string][]string) bool {
					return maps.EqualFunc(a, b, slices.Equal[[]string])
				}) {
					say(key, s, "has the conditions %v, not %v", s.Conditions, signing)
				}
			}
		}
		slices.Sort(may)
		if want := slices.Sorted(slices.Values(signers[key.Purpose])); !slices.Equal(may, want) {
			wrong = append(wrong, fmt.Sprintf("%s: %v may sign, and it should be %v", key.LogicalID, may, want))
		}
		if key.Spec != "ECC_NIST_P256" || key.Usage != "SIGN_VERIFY" {
			wrong = append(wrong, fmt.Sprintf("%s: %s %s cannot sign ES256", key.LogicalID, key.Spec, key.Usage))
		}
	}
	return wrong
}

// functionsOf names the functions whose roles are principals; a principal that is no function's role stays as it is.
func functionsOf(app *template.Application, principals []string) []string {
	named := slices.Clone(principals)
	for i, principal := range principals {
		for _, f := range app.Functions {
			if f.RoleARN == principal {
				named[i] = f.LogicalID
			}
		}
	}
	return named
}

// Environment finds variables that point at what does not exist or may not be used, and tables that a function may use
// but is not told of.
func Environment(app *template.Application) []string {
	var wrong []string
	for _, f := range app.Functions {
		named := map[string]bool{}
		for variable, value := range f.Environment {
			if !strings.HasSuffix(variable, "_TABLE") || value == "" { // empty takes back what Globals tell
				continue
			}
			named[value] = true
			if !slices.ContainsFunc(app.Tables, func(t template.Table) bool { return t.Name == value }) {
				wrong = append(wrong, fmt.Sprintf("%s: %s names %q, which is no table", f.LogicalID, variable, value))
			}
		}
		for _, table := range app.Tables {
			if may := uses(f, table); may != named[table.Name] {
				wrong = append(wrong, fmt.Sprintf("%s: may use %s: %t, is told of it: %t", f.LogicalID, table.LogicalID, may, named[table.Name]))
			}
		}
		_, told := f.Environment["AWS_ENDPOINT_URL_KMS"]
		if may := signs(app, f); may != told {
			wrong = append(wrong, fmt.Sprintf("%s: may sign: %t, has AWS_ENDPOINT_URL_KMS: %t", f.LogicalID, may, told))
		}
	}
	return wrong
}

func uses(f template.Function, table template.Table) bool {
	for _, s := range f.Statements {
		for _, resource := range s.Resources {
			if s.Effect == "Allow" && covers(resource, template.TableARN(table.Name)) {
				return true
			}
		}
	}
	return false
}

func signs(app *template.Application, f template.Function) bool {
	for _, key := range app.Keys {
		for _, s := range key.Policy {
			if slices.Contains(s.Principals, f.RoleARN) {
				return true
			}
		}
	}
	return false
}

// Cycle gives one chain of resources, each needing the next, that ends where it began; nil when there is none.
// CloudFormation refuses such a template only when it is deployed: the linters look before SAM makes the roles.
func Cycle(app *template.Application) []string {
	done := map[string]bool{}
	var chain []string
	var visit func(id string) []string
	visit = func(id string) []string {
		if at := slices.Index(chain, id); at >= 0 {
			return append(slices.Clone(chain[at:]), id)
		}
		if done[id] {
			return nil
		}
		chain = append(chain, id)
		for _, next := range app.References[id] {
			if found := visit(next); found != nil {
				return found
			}
		}
		chain = chain[:len(chain)-1]
		done[id] = true
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(app.References)) {
		if found := visit(id); found != nil {
			return found
		}
	}
	return nil
}
