package licensekey

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"qmslicensing/shared/license"
)

// class is what a character of a paste can be to a license key.
type class uint8

const (
	gap     class = iota // shows nothing, or was removed: white space, invisible characters, marks of mail and markup
	keyChar              // A-Z a-z 0-9 - _
	dot
	dash    // a typographic dash: one - or two
	foreign // any other character; no license key runs across it
)

// cell is one character of a paste after decoding, with the repairs that it stands for.
type cell struct {
	r       rune
	class   class
	repairs repairSet
}

// normalizer turns a paste into cells in one pass. Every construct that it looks ahead for is bounded in length or
// ends at a character that starts the next one, so that the work grows with the length of the paste alone.
type normalizer struct {
	in        []rune
	pos       int
	out       []cell
	lineStart bool
}

// normalize decodes quoted-printable, HTML and backslash escapes and classifies every character.
func normalize(paste string) []cell {
	n := normalizer{in: []rune(paste), lineStart: true}
	n.out = make([]cell, 0, len(n.in))
	for n.pos < len(n.in) {
		used := 0
		switch n.in[n.pos] {
		case '=':
			used = n.quotedPrintable()
		case '<':
			used = n.tag()
		case '&':
			used = n.entity()
		case '\\':
			used = n.escape()
		}
		if used == 0 {
			n.emit(n.in[n.pos], 0)
			used = 1
		}
		n.pos += used
	}
	dropPadding(n.out)
	return n.out
}

// at returns the character i places ahead, or 0.
func (n *normalizer) at(i int) rune {
	if n.pos+i < len(n.in) {
		return n.in[n.pos+i]
	}
	return 0
}

func (n *normalizer) gap(r rune, repairs repairSet) {
	n.out = append(n.out, cell{r, gap, repairs})
}

// emit appends one decoded character; repairs is what its decoding was.
func (n *normalizer) emit(r rune, repairs repairSet) {
	if r >= 0xFF01 && r <= 0xFF5E {
		r -= 0xFF01 - '!'
		repairs |= setOf(FullWidth)
	}
	if name, isGap := gapRepair(r); isGap {
		if r == '\n' && len(n.out) > 0 && n.out[len(n.out)-1].r == '\r' {
			n.gap(r, repairs) // CRLF is one line break
		} else {
			n.gap(r, repairs|setOf(name))
		}
		n.lineStart = n.lineStart || name == LineBreaks
		return
	}
	if n.lineStart && (r == '>' || r == '|') {
		n.gap(r, repairs|setOf(QuoteMarks))
		return
	}
	n.lineStart = false
	switch {
	case r < utf8.RuneSelf && isKeyChar(byte(r)):
		n.out = append(n.out, cell{r, keyChar, repairs})
	case r == '.':
		n.out = append(n.out, cell{r, dot, repairs})
	case license.IsDash(r):
		n.out = append(n.out, cell{r, dash, repairs | setOf(Dashes)})
	default:
		n.out = append(n.out, cell{r, foreign, repairs})
	}
}

// gapRepair names the repair for a character that shows nothing.
func gapRepair(r rune) (RepairCode, bool) {
	switch {
	case r > ' ' && r < 0x7F:
		return "", false
	case r == ' ', r == '\t', unicode.Is(unicode.Zs, r):
		return Spaces, true
	case r == '\n', r == '\r', r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
		return LineBreaks, true
	case r == 0xFEFF:
		return ByteOrderMark, true
	case r == 0xAD:
		return SoftHyphens, true
	case unicode.Is(unicode.Cc, r):
		return ControlCharacters, true
	}
	return InvisibleCharacters, license.IsSpaceOrInvisible(r)
}

// quotedPrintable reads a soft line break (= at a line's end) or a run of =XX bytes. Two = in a row are base64 padding.
func (n *normalizer) quotedPrintable() int {
	if n.pos > 0 && n.in[n.pos-1] == '=' {
		return 0
	}
	i := 1
	for n.at(i) == ' ' || n.at(i) == '\t' {
		i++
	}
	if n.at(i) == '\r' && n.at(i+1) == '\n' {
		i++
	}
	if n.at(i) == '\n' || n.at(i) == '\r' {
		n.gap('=', setOf(QuotedPrintable))
		n.lineStart = true
		return i + 1
	}
	var decoded []byte
	i = 0
	for n.at(i) == '=' {
		value, ok := hexValue(n.at(i+1), n.at(i+2))
		if !ok {
			break
		}
		decoded = append(decoded, value)
		i += 3
	}
	for _, r := range string(decoded) {
		n.emit(r, setOf(QuotedPrintable))
	}
	return i
}

