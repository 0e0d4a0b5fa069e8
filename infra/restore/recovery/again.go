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
}

// next is the transaction that moves a server to its next archived entry, and what that means.
func (r *replay) next(ctx context.Context, server *ledger.Server, entry ledger.AuditEntry) (ledger.Commit, Later, error) {
	says, err := read(entry)
	if err != nil {
		return ledger.Commit{}, Later{}, err
	}
	later := Later{Event: says.Event, At: says.At, By: says.By.Username, ServerToken: entry.ServerToken, License: says.License}
	commit := ledger.Commit{Chains: []ledger.Chain{{Before: server.ChainLength, Audit: entry}}}
	server.ChainLength, server.ChainHash = entry.Number, entry.Hash
	if says.License.ServerToken == server.Token { // and not that of a license which leaves for another server
		server.Sequence = max(server.Sequence, says.License.Sequence)
	}
	a := again{replay: r, says: says, server: server}
	if later.Now, err = a.do(ctx); err == nil && says.Voids != "" {
		err = a.giveUp(ctx, says.Voids, protocol.VoidRevoked)
	}
	commit.Updates, commit.Chains[0].Server = a.updates, *server
	return commit, later, err
}

// do does again what the entry says and returns what it is here.
func (a *again) do(ctx context.Context) (Now, error) {
	is, err := a.record(ctx, a.says.License.ID)
	if err != nil {
		return Nothing, err
	}
	switch a.says.Event {
	case ledger.EventIssued:
		return a.issued(ctx, is)
	case ledger.EventMoved:
		return a.moved(ctx, is)
	case ledger.EventStays:
		if a.server.Base.Moving != a.says.License.ID {
			return Nothing, nil
		}
		free(a.server, a.says.License.ID)
		return Redone, nil
	case ledger.EventVoided:
		return redone(is.Status == license.Pending), a.giveUp(ctx, a.says.License.ID, a.says.Reason)
	case ledger.EventRevoked:
		return redone(is.Status == license.Active || is.Status == license.Pending), a.takeBack(ctx, is, "revoked")
	}
	return Nothing, nil
}

func redone(something bool) Now {
	if something {
		return Redone
	}
	return Nothing
}

// issued: a license whose key is lost may have been a correction, and what it corrected is revoked all the same.
func (a *again) issued(ctx context.Context, is ledger.Record) (Now, error) {
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
	}
	return nil
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
