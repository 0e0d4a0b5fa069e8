package licensekey

import (
	"fmt"
)

// Cause is why a text is not a whole license. Causes are append-only.
type Cause string

// The causes. NotExact is for Verify alone: the text is not exactly a license key; Read may still find one in it.
const (
	Empty        Cause = "empty"
	TooLong      Cause = "too_long"
	NotALicense  Cause = "not_a_license"
	StartMissing Cause = "start_missing"
	EndMissing   Cause = "end_missing"
	ExtraEnd     Cause = "extra_characters"
	Foreign      Cause = "foreign_character"
	CaseChanged  Cause = "case_changed"
	TwoLicenses  Cause = "two_licenses"
	Misshapen    Cause = "misshapen"
	DashesLost   Cause = "dashes_unclear"
	BadContent   Cause = "content"
	NotExact     Cause = "not_exact"
)

// Causes lists every Cause, in the order above. Tests range over it.
func Causes() []Cause {
	return []Cause{Empty, TooLong, NotALicense, StartMissing, EndMissing, ExtraEnd, Foreign, CaseChanged, TwoLicenses,
		Misshapen, DashesLost, BadContent, NotExact}
}

// Damage is the error for a text that is not a whole license.
type Damage struct {
	Cause     Cause
	Size      int    // TooLong: bytes of the paste
	Character string // Foreign: the character that no license has
}

func (d *Damage) Error() string { return string(d.Cause) + ": " + d.Sentence() }

// Sentence says in plain words what is wrong with the text.
func (d *Damage) Sentence() string {
	switch d.Cause {
	case Empty:
		return "There is no text."
	case TooLong:
		return fmt.Sprintf("The text has %d KB; a license has about 500 characters.", (d.Size+1023)/1024)
	case NotALicense:
		return "There is no QMS license in this text. A license starts with eyJ and has about 500 characters."
	case StartMissing:
		return "Its beginning is missing."
	case EndMissing:
		return "Its end is missing."
	case ExtraEnd:
		return "There are characters directly after its end that do not belong to it."
	case Foreign:
		return fmt.Sprintf("It contains the character %q, which no license contains.", d.Character)
	case CaseChanged:
		return "Its letters were turned into all capital or all small letters. Both kinds matter in a license."
	case TwoLicenses:
		return "There is more than one license in this text, and they are different."
	case Misshapen:
		return "A license has three parts with a period between them; here a period was added or is missing."
	case DashesLost:
		return "Its dashes were turned into typographic dashes, and too many of them to tell what they were."
	case BadContent:
		return "Its signature is genuine, but what it says breaks the rules of a license."
	}
	return "The text is not exactly a license: something was added, removed or broken into lines."
}

// The vendor's advice for a text that was damaged on its way.
const notepad = "Paste it into Notepad and copy it from there, or use the .lic file."

// Remedy says what to do now.
func (d *Damage) Remedy() string {
	switch d.Cause {
	case Empty:
		return "Copy the license from the first character to the last and paste it, or use the .lic file."
	case StartMissing, EndMissing, ExtraEnd, TooLong, NotALicense, NotExact:
		return "Copy it again from the first character to the last. " + notepad
	case TwoLicenses:
		return "Copy only the license for this server: its Server Token finds the current one. " + notepad
	case BadContent:
		return "Do not load it. Contact support and send the Server Token."
	}
	return "Copy it again from where it came from, not from a program that changes text. " + notepad
}