func hexValue(digits ...rune) (byte, bool) {
	value, err := strconv.ParseUint(string(digits), 16, 8)
	return byte(value), err == nil
}

// tag reads an HTML tag or comment. A pair of angle brackets around a license is not one.
func (n *normalizer) tag() int {
	end := 1
	for n.at(end) != '>' {
		if n.pos+end >= len(n.in) || n.at(end) == '<' {
			return 0
		}
		end++
	}
	body := strings.ToLower(string(n.in[n.pos+1 : n.pos+end]))
	name := strings.TrimPrefix(body, "/")
	name = name[:len(name)-len(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz0123456789:!-"))]
	after := strings.TrimPrefix(strings.TrimPrefix(body, "/"), name)
	complete := after == "" || after == "/" || strings.ContainsAny(after[:1], " \t\r\n")
	first := name != "" && (name[0] == '!' || name[0] >= 'a' && name[0] <= 'z')
	if !first || !complete || len(name) > 20 || strings.Contains(body, "eyj") {
		return 0
	}
	n.gap('<', setOf(HTMLTags))
	switch name {
	case "br", "p", "div", "li", "tr", "td", "blockquote", "pre":
		n.lineStart = true
	}
	return end + 1
}

// entities are the named HTML entities that a license can meet; numeric ones need no list.
var entities = map[string]rune{
	"nbsp": 0xA0, "ensp": 0x2002, "emsp": 0x2003, "thinsp": 0x2009, "shy": 0xAD, "zwnj": 0x200C, "zwj": 0x200D,
	"lrm": 0x200E, "rlm": 0x200F, "hyphen": 0x2010, "dash": 0x2010, "ndash": 0x2013, "mdash": 0x2014, "minus": 0x2212,
	"lowbar": '_', "period": '.', "equals": '=', "colon": ':', "quot": '"', "apos": '\'', "lt": '<', "gt": '>', "amp": '&',
	"ZeroWidthSpace": 0x200B, "NewLine": '\n', "Tab": '\t',
}

// entity reads &name; or &#number; or &#xnumber; of at most 16 characters.
func (n *normalizer) entity() int {
	end := 1
	for n.at(end) != ';' {
		if end > 16 || n.at(end) == 0 {
			return 0
		}
		end++
	}
	name := string(n.in[n.pos+1 : n.pos+end])
	r, known := entities[name]
	if !known {
		digits, base := strings.TrimPrefix(name, "#"), 10
		if strings.HasPrefix(strings.ToLower(digits), "x") {
			digits, base = digits[1:], 16
		}
		value, err := strconv.ParseUint(digits, base, 21)
		if err != nil || name[0] != '#' {
			return 0
		}
		r = rune(value)
	}
	n.emit(r, setOf(HTMLEntities))
	return end + 1
}

// escape reads a backslash of JSON, of Markdown or at a line's end.
func (n *normalizer) escape() int {
	set := setOf(Escapes)
	next := n.at(1)
	switch {
	case next == 'n', next == 'r':
		n.gap(next, set)
		n.lineStart = true
		return 2
	case next == 't':
		n.gap(next, set)
		return 2
	case next == 'u':
		high, ok1 := hexValue(n.at(2), n.at(3))
		low, ok2 := hexValue(n.at(4), n.at(5))
		if !ok1 || !ok2 {
			return 0
		}
		n.emit(rune(high)<<8|rune(low), set)
		return 6
	case next == '\\', next == '\n', next == '\r':
		n.gap('\\', set)
		return 1
	case next != 0 && strings.ContainsRune(`/"'_-.*>|`, next):
		n.emit(next, set)
		return 2
	}
	return 0
}

// dropPadding turns = before a period, the padding of a base64 segment, into gaps.
func dropPadding(cells []cell) {
	beforeDot := false
	for i := len(cells) - 1; i >= 0; i-- {
		c := &cells[i]
		switch {
		case c.class == gap:
		case c.class == foreign && c.r == '=' && beforeDot:
			c.class = gap
			c.repairs |= setOf(Padding)
		default:
			beforeDot = c.class == dot
		}
	}
}
