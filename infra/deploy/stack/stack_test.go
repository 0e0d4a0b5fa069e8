package stack_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/advice"
	"qmslicensing/infra/deploy/stack"
)

type describe func() (*cloudformation.DescribeStacksOutput, error)

func (d describe) DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	return d()
}

func TestRead_ParametersAndOutputs(t *testing.T) {
	s, err := stack.Read(context.Background(), describe(func() (*cloudformation.DescribeStacksOutput, error) {
		return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{{
			StackStatus: types.StackStatusCreateComplete,
			Parameters:  []types.Parameter{{ParameterKey: aws.String("OriginSecret"), ParameterValue: aws.String("****")}},
			Outputs:     []types.Output{{OutputKey: aws.String("PortalBucket"), OutputValue: aws.String("files")}},
		}}}, nil
	}), "qms")
	require.NoError(t, err)
	require.Equal(t, stack.Stack{
		Name: "qms", Status: types.StackStatusCreateComplete,
		Parameters: map[string]string{"OriginSecret": "****"}, Outputs: map[string]string{"PortalBucket": "files"},
	}, s)
}

func TestRead_AStackThatIsNotThereIsNoError(t *testing.T) {
	answer := func(code, message string) describe {
		return func() (*cloudformation.DescribeStacksOutput, error) {
			return nil, &smithy.GenericAPIError{Code: code, Message: message}
		}
	}
	s, err := stack.Read(context.Background(), answer("ValidationError", "Stack with id qms does not exist"), "qms")
	require.NoError(t, err)
	require.Equal(t, stack.Stack{Name: "qms"}, s)
	require.False(t, s.Complete())
	require.NoError(t, s.Check())

	_, err = stack.Read(context.Background(), answer("AccessDenied", "no rights"), "qms")
	require.ErrorContains(t, err, "reading stack qms")
	_, err = stack.Read(context.Background(), describe(func() (*cloudformation.DescribeStacksOutput, error) { return nil, errors.New("no network") }), "qms")
	require.ErrorContains(t, err, "no network")
	_, err = stack.Read(context.Background(), describe(func() (*cloudformation.DescribeStacksOutput, error) {
		return &cloudformation.DescribeStacksOutput{}, nil
	}), "qms")
	require.ErrorContains(t, err, "0 stacks")
}

// Every status that CloudFormation has, so that a new one is decided on and not met.
func TestCheck_EveryStatus(t *testing.T) {
	starts := map[types.StackStatus]bool{ // and whether it has been complete
		types.StackStatusReviewInProgress: false, types.StackStatusCreateFailed: false, types.StackStatusUpdateFailed: false,
		types.StackStatusCreateComplete: true, types.StackStatusUpdateComplete: true,
		types.StackStatusUpdateRollbackComplete: true, types.StackStatusImportComplete: true, types.StackStatusImportRollbackComplete: true,
		types.StackStatusDeleteComplete: false,
	}
	next := map[types.StackStatus]string{
		types.StackStatusRollbackComplete: "deletion protection", types.StackStatusRollbackFailed: "deletion protection",
		types.StackStatusDeleteFailed: "deletion protection", types.StackStatusUpdateRollbackFailed: "continue-update-rollback",
		types.StackStatusImportRollbackFailed: "look at the stack",
	}
	for _, status := range types.StackStatus("").Values() {
		s := stack.Stack{Name: "qms", Status: status}
		complete, start := starts[status]
		if start {
			require.NoError(t, s.Check(), status)
			require.Equal(t, complete, s.Complete(), status)
			continue
		}
		words := next[status]
		if words == "" {
			words = "wait until that has ended"
		}
		require.EqualError(t, s.Check(), "stack qms is "+string(status)+", and no deployment starts from there")
		require.Contains(t, advice.Of(s.Check()), words)
	}
}
