// Package registry finds licenses: the one a server should load, one by its id, all of one server. It writes nothing and
// cannot reach a signer.
package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"qmslicensing/shared/license"
)

// Store reads licenses. Licenses are as stored: the Reader derives what has expired.
type Store interface {
	// License returns a license and the day of its last change; a *license.Error LicenseNotFound if there is none.
	License(ctx context.Context, id string) (license.License, license.Date, error)
	// Current returns the current licenses of a server's two slots, none, one or two, by consistent reads.
	Current(ctx context.Context, token license.ServerToken) ([]license.License, error)
	// ByServer returns licenses of a server with a sequence below the given one, newest first, at most limit. It may
	// read an index that lags behind.
	ByServer(ctx context.Context, token license.ServerToken, below, limit int) ([]license.License, error)
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

// Page is one page of licenses and the cursor of the next, "" on the last.
type Page struct {
	Licenses []license.License
	Next     string
}

// The bounds of a page.
const (
	DefaultLimit = 50
	MaxLimit     = 100
)

// Search returns the licenses of one server, newest sequence first; staff only. limit is 1 to
// MaxLimit.
func (r *Reader) Search(ctx context.Context, caller license.Caller, rawToken, cursor string, limit int) (Page, error) {
	if err := caller.Authorize(license.Find); err != nil {
		return Page{}, err
	}
	token, err := license.ParseServerToken(rawToken)
	if err != nil {
		return Page{}, license.PointAt(err, "query:serverToken")
	}
	below, err := readCursor(cursor, token)
	if err != nil {
		return Page{}, err
	}
	found, err := r.store.ByServer(ctx, token, below, limit+1)
	if err != nil {
		return Page{}, err
	}
	page := Page{Licenses: found}
	if len(found) > limit {
		page.Licenses = found[:limit]
		page.Next = writeCursor(token, found[limit-1].Sequence)
	}
	for n := range page.Licenses {
		page.Licenses[n] = page.Licenses[n].At(r.now())
	}
	return page, nil
}

// cursorText is what a cursor says: the server it belongs to and the last sequence of its page.
type cursorText struct {
	ServerToken license.ServerToken `json:"t"`
	Sequence    int                 `json:"s"`
}

const everySequence = 1 << 53

func writeCursor(token license.ServerToken, sequence int) string {
	text, err := json.Marshal(cursorText{token, sequence})
	if err != nil {
		panic("registry: " + err.Error()) // a string and an integer
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(cursor string, token license.ServerToken) (below int, err error) {
	if cursor == "" {
		return everySequence, nil
	}
	var c cursorText
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil || c.ServerToken != token || c.Sequence < 1 || writeCursor(token, c.Sequence) != cursor {
		return 0, license.Invalid("query:cursor", "This cursor is not one of this search. Leave it out to start at the first page.")
	}
	return c.Sequence, nil
}
