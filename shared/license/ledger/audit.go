package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"qmslicensing/shared/license"
)

// Event is what an audit entry records.
type Event string

// The events of licenses: one was promised (its number is used), it was signed and stored, its promise was given up, it was
// taken back, it is to leave this server, it has left, it stays after all.
const (
	EventIntent  Event = "intent"
	EventIssued  Event = "issued"
	EventVoided  Event = "voided"
	EventRevoked Event = "revoked"
	EventMoving  Event = "moving"
	EventMoved   Event = "moved"
	EventStays   Event = "stays"
)

// The events of what surrounds licenses.
const (
	EventRequested        Event = "requested"
	EventConditionMet     Event = "condition-met"
	EventDeclined         Event = "declined"
	EventWithdrawn        Event = "withdrawn"
	EventExceptionAsked   Event = "exception-asked"
	EventExceptionGranted Event = "exception-granted"

	EventExceptionDeclined  Event = "exception-declined"
	EventExceptionWithdrawn Event = "exception-withdrawn"
)

// Entry is what an audit entry says besides its place in the chain.
type Entry struct {
	Event    Event
	By       license.Caller
	Record   *Record          // the license concerned, as it is after the event; nil where none is
	Before   *license.License // the license that it changes or replaces, as it was
	Document *Document        // the request or exception concerned, as it is after the event
	Others   []Document       // other documents that its transaction changes, as they are after it
	Voids    string           // the pending license that is given up with it
	Reason   string           // in the words of who did it
}

// AuditEntry is one link of a server's audit chain. Text is its canonical JSON, the previous link's hash included; Hash
// is the SHA-256 of Text in hex.
type AuditEntry struct {
	ServerToken license.ServerToken
	Number      int    // from 1
	LicenseID   string // "" where no license is concerned
	Text        []byte
	Hash        string
}

// AuditText is the shape of AuditEntry.Text.
type AuditText struct {
	ServerToken license.ServerToken `json:"serverToken"`
	Number      int                 `json:"number"`
	Previous    string              `json:"previous"`
	At          time.Time           `json:"at"`
	Event       Event               `json:"event"`
	Operation   Operation           `json:"operation,omitempty"`
	By          AuditActor          `json:"by"`
	License     *license.License    `json:"license,omitempty"`
	Before      *license.License    `json:"before,omitempty"`
	Predecessor string              `json:"predecessor,omitempty"`
	MovedFrom   license.ServerToken `json:"movedFrom,omitempty"`
	Voids       string              `json:"voids,omitempty"`
	VoidReason  string              `json:"voidReason,omitempty"`
	KeyID       string              `json:"keyId,omitempty"`
	Conditions  []Condition         `json:"conditions,omitempty"`
	Note        string              `json:"note,omitempty"`
	Reason      string              `json:"reason,omitempty"`
	RequestID   string              `json:"licenseRequestId,omitempty"`
	Uses        []string            `json:"exceptionIds,omitempty"`
	Converts    string              `json:"convertsTrial,omitempty"`
	Document    *AuditDocument      `json:"document,omitempty"`
	Others      []AuditDocument     `json:"otherDocuments,omitempty"`
	Counted     []string            `json:"counted,omitempty"` // keys of the counts that an intent raised
}

// AuditActor is who did it.
type AuditActor struct {
	Subject   string       `json:"sub"`
	Username  string       `json:"username"`
	Role      license.Role `json:"role"`
	RequestID string       `json:"requestId"`
}

// AuditDocument is a document as an entry holds it: whole, so that it can be made again.
type AuditDocument struct {
	Kind    string          `json:"kind"`
	ID      string          `json:"id"`
	Version int             `json:"version"`
	State   string          `json:"state"`
	At      time.Time       `json:"at"`
	Body    json.RawMessage `json:"body"`
}

// Link adds an entry to the chain of a server item: it returns the entry and moves the head. License keys are not in it;
// the license table has them.
func Link(s *Server, e Entry, at time.Time) (AuditEntry, error) {
	says := AuditText{
		ServerToken: s.Token,
		Number:      s.ChainLength + 1,
		Previous:    s.ChainHash,
		At:          at.UTC(),
		Event:       e.Event,
		By:          AuditActor{e.By.Subject, e.By.Username, e.By.Role, e.By.RequestID},
		Before:      withoutKey(e.Before),
		Voids:       e.Voids,
		Reason:      e.Reason,
	}
	id := ""
	if r := e.Record; r != nil {
		id = r.ID
		says.License, says.Operation, says.Predecessor, says.MovedFrom = withoutKey(&r.License), r.Operation, r.Predecessor, r.MovedFrom
		says.VoidReason, says.KeyID, says.Conditions, says.Note = r.VoidReason, r.KeyID, r.Conditions, r.Note
		says.RequestID, says.Uses, says.Converts = r.RequestID, r.Uses, r.Converts
		if e.Event == EventIntent {
			says.Counted = r.Counted
		}
		if says.Reason == "" {
			says.Reason = r.Reason
		}
	}
	if d := e.Document; d != nil {
		says.Document = &AuditDocument{d.Kind, d.ID, d.Version, d.State, d.At, d.Body}
	}
	for _, d := range e.Others {
		says.Others = append(says.Others, AuditDocument{d.Kind, d.ID, d.Version, d.State, d.At, d.Body})
	}
	text, err := json.Marshal(says)
	if err != nil {
		return AuditEntry{}, fmt.Errorf("writing an audit entry of server %s: %w", s.Token.Tail(), err)
	}
	s.ChainLength++
	s.ChainHash = hash(text)
	return AuditEntry{s.Token, s.ChainLength, id, text, s.ChainHash}, nil
}

func withoutKey(l *license.License) *license.License {
	if l == nil {
		return nil
	}
	plain := *l
	plain.LicenseKey = ""
	return &plain
}

// Intact reports whether the entry's hash is that of its text.
func (e AuditEntry) Intact() bool { return e.Hash == hash(e.Text) }

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
