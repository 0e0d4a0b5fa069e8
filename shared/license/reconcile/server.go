package reconcile

import (
	"context"
	"encoding/json"
	"slices"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// scene is everything of one server, as it was at one moment.
type scene struct {
	ledger.Server
	entries   []ledger.AuditEntry
	promised  []license.License               // as their intents say, in the order of the chain
	last      map[string]ledger.AuditText     // the last that the chain says of each license of this server
	records   map[string]ledger.Record        // those that are there
	slots     map[string]ledger.Record        // what the slots name, wherever it belongs
	missing   []string                        // promised, and not there
	corrected map[string]bool                 // revoked by what corrects it
	written   map[string]ledger.AuditDocument // the last that the chain says of each document
	documents map[string]ledger.Document      // those of them that are there
}

// settleTries bounds how often a server that is being written to is read again; then it is left to the next run.
const settleTries = 6

// server looks at one server: its chain, its slots, and the licenses that its chain knows.
func (l *look) server(ctx context.Context, token license.ServerToken) error {
	for range settleTries {
		s, settled, err := l.scene(ctx, token)
		if err != nil {
			return err
		}
		if settled {
			return l.judge(ctx, s)
		}
	}
	return nil
}

// scene reads a server. It is settled if nothing was written to it meanwhile: every transaction adds to the chain.
func (l *look) scene(ctx context.Context, token license.ServerToken) (scene, bool, error) {
	s := scene{last: map[string]ledger.AuditText{}, records: map[string]ledger.Record{}, slots: map[string]ledger.Record{}, corrected: map[string]bool{}, written: map[string]ledger.AuditDocument{}, documents: map[string]ledger.Document{}}
	var err error
	if s.Server, s.entries, err = ledger.ReadChain(ctx, l.store, token); err != nil {
		return s, false, err
	}
	for _, e := range s.entries {
		var says ledger.AuditText
		if json.Unmarshal(e.Text, &says) != nil {
			continue
		}
		s.write(says)
		if says.License == nil || says.License.ServerToken != token {
			continue
		}
		if says.Event == ledger.EventIntent {
			s.promised = append(s.promised, *says.License)
		}
		s.last[says.License.ID] = says
		if voided, known := s.last[says.Voids]; known {
			voided.Event = ledger.EventVoided
			s.last[says.Voids] = voided
		}
	}
	for _, p := range s.promised {
		record, there, err := l.record(ctx, p.ID)
		if err != nil {
			return s, false, err
		}
		if !there {
			s.missing = append(s.missing, p.ID)
			continue
		}
		s.records[p.ID] = record
		if record.Status != license.Revoked || record.SupersededBy == "" {
			continue
		}
		by, _, err := l.record(ctx, string(record.SupersededBy))
		if err != nil {
			return s, false, err
		}
		s.corrected[p.ID] = by.Operation == ledger.OpCorrect && by.Predecessor == p.ID
	}
	for _, id := range []string{s.Base.Current, s.Base.Pending, s.Base.Moving, s.Temporary.Current, s.Temporary.Pending} {
		if id == "" {
			continue
		}
		record, there, err := l.record(ctx, id)
		if err != nil {
			return s, false, err
		}
		if there {
			s.slots[id] = record
		}
	}
	if err := l.readDocuments(ctx, s); err != nil {
		return s, false, err
	}
	now, err := l.store.Server(ctx, token)
	return s, now.ChainLength == s.ChainLength && now.ChainHash == s.ChainHash, err
}

func (l *look) judge(ctx context.Context, s scene) error {
	l.run.Checked.Entries += len(s.entries)
	for _, id := range s.missing {
		l.add(finding(LicenseMissing, id, s.Token, "License %s was promised to server %s and is not in the table.", id, s.Token))
	}
	l.slotsHold(s, license.BaseSlot)
	l.slotsHold(s, license.TemporarySlot)
	l.licensesStand(s)
	broken, err := l.chain(ctx, s)
	if err == nil && !broken { // what follows is told by the chain
		l.documentsStand(s)
		l.numbers(s)
		l.highestBase(s)
	}
	return err
}

// slotsHold looks at what a slot names: each must be there and be what the slot says of it.
func (l *look) slotsHold(s scene, name license.Slot) {
	slot := s.Slot(name)
	hold := func(what, id string, right func(ledger.Record) bool) {
		if r, there := s.slots[id]; id != "" && (!there || r.Type.Slot() != name || !right(r)) {
			l.add(finding(SlotWrong, id, s.Token, "The %s slot of server %s names license %s as %s, and it is not that.", name, s.Token, id, what))
		}
	}
	hold("current", slot.Current, func(r ledger.Record) bool { return r.ServerToken == s.Token && r.Status == license.Active })
	hold("pending", slot.Pending, func(r ledger.Record) bool { return r.ServerToken == s.Token && r.Status == license.Pending })
	hold("moving", slot.Moving, func(r ledger.Record) bool { return r.MovedFrom == s.Token && r.Status == license.Pending })
	if r, there := s.slots[s.Temporary.Current]; name == license.TemporarySlot && there && r.Sequence != s.TemporarySequence {
		l.add(finding(SlotWrong, r.ID, s.Token, "Server %s gives its temporary license the number %d; it has number %d.", s.Token, s.TemporarySequence, r.Sequence))
	}
}

// after is what a license may be after the last event of its chain. One that was issued may be revoked without an entry
// of its own: what corrects it says so.
var after = map[ledger.Event][]license.Status{
	ledger.EventIntent: {license.Pending}, ledger.EventIssued: {license.Active, license.Superseded, license.Revoked},
	ledger.EventVoided: {license.Void}, ledger.EventRevoked: {license.Revoked},
}

// licensesStand looks at what the chain knows: each license must be what the chain says, and stand in its slot if it is
// active or pending.
func (l *look) licensesStand(s scene) {
	for _, p := range s.promised {
		r, there := s.records[p.ID]
		if !there {
			continue
		}
		slot, says := s.Slot(r.Type.Slot()), s.last[p.ID]
		if r.Status == license.Active && slot.Current != r.ID || r.Status == license.Pending && slot.Pending != r.ID {
			l.add(finding(SlotWrong, r.ID, s.Token, "License %s is stored %s, and its slot on server %s names another.", r.ID, r.Status, s.Token))
		}
		unexplained := r.Status == license.Superseded && r.SupersededBy == "" || r.Status == license.Revoked && says.Event == ledger.EventIssued && !s.corrected[r.ID]
		switch {
		case !slices.Contains(after[says.Event], r.Status) || unexplained:
			l.add(finding(LicenseChanged, r.ID, s.Token, "License %s is stored %s, and the last in its chain is %s.", r.ID, r.Status, says.Event))
		case lasting(r.License) != lasting(*says.License):
			l.add(finding(LicenseChanged, r.ID, s.Token, "License %s is stored otherwise than its chain says.", r.ID))
		}
	}
}

// lasting is a license without what changes after it was promised.
func lasting(l license.License) license.License {
	l.Version, l.Status, l.Supersedes, l.SupersededBy, l.LicenseKey = 0, "", "", "", ""
	return l
}

// numbers looks whether the promised licenses are those from 1 to the last, without gaps.
func (l *look) numbers(s scene) {
	var got []int
	for _, p := range s.promised {
		got = append(got, p.Sequence)
	}
	slices.Sort(got)
	for n := range max(len(got), s.Sequence) {
		if n >= len(got) || got[n] != n+1 {
			l.add(finding(SequenceWrong, "", s.Token, "Server %s has given the numbers 1 to %d, and its chain promises %d licenses; number %d is not there as it should be.", s.Token, s.Sequence, len(got), n+1))
			return
		}
	}
	if len(got) != s.Sequence {
		l.add(finding(SequenceWrong, "", s.Token, "Server %s gives %d as its last number, and its chain has promised number %d.", s.Token, s.Sequence, len(got)))
	}
}

// highestBase looks whether the server item knows the last base license that was signed.
func (l *look) highestBase(s scene) {
	highest := ledger.Record{}
	for _, r := range s.records {
		if r.Type.Slot() == license.BaseSlot && r.LicenseKey != "" && r.Sequence > highest.Sequence {
			highest = r
		}
	}
	if s.HighestBase != highest.Sequence || s.HighestBaseID != highest.ID {
		l.add(finding(HighestBaseWrong, highest.ID, s.Token, "Server %s gives %d as the number of its last base license; it is %d.", s.Token, s.HighestBase, highest.Sequence))
	}
}

// chain computes the chain again, against the checkpoint of the last run, and keeps a new one of a chain that holds. It
// reports whether the chain is broken.
func (l *look) chain(ctx context.Context, s scene) (broken bool, err error) {
	var last kept
	id := hashID("checkpoint", string(s.Token))
	version, err := l.read(ctx, checkpointKind, id, &last)
	if err != nil {
		return false, err
	}
	var checkpoints []ledger.Checkpoint
	if version > 0 {
		checkpoints = append(checkpoints, last.Checkpoint)
	}
	if found := ledger.Verify(s.entries, s.Server, checkpoints...); found != nil {
		l.add(finding(ChainBroken, "", s.Token, "The audit chain of server %s does not hold (%s): %s", s.Token, found.Kind, found.Detail))
		return true, nil
	}
	if len(s.entries) <= last.Number {
		return false, nil
	}
	head := s.entries[len(s.entries)-1]
	d, err := document(checkpointKind, id, "", version, l.now(), kept{s.Token, ledger.Checkpoint{Number: head.Number, Hash: head.Hash}})
	l.checkpoints = append(l.checkpoints, d)
	return false, err
}
