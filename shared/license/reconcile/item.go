package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/protocol"
)

// look is one page being looked at.
type look struct {
	*Runner
	run         *progress
	found       []Finding
	checkpoints []ledger.Document
}

func (l *look) add(f Finding) { l.found = append(l.found, f) }

// at looks at every item of a page.
func (l *look) at(ctx context.Context, b ledger.Batch) error {
	l.run.Checked.Licenses += len(b.Licenses)
	l.run.Checked.Servers += len(b.Servers)
	l.run.Checked.IdempotencyRecords += len(b.Idempotency)
	l.run.Checked.Documents += len(b.Documents)
	for _, u := range b.Unreadable {
		l.add(finding(Unreadable, "", "", "The item %s cannot be read: %s.", u.Item, u.Why))
	}
	var looks []func() error
	for _, s := range b.Servers {
		looks = append(looks, func() error { return l.server(ctx, s.Token) })
	}
	for _, r := range b.Licenses {
		looks = append(looks, func() error { return l.license(ctx, r) })
	}
	for _, i := range b.Idempotency {
		looks = append(looks, func() error { return l.idempotency(ctx, i) })
	}
	for _, d := range b.Documents {
		looks = append(looks, func() error { return l.document(ctx, d) })
	}
	for _, one := range looks {
		if err := one(); errors.Is(err, ledger.ErrUnreadable) { // a broken item does not keep the others from being looked at
			l.add(finding(Unreadable, "", "", "Something cannot be read: %v.", err))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// record reads a license and tells whether there is one.
func (r *Runner) record(ctx context.Context, id string) (ledger.Record, bool, error) {
	record, err := r.store.Record(ctx, id)
	var refusal *license.Error
	if errors.As(err, &refusal) && refusal.Code == license.LicenseNotFound {
		return record, false, nil
	}
	return record, err == nil, err
}

// pendingAtMost is how long a license may be pending.
const pendingAtMost = time.Minute

// license looks at one license on its own: its slots and what its chain says of it are the server's.
func (l *look) license(ctx context.Context, scanned ledger.Record) error {
	r, there, err := l.record(ctx, scanned.ID)
	if err != nil || !there {
		return err // one that was there a moment ago is missed by its chain
	}
	l.run.attempts(r)
	if r.Status == license.Pending && l.now().Sub(r.IssuedAt) > pendingAtMost {
		l.add(finding(PendingTooLong, r.ID, r.ServerToken, "License %s is pending since %s.", r.ID, license.InstantWords(r.IssuedAt)))
	}
	server, entries, err := ledger.ReadChain(ctx, l.store, r.ServerToken)
	if err != nil {
		return err
	}
	switch {
	case server.ChainLength == 0:
		l.add(finding(ServerMissing, "", r.ServerToken, "Server %s has licenses, and its server item is gone.", r.ServerToken))
	case !slices.ContainsFunc(entries, func(e ledger.AuditEntry) bool { return e.LicenseID == r.ID }):
		l.add(finding(LicenseNotInChain, r.ID, r.ServerToken, "License %s is in the table, and no audit entry of its server promised it.", r.ID))
	}
	if !r.IssuedAt.Before(l.run.Since) {
		l.key(ctx, r)
	}
	return l.uses(ctx, r)
}

// key has the product's verifier read a license key again: it must say what the record says.
func (l *look) key(ctx context.Context, r ledger.Record) {
	if signed := r.Status != license.Pending && r.Status != license.Void; signed != (r.LicenseKey != "") {
		l.add(finding(LicenseKeyWrong, r.ID, r.ServerToken, "License %s is %s, and it carries a license key: %t.", r.ID, r.Status, !signed))
		return
	}
	if r.LicenseKey == "" {
		return
	}
	claims, kid, err := licensekey.Verify(string(r.LicenseKey), l.keys.Lookup(ctx))
	l.run.Checked.Verified++
	switch {
	case err != nil:
		l.add(finding(LicenseKeyWrong, r.ID, r.ServerToken, "The license key of license %s does not verify: %v.", r.ID, err))
	case claims != protocol.ClaimsOf(r) || kid != r.KeyID:
		l.add(finding(LicenseKeyWrong, r.ID, r.ServerToken, "The license key of license %s says something else than its record.", r.ID))
	}
}

// idempotency looks whether what a request made is there.
func (l *look) idempotency(ctx context.Context, i ledger.IdempotencyRecord) error {
	if i.LicenseID != "" {
		_, there, err := l.record(ctx, i.LicenseID)
		if err != nil {
			return err
		}
		if !there {
			l.add(finding(IdempotencyOrphan, i.LicenseID, "", "A request of %s is recorded to have made or changed license %s, which is not there.", license.InstantWords(i.At), i.LicenseID))
		}
	}
	if i.DocumentID == "" {
		return nil
	}
	_, there, err := l.store.Document(ctx, i.DocumentKind, i.DocumentID)
	if err == nil && !there {
		l.add(finding(IdempotencyOrphan, "", "", "A request of %s is recorded to have made or changed %s %s, which is not there.", license.InstantWords(i.At), i.DocumentKind, i.DocumentID))
	}
	return err
}
