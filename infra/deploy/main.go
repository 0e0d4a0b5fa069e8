// Command deploy brings an environment of infra/samconfig.toml to AWS: make deploy ENV=prod. With -rehearse it does the same
// on an emulator on this machine, and ends with what that created and what it could not do: make deploy-rehearsal.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"

	"qmslicensing/infra/deploy/environment"
	"qmslicensing/infra/deploy/rehearsal"
	"qmslicensing/infra/deploy/rollout"
	"qmslicensing/infra/deploy/sam"
)

const environments = "infra/samconfig.toml"

func main() {
	name := flag.String("env", "", "environment, a section of "+environments)
	rehearse := flag.Bool("rehearse", false, "deploy to an emulator on this machine")
	region := flag.String("region", "", "region to rehearse in; empty is the environment's")
	newSecret := flag.Bool("new-secret", false, "change the secret that CloudFront tells the functions")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, *name, *rehearse, *newSecret, *region); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string, rehearse, newSecret bool, region string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	e, err := environment.Load(environments, name)
	if err != nil {
		return err
	}
	tool := sam.Tool{
		Path: filepath.Join(root, ".cache", "venv", "bin", "sam"), ConfigFile: filepath.Join(root, environments), Root: root, Env: os.Environ(), Out: os.Stdout,
	}
	if rehearse {
		if region != "" {
			e.Region = region
		}
		return rehearsal.Rehearse(ctx, rehearsal.Config{Environment: e, Tool: tool, Out: os.Stdout})
	}
	if region != "" {
		return fmt.Errorf("the region of %s stands in %s: another region is another system", name, environments)
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(e.Region))
	if err != nil {
		return fmt.Errorf("reading the AWS configuration of this machine: %w", err)
	}
	return rollout.Rollout{Environment: e, NewSecret: newSecret, Parts: rollout.OnAWS(cfg, tool, e), Out: os.Stdout}.Run(ctx)
}
