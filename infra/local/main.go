// Local runs the whole system on one machine: go run ./infra/local run, setup, token, keys, with, drill or unused.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"qmslicensing/infra/local/invoke"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/signin"
	"qmslicensing/infra/local/stack"
)

const usage = `usage: go run ./infra/local COMMAND

  run     starts everything and stops it on Ctrl-C
  setup   fetches what run needs, once; with -sam the containers' base image too
  token   prints an access token of a running system: token -role sales; below with, of that one
  with    runs a command against a system of its own: with -- npm run e2e
  keys    fills the key table of a running system from the template, and prints it
  drill   rehearses on a system of its own what operators do: drill rotate, drill key-loss, drill restore
  unused  names what template.yaml grants and a test run has not used: unused -used DIR

COMMAND -h lists the flags of a command.
`

func main() {
	if err := command(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func command(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if len(args) == 0 {
		return errors.New(strings.TrimSpace(usage))
	}
	switch args[0] {
	case "run":
		return run(ctx, args[1:])
	case "setup":
		return setUp(ctx, args[1:])
	case "token":
		return token(ctx, args[1:])
	case "with":
		return with(ctx, args[1:])
	case "keys":
		return keys(ctx, args[1:])
	case "drill":
		return rehearse(ctx, args[1:])
	case "unused":
		return unused(args[1:])
	default:
		return errors.New(strings.TrimSpace(usage))
	}
}

func setUp(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("setup", flag.ContinueOnError)
	sam := flags.Bool("sam", false, "fetch or make what the SAM CLI needs too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	tools, err := setup.Find("")
	if err != nil {
		return err
	}
	if err := tools.Ensure(ctx, os.Stdout); err != nil || !*sam {
		return err
	}
	return invoke.Prepare(ctx, os.Stdout)
}

func run(ctx context.Context, args []string) error {
	begin := time.Now()
	var c stack.Config
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	portBase(flags, &c.PortBase)
	flags.BoolVar(&c.FreePorts, "free-ports", false, "use any free ports")
	flags.StringVar(&c.Dir, "data", "", "folder that keeps the data (default: .data of the project)")
	flags.StringVar(&c.Template, "template", "", "template to run; CodeUri is relative to it (default: template.yaml of the project)")
	flags.BoolVar(&c.InMemory, "memory", false, "keep the licenses in memory only")
	flags.BoolVar(&c.SAM, "sam", false, "run the functions in containers of the SAM CLI (make run-sam installs it)")
	flags.BoolVar(&c.Admin, "admin", false, "serve the test surface: faults, keys, kills, schedules")
	bare := flags.Bool("bare", false, "leave out the key table and the demo data")
	quiet := flags.Bool("quiet", false, "leave out the access log")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c.Progress, c.Log = os.Stdout, os.Stdout
	if !*bare {
		c.Prepare = prepare
	}
	if !*quiet {
		c.AccessLog = os.Stdout
	}
	s, err := stack.Start(ctx, c)
	if err != nil {
		return err
	}
	defer s.Close()
	announce(s, time.Since(begin))
	select {
	case <-ctx.Done():
		fmt.Println("stopping")
		return nil
	case err := <-s.Failed():
		return err
	}
}

func announce(s *stack.Stack, took time.Duration) {
	fmt.Printf("\nQMS Licensing runs (started in %.1f s). Ctrl-C stops it.\n\n", took.Seconds())
	fmt.Printf("  customers  %s/\n  staff      %s/console/\n", s.URL, s.URL)
	fmt.Printf("  sign in    %s\n", strings.Join(signin.Usernames(), ", "))
	fmt.Printf("  DynamoDB   %s   KMS %s   S3 %s   (through the permission gate)\n", s.DynamoDBEndpoint, s.KMSEndpoint, s.S3Endpoint)
	if s.AdminURL != "" {
		fmt.Printf("  tests      %s\n", s.AdminURL)
	}
	fmt.Println()
}

func token(ctx context.Context, args []string) error {
	var base int
	flags := flag.NewFlagSet("token", flag.ContinueOnError)
	role := flags.String("role", "sales", "who signs in: "+strings.Join(signin.Usernames(), ", "))
	portBase(flags, &base)
	if err := flags.Parse(args); err != nil {
		return err
	}
	ports := portsOf(base)
	issuer := cmp.Or(os.Getenv("SIGNIN_URL"), fmt.Sprintf("http://localhost:%d", ports.SignIn))
	origin := cmp.Or(os.Getenv("BASE_URL"), fmt.Sprintf("http://localhost:%d", ports.Gateway))
	tokens, err := signin.Token(ctx, issuer, origin, *role)
	if err != nil {
		return fmt.Errorf("%w (is make run running?)", err)
	}
	fmt.Println(tokens.Access)
	return nil
}

// portBase gives a command the flag -port-base, whose default is QMS_PORT_BASE.
func portBase(flags *flag.FlagSet, into *int) {
	usual, _ := strconv.Atoi(os.Getenv("QMS_PORT_BASE"))
	flags.IntVar(into, "port-base", usual, "use this port and the seven after it instead of 3000, 3001 and 8000 to 8005 (environment: QMS_PORT_BASE)")
}
