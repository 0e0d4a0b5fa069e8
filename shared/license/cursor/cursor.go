// Package cursor writes and reads the cursors of pages: a place in a list, after 16 bytes of HMAC-SHA256 of list and
// place. So a cursor is good for its list alone and nobody can make one up; it is opaque, not secret.
package cursor

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
)

// Signer signs and checks cursors.
type Signer struct{ keys [][]byte }

// macSize is how many bytes of the HMAC a cursor carries.
const macSize = 16

// NewSigner derives a key for a label from each secret: the first signs, all are accepted. It needs one at least.
func NewSigner(label string, secrets []string) (Signer, error) {
	var s Signer
	for _, secret := range secrets {
		if secret == "" {
			return s, errors.New("a secret for the cursors of pages is empty")
		}
		s.keys = append(s.keys, sum([]byte(secret), label))
	}
	if len(s.keys) == 0 {
		return s, errors.New("there is no secret to sign the cursors of pages with")
	}
	return s, nil
}

// Write makes the cursor of what comes after a place in a list.
func (s Signer) Write(list, place string) string {
	return base64.RawURLEncoding.EncodeToString(append(sum(s.keys[0], list+"\x00"+place)[:macSize], place...))
}

// Read returns the place in a cursor, and whether it is one of this list.
func (s Signer) Read(list, cursor string) (place string, good bool) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(text) <= macSize {
		return "", false
	}
	mac, place := text[:macSize], string(text[macSize:])
	return place, slices.ContainsFunc(s.keys, func(key []byte) bool { return hmac.Equal(mac, sum(key, list+"\x00"+place)[:macSize]) })
}

func sum(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
