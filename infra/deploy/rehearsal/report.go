package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"gopkg.in/yaml.v3"

	"qmslicensing/infra/deploy/rollout"
)

// resource is one resource of a stack, with what its template declares.
type resource struct {
	stack, region, logical, physical, kind string
	declared                               map[string]json.RawMessage
}

// inventory collects what was created, and notes what the emulator did not do, by asking it. It returns the types of resources,
// and whether there was anything to ask of each.
func (r *rehearsal) inventory(ctx context.Context) (map[string]bool, error) {
	asked := map[string]bool{}
	regions := []string{r.emulator.region}
	if r.emulator.region != rollout.CloudFrontRegion {
		regions = append(regions, rollout.CloudFrontRegion)
	}
	if err := r.askRegion(ctx); err != nil {
		return asked, err
	}
	total := 0
	for _, region := range regions {
		stacks, err := r.stacks(ctx, region)
		if err != nil {
			return asked, err
		}
		for _, name := range stacks {
			resources, err := r.resources(ctx, region, name)
			if err != nil {
				return asked, err
			}
			total += len(resources)
			fmt.Fprintf(&r.created, "%s in %s: %d resources\n", name, region, len(resources))
			counts := map[string]int{}
			for _, one := range resources {
				counts[one.kind]++
				asked[one.kind] = r.ask(ctx, one) || asked[one.kind]
			}
			for _, kind := range slices.Sorted(maps.Keys(counts)) {
				fmt.Fprintf(&r.created, "  %3d %s\n", counts[kind], kind)
			}
		}
	}
	fmt.Fprintf(&r.created, "%d resources in all\n", total)
	return asked, nil
}

// why is the reason of a failed deployment: the first event of the stack that says one.
func (r *rehearsal) why(ctx context.Context, failure error) string {
	out, err := r.cloudFormation(r.emulator.region).DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &r.config.Environment.Stack})
	if err != nil {
		return failure.Error()
	}
	for _, event := range slices.Backward(out.StackEvents) { // the newest stands first
		if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
			return aws.ToString(event.LogicalResourceId) + ": " + aws.ToString(event.ResourceStatusReason)
		}
	}
	return failure.Error()
}

// conclude prints what was created, and what the emulator could not do.
func (r *rehearsal) conclude(asked map[string]bool) {
	fmt.Fprint(r.config.Out, "\n==== What the rehearsal created, by CloudFormation's word\n"+r.created.String())
	fmt.Fprintln(r.config.Out, "\n==== What the emulator could not do, found by asking it afterwards")
	if len(r.gaps) == 0 {
		fmt.Fprintln(r.config.Out, "- nothing was found")
	}
	slices.Sort(r.gaps)
	for _, gap := range r.gaps {
		fmt.Fprintln(r.config.Out, "- "+gap)
	}
	var word, looked []string
	for _, kind := range slices.Sorted(maps.Keys(asked)) {
		if asked[kind] {
			looked = append(looked, kind)
		} else {
			word = append(word, kind)
		}
	}
	fmt.Fprintf(r.config.Out, "- not asked again, so CloudFormation's word alone says that they are there: %s\n", strings.Join(word, ", "))
	fmt.Fprintf(r.config.Out, "- asked again, but only for what their templates declare and the service tells: %s\n", strings.Join(looked, ", "))
	for _, never := range []string{
		"the functions ran as processes of this machine and its processor, not on arm64 in Lambda",
		"nobody's rights were checked (the emulator's authorization is off): the local stack's gate does that, in make test",
		"an invalidation is complete at once, and a distribution has one place: nothing was learned about waiting",
		"nobody signed in, no alarm rang and no web ACL counted: nothing here sends such traffic",
	} {
		fmt.Fprintln(r.config.Out, "- "+never)
	}
}

func (r *rehearsal) cloudFormation(region string) *cloudformation.Client {
	return cloudformation.NewFromConfig(r.emulator.config(), func(o *cloudformation.Options) { o.Region = region })
}

