package licensekey

import (
	"strings"
)

// What stands in a stream for characters that are not characters of a key.
const (
	foreignMark = '\x00'
	dashMark    = '\x01'
)

// Sizes in characters by which a key is found. No payload that keeps the rules is shorter than minPayload.
const (
	minPayload = 200
	maxChanged = 3 // characters of a constant part that may differ before it is taken for something else
)

// The constant first characters of the two parts, and the shorter pieces that are enough to recognize them.
var (
	headerPrefix  = strictBase64.EncodeToString([]byte(headerStart[:21]))
	payloadPrefix = strictBase64.EncodeToString([]byte(payloadStart))
	headerAnchor  = headerPrefix[:10]
	ourHeader     = headerPrefix[:18]
	ourPayload    = payloadPrefix[:16]
)

// stream is a paste without its gaps: what a license key could be made of.
type stream struct {
	text  string // key characters and periods; marks for the rest
	at    []int  // the cell of each
	dots  []int
	cells []cell
}

func newStream(cells []cell) *stream {
	s := &stream{cells: cells}
	text := make([]byte, 0, len(cells))
	for i, c := range cells {
		mark := byte(foreignMark)
		switch c.class {
		case gap:
			continue
		case keyChar:
			mark = byte(c.r)
		case dot:
			mark = '.'
			s.dots = append(s.dots, len(text))
		case dash:
			mark = dashMark
		}
		text = append(text, mark)
		s.at = append(s.at, i)
	}
	s.text = string(text)
	return s
}

// candidate is a place where a whole license key stands: three parts of the right lengths. A typographic dash can
// leave several possible ends.
type candidate struct {
	start, dot1, dot2 int
	ends              []int
}

// candidates finds every whole license key. A part is found from the two periods around the payload; the header is
// looked for before the first, the signature after the second, each within a bounded distance.
func (s *stream) candidates() (whole []candidate) {
	for i := 1; i < len(s.dots); i++ {
		if start, ok := s.partsBefore(i); ok {
			if ends := s.signatureEnds(s.dots[i]); len(ends) > 0 {
				whole = append(whole, candidate{start, s.dots[i-1], s.dots[i], ends})
			}
		}
	}
	return whole
}

// partsBefore reports whether the i-th period can end a payload that follows a header, and where that starts.
func (s *stream) partsBefore(i int) (start int, ok bool) {
	payload := s.text[s.dots[i-1]+1 : s.dots[i]]
	if len(payload) < minPayload || len(payload) > maxSigningInput || strings.IndexByte(payload, foreignMark) >= 0 {
		return 0, false
	}
	return s.headerStart(s.dots[i-1])
}

func (s *stream) headerStart(dot int) (int, bool) {
	low := max(0, dot-maxHeader)
	low += strings.LastIndexByte(s.text[low:dot], foreignMark) + 1
	window := s.text[low:dot]
	start := max(strings.LastIndex(window, headerAnchor), strings.LastIndex(window, "E"+headerAnchor[1:]))
	if start >= 0 && len(window)-start >= minHeader {
		return low + start, true
	}
	for start := low; dot-start >= minHeader; start++ {
		if s.boundary(start) && changed(s.text[start:dot], headerPrefix) <= maxChanged {
			return start, true
		}
	}
	return 0, false
}

// boundary reports whether something separates position i from the characters before it.
func (s *stream) boundary(i int) bool {
	return i == 0 || i == len(s.text) || s.at[i]-s.at[i-1] > 1 || s.text[i] == foreignMark || s.text[i-1] == foreignMark
}

// changed counts the characters of text that differ from those of the constant part, as far as text goes.
func changed(text, constant string) int {
	n := 0
	for i := range min(len(text), len(constant)) {
		if text[i] != constant[i] {
			n++
		}
	}
	return n
}

// signatureEnds returns where a signature of 86 characters that starts after this period can end. A typographic dash
// counts for one or two characters.
func (s *stream) signatureEnds(dot int) (ends []int) {
	single, dashes := 0, 0
	for i := dot + 1; i < len(s.text) && single+dashes < signatureChars; i++ {
		switch s.text[i] {
		case '.', foreignMark:
			return ends
		case dashMark:
			dashes++
		default:
			single++
		}
		if single+2*dashes >= signatureChars && s.endsAt(i+1) {
			ends = append(ends, i+1)
		}
	}
	return ends
}

// endsAt reports whether a license key may end before position i: nothing may stick to it but a period that ends a
// sentence, or the same key once more.
func (s *stream) endsAt(i int) bool {
	if s.boundary(i) || strings.HasPrefix(s.text[i:], headerAnchor) {
		return true
	}
	return s.text[i] == '.' && s.boundary(i+1)
}

// key returns the key of a candidate up to the given end, dashes in the signature still marked, and how many capital
// letters were changed back: both parts start with eyJ, whatever capitalized their first letter.
func (s *stream) key(c candidate, end int) (text string, capitals int) {
	header, payload := s.text[c.start:c.dot1], s.text[c.dot1+1:c.dot2]
	for _, part := range []*string{&header, &payload} {
		if strings.HasPrefix(*part, "EyJ") {
			*part = "e" + (*part)[1:]
			capitals++
		}
		*part = strings.ReplaceAll(*part, string(rune(dashMark)), "-")
	}
	return header + "." + payload + s.text[c.dot2:end], capitals
}

// different reports whether the paste has more than one license: two whole keys that are not the same, or outside the
// whole ones the beginning of a part, in whatever case, or a run of key characters that no text around a license has.
func (s *stream) different(whole []candidate) bool {
	first, _ := s.key(whole[0], whole[0].ends[0])
	for _, c := range whole[1:] {
		if other, _ := s.key(c, c.ends[0]); other != first {
			return true
		}
	}
	from := 0
	for _, c := range whole {
		if from < c.start && ofAnother(s, from, c.start, first) {
			return true
		}
		from = max(from, c.ends[len(c.ends)-1])
	}
	return ofAnother(s, from, len(s.text), first)
}

