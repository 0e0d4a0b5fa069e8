package histories_test

import (
	"context"
	"encoding/json"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
)

// compare holds the system to the reference and to what must hold whatever happened.
func (w *world) compare() {
	for _, token := range tokens {
		w.compareServer(token)
	}
	for id, e := range w.model.licenses {
		w.compareLicense(id, e)
	}
	w.compareExceptions()
}

func (w *world) compareServer(token license.ServerToken) {
	ctx := context.Background()
	got, err := w.store.Server(ctx, token)
	w.require(err == nil, "server %s: %v", token, err)
	want := w.model.server(token)
	w.require(got.Base.Current == idOf(want.base) && got.Temporary.Current == idOf(want.temporary),
		"server %s: base %q and temporary %q are current, not %q and %q", token, got.Base.Current, got.Temporary.Current, idOf(want.base), idOf(want.temporary))
	w.require(got.Base.Busy() == "" && got.Temporary.Busy() == "", "server %s: something is pending: %+v %+v", token, got.Base, got.Temporary)
	w.require(got.Sequence == want.sequence, "server %s: sequence %d, not %d", token, got.Sequence, want.sequence)
	all, err := w.store.ByServer(ctx, token, 1<<30, 10_000)
	w.require(err == nil && len(all) == want.sequence, "server %s: %d licenses, not %d: %v", token, len(all), want.sequence, err)
	bases := 0
	for n, l := range all {
		w.require(l.Sequence == want.sequence-n, "server %s: a gap at %d", token, l.Sequence)
		if l.Status == license.Active && l.Type != license.Temporary {
			bases++
		}
	}
	w.require(bases <= 1, "server %s: %d current base licenses", token, bases)
	w.compareChain(token, got)
}

// compareChain recomputes a server's audit chain.
func (w *world) compareChain(token license.ServerToken, head ledger.Server) {
	previous := ""
	entries := w.store.Audit(token)
	for n, entry := range entries {
		var says ledger.AuditText
		w.require(json.Unmarshal(entry.Text, &says) == nil && entry.Intact() && says.Number == n+1 && says.Previous == previous,
			"server %s: link %d of the chain is broken", token, n+1)
		previous = entry.Hash
	}
	w.require(len(entries) == head.ChainLength && previous == head.ChainHash, "server %s: the chain ends elsewhere than the server item says", token)
}

func (w *world) compareLicense(id string, e *entry) {
	r, err := w.store.Record(context.Background(), id)
	w.require(err == nil, "license %s: %v", id, err)
	w.require(r.Status == e.Status && r.Version == e.Version && r.SupersededBy == e.SupersededBy,
		"license %s: %s, version %d, superseded by %q; expected %s, %d, %q", id, r.Status, r.Version, r.SupersededBy, e.Status, e.Version, e.SupersededBy)
	w.require(r.Modules == e.Modules && r.Seats == e.Modules.Seats() && r.ExpiresOn == e.ExpiresOn && r.Customer == e.Customer && r.Type == e.Type && r.LineageID == e.LineageID && r.ServerToken == e.ServerToken,
		"license %s is %+v; expected %+v", id, r.License, e.License)
	w.require(r.Type != license.Permanent || len(r.Conditions) == 4, "license %s is permanent and has the conditions %v", id, r.Conditions)
	if e.verified || e.Status == license.Void {
		return
	}
	e.verified = true
	claims, _, err := licensekey.Verify(string(r.LicenseKey), w.publicKey)
	w.require(err == nil, "license %s does not verify: %v", id, err)
	w.require(claims.ID == r.ID && claims.ServerToken == r.ServerToken && claims.Type == r.Type && claims.ExpiresOn == r.ExpiresOn &&
		claims.Seats == r.Seats && claims.Suite == r.Modules.QMSSuite && claims.Sequence == r.Sequence, "the key of license %s says %+v", id, claims)
	w.require(r.Attempts >= 1, "license %s was signed without a lease", id)
}

func (w *world) publicKey(kid string) (licensekey.Key, error) {
	k, err := w.ring.ByID(context.Background(), kid)
	return k.Key, err
}

func idOf(e *entry) string {
	if e == nil {
		return ""
	}
	return e.ID
}
