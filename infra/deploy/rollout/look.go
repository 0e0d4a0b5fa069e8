package rollout

import (
	"context"
	"fmt"

	"qmslicensing/infra/deploy/advice"
	"qmslicensing/infra/deploy/stack"
)

// look reads a stack. What goes wrong here has no events to look at.
func (r Rollout) look(ctx context.Context, region, name string) (stack.Stack, error) {
	s, err := r.Parts.Stack(ctx, region, name)
	return s, advice.With(err, "the caller needs cloudformation:DescribeStacks on stack "+name+" in "+region+", and this machine a way there")
}

// site reads a distribution.
func (r Rollout) site(ctx context.Context, distribution string) (Site, error) {
	s, err := r.Parts.Site(ctx, distribution)
	return s, advice.With(err, "the caller needs cloudfront:GetDistribution on distribution "+distribution+", and this machine a way to CloudFront")
}

// lacks says that a deployed stack has no value in an output.
func lacks(stack, output, template string) error {
	next := "give the output back to " + template + ": the steps after the deployment need it"
	if output == "TokenIssuer" || output == "ConsoleClientId" {
		next = signInParameters
	}
	return advice.With(fmt.Errorf("stack %s has no output %s", stack, output), next)
}

const signInParameters = "set both TokenIssuer and TokenAudience in infra/samconfig.toml, or both to \"\", which makes a user pool of the stack's own"
