// Package licensekey is the signed text of a QMS license: it encodes the claims, takes the text apart strictly,
// verifies it, and cleans what people paste. FORMAT.md beside this file is the specification.
//
// QMS itself may import this package. Compatibility promise: a license key that Verify accepts today is accepted by
// every later version with the same key; codes of repairs and causes are only ever added; exported names stay.
package licensekey

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"qmslicensing/shared/license"
)

// Claims is what a license key says about one license. FORMAT.md names the member behind each field.
type Claims struct {
	ID          string // 32 lower-case hexadecimal characters
	ServerToken license.ServerToken
	IssuedAt    int64 // seconds since 1970, UTC
	ExpiresAt   int64 // seconds since 1970, UTC; the first instant at which it no longer works; 0 = never
	Type        license.Type
	ExpiresOn   license.Date // the last day it works
	Seats       license.Seats
	Suite       int // QMS Suite quantity, included in Seats
	Sequence    int // number of the license on its server, from 1
}

// Limits of the format. KMS signs messages below 4,096 bytes.
const (
	maxSigningInput = 4095
	maxKeyID        = 40
	maxInstant      = 253402300799 // 31 Dec 9999, 23:59:59 UTC
	maxSequence     = 1<<31 - 1
)

// The constant parts of every license key, and what they look like in base64url.
const (
	headerStart  = `{"alg":"ES256","kid":"`
	headerEnd    = `","typ":"qms-license+jwt"}`
	payloadStart = `{"iss":"qms-licensing","jti":"`
)

var strictBase64 = base64.RawURLEncoding.Strict()

// SigningInput returns header.payload of a license, the bytes to sign. Claims that break a rule of the format, and a
// malformed key id, are refused with an error that names the rule.
func SigningInput(kid string, c Claims) ([]byte, error) {
	if !isKeyID(kid) {
		return nil, fmt.Errorf("key id %q: write 1 to %d characters a-z, 0-9 and -", kid, maxKeyID)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("license %s: %w", c.ID, err)
	}
	header := headerStart + kid + headerEnd
	input := strictBase64.AppendEncode(nil, []byte(header))
	input = append(input, '.')
	input = strictBase64.AppendEncode(input, c.payload())
	if len(input) > maxSigningInput {
		return nil, fmt.Errorf("license %s: the signing input has %d bytes, the most is %d", c.ID, len(input), maxSigningInput)
	}
	return input, nil
}

// Join returns the license key of a signing input and its signature (r and s, 32 bytes each).
func Join(signingInput []byte, signature [64]byte) string {
	text := append([]byte(nil), signingInput...)
	text = append(text, '.')
	return string(strictBase64.AppendEncode(text, signature[:]))
}

// payload is the one encoder: the canonical bytes of the claims.
func (c Claims) payload() []byte {
	b := make([]byte, 0, 512)
	b = append(append(b, payloadStart...), c.ID...)
	b = append(append(b, `","sub":"`...), c.ServerToken...)
	b = strconv.AppendInt(append(b, `","iat":`...), c.IssuedAt, 10)
	if c.ExpiresAt != 0 {
		b = strconv.AppendInt(append(b, `,"exp":`...), c.ExpiresAt, 10)
	}
	b = append(append(b, `,"type":"`...), c.Type...)
	if !c.ExpiresOn.IsNever() {
		b = append(append(b, `","expiresOn":"`...), c.ExpiresOn.String()...)
	}
	b = strconv.AppendInt(append(b, `","seats":{"callRecording":`...), int64(c.Seats.CallRecording), 10)
	b = strconv.AppendInt(append(b, `,"computerRecording":`...), int64(c.Seats.ComputerRecording), 10)
	b = strconv.AppendInt(append(b, `,"agentEvaluation":`...), int64(c.Seats.AgentEvaluation), 10)
	b = strconv.AppendInt(append(b, `},"suite":`...), int64(c.Suite), 10)
	b = strconv.AppendInt(append(b, `,"seq":`...), int64(c.Sequence), 10)
	return append(b, '}')
}

// check applies every rule of FORMAT.md, "Rules of the claims".
func (c Claims) check() error {
	switch {
	case !isID(c.ID):
		return errors.New("jti is 32 lower-case hexadecimal characters")
	case !isServerToken(string(c.ServerToken)):
		return errors.New("sub is a clean Server Token: 8 to 128 characters A-Z, 0-9 and -")
	case c.IssuedAt < 1 || c.IssuedAt > maxInstant:
		return errors.New("iat is outside the years 1970 to 9999")
	case c.Sequence < 1 || c.Sequence > maxSequence:
		return errors.New("seq counts from 1")
	}
	if err := c.checkTerm(); err != nil {
		return err
	}
	return c.checkSeats()
}

func (c Claims) checkTerm() error {
	switch c.Type {
	case license.Permanent:
		if c.ExpiresAt != 0 || !c.ExpiresOn.IsNever() {
			return errors.New("a permanent license has neither exp nor expiresOn")
		}
	case license.Subscription, license.Temporary:
		if c.ExpiresAt == 0 || c.ExpiresOn.IsNever() {
			return fmt.Errorf("a %s license has exp and expiresOn", c.Type)
		}
		if year := c.ExpiresOn.Year(); year < 1970 || year > 9998 {
			return errors.New("expiresOn is outside the years 1970 to 9998")
		}
		if want := c.ExpiresOn.ExpiryInstant().Unix(); c.ExpiresAt != want {
			return fmt.Errorf("exp of a license that expires on %s is %d, not %d", c.ExpiresOn, want, c.ExpiresAt)
		}
	default:
		return fmt.Errorf("type %q is not permanent, subscription or temporary", c.Type)
	}
	return nil
}

func (c Claims) checkSeats() error {
	for _, module := range license.AllModules() {
		switch n := c.Seats.Of(module); {
		case n < 0 || n > license.MaxQuantity:
			return fmt.Errorf("%d seats of %s: 0 to %d are possible", n, module.Name(), license.MaxQuantity)
		case n > c.Seats.CallRecording:
			return fmt.Errorf("%d seats of %s need as many of Call Recording; there are %d", n, module.Name(), c.Seats.CallRecording)
		case c.Suite < 0 || c.Suite > n:
			return fmt.Errorf("%d QMS Suite with %d seats of %s: suite is 0 to the seats of every module", c.Suite, n, module.Name())
		}
	}
	if c.Seats.CallRecording < 1 {
		return errors.New("a license has at least 1 Call Recording seat")
	}
	return nil
}

// isID reports whether s can be the id of a license.
func isID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 32
}

// isKeyID reports whether s can be the name of a signing key.
func isKeyID(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= maxKeyID
}

// isServerToken reports whether s is a Server Token that needs no cleaning.
func isServerToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && c != '-' {
			return false
		}
	}
	return len(s) >= license.MinServerToken && len(s) <= license.MaxServerToken
}
