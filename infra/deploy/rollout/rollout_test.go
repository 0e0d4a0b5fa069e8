package rollout_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/environment"
	"qmslicensing/infra/deploy/portal"
	"qmslicensing/infra/deploy/rollout"
	"qmslicensing/infra/deploy/sam"
	"qmslicensing/infra/deploy/smoke"
	"qmslicensing/infra/deploy/stack"
	"qmslicensing/shared/license/keyring"
)

// cloud is an AWS that does what CloudFormation does with parameters: what is not given keeps its value.
type cloud struct {
	did     []string
	stacks  map[string]stack.Stack // by region and name
	last    sam.Request
	fail    string   // the step that fails, as it stands in did
	secret  string   // that CloudFront sends
	secrets []string // that were deployed with
	files   []portal.File
	asked   smoke.Target
	filled  bool
	wrong   []smoke.Result
	without string // an output that the template does not have
}

var made = map[string]string{
	"PortalAddress": "https://d1.cloudfront.net", "PortalBucket": "files", "DistributionId": "D1", "UserPoolId": "pool",
	"TokenIssuer": "https://issuer", "ConsoleClientId": "client", "ApiAddress": "https://api", "LicenseTableName": "licenses",
	"TemporarySigningKeyId": "1", "TemporaryStandbyKeyId": "2", "SoldSigningKeyId": "3", "SoldStandbyKeyId": "4",
}

func (c *cloud) do(step string) error {
	c.did = append(c.did, step)
	if step == c.fail {
		return errors.New("refused")
	}
	return nil
}

func (c *cloud) deploy(_ context.Context, r sam.Request) error {
	c.last = r
	what := "deploy " + r.Template + " in " + r.Region
	for _, name := range []string{"OriginSecret", "PortalOrigin", "WebAclArn"} {
		if r.Parameters[name] != "" {
			what += " " + name
		}
	}
	if r.Keep {
		what += " keep"
	}
	at := r.Region + " " + r.Stack
	s := c.stacks[at]
	if s.Parameters == nil {
		s.Parameters = map[string]string{}
	}
	s.Name = r.Stack
	if err := c.do(what); err != nil {
		if s.Status = types.StackStatusUpdateRollbackComplete; r.Keep {
			s.Status = types.StackStatusCreateFailed
		}
		c.stacks[at] = s
		return err
	}
	maps.Copy(s.Parameters, r.Parameters)
	if secret := r.Parameters["OriginSecret"]; secret != "" {
		c.secret, _, _ = strings.Cut(secret, ",")
		c.secrets = append(c.secrets, secret)
	}
	s.Status, s.Outputs = types.StackStatusUpdateComplete, maps.Clone(made)
	delete(s.Outputs, c.without)
	if r.Template == rollout.FirewallTemplate {
		s.Outputs = map[string]string{"WebAclArn": "arn:acl"}
	}
	c.stacks[at] = s
	return nil
}

