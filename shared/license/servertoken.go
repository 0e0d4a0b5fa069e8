package license

import (
	"fmt"
	"strings"
)

// ServerToken identifies one server: 8 to 128 characters A-Z 0-9 - after cleaning. It is opaque and not a secret.
type ServerToken string

// The length of a Server Token in characters.
const (
	MinServerToken = 8
	MaxServerToken = 128
)

// ParseServerToken cleans a Server Token as people paste it (white space and invisible characters removed, letters in
// upper case, every kind of dash to -) and checks it. The error is InvalidRequest without a pointer: the caller knows
// where the text came from and adds it with At.
func ParseServerToken(raw string) (ServerToken, error) {
	var b strings.Builder
	length := 0
	for _, r := range raw {
		switch {
		case IsSpaceOrInvisible(r):
			continue
		case IsDash(r):
			r = '-'
		case 'a' <= r && r <= 'z':
			r -= 'a' - 'A'
		case r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z'):
			return "", Refuse(InvalidRequest, "A Server Token has only the letters A-Z, digits and dashes; this one has %s. Copy it again from QMS, at the top right of the license screen.", nameRune(r))
		}
		if length++; length <= MaxServerToken {
			b.WriteRune(r)
		}
	}
	switch {
	case length < MinServerToken:
		return "", Refuse(InvalidRequest, "Enter the whole Server Token. This one has %d characters, it needs at least %d.", length, MinServerToken)
	case length > MaxServerToken:
		return "", Refuse(InvalidRequest, "This is too long for a Server Token: it has %d characters, the most is %d. Copy it again from QMS.", length, MaxServerToken)
	}
	return ServerToken(b.String()), nil
}

func nameRune(r rune) string {
	if r == 0xFFFD {
		return "a character that is not valid text"
	}
	return fmt.Sprintf("%q", string(r))
}

// Tail returns the last four characters with an ellipsis, the form that logs and messages may show.
func (t ServerToken) Tail() string {
	if len(t) <= 4 {
		return string(t)
	}
	return "…" + string(t[len(t)-4:])
}
