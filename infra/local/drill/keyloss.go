package drill

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"qmslicensing/infra/local/operator"
	domain "qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
)

// outage is what the drill has done and seen while the sold key could not be used.
type outage struct {
	sold    []licensed // subscriptions from before, with their ETags
	etags   []string
	waiting []call         // what was refused for want of the key, in order
	tokens  []string       // of the servers that wait for a license, or a renewed one
	counts  map[string]int // calls that were answered as on any day, by their name
	since   time.Time
	lasted  time.Duration
	swept   time.Time // when the sweep took the leases of what waits
}

// How many subscriptions are sold before, and how many are ordered meanwhile.
const (
	soldBefore = 3
	ordered    = 4
)

// keyLoss disables the key that signs sold licenses, as an administrator's mistake would, sees what still works and in
// which words the rest is refused, enables the key again, and sees that every refused request gets its one license.
func keyLoss(ctx context.Context, d *drill) error {
	o := &outage{counts: map[string]int{}}
	for range soldBefore {
		var sold licensed
		reply, err := d.api.want(ctx, d.api.issue(d.api.fresh("QMSA-SOLD")), 201, &sold)
		if err != nil {
			return err
		}
		o.sold, o.etags = append(o.sold, sold), append(o.etags, reply.header.Get("ETag"))
	}
	keyID := d.key(domain.SoldKey, keyring.Signing).ID()
	if _, err := d.system.KMS(operator.Principal).DisableKey(ctx, &kms.DisableKeyInput{KeyId: &keyID}); err != nil {
		return err
	}
	o.since = time.Now()
	d.step("the key that signs sold licenses is disabled")
	if err := d.withoutKey(ctx, o); err != nil {
		return err
	}
	if _, err := d.system.KMS(operator.Principal).EnableKey(ctx, &kms.EnableKeyInput{KeyId: &keyID}); err != nil {
		return err
	}
	o.lasted = time.Since(o.since)
	d.step("the key is enabled again")
	if err := d.finishWaiting(ctx, o); err != nil {
		return err
	}
	return d.checkOutage(ctx, o, keyID)
}

// withoutKey works while the key is gone.
func (d *drill) withoutKey(ctx context.Context, o *outage) error {
	for range ordered {
		token := d.api.fresh("QMSA-WAITING")
		if err := d.refused(ctx, o, d.api.issue(token), token); err != nil {
			return err
		}
	}
	for n, sold := range o.sold[:soldBefore-1] { // the last one stays as it is
		if err := d.refused(ctx, o, d.api.renewal(sold.License.ID, o.etags[n]), sold.License.ServerToken); err != nil {
			return err
		}
	}
	d.step("%d orders and %d renewals were refused in words, and wait", ordered, soldBefore-1)
	if err := d.bridge(ctx, o); err != nil {
		return err
	}
	for _, sold := range o.sold {
		if err := d.everyday(ctx, o, sold.License); err != nil {
			return err
		}
	}
	if err := sleep(ctx, lease); err != nil { // so that the sweep has tried them too, and leaves them pending
		return err
	}
	err := d.sweep(ctx)
	o.swept = time.Now()
	return err
}

// refused makes a call that needs the key, and demands the words that the staff needs.
func (d *drill) refused(ctx context.Context, o *outage, c call, token string) error {
	var problem struct{ Code, Detail string }
	got, err := d.api.want(ctx, c, 503, &problem)
	if err != nil {
		return err
	}
	if problem.Code != "unavailable" || !strings.Contains(problem.Detail, "signing key") || got.header.Get("Retry-After") != "60" {
		return unmet("unavailable, words about the signing key, and Retry-After 60", "%v, Retry-After %q", got, got.header.Get("Retry-After"))
	}
	o.waiting, o.tokens = append(o.waiting, c), append(o.tokens, token)
	return nil
}

// bridge issues temporary licenses: an emergency one for each server that waits, and a trial.
func (d *drill) bridge(ctx context.Context, o *outage) error {
	calls := []call{d.api.temporary("sales", "trial", d.api.fresh("QMSA-TRIAL"))}
	for _, token := range o.tokens {
		calls = append(calls, d.api.temporary("support", "emergency", token))
	}
	for _, c := range calls {
		var got licensed
		if _, err := d.api.want(ctx, c, 201, &got); err != nil {
			return err
		}
		if err := d.everyday(ctx, o, got.License); err != nil {
			return err
		}
		o.counts["temporary licenses issued"]++
	}
	d.step("%d temporary licenses bridge it", len(calls))
	return nil
}

