package ledger

import (
	"encoding/json"
	"reflect"
	"time"
)

// Document is something that surrounds licenses: a request for one, an exception. A store keeps its body as it is.
type Document struct {
	Kind    string
	ID      string
	Version int       // 1 when it is made, one more with each change
	State   string    // lists are by it
	At      time.Time // when it was made; lists are in its order
	Body    []byte    // JSON
}

// The kinds of documents that stand in audit chains. An allowance names the newest exception of a server or lineage from a
// rule: that is where a decision finds it by a consistent read.
const (
	KindRequest          = "license-request"
	KindException        = "exception"
	KindExceptionRequest = "exception-request"
	KindAllowance        = "allowance"
)

// UsedBy is the license that the body of a request or an exception says it was used for; "" for none, and of other kinds. A
// request's stands where it is closed.
func (d Document) UsedBy() string {
	var body struct {
		LicenseID string `json:"licenseId"`
		Closed    struct {
			LicenseID string `json:"licenseId"`
		} `json:"closed"`
	}
	if d.Kind != KindRequest && d.Kind != KindException || json.Unmarshal(d.Body, &body) != nil {
		return ""
	}
	return body.LicenseID + body.Closed.LicenseID
}

// Same reports whether two documents of one id are the same version and say the same. An entry has its documents without
// the spaces of a stored body.
func (d Document) Same(other Document) bool {
	var body, others any
	return d.Version == other.Version && d.State == other.State &&
		json.Unmarshal(d.Body, &body) == nil && json.Unmarshal(other.Body, &others) == nil && reflect.DeepEqual(body, others)
}

// Document is the document as a store has it.
func (d AuditDocument) Document() Document {
	return Document{Kind: d.Kind, ID: d.ID, Version: d.Version, State: d.State, At: d.At, Body: d.Body}
}
