package recovery

import (
	"context"
	"errors"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
)

// again is one archived entry that is done again on one server.
type again struct {
	*replay
	says    said
	server  *ledger.Server
	updates []ledger.Update
	counts  []ledger.Count
}

// next is the transaction that moves a server to its next archived entry, and what that means for its license, or for its
// document where no license is concerned, and for documents that it does not hold.
func (r *replay) next(ctx context.Context, server *ledger.Server, entry ledger.AuditEntry) (ledger.Commit, []Later, error) {
	says, err := read(entry)
	if err != nil {
		return ledger.Commit{}, nil, err
	}
	later := says.later(entry.ServerToken)
	commit := ledger.Commit{Chains: []ledger.Chain{{Before: server.ChainLength, Audit: entry}}}
	server.ChainLength, server.ChainHash = entry.Number, entry.Hash
	if says.License.ServerToken == server.Token { // and not that of a license which leaves for another server
		server.Sequence = max(server.Sequence, says.License.Sequence)
	}
	a := again{replay: r, says: says, server: server}
	if later.Now, err = a.do(ctx); err == nil && says.Voids != "" {
		err = a.giveUp(ctx, says.Voids, protocol.VoidRevoked)
	}
	commit.Updates, commit.Counts, commit.Chains[0].Server = a.updates, a.counts, *server
	laters := []Later{later}
	for _, bare := range says.bare() {
		later.License, later.Document, later.Now = license.License{}, &bare, Unknown
		laters = append(laters, later)
	}
	return commit, laters, err
}

// later is what an entry says happened.
func (s said) later(token license.ServerToken) Later {
	return Later{Event: s.Event, At: s.At, By: s.By.Username, ServerToken: token, License: s.License, Document: s.Document}
}

// do does again what the entry says and returns what it is here.
func (a *again) do(ctx context.Context) (Now, error) {
	if a.says.License.ID == "" {
		return a.documented(ctx)
	}
	is, err := a.record(ctx, a.says.License.ID)
	if err != nil {
		return Nothing, err
	}
	switch a.says.Event {
	case ledger.EventIntent:
		a.count(is)
	case ledger.EventIssued:
		return a.issuedThen(ctx, is)
	case ledger.EventMoved:
		return a.moved(ctx, is)
	case ledger.EventStays:
		if a.server.Base.Moving != a.says.License.ID {
			return Nothing, nil
		}
		free(a.server, a.says.License.ID)
		return Redone, nil
	case ledger.EventVoided:
		return redone(is.Status == license.Pending), errors.Join(a.stays(ctx, is), a.giveUp(ctx, a.says.License.ID, a.says.Reason))
	case ledger.EventRevoked:
		return redone(is.Status == license.Active || is.Status == license.Pending), a.takeBack(ctx, is, "revoked")
	}
	return Nothing, nil
}

// noLimit lets a counter be raised whatever it is.
const noLimit = 1 << 30

// count has limits count a license that was signed and is lost: whoever got it has it still.
func (a *again) count(is ledger.Record) {
	l := a.says.License
	if is.Status != "" || !a.issued[l.ID] {
		return
	}
	for _, key := range a.says.Counted {
		a.counts = append(a.counts, ledger.Count{Key: key, Add: 1, Limit: noLimit})
	}
	if l.Type == license.Temporary {
		a.server.Temporaries = append(slices.Clip(a.server.Temporaries), ledger.TemporaryUse{
			LicenseID: l.ID, Purpose: l.Purpose, Customer: l.Customer, Days: l.IssuedOn.DaysUntil(l.ExpiresOn), By: l.IssuedBy, At: a.says.At,
		})
	}
}

func redone(something bool) Now {
	if something {
		return Redone
	}
	return Nothing
}

// issuedThen: a license whose key is lost may have been a correction, and what it corrected is revoked all the same.
func (a *again) issuedThen(ctx context.Context, is ledger.Record) (Now, error) {
	switch is.Status {
	case license.Pending:
		return Waits, nil
	case "":
	default:
		return Nothing, nil
	}
	if a.says.Operation == ledger.OpCorrect && a.says.MovedFrom == "" {
		if err := a.takeBackID(ctx, a.says.Predecessor, "corrected"); err != nil {
			return Nothing, err
		}
	}
	switch {
	case a.revoked[a.says.License.ID]:
		return Gone, nil
	case a.corrected[a.says.License.ID]:
		return Mended, nil
	}
	return Lost, nil
}

