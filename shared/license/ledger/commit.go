package ledger

import (
	"time"

	"qmslicensing/shared/license"
)

// IdempotencyRecord remembers what a request made. It does not expire.
type IdempotencyRecord struct {
	Key         string // SHA-256 of caller, method, path and Idempotency-Key, in hex
	RequestHash string // SHA-256 of the cleaned request and If-Match, in hex
	LicenseID   string // the license that it made or changed; "" for a document
	At          time.Time
	// Version and Answer are frozen here by operations that sign nothing; the others freeze theirs with the license.
	Version int
	Answer  []byte
	// DocumentKind and DocumentID name the document that it made or changed; "" for a license.
	DocumentKind string `json:",omitzero"`
	DocumentID   string `json:",omitzero"`
}

// Commit is one transaction: every condition holds and everything is written, or nothing is.
type Commit struct {
	// Chains are the servers concerned: one, or two where a license moves.
	Chains []Chain
	// Idempotency and New are written on condition that they are not there. Both may be nil.
	Idempotency *IdempotencyRecord
	New         *Record
	// Updates change other licenses.
	Updates []Update
	// Documents are put on condition that the stored version is one less; version 1: there is none.
	Documents []Document
	Counts    []Count
}

// Chain is one server's part of a commit: its item is written on condition that the stored chain's length is Before (0:
// there is no item), and the entry on condition that it is not there.
type Chain struct {
	Server Server
	Before int
	Audit  AuditEntry
}

// Count adds to a counter; where Add is positive on condition that the counter is below Limit.
type Count struct {
	Key   string
	Add   int
	Limit int
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