// stacks are those of a region, but for SAM's own.
func (r *rehearsal) stacks(ctx context.Context, region string) ([]string, error) {
	var names []string
	pages := cloudformation.NewDescribeStacksPaginator(r.cloudFormation(region), &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the stacks of %s: %w", region, err)
		}
		for _, s := range page.Stacks {
			if name := aws.ToString(s.StackName); strings.HasPrefix(name, r.config.Environment.Stack) {
				names = append(names, name)
				if s.StackStatus != types.StackStatusCreateComplete && s.StackStatus != types.StackStatusUpdateComplete {
					r.gap("stack %s is %s: %s", name, s.StackStatus, aws.ToString(s.StackStatusReason))
				}
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

func (r *rehearsal) resources(ctx context.Context, region, name string) ([]resource, error) {
	client := r.cloudFormation(region)
	template, err := read(ctx, client, name)
	if err != nil {
		return nil, err
	}
	out, err := client.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		return nil, fmt.Errorf("listing the resources of stack %s: %w", name, err)
	}
	var found []resource
	for _, one := range out.StackResources {
		logical := aws.ToString(one.LogicalResourceId)
		if !strings.HasSuffix(string(one.ResourceStatus), "_COMPLETE") {
			r.gap("%s %s in %s is %s: %s", aws.ToString(one.ResourceType), logical, name, one.ResourceStatus, aws.ToString(one.ResourceStatusReason))
		}
		found = append(found, resource{
			stack: name, region: region, logical: logical, physical: aws.ToString(one.PhysicalResourceId), kind: aws.ToString(one.ResourceType),
			declared: template.Resources[logical].Properties,
		})
	}
	for logical, one := range template.Resources {
		switch made := slices.ContainsFunc(found, func(f resource) bool { return f.logical == logical }); {
		case !made && one.Condition == "":
			r.gap("%s %s of stack %s's template was not made", one.Type, logical, name)
		case !made:
			fmt.Fprintf(&r.created, "%s %s was not made: condition %s is false\n", one.Type, logical, one.Condition)
		}
	}
	return found, nil
}

// askRegion asks whether a condition may look at AWS::Region, by a stack that is made only where it may.
func (r *rehearsal) askRegion(ctx context.Context) error {
	name, client := "asked-for-its-region", r.cloudFormation(r.emulator.region)
	body := `{"Conditions": {"Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "` + r.emulator.region + `"]}}, "Resources": {
		"Always": {"Type": "AWS::SQS::Queue"}, "Here": {"Type": "AWS::SQS::Queue", "Condition": "Here"}}}`
	if _, err := client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body}); err != nil {
		return fmt.Errorf("asking for AWS::Region in a condition: %w", err)
	}
	in := &cloudformation.DescribeStacksInput{StackName: &name}
	waiter := cloudformation.NewStackCreateCompleteWaiter(client, func(o *cloudformation.StackCreateCompleteWaiterOptions) { o.MinDelay = time.Second })
	if err := waiter.Wait(ctx, in, time.Minute); err != nil {
		return fmt.Errorf("asking for AWS::Region in a condition: %w", err)
	}
	out, err := client.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		return fmt.Errorf("asking for AWS::Region in a condition: %w", err)
	}
	if len(out.StackResources) < 2 {
		r.gap("AWS::Region in a condition: never equal to the region, so what a template makes in %s alone is not made", rollout.CloudFrontRegion)
	}
	return nil
}

// Parse reads a template in YAML or JSON; a short form such as !Ref stands as the value that it has.
func Parse(text string) (Processed, error) {
	var generic any
	var template Processed
	if err := yaml.Unmarshal([]byte(text), &generic); err != nil {
		return template, fmt.Errorf("reading a template: %w", err)
	}
	data, err := json.Marshal(generic)
	if err != nil {
		return template, fmt.Errorf("reading a template: %w", err)
	}
	return template, json.Unmarshal(data, &template)
}
