package licensekey_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/verdict"
)

func (b *builder) incomplete() {
	text := b.sub()
	dot1, dot2 := strings.Index(text, "."), strings.LastIndex(text, ".")
	b.damaged("nothing", "", licensekey.Empty)
	b.damaged("nothing but white space", " \r\n\u00a0\u200b", licensekey.Empty)
	b.damaged("a sentence", "Please find the license attached.", licensekey.NotALicense)
	b.damaged("a Server Token", "QMSA-7K2P-9XWD-H4TN-8KQ2", licensekey.NotALicense)
	b.damaged("the last character missing", text[:len(text)-1], licensekey.EndMissing)
	b.damaged("half of the signature missing", text[:dot2+43], licensekey.EndMissing)
	b.damaged("the signature missing", text[:dot2+1], licensekey.EndMissing)
	b.damaged("cut in the middle", text[:dot1+120], licensekey.EndMissing)
	b.damaged("the first line alone", text[:64], licensekey.EndMissing)
	b.damaged("cut, and the mail goes on", wrap(text[:dot2+70], 76, "\n")+"\n\nBest regards\nTom Weber", licensekey.EndMissing, "spaces", "line_breaks")
	b.damaged("cut in quotes", `"`+text[:300]+`"`, licensekey.EndMissing)
	b.damaged("the first character missing", text[1:], licensekey.StartMissing)
	b.damaged("the first twenty characters missing", text[20:], licensekey.StartMissing)
	b.damaged("the first part missing", text[dot1+1:], licensekey.StartMissing)
	b.damaged("the first line missing", wrap(text, 64, "\n")[65:], licensekey.StartMissing, "line_breaks")
	b.damaged("only the second half", text[dot2-150:], licensekey.StartMissing)
	b.add(vector{Name: "a text of more than 64 KB", Paste: "eyJhbGciOiJFUzI1NiIsImtpZCI6 ", Repeat: 2400,
		Cause: licensekey.TooLong, Problems: []verdict.ProblemCode{verdict.DamagedCode}})
}

func (b *builder) changed() {
	text := b.sub()
	dot1, dot2 := strings.Index(text, "."), strings.LastIndex(text, ".")
	swap := func(i int) string {
		letter := "x"
		if text[i] == 'x' {
			letter = "y"
		}
		return text[:i] + letter + text[i+1:]
	}
	b.invalid("one letter changed in the header", swap(12))
	b.invalid("the very first letter changed", swap(0))
	b.invalid("one letter changed in the payload", swap(dot1+200))
	b.invalid("the first letter of the payload changed", swap(dot1+1))
	b.invalid("one letter changed in the signature", swap(dot2+30))
	b.invalid("one letter changed, wrapped", wrap(swap(dot1+90), 64, "\n"), "line_breaks")
	b.invalid("the last letter changed to one with spare bits", text[:len(text)-1]+string(next(text[len(text)-1])))
	b.invalid("a letter left out of the payload", text[:dot1+100]+text[dot1+101:])
	b.invalid("a letter added to the payload", text[:dot1+100]+"A"+text[dot1+100:])
	b.damaged("a letter added to the signature", text+"A", licensekey.ExtraEnd)
	b.damaged("a word sticks to the end", text+"Regards", licensekey.ExtraEnd)
	b.damaged("all small letters", strings.ToLower(text), licensekey.CaseChanged)
	b.damaged("all capital letters", strings.ToUpper(text), licensekey.CaseChanged)
	b.damaged("all small letters, quoted", "> "+wrap(strings.ToLower(text), 70, "\n> "), licensekey.CaseChanged, "spaces", "line_breaks", "quote_marks")
	b.damaged("a percent sign in the payload", text[:dot1+150]+"%"+text[dot1+150:], licensekey.Foreign)
	b.damaged("a question mark for a letter of the signature", text[:dot2+20]+"?"+text[dot2+21:], licensekey.Foreign)
	b.damaged("a replacement character in the header", text[:9]+"\ufffd"+text[10:], licensekey.Foreign)
	b.damaged("a period missing", text[:dot2]+text[dot2+1:], licensekey.Misshapen)
	b.damaged("the first period missing", text[:dot1]+text[dot1+1:], licensekey.Misshapen)
	b.damaged("a period added", text[:dot1+160]+"."+text[dot1+160:], licensekey.Misshapen)
	b.damaged("a fourth part", text+".eyJhbGciOiJ", licensekey.ExtraEnd)
}

// next returns a letter whose value is one higher, so that spare bits are set.
func elliptic256Order() []byte { return elliptic.P256().Params().N.Bytes() }

func next(letter byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, letter)+1]
}

