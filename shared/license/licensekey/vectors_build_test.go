package licensekey_test

import (
	"crypto/elliptic"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/verdict"
)

// builder writes the vectors with expectations that are stated here, never taken from the code under test.
type builder struct {
	t       testing.TB
	keys    testKeys
	vectors []vector
}

func buildVectors(t testing.TB, keys testKeys) []vector {
	b := &builder{t: t, keys: keys}
	b.exact()
	b.spacing()
	b.mail()
	b.wrappings()
	b.markup()
	b.dashes()
	b.incomplete()
	b.changed()
	b.manyLicenses()
	b.forged()
	b.content()
	b.circumstances()
	return b.vectors
}

func (b *builder) add(v vector) {
	if v.Now == "" {
		v.Now = "2026-11-23T10:00:00Z"
	}
	if v.Problems == nil {
		v.Problems = []verdict.ProblemCode{}
	}
	if v.Repairs == nil {
		v.Repairs = []string{}
	}
	v.Loads = len(v.Problems) == 0
	b.vectors = append(b.vectors, v)
}

// loads adds a paste of which this text remains.
func (b *builder) loads(name, paste, text string, c licensekey.Claims, repairs ...string) {
	b.add(vector{Name: name, Paste: paste, Text: text, License: verdict.ViewOf(c), Repairs: repairs})
}

// cleans adds a paste of the subscription.
func (b *builder) cleans(name, paste string, repairs ...string) {
	b.loads(name, paste, b.sub(), subscription(b.t), repairs...)
}

func (b *builder) damaged(name, paste string, cause licensekey.Cause, repairs ...string) {
	b.add(vector{Name: name, Paste: paste, Cause: cause, Problems: []verdict.ProblemCode{verdict.DamagedCode}, Repairs: repairs})
}

func (b *builder) invalid(name, paste string, repairs ...string) {
	b.add(vector{Name: name, Paste: paste, Problems: []verdict.ProblemCode{verdict.SignatureInvalidCode}, Repairs: repairs})
}

func (b *builder) sub() string { return b.keys.issue(b.t, "sold-2026-1", subscription(b.t)) }

// wrap breaks a text into lines of the given width.
func wrap(text string, width int, newline string) string {
	var lines []string
	for ; len(text) > width; text = text[width:] {
		lines = append(lines, text[:width])
	}
	return strings.Join(append(lines, text), newline)
}

