// Package histories_test lives many random lives of licenses, each beside a reference that says what there should be:
// asked for, issued, renewed, amended, corrected, moved and revoked by whoever may or may not, with exceptions from limits,
// the clock moving, processes dying between any two steps and keys that refuse. At the end of each the reconciler finds
// nothing.
package histories_test

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
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
			w.within(func() {
				w.next()
				w.compare()
			})
		}
		w.within(w.reconcile)
	}
}

// within lets something happen within a time that is long: what waits for ever fails then.
func (w *world) within(do func()) {
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	do()
}

// next lets one thing happen.
func (w *world) next() {
	e := w.existing()
	switch n := w.random.IntN(100); {
	case n < 12:
		w.take(w.issueTemporary())
	case n < 22 || e == nil:
		w.take(w.issueSold())
	case n < 30:
		w.take(w.renew(w.based(e)))
	case n < 34:
		w.take(w.revoke(e))
	case n < 42:
		w.take(w.rehost(w.based(e)))
	case n < 46:
		w.grant(e)
	case n < 52:
		w.take(w.amend(w.based(e)))
	case n < 62:
		w.take(w.correct(w.based(e)))
	case n < 66:
		if trial := w.trial(e); trial.Purpose == license.Trial || w.random.IntN(8) == 0 {
			w.take(w.convert(trial))
		}
	case n < 84:
		w.request()
	case n < 88 && w.last != nil:
		w.replay(w.last.step, w.last.call)
	case n < 91:
		w.brink(w.based(e))
	case n < 95:
		w.clock.Advance(time.Duration(w.random.IntN(9)) * 24 * time.Hour)
		w.tell("days go by")
	default:
		w.clock.Advance(time.Duration(w.random.IntN(60)) * 24 * time.Hour)
		w.tell("time goes by")
	}
}
