// Package sam runs the pinned SAM CLI's deploy. Parameters reach it in a file that only this user reads and that is gone when
// it ends, because one of them is a secret and a command line is shown to everyone on the machine.
package sam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Tool is the SAM CLI; everything must be set.
type Tool struct {
	Path       string // of the program
	ConfigFile string // infra/samconfig.toml, as an absolute path: SAM looks for it beside the template
	Root       string // of the repository, which the template's paths start from
	Env        []string
	Out        io.Writer
}

// Request is one deployment.
type Request struct {
	Environment string // section of the file of environments
	Stack       string
	Region      string
	Template    string // below the root
	// Parameters are all that are given a value. Every other keeps the value that the stack has; SAM sends UsePreviousValue
	// for it. They take the place of those in the file of environments, so these must be among them.
	Parameters map[string]string
	// Keep leaves what was made when the deployment fails, so that the next one goes on from there. It is meant for a stack
	// that was never complete: rolling that back leaves tables and keys behind whose names are then taken.
	Keep bool
}

// Deploy deploys. A deployment that changes nothing succeeds.
func (t Tool) Deploy(ctx context.Context, r Request) (err error) {
	dir, err := os.MkdirTemp("", "deploy-")
	if err != nil {
		return fmt.Errorf("making a folder for the parameters: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	parameters, err := json.Marshal(r.Parameters)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "parameters.yaml") // SAM knows no .json, and JSON is YAML
	if err := os.WriteFile(file, parameters, 0o600); err != nil {
		return fmt.Errorf("writing the parameters: %w", err)
	}
	args := []string{
		"deploy", "--config-file", t.ConfigFile, "--config-env", r.Environment, "--template-file", r.Template,
		"--stack-name", r.Stack, "--region", r.Region, "--parameter-overrides", "file://" + file,
	}
	if r.Keep {
		args = append(args, "--disable-rollback")
	}
	cmd := exec.CommandContext(ctx, t.Path, args...)
	cmd.Dir, cmd.Env = t.Root, append(append([]string{}, t.Env...), "SAM_CLI_TELEMETRY=0")
	cmd.Stdout, cmd.Stderr = t.Out, t.Out
	// What is asked to stop gets the time to; CloudFormation goes on without it.
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 10*time.Second
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("sam deploy of stack %s in %s: %w", r.Stack, r.Region, err)
	}
	return nil
}
