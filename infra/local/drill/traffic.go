package drill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// The phases of a rotation. A license that spans two counts as during.
const (
	before = "before"
	during = "during"
	after  = "after"
)

// issued is a license that the drill got.
type issued struct {
	license
	phase string
	kid   string // of the key that signed it
}

// traffic is staff and customers at work, all the time. The first request that fails ends it.
type traffic struct {
	api     *api
	release published // the public keys that QMS servers in the field know: those published when the drill began

	restart sync.RWMutex // held for reading by a request, for writing by a restart between two requests
	stop    context.CancelCauseFunc
	workers sync.WaitGroup

	mu       sync.Mutex
	phase    string
	licenses []issued
	latest   published // the largest published set that was read
	reads    int       // of the published set
	requests int
	failures int
	failure  error // the first
}

// pace is the rest of each worker between two rounds.
const pace = 100 * time.Millisecond

// start starts the workers. The context that it returns ends with the first failure, which is its cause.
func (t *traffic) start(ctx context.Context) context.Context {
	ctx, t.stop = context.WithCancelCause(ctx)
	t.latest = t.release
	for _, round := range []func(context.Context) error{t.sell, t.sell, t.sell, t.move, t.lend, t.lend, t.check, t.check, t.readKeys} {
		t.workers.Go(func() {
			for ctx.Err() == nil {
				if err := errors.Join(round(ctx), sleep(ctx, pace)); err != nil && ctx.Err() == nil {
					t.fail(err)
				}
			}
		})
	}
	return ctx
}

// errFinished ends the traffic when all went well.
var errFinished = errors.New("the traffic has been ended")

// finish lets the requests that are under way end and returns the first failure.
func (t *traffic) finish() error {
	t.restart.Lock() // no request is under way
	t.stop(errFinished)
	t.restart.Unlock()
	t.workers.Wait()
	return t.failure
}

func (t *traffic) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures++
	if t.failure == nil {
		t.failure = fmt.Errorf("a request failed %s the rotation: %w", t.phase, err)
	}
	t.stop(t.failure)
}

func (t *traffic) enter(phase string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phase = phase
}

func (t *traffic) now() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.phase
}

// want sends a call between two restarts.
func (t *traffic) want(ctx context.Context, c call, status int, into any) (answer, error) {
	t.restart.RLock()
	defer t.restart.RUnlock()
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	t.mu.Lock()
	t.requests++
	t.mu.Unlock()
	return t.api.want(ctx, c, status, into)
}

// obtain makes a call that gives a license, verifies it with the public keys that the field knows, and keeps it.
func (t *traffic) obtain(ctx context.Context, c call) (issued, string, error) {
	begun := t.now()
	var got licensed
	reply, err := t.want(ctx, c, 201, &got)
	if err != nil {
		return issued{}, "", err
	}
	l, err := t.keep(got.License, begun)
	return l, reply.header.Get("ETag"), err
}

func (t *traffic) keep(l license, begun string) (issued, error) {
	claims, kid, err := t.release.verify(l.LicenseKey)
	if err != nil || claims.ID != l.ID || string(claims.ServerToken) != l.ServerToken {
		return issued{}, unmet("a license that servers in the field accept", "license %s of key %s: %v", l.ID, kid, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	one := issued{license: l, phase: begun, kid: kid}
	if t.phase != begun {
		one.phase = during
	}
	t.licenses = append(t.licenses, one)
	return one, nil
}

// sell is accounting at work: a new subscription, renewed and then amended.
func (t *traffic) sell(ctx context.Context) error {
	sold, etag, err := t.obtain(ctx, t.api.issue(t.api.fresh("QMSA-SOLD")))
	if err != nil {
		return err
	}
	renewed, etag, err := t.obtain(ctx, t.api.renewal(sold.ID, etag))
	if err != nil {
		return err
	}
	_, _, err = t.obtain(ctx, t.api.amendment(renewed.ID, etag))
	return err
}

// move is accounting and support at work: a new subscription whose server is replaced. Its first key is of no server.
func (t *traffic) move(ctx context.Context) error {
	var sold licensed
	reply, err := t.want(ctx, t.api.issue(t.api.fresh("QMSA-OLD")), 201, &sold)
	if err != nil {
		return err
	}
	_, _, err = t.obtain(ctx, t.api.rehost(sold.License.ID, t.api.fresh("QMSA-NEW"), reply.header.Get("ETag")))
	return err
}

// lend is sales and support at work.
func (t *traffic) lend(ctx context.Context) error {
	if _, _, err := t.obtain(ctx, t.api.temporary("sales", "trial", t.api.fresh("QMSA-TRIAL"))); err != nil {
		return err
	}
	_, _, err := t.obtain(ctx, t.api.temporary("support", "emergency", t.api.fresh("QMSA-EMERGENCY")))
	return err
}

// check is a customer: the license of the server, and what the system says of any that was issued.
func (t *traffic) check(ctx context.Context) error {
	t.mu.Lock()
	if len(t.licenses) == 0 {
		t.mu.Unlock()
		return nil
	}
	one := t.licenses[rand.N(len(t.licenses))]
	t.mu.Unlock()
	var got licensed
	if _, err := t.want(ctx, retrieve(one.ServerToken), 200, &got); err != nil {
		return err
	}
	return t.loads(ctx, one)
}

// loads asks whether a license loads. A subscription that was renewed is superseded, and loads.
func (t *traffic) loads(ctx context.Context, one issued) error {
	var verdict struct {
		Loads    bool
		Problems []struct{ Code string }
	}
	reply, err := t.want(ctx, validate(one.LicenseKey), 200, &verdict)
	if err != nil {
		return err
	}
	for _, problem := range verdict.Problems {
		verdict.Loads = verdict.Loads && problem.Code == "superseded"
	}
	if !verdict.Loads {
		return unmet("every license to load", "license %s of key %s: %v", one.ID, one.kid, reply)
	}
	return nil
}

// readKeys reads the published keys: none may be missing that was there at the last reading.
func (t *traffic) readKeys(ctx context.Context) error {
	t.restart.RLock()
	defer t.restart.RUnlock()
	if ctx.Err() != nil {
		return nil
	}
	set, err := t.api.publicKeys(ctx)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	t.reads++
	if !set.holds(t.latest) {
		return unmet("public keys that only grow in number", "%s after %s", strings.Join(set.names(), " "), strings.Join(t.latest.names(), " "))
	}
	t.latest = set
	return nil
}
