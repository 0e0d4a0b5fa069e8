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
	if err := p.CheckMet(conditions, today); err != nil {
		return err
	}
	return p.CheckComplete(t, conditions, "/conditions")
}

// CheckComplete refuses, with ConditionsNotMet at pointer, a license of this type while conditions of its sale are missing.
func (p Policy) CheckComplete(t license.Type, met []ledger.Condition, pointer string) error {
	missing := p.Missing(t, met)
	if len(missing) == 0 {
		return nil
	}
	words := make([]string, len(missing))
	for n, name := range missing {
		words[n] = conditionWords(name)
	}
	return license.Refuse(license.ConditionsNotMet, "Not met yet: %s. A permanent license is issued when all %d conditions of the sale are met. Record what is missing on the license request, or give it in conditions where there is no request.",
		strings.Join(words, ", "), len(p.Conditions)).With("missing", missing).At(pointer)
}

// CheckMet refuses, all at once, names that are no condition of the sale, a name given twice, days that are to come and
// missing evidence. Pointers are below /conditions.
func (p Policy) CheckMet(conditions []ledger.Condition, today license.Date) error {
	var errs []error
	given := map[string]bool{}
	for n, c := range conditions {
		pointer := fmt.Sprintf("/conditions/%d", n)
		switch {
		case !slices.Contains(p.Conditions, c.Name):
			errs = append(errs, license.Invalid(pointer+"/name", "This is not a condition of the sale. The conditions are %s.", strings.Join(p.Conditions, ", ")))
			continue
		case given[c.Name]:
			errs = append(errs, license.Invalid(pointer+"/name", "The condition %s is given twice. Give it once.", c.Name))
		}
		given[c.Name] = true
		if c.MetOn.IsNever() || c.MetOn.After(today) {
			errs = append(errs, license.Invalid(pointer+"/metOn", "%s: the day it was met must be today or a past day. Give that day, or leave the condition out until it is met.", conditionWords(c.Name)))
		}
		_, err := license.CleanText(pointer+"/evidence", "The evidence of "+conditionWords(c.Name), c.Evidence, 1, MaxPaper)
		errs = append(errs, err)
	}
	return license.Collect(errs...)
}

// Missing names the conditions of the sale that a license of this type needs and that are not among those met.
func (p Policy) Missing(t license.Type, met []ledger.Condition) []string {
	missing := []string{}
	if t != license.Permanent {
		return missing
	}
	for _, name := range p.Conditions {
		if !slices.ContainsFunc(met, func(c ledger.Condition) bool { return c.Name == name }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// conditionWords turns contract-signed into "contract signed".
func conditionWords(name string) string { return strings.ReplaceAll(name, "-", " ") }
