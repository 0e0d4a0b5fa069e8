// Package rehearsal deploys an environment to an emulator of AWS on this machine, by the same steps and the same calls, and
// then asks the emulator what has become of it. MiniStack executes CloudFormation, runs the functions and answers for
// CloudFront; what it refuses, leaves out or only pretends is found by asking, and listed.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"qmslicensing/infra/deploy/environment"
	"qmslicensing/infra/deploy/rollout"
	"qmslicensing/infra/deploy/sam"
	"qmslicensing/infra/deploy/smoke"
	"qmslicensing/infra/local/process"
)

// Config is what a rehearsal needs; everything must be set.
type Config struct {
	Environment environment.Environment
	Tool        sam.Tool
	Out         io.Writer
}

// rehearsal is one run.
type rehearsal struct {
	emulator *emulator
	parts    rollout.Parts // the real ones, at the emulator
	config   Config
	secret   string // the origin secret, known from the first deployment
	portal   string // address of the portal
	created  strings.Builder
	gaps     []string
}

// attempts bounds how often a first deployment is tried again without what the emulator refused.
const attempts = 8

// Rehearse deploys three times and prints what it found: the second time must change nothing, the third changes the secret.
func Rehearse(ctx context.Context, c Config) (err error) {
	dir, err := os.MkdirTemp("", "rehearsal-")
	if err != nil {
		return fmt.Errorf("making a folder for the emulator's data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, tree := filepath.Join(c.Tool.Root, ".cache", "ministack", "bin", "ministack"), filepath.Join(dir, "tree")
	if err := copyTree(c.Tool.Root, tree); err != nil {
		return fmt.Errorf("copying the templates: %w", err)
	}
	c.Tool.Root = tree
	r := &rehearsal{config: c}
	for attempt := 1; ; attempt++ {
		again, err := r.attempt(ctx, program, filepath.Join(dir, fmt.Sprint("emulator-", attempt)), attempt < attempts)
		if !again || err != nil {
			return err
		}
	}
}

// attempt rehearses on an emulator of its own, with its data in dir. It reports whether to try again, without what was refused.
func (r *rehearsal) attempt(ctx context.Context, program, dir string, mayRetreat bool) (again bool, err error) {
	group := process.NewGroup()
	defer group.Close()
	if r.emulator, err = start(ctx, group, program, r.config.Environment.Region, dir); err != nil {
		return false, err
	}
	fmt.Fprintf(r.config.Out, "== The emulator answers at %s, its data is in %s until the end\n", r.emulator.endpoint, dir)
	e, tool := locally(r.config.Environment, r.emulator.endpoint), r.config.Tool
	tool.Env = r.emulator.environment(dir)
	r.parts = rollout.OnAWS(r.emulator.config(), tool, e)
	parts := r.parts
	parts.Deploy, parts.Smoke = r.deploy, r.smoke
	run := func(what string, newSecret bool) error {
		fmt.Fprintf(r.config.Out, "\n==== %s\n", what)
		return stopped(rollout.Rollout{Environment: e, NewSecret: newSecret, Parts: parts, Out: r.config.Out}.Run(ctx))
	}

	failed := run("The first deployment", false)
	if failed != nil && mayRetreat {
		again, err := r.retreat(ctx)
		if err != nil {
			return false, errors.Join(failed, err)
		}
		if again {
			fmt.Fprintf(r.config.Out, "%v\n\n== Once more, on a new emulator and without what this one refused\n", failed)
			return true, nil
		}
	}
	if failed == nil {
		failed = run("The same again, which changes nothing", false)
	}
	asked, err := r.inventory(ctx)
	if failed == nil && err == nil {
		// Nested stacks are updated only here, where the emulator is weakest: that it cannot is told, and why.
		if err := run("A new origin secret", true); err != nil {
			r.gap("a new origin secret, the one deployment that updates the site's stack: %s", r.why(ctx, err))
		}
	}
	r.conclude(asked)
	return false, errors.Join(failed, err)
}

// failure is one of a rehearsal: the emulator's data is gone at the end, so no later run goes on from there.
type failure struct{ *rollout.Failure }

func (f failure) Error() string { return f.Report() }

func (f failure) Unwrap() error { return f.Failure }

func stopped(err error) error {
	if f, ok := errors.AsType[*rollout.Failure](err); ok {
		return failure{f}
	}
	return err
}

// locally is the environment with what must differ here: the functions are processes of this machine and call the emulator.
func locally(e environment.Environment, endpoint string) environment.Environment {
	arch := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	own := e.Parameters
	e.Parameters = map[string]string{}
	maps.Copy(e.Parameters, own)
	maps.Copy(e.Parameters, map[string]string{"Arch": arch, "DynamodbEndpoint": endpoint, "KmsEndpoint": endpoint, "S3Endpoint": endpoint, "CloudWatchEndpoint": endpoint})
	return e
}

// deploy deploys, and then gives the API the routes that the emulator does not take from the template.
func (r *rehearsal) deploy(ctx context.Context, request sam.Request) error {
	if secret, _, _ := strings.Cut(request.Parameters["OriginSecret"], ","); secret != "" {
		r.secret = secret
	}
	if err := r.parts.Deploy(ctx, request); err != nil {
		return err
	}
	if request.Template != rollout.Template {
		return nil
	}
	added, err := r.addRoutes(ctx, request.Stack)
	if err != nil {
		return fmt.Errorf("giving the emulator's API its routes: %w", err)
	}
	if added > 0 {
		r.gap("AWS::ApiGatewayV2::Api: its Body, all that SAM writes of the API, is ignored: the API had no route. %d routes with their authorizer were made by single calls from the same Body", added)
	}
	return nil
}

// smoke asks through CloudFront, as on AWS. What is not answered there for want of the emulator is asked another way, and
// noted: the portal without the demand for TLS, the API at its own address with the secret that CloudFront would have sent.
func (r *rehearsal) smoke(ctx context.Context, t smoke.Target) []smoke.Result {
	r.portal = t.Portal
	t.Client = &http.Client{Transport: transport{to: r.emulator}}
	results := smoke.Run(ctx, t, 0, 0)
	if slices.ContainsFunc(results, func(one smoke.Result) bool { return one.Err != nil && !one.API }) {
		if err := r.demandNoTLS(ctx); err != nil {
			r.gap("the portal's bucket: %v", err)
		} else {
			results = smoke.Run(ctx, t, 0, 0)
		}
	}
	direct := t
	direct.Portal, direct.Client = t.API, &http.Client{Transport: transport{to: r.emulator, secret: r.secret}}
	for i, again := range smoke.Run(ctx, direct, 0, 0) {
		if results[i].Err == nil || !results[i].API || again.Err != nil {
			continue
		}
		answer, _, _ := strings.Cut(results[i].Err.Error(), ": ")
		r.gap("smoke test, %s: through CloudFront %s (it dials no origin at amazonaws.com); right at the API's own address, with the secret", again.Name, answer)
		results[i].Err = nil
	}
	return results
}

// gap notes what the emulator cannot do, once.
func (r *rehearsal) gap(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(r.gaps, line) {
		r.gaps = append(r.gaps, line)
	}
}
