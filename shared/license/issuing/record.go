package issuing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"qmslicensing/shared/license"
)

// Record is a license as it is stored: the license itself with what only issuing needs to know.
type Record struct {
	license.License

	Operation         Operation    // what made it
	IssuedAt          time.Time    // the instant of its intent; iat is the same in whole seconds
	AnchorDay         int          // the day of the month its terms start on; 0 for other types than subscriptions
	Predecessor       string       // the license that its intent changed, if any
	PreviousExpiresOn license.Date // of the predecessor, for renewals
	Conditions        []Condition  // of the sale
	Note              string
	LastChange        Change // what made Version what it is
	VoidReason        string // why it was given up, for a void license
	Voids             string // the pending renewal that was given up with it, for an audit entry of a revocation

	KeyID        string    // kid of the key that signs it
	SigningInput []byte    // the exact bytes to sign
	LeaseUntil   time.Time // until then somebody is signing it
	Attempts     int       // leases taken = KMS calls at most
	RefusedSince time.Time // when KMS first refused; zero: it has not
	KMSRequestID string
	Answer       []byte // the response body, frozen when it was activated
}

// Operation is what made a license.
type Operation string

// The operations so far.
const (
	OpIssue Operation = "issue"
	OpRenew Operation = "renew"
)

// Change says who changed a license last, when, and what they did ("renewed", "replaced").
type Change struct {
	By   string
	At   time.Time
	What string
}

// Server is the item that serializes everything about one server: both slots and the head of its audit chain.
type Server struct {
	Token     license.ServerToken
	Sequence  int // the last one used
	Base      Slot
	Temporary Slot
	// TemporarySequence is the sequence of the current temporary license.
	TemporarySequence int
	HighestBase       int    // the highest sequence of a base license that was activated here
	HighestBaseID     string // and its id
	ChainLength       int    // number of audit entries
	ChainHash         string // of the last audit entry; "" for none
}

// Slot holds the ids of the current and the pending license; "" is none.
type Slot struct {
	Current string
	Pending string
}

// slot returns the slot of that name, to read and to change.
func (s *Server) slot(name license.Slot) *Slot {
	if name == license.TemporarySlot {
		return &s.Temporary
	}
	return &s.Base
}

// IdempotencyRecord remembers which license a request made. It does not expire.
type IdempotencyRecord struct {
	Key         string // SHA-256 of caller, method, path and Idempotency-Key, in hex
	RequestHash string // SHA-256 of the cleaned request and If-Match, in hex
	LicenseID   string
	At          time.Time
	// Version and Answer are frozen here by operations that sign nothing; the others freeze theirs with the license.
	Version int
	Answer  []byte
}

// Commit is one transaction: every condition holds and everything is written, or nothing is.
type Commit struct {
	// Server is written on condition that the stored chain's length is ChainBefore (0: there is no item).
	Server      Server
	ChainBefore int
	// Idempotency, New and Audit are written on condition that they are not there. The first two may be nil.
	Idempotency *IdempotencyRecord
	New         *Record
	Audit       AuditEntry
	// Updates change other licenses.
	Updates []Update
}

// Update changes one stored license on condition of its status and, if IfVersion is not 0, its version.
type Update struct {
	ID        string
	IfStatus  license.Status
	IfVersion int

	Status       license.Status   // the new status
	AddVersion   int              // 0 or 1
	SupersededBy license.Optional // set unless empty
	LastChange   *Change          // set unless nil
	VoidReason   string           // set unless empty
	Signed       *Signed          // set unless nil: what activation adds
}

// Signed is what activation adds to a license.
type Signed struct {
	LicenseKey   license.Optional
	KMSRequestID string
	Supersedes   license.Optional
	Answer       []byte
}

// Apply makes the changes of an Update to a record; stores that hold records as values use it too.
func (u Update) Apply(r *Record) {
	r.Status = u.Status
	r.Version += u.AddVersion
	if u.SupersededBy != "" {
		r.SupersededBy = u.SupersededBy
	}
	if u.LastChange != nil {
		r.LastChange = *u.LastChange
	}
	if u.VoidReason != "" {
		r.VoidReason = u.VoidReason
	}
	if u.Signed != nil {
		r.LicenseKey, r.KMSRequestID = u.Signed.LicenseKey, u.Signed.KMSRequestID
		r.Supersedes, r.Answer = u.Signed.Supersedes, u.Signed.Answer
	}
}

// Touch changes a pending license alone, without its version and without an audit entry.
type Touch struct {
	// LeaseUntil, if not zero, takes a lease: on condition that the stored lease is over at Now; attempts + 1.
	LeaseUntil time.Time
	Now        time.Time
	// RefusedSince, if not zero, is stored unless one is stored already.
	RefusedSince time.Time
	// Signed forgets RefusedSince: the signing service has signed again.
	Signed bool
}

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

// link adds an entry to the chain of a server item: it returns the entry and moves the head. The license key itself is
// not in the entry; the license table has it.
func link(s *Server, event Event, by license.Caller, r Record, at time.Time) (AuditEntry, error) {
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
	s.ChainHash = hashOf(text)
	return AuditEntry{s.Token, s.ChainLength, r.ID, text, s.ChainHash}, nil
}

// Intact reports whether the entry's hash is that of its text.
func (e AuditEntry) Intact() bool { return e.Hash == hashOf(e.Text) }

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