func (b *builder) manyLicenses() {
	text, other := b.sub(), b.keys.issue(b.t, "sold-2026-1", permanent(b.t))
	b.damaged("two different licenses", text+"\n"+other, licensekey.TwoLicenses)
	b.damaged("two different licenses without anything between", text+other, licensekey.TwoLicenses)
	b.damaged("a list of three licenses, two of them the same", text+"\n"+text+"\n"+other, licensekey.TwoLicenses)
	b.damaged("a license and the beginning of another", text+"\n"+other[:200], licensekey.TwoLicenses)
	b.damaged("a piece without a beginning, then a license", other[90:300]+"\n"+text, licensekey.TwoLicenses)
	b.damaged("a license, then another in lower case", text+"\n"+strings.ToLower(other), licensekey.TwoLicenses)
	b.damaged("another license in upper case, then a license", strings.ToUpper(other)+"\n"+text, licensekey.TwoLicenses)
	b.damaged("another license with both beginnings broken, then a license", strings.ReplaceAll(other, "eyJ", "e#J")+"\n"+text, licensekey.TwoLicenses)
	b.cleans("a license, then a piece of the same one", text+"\n"+text[90:300], "line_breaks", "surrounding_text")
	b.cleans("a license, then a long word", text+"\n"+strings.Repeat("tracking", 12), "line_breaks", "surrounding_text")
	i := strings.LastIndex(text, ".") + 40
	b.damaged("a license and a copy with one letter changed", text+"\n"+text[:i]+string(next(text[i]))+text[i+1:], licensekey.TwoLicenses)
}

func (b *builder) forged() {
	text := b.sub()
	payload := payloadOf(b.t, text)
	dot2 := strings.LastIndex(text, ".")
	b.damaged("a token of another system (HS256)",
		"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."+base64url.EncodeToString([]byte(`{"sub":"1234567890","name":"John Doe","iat":1516239022}`))+".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c", licensekey.NotALicense)
	b.damaged("a token of another system (ES256)",
		b.keys.forge(b.t, "sold-2026-1", `{"alg":"ES256","kid":"sold-2026-1","typ":"JWT","x":"0000000"}`, `{"iss":"https://example.com","aud":"`+strings.Repeat("a", 200)+`"}`), licensekey.NotALicense)
	b.invalid("alg none", base64url.EncodeToString([]byte(`{"alg":"none","kid":"sold-2026-1","typ":"qms-license+jwt"}`))+text[strings.Index(text, "."):])
	b.invalid("alg HS256", b.keys.forge(b.t, "sold-2026-1", strings.Replace(headerOf("sold-2026-1"), "ES256", "HS256", 1), payload))
	b.invalid("header with another member", b.keys.forge(b.t, "sold-2026-1", strings.Replace(headerOf("sold-2026-1"), `,"typ"`, `,"a":1,"typ"`, 1), payload))
	b.invalid("header with white space", b.keys.forge(b.t, "sold-2026-1", strings.Replace(headerOf("sold-2026-1"), `,"typ"`, `, "typ"`, 1), payload))
	b.damaged("header in another order", b.keys.forge(b.t, "sold-2026-1", `{"alg":"ES256","typ":"qms-license+jwt","kid":"sold-2026-1"}`, payload), licensekey.NotALicense)
	b.invalid("signed with another key than it names", b.keys.forge(b.t, "temporary-2026-1", headerOf("sold-2026-1"), payload))
	zero, n := make([]byte, 32), elliptic256Order()
	raw, _ := base64url.DecodeString(text[dot2+1:])
	signature := func(r, s []byte) string {
		return text[:dot2+1] + base64url.EncodeToString(append(append([]byte{}, r...), s...))
	}
	b.invalid("r is 0", signature(zero, raw[32:]))
	b.invalid("s is 0", signature(raw[:32], zero))
	b.invalid("r is n", signature(n, raw[32:]))
	b.invalid("s is n", signature(raw[:32], n))
	b.invalid("all of the signature is 0", signature(zero, zero))
	b.damaged("signature in DER instead of r and s", text[:dot2+1]+base64.RawURLEncoding.EncodeToString(append([]byte{0x30, 0x44, 2, 32}, append(raw[:32:32], append([]byte{2, 32}, raw[32:]...)...)...)), licensekey.ExtraEnd)
	unknown := b.keys.forge(b.t, "sold-2026-1", headerOf("sold-2031-1"), payload)
	b.add(vector{Name: "unknown key", Paste: unknown, Text: unknown, Problems: []verdict.ProblemCode{verdict.UnknownKeyCode}})
	b.add(vector{Name: "unknown key, quoted, for another server", Paste: `"` + unknown + `"`, Text: unknown, ServerToken: "OTHER-SERVER-1",
		Problems: []verdict.ProblemCode{verdict.UnknownKeyCode}, Repairs: []string{"quotes"}})
}

