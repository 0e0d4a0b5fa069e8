package stacks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/api"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/batch"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/reconcile"
	"qmslicensing/shared/license/registry"
	"qmslicensing/shared/memstore"
)

// renewing renews many licenses: with the caller's mistakes, which wake nobody, and while KMS refuses.
func renewing(t *testing.T) []episode {
	d := newDesk(t)
	renewer := batch.NewRenewer(d.issuer(license.SoldKey), registry.NewSelector(d.store, d.clock.Now))
	var licenses []body
	for n := range 12 {
		licenses = append(licenses, body{"licenseId": d.sold(fmt.Sprintf("QMSA-MANY-%04d", n)), "version": 1})
	}
	run := func(licenses []body, counts map[string]int) {
		d.record(fmt.Sprintf("%d licenses are renewed, of which %d fail", len(licenses), counts["RenewalFailed"]), "RenewSubscriptionLogGroup", counts, func() {
			answer := d.send(api.Renewals(renewer), license.Accounting, body{"dryRun": false, "licenses": licenses, "termMonths": 12}, nil)
			require.Equal(t, 200, answer.Code, answer.Body.String())
			var told struct{ Renewed, Failed, NotAttempted int }
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &told))
			require.Equal(t, len(licenses), told.Renewed+told.Failed+told.NotAttempted)
			require.Positive(t, told.Failed)
			if counts != nil { // so many fail as were begun at once
				counts["RenewalFailed"], counts["KmsRefused"] = told.Failed, told.Failed
			}
		})
	}
	run([]body{licenses[0], {"licenseId": licenses[1]["licenseId"], "version": 7}}, nil)
	d.setKeys(false)
	run(licenses[2:], map[string]int{})
	return d.episodes
}

func TestFilters_ARunOfRenewalsThatGivesUpIsOverTheThreshold(t *testing.T) {
	threshold, err := strconv.Atoi(alarms(t)["RenewalFailed"].Threshold)
	require.NoError(t, err)
	episodes := renewing(t)
	given := episodes[len(episodes)-1]
	require.GreaterOrEqual(t, given.counts["RenewalFailed"], threshold)
	require.Less(t, given.counts["RenewalFailed"], 10, "it gives up")
}

// uncounted is AWS's count of no signature at all, as tests sign by themselves.
type uncounted struct{}

func (uncounted) Signatures(context.Context, time.Time, time.Time) (int, error) { return 0, nil }

// reconciling runs while all is well, after a license was changed by hand, and begins a run that is not at its end.
func reconciling(t *testing.T) []episode {
	d := newDesk(t)
	id := d.sold("QMSA-0000-0001")
	runner := reconcile.New(d.store, keyring.New(d.store, d.clock.Now), uncounted{}, d.clock.Now)
	ask := func() {
		answer := d.send(api.Reconcile(runner), license.Admin, body{}, nil)
		require.Equal(t, 200, answer.Code, answer.Body.String())
	}
	d.record("all is well", "ReconcileLogGroup", nil, ask)
	d.record("nothing is due", "ReconcileLogGroup", nil, func() { require.NoError(t, api.ReconcileTick(runner)(context.Background())) })
	d.store.Tamper(func(t *memstore.Tables) {
		r := t.Records[id]
		r.Customer = "Somebody else"
		t.Records[id] = r
	})
	found := map[string]int{"ReconcileFindings": 1}
	d.record("a license was changed by hand, and somebody asks", "ReconcileLogGroup", found, ask)
	d.clock.Advance(24 * time.Hour)
	d.record("the run of the day", "ReconcileLogGroup", found, func() { require.NoError(t, api.ReconcileTick(runner)(context.Background())) })
	return d.episodes
}
