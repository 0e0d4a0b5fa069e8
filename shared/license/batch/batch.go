// Package batch renews many subscriptions in one request: Preview tells what would become of each, Run renews them. Each is
// renewed by the rules of package issuing and exactly once, as if it were the only one; what fails fails alone.
package batch

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/policy"
)

// MaxLicenses is the most licenses of one request.
const MaxLicenses = 200

// atOnce is how many licenses are worked on at the same time. Two of one server wait for each other as writers from
// anywhere do.
const atOnce = 4

// Terms say how each license is renewed: either TermMonths or ExpiresOn. An empty Contract keeps each license's own; an
// empty Basis is BasisExpiration, but a lapsed subscription fails without one.
type Terms struct {
	Contract   string
	TermMonths int
	ExpiresOn  license.Date
	Basis      license.RenewalBasis
}

// Renewer renews many licenses.
type Renewer struct {
	issuer *issuing.Issuer
	finder Finder
}

// NewRenewer returns a Renewer. Both parts are required.
func NewRenewer(issuer *issuing.Issuer, finder Finder) *Renewer { return &Renewer{issuer, finder} }

// clean returns the terms as they are stored, or InvalidRequest.
func (t Terms) clean() (Terms, error) {
	contract, err := license.CleanText("/newContract", "The new contract", t.Contract, 0, policy.MaxPaper)
	t.Contract = contract
	return t, license.Collect(err, t.request("", 0).Check())
}

// request is the request to renew one license by these terms.
func (t Terms) request(id string, version int) issuing.RenewalRequest {
	return issuing.RenewalRequest{
		ID: id, Contract: t.Contract, KeepContract: t.Contract == "", TermMonths: t.TermMonths, ExpiresOn: t.ExpiresOn, Basis: t.Basis,
		IfMatch: version,
	}
}

// checkIDs cleans the ids of a list and refuses an empty list, more than MaxLicenses (TooManyLicenses), and an id that is
// there twice. place writes the pointer to the nth id; list names the whole.
func checkIDs(ids []string, list string, place func(n int) string) ([]string, error) {
	if len(ids) == 0 {
		return nil, license.Invalid("/"+list, "%s is empty. Name the licenses to renew, 1 to %d.", list, MaxLicenses)
	}
	if len(ids) > MaxLicenses {
		return nil, license.Refuse(license.TooManyLicenses, "These are %d licenses; at most %d are renewed at once. Send them in parts.",
			len(ids), MaxLicenses).With("count", len(ids)).With("limit", MaxLicenses).At("/" + list)
	}
	seen, clean := map[string]int{}, make([]string, len(ids))
	var twice []error
	for n, id := range ids {
		id = strings.ToLower(strings.TrimFunc(id, license.IsSpaceOrInvisible))
		clean[n] = id
		if first, ok := seen[id]; ok {
			twice = append(twice, license.Invalid(place(n), "License %s is there twice: as number %d and as number %d. Name it once.", id, first+1, n+1))
			continue
		}
		seen[id] = n
	}
	return clean, license.Collect(twice...)
}

// inOrder does n rows, a few at a time and begun in their order, until one of them says that no more are to be begun.
// Those that were begun are done when it returns.
func inOrder(n int, do func(row int) (goOn bool)) {
	var next atomic.Int64
	var stopped atomic.Bool
	var all sync.WaitGroup
	for range min(n, atOnce) {
		all.Go(func() {
			for !stopped.Load() {
				row := int(next.Add(1)) - 1
				if row >= n {
					return
				}
				if !do(row) {
					stopped.Store(true)
				}
			}
		})
	}
	all.Wait()
}

// alone does one row; if it panics, that is the row's own failure.
func alone(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// notFoundAt is a row's failure with the place of the row's id in this request.
func notFoundAt(err error, place string) error {
	if refusal, ok := err.(*license.Error); ok && refusal.Code == license.LicenseNotFound {
		return license.NotFound().At(place)
	}
	return err
}

// bounded gives a row its own time, so that one that waits for another writer does not take that of all.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, rowMost)
}