// moved: a license left this server for one on another, where it is done again by that server's chain. What a correction
// took away stays away; what a lost re-host moved still works here, until it is re-hosted again.
func (a *again) moved(ctx context.Context, to ledger.Record) (Now, error) {
	switch {
	case to.Status == "" && a.says.Operation == ledger.OpCorrect:
		wrong, err := a.record(ctx, a.says.Predecessor)
		if err != nil {
			return Nothing, err
		}
		return redone(wrong.Status == license.Active || wrong.Status == license.Pending), a.takeBack(ctx, wrong, "corrected")
	case to.Status == "":
		return Nothing, nil
	case a.revoked[to.ID] || a.corrected[to.ID]: // it is no longer pending there, or will not be
		free(a.server, to.ID)
		return Redone, a.leave(ctx, to)
	case to.Status == license.Pending:
		return Waits, nil
	}
	return Nothing, nil
}

// giveUp frees this server of a license that was given up; the first of its servers makes it void.
func (a *again) giveUp(ctx context.Context, id, reason string) error {
	is, err := a.record(ctx, id)
	if err != nil {
		return err
	}
	free(a.server, id)
	a.server.Temporaries = slices.DeleteFunc(slices.Clone(a.server.Temporaries), func(u ledger.TemporaryUse) bool { return u.LicenseID == id })
	if is.Status == license.Pending {
		a.updates = append(a.updates, ledger.Update{ID: id, IfStatus: license.Pending, Status: license.Void, LastChange: a.change("voided"), VoidReason: reason})
		for _, key := range is.Counted {
			a.counts = append(a.counts, ledger.Count{Key: key, Add: -1})
		}
	}
	return nil
}

// stays has the license whose place one that is given up did not take say what happened to it last before.
func (a *again) stays(ctx context.Context, is ledger.Record) error {
	if is.Status != license.Pending || is.Before.What == "" || a.says.Reason == protocol.VoidRevoked {
		return nil
	}
	before, err := a.record(ctx, is.Predecessor)
	if err == nil && before.Status == license.Active {
		a.updates = append(a.updates, ledger.Update{ID: before.ID, IfStatus: license.Active, Status: license.Active, LastChange: &is.Before})
	}
	return err
}

func (a *again) takeBackID(ctx context.Context, id, what string) error {
	is, err := a.record(ctx, id)
	if err != nil {
		return err
	}
	return a.takeBack(ctx, is, what)
}

// takeBack makes a license of this server revoked. One that is still pending here had taken another's place by then.
func (a *again) takeBack(ctx context.Context, is ledger.Record, what string) error {
	free(a.server, is.ID)
	switch is.Status {
	case license.Active, license.Pending:
		a.updates = append(a.updates, ledger.Update{ID: is.ID, IfStatus: is.Status, Status: license.Revoked, AddVersion: 1, LastChange: a.change(what)})
	}
	if is.Status == license.Pending && is.MovedFrom == "" {
		return a.leave(ctx, is)
	}
	return nil
}

// leave ends the license of this server whose place another one took.
func (a *again) leave(ctx context.Context, successor ledger.Record) error {
	was, err := a.record(ctx, successor.Predecessor)
	if err != nil || was.Status != license.Active {
		return err
	}
	ended := ledger.Update{
		ID: was.ID, IfStatus: license.Active, Status: license.Superseded, AddVersion: 1, SupersededBy: license.Optional(successor.ID),
		LastChange: &ledger.Change{By: successor.IssuedBy, At: a.says.At, What: "replaced"},
	}
	if successor.Operation == ledger.OpCorrect {
		ended.Status, ended.LastChange.What = license.Revoked, "corrected"
	}
	a.updates = append(a.updates, ended)
	free(a.server, was.ID)
	return nil
}

func (a *again) change(what string) *ledger.Change {
	return &ledger.Change{By: a.says.By.Username, At: a.says.At, What: what}
}

// record is a stored license; without a status when it is not there.
func (r *replay) record(ctx context.Context, id string) (ledger.Record, error) {
	if id == "" {
		return ledger.Record{}, nil
	}
	record, err := r.store.Record(ctx, id)
	if missing := new(license.Error); errors.As(err, &missing) && missing.Code == license.LicenseNotFound {
		return ledger.Record{}, nil
	}
	return record, err
}

// free takes a license out of whatever slot it has.
func free(server *ledger.Server, id string) {
	for _, slot := range []*string{
		&server.Base.Current, &server.Base.Pending, &server.Base.Moving, &server.Temporary.Current, &server.Temporary.Pending,
	} {
		if id != "" && *slot == id {
			*slot = ""
		}
	}
}
