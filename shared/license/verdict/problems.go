package verdict

import (
	"fmt"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

// ProblemCode names one reason why a license does not load or is not valid. Codes are append-only.
type ProblemCode string

// The codes. All but the last two block loading.
const (
	DamagedCode             ProblemCode = "damaged"
	SignatureInvalidCode    ProblemCode = "signature_invalid"
	UnknownKeyCode          ProblemCode = "unknown_key"
	KeyNotForTypeCode       ProblemCode = "key_not_for_type"
	ServerTokenMismatchCode ProblemCode = "server_token_mismatch"
	ExpiredCode             ProblemCode = "expired"
	TooManyUsersCode        ProblemCode = "too_many_users"
	RevokedCode             ProblemCode = "revoked"
	SupersededCode          ProblemCode = "superseded"
)

// Codes lists every ProblemCode, the most decisive first. Tests range over it.
func Codes() []ProblemCode {
	return []ProblemCode{DamagedCode, SignatureInvalidCode, UnknownKeyCode, KeyNotForTypeCode, ServerTokenMismatchCode,
		ExpiredCode, TooManyUsersCode, RevokedCode, SupersededCode}
}

// Problem is one reason, in plain words: Title and Detail say what is and why, Remedy what to do now. Params carry the
// facts in them for programs.
type Problem struct {
	Code          ProblemCode    `json:"code"`
	BlocksLoading bool           `json:"blocksLoading"`
	Title         string         `json:"title"`
	Detail        string         `json:"detail"`
	Remedy        string         `json:"remedy"`
	Params        map[string]any `json:"params"`
}

// ModuleCount compares the seats of one module with its users, a param of too_many_users.
type ModuleCount struct {
	Licensed int `json:"licensed"`
	Assigned int `json:"assigned"`
	Excess   int `json:"excess"`
}

const (
	doNotLoad  = "Do not load it. Contact support and send the Server Token."
	keepsGoing = "A copy already loaded keeps working offline."
)

func damaged(d *licensekey.Damage) *Problem {
	params := map[string]any{"cause": d.Cause}
	title := "This is not a whole license"
	switch d.Cause {
	case licensekey.Empty:
		title = "There is no license"
	case licensekey.NotALicense, licensekey.TooLong:
		title = "This is not a license"
	case licensekey.TwoLicenses:
		title = "This is more than one license"
	case licensekey.CaseChanged, licensekey.DashesLost:
		title = "This license was changed on its way"
	case licensekey.Foreign:
		title = "This license was changed on its way"
		params["character"] = d.Character
	case licensekey.BadContent:
		title = "This license breaks the rules of a license"
	}
	return &Problem{DamagedCode, true, title, d.Sentence(), d.Remedy(), params}
}

func signatureInvalid() *Problem {
	return &Problem{SignatureInvalidCode, true, "A character was changed",
		"The text is not what was issued: at least one character was changed, added or left out, so QMS will refuse it.",
		"Get the license again by its Server Token. If you copy it from a mail, paste it into Notepad and copy it from there, or use the .lic file.",
		map[string]any{}}
}

func unknownKey(keyID string) *Problem {
	return &Problem{UnknownKeyCode, true, "It is signed with an unknown key",
		fmt.Sprintf("It names the signing key %s, and there is no such key.", keyID), doNotLoad,
		map[string]any{"keyId": keyID}}
}

func keyNotForType(keyID string, t license.Type) *Problem {
	return &Problem{KeyNotForTypeCode, true, "It is signed with a key that does not belong to it",
		fmt.Sprintf("The signing key %s is not for %s licenses.", keyID, t), doNotLoad,
		map[string]any{"keyId": keyID, "type": t}}
}

func serverTokenMismatch(c licensekey.Claims, token license.ServerToken) *Problem {
	if token == "" || token == c.ServerToken {
		return nil
	}
	return &Problem{ServerTokenMismatchCode, true, "It was made for another server",
		fmt.Sprintf("It was made for Server Token %s; your server has %s. A change to a property of a network card can change the Server Token.", c.ServerToken, token),
		fmt.Sprintf("Undo the last change to the network card's properties, then start QMS again. If that fails, contact Enghouse Interactive Support and send the Server Token %s.", token),
		map[string]any{"licenseServerToken": c.ServerToken, "serverToken": token}}
}

func expired(c licensekey.Claims, now time.Time) *Problem {
	if c.ExpiresAt == 0 || now.Unix() < c.ExpiresAt {
		return nil
	}
	remedy := "Ask your QMS contact to renew it."
	if c.Type == license.Temporary {
		remedy = "Ask your QMS contact for a new license."
	}
	ended := time.Unix(c.ExpiresAt, 0)
	return &Problem{ExpiredCode, true, "It ended on " + c.ExpiresOn.Words(),
		fmt.Sprintf("It is a %s license. Its last day was %s; it stopped working everywhere on %s.", c.Type, c.ExpiresOn.Words(), license.InstantWords(ended)), remedy,
		map[string]any{"expiresOn": c.ExpiresOn, "expiredAt": ended.UTC().Format(time.RFC3339), "type": c.Type, "daysAgo": c.ExpiresOn.DaysUntil(license.Today(now))}}
}

// TooManyUsers returns the problem of a license with fewer seats than users assigned in QMS, or nil.
func TooManyUsers(seats, assigned license.Seats) *Problem {
	var titles, details, fitting, unlicense []string
	counts := map[license.Module]ModuleCount{}
	for _, module := range license.AllModules() {
		count := ModuleCount{seats.Of(module), assigned.Of(module), max(0, assigned.Of(module)-seats.Of(module))}
		counts[module] = count
		if count.Excess == 0 {
			fitting = append(fitting, fmt.Sprintf("%s (%d of %d)", module.Name(), count.Assigned, count.Licensed))
			continue
		}
		titles = append(titles, fmt.Sprintf("%s too many for %s", number(count.Excess, "user"), module.Name()))
		details = append(details, fmt.Sprintf("%s %s; this license has %s.", holders(count.Assigned), module.Name(), number(count.Licensed, "seat")))
		unlicense = append(unlicense, fmt.Sprintf("%s of %s", number(count.Excess, "user"), module.Name()))
	}
	if len(titles) == 0 {
		return nil
	}
	switch len(fitting) {
	case 1:
		details = append(details, fitting[0]+" fits.")
	case 2:
		details = append(details, join(fitting)+" fit.")
	}
	return &Problem{TooManyUsersCode, true, join(titles), strings.Join(details, " "),
		fmt.Sprintf("Unlicense %s in QMS, then load the license. The downgrade check says which.", join(unlicense)),
		map[string]any{"modules": counts}}
}

func revoked(c licensekey.Claims, on license.Date) *Problem {
	return &Problem{RevokedCode, false, "It was revoked" + onDay(on),
		"It was taken back and is no longer valid. " + keepsGoing,
		fmt.Sprintf("Contact support and send the Server Token %s.", c.ServerToken),
		map[string]any{"revokedOn": on}}
}

func superseded(c licensekey.Claims, on license.Date) *Problem {
	return &Problem{SupersededCode, false, "A newer license replaced it" + onDay(on),
		"It is no longer the current license of its server. " + keepsGoing,
		fmt.Sprintf("Get the newer license by the Server Token %s and load that one. If there is none, it moved to another Server Token: get it by the one that QMS shows now.", c.ServerToken),
		map[string]any{"supersededOn": on}}
}

func onDay(on license.Date) string {
	if on.IsNever() {
		return ""
	}
	return " on " + on.Words()
}

func number(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func holders(n int) string {
	if n == 1 {
		return "1 user has"
	}
	return fmt.Sprintf("%d users have", n)
}

// join writes "a", "a and b", "a, b and c".
func join(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}
