package batch

import (
	"context"
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/registry"
)

// Finder finds subscriptions by an index, which may lag behind.
type Finder interface {
	// Subscriptions returns the ids of the subscriptions that a query asks for and that were not replaced or taken back, in
	// the query's order, at most most of them, and how many there are; exact says that the count is not of the first ones
	// only, where there are too many to count.
	Subscriptions(ctx context.Context, q registry.Query, most int) (ids []string, count int, exact bool, err error)
}

// Selection says which licenses to preview: those of a list, or those that a query finds.
type Selection struct {
	IDs   []string
	Query *registry.Query // nil: IDs
}

// Forecast is what would become of one license.
type Forecast struct {
	LicenseID string
	Old       ledger.Record // as it is; without an id if it could not be read
	New       ledger.Record // as a run would make it of Old.Version, unless Err
	Err       error         // why it would fail
}

// Preview tells what Run would do to each of a selection, by the same rules, and writes nothing; accounting only. The error
// is a refusal of the whole request: InvalidRequest, or TooManyLicenses with the count.
func (r *Renewer) Preview(ctx context.Context, caller license.Caller, s Selection, terms Terms) ([]Forecast, error) {
	if err := caller.Authorize(license.Renew); err != nil {
		return nil, err
	}
	terms, termsErr := terms.clean()
	var idsErr error
	if s.Query == nil {
		s.IDs, idsErr = checkIDs(s.IDs, "licenseIds", idPlace)
	}
	if err := license.Collect(idsErr, termsErr); err != nil {
		return nil, err
	}
	if s.Query != nil {
		var err error
		if s.IDs, err = r.find(ctx, *s.Query); err != nil {
			return nil, err
		}
	}
	all := make([]Forecast, len(s.IDs))
	inOrder(len(all), func(n int) bool {
		row := &all[n]
		row.LicenseID = s.IDs[n]
		row.Err = alone(func() (err error) {
			row.Old, row.New, err = r.issuer.PreviewRenewal(ctx, caller, terms.request(row.LicenseID, 0))
			return notFoundAt(err, idPlace(n))
		})
		return true
	})
	if s.Query != nil {
		all = current(all)
	}
	return all, r.beyondQuota(ctx, caller, all)
}

// beyondQuota marks the rows that a run would not reach: those after the caller's number of the day. What fails for itself
// is not counted.
func (r *Renewer) beyondQuota(ctx context.Context, caller license.Caller, all []Forecast) error {
	check, err := r.issuer.Quota(ctx, caller)
	if err != nil {
		return err
	}
	before := 0
	for n := range all {
		if all[n].Err == nil {
			all[n].Err = check(before)
			before++
		}
	}
	return nil
}

func idPlace(n int) string { return fmt.Sprintf("/licenseIds/%d", n) }

// find returns the ids that a query finds, or TooManyLicenses.
func (r *Renewer) find(ctx context.Context, q registry.Query) ([]string, error) {
	ids, count, exact, err := r.finder.Subscriptions(ctx, q, MaxLicenses)
	if err != nil || exact && count <= MaxLicenses {
		return ids, err
	}
	counted := fmt.Sprint(count)
	if !exact {
		counted = fmt.Sprintf("at least %d", count)
	}
	detail := "These are %s licenses; at most %d are renewed at once. Narrow the filter, for example by expiration dates."
	if count <= MaxLicenses {
		detail = "These are %s licenses, found among too many to look at all of them; at most %d are renewed at once. Narrow the filter, for example by expiration dates."
	}
	return nil, license.Refuse(license.TooManyLicenses, detail, counted, MaxLicenses).With("count", count).With("exact", exact).With("limit", MaxLicenses)
}

// current leaves out what was replaced or taken back since the index was written.
func current(all []Forecast) []Forecast {
	kept := all[:0]
	for _, row := range all {
		if row.Old.ID == "" || row.Old.Status == license.Active {
			kept = append(kept, row)
		}
	}
	return kept
}
