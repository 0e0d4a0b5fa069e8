package drill

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"qmslicensing/infra/restore/recovery"
)

// papers are a license request and an exception, and the licenses that took them after the export.
type papers struct {
	request, exception string    // ids
	seller, trialer    string    // Server Tokens
	taken              []receipt // lost, and issued again from the same
}

// ask makes a license request that the export holds, with none of its conditions met.
func (d *drill) ask(ctx context.Context, r *restoration) error {
	r.seller, r.trialer = d.api.fresh("QMSA-ASKED"), d.api.fresh("QMSA-TRIAL")
	var made struct{ Request struct{ ID string } }
	_, err := d.api.want(ctx, d.api.post("sales", "/v1/license-requests", map[string]any{
		"serverToken": r.seller, "customer": "Northwind Call Centers", "type": "permanent", "order": "O-7781", "modules": map[string]int{"qmsSuite": 50},
	}), http.StatusCreated, &made)
	r.request = made.Request.ID
	return err
}

// take completes the request, grants an exception, and issues what both allow.
func (d *drill) take(ctx context.Context, r *restoration) error {
	var met []map[string]string
	for _, name := range []string{"contract-signed", "payment-received", "quantities-match", "customer-name-matches"} {
		met = append(met, map[string]string{"name": name, "metOn": time.Now().UTC().Format(time.DateOnly), "evidence": "O-7781"})
	}
	conditions := d.api.post("accounting", "/v1/license-requests/"+r.request+"/conditions", map[string]any{"conditions": met})
	if _, err := d.api.want(ctx, conditions, http.StatusOK, &struct{}{}); err != nil {
		return err
	}
	var granted struct{ Exception struct{ ID string } }
	grant := d.api.post("admin", "/v1/exceptions", map[string]any{"serverToken": r.trialer, "rule": "trial_limit", "days": 45, "reason": "A drill."})
	if _, err := d.api.want(ctx, grant, http.StatusCreated, &granted); err != nil {
		return err
	}
	r.exception = granted.Exception.ID
	for _, issue := range d.takers(r) {
		if err := d.acknowledge(ctx, &r.taken, issue); err != nil {
			return err
		}
	}
	return nil
}

// takers are the calls that take the request and the exception.
func (d *drill) takers(r *restoration) []call {
	return []call{
		d.api.post("accounting", "/v1/licenses", map[string]any{"requestId": r.request}),
		d.api.post("sales", "/v1/temporary-licenses", map[string]any{
			"serverToken": r.trialer, "customer": "Northwind Call Centers", "purpose": "trial", "days": 45, "modules": map[string]int{"qmsSuite": 50},
		}),
	}
}

// checkPapers demands that what the lost licenses took is open again.
func (d *drill) checkPapers(r *restoration) error {
	open := map[string]bool{}
	for _, l := range r.told {
		if l.Now == recovery.Open {
			open[l.Document.ID] = true
		}
	}
	if len(open) != 2 || !open[r.request] || !open[r.exception] {
		return unmet("request "+r.request+" and exception "+r.exception+" open again", "%v", r.told)
	}
	return nil
}

// takeAgain issues again from the same request and by the same exception; another long trial is refused.
func (d *drill) takeAgain(ctx context.Context, r *restoration) error {
	for n, issue := range d.takers(r) {
		var issued licensed
		if _, err := d.api.want(ctx, issue, http.StatusCreated, &issued); err != nil {
			return err
		}
		if issued.License.Sequence <= r.taken[n].Sequence {
			return unmet(fmt.Sprintf("a number after %d, which the lost license has", r.taken[n].Sequence), "%d", issued.License.Sequence)
		}
	}
	for _, again := range d.takers(r) {
		refused, err := d.api.send(ctx, again)
		if err != nil {
			return err
		}
		if refused.status < 400 || refused.status >= 500 {
			return unmet("a refusal of what is taken", "%v", refused)
		}
	}
	return nil
}
