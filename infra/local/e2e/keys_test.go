package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeyAges_AdminSeesEveryKey(t *testing.T) {
	r := shared.send(t, request{method: "GET", path: "/v1/keys", as: "admin"})
	require.Equal(t, 200, r.status, string(r.body))
	keys := r.get(t, "keys").([]any)
	require.Len(t, keys, len(shared.Stack.Application.Keys))
	today := time.Now().UTC().Format(time.DateOnly)
	for _, one := range keys {
		key := one.(map[string]any)
		require.Equal(t, today, key["createdOn"], key["kid"])
		require.Equal(t, today, key["stateSince"], key["kid"])
		require.EqualValues(t, 0, key["ageDays"])
		require.Nil(t, key["nextStep"])
	}
	for _, as := range []string{"sales", "support", "accounting", "nobody"} {
		requireProblem(t, shared.send(t, request{method: "GET", path: "/v1/keys", as: as}), 403, "forbidden", "")
	}
	require.Equal(t, 401, shared.send(t, request{method: "GET", path: "/v1/keys"}).status)
}
