// Package histories_test lives many random lives of licenses, each beside a reference that says what there should be:
// asked for, issued, renewed one by one and many at once, amended, corrected, moved and revoked by whoever may or may not,
// with exceptions from limits, the clock moving, processes dying between any two steps, others coming by before what they
// left is finished, and keys that refuse. At the end of each the reconciler finds nothing.
package histories_test

import (
	"os"
	"strconv"
	"testing"
	"testing/synctest"
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
	n, counts := histories(t), tally{}
	for seed := range uint64(n) {
		synctest.Test(t, func(t *testing.T) { // in a bubble waiting takes no time
			w := newWorld(t, seed, signer, keys, counts)
			w.tell("history %d", seed)
			for range steps {
				w.within(func() {
					w.next()
					w.compare()
				})
			}
			w.within(w.reconcile)
		})
	}
	counts.requireAll(t, n)
}

// next lets one thing happen.
func (w *world) next() {
	switch n := w.random.IntN(100); {
	case n < 4 && w.last != nil:
		w.replay(*w.last)
	case n < 7:
		if e := w.existing(); e != nil {
			w.brink(w.based(e))
		}
	case n < 11:
		w.clock.Advance(time.Duration(w.random.IntN(9)) * 24 * time.Hour)
		w.tell("days go by")
	case n < 16:
		w.clock.Advance(time.Duration(w.random.IntN(60)) * 24 * time.Hour)
		w.tell("time goes by")
	default:
		w.act()
	}
}

// act lets somebody do something.
func (w *world) act() {
	e := w.existing()
	switch n := w.random.IntN(84); {
	case n < 12:
		w.take(w.issueTemporary())
	case n < 20 || e == nil:
		w.take(w.issueSold())
	case n < 26:
		w.take(w.renew(w.based(e)))
	case n < 30:
		w.renewMany()
	case n < 34:
		w.take(w.revoke(e))
	case n < 42:
		w.take(w.rehost(w.based(e)))
	case n < 48:
		w.exception(e)
	case n < 53:
		w.take(w.amend(w.based(e)))
	case n < 62:
		w.take(w.correct(w.based(e)))
	case n < 66:
		if trial := w.trial(e); trial.Purpose == license.Trial || w.random.IntN(8) == 0 {
			w.take(w.convert(trial))
		}
	default:
		w.request()
	}
}
