package demo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/demo"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/memstore"
)

const licenses = 59

// interrupted is a store that is gone after so many commits: before the next one, or after it with its reply lost.
type interrupted struct {
	*memstore.Store
	left  int
	after bool
}

var errGone = errors.New("interrupted")

func (s *interrupted) Commit(ctx context.Context, c ledger.Commit) error {
	if s.left--; s.left < 0 {
		if s.after {
			_ = s.Store.Commit(ctx, c)
			s.after = false
		}
		return errGone
	}
	return s.Store.Commit(ctx, c)
}

func statuses(t *testing.T, store *memstore.Store) map[license.Status]int {
	counts := map[license.Status]int{}
	for _, token := range demo.Tokens() {
		found, err := store.ByServer(context.Background(), token, 1<<30, 100)
		require.NoError(t, err)
		for _, l := range found {
			counts[l.At(time.Now()).Status]++
		}
	}
	return counts
}

func TestSeed_EveryTypeAndState(t *testing.T) {
	signer, keys := licensetest.Keys(t)
	store := memstore.New(keys...)
	made, err := demo.Seed(context.Background(), store, signer, keyring.New(store, time.Now), time.Now())
	require.NoError(t, err)
	require.Equal(t, licenses, made)
	counts := statuses(t, store)
	total := 0
	for _, status := range []license.Status{license.Active, license.Expired, license.Superseded, license.Revoked, license.Void} {
		require.Positive(t, counts[status], status)
		total += counts[status]
	}
	require.Equal(t, licenses, total, "none is left pending")
	made, err = demo.Seed(context.Background(), store, signer, keyring.New(store, time.Now), time.Now().AddDate(0, 0, 3))
	require.NoError(t, err)
	require.Zero(t, made, "a later start leaves them as they are")
}

func TestSeed_GoesOnWhereAnEarlierStartWasInterrupted(t *testing.T) {
	signer, keys := licensetest.Keys(t)
	for commits := 0; commits < 2*licenses; commits++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %d commits, reply lost %v", commits, after), func(t *testing.T) {
				store := memstore.New(keys...)
				ring := keyring.New(store, time.Now)
				_, err := demo.Seed(context.Background(), &interrupted{store, commits, after}, signer, ring, time.Now())
				require.ErrorIs(t, err, errGone)
				_, err = demo.Seed(context.Background(), store, signer, ring, time.Now().AddDate(0, 0, 1))
				require.NoError(t, err)
				counts := statuses(t, store)
				require.Zero(t, counts[license.Pending])
				require.GreaterOrEqual(t, counts[license.Active]+counts[license.Expired]+counts[license.Superseded], licenses-4)
			})
		}
	}
}
