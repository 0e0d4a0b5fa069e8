package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/stack"
)

// with starts a system of its own, on free ports and in memory, runs a command against it and stops. The command finds the
// system in BASE_URL and its sign-in in SIGNIN_URL, as token does.
func with(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return errors.New("say what to run: with -- COMMAND")
	}
	dir, err := os.MkdirTemp("", "qms-licensing-with")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log, err := os.Create(dir + "/log")
	if err != nil {
		return err
	}
	defer log.Close()
	s, err := stack.Start(ctx, stack.Config{
		Dir: dir, InMemory: true, FreePorts: true, Prepare: prepare, Progress: os.Stdout, Log: log, AccessLog: log,
		Parameters: map[string]string{"LicensesPerPersonDay": "100000"}, // tests make more on one day than people do
	})
	if err != nil {
		return err
	}
	defer s.Close()
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	group := process.NewGroup()
	defer group.Close()
	command, err := group.Start(process.Command{Path: path, Args: args[1:], Env: append(os.Environ(), "BASE_URL="+s.URL, "SIGNIN_URL="+s.Issuer), Output: os.Stdout})
	if err != nil {
		return err
	}
	select {
	case <-command.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := command.Err(); err != nil {
		text, _ := os.ReadFile(log.Name())
		fmt.Fprintf(os.Stderr, "%s\n", text[max(0, len(text)-8<<10):])
		return fmt.Errorf("%s: %w (above: the end of the system's log)", args[0], err)
	}
	return nil
}
