// Package process starts the local stack's child processes such that none outlives its parent: they are killed with it
// even when it is killed itself (on Linux by the kernel; elsewhere those that watch their standard input end by it).
package process

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Command is what to run. Nothing of the parent's environment is inherited.
type Command struct {
	Path   string
	Args   []string
	Env    []string // KEY=value
	Dir    string
	Output io.Writer // standard output and standard error
	// Watched gives the process a standard input that ends with its parent, or with Stop.
	Watched bool
}

// Group starts processes and stops them all with Close.
type Group struct {
	mu      sync.Mutex
	starts  chan func()
	running map[*Process]struct{}
	closed  bool
}

// NewGroup returns an empty group.
func NewGroup() *Group {
	g := &Group{starts: make(chan func()), running: map[*Process]struct{}{}}
	go g.start()
	return g
}

// start runs on a thread of its own for as long as the group lives: the kernel ties a child to the thread that made it,
// and Go ends a thread whose goroutine is locked to it only with that goroutine.
func (g *Group) start() {
	runtime.LockOSThread()
	for start := range g.starts {
		start()
	}
}

// ErrClosed is returned by Start once the group has been closed.
var ErrClosed = errors.New("process group is closed")

// Process is one child.
type Process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{}
	err   error
}

// Start starts a process.
func (g *Group) Start(c Command) (*Process, error) {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append([]string{}, c.Env...)
	cmd.Dir = c.Dir
	cmd.Stdout, cmd.Stderr = c.Output, c.Output
	cmd.WaitDelay = time.Second
	// A group of its own: Ctrl-C in the terminal reaches the parent alone, which stops its children in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
	p := &Process{cmd: cmd, done: make(chan struct{})}
	if c.Watched {
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return nil, fmt.Errorf("opening the standard input of %s: %w", c.Path, err)
		}
		p.stdin = stdin
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	started := make(chan error)
	g.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	g.running[p] = struct{}{}
	go g.wait(p)
	return p, nil
}

func (g *Group) wait(p *Process) {
	p.err = p.cmd.Wait()
	g.mu.Lock()
	delete(g.running, p)
	g.mu.Unlock()
	close(p.done)
}

// Close kills what still runs and waits for its end.
func (g *Group) Close() {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return
	}
	g.closed = true
	left := make([]*Process, 0, len(g.running))
	for p := range g.running {
		left = append(left, p)
	}
	g.mu.Unlock()
	for _, p := range left {
		p.Kill()
	}
	for _, p := range left {
		<-p.done
	}
	close(g.starts)
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended; nil while it runs and after exit status 0.
func (p *Process) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process at once, and what it has started that is still in its process group.
func (p *Process) Kill() { _ = syscall.Kill(-p.PID(), syscall.SIGKILL) }

// Stop ends a watched process by the end of its standard input, and kills it after the grace.
func (p *Process) Stop(grace time.Duration) {
	if p.stdin != nil {
		_ = p.stdin.Close()
	}
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
		<-p.done
	}
}
