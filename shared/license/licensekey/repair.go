package licensekey

import (
	"fmt"
	"math/bits"
	"slices"
)

// RepairCode names one thing that cleaning a paste does. Codes are append-only.
type RepairCode string

// The repairs.
const (
	Spaces              RepairCode = "spaces"
	LineBreaks          RepairCode = "line_breaks"
	QuoteMarks          RepairCode = "quote_marks"
	InvisibleCharacters RepairCode = "invisible_characters"
	ByteOrderMark       RepairCode = "byte_order_mark"
	SoftHyphens         RepairCode = "soft_hyphens"
	ControlCharacters   RepairCode = "control_characters"
	QuotedPrintable     RepairCode = "quoted_printable"
	HTMLTags            RepairCode = "html_tags"
	HTMLEntities        RepairCode = "html_entities"
	Escapes             RepairCode = "escapes"
	FullWidth           RepairCode = "full_width"
	Dashes              RepairCode = "dashes"
	FirstLetter         RepairCode = "first_letter"
	Padding             RepairCode = "padding"
	CodeFence           RepairCode = "code_fence"
	Quotes              RepairCode = "quotes"
	Brackets            RepairCode = "brackets"
	Label               RepairCode = "label"
	JSONField           RepairCode = "json_field"
	TrailingPeriod      RepairCode = "trailing_period"
	SurroundingText     RepairCode = "surrounding_text"
	PastedTwice         RepairCode = "pasted_twice"
)

// Repairs lists every RepairCode, in the order above, which is also the order in a Reading. Tests range over it.
func Repairs() []RepairCode {
	return []RepairCode{Spaces, LineBreaks, QuoteMarks, InvisibleCharacters, ByteOrderMark, SoftHyphens, ControlCharacters,
		QuotedPrintable, HTMLTags, HTMLEntities, Escapes, FullWidth, Dashes, FirstLetter, Padding, CodeFence, Quotes,
		Brackets, Label, JSONField, TrailingPeriod, SurroundingText, PastedTwice}
}

// Repair says one thing that was removed from a paste or changed back in it.
type Repair struct {
	Code   string `json:"code"`
	Detail string `json:"detail"` // plain words with the count: "17 line breaks removed."
}

// repairSet holds RepairCodes as bits, in the order of Repairs.
type repairSet uint32

var repairOrder = Repairs()

func setOf(code RepairCode) repairSet { return 1 << slices.Index(repairOrder, code) }

// tally counts repairs.
type tally map[RepairCode]int

// cells counts what each cell stands for.
func (t tally) cells(cells []cell) {
	for _, c := range cells {
		for set := c.repairs; set != 0; set &= set - 1 {
			t[repairOrder[bits.TrailingZeros32(uint32(set))]]++
		}
	}
}

// list returns the repairs in their order, never nil.
func (t tally) list() []Repair {
	repairs := []Repair{}
	for _, code := range repairOrder {
		if n := t[code]; n > 0 {
			repairs = append(repairs, Repair{string(code), detail(code, n)})
		}
	}
	return repairs
}

// details says each repair in plain words: once, and more often.
var details = map[RepairCode][2]string{
	Spaces:              {"1 space removed.", "%d spaces removed."},
	LineBreaks:          {"1 line break removed.", "%d line breaks removed."},
	QuoteMarks:          {"1 mail quote mark removed.", "%d mail quote marks removed."},
	InvisibleCharacters: {"1 invisible character removed.", "%d invisible characters removed."},
	ByteOrderMark:       {"1 byte order mark removed.", "%d byte order marks removed."},
	SoftHyphens:         {"1 soft hyphen removed.", "%d soft hyphens removed."},
	ControlCharacters:   {"1 control character removed.", "%d control characters removed."},
	QuotedPrintable:     {"1 mail encoding mark (=) decoded.", "%d mail encoding marks (=) decoded."},
	HTMLTags:            {"1 HTML tag removed.", "%d HTML tags removed."},
	HTMLEntities:        {"1 HTML character code decoded.", "%d HTML character codes decoded."},
	Escapes:             {"1 backslash removed.", "%d backslashes removed."},
	FullWidth:           {"1 full-width character changed back.", "%d full-width characters changed back."},
	Dashes:              {"1 typographic dash changed back.", "%d typographic dashes changed back."},
	FirstLetter:         {"1 capital E changed back to a small e.", "%d capital E changed back to a small e."},
	Padding:             {"1 padding character (=) removed.", "%d padding characters (=) removed."},
	CodeFence:           {"1 code block mark removed.", "%d code block marks removed."},
	Quotes:              {"1 quotation mark removed.", "%d quotation marks removed."},
	Brackets:            {"1 bracket removed.", "%d brackets removed."},
	Label:               {"The label before the license removed.", "%d labels before the license removed."},
	JSONField:           {"The license taken out of its JSON field.", "The license taken out of %d JSON fields."},
	TrailingPeriod:      {"The period after the end removed.", "%d periods after the end removed."},
	SurroundingText:     {"1 word around the license removed.", "%d words around the license removed."},
	PastedTwice:         {"1 further copy of the same license removed.", "%d further copies of the same license removed."},
}

func detail(code RepairCode, n int) string {
	if n == 1 {
		return details[code][0]
	}
	return fmt.Sprintf(details[code][1], n)
}
