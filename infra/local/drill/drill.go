// Package drill rehearses on a local stack of its own what operators do rarely and must get right: rotating the signing
// keys, living through the loss of one, and restoring the tables. A drill works through the API with real tokens and through the operators' own
// code, ends at the first thing that is not as expected, and says what it expected and what it saw.
//
// A drill is a function in drills, in a file of its own.
package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/operator"
	"qmslicensing/infra/local/stack"
	"qmslicensing/infra/local/template"
	domain "qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

// Options of a drill. Only Out is needed.
type Options struct {
	Out io.Writer // what is done, and the figures
	Log io.Writer // output of the stack; may be nil
	// Traffic is how long licenses are issued before and after a rotation; 5 seconds when 0.
	Traffic time.Duration
	// Restart starts the functions anew between two requests, as a deployment does, instead of waiting the minute after
	// which they read the key table again.
	Restart bool
	Change  func(*template.Application) // edits what the template says, for tests
}

func drills() map[string]func(context.Context, *drill) error {
	return map[string]func(context.Context, *drill) error{"rotate": rotate, "key-loss": keyLoss, "restore": restore}
}

// Names lists the drills.
func Names() []string { return slices.Sorted(maps.Keys(drills())) }

// drill is one run.
type drill struct {
	Options
	dir    string // of its data
	stack  *stack.Stack
	system operator.System // the same as an operator sees it
	api    *api
	begun  time.Time

	refusedBefore []grants.Denial // by the stacks before this one
}

// Run runs the drill of that name from an empty, fresh stack to its figures.
func Run(ctx context.Context, name string, options Options) error {
	run, known := drills()[name]
	if !known {
		return fmt.Errorf("there is no drill %q: choose one of %s", name, strings.Join(Names(), ", "))
	}
	if options.Traffic == 0 {
		options.Traffic = 5 * time.Second
	}
	dir, err := os.MkdirTemp("", "qms-drill")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := &drill{Options: options, dir: dir, begun: time.Now()}
	err = d.start(ctx, nil, func(ctx context.Context) error {
		_, err := d.system.FillKeys(ctx)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { d.stack.Close() }() // a drill may have started another
	d.step("the stack runs, with the key table filled")
	if err := run(ctx, d); err != nil {
		return errors.Join(fmt.Errorf("drill %s failed: %w", name, err), d.refusals(), errNext)
	}
	if err := d.refusals(); err != nil {
		return fmt.Errorf("drill %s failed: %w", name, err)
	}
	d.figure("time", "%.1f s", time.Since(d.begun).Seconds())
	return nil
}

// start starts a stack on the drill's data. prepare runs when its tables are there, before anything reads them.
func (d *drill) start(ctx context.Context, parameters map[string]string, prepare func(context.Context) error) error {
	given := map[string]string{"LicensesPerPersonDay": "100000"} // the traffic of many, by one person each
	maps.Copy(given, parameters)
	started, err := stack.Start(ctx, stack.Config{
		Dir: d.dir, FreePorts: true, Parameters: given, Change: d.Change, Progress: d.Out, Log: d.Log,
		Prepare: func(ctx context.Context, s *stack.Stack) error {
			d.system = operator.System{DynamoDBEndpoint: s.DynamoDBEndpoint, KMSEndpoint: s.KMSEndpoint, S3Endpoint: s.S3Endpoint, Application: s.Application}
			return prepare(ctx)
		},
	})
	if err != nil {
		return err
	}
	before := d.api
	if d.api, err = newAPI(ctx, started); err != nil {
		started.Close()
		return err
	}
	if before != nil { // what was fresh stays used, what was refused stays refused
		d.api.serial.Store(before.serial.Load())
		d.refusedBefore = append(d.refusedBefore, d.stack.Gate.Book().Denials()...)
	}
	d.stack = started
	return nil
}

// errNext is what whoever sees a drill fail wants to know.
var errNext = errors.New("nothing but the drill's own system was touched. Find the reason in the log, and do not do it on AWS before the drill is green")

// step tells what has been done.
func (d *drill) step(format string, arguments ...any) {
	fmt.Fprintf(d.Out, "%6.1f s  %s\n", time.Since(d.begun).Seconds(), fmt.Sprintf(format, arguments...))
}

// figure prints one of the results.
func (d *drill) figure(name, format string, arguments ...any) {
	fmt.Fprintf(d.Out, "  %-48s %s\n", name, fmt.Sprintf(format, arguments...))
}

// unmet is an expectation that was not met.
func unmet(expected, format string, arguments ...any) error {
	return fmt.Errorf("expected %s; saw %s", expected, fmt.Sprintf(format, arguments...))
}

// refusals names what the permission gate refused to running functions, which no drill expects.
func (d *drill) refusals() error {
	var found []error
	for _, denial := range append(d.refusedBefore, d.stack.Gate.Book().Denials()...) {
		found = append(found, errors.New(denial.String()))
	}
	return errors.Join(found...)
}

// sleep waits, unless the drill is given up before.
func sleep(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(duration):
		return nil
	}
}

// lease is longer than a writer has to sign: after it the sweep may finish what the writer left.
const lease = 5200 * time.Millisecond

// sweep runs the sweep now.
func (d *drill) sweep(ctx context.Context) error { return d.stack.RunSchedule(ctx, "SweepFunction") }

// key is the template's key of a purpose that its tags call signing or standby.
func (d *drill) key(purpose domain.KeyPurpose, state keyring.State) template.Key {
	for _, key := range d.stack.Application.Keys {
		if key.Purpose == string(purpose) && key.State == string(state) {
			return key
		}
	}
	panic(fmt.Sprintf("the template has no %s key in state %s", purpose, state))
}

// keyID is what the key table calls a KMS key.
func (d *drill) keyID(ctx context.Context, arn string) (string, error) {
	entries, err := d.system.Store(operator.Principal).Keys(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if e.ARN == arn {
			return e.ID, nil
		}
	}
	return "", unmet("a key table with "+arn, "%d other keys", len(entries))
}
