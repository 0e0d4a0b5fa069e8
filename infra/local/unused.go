package main

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"qmslicensing/infra/local/grants"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/template"
)

// unused holds what the stacks of a test run have used against everything that template.yaml grants.
func unused(args []string) error {
	flags := flag.NewFlagSet("unused", flag.ContinueOnError)
	dir := flags.String("used", "", "folder that the test run wrote into: its "+grants.DirVariable)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		return errors.New("say where the test run wrote what it used: unused -used DIR")
	}
	tools, err := setup.Find("")
	if err != nil {
		return err
	}
	app, err := template.LoadLocal(filepath.Join(tools.Root, "template.yaml"))
	if err != nil {
		return err
	}
	granted, err := grants.Of(app)
	if err != nil {
		return err
	}
	book, err := grants.Read(*dir)
	if err != nil {
		return err
	}
	allowed, err := grants.ReadAllowances(filepath.Join(tools.Root, grants.AllowList))
	if err != nil {
		return err
	}
	report := grants.Check(granted, book, allowed)
	if err := report.Err(); err != nil {
		return err
	}
	fmt.Printf("permissions: %d grants, %d used in this test run, %d unused with a reason\n", report.Granted, report.Granted-len(report.Allowed), len(report.Allowed))
	return nil
}
