// Package ledger is what is stored of licenses and how it may change: records, the server items that serialize them, the
// transactions that change them, and the audit chain that every transaction adds a link to. It decides nothing.
package ledger

import (
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

	MovedFrom license.ServerToken `json:",omitzero"` // the server of its predecessor, where that is another one
	Reason    string              `json:",omitzero"` // why it was corrected or re-hosted
	Rehosts   []Rehost            `json:",omitzero"` // of its lineage up to and with this license, oldest first
	RequestID string              `json:",omitzero"` // the license request that it answers
	Uses      []string            `json:",omitzero"` // ids of the exceptions that allowed it
	Returns   []Document          `json:",omitzero"` // what its intent took, as it was before: put back if it is given up
	Before    Change              `json:",omitzero"` // LastChange of its predecessor before its intent: put back if it is given up
	Counted   []string            `json:",omitzero"` // keys of the counts that its intent raised: lowered if it is given up
	Changes   *Changes            `json:",omitzero"` // what its intent changed of its predecessor's seats, for its answer
	Notice    string              `json:",omitzero"` // what its answer says besides, in a sentence
	Converts  string              `json:",omitzero"` // the trial that it was made from

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

// The operations.
const (
	OpIssue   Operation = "issue"
	OpRenew   Operation = "renew"
	OpAmend   Operation = "amend"
	OpCorrect Operation = "correct"
	OpRehost  Operation = "rehost"
)

// Change says who changed a license last, when, and what they did ("renewed", "replaced").
type Change struct {
	By   string
	At   time.Time
	What string
}

// Condition is one condition of a sale, met.
type Condition struct {
	Name     string       `json:"name"`
	MetOn    license.Date `json:"metOn"`
	Evidence string       `json:"evidence"`
}

// Rehost is one move of a lineage to another server.
type Rehost struct {
	LicenseID string              `json:"licenseId"` // the license on the new server
	By        string              `json:"by"`
	At        time.Time           `json:"at"`
	From      license.ServerToken `json:"from"`
	To        license.ServerToken `json:"to"`
	Reason    string              `json:"reason"`
}

// Changes is what a change of modules means: the seats before and after, and what the customer must do first.
type Changes struct {
	Modules  ModuleChange `json:"modules"`
	Seats    SeatChange   `json:"seats"`
	Warnings []string     `json:"warnings"` // sentences; empty if it loads without further ado
}

// ModuleChange is what was bought before and after.
type ModuleChange struct {
	Before license.Modules `json:"before"`
	After  license.Modules `json:"after"`
}

// SeatChange is the seats before and after.
type SeatChange struct {
	Before license.Seats `json:"before"`
	After  license.Seats `json:"after"`
}