func (b *builder) exact() {
	issue := func(name, kid string, c licensekey.Claims) {
		text := b.keys.issue(b.t, kid, c)
		b.loads(name, text, text, c)
	}
	issue("subscription", "sold-2026-1", subscription(b.t))
	issue("permanent", "sold-2026-1", permanent(b.t))
	issue("temporary", "temporary-2026-1", temporary(b.t))
	issue("signed with a standby key that was promoted", "sold-2026-2", permanent(b.t))
	issue("temporary, signed with the other key", "temporary-2026-2", temporary(b.t))
	c := permanent(b.t)
	c.ServerToken, c.Seats, c.Suite, c.Sequence = "A1-B2-C3", license.Seats{CallRecording: 1}, 0, 1
	issue("shortest Server Token, one seat", "sold-2026-1", c)
	c.ServerToken = license.ServerToken(strings.Repeat("ABCDEF-9", 16))
	c.Seats, c.Suite = license.Seats{CallRecording: 100000, ComputerRecording: 100000, AgentEvaluation: 100000}, 100000
	issue("longest Server Token, most seats", "sold-2026-1", c)

	text := b.sub()
	dot := strings.LastIndex(text, ".")
	raw, _ := base64url.DecodeString(text[dot+1:])
	s := new(big.Int).SetBytes(raw[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(raw[32:])
	other := licensekey.Join([]byte(text[:dot]), [64]byte(raw))
	b.loads("the same license with n-s for s: another text, as genuine", other, other, subscription(b.t))
}

func (b *builder) spacing() {
	text := b.sub()
	b.cleans("spaces before and after", "   "+text+"  ", "spaces")
	b.cleans("spaces inside", wrap(text, 20, " "), "spaces")
	b.cleans("tabs", "\t"+wrap(text, 100, "\t")+"\t", "spaces")
	b.cleans("wrapped at 64, LF", wrap(text, 64, "\n")+"\n", "line_breaks")
	b.cleans("wrapped at 76, CRLF", wrap(text, 76, "\r\n")+"\r\n", "line_breaks")
	b.cleans("one character a line", wrap(text, 1, "\n"), "line_breaks")
	b.cleans("indented lines", "    "+wrap(text, 60, "\n    "), "spaces", "line_breaks")
	b.cleans("blank lines inside", wrap(text, 200, "\r\n\r\n"), "line_breaks")
	b.cleans("Unicode line and paragraph separators", wrap(text, 150, "\u2028")+"\u2029", "line_breaks")
	b.cleans("no-break spaces", "\u00a0"+wrap(text, 90, "\u00a0"), "spaces")
	b.cleans("every width of Unicode space", wrap(text, 70, "\u2003\u2009\u202f\u3000"), "spaces")
	b.cleans("zero-width spaces and joiners", wrap(text, 50, "\u200b\u200d\u2060"), "invisible_characters")
	b.cleans("bidirectional marks", "\u202a\u200e"+text+"\u202c", "invisible_characters")
	b.cleans("byte order mark", "\ufeff"+text, "byte_order_mark")
	b.cleans("soft hyphens", wrap(text, 40, "\u00ad"), "soft_hyphens")
	b.cleans("control characters", "\x02"+wrap(text, 120, "\x00")+"\x1a", "control_characters")
}

func (b *builder) mail() {
	text := b.sub()
	b.cleans("quoted in a mail", "> "+wrap(text, 70, "\r\n> "), "spaces", "line_breaks", "quote_marks")
	b.cleans("quoted three times", ">>> "+wrap(text, 70, "\n>>> "), "spaces", "line_breaks", "quote_marks")
	b.cleans("quoted with bars", "| "+wrap(text, 70, "\n| "), "spaces", "line_breaks", "quote_marks")
	b.cleans("quoted-printable soft breaks", wrap(text, 75, "=\r\n"), "quoted_printable")
	b.cleans("quoted-printable, quoted again", "> "+wrap(text, 72, "=\n> "), "spaces", "quote_marks", "quoted_printable")
	b.cleans("quoted-printable no-break spaces", wrap(text, 100, "=C2=A0"), "spaces", "quoted_printable")
	b.cleans("quoted-printable padding", text+"=3D=3D", "quoted_printable", "padding")
	b.cleans("a mail with greeting and signature",
		"Dear Ana,\r\n\r\nhere is the license for your server.\r\n\r\n"+wrap(text, 76, "\r\n")+"\r\n\r\nBest regards\r\nTom Weber\r\n-- \r\nExample Ltd.\r\n",
		"line_breaks", "surrounding_text")
	b.cleans("a sentence around it", "Load "+text+" and restart QMS.", "spaces", "surrounding_text")
	b.cleans("a reply: the license and once more, quoted", text+"\n\nOn Monday Tom wrote:\n> "+wrap(text, 70, "\n> ")+"\n", "line_breaks", "pasted_twice")
	b.cleans("pasted twice", text+"\n"+text, "pasted_twice")
	b.cleans("pasted twice without anything between", text+text, "pasted_twice")
	b.cleans("pasted three times, wrapped", wrap(text+"\n"+text+"\n"+text, 64, "\n"), "line_breaks", "pasted_twice")
}

func (b *builder) wrappings() {
	text := b.sub()
	b.cleans("straight quotes", `"`+text+`"`, "quotes")
	b.cleans("single quotes", "'"+text+"'", "quotes")
	b.cleans("typographic quotes", "“"+text+"”", "quotes")
	b.cleans("guillemets", "«\u00a0"+text+"\u00a0»", "spaces", "quotes")
	b.cleans("backticks", "`"+text+"`", "quotes")
	b.cleans("angle brackets", "<"+text+">", "brackets")
	b.cleans("angle brackets, wrapped", "<"+wrap(text, 64, "\n")+">", "line_breaks", "brackets")
	b.cleans("round brackets and a period", "("+text+").", "brackets", "trailing_period")
	b.cleans("square brackets", "["+text+"]", "brackets")
	b.cleans("code fence", "```\n"+text+"\n```", "line_breaks", "code_fence")
	b.cleans("code fence with a language", "```text\n"+text+"\n```\n", "line_breaks", "code_fence")
	b.cleans("label License:", "License: "+text, "spaces", "label")
	b.cleans("label License key, no space", "license key:"+text, "label")
	b.cleans("label with an equals sign and quotes", `LICENSE_KEY = "`+text+`"`, "spaces", "quotes", "surrounding_text")
	b.cleans("label on a line of its own in a mail", "Hello,\nYour license:\n"+text, "line_breaks", "label", "surrounding_text")
	b.cleans("trailing period", text+".", "trailing_period")
	b.cleans("padding after each part", strings.Join(strings.Split(text, "."), "=.")+"==", "padding")
	b.cleans("one JSON field", `{"licenseKey":"`+text+`"}`, "json_field")
	b.cleans("one JSON field, spread out", "{\n  \"licenseKey\": \""+text+"\"\n}\n", "spaces", "line_breaks", "json_field")
	b.cleans("a whole answer in JSON", `{"license":{"type":"subscription","licenseKey":"`+text+`"}}`, "json_field", "surrounding_text")
	b.cleans("JSON with escaped line breaks", `"`+wrap(text, 76, `\r\n`)+`"`, "escapes", "quotes")
	b.cleans("full-width letters", fullWidth(text), "full_width")
	b.cleans("first letter capitalized", "E"+text[1:], "first_letter")
	b.cleans("first letter of both parts capitalized", strings.ReplaceAll("E"+text[1:], ".eyJ", ". EyJ"), "spaces", "first_letter")
}

func fullWidth(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' {
			return r
		}
		return r - '!' + 0xFF01
	}, text)
}

