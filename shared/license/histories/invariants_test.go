package histories_test

import (
	"maps"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
)

// compare holds the system to the reference and to what must hold whatever happened.
func (w *world) compare() {
	for _, token := range tokens {
		w.compareServer(token)
	}
	w.named = map[string][]string{}
	for id, e := range w.model.licenses {
		w.compareLicense(id, e)
	}
	w.compareExceptions()
	w.compareRequests()
	w.compareCounts()
}

func (w *world) compareServer(token license.ServerToken) {
	ctx := w.ctx
	got, err := w.store.Server(ctx, token)
	w.require(err == nil, "server %s: %v", token, err)
	want := w.model.server(token)
	w.require(got.Base.Current == idOf(want.base) && got.Temporary.Current == idOf(want.temporary),
		"server %s: base %q and temporary %q are current, not %q and %q", token, got.Base.Current, got.Temporary.Current, idOf(want.base), idOf(want.temporary))
	w.comparePending(got)
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
	broken := ledger.Verify(w.store.Audit(token), got)
	w.require(broken == nil, "server %s: its chain is broken: %+v", token, broken)
	w.require(slices.EqualFunc(got.Temporaries, want.temporaries, func(u ledger.TemporaryUse, e *entry) bool { return u.LicenseID == e.ID }),
		"server %s: %+v count for the limits of temporary licenses", token, got.Temporaries)
}

// comparePending holds what is pending on a server, or leaves it, to the reference's.
func (w *world) comparePending(got ledger.Server) {
	want := ledger.Server{Token: got.Token}
	if p := w.model.pending; p != nil {
		if p.made.ServerToken == got.Token {
			want.Slot(p.made.Type.Slot()).Pending = p.made.ID
		} else if p.before != nil && p.before.ServerToken == got.Token {
			want.Base.Moving = p.made.ID
		}
	}
	w.require(got.Base.Pending == want.Base.Pending && got.Base.Moving == want.Base.Moving && got.Temporary.Pending == want.Temporary.Pending && got.Temporary.Moving == "",
		"server %s: pending are %+v and %+v; expected %+v and %+v", got.Token, got.Base, got.Temporary, want.Base, want.Temporary)
}

// compareCounts holds what counts for limits to the reference's: no more and no less than was issued.
func (w *world) compareCounts() {
	today := license.Today(w.clock.Now())
	for _, by := range callers {
		n, err := w.store.Count(w.ctx, w.rules().Quota(by.Subject, today).Key)
		w.require(err == nil && n == w.model.issued[personDay(by.Subject, today)], "%s has made %d licenses today, not %d: %v", by.Username, n, w.model.issued[personDay(by.Subject, today)], err)
	}
}

func (w *world) compareLicense(id string, e *entry) {
	r, err := w.store.Record(w.ctx, id)
	w.require(err == nil, "license %s: %v", id, err)
	w.require(r.Status == e.Status && r.Version == e.Version && r.SupersededBy == e.SupersededBy,
		"license %s: %s, version %d, superseded by %q; expected %s, %d, %q", id, r.Status, r.Version, r.SupersededBy, e.Status, e.Version, e.SupersededBy)
	w.require(r.Modules == e.Modules && r.Seats == e.Modules.Seats() && r.ExpiresOn == e.ExpiresOn && r.Customer == e.Customer && r.Type == e.Type && r.LineageID == e.LineageID && r.ServerToken == e.ServerToken,
		"license %s is %+v; expected %+v", id, r.License, e.License)
	w.require(r.Contract == e.Contract && r.Order == e.Order && r.Converts == e.converts && r.RequestID == e.request, "license %s: papers %s%s, made from trial %q, request %q; expected %+v", id, r.Contract, r.Order, r.Converts, r.RequestID, e)
	met := evidence(r.Conditions)
	w.require(len(met) == len(r.Conditions) && maps.Equal(met, e.conditions) && (r.Type != license.Permanent || allMet(met)), "%s license %s has the conditions %v; expected %v", r.Type, id, r.Conditions, e.conditions)
	if r.RequestID != "" && !e.corrected && e.Status != license.Void {
		w.named[r.RequestID] = append(w.named[r.RequestID], id)
	}
	if e.Status == license.Void || e.Status == license.Pending {
		w.require(r.LicenseKey == "", "license %s is %s and has a key", id, e.Status)
		return
	}
	w.require(e.Status != license.Active || e.Type == license.Temporary || len(r.Rehosts) == len(w.model.lineages[e.LineageID]), "license %s was re-hosted %d times, it says", id, len(r.Rehosts))
	if e.key != "" {
		w.require(e.key == string(r.LicenseKey), "license %s has another key than before", id)
		return
	}
	e.key = string(r.LicenseKey)
	claims, _, err := licensekey.Verify(string(r.LicenseKey), w.publicKey)
	w.require(err == nil, "license %s does not verify: %v", id, err)
	w.require(claims.ID == r.ID && claims.ServerToken == r.ServerToken && claims.Type == r.Type && claims.ExpiresOn == r.ExpiresOn &&
		claims.Seats == r.Seats && claims.Suite == r.Modules.QMSSuite && claims.Sequence == r.Sequence, "the key of license %s says %+v", id, claims)
	w.require(r.Attempts >= 1, "license %s was signed without a lease", id)
}

func (w *world) publicKey(kid string) (licensekey.Key, error) {
	k, err := w.ring.ByID(w.ctx, kid)
	return k.Key, err
}

func idOf(e *entry) string {
	if e == nil {
		return ""
	}
	return e.ID
}
