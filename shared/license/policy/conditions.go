package policy

import (
	"fmt"
	"slices"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// CleanConditions trims what people typed.
func CleanConditions(conditions []ledger.Condition) []ledger.Condition {
	cleaned := make([]ledger.Condition, len(conditions))
	for n, c := range conditions {
		cleaned[n] = ledger.Condition{Name: strings.TrimSpace(c.Name), MetOn: c.MetOn, Evidence: strings.TrimSpace(c.Evidence)}
	}
	return cleaned
}

// CheckConditions wants, for a permanent license, every condition of the sale and no other, each with its evidence.
func (p Policy) CheckConditions(t license.Type, conditions []ledger.Condition, today license.Date) error {
	if t != license.Permanent {
		return nil
	}
	given := map[string]bool{}
	for n, c := range conditions {
		pointer := fmt.Sprintf("/conditions/%d", n)
		switch {
		case !slices.Contains(p.Conditions, c.Name):
			return license.Invalid(pointer+"/name", "This is not a condition of the sale. The conditions are %s.", strings.Join(p.Conditions, ", "))
		case given[c.Name]:
			return license.Invalid(pointer+"/name", "The condition %s is given twice. Give it once.", c.Name)
		case c.MetOn.IsNever() || c.MetOn.After(today):
			return license.Invalid(pointer+"/metOn", "%s: the day it was met must be today or a past day.", conditionWords(c.Name))
		}
		if _, err := license.CleanText(pointer+"/evidence", "The evidence of "+conditionWords(c.Name), c.Evidence, 1, MaxPaper); err != nil {
			return err
		}
		given[c.Name] = true
	}
	var missing, words []string
	for _, name := range p.Conditions {
		if !given[name] {
			missing, words = append(missing, name), append(words, conditionWords(name))
		}
	}
	if missing == nil {
		return nil
	}
	return license.Refuse(license.ConditionsNotMet, "Not met yet: %s. A permanent license is issued when all %d conditions of the sale are met.",
		strings.Join(words, ", "), len(p.Conditions)).With("missing", missing).At("/conditions")
}

// conditionWords turns contract-signed into "contract signed".
func conditionWords(name string) string { return strings.ReplaceAll(name, "-", " ") }
