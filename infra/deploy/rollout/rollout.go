// Package rollout is the order in which an environment is deployed. Every step may be done again: after a failure the same
// command goes on.
package rollout

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"strings"

	"qmslicensing/infra/deploy/advice"
	"qmslicensing/infra/deploy/environment"
	"qmslicensing/infra/deploy/portal"
	"qmslicensing/infra/deploy/sam"
	"qmslicensing/infra/deploy/smoke"
	"qmslicensing/infra/deploy/stack"
	"qmslicensing/shared/license/keyring"
)

// The templates, and the one region whose web ACLs CloudFront takes.
const (
	Template         = "template.yaml"
	FirewallTemplate = "infra/stacks/firewall.yaml"
	CloudFrontRegion = "us-east-1"
)

// DefaultRunbook is the template's default of RunbookUrl, which nobody can open from a mail.
const DefaultRunbook = "infra/RUNBOOK.md"

// Parts are what a rollout is done with; all must be set.
type Parts struct {
	// Needs says what is missing on this machine.
	Needs func() error
	// Caller is who deploys, as AWS knows it.
	Caller func(ctx context.Context) (Caller, error)
	Stack  func(ctx context.Context, region, name string) (stack.Stack, error)
	Deploy func(ctx context.Context, r sam.Request) error
	Site   func(ctx context.Context, distribution string) (Site, error)
	// FillKeys fills the key table if it is empty, and returns what it wrote.
	FillKeys   func(ctx context.Context, outputs map[string]string) ([]keyring.Entry, error)
	Plan       func(config []byte) ([]portal.File, error)
	Upload     func(ctx context.Context, bucket string, files []portal.File) error
	Invalidate func(ctx context.Context, distribution string, paths []string) error
	Smoke      func(ctx context.Context, target smoke.Target) []smoke.Result
}

// Caller is an identity.
type Caller struct{ Account, ARN string }

// Site is what CloudFront says of a distribution.
type Site struct {
	Domain string // such as d111.cloudfront.net
	Secret string // that it tells the API; empty for none. Never to be printed
}

// Rollout deploys one environment.
type Rollout struct {
	Environment environment.Environment
	// NewSecret changes the origin secret, by three deployments: at no moment CloudFront sends what a function does not know.
	NewSecret bool
	Parts     Parts
	Out       io.Writer
}

// Failure is a step that failed.
type Failure struct {
	Step string // what was being done
	Next string // what to do about it
	Err  error
}

func (f *Failure) Error() string {
	return f.Report() + "\nThen run the same command again: it goes on from here."
}

// Report is the failure without the way on, for where nothing that was done stays.
func (f *Failure) Report() string {
	return fmt.Sprintf("Stopped while %s:\n  %v\nWhat to do: %s.", f.Step, f.Err, f.Next)
}

func (f *Failure) Unwrap() error { return f.Err }

// progress is what the steps of one run hand on.
type progress struct {
	parameters map[string]string // that a deployment is given
	outputs    map[string]string
	keep       bool   // the stack was never complete
	generation string // of the deployed tables
	alarms     alarms
	site       Site
}

// Run deploys, and returns a *Failure that names the step and what to do.
func (r Rollout) Run(ctx context.Context) error {
	// Arch is always given: what a former deployment ran on is not what was built now.
	p := &progress{parameters: map[string]string{"Arch": defaultArch}}
	const deployment = "look at what the SAM CLI says above; where it lists events, the first that failed says why"
	maps.Copy(p.parameters, r.Environment.Parameters)
	for _, step := range []struct {
		doing, next string
		do          func(ctx context.Context, p *progress) error
	}{
		{"looking for what a deployment needs", "bring what is missing", func(context.Context, *progress) error { return r.Parts.Needs() }},
		{"asking AWS who deploys", "sign in, for example with aws sso login, and say AWS_PROFILE=…; AWS_REGION is not needed", r.caller},
		{"deploying the web ACL's stack", deployment, r.firewall},
		{"deploying the stack", deployment, r.root},
		{"telling the sign-in the portal's address", deployment, r.origin},
		{"filling the key table", "the caller needs dynamodb:Query and dynamodb:PutItem on the license table and kms:GetPublicKey on the four keys", r.keys},
		{"uploading the portal", "mend what the line above names", r.upload},
		{"testing the deployed system", "see each line above", r.smoke},
	} {
		fmt.Fprintf(r.Out, "== %s%s\n", strings.ToUpper(step.doing[:1]), step.doing[1:])
		if err := step.do(ctx, p); err != nil {
			return &Failure{Step: step.doing, Next: cmp.Or(advice.Of(err), step.next), Err: err}
		}
	}
	fmt.Fprintf(r.Out, "== Deployed %s: %s\n", r.Environment.Name, p.outputs["PortalAddress"])
	p.alarms.remind(r.Out)
	return nil
}

func (r Rollout) caller(ctx context.Context, _ *progress) error {
	who, err := r.Parts.Caller(ctx)
	if err == nil {
		fmt.Fprintf(r.Out, "Stack %s in %s of account %s, as %s\n", r.Environment.Stack, r.Environment.Region, who.Account, who.ARN)
	}
	return err
}

