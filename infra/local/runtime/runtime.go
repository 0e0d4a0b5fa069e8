// Package runtime plays AWS Lambda for the real bootstraps: it runs them as processes behind the Lambda Runtime API
// (2018-06-01), one invocation at a time per process, as many processes as are needed up to a bound.
package runtime

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/template"
)

const (
	maxEvent    = 6 << 20          // bytes of one event
	maxResponse = 6<<20 + 100      // bytes of one response
	initTimeout = 10 * time.Second // for a new process to ask for its first event
)

// Config is what a runtime needs. Zero values of the last three mean the default.
type Config struct {
	Application *template.Application
	Root        string // the folder that CodeUri is relative to
	// Environment is added to a function's variables: credentials and endpoints. The template's own win.
	Environment func(template.Function) map[string]string
	Log         io.Writer // the functions' own output, each line after the function's name

	MaxProcesses int           // of one function at a time; what comes beyond waits. 80
	Idle         time.Duration // after which a process without work is stopped. 5 minutes
	Group        *process.Group
}

// Runtime runs functions.
type Runtime struct {
	pools    map[string]*pool
	byToken  *registry
	server   *http.Server
	group    *process.Group
	ownGroup bool
}

var _ gateway.Invoker = (*Runtime)(nil)

// New starts the Runtime API on a free port of 127.0.0.1; processes start with the first event.
func New(c Config) (*Runtime, error) {
	if c.MaxProcesses == 0 {
		c.MaxProcesses = 80
	}
	if c.Idle == 0 {
		c.Idle = 5 * time.Minute
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening a port for the Runtime API: %w", err)
	}
	r := &Runtime{pools: map[string]*pool{}, byToken: newRegistry(), group: c.Group}
	if r.group == nil {
		r.group, r.ownGroup = process.NewGroup(), true
	}
	for _, f := range c.Application.Functions {
		r.pools[f.LogicalID] = &pool{
			function: f,
			code:     filepath.Join(c.Root, f.CodeURI),
			api:      listener.Addr().String(),
			added:    c.Environment,
			log:      process.Prefixed(c.Log, f.Name+": "),
			idleFor:  c.Idle,
			slots:    make(chan struct{}, c.MaxProcesses),
			byToken:  r.byToken,
			group:    r.group,
			all:      map[*instance]struct{}{},
		}
	}
	r.server = &http.Server{Handler: r.byToken.handler()}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

// Invoke runs a function on an event. A caller who gives up (ctx) does not stop it.
func (r *Runtime) Invoke(ctx context.Context, function string, event []byte) ([]byte, error) {
	p := r.pools[function]
	if p == nil {
		return nil, fmt.Errorf("template has no function %s", function)
	}
	if len(event) > maxEvent {
		return nil, gateway.ErrTooLarge
	}
	return p.invoke(ctx, event)
}

// Kill kills processes of a function and tells how many there were. What they worked on has failed. instance is the
// AWS_SESSION_TOKEN of one process, which stands in the X-Amz-Security-Token header of everything that it asks of AWS;
// empty means all of them.
func (r *Runtime) Kill(function, instance string) int {
	p := r.pools[function]
	if p == nil {
		return 0
	}
	return p.kill(instance)
}

// Processes tells how many processes of a function run.
func (r *Runtime) Processes(function string) int {
	p := r.pools[function]
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// Close kills every process.
func (r *Runtime) Close() {
	for _, p := range r.pools {
		p.close()
	}
	if r.ownGroup {
		r.group.Close()
	}
	_ = r.server.Close()
}
