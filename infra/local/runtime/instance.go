package runtime

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/template"
)

// errNotTaken means that the process ended before it had taken the event.
var errNotTaken = errors.New("process ended before it took the event")

// instance is one process of a function.
type instance struct {
	token    string // its part of the Runtime API's address, and its AWS session token
	function template.Function
	work     chan *invocation
	started  chan struct{} // closed when process is set
	process  *process.Process
	rest     *time.Timer // stops it when idle for too long

	mu      sync.Mutex
	current *invocation
}

// invocation is one event and the place for its outcome.
type invocation struct {
	id       string
	event    []byte
	timeout  time.Duration
	deadline time.Time
	taken    chan struct{}
	done     chan outcome
}

func newInstance(f template.Function) *instance {
	return &instance{token: randomHex(16), function: f, work: make(chan *invocation, 1), started: make(chan struct{})}
}

func newInvocation(event []byte, timeout time.Duration) *invocation {
	return &invocation{id: newUUID(), event: event, timeout: timeout, taken: make(chan struct{}), done: make(chan outcome, 1)}
}

func (i *instance) alive() bool {
	select {
	case <-i.process.Done():
		return false
	default:
		return true
	}
}

// run hands an event to the process and waits for its outcome. A process that takes too long is killed, as Lambda does.
func (i *instance) run(inv *invocation) ([]byte, error) {
	i.work <- inv
	starting := time.NewTimer(initTimeout)
	defer starting.Stop()
	select {
	case <-inv.taken:
	case <-i.process.Done():
		return nil, fmt.Errorf("%w: %v", errNotTaken, i.process.Err())
	case <-starting.C:
		i.process.Kill()
		<-i.process.Done()
		return nil, fmt.Errorf("process took no event within %s of its start", initTimeout)
	}
	timer := time.NewTimer(inv.timeout)
	defer timer.Stop()
	select {
	case out := <-inv.done:
		return out.payload, out.err
	case <-i.process.Done():
		select {
		case out := <-inv.done: // it answered, and ended after that
			return out.payload, out.err
		default:
			return nil, fmt.Errorf("process ended in the middle of the invocation: %v", i.process.Err())
		}
	case <-timer.C:
		i.process.Kill()
		<-i.process.Done()
		return nil, gateway.ErrTimeout
	}
}

// next waits for an event and makes it the current one; false when the asking process has gone.
func (i *instance) next(gone <-chan struct{}) (*invocation, bool) {
	select {
	case inv := <-i.work:
		select {
		case <-gone:
			return nil, false
		default:
		}
		inv.deadline = time.Now().Add(inv.timeout)
		i.mu.Lock()
		i.current = inv
		i.mu.Unlock()
		close(inv.taken)
		return inv, true
	case <-gone:
		return nil, false
	}
}

// finish gives the current invocation its outcome; false when it is not the current one.
func (i *instance) finish(id string, out outcome) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.current == nil || i.current.id != id {
		return false
	}
	i.current.done <- out
	i.current = nil
	return true
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