func (b *builder) content() {
	replace := func(name, old, new string) {
		payload := payloadOf(b.t, b.sub())
		if !strings.Contains(payload, old) {
			b.t.Fatalf("%s: no %s in %s", name, old, payload)
		}
		text := b.keys.forge(b.t, "sold-2026-1", headerOf("sold-2026-1"), strings.Replace(payload, old, new, 1))
		b.damaged("genuine signature: "+name, text, licensekey.BadContent)
	}
	replace("unknown member", `,"seq":3`, `,"seq":3,"customer":"x"`)
	replace("repeated member", `,"seq":3`, `,"seq":3,"seq":3`)
	replace("another order", `,"suite":10,"seq":3`, `,"seq":3,"suite":10`)
	replace("white space", `,"seq"`, `, "seq"`)
	replace("something after the end", `"seq":3}`, `"seq":3} `)
	replace("another issuer", `qms-licensing`, `qms-licencing`)
	replace("id in capital letters", `3f0a9c1e`, `3F0A9C1E`)
	replace("Server Token in small letters", `QMSA-`, `qmsa-`)
	replace("Server Token too short", `QMSA-7K2P-9XWD-H4TN-8KQ2`, `QMSA-7K`)
	replace("a leading zero", `"callRecording":50`, `"callRecording":050`)
	replace("an exponent", `"callRecording":50`, `"callRecording":5e1`)
	replace("a fraction", `"seq":3`, `"seq":3.0`)
	replace("a number as text", `"seq":3`, `"seq":"3"`)
	replace("an escaped character", `subscription`, `s\u0075bscription`)
	replace("exp and expiresOn differ", `2027-11-30`, `2027-11-29`)
	replace("a day that does not exist", `2027-11-30`, `2027-11-31`)
	replace("exp missing", `,"exp":1827662400`, ``)
	replace("permanent with exp", `subscription`, `permanent`)
	replace("unknown type", `subscription`, `demo`)
	replace("more Computer Recording than Call Recording", `"computerRecording":25`, `"computerRecording":51`)
	replace("more seats than possible", `"callRecording":50`, `"callRecording":100001`)
	replace("more QMS Suite than seats", `"suite":10`, `"suite":11`)
	replace("negative QMS Suite", `"suite":10`, `"suite":-1`)
	replace("sequence 0", `"seq":3`, `"seq":0`)
}

func (b *builder) circumstances() {
	sub, per := b.sub(), b.keys.issue(b.t, "sold-2026-1", permanent(b.t))
	tmp := b.keys.issue(b.t, "temporary-2026-1", temporary(b.t))
	with := func(name, text string, c licensekey.Claims, change func(*vector), problems ...verdict.ProblemCode) {
		v := vector{Name: name, Paste: text, Text: text, License: verdict.ViewOf(c), Problems: problems}
		change(&v)
		b.add(v)
	}
	at := func(now string) func(*vector) { return func(v *vector) { v.Now = now } }
	users := func(call, computer, agent int) func(*vector) {
		return func(v *vector) {
			v.Assigned = &license.Seats{CallRecording: call, ComputerRecording: computer, AgentEvaluation: agent}
		}
	}
	s, p, m := subscription(b.t), permanent(b.t), temporary(b.t)
	with("the last second of a subscription", sub, s, at("2027-12-01T11:59:59Z"))
	with("a subscription has ended", sub, s, at("2027-12-01T12:00:00Z"), verdict.ExpiredCode)
	with("a temporary license has ended", tmp, m, at("2027-01-05T08:00:00Z"), verdict.ExpiredCode)
	with("a permanent license in the year 2999", per, p, at("2999-12-31T23:59:59Z"))
	with("before it was signed, by a wrong clock", sub, s, at("2001-01-01T00:00:00Z"))
	with("for this server", sub, s, func(v *vector) { v.ServerToken = s.ServerToken })
	with("for another server", sub, s, func(v *vector) { v.ServerToken = "QMSA-7K2P-9XWD-H4TN-RC53" }, verdict.ServerTokenMismatchCode)
	with("as many users as seats", sub, s, users(50, 25, 10))
	with("12 users too many for Call Recording", sub, s, users(62, 25, 8), verdict.TooManyUsersCode)
	with("one user too many for every module", sub, s, users(51, 26, 11), verdict.TooManyUsersCode)
	with("all three problems of a genuine license", sub, s, func(v *vector) {
		v.ServerToken, v.Now = "QMSA-7K2P-9XWD-H4TN-RC53", "2028-01-01T00:00:00Z"
		users(62, 25, 8)(v)
	}, verdict.ServerTokenMismatchCode, verdict.ExpiredCode, verdict.TooManyUsersCode)
	for _, wrong := range []struct {
		name, kid string
		claims    licensekey.Claims
	}{{"a temporary key signed a permanent license", "temporary-2026-1", p}, {"a temporary key signed a subscription", "temporary-2026-2", s},
		{"a sold key signed a temporary license", "sold-2026-1", m}} {
		text := b.keys.issue(b.t, wrong.kid, wrong.claims)
		b.add(vector{Name: wrong.name, Paste: text, Text: text, Problems: []verdict.ProblemCode{verdict.KeyNotForTypeCode}})
	}
	text := b.keys.issue(b.t, "temporary-2026-1", s)
	b.add(vector{Name: "the key is not for the type, and all else is wrong too", Paste: text, Text: text, Now: "2028-01-01T00:00:00Z",
		ServerToken: "OTHER-SERVER-1", Assigned: &license.Seats{CallRecording: 51},
		Problems: []verdict.ProblemCode{verdict.KeyNotForTypeCode, verdict.ServerTokenMismatchCode, verdict.ExpiredCode, verdict.TooManyUsersCode}})
}
