package protocol

import (
	"context"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// void gives a pending license up: its slot is free again, its number stays used, its predecessor stays current, and what
// happened to it last is again what it was before the intent. Its version, which somebody may have seen, is not.
func (w *Writer) void(ctx context.Context, p ledger.Record, reason string) (ledger.Record, error) {
	return untilClear(ctx, func() (ledger.Record, error) { return w.voidOnce(ctx, p, reason) })
}

func (w *Writer) voidOnce(ctx context.Context, p ledger.Record, reason string) (ledger.Record, error) {
	now, err := w.read(ctx, p.ServerToken, p.MovedFrom, p.ID, "")
	if err != nil || now.Target.Status != license.Pending {
		return deref(now.Target), err
	}
	record := *now.Target
	effect := Effect{Links: []Link{{Server: now.Server}}}
	if now.From != nil {
		effect.Links = append(effect.Links, Link{Server: *now.From})
	}
	effect.GiveUp(record, ledger.Change{By: sweepCaller.Username, At: now.At.UTC(), What: "voided"}, reason)
	effect.Updates[0].Apply(&record)
	effect.Links[0].Entry = ledger.Entry{Event: ledger.EventVoided, By: sweepCaller, Record: &record}
	if now.From != nil {
		effect.Links[1].Entry = ledger.Entry{Event: ledger.EventStays, By: sweepCaller, Record: &record}
	}
	commit, err := effect.commit(now.At)
	if err != nil {
		return ledger.Record{}, err
	}
	if record.Before.What != "" {
		before, err := w.store.Record(ctx, record.Predecessor)
		if err != nil {
			return ledger.Record{}, err
		}
		if before.Status == license.Active {
			commit.Updates = append(commit.Updates, ledger.Update{
				ID: before.ID, IfStatus: license.Active, IfVersion: before.Version, Status: license.Active, LastChange: &record.Before,
			})
		}
	}
	return record, w.store.Commit(ctx, commit)
}

// GiveUp adds to the effect that a pending license is given up: the slots of its servers, which the effect must link, are
// free of it, and what its intent took and counted goes back.
func (e *Effect) GiveUp(p ledger.Record, change ledger.Change, reason string) {
	e.Updates = append(e.Updates, ledger.Update{ID: p.ID, IfStatus: license.Pending, Status: license.Void, LastChange: &change, VoidReason: reason})
	for _, taken := range p.Returns {
		taken.Version += 2 // one for what the intent made of it
		e.Documents = append(e.Documents, taken)
	}
	for _, key := range p.Counted {
		e.Counts = append(e.Counts, ledger.Count{Key: key, Add: -1})
	}
	for n := range e.Links {
		server := &e.Links[n].Server
		switch server.Token {
		case p.ServerToken:
			server.Slot(p.Type.Slot()).Pending = ""
			server.Temporaries = slices.DeleteFunc(slices.Clone(server.Temporaries), func(u ledger.TemporaryUse) bool { return u.LicenseID == p.ID })
		case p.MovedFrom:
			server.Base.Moving = ""
		}
	}
}
