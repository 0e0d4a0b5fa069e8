package ledger

import (
	"time"

	"qmslicensing/shared/license"
)

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
	// Temporaries are the temporary licenses that limits count, oldest first; those that were given up are not among them.
	Temporaries []TemporaryUse `json:",omitzero"`
}

// Slot holds the ids of the current and the pending license; "" is none.
type Slot struct {
	Current string
	Pending string
	// Moving is a license pending on another server that is to take the current one's place there.
	Moving string `json:",omitzero"`
}

// Busy returns the pending license that a writer of this slot must see finished first; "" for none.
func (s Slot) Busy() string {
	if s.Pending != "" {
		return s.Pending
	}
	return s.Moving
}

// TemporaryUse is one temporary license as limits count it.
type TemporaryUse struct {
	LicenseID string          `json:"licenseId"`
	Purpose   license.Purpose `json:"purpose"`
	Customer  string          `json:"customer"`
	Days      int             `json:"days"`
	By        string          `json:"issuedBy"`
	At        time.Time       `json:"issuedAt"`
}

// Slot returns the slot of that name, to read and to change.
func (s *Server) Slot(name license.Slot) *Slot {
	if name == license.TemporarySlot {
		return &s.Temporary
	}
	return &s.Base
}
