package reconcile

import (
	"context"
	"encoding/json"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

func (l *look) document(ctx context.Context, d ledger.Document) error {
	if d.Kind == checkpointKind {
		return l.checkpoint(ctx, d)
	}
	id := d.UsedBy()
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
		if there && d.UsedBy() == r.ID {
			continue
		}
		if corrected, err := l.corrects(ctx, d.UsedBy(), r.ID); err != nil {
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

// write notes the documents that an entry holds whole. Entries of the first versions have only the ids of some.
func (s scene) write(says ledger.AuditText) {
	held := says.Others
	if says.Document != nil {
		held = append(slices.Clip(held), *says.Document)
	}
	for _, d := range held {
		if len(d.Body) > 0 && d.Version >= s.written[d.ID].Version {
			s.written[d.ID] = d
		}
	}
}

func (l *look) readDocuments(ctx context.Context, s scene) error {
	for id, last := range s.written {
		d, there, err := l.store.Document(ctx, last.Kind, id)
		if err != nil {
			return err
		}
		if there {
			s.documents[id] = d
		}
	}
	return nil
}

// documentsStand looks whether each document is what the chain says of it last. One of a lineage, and a request, may have
// gone on in the chain of another server. A restore opens again, past the chain, what a lost license had taken.
func (l *look) documentsStand(s scene) {
	for id, written := range s.written {
		last := written.Document()
		d, there := s.documents[id]
		var body struct {
			ServerToken license.ServerToken `json:"serverToken"`
		}
		_ = json.Unmarshal(last.Body, &body) // without one it may have gone on
		elsewhere := last.Kind == ledger.KindRequest || body.ServerToken == ""
		lost := slices.Contains(s.missing, last.UsedBy())
		switch {
		case there && d.Version > last.Version && (elsewhere || lost):
		case !there:
			l.add(finding(DocumentWrong, "", s.Token, "The %s %s is in the chain of server %s, and not in the table.", last.Kind, id, s.Token))
		case !d.Same(last):
			l.add(finding(DocumentWrong, "", s.Token, "The %s %s is stored otherwise than the chain of server %s says: it is %s, version %d, there; and stored %s, version %d.", last.Kind, id, s.Token, last.State, last.Version, d.State, d.Version))
		}
	}
}
