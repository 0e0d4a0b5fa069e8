// Package registry finds licenses: the one a server should load, one by its id, those that a query asks for, and how many
// expire. It writes nothing and cannot reach a signer. The Reader reads the licenses themselves, consistently; the Finder
// goes by indexes, which lag behind, and nothing is decided by what it finds.
package registry

import (
	"context"
	"time"

	"qmslicensing/shared/license"
)

// Store reads licenses. Licenses are as stored: the Reader derives what has expired.
type Store interface {
	// License returns a license and the day of its last change; a *license.Error LicenseNotFound if there is none.
	License(ctx context.Context, id string) (license.License, license.Date, error)
	// Current returns the current licenses of a server's two slots, none, one or two, by consistent reads.
	Current(ctx context.Context, token license.ServerToken) ([]license.License, error)
}

// Reader answers questions about stored licenses.
type Reader struct {
	store Store
	now   func() time.Time
}

// NewReader returns a Reader.
func NewReader(store Store, now func() time.Time) *Reader { return &Reader{store, now} }

// Retrieve returns the license that a server should load: the active one with the highest sequence, else the newest
// expired one. LicenseNotFound says the same whether the token is unknown, has no license or had it revoked.
func (r *Reader) Retrieve(ctx context.Context, rawToken string) (license.License, error) {
	token, err := license.ParseServerToken(rawToken)
	if err != nil {
		return license.License{}, license.PointAt(err, "path:serverToken")
	}
	current, err := r.store.Current(ctx, token)
	if err != nil {
		return license.License{}, err
	}
	var best license.License
	for _, candidate := range current {
		candidate = candidate.At(r.now())
		switch candidate.Status {
		case license.Active, license.Expired:
		default:
			continue
		}
		better := candidate.Sequence > best.Sequence
		if candidate.Status != best.Status && best.Status != "" {
			better = candidate.Status == license.Active
		}
		if better {
			best = candidate
		}
	}
	if best.Sequence == 0 {
		return best, license.Refuse(license.LicenseNotFound, "No license for this Server Token. Compare it with the one in QMS. If it is the same, contact support and send it.").At("path:serverToken")
	}
	return best, nil
}

// Show returns one license; staff only.
func (r *Reader) Show(ctx context.Context, caller license.Caller, id string) (license.License, error) {
	if err := caller.Authorize(license.Find); err != nil {
		return license.License{}, err
	}
	if !license.IsID(id) {
		return license.License{}, license.NotFound().At("path:id")
	}
	found, _, err := r.store.License(ctx, id)
	return found.At(r.now()), license.PointAt(err, "path:id")
}