func (c *cloud) rollout(region string, parameters map[string]string) (rollout.Rollout, *bytes.Buffer) {
	if c.stacks == nil {
		c.stacks = map[string]stack.Stack{}
	}
	c.did = nil
	out := &bytes.Buffer{}
	return rollout.Rollout{
		Environment: environment.Environment{Name: "prod", Stack: "qms", Region: region, Parameters: parameters}, Out: out,
		Parts: rollout.Parts{
			Needs: func() error { return c.do("needs") },
			Caller: func(context.Context) (rollout.Caller, error) {
				return rollout.Caller{Account: "1", ARN: "arn:me"}, c.do("caller")
			},
			Stack: func(_ context.Context, region, name string) (stack.Stack, error) {
				return c.stacks[region+" "+name], nil
			},
			Deploy: c.deploy,
			Site: func(context.Context, string) (rollout.Site, error) {
				return rollout.Site{Domain: "d1.cloudfront.net", Secret: c.secret}, nil
			},
			FillKeys: func(context.Context, map[string]string) ([]keyring.Entry, error) {
				if err := c.do("keys"); err != nil || c.filled {
					return nil, err
				}
				c.filled = true
				return []keyring.Entry{{ARN: "arn:key"}}, nil
			},
			Plan: func(config []byte) ([]portal.File, error) {
				return []portal.File{{Name: "assets/a.js"}, {Name: "config.json", Data: config}, {Name: "index.html"}}, c.do("plan")
			},
			Upload: func(_ context.Context, bucket string, files []portal.File) error {
				c.files = files
				return c.do("upload to " + bucket)
			},
			Invalidate: func(_ context.Context, id string, paths []string) error {
				return c.do("invalidate " + id + " " + strings.Join(paths, " "))
			},
			Smoke: func(_ context.Context, t smoke.Target) []smoke.Result {
				c.asked = t
				_ = c.do("smoke " + t.Portal + " " + t.API + " " + t.Issuer + " " + t.ClientID)
				return append([]smoke.Result{{Check: smoke.Check{Name: "keys"}}}, c.wrong...)
			},
		},
	}, out
}

const after = "keys, plan, upload to files, invalidate D1 / /console/* /config.json /index.html, smoke https://d1.cloudfront.net https://api https://issuer client"

func (c *cloud) steps() string { return strings.Join(c.did, ", ") }

func TestRun_TheFirstTimeAndEveryLaterOne(t *testing.T) {
	c := &cloud{}
	r, out := c.rollout("eu-central-1", map[string]string{"Environment": "production"})
	require.NoError(t, r.Run(context.Background()))
	require.Equal(t, "needs, caller, deploy infra/stacks/firewall.yaml in us-east-1 keep, "+
		"deploy template.yaml in eu-central-1 OriginSecret WebAclArn keep, deploy template.yaml in eu-central-1 PortalOrigin WebAclArn, "+after, c.steps())
	root := c.stacks["eu-central-1 qms"].Parameters
	require.Regexp(t, "^[A-Za-z0-9_-]{32,}$", root["OriginSecret"], "as the template demands")
	require.Equal(t, "https://d1.cloudfront.net", root["PortalOrigin"])
	require.Equal(t, "arn:acl", root["WebAclArn"])
	require.Equal(t, "production", root["Environment"])
	require.Equal(t, "production", c.stacks["us-east-1 qms-firewall"].Parameters["Environment"])
	require.NotContains(t, out.String(), c.secret, "nobody is told the secret")
	require.Contains(t, out.String(), "== Deployed prod: https://d1.cloudfront.net\n")
	require.JSONEq(t, `{"issuer":"https://issuer","clientId":"client","scope":"openid licensing/staff"}`, string(c.files[1].Data))

	first := c.secret
	r, out = c.rollout("eu-central-1", map[string]string{"Environment": "production"})
	require.NoError(t, r.Run(context.Background()))
	require.Equal(t, "needs, caller, deploy infra/stacks/firewall.yaml in us-east-1, deploy template.yaml in eu-central-1 WebAclArn, "+after, c.steps())
	require.Equal(t, first, c.secret)
	require.Contains(t, out.String(), "a deployment changes none")
}

func TestRun_WhereTheWebACLComesFrom(t *testing.T) {
	c := &cloud{}
	r, _ := c.rollout("us-east-1", nil)
	require.NoError(t, r.Run(context.Background()), "an environment without parameters")
	require.NotContains(t, c.steps(), "firewall")
	c = &cloud{}
	r, _ = c.rollout("eu-central-1", map[string]string{"WebAclArn": "arn:own"})
	require.NoError(t, r.Run(context.Background()))
	require.NotContains(t, c.steps(), "firewall")
	require.Equal(t, "arn:own", c.stacks["eu-central-1 qms"].Parameters["WebAclArn"])
}

