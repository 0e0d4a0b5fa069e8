// Package license is what a QMS license is: its types, modules and seats, dates, Server Token, roles and the
// License View. It holds values and rules and does no I/O; everything else in this repository speaks its words.
//
// The field words, one meaning each:
//
//   - license: the record of what one server may run, and for how long.
//   - license key: the signed text that an administrator pastes into the QMS client.
//   - Server Token: the identifier of one server, derived by QMS from its network cards.
//   - module, seat: Call Recording, Computer Recording, Agent Evaluation; one user of one module takes one seat.
//   - QMS Suite: one seat of each of the three modules.
//   - base license: the permanent or subscription license of a server; temporary: the other slot.
//   - sold: permanent or subscription; it is signed with the sold key.
//   - sequence: the number of a license on its server, from 1, without gaps, never reused.
//   - purpose: why a temporary license exists: trial, troubleshooting or emergency.
//   - contract, order: the paper behind a subscription, behind a permanent license.
//   - conditions of sale: what must be true before a permanent license is issued.
//   - renewal basis: where a renewed term starts: after the old expiration date, or today.
//   - re-host: move a license to another Server Token. Downgrade: a license with fewer seats.
//   - supersede: a newer license takes the place of this one. Revoke: this one is taken back.
//   - verdict, problem, remedy: whether a license key loads, why it does not, and what to do now.
//   - key id (kid): the name of the signing key that a license key was signed with.
package license

import (
	"encoding/json"
	"time"
)

// IsID reports whether a text has the form of a license id: 128 bits in lower-case hex. What has not names no license,
// and need not be looked for.
func IsID(text string) bool {
	if len(text) != 32 {
		return false
	}
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Type says how long a license lasts and who issues it.
type Type string

// The three types. Permanent has no expiration date; Subscription is renewed by contract; Temporary is short.
const (
	Permanent    Type = "permanent"
	Subscription Type = "subscription"
	Temporary    Type = "temporary"
)

// Slot is one of the two places a server has for a current license.
type Slot string

// The two slots: a permanent or subscription license is base.
const (
	BaseSlot      Slot = "base"
	TemporarySlot Slot = "temporary"
)

// Slot returns the slot that licenses of this type take.
func (t Type) Slot() Slot {
	if t == Temporary {
		return TemporarySlot
	}
	return BaseSlot
}

// KeyPurpose says which licenses a signing key may sign.
type KeyPurpose string

// The two purposes of signing keys: temporary licenses only; permanent and subscription.
const (
	TemporaryKey KeyPurpose = "temporary"
	SoldKey      KeyPurpose = "sold"
)

// KeyPurpose returns the purpose of the keys that sign licenses of this type.
func (t Type) KeyPurpose() KeyPurpose {
	if t == Temporary {
		return TemporaryKey
	}
	return SoldKey
}

// Purpose says why a temporary license exists; it is empty (null in JSON) for the other types.
type Purpose string

// The purposes of temporary licenses. Sales issues trials; support the other two.
const (
	Trial           Purpose = "trial"
	Troubleshooting Purpose = "troubleshooting"
	Emergency       Purpose = "emergency"
)

// MarshalJSON writes null for the empty purpose.
func (p Purpose) MarshalJSON() ([]byte, error) { return Optional(p).MarshalJSON() }

// Status is what has become of a license.
type Status string

// The statuses in order of precedence: the first that holds is the one shown. Expired is never stored; it follows
// from the clock.
const (
	Void       Status = "void"
	Pending    Status = "pending"
	Revoked    Status = "revoked"
	Superseded Status = "superseded"
	Expired    Status = "expired"
	Active     Status = "active"
)

// Optional is a text that is null in JSON when it is empty.
type Optional string

// MarshalJSON writes null for the empty text.
func (o Optional) MarshalJSON() ([]byte, error) {
	if o == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(o))
}

// License is one license as staff see it. Stored, its Status is never Expired: At derives that from the clock.
type License struct {
	ID           string      `json:"id"`
	LineageID    string      `json:"lineageId"`
	ServerToken  ServerToken `json:"serverToken"`
	Sequence     int         `json:"sequence"`
	Version      int         `json:"version"`
	Type         Type        `json:"type"`
	Purpose      Purpose     `json:"purpose"`
	Customer     string      `json:"customer"`
	Modules      Modules     `json:"modules"`
	Seats        Seats       `json:"seats"`
	IssuedOn     Date        `json:"issuedOn"`
	IssuedBy     string      `json:"issuedBy"`
	StartsOn     Date        `json:"startsOn"`
	ExpiresOn    Date        `json:"expiresOn"`
	Status       Status      `json:"status"`
	Contract     Optional    `json:"contract"`
	Order        Optional    `json:"order"`
	Supersedes   Optional    `json:"supersedes"`
	SupersededBy Optional    `json:"supersededBy"`
	LicenseKey   Optional    `json:"licenseKey"`
}

// At returns the license with the status it has at the given instant: a stored active license whose expiration
// instant has come is Expired.
func (l License) At(now time.Time) License {
	if l.Status == Active && l.ExpiredAt(now) {
		l.Status = Expired
	}
	return l
}

// ExpiredAt reports whether the license has stopped working at the given instant, whatever else became of it.
func (l License) ExpiredAt(now time.Time) bool {
	return !l.ExpiresOn.IsNever() && !now.Before(l.ExpiresOn.ExpiryInstant())
}
