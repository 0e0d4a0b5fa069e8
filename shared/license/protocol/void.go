package protocol

import (
	"context"
	"errors"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// void gives a pending license up: its slot is free again, its number stays used, its predecessor is not touched.
func (w *Writer) void(ctx context.Context, p ledger.Record, reason string) (ledger.Record, error) {
	for {
		record, err := w.voidOnce(ctx, p, reason)
		if !errors.Is(err, ledger.ErrConflict) && !errors.Is(err, ledger.ErrUnclear) {
			return record, err
		}
		if !pause(ctx) {
			return ledger.Record{}, Unavailable(err)
		}
	}
}

func (w *Writer) voidOnce(ctx context.Context, p ledger.Record, reason string) (ledger.Record, error) {
	server, err := w.store.Server(ctx, p.ServerToken)
	if err != nil {
		return ledger.Record{}, err
	}
	record, err := w.store.Record(ctx, p.ID)
	if err != nil || record.Status != license.Pending {
		return record, err
	}
	now := w.now()
	before := server.ChainLength
	server.Slot(record.Type.Slot()).Pending = ""
	update := ledger.Update{ID: record.ID, IfStatus: license.Pending, Status: license.Void, LastChange: &ledger.Change{By: sweepCaller.Username, At: now.UTC(), What: "voided"}, VoidReason: reason}
	update.Apply(&record)
	entry, err := ledger.Link(&server, ledger.EventVoided, sweepCaller, record, now)
	if err != nil {
		return ledger.Record{}, err
	}
	return record, w.store.Commit(ctx, ledger.Commit{Server: server, ChainBefore: before, Audit: entry, Updates: []ledger.Update{update}})
}
