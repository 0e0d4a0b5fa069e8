package license_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
)

func FuzzParseServerToken_CleaningTwiceChangesNothing(f *testing.F) {
	for _, seed := range []string{"QMSA-7K2P-9XWD-H4TN-8KQ2", " qmsa–7k2p\u00a0", "\u200bABCD\u00ad-1234\r\n", "ÄBCD-1234", "", "\xff1234567"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := license.ParseServerToken(raw)
		if err != nil {
			require.Empty(t, token)
			return
		}
		require.Regexp(t, `^[A-Z0-9-]{8,128}$`, string(token))
		again, err := license.ParseServerToken(string(token))
		require.NoError(t, err)
		require.Equal(t, token, again)
	})
}
