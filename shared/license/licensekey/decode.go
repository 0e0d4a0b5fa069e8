package licensekey

import (
	"strings"

	"qmslicensing/shared/license"
)

// scanner reads the canonical payload from the front, in its one possible order. Nothing is skipped and nothing is
// tolerated, so unknown, repeated and reordered members, white space and other spellings of a value all end in failed.
type scanner struct {
	rest   string
	failed bool
}

// decodePayload is the inverse of Claims.payload: it accepts exactly the bytes that payload writes for claims that
// keep the rules, and no others.
func decodePayload(payload string) (Claims, bool) {
	var c Claims
	s := scanner{rest: payload}
	s.literal(payloadStart)
	c.ID = s.text()
	s.literal(`,"sub":"`)
	c.ServerToken = license.ServerToken(s.text())
	s.literal(`,"iat":`)
	c.IssuedAt = s.integer()
	if s.optional(`,"exp":`) {
		c.ExpiresAt = s.integer()
		s.failed = s.failed || c.ExpiresAt == 0 // 0 stands for no exp, which is written by leaving it out
	}
	s.literal(`,"type":"`)
	c.Type = license.Type(s.text())
	if s.optional(`,"expiresOn":"`) {
		c.ExpiresOn = s.date()
	}
	s.literal(`,"seats":{"callRecording":`)
	c.Seats.CallRecording = int(s.integer())
	s.literal(`,"computerRecording":`)
	c.Seats.ComputerRecording = int(s.integer())
	s.literal(`,"agentEvaluation":`)
	c.Seats.AgentEvaluation = int(s.integer())
	s.literal(`},"suite":`)
	c.Suite = int(s.integer())
	s.literal(`,"seq":`)
	c.Sequence = int(s.integer())
	s.literal(`}`)
	if s.failed || s.rest != "" || c.check() != nil {
		return Claims{}, false
	}
	return c, true
}

func (s *scanner) literal(want string) {
	if !s.optional(want) {
		s.failed = true
	}
}

func (s *scanner) optional(want string) bool {
	rest, found := strings.CutPrefix(s.rest, want)
	s.rest = rest
	return found
}

// text reads up to the closing quotation mark. Escapes need no care: no member allows a backslash.
func (s *scanner) text() string {
	value, rest, found := strings.Cut(s.rest, `"`)
	if !found {
		s.failed = true
	}
	s.rest = rest
	return value
}

// integer reads up to 12 digits without sign, leading zero, fraction or exponent.
func (s *scanner) integer() int64 {
	var value int64
	digits := 0
	for digits < len(s.rest) && s.rest[digits] >= '0' && s.rest[digits] <= '9' && digits <= 12 {
		value = value*10 + int64(s.rest[digits]-'0')
		digits++
	}
	if digits == 0 || digits > 12 || digits > 1 && s.rest[0] == '0' {
		s.failed = true
	}
	s.rest = s.rest[digits:]
	return value
}

// date reads YYYY-MM-DD.
func (s *scanner) date() license.Date {
	date, err := license.ParseDate(s.text())
	if err != nil {
		s.failed = true
	}
	return date
}
