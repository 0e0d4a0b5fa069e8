package protocol

import (
	"context"
	"errors"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// activate stores the signature of a pending license, makes it current and supersedes what it takes the place of. It
// returns the license as it is stored afterwards, also when somebody else activated or voided it meanwhile: a signature
// that comes late is discarded.
func (w *Writer) activate(ctx context.Context, by license.Caller, token license.ServerToken, id, licenseKey, requestID string) (ledger.Record, error) {
	for {
		record, err := w.activateOnce(ctx, by, token, id, ledger.Signed{LicenseKey: license.Optional(licenseKey), KMSRequestID: requestID})
		if !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnclear) {
			return record, err
		}
		if !pause(ctx) {
			return ledger.Record{}, Unavailable(err)
		}
	}
}

func (w *Writer) activateOnce(ctx context.Context, by license.Caller, token license.ServerToken, id string, signed ledger.Signed) (ledger.Record, error) {
	server, err := w.store.Server(ctx, token)
	if err != nil {
		return ledger.Record{}, err
	}
	record, err := w.store.Record(ctx, id)
	if err != nil || record.Status != license.Pending {
		return record, err
	}
	now := w.now()
	before := server.ChainLength
	updates, err := settle(&server, &record, signed, now)
	if err != nil {
		return ledger.Record{}, err
	}
	entry, err := ledger.Link(&server, ledger.EventIssued, by, record, now)
	if err != nil {
		return ledger.Record{}, err
	}
	return record, w.store.Commit(ctx, ledger.Commit{Server: server, ChainBefore: before, Audit: entry, Updates: updates})
}

// settle moves the slots of a server for a license that was signed. It changes server and record to what they will be
// and returns the updates of all licenses concerned: a base license supersedes every earlier license of its server, a
// temporary one only the earlier temporary one; a temporary license that a later base overtook is superseded at once.
func settle(server *ledger.Server, r *ledger.Record, signed ledger.Signed, now time.Time) ([]ledger.Update, error) {
	change := &ledger.Change{By: r.IssuedBy, At: now.UTC(), What: changeWord(r.Operation)}
	supersede := func(id string) ledger.Update {
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
		if own.Current != "" {
			signed.Supersedes = license.Optional(own.Current)
			others = append(others, supersede(own.Current))
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
	signed.Answer, err = Freeze(*r)
	r.Answer = signed.Answer
	return append([]ledger.Update{mine}, others...), err
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
