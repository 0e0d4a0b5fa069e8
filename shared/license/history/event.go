package history

import (
	"encoding/json"
	"fmt"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// entry is an event with where its lineage came from and went to.
type entry struct {
	placed
	lineage            string
	movedFrom, movedTo license.ServerToken
	document           *ledger.AuditDocument
}

// eventsOf turns the entries of one server into events, in the order of the chain: an entry may be told by those before
// it, such as the promise of its license.
func eventsOf(entries []ledger.AuditEntry) []entry {
	events := make([]entry, len(entries))
	intents := map[string]*ledger.AuditText{}
	documents := map[string]members{}
	var last placed
	for n, e := range entries {
		var says ledger.AuditText
		if json.Unmarshal(e.Text, &says) != nil {
			events[n].placed = unreadable(e, last)
			continue
		}
		events[n] = eventOf(e, &says, intents[e.LicenseID], documents)
		if events[n].sort.Before(last.sort) {
			events[n].sort = last.sort
		}
		last = events[n].placed
		if says.Event == ledger.EventIntent || says.Event == ledger.EventMoving {
			intents[e.LicenseID] = &says
		}
	}
	return events
}

// unreadable is the event of an entry whose text somebody has broken.
func unreadable(e ledger.AuditEntry, last placed) placed {
	return placed{sort: last.sort, Event: Event{
		At: last.At, Event: "unreadable", Sentence: fmt.Sprintf("Entry %d cannot be read: somebody has changed it. Its copy in the archive tells what it was.", e.Number),
		LicenseID: license.Optional(e.LicenseID), ServerToken: e.ServerToken, Number: e.Number, ExceptionIDs: []string{}, Conditions: []ledger.Condition{}, Hash: e.Hash,
	}}
}

func eventOf(e ledger.AuditEntry, says, intent *ledger.AuditText, documents map[string]members) entry {
	event := entry{placed: placed{sort: says.At, Event: Event{
		At: says.At, Event: says.Event, Operation: license.Optional(says.Operation), Sentence: Sentence(says, intent),
		Who: says.By.Username, Role: license.Optional(says.By.Role), LicenseID: license.Optional(e.LicenseID), ServerToken: e.ServerToken, Number: e.Number,
		RequestID: license.Optional(says.By.RequestID), Reason: license.Optional(says.Reason), Note: license.Optional(says.Note),
		LicenseRequestID: license.Optional(says.RequestID), ExceptionIDs: append([]string{}, says.Uses...),
		Conditions: append([]ledger.Condition{}, says.Conditions...), ConvertsTrial: license.Optional(says.Converts), Hash: e.Hash,
	}}}
	if says.VoidReason != "" {
		event.Reason = license.Optional(says.VoidReason)
	}
	event.Before, event.After = changed(says.Before, says.License)
	if l := says.License; l != nil {
		event.lineage, event.movedFrom, event.movedTo = l.LineageID, says.MovedFrom, l.ServerToken
	}
	if d := says.Document; d != nil {
		event.document = d
		event.Document = &Document{d.Kind, d.ID, d.Version, d.State}
		event.Before, event.After = changedDocument(*d, documents)
	}
	return event
}

// changedDocument compares a document with what the chain said of it last, and remembers it.
func changedDocument(d ledger.AuditDocument, documents map[string]members) (was, is members) {
	now := membersOf(d.Body)
	now["state"], _ = json.Marshal(d.State)
	before, known := documents[d.Kind+"#"+d.ID]
	documents[d.Kind+"#"+d.ID] = now
	was, is = differ(before, now)
	if !known {
		was = nil
	}
	return orNil(was), orNil(is)
}