// firewall deploys the web ACL where the root cannot make it: CloudFront takes one from us-east-1 alone.
func (r Rollout) firewall(ctx context.Context, p *progress) error {
	switch {
	case p.parameters["WebAclArn"] != "":
		fmt.Fprintln(r.Out, "Not needed: the environment names a web ACL")
		return nil
	case r.Environment.Region == CloudFrontRegion:
		fmt.Fprintln(r.Out, "Not needed: in "+CloudFrontRegion+" it is part of the stack")
		return nil
	}
	name := r.Environment.Stack + "-firewall"
	before, err := r.look(ctx, CloudFrontRegion, name)
	if err != nil {
		return err
	}
	if err := before.Check(); err != nil {
		return err
	}
	request := sam.Request{
		Environment: r.Environment.Name, Stack: name, Region: CloudFrontRegion, Template: FirewallTemplate,
		Parameters: map[string]string{"Environment": p.parameters["Environment"]}, Keep: !before.Complete(),
	}
	if limit := p.parameters["RequestsPerAddress"]; limit != "" {
		request.Parameters["RequestsPerAddress"] = limit
	}
	if err := r.Parts.Deploy(ctx, request); err != nil {
		return err
	}
	after, err := r.look(ctx, CloudFrontRegion, name)
	if err != nil {
		return err
	}
	if p.parameters["WebAclArn"] = after.Outputs["WebAclArn"]; p.parameters["WebAclArn"] == "" {
		return lacks(name, "WebAclArn", FirewallTemplate)
	}
	return nil
}

func (r Rollout) root(ctx context.Context, p *progress) error {
	before, err := r.look(ctx, r.Environment.Region, r.Environment.Stack)
	if err != nil {
		return err
	}
	if err := before.Check(); err != nil {
		return err
	}
	p.keep = !before.Complete()
	secrets, err := r.secrets(ctx, before)
	if err != nil {
		return err
	}
	for _, secret := range secrets {
		if p.parameters["OriginSecret"] = secret; secret == "" {
			delete(p.parameters, "OriginSecret")
		}
		if err := r.deploy(ctx, p); err != nil {
			return err
		}
	}
	delete(p.parameters, "OriginSecret")
	return nil
}

// secrets are the values of OriginSecret to deploy with, one after the other; an empty one keeps what the stack has. Nobody
// has to know the secret. CloudFormation does not tell a hidden parameter's value, not even whether it is empty, but
// CloudFront tells what it sends. Of two values the first is sent and both are accepted.
func (r Rollout) secrets(ctx context.Context, s stack.Stack) ([]string, error) {
	fresh, sent := rand.Text()+rand.Text(), "" // 52 letters and digits, 260 bits
	if distribution := s.Outputs["DistributionId"]; s.Complete() && distribution != "" {
		site, err := r.site(ctx, distribution)
		if err != nil {
			return nil, err
		}
		sent = site.Secret
	}
	switch {
	case sent == "":
		fmt.Fprintln(r.Out, "Making the secret that CloudFront tells the functions")
		return []string{fresh}, nil
	case r.NewSecret:
		fmt.Fprintln(r.Out, "Changing the secret that CloudFront tells the functions, by three deployments")
		return []string{sent + "," + fresh, fresh + "," + sent, fresh}, nil
	}
	return []string{""}, nil
}

func (r Rollout) deploy(ctx context.Context, p *progress) error {
	err := r.Parts.Deploy(ctx, sam.Request{
		Environment: r.Environment.Name, Stack: r.Environment.Stack, Region: r.Environment.Region, Template: Template,
		Parameters: maps.Clone(p.parameters), Keep: p.keep,
	})
	if err != nil {
		return err
	}
	return r.read(ctx, p)
}

// outputs are what the steps after the deployment need.
var outputs = []string{
	"PortalAddress", "PortalBucket", "DistributionId", "TokenIssuer", "ConsoleClientId", "ApiAddress", "LicenseTableName",
	"TemporarySigningKeyId", "TemporaryStandbyKeyId", "SoldSigningKeyId", "SoldStandbyKeyId",
}

func (r Rollout) read(ctx context.Context, p *progress) error {
	after, err := r.look(ctx, r.Environment.Region, r.Environment.Stack)
	if err != nil {
		return err
	}
	for _, name := range outputs {
		if after.Outputs[name] == "" {
			return lacks(after.Name, name, Template)
		}
	}
	p.outputs, p.keep = after.Outputs, false
	// What the deployed stack has is what the next steps decide on: a parameter that was not given kept its value.
	if p.parameters["PortalOrigin"] == "" {
		p.parameters["PortalOrigin"] = after.Parameters["PortalOrigin"]
	}
	if p.parameters["PortalDomain"] == "" {
		p.parameters["PortalDomain"] = after.Parameters["PortalDomain"]
	}
	p.generation = after.Parameters["TableGeneration"]
	p.alarms = alarms{email: after.Parameters["AlarmEmail"], runbook: after.Parameters["RunbookUrl"]}
	p.site, err = r.site(ctx, p.outputs["DistributionId"])
	return err
}

// origin deploys once more when the sign-in does not lead back to the portal: CloudFront's address is known only now.
func (r Rollout) origin(ctx context.Context, p *progress) error {
	if !NeedsOrigin(p.parameters, p.outputs) {
		fmt.Fprintln(r.Out, "Not needed: it leads back there")
		return nil
	}
	p.parameters["PortalOrigin"] = p.outputs["PortalAddress"]
	return r.deploy(ctx, p)
}

// NeedsOrigin reports whether the stack's own sign-in must be told the address that CloudFront gave the portal. With an own
// domain the template knows it, and a sign-in from elsewhere is set up there.
func NeedsOrigin(parameters, outputs map[string]string) bool {
	return parameters["PortalDomain"] == "" && outputs["UserPoolId"] != "" && parameters["PortalOrigin"] != outputs["PortalAddress"]
}
