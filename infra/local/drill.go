package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"qmslicensing/infra/local/drill"
)

// rehearse runs a drill on a stack of its own. What the stack says is shown when the drill fails.
func rehearse(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("say which drill: drill %s", strings.Join(drill.Names(), "|"))
	}
	log, err := os.CreateTemp("", "qms-drill-log-*")
	if err != nil {
		return err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	err = drill.Run(ctx, args[0], drill.Options{Out: os.Stdout, Log: log})
	if err != nil {
		if text, _ := os.ReadFile(log.Name()); len(text) > 0 { // without it the error alone has to do
			fmt.Fprintf(os.Stderr, "%s\n(above: the end of the system's log)\n", text[max(0, len(text)-8<<10):])
		}
	}
	return err
}
