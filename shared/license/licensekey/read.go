package licensekey

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxTries bounds the readings of typographic dashes that are verified; maxPaste the text that is looked at at all.
const (
	maxTries = 16
	maxPaste = 64 << 10
)

// Reading is what Read found in a paste.
type Reading struct {
	Text    string // the license key, exact; empty unless the paste has one of the right shape
	KeyID   string
	Claims  Claims
	Repairs []Repair // never nil; filled as far as cleaning came, also with an error
}

// Read cleans what a person pasted and verifies the license key in it strictly. It never guesses: either one text is
// left, or the signature decides between the readings of a typographic dash, or the error says what is wrong. Errors
// are those of Verify. Its work grows with the length of the paste; a paste over 64 KiB is refused unread.
func Read(paste string, lookup Lookup) (Reading, error) {
	reading := Reading{Repairs: []Repair{}}
	if len(paste) > maxPaste {
		return reading, &Damage{Cause: TooLong, Size: len(paste)}
	}
	s := newStream(normalize(paste))
	whole := s.candidates()
	if len(whole) == 0 {
		damage, start := s.diagnose()
		if start >= 0 {
			counts := tally{}
			counts.cells(s.cells[s.at[start]:s.at[s.runEnd(start, len(s.text))-1]])
			reading.Repairs = counts.list()
		}
		return reading, damage
	}
	if s.different(whole) {
		return reading, &Damage{Cause: TwoLicenses}
	}
	end, err := reading.try(s, whole[0], lookup)
	last := whole[len(whole)-1]
	if len(whole) == 1 {
		last.ends = []int{end}
	}
	counts := tally{PastedTwice: len(whole) - 1}
	_, counts[FirstLetter] = s.key(whole[0], end)
	counts.cells(s.cells[s.at[whole[0].start] : s.at[end-1]+1])
	counts.around(s.cells[:s.at[whole[0].start]], s.cells[s.at[last.ends[0]-1]+1:])
	reading.Repairs = counts.list()
	return reading, err
}

// try verifies the readings of a candidate until one is genuine and returns where that ends. Without typographic
// dashes there is exactly one.
func (reading *Reading) try(s *stream, c candidate, lookup Lookup) (end int, err error) {
	tries := 0
	for _, end := range c.ends {
		text, _ := s.key(c, end)
		for reading.Text = range dashReadings(text, signatureChars-(end-c.dot2-1)) {
			if tries++; tries > maxTries {
				reading.Text = ""
				return c.ends[0], &Damage{Cause: DashesLost}
			}
			reading.Claims, reading.KeyID, err = Verify(reading.Text, lookup)
			if !errors.Is(err, ErrSignatureInvalid) {
				return end, err
			}
		}
	}
	return c.ends[0], ErrSignatureInvalid
}

// dashReadings yields the text with exactly doubles of its dash marks read as -- and the others as -.
func dashReadings(text string, doubles int) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		var place func(done, rest string, doubles int) bool
		place = func(done, rest string, doubles int) bool {
			before, after, found := strings.Cut(rest, string(rune(dashMark)))
			if !found {
				return doubles > 0 || yield(done+rest)
			}
			if doubles <= strings.Count(after, string(rune(dashMark))) && !place(done+before+"-", after, doubles) {
				return false
			}
			return doubles == 0 || place(done+before+"--", after, doubles-1)
		}
		place("", text, doubles)
	}
}

// What may stand directly before a license key, and is named; everything else is surrounding text.
var (
	fenceBefore = regexp.MustCompile("(?:```|~~~)[A-Za-z]*$")
	fieldBefore = regexp.MustCompile(`["“”][A-Za-z_]\w*["“”]\s*:\s*["“”]$`)
	labelBefore = regexp.MustCompile(`(?i)\b(?:(?:qms|your|the)\s+)*(?:licen[cs]e(?:\s*(?:key|text|code))?|key)\s*[:=]$`)
)

const (
	quoteMarks   = "\"'`*´“”„‟‘’‚‛«»‹›「」『』″′"
	openBracket  = "([{<〈《【〔"
	closeBracket = ")]}>〉》】〕"
	maxWrappings = 20  // things around a key that are named one by one
	tailLength   = 120 // characters in which one of them is looked for
)

// around names what stands before and after the license key.
func (t tally) around(before, after []cell) {
	inJSON := false
	for wrappings := 0; len(before) > 0; {
		last := before[len(before)-1]
		if last.class == gap {
			t.cells(before[len(before)-1:])
			before = before[:len(before)-1]
			continue
		}
		code, used := wrapping(textOf(before[max(0, len(before)-tailLength):]), inJSON)
		if wrappings++; code == SurroundingText || wrappings > maxWrappings {
			t[SurroundingText] += len(strings.Fields(textOf(before)))
			break
		}
		if code == JSONField {
			inJSON = true
			t[code] = 1
		} else {
			t[code]++
		}
		before = before[:len(before)-used]
	}
	t.behind(after, inJSON)
}

// wrapping names what a text ends with, and says how many characters that is.
func wrapping(tail string, inJSON bool) (code RepairCode, used int) {
	last, _ := utf8.DecodeLastRuneInString(tail)
	if fence := fenceBefore.FindString(tail); fence != "" {
		return CodeFence, utf8.RuneCountInString(fence)
	}
	if field := fieldBefore.FindString(tail); field != "" {
		return JSONField, utf8.RuneCountInString(field)
	}
	if label := labelBefore.FindString(tail); label != "" {
		return Label, utf8.RuneCountInString(label)
	}
	switch {
	case inJSON && strings.ContainsRune("{,\"“”", last):
		return JSONField, 1
	case strings.ContainsRune(quoteMarks, last):
		return Quotes, 1
	case strings.ContainsRune(openBracket, last):
		return Brackets, 1
	}
	return SurroundingText, 0
}

// behind names what stands after the license key.
func (t tally) behind(after []cell, inJSON bool) {
	for i := 0; i < len(after); i++ {
		c := after[i]
		switch {
		case c.class == gap:
			t.cells(after[i : i+1])
		case c.r == '=' && i < 2:
			t[Padding]++
			t.cells(after[i : i+1])
		case c.r == '.' && t[TrailingPeriod] == 0:
			t[TrailingPeriod]++
		case isFence(textOf(after[i:min(len(after), i+3)])):
			t[CodeFence]++
			i += 2
		case inJSON && strings.ContainsRune("\"“”},", c.r):
		case strings.ContainsRune(quoteMarks, c.r):
			t[Quotes]++
		case strings.ContainsRune(closeBracket, c.r):
			t[Brackets]++
		default:
			t[SurroundingText] += len(strings.Fields(textOf(after[i:])))
			return
		}
	}
}

// textOf writes one character per cell, gaps as spaces or line breaks.
func textOf(cells []cell) string {
	var b strings.Builder
	for _, c := range cells {
		switch {
		case c.class != gap:
			b.WriteRune(c.r)
		case c.repairs&setOf(LineBreaks) != 0:
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func isFence(text string) bool { return text == "```" || text == "~~~" }
