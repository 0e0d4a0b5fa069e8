package advice_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/deploy/advice"
)

func TestWith_TheAdviceNearestToTheCauseIsKept(t *testing.T) {
	cause := errors.New("no rights")
	err := advice.With(fmt.Errorf("uploading: %w", advice.With(cause, "ask for s3:PutObject")), "look above")
	require.EqualError(t, err, "uploading: no rights", "what to do stands apart")
	require.Equal(t, "ask for s3:PutObject", advice.Of(err))
	require.ErrorIs(t, err, cause)

	require.NoError(t, advice.With(nil, "look above"))
	require.Empty(t, advice.Of(cause))
	require.Empty(t, advice.Of(nil))
}
