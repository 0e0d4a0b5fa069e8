// Package keyring is the key table: every key that ever signed a license, and those that may sign the next. Functions
// read it; only an operator's command writes it. Public keys are never removed from it.
package keyring

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

// State says what a key is for now. Every state verifies.
type State string

// A standby key is published but does not sign yet; one key per purpose signs; a retired one only verifies.
const (
	Standby State = "standby"
	Signing State = "signing"
	Retired State = "retired"
)

// Entry is one key of the table.
type Entry struct {
	licensekey.Key
	ARN     string // of the KMS key
	Purpose license.KeyPurpose
	State   State
	Created time.Time // when it was written into the table; zero: before that was noted
	Since   time.Time // when its state became what it is; zero likewise
}

// TypesFor returns the license types that keys of a purpose may sign.
func TypesFor(p license.KeyPurpose) []license.Type {
	if p == license.TemporaryKey {
		return []license.Type{license.Temporary}
	}
	return []license.Type{license.Permanent, license.Subscription}
}

// Source reads the whole key table, in no particular order.
type Source interface {
	Keys(ctx context.Context) ([]Entry, error)
}

// reloadEvery bounds how often an unknown key id makes the table be read again, and how old the choice of the signing
// key may be.
const reloadEvery = time.Minute

// Ring is the key table as one function holds it: read once, read again for an unknown key id at most once a minute.
type Ring struct {
	source Source
	now    func() time.Time

	mu       sync.Mutex
	entries  []Entry
	loadedAt time.Time
}

// New returns a Ring that reads the table at its first use.
func New(source Source, now func() time.Time) *Ring { return &Ring{source: source, now: now} }

// All returns every key, ordered by key id.
func (r *Ring) All(ctx context.Context) ([]Entry, error) { return r.load(ctx, reloadEvery) }

// Lookup returns the verifier's view of the table. An unknown key id is licensekey.ErrUnknownKey; a table that cannot
// be read is another error.
func (r *Ring) Lookup(ctx context.Context) licensekey.Lookup {
	return func(kid string) (licensekey.Key, error) {
		entry, err := r.ByID(ctx, kid)
		return entry.Key, err
	}
}

// ByID returns the key with the given id, or licensekey.ErrUnknownKey.
func (r *Ring) ByID(ctx context.Context, kid string) (Entry, error) {
	for _, maxAge := range []time.Duration{forever, reloadEvery} {
		entries, err := r.load(ctx, maxAge)
		if err != nil {
			return Entry{}, err
		}
		if at := slices.IndexFunc(entries, func(e Entry) bool { return e.ID == kid }); at >= 0 {
			return entries[at], nil
		}
	}
	return Entry{}, licensekey.ErrUnknownKey
}

// Signer returns the key that signs for a purpose now.
func (r *Ring) Signer(ctx context.Context, purpose license.KeyPurpose) (Entry, error) {
	entries, err := r.load(ctx, reloadEvery)
	if err != nil {
		return Entry{}, err
	}
	for _, e := range entries {
		if e.Purpose == purpose && e.State == Signing {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("the key table has no %s key in state %s: run make keys", purpose, Signing)
}

const forever = 1<<63 - 1

// load returns the entries, read again when they are older than maxAge.
func (r *Ring) load(ctx context.Context, maxAge time.Duration) ([]Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if r.entries != nil && now.Sub(r.loadedAt) < maxAge {
		return r.entries, nil
	}
	entries, err := r.source.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the key table: %w", err)
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	r.entries, r.loadedAt = entries, now
	return entries, nil
}
