package histories_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/filesign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/memstore"
)

// world is one history: the system, the reference beside it, and what has happened, for whoever reads a failure.
type world struct {
	t      *testing.T
	ctx    context.Context // of what happens now
	random *rand.Rand
	clock  *licensetest.Clock
	store  *memstore.Store
	signer *counted
	ring   *keyring.Ring
	model  *model
	calls  int
	story  []string
	last   *answered
	tally  tally

	onRequest bool                // a permanent license answers a license request
	named     map[string][]string // licenses by the license request that they were issued for
}

// answered is a call that succeeded, to be sent again.
type answered struct {
	step step
	call protocol.Call
}

func newWorld(t *testing.T, seed uint64, signer *filesign.Signer, keys []keyring.Entry, counts tally) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 5)), clock: licensetest.NewClock(), store: memstore.New(keys...), model: newModel(counts), onRequest: seed%3 == 0, tally: counts}
	w.signer = &counted{Signer: signer, now: w.clock.Now}
	w.ring = keyring.New(w.store, w.clock.Now)
	return w
}

func (w *world) issuer(store ledger.Store, signer protocol.Signer) *issuing.Issuer {
	return issuing.NewIssuer(store, signer, w.ring, w.rules(), w.clock.Now)
}

// alive is a system that works.
func (w *world) alive() *issuing.Issuer { return w.issuer(w.store, w.signer) }

// mortal is a process that dies at one of so many steps, or lives if it takes fewer.
func (w *world) mortal(steps int) *licensetest.Mortal {
	return &licensetest.Mortal{Store: w.store, Signer: w.signer, DieAt: 1 + w.random.IntN(steps), After: w.random.IntN(2) == 0}
}

// buried reports whether a process died, and lets its lease run out.
func (w *world) buried(m *licensetest.Mortal) bool {
	if !m.Dead() {
		return false
	}
	w.tally.died(m)
	w.clock.Advance(6 * time.Second)
	return true
}

// call is a new one.
func (w *world) call(by license.Caller) protocol.Call {
	w.calls++
	return licensetest.Call(by, fmt.Sprint("key-", w.calls))
}

func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, w.clock.Now().Format("2006-01-02 15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *world) require(ok bool, format string, args ...any) {
	w.t.Helper()
	if !ok {
		require.FailNow(w.t, fmt.Sprintf(format, args...), strings.Join(w.story, "\n"))
	}
}

// within lets something happen within a time that is long: what waits for ever fails then.
func (w *world) within(do func()) {
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	do()
}

func (w *world) read(body []byte) ledger.Record {
	var a struct {
		License struct{ ID, LicenseKey string }
	}
	w.require(json.Unmarshal(body, &a) == nil && a.License.ID != "", "the answer %s names no license", body)
	r := w.record(a.License.ID)
	w.require(a.License.LicenseKey == string(r.LicenseKey) || a.License.LicenseKey == "", "the answer for license %s has another key than is stored", a.License.ID)
	return r
}

func (w *world) record(id string) ledger.Record {
	r, err := w.store.Record(w.ctx, id)
	w.require(err == nil, "license %s: %v", id, err)
	return r
}

func (w *world) sweep(store ledger.Store, signer protocol.Signer) error {
	_, err := protocol.NewSweeper(w.issuer(store, signer).Writer(), w.store).Sweep(w.ctx)
	return err
}

func (w *world) sequences() map[license.ServerToken]int {
	found := map[license.ServerToken]int{}
	for _, token := range tokens {
		s, err := w.store.Server(w.ctx, token)
		w.require(err == nil, "server: %v", err)
		found[token] = s.Sequence
	}
	return found
}

// newest returns the license that was made since; "" for none.
func (w *world) newest(before map[license.ServerToken]int) string {
	for token, sequence := range w.sequences() {
		if sequence > before[token] {
			all, err := w.store.ByServer(w.ctx, token, sequence+1, 1)
			w.require(err == nil && len(all) == 1 && sequence == before[token]+1, "server %s: one license was to be made", token)
			return all[0].ID
		}
	}
	return ""
}

func said(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

func codeOf(err error) license.Code {
	var refusal *license.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	if err != nil {
		return license.Code(err.Error())
	}
	return ""
}

// refusing is a signing service that refuses its keys.
type refusing struct{}

func (refusing) Sign(context.Context, protocol.Prepared) (protocol.Signature, error) {
	return protocol.Signature{}, protocol.ErrRefused
}