// everyday makes the calls that need no key: by customers, and by staff who look a license up.
func (d *drill) everyday(ctx context.Context, o *outage, l license) error {
	calls := map[string]call{
		"licenses validated":  validate(l.LicenseKey),
		"licenses retrieved":  retrieve(l.ServerToken),
		"downgrades checked":  downgrade(l.LicenseKey),
		"licenses shown":      {method: "GET", path: "/v1/licenses/" + l.ID, as: "support"},
		"servers searched":    {method: "GET", path: "/v1/licenses?serverToken=" + l.ServerToken, as: "support"},
		"published keys read": keySet(),
	}
	for name, c := range calls {
		var got struct {
			Loads *bool
			Keys  []struct{ Kid string }
		}
		reply, err := d.api.want(ctx, c, 200, &got)
		if err != nil {
			return err
		}
		if got.Loads != nil && !*got.Loads || c.path == keySet().path && len(got.Keys) != len(d.stack.Application.Keys) {
			return unmet("licenses that load and every public key, as on any day", "%v: %v", c, reply)
		}
		o.counts[name]++
	}
	return nil
}

// finishWaiting repeats every second refused request, and leaves the others to the sweep. Then all are repeated.
func (d *drill) finishWaiting(ctx context.Context, o *outage) error {
	got := map[string]string{} // Idempotency-Key → license id
	for n, c := range o.waiting {
		if n%2 == 0 {
			if err := d.repeat(ctx, c, got); err != nil {
				return err
			}
		}
	}
	if err := sleep(ctx, time.Until(o.swept.Add(lease))); err != nil {
		return err
	}
	if err := d.sweep(ctx); err != nil {
		return err
	}
	for n, token := range o.tokens {
		server, err := d.system.Store(operator.Principal).Server(ctx, domain.ServerToken(token))
		if err != nil {
			return err
		}
		if server.Base.Pending != "" || server.Temporary.Pending != "" {
			return unmet("nothing pending after the sweep", "%v: %+v", o.waiting[n], server)
		}
	}
	for _, c := range o.waiting {
		if err := d.repeat(ctx, c, got); err != nil {
			return err
		}
	}
	d.step("every order and renewal has its license")
	return nil
}

// repeat sends a request again and demands one license, the same each time.
func (d *drill) repeat(ctx context.Context, c call, first map[string]string) error {
	var got licensed
	reply, err := d.api.want(ctx, c, 201, &got)
	if err != nil {
		return err
	}
	if id, again := first[c.key]; again && id != got.License.ID {
		return unmet("license "+id+" again", "%v", reply)
	}
	first[c.key] = got.License.ID
	return nil
}

// checkOutage holds the end against what must hold: nothing lost, nothing twice.
func (d *drill) checkOutage(ctx context.Context, o *outage, keyID string) error {
	store, licenses := d.system.Store(operator.Principal), 0
	tokens := o.tokens
	for _, sold := range o.sold {
		if !slices.Contains(tokens, sold.License.ServerToken) {
			tokens = append(tokens, sold.License.ServerToken)
		}
	}
	for _, token := range tokens {
		server, err := store.Server(ctx, domain.ServerToken(token))
		if err != nil {
			return err
		}
		found, err := store.ByServer(ctx, domain.ServerToken(token), 1<<30, 100)
		if err != nil {
			return err
		}
		if len(found) != server.Sequence {
			return unmet(fmt.Sprintf("numbers without a gap up to %d", server.Sequence), "%d licenses of %s", len(found), token)
		}
		for _, l := range found {
			if l.Status != domain.Active && l.Status != domain.Superseded {
				return unmet("every license active or superseded", "license %s is %s", l.ID, l.Status)
			}
			if l.Type != domain.Temporary {
				licenses++
			}
		}
	}
	signatures := d.stack.KMS.Signatures(keyID)
	if licenses != soldBefore+len(o.waiting) || signatures != licenses {
		return unmet(fmt.Sprintf("%d sold licenses and as many signatures", soldBefore+len(o.waiting)), "%d and %d", licenses, signatures)
	}
	d.figure("the key was gone for", "%.1f s", o.lasted.Seconds())
	d.figure("orders and renewals refused with 503", "%d and %d", ordered, len(o.waiting)-ordered)
	for _, name := range slices.Sorted(maps.Keys(o.counts)) {
		d.figure(name+" meanwhile", "%d", o.counts[name])
	}
	byCall := (len(o.waiting) + 1) / 2
	d.figure("finished by the same request again, by the sweep", "%d, %d", byCall, len(o.waiting)-byCall)
	d.figure("sold licenses, signatures of the key", "%d, %d", licenses, signatures)
	return nil
}
