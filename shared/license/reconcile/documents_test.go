package reconcile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/reconcile"
	"qmslicensing/shared/memstore"
)

// What decides about limits is held against the chain that holds it whole: nobody gets a longer exception by hand, or a
// declined one back.
func TestRun_ADocumentIsWhatItsChainSays(t *testing.T) {
	for name, damage := range map[string]func(d *ledger.Document){
		"more days": func(d *ledger.Document) {
			d.Body = []byte(strings.Replace(string(d.Body), `"days":31`, `"days":366`, 1))
		},
		"more days, as a change": func(d *ledger.Document) {
			d.Body, d.Version = []byte(strings.Replace(string(d.Body), `"days":31`, `"days":366`, 1)), d.Version+1
		},
		"another state":    func(d *ledger.Document) { d.State = "open" },
		"as it was before": func(d *ledger.Document) { d.Version-- },
		"gone":             nil,
	} {
		for _, kind := range []string{ledger.KindException, ledger.KindExceptionRequest} {
			t.Run(kind+" "+name, func(t *testing.T) {
				w, ctx := newWorld(t), context.Background()
				x, err := desk.NewExceptions(w.store, 14, []string{"secret"}, w.clock.Now)
				require.NoError(t, err)
				asked, err := x.Ask(ctx, w.call(licensetest.SalesCaller), desk.AskRequest{ServerToken: string(licensetest.Token), Rule: string(license.TrialLimit), Reason: "long", Days: 31})
				require.NoError(t, err)
				granted, err := x.Grant(ctx, w.call(licensetest.AdminCaller), desk.GrantRequest{ServerToken: string(licensetest.Token), Rule: string(license.TrialLimit), Reason: "agreed", Days: 31, RequestID: asked.DocumentID})
				require.NoError(t, err)
				id := map[string]string{ledger.KindException: granted.DocumentID, ledger.KindExceptionRequest: asked.DocumentID}[kind]
				_, found := w.run()
				require.Empty(t, found)
				d, there, err := w.store.Document(ctx, kind, id)
				require.NoError(t, err)
				require.True(t, there)
				damaged := &d
				if damage == nil {
					damaged = nil
				} else {
					damage(damaged)
				}
				w.store.Tamper(func(all *memstore.Tables) { all.SetDocument(kind, id, damaged) })
				_, found = w.run()
				require.Contains(t, codes(found), reconcile.DocumentWrong)
			})
		}
	}
}
