package reconcile

import (
	"context"
	"encoding/json"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// used is the license that a document of these kinds says it was used for; "" for none. A request's stands where it is
// closed.
func used(d ledger.Document) string {
	var body struct {
		LicenseID string `json:"licenseId"`
		Closed    struct {
			LicenseID string `json:"licenseId"`
		} `json:"closed"`
	}
	if d.Kind != ledger.KindRequest && d.Kind != ledger.KindException || json.Unmarshal(d.Body, &body) != nil {
		return ""
	}
	return body.LicenseID + body.Closed.LicenseID
}

func (l *look) document(ctx context.Context, d ledger.Document) error {
	if d.Kind == checkpointKind {
		return l.checkpoint(ctx, d)
	}
	id := used(d)
	if id == "" {
		return nil
	}
	r, there, err := l.record(ctx, id)
	if err != nil {
		return err
	}
	if !there || r.RequestID != d.ID && !slices.Contains(r.Uses, d.ID) {
		l.add(finding(DocumentWrong, id, r.ServerToken, "The %s %s says that license %s used it, and that license does not.", d.Kind, d.ID, id))
	}
	return nil
}

// uses looks whether what a license used knows of it. One that is given up meanwhile has put it back.
func (l *look) uses(ctx context.Context, r ledger.Record) error {
	documents := map[string]string{}
	if r.RequestID != "" {
		documents[r.RequestID] = ledger.KindRequest
	}
	for _, id := range r.Uses {
		documents[id] = ledger.KindException
	}
	for id, kind := range documents {
		if r.Status == license.Void {
			continue
		}
		d, there, err := l.store.Document(ctx, kind, id)
		if err != nil {
			return err
		}
		if there && used(d) == r.ID {
			continue
		}
		if corrected, err := l.corrects(ctx, used(d), r.ID); err != nil {
			return err
		} else if there && corrected {
			continue
		}
		if now, err := l.store.Record(ctx, r.ID); err != nil || now.Status == license.Void {
			return err
		}
		l.add(finding(DocumentWrong, r.ID, r.ServerToken, "License %s used the %s %s, which does not say so.", r.ID, kind, id))
	}
	return nil
}

// mostCorrections bounds how many corrections of corrections are looked through.
const mostCorrections = 1000

// corrects reports whether a license corrects another, itself or through corrections of it: a request that the wrong license
// answered names the right one, already while that is pending.
func (l *look) corrects(ctx context.Context, id, wrong string) (bool, error) {
	for range mostCorrections {
		if id == "" {
			return false, nil
		}
		r, there, err := l.record(ctx, id)
		if err != nil || !there || r.Operation != ledger.OpCorrect {
			return false, err
		}
		if r.Predecessor == wrong {
			return true, nil
		}
		id = r.Predecessor
	}
	return false, nil
}

// kept is a checkpoint as it is stored.
type kept struct {
	ServerToken license.ServerToken `json:"serverToken"`
	ledger.Checkpoint
}

// checkpoint finds a server of an earlier run whose item is gone.
func (l *look) checkpoint(ctx context.Context, d ledger.Document) error {
	var k kept
	if err := json.Unmarshal(d.Body, &k); err != nil {
		l.add(finding(Unreadable, "", "", "The checkpoint %s cannot be read: %v.", d.ID, err))
		return nil
	}
	server, err := l.store.Server(ctx, k.ServerToken)
	if err == nil && server.ChainLength == 0 {
		l.add(finding(ServerMissing, "", k.ServerToken, "Server %s was there at an earlier run, and its server item is gone.", k.ServerToken))
	}
	return err
}