func TestRun_AnOwnDomainNeedsNoSecondDeploymentAndADNSRecord(t *testing.T) {
	c := &cloud{}
	r, out := c.rollout("us-east-1", map[string]string{"PortalDomain": "licensing.example.com"})
	require.NoError(t, r.Run(context.Background()))
	require.NotContains(t, c.steps(), "PortalOrigin")
	require.Contains(t, out.String(), "licensing.example.com must be a CNAME for d1.cloudfront.net")
}

func TestNeedsOrigin(t *testing.T) {
	outputs := map[string]string{"PortalAddress": "https://d1.cloudfront.net", "UserPoolId": "pool"}
	for name, c := range map[string]struct {
		parameters, outputs map[string]string
		want                bool
	}{
		"the first deployment":              {map[string]string{}, outputs, true},
		"it knows":                          {map[string]string{"PortalOrigin": "https://d1.cloudfront.net"}, outputs, false},
		"another distribution took over":    {map[string]string{"PortalOrigin": "https://d0.cloudfront.net"}, outputs, true},
		"an own domain":                     {map[string]string{"PortalDomain": "licensing.example.com"}, outputs, false},
		"the sign-in is not the stack's":    {map[string]string{}, map[string]string{"PortalAddress": "https://d1.cloudfront.net"}, false},
		"an own domain was given up for it": {map[string]string{"PortalDomain": "", "PortalOrigin": ""}, outputs, true},
	} {
		require.Equal(t, c.want, rollout.NeedsOrigin(c.parameters, c.outputs), name)
	}
}

func TestRun_EveryFailureNamesItsStepAndTheNextRunGoesOn(t *testing.T) {
	for step, words := range map[string]string{
		"needs":  "Stopped while looking for what a deployment needs",
		"caller": "Stopped while asking AWS who deploys",
		"deploy infra/stacks/firewall.yaml in us-east-1 keep":              "Stopped while deploying the web ACL's stack",
		"deploy template.yaml in eu-central-1 OriginSecret WebAclArn keep": "Stopped while deploying the stack",
		"deploy template.yaml in eu-central-1 PortalOrigin WebAclArn":      "Stopped while telling the sign-in the portal's address",
		"keys":            "Stopped while filling the key table",
		"plan":            "Stopped while uploading the portal",
		"upload to files": "Stopped while uploading the portal",
		"invalidate D1 / /console/* /config.json /index.html": "Stopped while uploading the portal",
	} {
		c := &cloud{fail: step}
		r, _ := c.rollout("eu-central-1", nil)
		err := r.Run(context.Background())
		var failure *rollout.Failure
		require.ErrorAs(t, err, &failure, step)
		require.ErrorContains(t, err, words)
		require.ErrorContains(t, err, "\n  refused\nWhat to do: ")
		require.ErrorContains(t, err, "run the same command again")
		require.Equal(t, step, c.did[len(c.did)-1], "nothing is done after a failure")

		c.fail = ""
		r, _ = c.rollout("eu-central-1", nil)
		require.NoError(t, r.Run(context.Background()), step)
		require.True(t, strings.HasSuffix(c.steps(), after), "%s: %s", step, c.steps())
		require.NotEmpty(t, c.secret, step)
		require.Equal(t, "https://d1.cloudfront.net", c.stacks["eu-central-1 qms"].Parameters["PortalOrigin"], step)
	}
}

func TestRun_AWrongAnswerOfTheDeployedSystemFails(t *testing.T) {
	c := &cloud{wrong: []smoke.Result{{Check: smoke.Check{Name: "the customers' page", Next: "look at the bucket"}, Err: errors.New("it answers 403")}}}
	r, out := c.rollout("us-east-1", nil)
	require.ErrorContains(t, r.Run(context.Background()), "one answer of the deployed system is wrong")
	require.Contains(t, out.String(), "ok     keys\nWRONG  the customers' page: it answers 403\n       What to do: look at the bucket\n")
	c.wrong = append(c.wrong, c.wrong[0])
	r, _ = c.rollout("us-east-1", nil)
	require.ErrorContains(t, r.Run(context.Background()), "2 answers of the deployed system are wrong")
}

