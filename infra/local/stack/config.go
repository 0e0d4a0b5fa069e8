package stack

import (
	"context"
	"io"
	"path/filepath"
	"sync"
	"time"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/meter"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/template"
)

// Config says what to start. The zero value is what make run starts.
type Config struct {
	Root     string // the project; found around the working directory when empty
	Template string // template.yaml; the project's when empty. CodeUri is relative to its folder
	Dir      string // where data is kept; .data of the project when empty

	InMemory  bool // DynamoDB in memory; the keys are files in Dir all the same
	FreePorts bool // any free ports instead of the usual ones
	PortBase  int  // this port and those after it instead of the usual ones; 0 means the usual ones
	// SAM runs the functions in containers of sam local start-lambda instead of as processes behind our Runtime API.
	SAM bool
	// Admin serves the gate's, KMS's and the runtime's test surfaces without permissions; for tests in other processes.
	Admin bool

	Parameters    map[string]string                   // more parameters of the template
	Change        func(*template.Application)         // edits what the template says, for tests
	Hooks         gate.Hooks                          // faults at the permission gate, for tests
	Meter         *meter.Meter                        // notes what AWS would charge for; for calls one after the other
	Prepare       func(context.Context, *Stack) error // runs when tables and keys exist, before the schedules
	NoSchedules   bool                                // schedules run only by RunSchedule
	TokenLifetime time.Duration                       // of access tokens; an hour when 0

	Progress  io.Writer // what is being fetched; may be nil
	Log       io.Writer // output of functions, DynamoDB Local, sign-in and gate; may be nil
	AccessLog io.Writer // a line a request; may be nil
}

func (c *Config) complete() (setup.Tools, error) {
	tools, err := setup.Find(c.Root)
	if err != nil {
		return tools, err
	}
	c.Root = tools.Root
	if c.Template == "" {
		c.Template = filepath.Join(c.Root, "template.yaml")
	}
	if c.Dir == "" {
		c.Dir = filepath.Join(c.Root, ".data")
	}
	if c.Progress == nil {
		c.Progress = io.Discard
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	if c.AccessLog == nil {
		c.AccessLog = io.Discard
	}
	return tools, nil
}

// output lets many write to one writer, and nobody any more once the stack is closed: a test's output may not be
// written to after the test.
type output struct {
	mu    sync.Mutex
	w     io.Writer
	ended bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return len(p), nil
	}
	return o.w.Write(p)
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}
