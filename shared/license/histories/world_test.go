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

	onRequest bool                // a permanent license answers a license request
	named     map[string][]string // licenses by the license request that they were issued for
}

// answered is a call that succeeded, to be sent again.
type answered struct {
	step step
	call protocol.Call
	body string
}

func newWorld(t *testing.T, seed uint64, signer *filesign.Signer, keys []keyring.Entry) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(seed, 5)), clock: licensetest.NewClock(), store: memstore.New(keys...), model: newModel(), onRequest: seed%3 == 0}
	w.signer = &counted{Signer: signer, now: w.clock.Now}
	w.ring = keyring.New(w.store, w.clock.Now)
	return w
}

func (w *world) issuer(store ledger.Store, signer protocol.Signer) *issuing.Issuer {
	return issuing.NewIssuer(store, signer, w.ring, w.rules(), w.clock.Now)
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

// step is one thing that somebody tries.
type step struct {
	name   string
	caller license.Caller
	from   *entry // the license that it makes another one of, if any
	// expect says what should come of it now: a refusal, or what the reference then becomes of the license that was made
	// or changed, as it is stored. made is false where nothing is signed.
	expect func() (refusal license.Code, made bool, apply, giveUp func(ledger.Record))
	send   func(i *issuing.Issuer, call protocol.Call) (protocol.Outcome, error)
}

// take takes a step: whole, or with a crash somewhere in it and a rescue, or with a key that cannot be used.
func (w *world) take(s step) {
	w.calls++
	call := licensetest.Call(s.caller, fmt.Sprint("key-", w.calls))
	switch n := w.random.IntN(10); {
	case n < 6:
		w.settle(s, call, w.issuer(w.store, w.signer), "")
	case n < 9:
		w.crash(s, call)
	default:
		w.keyRefuses(s, call)
	}
}

// settle sends a step to a system that works and compares what comes of it.
func (w *world) settle(s step, call protocol.Call, issuer *issuing.Issuer, how string) {
	refusal, _, apply, _ := s.expect()
	outcome, err := s.send(issuer, call)
	w.tell("%s by %s%s: %s", s.name, call.Caller.Username, how, said(err))
	w.require(codeOf(err) == refusal, "%s: expected %q, got %q (%v)", s.name, refusal, codeOf(err), err)
	if err != nil {
		return
	}
	apply(w.read(outcome.Body))
	w.last = &answered{s, call, string(outcome.Body)}
}

func (w *world) read(body []byte) ledger.Record {
	var a struct {
		License struct{ ID, LicenseKey string }
	}
	w.require(json.Unmarshal(body, &a) == nil && a.License.ID != "", "the answer %s names no license", body)
	r, err := w.store.Record(w.ctx, a.License.ID)
	w.require(err == nil && (a.License.LicenseKey == string(r.LicenseKey) || a.License.LicenseKey == ""), "the answer for license %s has another key than is stored: %v", a.License.ID, err)
	return r
}

// crash lets the process die at a random step and rescues what it began: by the same call again, or by the sweep. What had
// not begun may also be left.
func (w *world) crash(s step, call protocol.Call) {
	process := &mortal{Store: w.store, signer: w.signer, dieAt: 1 + w.random.IntN(12), after: w.random.IntN(2) == 0}
	refusal, made, apply, giveUp := s.expect()
	before := w.sequences()
	outcome, err := s.send(w.issuer(process, process), call)
	w.tell("%s by %s, to die at %d (after %v): %v", s.name, call.Caller.Username, process.dieAt, process.after, said(err))
	if !process.dead {
		w.require(codeOf(err) == refusal, "%s: expected %q, got %q (%v)", s.name, refusal, codeOf(err), err)
		if err == nil {
			apply(w.read(outcome.Body))
		}
		return
	}
	w.clock.Advance(6 * time.Second)
	id := w.newest(before)
	switch {
	case id != "" && s.from != nil && w.pending(id) && w.random.IntN(3) == 0:
		w.overtake(s, call, id, giveUp)
	case id != "" && w.random.IntN(2) == 0:
		w.tell("the sweep comes")
		w.sweep(w.signer)
		w.require(refusal == "", "%s: expected %q, but a license was made", s.name, refusal)
		r, err := w.store.Record(w.ctx, id)
		w.require(err == nil && r.Status != license.Pending, "%s: the sweep left license %s %s: %v", s.name, id, r.Status, err)
		apply(r)
		w.replay(s, call)
	case id == "" && made && w.random.IntN(2) == 0:
		w.tell("nobody comes back to it")
	default:
		w.again(s, call, refusal, apply)
	}
}

func (w *world) pending(id string) bool {
	r, err := w.store.Record(w.ctx, id)
	w.require(err == nil, "license %s: %v", id, err)
	return r.Status == license.Pending
}

// overtake lets somebody revoke the license of which another one is pending: that one is given up.
func (w *world) overtake(s step, call protocol.Call, id string, giveUp func(ledger.Record)) {
	w.calls++
	revoking := licensetest.Call(licensetest.AdminCaller, fmt.Sprint("key-", w.calls))
	_, err := w.issuer(w.store, w.signer).Revoke(w.ctx, revoking, issuing.RevocationRequest{ID: s.from.ID, Reason: "overtaken", IfMatch: s.from.Version + 1})
	w.tell("meanwhile %s is revoked: %s", s.from.ID, said(err))
	w.require(err == nil, "%s, overtaken by a revocation: %v", s.name, err)
	r, err := w.store.Record(w.ctx, id)
	w.require(err == nil && r.Status == license.Void, "%s, overtaken by a revocation: license %s is %s: %v", s.name, id, r.Status, err)
	giveUp(r)
	w.model.revoke(s.from)
	_, err = s.send(w.issuer(w.store, w.signer), call)
	w.require(codeOf(err) == license.IssueVoided, "%s: the call again after the revocation: %v", s.name, err)
}

// again sends a call whose first sending may have taken effect: what was expected of the first is expected still.
func (w *world) again(s step, call protocol.Call, refusal license.Code, apply func(ledger.Record)) {
	outcome, err := s.send(w.issuer(w.store, w.signer), call)
	w.tell("%s by %s, again: %s", s.name, call.Caller.Username, said(err))
	w.require(codeOf(err) == refusal, "%s, again: expected %q, got %q (%v)", s.name, refusal, codeOf(err), err)
	if err == nil {
		apply(w.read(outcome.Body))
	}
}

// replay sends a call again that has succeeded: its answer is the same.
func (w *world) replay(s step, call protocol.Call) {
	first, err := s.send(w.issuer(w.store, w.signer), call)
	w.require(err == nil, "%s, replayed: %v", s.name, err)
	second, err := s.send(w.issuer(w.store, w.signer), call)
	w.require(err == nil && string(first.Body) == string(second.Body), "%s, replayed twice: %v", s.name, err)
}

// keyRefuses lets the signing service refuse for 16 minutes: what was promised is given up.
func (w *world) keyRefuses(s step, call protocol.Call) {
	refusal, made, apply, giveUp := s.expect()
	before := w.sequences()
	outcome, err := s.send(w.issuer(w.store, refusing{}), call)
	w.tell("%s by %s while the key refuses: %s", s.name, call.Caller.Username, said(err))
	if refusal != "" || !made {
		w.require(codeOf(err) == refusal, "%s: expected %q, got %q (%v)", s.name, refusal, codeOf(err), err)
		if err == nil {
			apply(w.read(outcome.Body))
		}
		return
	}
	w.require(codeOf(err) == license.Unavailable, "%s: expected unavailable, got %v", s.name, err)
	w.clock.Advance(6 * time.Second)
	w.sweep(refusing{})
	w.clock.Advance(16 * time.Minute)
	w.sweep(refusing{})
	id := w.newest(before)
	r, err := w.store.Record(w.ctx, id)
	w.require(err == nil && r.Status == license.Void, "%s: license %q should be void: %v %s", s.name, id, err, r.Status)
	giveUp(r)
	_, err = s.send(w.issuer(w.store, w.signer), call)
	w.require(codeOf(err) == license.IssueVoided, "%s: the call again after the void: %v", s.name, err)
}

func (w *world) sweep(signer protocol.Signer) {
	_, err := protocol.NewSweeper(w.issuer(w.store, signer).Writer(), w.store).Sweep(w.ctx)
	w.require(err == nil, "sweep: %v", err)
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

var errDead = errors.New("the process is dead")

// refusing is a signing service that refuses its keys.
type refusing struct{}

func (refusing) Sign(context.Context, protocol.Prepared) (protocol.Signature, error) {
	return protocol.Signature{}, protocol.ErrRefused
}

// mortal is a process that dies at its n-th read, write or signature, before it takes effect or after it with the reply lost.
type mortal struct {
	ledger.Store
	signer protocol.Signer
	dieAt  int
	after  bool
	steps  int
	dead   bool
}

func (m *mortal) die(do func() error) error {
	if m.dead {
		return errDead
	}
	if m.steps++; m.steps != m.dieAt {
		return do()
	}
	m.dead = true
	if m.after {
		_ = do() // its reply is lost
	}
	return errDead
}

func (m *mortal) Server(ctx context.Context, token license.ServerToken) (s ledger.Server, err error) {
	err = m.die(func() error { s, err = m.Store.Server(ctx, token); return err })
	return s, err
}

func (m *mortal) Record(ctx context.Context, id string) (r ledger.Record, err error) {
	err = m.die(func() error { r, err = m.Store.Record(ctx, id); return err })
	return r, err
}

func (m *mortal) Commit(ctx context.Context, c ledger.Commit) error {
	return m.die(func() error { return m.Store.Commit(ctx, c) })
}

func (m *mortal) Sign(ctx context.Context, p protocol.Prepared) (s protocol.Signature, err error) {
	err = m.die(func() error { s, err = m.signer.Sign(ctx, p); return err })
	return s, err
}