func (b *builder) markup() {
	text := b.sub()
	b.cleans("HTML line breaks", wrap(text, 76, "<br>\n"), "line_breaks", "html_tags")
	b.cleans("HTML paragraph", "<p style=\"margin:0\">"+wrap(text, 80, "<wbr>")+"</p>", "html_tags")
	b.cleans("HTML document", "<html><body><div>License:&nbsp;<b>"+text+"</b></div></body></html>", "spaces", "html_tags", "html_entities", "label")
	b.cleans("HTML entities", wrap(text, 100, "&shy;")+"&nbsp;", "spaces", "soft_hyphens", "html_entities")
	b.cleans("HTML numeric entities", strings.ReplaceAll(text, ".", "&#46;")+"&#x200B;", "invisible_characters", "html_entities")
	b.cleans("HTML-encoded quoting", "&gt; "+wrap(text, 76, "<br>&gt; "), "spaces", "quote_marks", "html_tags", "html_entities")
	b.cleans("XML element", "<License>"+text+"</License>", "html_tags")
	b.cleans("Markdown escapes", strings.ReplaceAll(text, ".", `\.`), "escapes")
	b.cleans("bold in Markdown", "**"+text+"**", "quotes")
}

// signedWith searches a sequence number whose signature is of the wanted kind.
func (b *builder) signedWith(want func(signature string) bool) (licensekey.Claims, string) {
	c := permanent(b.t)
	for {
		text := b.keys.issue(b.t, "sold-2026-1", c)
		if want(text[strings.LastIndex(text, ".")+1:]) {
			return c, text
		}
		c.Sequence++
	}
}

func (b *builder) dashes() {
	single, text := b.signedWith(func(s string) bool { return strings.Count(s, "-") == 2 && !strings.Contains(s, "--") })
	for _, dash := range []rune{0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE58} {
		b.loads(fmt.Sprintf("dashes turned into U+%04X", dash), strings.ReplaceAll(text, "-", string(dash)), text, single, "dashes")
	}
	double, text := b.signedWith(func(s string) bool { return strings.Count(s, "--") == 1 && strings.Count(s, "-") == 2 })
	b.loads("Word joined two dashes into one", strings.ReplaceAll(text, "--", "—"), text, double, "dashes")
	mixed, text := b.signedWith(func(s string) bool {
		return strings.Count(s, "--") == 1 && strings.Count(s, "-") == 4 && !strings.Contains(s, "---")
	})
	paste := strings.ReplaceAll(strings.ReplaceAll(text, "--", "–"), "-", "–")
	b.loads("one of three dashes was two: the signature decides", paste, text, mixed, "dashes")
	b.loads("the same, wrapped and quoted", "> "+wrapRunes(paste, 60, "\n> "), text, mixed, "spaces", "line_breaks", "quote_marks", "dashes")
	dot := strings.LastIndex(text, ".")
	b.damaged("seven dashes, two of them double: 21 readings", text[:dot+1]+strings.Repeat("–AAAAAAAA", 7)+text[dot+66:], licensekey.DashesLost, "dashes")
	b.invalid("two dashes, one of them double, none genuine", text[:dot+1]+strings.Repeat("–AAAAAAAA", 2)+text[dot+20:], "dashes")
	_, text = b.signedWith(func(s string) bool { return strings.Count(s, "-") == 1 && s[50] == 'A' })
	dot = strings.LastIndex(text, ".")
	broken := text[:dot+51] + "B" + text[dot+52:]
	b.invalid("a dash turned, and a letter changed", strings.ReplaceAll(broken, "-", "—"), "dashes")
}

func wrapRunes(text string, width int, newline string) string {
	var out strings.Builder
	for i, r := range []rune(text) {
		if i > 0 && i%width == 0 {
			out.WriteString(newline)
		}
		out.WriteRune(r)
	}
	return out.String()
}
