package rollout_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/rollout"
	"qmslicensing/infra/deploy/stack"
)

func TestRun_WhatToDoFollowsFromTheCauseAndNotFromTheStepAlone(t *testing.T) {
	const signIn = "set both TokenIssuer and TokenAudience"
	stands := func(status types.StackStatus) *cloud {
		return &cloud{stacks: map[string]stack.Stack{"us-east-1 qms": {Name: "qms", Status: status, Outputs: made}}}
	}
	for name, c := range map[string]struct {
		cloud *cloud
		also  func(p *rollout.Parts)
		step  string
		next  string
	}{
		"the deployment fails":      {&cloud{fail: "deploy template.yaml in us-east-1 OriginSecret keep"}, nil, "deploying the stack", "look at what the SAM CLI says above"},
		"the stack rolled back":     {stands(types.StackStatusRollbackComplete), nil, "deploying the stack", "the stack holds nothing that works"},
		"the stack is in use":       {stands(types.StackStatusUpdateInProgress), nil, "deploying the stack", "wait until that has ended"},
		"the rollback failed":       {stands(types.StackStatusUpdateRollbackFailed), nil, "deploying the stack", "continue-update-rollback --stack-name qms"},
		"the stack cannot be read":  {&cloud{}, unread, "deploying the stack", "cloudformation:DescribeStacks on stack qms in us-east-1"},
		"no right to the site":      {stands(types.StackStatusCreateComplete), hidden, "deploying the stack", "cloudfront:GetDistribution on distribution D1"},
		"the site after it":         {&cloud{}, hidden, "deploying the stack", "cloudfront:GetDistribution on distribution D1"},
		"no issuer":                 {&cloud{without: "TokenIssuer"}, nil, "deploying the stack", signIn},
		"no client":                 {&cloud{without: "ConsoleClientId"}, nil, "deploying the stack", signIn},
		"another output is missing": {&cloud{without: "PortalBucket"}, nil, "deploying the stack", "give the output back to template.yaml"},
		"the portal is not built":   {&cloud{fail: "plan"}, nil, "uploading the portal", "make build"},
		"no right to the bucket":    {&cloud{fail: "upload to files"}, nil, "uploading the portal", "s3:PutObject on the portal's bucket files"},
		"no right to invalidate": {&cloud{fail: "invalidate D1 / /console/* /config.json /index.html"}, nil, "uploading the portal",
			"cloudfront:CreateInvalidation and cloudfront:GetInvalidation on distribution D1"},
		"the key table is refused": {&cloud{fail: "keys"}, nil, "filling the key table", "dynamodb:Query"},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := c.cloud.rollout("us-east-1", nil)
			if c.also != nil {
				c.also(&r.Parts)
			}
			err := r.Run(context.Background())
			var failure *rollout.Failure
			require.ErrorAs(t, err, &failure)
			require.Equal(t, c.step, failure.Step)
			require.Contains(t, failure.Next, c.next)
			require.ErrorContains(t, err, "\nWhat to do: "+failure.Next+".\n")
		})
	}
}

func unread(p *rollout.Parts) {
	p.Stack = func(context.Context, string, string) (stack.Stack, error) {
		return stack.Stack{}, errors.New("AccessDenied")
	}
}

func hidden(p *rollout.Parts) {
	p.Site = func(context.Context, string) (rollout.Site, error) { return rollout.Site{}, errors.New("AccessDenied") }
}

func TestRun_TheWebACLsStackIsReadInItsOwnRegion(t *testing.T) {
	r, _ := (&cloud{}).rollout("eu-central-1", nil)
	unread(&r.Parts)
	require.ErrorContains(t, r.Run(context.Background()), "Stopped while deploying the web ACL's stack:\n  AccessDenied\n"+
		"What to do: the caller needs cloudformation:DescribeStacks on stack qms-firewall in us-east-1")
}

func TestRun_AtTheEndItSaysWhoIsNotToldOfAlarmsAndWhatTheyDoNotName(t *testing.T) {
	const nobody, path = "Nobody is told of alarms: set AlarmEmail in infra/samconfig.toml\n", "Alarms name infra/RUNBOOK.md only: set RunbookUrl to its address\n"
	const address = "https://wiki.example.com/runbook"
	for name, c := range map[string]struct{ email, runbook, want string }{
		"nothing is set": {"", "infra/RUNBOOK.md", nobody + path},
		"no mail":        {"", address, nobody},
		"no address":     {"ops@example.com", "infra/RUNBOOK.md", path},
		"everything is":  {"ops@example.com", address, ""},
	} {
		r, out := (&cloud{stacks: map[string]stack.Stack{"us-east-1 qms": {
			Name: "qms", Status: types.StackStatusCreateComplete, Outputs: made, Parameters: map[string]string{"AlarmEmail": c.email, "RunbookUrl": c.runbook},
		}}}).rollout("us-east-1", nil)
		require.NoError(t, r.Run(context.Background()), name)
		require.True(t, strings.HasSuffix(out.String(), "== Deployed prod: https://d1.cloudfront.net\n"+c.want), "%s: %s", name, out)
	}
}

func TestDefaultRunbook_IsTheTemplates(t *testing.T) {
	template, err := os.ReadFile("../../../template.yaml")
	require.NoError(t, err)
	require.Contains(t, string(template), "\n  RunbookUrl:\n    Type: String\n    Default: "+rollout.DefaultRunbook+"\n")
}
