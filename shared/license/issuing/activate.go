package issuing

import (
	"context"
	"errors"
	"time"

	"qmslicensing/shared/license"
)

// activate stores the signature of a pending license, makes it current and supersedes what it takes the place of. It
// returns the license as it is stored afterwards, also when somebody else activated or voided it meanwhile: a signature
// that comes late is discarded.
func (i *Issuer) activate(ctx context.Context, by license.Caller, token license.ServerToken, id, licenseKey, requestID string) (Record, error) {
	for {
		record, err := i.activateOnce(ctx, by, token, id, Signed{LicenseKey: license.Optional(licenseKey), KMSRequestID: requestID})
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnclear) {
			return record, err
		}
		if !pause(ctx) {
			return Record{}, unavailable(err)
		}
	}
}

func (i *Issuer) activateOnce(ctx context.Context, by license.Caller, token license.ServerToken, id string, signed Signed) (Record, error) {
	server, err := i.store.Server(ctx, token)
	if err != nil {
		return Record{}, err
	}
	record, err := i.store.Record(ctx, id)
	if err != nil || record.Status != license.Pending {
		return record, err
	}
	now := i.now()
	before := server.ChainLength
	updates, err := settle(&server, &record, signed, now)
	if err != nil {
		return Record{}, err
	}
	entry, err := link(&server, EventIssued, by, record, now)
	if err != nil {
		return Record{}, err
	}
	return record, i.store.Commit(ctx, Commit{Server: server, ChainBefore: before, Audit: entry, Updates: updates})
}

// settle moves the slots of a server for a license that was signed. It changes server and record to what they will be
// and returns the updates of all licenses concerned: a base license supersedes every earlier license of its server, a
// temporary one only the earlier temporary one; a temporary license that a later base overtook is superseded at once.
func settle(server *Server, r *Record, signed Signed, now time.Time) ([]Update, error) {
	change := &Change{r.IssuedBy, now.UTC(), changeWord(r.Operation)}
	supersede := func(id string) Update {
		return Update{ID: id, IfStatus: license.Active, Status: license.Superseded, AddVersion: 1, SupersededBy: license.Optional(r.ID), LastChange: change}
	}
	own := server.slot(r.Type.Slot())
	own.Pending = ""
	mine := Update{ID: r.ID, IfStatus: license.Pending, Status: license.Active}
	var others []Update
	if r.Type == license.Temporary && r.Sequence < server.HighestBase {
		mine.Status, mine.SupersededBy = license.Superseded, license.Optional(server.HighestBaseID)
		mine.LastChange = &Change{"A newer license", now.UTC(), "replaced"}
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
	signed.Answer, err = freeze(*r)
	r.Answer = signed.Answer
	return append([]Update{mine}, others...), err
}

// overtakeTemporary clears the temporary slot of a license earlier than the new base.
func overtakeTemporary(server *Server, base int, supersede func(string) Update) []Update {
	if server.Temporary.Current == "" || server.TemporarySequence > base {
		return nil
	}
	id := server.Temporary.Current
	server.Temporary.Current = ""
	return []Update{supersede(id)}
}
