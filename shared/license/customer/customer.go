// Package customer compares the names of customers as people write them. Fold is for finding: what somebody types finds
// the name however it was written. Key is for telling whether two names are the same customer. It is the one part of the
// domain with a library of its own: Unicode's decomposition, which the standard library does not have.
package customer

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold returns a name without case, accents and punctuation, its words apart by one space: "Café  “Nord” & Söhne" is
// "cafe nord sohne". Apostrophes and periods join ("O'Neil", "S.A."), other punctuation parts. The fold of the start of a
// name is the start of the name's fold; a name without any letter or digit folds to "".
func Fold(name string) string {
	var b strings.Builder
	parted := false
	for _, r := range norm.NFKD.String(dropMarksOfTrade(name)) {
		switch {
		case isAccent(r) || joins(r):
		case unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r):
			if parted && b.Len() > 0 {
				b.WriteByte(' ')
			}
			parted = false
			if plain, ok := plainLetters[r]; ok {
				b.WriteString(plain)
			} else {
				b.WriteRune(unicode.ToLower(unicode.ToUpper(r))) // both, so that the two small sigmas are one
			}
		default:
			parted = true
		}
	}
	return b.String()
}

// Key returns what two names have in common that are the same customer: the fold without its legal forms, the words for
// "and" and the spaces. "Müller GmbH & Co. KG" and "MULLER" have one key, and so have "AT&T Inc." and "A T & T". A name that
// is nothing but legal forms keeps its fold. Only legal forms at the end count, and a few at the start ("AB Volvo").
func Key(name string) string {
	fold := Fold(name)
	words := strings.Fields(fold)
	for len(words) > 0 {
		n := trailingForm(words)
		if n == 0 {
			break
		}
		words = words[:len(words)-n]
	}
	if n := leadingForm(words); n < len(words) {
		words = words[n:]
	}
	words = slices.DeleteFunc(words, func(w string) bool { return connectives[w] })
	if key := strings.Join(words, ""); key != "" {
		return key
	}
	return strings.ReplaceAll(fold, " ", "")
}

// Same reports whether two names are the same customer's: they have one key, or, where a name has no letter and no digit,
// are equal.
func Same(a, b string) bool {
	key := Key(a)
	return key == Key(b) && (key != "" || a == b)
}

// dropMarksOfTrade takes out the signs that compatibility decomposition would make letters of: "Acme™" is no "Acmetm".
func dropMarksOfTrade(name string) string {
	return strings.NewReplacer("™", "", "℠", "", "®", "", "©", "").Replace(name)
}

// isAccent reports whether a mark is a diacritic on a letter. Marks of other scripts, such as the vowel signs of India
// and the voicing marks of Japan, are letters to those who write them, and stay.
func isAccent(r rune) bool {
	return r >= 0x0300 && r <= 0x036F || r >= 0x1AB0 && r <= 0x1AFF || r >= 0x1DC0 && r <= 0x1DFF || r >= 0x20D0 && r <= 0x20FF || r >= 0xFE20 && r <= 0xFE2F
}

// joins reports whether a sign stands inside of a word or shows nothing: periods, apostrophes, soft hyphen, zero width.
func joins(r rune) bool {
	switch r {
	case '.', '\'', '’', '‘', 'ʼ', 'ʻ', '´', '`', '′', '·', '・':
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}

// plainLetters are the letters that Unicode does not take apart, as they are written without them.
var plainLetters = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'ł': "l", 'Ł': "l", 'đ': "d", 'Đ': "d",
	'ð': "d", 'Ð': "d", 'þ': "th", 'Þ': "th", 'ħ': "h", 'Ħ': "h", 'ı': "i", 'ŧ': "t", 'Ŧ': "t", 'ŋ': "n", 'Ŋ': "n",
}

// connectives are the words for the sign &, which the fold does not show.
var connectives = map[string]bool{"and": true, "und": true, "et": true}
