package license

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsSpaceOrInvisible reports whether a character shows nothing: white space, control and format characters (zero width,
// bidirectional marks, BOM, soft hyphen), variation selectors and the fillers that render as blanks.
func IsSpaceOrInvisible(r rune) bool {
	switch {
	case unicode.IsSpace(r), unicode.Is(unicode.Z, r), unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r):
		return true
	case r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x3164, r == 0xFFA0, r == 0x2800:
		return true
	}
	return unicode.Is(unicode.Variation_Selector, r)
}

// IsDash reports whether a character is a dash of any kind, U+002D itself included.
func IsDash(r rune) bool {
	return unicode.Is(unicode.Pd, r) || r == 0x2212 || r == 0x2043 || r == 0x02D7 || r == 0x2796
}

// turnsText reports whether a character changes the direction of what stands after it, so that a sentence around it would
// read otherwise than it is: embeddings, overrides and isolates.
func turnsText(r rune) bool { return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 }

// CleanText trims a text that a person typed, invisible characters included, and checks it: min to max characters, what
// is trimmed among them, and none of the rest a control character or one that turns the text around it.
// The error is InvalidRequest at pointer.
func CleanText(pointer, name, raw string, minLength, maxLength int) (string, error) {
	text := strings.TrimFunc(raw, IsSpaceOrInvisible)
	for _, r := range text {
		if unicode.Is(unicode.Cc, r) || turnsText(r) {
			return "", Invalid(pointer, "%s has a control character (U+%04X). Type it without.", name, r)
		}
	}
	switch n := utf8.RuneCountInString(raw); {
	case text == "" && minLength > 0:
		return "", Invalid(pointer, "%s is missing. Give 1 to %d characters.", name, maxLength)
	case n > maxLength:
		return "", Invalid(pointer, "%s has %d characters; the most is %d. Shorten it.", name, n, maxLength)
	}
	return text, nil
}
