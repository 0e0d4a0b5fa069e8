// Package stack says what CloudFormation knows of a stack and whether a deployment may start from there.
package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"qmslicensing/infra/deploy/advice"
)

// Stack is a stack as it stands. The zero value is one that does not exist.
type Stack struct {
	Name       string
	Status     types.StackStatus
	Reason     string
	Parameters map[string]string // a value that the template hides is ****
	Outputs    map[string]string
}

// Describer is what is used of cloudformation.Client.
type Describer interface {
	DescribeStacks(ctx context.Context, in *cloudformation.DescribeStacksInput, opts ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
}

// Read asks for a stack. One that does not exist is no error.
func Read(ctx context.Context, client Describer, name string) (Stack, error) {
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "ValidationError" && strings.Contains(refused.ErrorMessage(), "does not exist") {
		return Stack{Name: name}, nil
	}
	if err != nil {
		return Stack{}, fmt.Errorf("reading stack %s: %w", name, err)
	}
	if len(out.Stacks) != 1 {
		return Stack{}, fmt.Errorf("reading stack %s: CloudFormation answered with %d stacks", name, len(out.Stacks))
	}
	found := out.Stacks[0]
	s := Stack{Name: name, Status: found.StackStatus, Parameters: map[string]string{}, Outputs: map[string]string{}}
	if found.StackStatusReason != nil {
		s.Reason = *found.StackStatusReason
	}
	for _, p := range found.Parameters {
		if p.ParameterKey != nil && p.ParameterValue != nil {
			s.Parameters[*p.ParameterKey] = *p.ParameterValue
		}
	}
	for _, o := range found.Outputs {
		if o.OutputKey != nil && o.OutputValue != nil {
			s.Outputs[*o.OutputKey] = *o.OutputValue
		}
	}
	return s, nil
}

// Complete reports whether the stack has been complete once: from then on a failure rolls back to what worked. UPDATE_FAILED
// is where a second try at a first deployment ends that kept what it had made; nothing else leaves a stack there.
func (s Stack) Complete() bool {
	switch s.Status {
	case "", types.StackStatusReviewInProgress, types.StackStatusCreateFailed, types.StackStatusUpdateFailed, types.StackStatusDeleteComplete:
		return false
	}
	return true
}

// Check says why a deployment cannot start from this status, and what to do about it.
func (s Stack) Check() error {
	why := func(next string) error {
		return advice.With(fmt.Errorf("stack %s is %s, and no deployment starts from there", s.Name, s.Status), next)
	}
	switch s.Status {
	case "", types.StackStatusReviewInProgress, types.StackStatusCreateFailed, types.StackStatusUpdateFailed,
		types.StackStatusDeleteComplete, types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
		types.StackStatusImportComplete, types.StackStatusImportRollbackComplete:
		return nil
	case types.StackStatusUpdateRollbackFailed:
		return why("mend what the stack's events name, then: aws cloudformation continue-update-rollback --stack-name " + s.Name)
	case types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusDeleteFailed:
		return why("the stack holds nothing that works and cannot be updated. Look at what it kept (tables, keys, buckets, user pool: aws cloudformation " +
			"list-stack-resources --stack-name " + s.Name + "), delete it (aws cloudformation delete-stack), then, if they are empty, the kept tables and " +
			"the kept user pool, whose names are taken otherwise; each has a deletion protection that must be switched off first")
	}
	if strings.HasSuffix(string(s.Status), "_IN_PROGRESS") {
		return why("something changes the stack right now; wait until that has ended")
	}
	return why("nothing is known of this status; look at the stack before deploying")
}
