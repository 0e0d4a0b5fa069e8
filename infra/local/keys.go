package main

import (
	"context"
	"flag"
	"fmt"

	"qmslicensing/infra/local/operator"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/stack"
	"qmslicensing/infra/local/template"
)

// keys brings the key table of a running system to what the template says, and prints the whole table.
func keys(ctx context.Context, args []string) error {
	var base int
	flags := flag.NewFlagSet("keys", flag.ContinueOnError)
	portBase(flags, &base)
	if err := flags.Parse(args); err != nil {
		return err
	}
	tools, err := setup.Find("")
	if err != nil {
		return err
	}
	app, err := template.LoadLocal(tools.Root + "/template.yaml")
	if err != nil {
		return err
	}
	ports := portsOf(base)
	system := operator.System{
		DynamoDBEndpoint: fmt.Sprintf("http://127.0.0.1:%d", ports.GateDynamoDB),
		KMSEndpoint:      fmt.Sprintf("http://127.0.0.1:%d", ports.GateKMS),
		Application:      app,
	}
	if _, err := system.FillKeys(ctx); err != nil {
		return fmt.Errorf("%w (is make run running?)", err)
	}
	entries, err := system.Store(operator.Principal).Keys(ctx)
	for _, e := range entries {
		fmt.Printf("%-20s %-10s %-8s %s\n", e.ID, e.Purpose, e.State, e.ARN)
	}
	return err
}

// portsOf returns the usual ports, or those from a base.
func portsOf(base int) stack.Ports {
	if base == 0 {
		return stack.UsualPorts()
	}
	return stack.PortsFrom(base)
}
