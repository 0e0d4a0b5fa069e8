package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// object is the content of an archived entry: the item of the audit table, from which it can be made again. The entry is
// a string, so that its bytes stay as they are.
type object struct {
	ServerToken license.ServerToken `json:"serverToken"`
	Number      int                 `json:"number"`
	LicenseID   string              `json:"licenseId"`
	Entry       string              `json:"entry"`
	Hash        string              `json:"hash"`
}

// Encode writes an entry as the archive holds it: the same bytes for the same entry.
func Encode(e ledger.AuditEntry) ([]byte, error) {
	body, err := json.Marshal(object{e.ServerToken, e.Number, e.LicenseID, string(e.Text), e.Hash})
	if err != nil {
		return nil, fmt.Errorf("writing audit entry %d: %w", e.Number, err)
	}
	return body, nil
}

// Decode reads an archived entry and refuses one that does not fit its hash or is not what it says it is.
func Decode(body []byte) (ledger.AuditEntry, error) {
	var o object
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return ledger.AuditEntry{}, fmt.Errorf("reading an archived entry: %w", err)
	}
	e := ledger.AuditEntry{ServerToken: o.ServerToken, Number: o.Number, LicenseID: o.LicenseID, Text: []byte(o.Entry), Hash: o.Hash}
	if err := whole(e); err != nil {
		return e, fmt.Errorf("reading an archived entry: %w", err)
	}
	return e, nil
}

// whole says what is wrong with an entry by itself; that it follows the one before is for who has both.
func whole(e ledger.AuditEntry) error {
	if !e.Intact() {
		return errors.New("its hash is not that of its text")
	}
	var says struct {
		ServerToken license.ServerToken `json:"serverToken"`
		Number      int                 `json:"number"`
		License     struct {
			ID string `json:"id"`
		} `json:"license"`
	}
	if err := json.Unmarshal(e.Text, &says); err != nil {
		return fmt.Errorf("its text: %w", err)
	}
	if says.ServerToken != e.ServerToken || says.Number != e.Number || says.License.ID != e.LicenseID {
		return errors.New("its text speaks of another entry")
	}
	return nil
}

// image is an item in DynamoDB's JSON. Attributes of other types than these keep neither.
type image map[string]struct {
	S *string
	N *string
}

func (i image) text(name string) string {
	if s := i[name].S; s != nil {
		return *s
	}
	return ""
}

func (i image) number() string {
	if n := i["sk"].N; n != nil {
		return *n
	}
	return ""
}

// entryOf reads an item of the audit table, which has these five attributes and no others: one more could not be made
// again from the archive.
func entryOf(raw json.RawMessage) (ledger.AuditEntry, error) {
	var i image
	if err := json.Unmarshal(raw, &i); err != nil {
		return ledger.AuditEntry{}, fmt.Errorf("its item: %w", err)
	}
	for name := range i {
		switch name {
		case "pk", "sk", "licenseId", "entry", "hash":
		default:
			return ledger.AuditEntry{}, fmt.Errorf("its item has the attribute %s", name)
		}
	}
	e := ledger.AuditEntry{
		ServerToken: license.ServerToken(i.text("pk")), LicenseID: i.text("licenseId"), Text: []byte(i.text("entry")), Hash: i.text("hash"),
	}
	var err error
	if e.Number, err = strconv.Atoi(i.number()); err != nil || e.Number < 1 {
		return e, errors.New("its number is none")
	}
	return e, whole(e)
}

// keysOf gives the keys of an item for the name of its evidence: the number in 10 digits if it is one, else as it is.
func keysOf(raw json.RawMessage) (token license.ServerToken, number string) {
	var i image
	_ = json.Unmarshal(raw, &i) // what cannot be read has no keys, and is kept all the same
	token = license.ServerToken(i.text("pk"))
	number = i.number()
	if n, err := strconv.Atoi(number); err == nil {
		number = fmt.Sprintf("%010d", n)
	}
	return token, number
}
