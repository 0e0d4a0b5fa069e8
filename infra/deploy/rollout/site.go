package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"qmslicensing/infra/deploy/advice"
	"qmslicensing/infra/deploy/portal"
	"qmslicensing/infra/deploy/smoke"
)

func (r Rollout) keys(ctx context.Context, p *progress) error {
	if p.generation != "" && p.generation != "1" { // filled anew its keys would have other ids, and every old license an unknown one
		fmt.Fprintf(r.Out, "Left alone: the keys of tables of generation %s come with the restored items (infra/RUNBOOK.md, Restore the tables)\n", p.generation)
		return nil
	}
	written, err := r.Parts.FillKeys(ctx, p.outputs)
	if err != nil {
		return err
	}
	for _, entry := range written {
		fmt.Fprintf(r.Out, "%s  %s  %s  %s\n", entry.ID, entry.Purpose, entry.State, entry.ARN)
	}
	if len(written) == 0 {
		fmt.Fprintln(r.Out, "Not needed: it has keys, and a deployment changes none (make keys does)")
	}
	return nil
}

func (r Rollout) upload(ctx context.Context, p *progress) error {
	config, err := portal.Config(p.outputs["TokenIssuer"], p.outputs["ConsoleClientId"])
	if err != nil {
		return advice.With(err, signInParameters)
	}
	files, err := r.Parts.Plan(config)
	if err != nil {
		return advice.With(err, "build the portal: make build")
	}
	bucket, distribution := p.outputs["PortalBucket"], p.outputs["DistributionId"]
	if err := r.Parts.Upload(ctx, bucket, files); err != nil {
		return advice.With(err, "the caller needs s3:PutObject on the portal's bucket "+bucket)
	}
	paths := portal.Stale(files)
	fmt.Fprintf(r.Out, "%d files are in the bucket; waiting until CloudFront has forgotten %d paths\n", len(files), len(paths))
	started := time.Now()
	if err := r.Parts.Invalidate(ctx, distribution, paths); err != nil {
		return advice.With(err, "the caller needs cloudfront:CreateInvalidation and cloudfront:GetInvalidation on distribution "+distribution)
	}
	fmt.Fprintf(r.Out, "Forgotten after %s\n", time.Since(started).Round(time.Second))
	return nil
}

func (r Rollout) smoke(ctx context.Context, p *progress) error {
	if domain := p.parameters["PortalDomain"]; domain != "" {
		fmt.Fprintf(r.Out, "%s must be a CNAME for %s in your DNS\n", domain, p.site.Domain)
	}
	failed := 0
	for _, result := range r.Parts.Smoke(ctx, smoke.Target{
		Portal: p.outputs["PortalAddress"], API: p.outputs["ApiAddress"],
		Issuer: p.outputs["TokenIssuer"], ClientID: p.outputs["ConsoleClientId"], Generation: p.generation,
	}) {
		if result.Err == nil {
			fmt.Fprintln(r.Out, "ok     "+result.Name)
			continue
		}
		failed++
		fmt.Fprintf(r.Out, "WRONG  %s: %v\n       What to do: %s\n", result.Name, result.Err, result.Next)
	}
	switch failed {
	case 0:
		return nil
	case 1:
		return errors.New("one answer of the deployed system is wrong")
	}
	return fmt.Errorf("%d answers of the deployed system are wrong", failed)
}

// alarms is what the deployed stack knows of who is told, and where to read on.
type alarms struct{ email, runbook string }

// remind says what is still to be set: a stack without it works, and nobody would miss it before an alarm rings.
func (a alarms) remind(out io.Writer) {
	if a.email == "" {
		fmt.Fprintln(out, "Nobody is told of alarms: set AlarmEmail in infra/samconfig.toml")
	}
	if a.runbook == DefaultRunbook {
		fmt.Fprintln(out, "Alarms name "+DefaultRunbook+" only: set RunbookUrl to its address")
	}
}