// strayRun is how many key characters without any gap are taken for a piece of a license. Half of the shortest payload:
// long words and links have fewer.
const strayRun = minPayload / 2

// ofAnother reports whether a stretch of the stream outside the whole keys is, or holds, a piece of a license other than
// the given key.
func ofAnother(s *stream, from, to int, key string) bool {
	stretch := strings.ToLower(s.text[from:to])
	for _, constant := range []string{ourHeader, ourPayload} {
		if strings.Contains(stretch, strings.ToLower(constant)) {
			return true
		}
	}
	start := from
	for i := from; i <= to; i++ {
		if i < to && s.text[i] != '.' && s.text[i] != foreignMark && (i == start || s.at[i]-s.at[i-1] == 1) {
			continue
		}
		if i-start >= strayRun && !strings.Contains(key, s.text[start:i]) {
			return true
		}
		start = i
		if i < to && (s.text[i] == '.' || s.text[i] == foreignMark) {
			start = i + 1
		}
	}
	return false
}

// diagnose says why there is no whole key in the paste, and from where on the stream is part of one (or -1).
func (s *stream) diagnose() (*Damage, int) {
	if s.text == "" {
		return &Damage{Cause: Empty}, -1
	}
	for i := 1; i < len(s.dots); i++ {
		if start, ok := s.partsBefore(i); ok {
			return s.endDamage(s.dots[i]), start
		}
	}
	if start := s.ownHeader(); start >= 0 {
		return s.middleDamage(start), start
	}
	if found := strings.Index(s.text, ourPayload); found >= 0 {
		if low := strings.LastIndexByte(s.text[:found], foreignMark); low >= 0 && s.inside(low) {
			return s.foreign(low), low + 1
		}
		return &Damage{Cause: StartMissing}, found
	}
	lower := strings.ToLower(s.text)
	for _, constant := range []string{ourHeader, ourPayload} {
		if found := strings.Index(lower, strings.ToLower(constant)); found >= 0 {
			return &Damage{Cause: CaseChanged}, found
		}
	}
	for _, dot := range s.dots {
		if before := s.text[max(0, dot-40):dot]; len(before) == 40 && isBase64(before) && len(s.signatureEnds(dot)) > 0 {
			return &Damage{Cause: StartMissing}, dot - 40
		}
	}
	return &Damage{Cause: NotALicense}, -1
}

// ownHeader returns where the header of a license starts, or -1.
func (s *stream) ownHeader() int {
	for _, constant := range []string{ourHeader, "E" + ourHeader[1:]} {
		for from := 0; ; from++ {
			found := strings.Index(s.text[from:], constant)
			if found < 0 {
				break
			}
			from += found
			if changed(s.text[from:s.runEnd(from, len(headerPrefix))], headerPrefix) <= maxChanged {
				return from
			}
		}
	}
	return -1
}

// runEnd returns where the run of characters from position i ends, looking at most limit characters ahead.
func (s *stream) runEnd(i, limit int) int {
	end := min(len(s.text), i+limit)
	if found := strings.IndexByte(s.text[i:end], foreignMark); found >= 0 {
		return i + found
	}
	return end
}

// endDamage says what is wrong with a signature that has no end.
func (s *stream) endDamage(dot int) *Damage {
	end, word := dot+1, dot+1
	for count := 0; end < len(s.text) && s.text[end] != '.' && s.text[end] != foreignMark && count < signatureChars; count++ {
		if s.boundary(end) {
			word = end
		}
		end++
	}
	switch {
	case end < len(s.text) && s.text[end] == foreignMark && s.inside(end):
		return s.foreign(end)
	case end-dot-1 < signatureChars, word > dot+1 && s.isWord(word):
		return &Damage{Cause: EndMissing}
	}
	return &Damage{Cause: ExtraEnd}
}

// isWord reports whether the characters from position i to the next separation look like a word of a sentence.
func (s *stream) isWord(i int) bool {
	for j := i; j < len(s.text) && (j == i || !s.boundary(j)) && s.text[j] != '.'; j++ {
		c := s.text[j]
		if (c < 'a' || c > 'z') && (j > i || c < 'A' || c > 'Z') || j-i > 20 {
			return false
		}
	}
	return true
}

// middleDamage says what is wrong with a key that starts here and has no three parts.
func (s *stream) middleDamage(start int) *Damage {
	end := s.runEnd(start, len(s.text))
	if end < len(s.text) && s.inside(end) {
		return s.foreign(end)
	}
	for _, dot := range s.dots {
		if dot > start+maxHeader && dot < end && len(s.signatureEnds(dot)) > 0 {
			return &Damage{Cause: Misshapen}
		}
	}
	if _, rest, ok := strings.Cut(s.text[start:end], "."); ok && len(rest) > signatureChars {
		payload, _ := strictBase64.DecodeString(rest[:len(rest)-signatureChars])
		if _, complete := decodePayload(string(payload)); complete {
			return &Damage{Cause: Misshapen} // payload and signature without a period between them
		}
	}
	return &Damage{Cause: EndMissing}
}

// inside reports whether the foreign character at position i sticks to key characters on both sides.
func (s *stream) inside(i int) bool {
	if i == 0 || i+1 >= len(s.text) || s.at[i+1]-s.at[i-1] != 2 {
		return false
	}
	return s.text[i-1] != foreignMark && s.text[i+1] != foreignMark
}

func (s *stream) foreign(i int) *Damage {
	return &Damage{Cause: Foreign, Character: string(s.cells[s.at[i]].r)}
}
