package keyring

import (
	"context"
	"fmt"
	"time"

	"qmslicensing/shared/license"
)

// Age is one key of the table as an admin sees it, with what to do about it.
type Age struct {
	ID         string             `json:"kid"`
	Purpose    license.KeyPurpose `json:"purpose"`
	State      State              `json:"state"`
	Types      []license.Type     `json:"licenseTypes"`
	CreatedOn  license.Date       `json:"createdOn"`  // null: not known
	StateSince license.Date       `json:"stateSince"` // null: not known
	AgeDays    *int               `json:"ageDays"`    // since CreatedOn
	NextStep   license.Optional   `json:"nextStep"`   // null: nothing is to be done
}

// rotateAfter is how many days a key may sign before it is to make way for its standby.
const rotateAfter = 365

// Ages returns every key, ordered by key id; admin only.
func (r *Ring) Ages(ctx context.Context, caller license.Caller) ([]Age, error) {
	if err := caller.Authorize(license.SeeKeysAndFindings); err != nil {
		return nil, err
	}
	entries, err := r.All(ctx)
	if err != nil {
		return nil, err
	}
	ages := make([]Age, len(entries))
	for n, e := range entries {
		ages[n] = ageOf(e, r.now())
	}
	return ages, nil
}

func ageOf(e Entry, now time.Time) Age {
	age := Age{ID: e.ID, Purpose: e.Purpose, State: e.State, Types: e.Types, CreatedOn: day(e.Created), StateSince: day(e.Since)}
	today := license.Today(now)
	if !age.CreatedOn.IsNever() {
		days := age.CreatedOn.DaysUntil(today)
		age.AgeDays = &days
	}
	switch signed := age.StateSince.DaysUntil(today); {
	case e.State != Signing:
	case age.StateSince.IsNever():
		age.NextStep = "Since when it signs is not known: it was written before that was noted. The year in its key id is the oldest it can be. Rotate a signing key once a year: runbook, Rotate a signing key."
	case signed > rotateAfter:
		age.NextStep = license.Optional(fmt.Sprintf("It has signed for %d days, longer than a year. Let its standby take its place: runbook, Rotate a signing key.", signed))
	}
	return age
}

// day is the day of an instant; Never of a zero one, which is null in JSON.
func day(t time.Time) license.Date {
	if t.IsZero() {
		return license.Never
	}
	return license.Today(t)
}
