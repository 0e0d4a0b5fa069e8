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

// The events so far: a license was promised (its number is used), it was signed and stored, its promise was given up, it was
// taken back.
const (
	EventIntent  Event = "intent"
	EventIssued  Event = "issued"
	EventVoided  Event = "voided"
	EventRevoked Event = "revoked"
)

// AuditEntry is one link of a server's audit chain. Text is its canonical JSON, the previous link's hash included; Hash
// is the SHA-256 of Text in hex.
type AuditEntry struct {
	ServerToken license.ServerToken
	Number      int // from 1
	LicenseID   string
	Text        []byte
	Hash        string
}

// auditText is the shape of AuditEntry.Text.
type auditText struct {
	ServerToken license.ServerToken `json:"serverToken"`
	Number      int                 `json:"number"`
	Previous    string              `json:"previous"`
	At          time.Time           `json:"at"`
	Event       Event               `json:"event"`
	Operation   Operation           `json:"operation"`
	By          auditActor          `json:"by"`
	License     license.License     `json:"license"`
	Predecessor string              `json:"predecessor,omitempty"`
	Voids       string              `json:"voids,omitempty"`
	VoidReason  string              `json:"voidReason,omitempty"`
	KeyID       string              `json:"keyId"`
	Conditions  []Condition         `json:"conditions,omitempty"`
	Note        string              `json:"note,omitempty"`
}

type auditActor struct {
	Subject   string       `json:"sub"`
	Username  string       `json:"username"`
	Role      license.Role `json:"role"`
	RequestID string       `json:"requestId"`
}

// Link adds an entry to the chain of a server item: it returns the entry and moves the head. The license key itself is
// not in the entry; the license table has it.
func Link(s *Server, event Event, by license.Caller, r Record, at time.Time) (AuditEntry, error) {
	r.LicenseKey = ""
	text, err := json.Marshal(auditText{
		ServerToken: s.Token,
		Number:      s.ChainLength + 1,
		Previous:    s.ChainHash,
		At:          at.UTC(),
		Event:       event,
		Operation:   r.Operation,
		By:          auditActor{by.Subject, by.Username, by.Role, by.RequestID},
		License:     r.License,
		Predecessor: r.Predecessor,
		Voids:       r.Voids,
		VoidReason:  r.VoidReason,
		KeyID:       r.KeyID,
		Conditions:  r.Conditions,
		Note:        r.Note,
	})
	if err != nil {
		return AuditEntry{}, fmt.Errorf("writing the audit entry of license %s: %w", r.ID, err)
	}
	s.ChainLength++
	s.ChainHash = hash(text)
	return AuditEntry{s.Token, s.ChainLength, r.ID, text, s.ChainHash}, nil
}

// Intact reports whether the entry's hash is that of its text.
func (e AuditEntry) Intact() bool { return e.Hash == hash(e.Text) }

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
