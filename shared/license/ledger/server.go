package ledger

import "qmslicensing/shared/license"

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

// Slot returns the slot of that name, to read and to change.
func (s *Server) Slot(name license.Slot) *Slot {
	if name == license.TemporarySlot {
		return &s.Temporary
	}
	return &s.Base
}
