package registry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"qmslicensing/shared/license"
)

// cursors writes and reads cursors: the position of the last entry that a page has read, after 16 bytes of HMAC-SHA256 of
// query and position. So a cursor is good for its query alone and nobody can make one up; it is opaque, not secret.
type cursors struct{ keys [][]byte }

// macSize is how many bytes of the HMAC a cursor carries.
const macSize = 16

// newCursors derives a key from each secret: the first signs, all are accepted.
func newCursors(secrets []string) (cursors, error) {
	var c cursors
	for _, secret := range secrets {
		if secret == "" {
			return c, errors.New("a secret for the cursors of pages is empty")
		}
		c.keys = append(c.keys, sum([]byte(secret), "qms-licensing: cursors of pages"))
	}
	if len(c.keys) == 0 {
		return c, errors.New("there is no secret to sign the cursors of pages with")
	}
	return c, nil
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// write makes the cursor of what comes after a position.
func (c cursors) write(q Query, position string) string {
	mac := sum(c.keys[0], q.text()+"\x00"+position)[:macSize]
	return base64.RawURLEncoding.EncodeToString(append(mac, position...))
}

// read returns the position in a cursor of the same query, "" of "". Any other text is InvalidRequest.
func (c cursors) read(q Query, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil && len(text) > macSize {
		mac, position := text[:macSize], string(text[macSize:])
		for _, key := range c.keys {
			if hmac.Equal(mac, sum(key, q.text()+"\x00"+position)[:macSize]) {
				return position, nil
			}
		}
	}
	return "", license.Invalid("query:cursor", "This cursor is not one of this search: it is damaged, or a filter was changed since. Leave it out to start at the first page.")
}
