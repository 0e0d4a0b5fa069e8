package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/template"
)

// pool is the processes of one function.
type pool struct {
	function template.Function
	code     string
	api      string
	added    func(template.Function) map[string]string
	log      io.Writer
	idleFor  time.Duration
	slots    chan struct{} // one a running invocation
	byToken  *registry
	group    *process.Group

	mu     sync.Mutex
	idle   []*instance // the last used last
	all    map[*instance]struct{}
	closed bool
}

type outcome struct {
	payload []byte
	err     error
}

func (p *pool) bootstrap() string { return filepath.Join(p.code, "bootstrap") }

func (p *pool) invoke(ctx context.Context, event []byte) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a free process of %s: %w", p.function.Name, ctx.Err())
	}
	reply := make(chan outcome, 1)
	go func() {
		defer func() { <-p.slots }()
		reply <- p.serve(event)
	}()
	select {
	case out := <-reply:
		return out.payload, out.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for %s: %w", p.function.Name, ctx.Err())
	}
}

// serve runs one event. Should an idle process turn out to be dead before it has taken the event, another gets it.
func (p *pool) serve(event []byte) outcome {
	for {
		i, reused, err := p.take()
		if err != nil {
			return outcome{err: err}
		}
		payload, err := i.run(newInvocation(event, p.function.Timeout))
		p.give(i)
		if errors.Is(err, errNotTaken) && reused {
			continue
		}
		switch {
		case errors.Is(err, gateway.ErrTimeout):
			fmt.Fprintf(p.log, "Task timed out after %.2f seconds\n", p.function.Timeout.Seconds())
		case err != nil:
			fmt.Fprintf(p.log, "invocation failed: %v\n", err)
		}
		return outcome{payload, err}
	}
}

func (p *pool) take() (i *instance, reused bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		i, p.idle = p.idle[last], p.idle[:last]
		i.rest.Stop()
		if i.alive() {
			return i, true, nil
		}
	}
	if p.closed {
		return nil, false, errors.New("runtime is closed")
	}
	i, err = p.start()
	return i, false, err
}

func (p *pool) give(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !i.alive() || p.closed {
		return
	}
	i.rest = time.AfterFunc(p.idleFor, func() { p.retire(i) })
	p.idle = append(p.idle, i)
}

// retire stops a process that is still idle.
func (p *pool) retire(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, one := range p.idle {
		if one == i {
			p.idle = append(p.idle[:at], p.idle[at+1:]...)
			i.process.Kill()
			return
		}
	}
}

func (p *pool) start() (*instance, error) {
	i := newInstance(p.function)
	p.byToken.add(i)
	running, err := p.group.Start(process.Command{
		Path:   p.bootstrap(),
		Env:    p.environment(i),
		Dir:    p.code,
		Output: p.log,
	})
	if err != nil {
		p.byToken.remove(i)
		return nil, fmt.Errorf("starting function %s: %w", p.function.Name, err)
	}
	i.process = running
	close(i.started)
	p.all[i] = struct{}{}
	go func() {
		<-running.Done()
		p.byToken.remove(i)
		p.mu.Lock()
		delete(p.all, i)
		p.mu.Unlock()
	}()
	return i, nil
}

func (p *pool) environment(i *instance) []string {
	f := p.function
	variables := map[string]string{
		"AWS_ACCESS_KEY_ID":     f.LogicalID,
		"AWS_SECRET_ACCESS_KEY": "local",
	}
	if p.added != nil {
		for name, value := range p.added(f) {
			variables[name] = value
		}
	}
	for name, value := range f.Environment {
		variables[name] = value
	}
	for name, value := range map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          p.api + "/" + i.token,
		"AWS_LAMBDA_FUNCTION_NAME":        f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      i.token,
		"AWS_EXECUTION_ENV":               "AWS_Lambda_provided.al2023",
		"AWS_REGION":                      template.Region,
		"AWS_DEFAULT_REGION":              template.Region,
		"AWS_SESSION_TOKEN":               i.token,
		"LAMBDA_TASK_ROOT":                p.code,
		"_HANDLER":                        "bootstrap",
		"PATH":                            "/usr/local/bin:/usr/bin:/bin",
		"HOME":                            os.TempDir(),
		"TZ":                              "UTC",
	} {
		variables[name] = value
	}
	out := make([]string, 0, len(variables))
	for name, value := range variables {
		out = append(out, name+"="+value)
	}
	return out
}

// kill kills the process with a session token, or all when it is empty. It returns when they have ended: an event that
// comes next gets a new one.
func (p *pool) kill(token string) int {
	p.mu.Lock()
	var running []*instance
	for i := range p.all {
		if i.alive() && (token == "" || token == i.token) {
			running = append(running, i)
		}
	}
	p.mu.Unlock()
	for _, i := range running {
		i.process.Kill()
	}
	for _, i := range running {
		<-i.process.Done()
	}
	return len(running)
}

func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	for _, i := range p.idle {
		i.rest.Stop()
	}
	p.mu.Unlock()
	p.kill("")
}
