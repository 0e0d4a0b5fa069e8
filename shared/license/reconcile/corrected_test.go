package reconcile_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/reconcile"
	"qmslicensing/shared/memstore"
)

// A correction keeps the license request of what it corrects, which names the last correction.
func TestRun_ACorrectionAnswersTheRequestOfWhatItCorrects(t *testing.T) {
	w, ctx := newWorld(t), context.Background()
	requests, err := desk.NewRequests(w.store, policy.DefaultPolicy(), []string{"secret"}, w.clock.Now)
	require.NoError(t, err)
	sale := policy.Sale{ServerToken: string(licensetest.Token), Customer: "Northwind", Type: license.Subscription, Modules: license.Modules{QMSSuite: 5}, Contract: "C-1"}
	asked, err := requests.Ask(ctx, w.call(licensetest.SalesCaller), desk.Asking{Sale: sale})
	require.NoError(t, err)
	var answer struct{ Request struct{ ID string } }
	require.NoError(t, json.Unmarshal(asked.Body, &answer))
	l := w.read(w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), issuing.SoldRequest{RequestID: answer.Request.ID, TermMonths: 12}))
	for _, contract := range []string{"C-2", "C-3"} {
		l = w.read(w.issuer.Correct(ctx, w.call(licensetest.AccountingCaller), issuing.CorrectionRequest{ID: l.ID, Reason: "a slip", Contract: contract, IfMatch: 1}))
	}
	_, found := w.run()
	require.Empty(t, found)

	w.store.Tamper(func(t *memstore.Tables) {
		r := t.Records[l.ID]
		r.Operation = "issue"
		t.Records[l.ID] = r
	})
	_, found = w.run()
	require.Contains(t, codes(found), reconcile.DocumentWrong, "another license that says that it answers the request")
}
