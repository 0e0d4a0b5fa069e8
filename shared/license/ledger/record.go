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

// Condition is one condition of a sale, met.
type Condition struct {
	Name     string       `json:"name"`
	MetOn    license.Date `json:"metOn"`
	Evidence string       `json:"evidence"`
}
