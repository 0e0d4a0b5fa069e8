// Package histories_test lives many random lives of licenses, each beside a reference that says what there should be:
// issued, renewed, changed, moved and revoked by whoever may or may not, with the clock moving, processes dying between
// any two steps and keys that refuse.
package histories_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license/licensetest"
)

const steps = 40

// histories is how many are lived: QMS_HISTORIES, or 300.
func histories(t *testing.T) int {
	text := os.Getenv("QMS_HISTORIES")
	if text == "" {
		return 300
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "QMS_HISTORIES is a number of histories")
	return n
}

func TestHistories(t *testing.T) {
	signer, keys := licensetest.Keys(t)
	for seed := range uint64(histories(t)) {
		w := newWorld(t, seed, signer, keys)
		w.tell("history %d", seed)
		for range steps {
			w.next()
			w.compare()
		}
	}
}

// next lets one thing happen.
func (w *world) next() {
	e := w.existing()
	switch n := w.random.IntN(100); {
	case n < 20:
		w.take(w.issueTemporary())
	case n < 40 || e == nil:
		w.take(w.issueSold())
	case n < 60:
		w.take(w.renew(e))
	case n < 67:
		w.take(w.revoke(e))
	case n < 75:
		w.take(w.rehost(e))
	case n < 79:
		w.grant(e)
	case n < 84 && w.last != nil:
		w.replay(w.last.step, w.last.call)
	default:
		w.clock.Advance(time.Duration(w.random.IntN(60)) * 24 * time.Hour)
		w.tell("time goes by")
	}
}
