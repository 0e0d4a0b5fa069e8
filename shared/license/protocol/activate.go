package protocol

import (
	"context"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// activate stores the signature of a pending license, makes it current and supersedes what it takes the place of. It
// returns the license as it is stored afterwards, also when somebody else activated or voided it meanwhile: a signature
// that comes late is discarded.
func (w *Writer) activate(ctx context.Context, by license.Caller, p Prepared, signed ledger.Signed) (ledger.Record, error) {
	return untilClear(ctx, func() (ledger.Record, error) { return w.activateOnce(ctx, by, p, signed) })
}

func (w *Writer) activateOnce(ctx context.Context, by license.Caller, p Prepared, signed ledger.Signed) (ledger.Record, error) {
	now, err := w.read(ctx, p.token, p.from, p.licenseID, "")
	if err != nil || now.Target.Status != license.Pending {
		return deref(now.Target), err
	}
	record := *now.Target
	server := now.Server
	updates, err := settle(&server, &record, signed, now.At)
	if err != nil {
		return ledger.Record{}, err
	}
	links := []Link{{server, ledger.Entry{Event: ledger.EventIssued, By: by, Record: &record}}}
	if now.From != nil {
		from := *now.From
		from.Base.Moving = ""
		if from.Base.Current == record.Predecessor {
			from.Base.Current = ""
		}
		links = append(links, Link{from, ledger.Entry{Event: ledger.EventMoved, By: by, Record: &record}})
	}
	chains, err := linked(now.At, links...)
	if err != nil {
		return ledger.Record{}, err
	}
	return record, w.store.Commit(ctx, ledger.Commit{Chains: chains, Updates: updates})
}

func deref(r *ledger.Record) ledger.Record {
	if r == nil {
		return ledger.Record{}
	}
	return *r
}

// settle moves the slots of a server for a license that was signed. It changes server and record to what they will be
// and returns the updates of all licenses concerned: a base license supersedes every earlier license of its server, a
// temporary one only the earlier temporary one; a temporary license that a later base overtook is superseded at once. What
// a license was made to take the place of follows it from another server, too; what it corrects is revoked.
func settle(server *ledger.Server, r *ledger.Record, signed ledger.Signed, now time.Time) ([]ledger.Update, error) {
	supersede := func(id string) ledger.Update {
		change := &ledger.Change{By: r.IssuedBy, At: now.UTC(), What: "replaced"}
		if id == r.Predecessor {
			change.What = changeWord(r.Operation)
		}
		return ledger.Update{ID: id, IfStatus: license.Active, Status: license.Superseded, AddVersion: 1, SupersededBy: license.Optional(r.ID), LastChange: change}
	}
	own := server.Slot(r.Type.Slot())
	own.Pending = ""
	mine := ledger.Update{ID: r.ID, IfStatus: license.Pending, Status: license.Active}
	var others []ledger.Update
	if r.Type == license.Temporary && r.Sequence < server.HighestBase {
		mine.Status, mine.SupersededBy = license.Superseded, license.Optional(server.HighestBaseID)
		mine.LastChange = &ledger.Change{By: "A newer license", At: now.UTC(), What: "replaced"}
	} else {
		for _, id := range displaced(own.Current, r) {
			signed.Supersedes = license.Optional(id)
			gone := supersede(id)
			if r.Operation == ledger.OpCorrect && id == r.Predecessor {
				gone.Status = license.Revoked
			}
			others = append(others, gone)
		}
		own.Current = r.ID
		if r.Type == license.Temporary {
			server.TemporarySequence = r.Sequence
		}
	}
	if r.Type != license.Temporary {
		server.HighestBase, server.HighestBaseID = r.Sequence, r.ID
		others = append(others, overtakeTemporary(server, r.Sequence, supersede)...)
	}
	mine.Signed = &signed
	mine.Apply(r)
	var err error
	signed.Answer, err = Freeze(*r, r.Notice)
	r.Answer = signed.Answer
	return append([]ledger.Update{mine}, others...), err
}

// displaced returns what a license takes the place of: what its slot holds and, last, what it was made from elsewhere.
func displaced(current string, r *ledger.Record) []string {
	var ids []string
	if current != "" {
		ids = append(ids, current)
	}
	if r.MovedFrom != "" {
		ids = append(ids, r.Predecessor)
	}
	return ids
}

// overtakeTemporary clears the temporary slot of a license earlier than the new base.
func overtakeTemporary(server *ledger.Server, base int, supersede func(string) ledger.Update) []ledger.Update {
	if server.Temporary.Current == "" || server.TemporarySequence > base {
		return nil
	}
	id := server.Temporary.Current
	server.Temporary.Current = ""
	return []ledger.Update{supersede(id)}
}