func TestRun_AStackThatCannotBeDeployedIsLeftAlone(t *testing.T) {
	for at, region := range map[string]string{"eu-central-1 qms": "eu-central-1", "us-east-1 qms-firewall": "eu-central-1"} {
		c := &cloud{stacks: map[string]stack.Stack{at: {Name: "qms", Status: types.StackStatusRollbackComplete}}}
		r, _ := c.rollout(region, nil)
		require.ErrorContains(t, r.Run(context.Background()), "is ROLLBACK_COMPLETE")
		require.NotContains(t, strings.ReplaceAll(c.steps(), "deploy infra/stacks/firewall.yaml in us-east-1 keep", ""), "deploy", at)
	}
}

func TestRun_ACompleteStackWithoutASecretGetsOne(t *testing.T) {
	c := &cloud{stacks: map[string]stack.Stack{"us-east-1 qms": {
		Name: "qms", Status: types.StackStatusCreateComplete, Outputs: made, Parameters: map[string]string{"OriginSecret": "****", "PortalOrigin": "https://d1.cloudfront.net"},
	}}}
	r, _ := c.rollout("us-east-1", nil)
	require.NoError(t, r.Run(context.Background()))
	require.Equal(t, "needs, caller, deploy template.yaml in us-east-1 OriginSecret, "+after, c.steps())
}

func TestRun_ANewSecretIsAcceptedBeforeItIsSentAndTheOldOneUntilItIsNot(t *testing.T) {
	c := &cloud{}
	r, _ := c.rollout("us-east-1", nil)
	require.NoError(t, r.Run(context.Background()))
	old := c.secret
	c.secrets = nil
	r, out := c.rollout("us-east-1", nil)
	r.NewSecret = true
	require.NoError(t, r.Run(context.Background()))
	fresh := c.secret
	require.NotEqual(t, old, fresh)
	require.Equal(t, []string{old + "," + fresh, fresh + "," + old, fresh}, c.secrets)
	for _, secret := range []string{old, fresh} {
		require.NotContains(t, out.String(), secret)
	}
}

func TestRun_WhatTheStackHasCountsAsIfItWereGiven(t *testing.T) {
	c := &cloud{secret: "known", stacks: map[string]stack.Stack{"us-east-1 qms": {
		Name: "qms", Status: types.StackStatusCreateComplete, Outputs: made, Parameters: map[string]string{"PortalDomain": "licensing.example.com"},
	}}}
	r, out := c.rollout("us-east-1", nil)
	require.NoError(t, r.Run(context.Background()))
	require.Equal(t, "needs, caller, deploy template.yaml in us-east-1, "+after, c.steps())
	require.Contains(t, out.String(), "licensing.example.com must be a CNAME")
	require.Equal(t, "arm64", c.last.Parameters["Arch"], "what was built, whatever the stack had")
}

func TestRun_AnOutputThatIsMissingIsNamed(t *testing.T) {
	for name := range made {
		if name == "UserPoolId" { // of a sign-in from elsewhere
			continue
		}
		c := &cloud{without: name}
		r, _ := c.rollout("us-east-1", nil)
		require.ErrorContains(t, r.Run(context.Background()), "stack qms has no output "+name)
	}
}

func TestRun_TheKeysOfRestoredTablesAreNotMadeAnew(t *testing.T) {
	c := &cloud{}
	first, _ := c.rollout("us-east-1", nil)
	require.NoError(t, first.Run(t.Context()))
	require.Contains(t, c.did, "keys")
	restored, out := c.rollout("us-east-1", map[string]string{"TableGeneration": "2"})
	require.NoError(t, restored.Run(t.Context()))
	require.NotContains(t, c.did, "keys")
	require.Contains(t, out.String(), "Left alone: the keys of tables of generation 2 come with the restored items")
	require.Equal(t, "2", c.asked.Generation, "what to do about missing keys depends on it")
}
