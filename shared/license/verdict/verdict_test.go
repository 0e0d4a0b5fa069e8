package verdict_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/verdict"
)

const licenseID = "3f0a9c1e5b7d42f8a6c4e2d1b0f98765"

func claims(t *testing.T) licensekey.Claims {
	ends, err := license.ParseDate("2026-11-03")
	require.NoError(t, err)
	return licensekey.Claims{ID: licenseID, ServerToken: "QMSA-7K2P-9XWD-H4TN-8KQ2", IssuedAt: 1764000000,
		ExpiresAt: ends.ExpiryInstant().Unix(), Type: license.Subscription, ExpiresOn: ends,
		Seats: license.Seats{CallRecording: 50, ComputerRecording: 25, AgentEvaluation: 10}, Suite: 10, Sequence: 3}
}

// desk is a validator with one sold key, a registry that answers what the test says, and the log it writes.
type desk struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	now    time.Time
	lookup licensekey.Lookup
	fate   verdict.Fate
	err    error
	asked  []string
	log    bytes.Buffer
}

func newDesk(t *testing.T) *desk {
	seed := sha256.Sum256([]byte("verdict"))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	require.NoError(t, err)
	d := &desk{t: t, key: key, now: time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC), fate: verdict.Fate{Status: license.Active}}
	d.lookup = func(kid string) (licensekey.Key, error) {
		if kid != "sold-2026-1" {
			return licensekey.Key{}, licensekey.ErrUnknownKey
		}
		return licensekey.Key{ID: kid, Public: &key.PublicKey, Types: []license.Type{license.Permanent, license.Subscription}}, nil
	}
	return d
}

func (d *desk) Fate(_ context.Context, id string) (verdict.Fate, error) {
	d.asked = append(d.asked, id)
	return d.fate, d.err
}

func (d *desk) issue(kid string, c licensekey.Claims) string {
	input, err := licensekey.SigningInput(kid, c)
	require.NoError(d.t, err)
	digest := sha256.Sum256(input)
	der, err := d.key.Sign(nil, digest[:], crypto.SHA256)
	require.NoError(d.t, err)
	signature, err := licensekey.SignatureFromDER(der)
	require.NoError(d.t, err)
	return licensekey.Join(input, signature)
}

func (d *desk) validate(q verdict.Question) (verdict.Verdict, error) {
	validator := verdict.NewValidator(func(context.Context) licensekey.Lookup { return d.lookup }, d,
		slog.New(slog.NewJSONHandler(&d.log, nil)), func() time.Time { return d.now })
	return validator.Validate(context.Background(), q)
}

func codes(v verdict.Verdict) []verdict.ProblemCode {
	list := []verdict.ProblemCode{}
	for _, problem := range v.Problems {
		list = append(list, problem.Code)
	}
	return list
}

func TestValidate_AGoodLicenseAsJSON(t *testing.T) {
	d := newDesk(t)
	v, err := d.validate(verdict.Question{LicenseKey: " " + d.issue("sold-2026-1", claims(t))})
	require.NoError(t, err)
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.JSONEq(t, `{"loads":true,"valid":true,"problems":[],"repairs":[{"code":"spaces","detail":"1 space removed."}],
		"license":{"serverToken":"QMSA-7K2P-9XWD-H4TN-8KQ2","type":"subscription","expiresOn":"2026-11-03",
		"modules":{"qmsSuite":10,"callRecording":40,"computerRecording":15,"agentEvaluation":0},
		"seats":{"callRecording":50,"computerRecording":25,"agentEvaluation":10},"suite":10}}`, string(data))
	require.Equal(t, []string{licenseID}, d.asked)
	require.Empty(t, d.log.String())
}

func TestValidate_NoProblemsAndNoRepairsAreEmptyLists(t *testing.T) {
	d := newDesk(t)
	v, err := d.validate(verdict.Question{LicenseKey: ""})
	require.NoError(t, err)
	data, err := json.Marshal(v)
	require.NoError(t, err)
	require.Contains(t, string(data), `"repairs":[]`)
	require.NotContains(t, string(data), "null")
	require.NotContains(t, string(data), `"license"`)
}

func TestValidate_AllProblemsMostDecisiveFirst(t *testing.T) {
	d := newDesk(t)
	d.now = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for status, last := range map[license.Status]verdict.ProblemCode{license.Revoked: verdict.RevokedCode, license.Superseded: verdict.SupersededCode} {
		d.fate = verdict.Fate{Status: status, On: license.MakeDate(2026, 11, 17)}
		v, err := d.validate(verdict.Question{LicenseKey: d.issue("sold-2026-1", claims(t)), ServerToken: "QMSA-7K2P-9XWD-H4TN-RC53",
			Assigned: &license.Seats{CallRecording: 62, ComputerRecording: 25, AgentEvaluation: 8}})
		require.NoError(t, err)
		require.Equal(t, []verdict.ProblemCode{verdict.ServerTokenMismatchCode, verdict.ExpiredCode, verdict.TooManyUsersCode, last}, codes(v))
		require.False(t, v.Loads)
		require.False(t, v.Valid)
		require.NotNil(t, v.License)
		for i, problem := range v.Problems {
			require.Equal(t, i < 3, problem.BlocksLoading, problem.Code)
		}
	}
}

func TestValidate_RevokedOrSupersededLoadsButIsNotValid(t *testing.T) {
	for status, want := range map[license.Status][3]string{
		license.Revoked: {"It was revoked on 17 Nov 2026", "It was taken back and is no longer valid. A copy already loaded keeps working offline.",
			"Contact support and send the Server Token QMSA-7K2P-9XWD-H4TN-8KQ2."},
		license.Superseded: {"A newer license replaced it on 17 Nov 2026", "It is no longer the current license of its server. A copy already loaded keeps working offline.",
			"Get the newer license by the Server Token QMSA-7K2P-9XWD-H4TN-8KQ2 and load that one. If there is none, it moved to another Server Token: get it by the one that QMS shows now."},
	} {
		d := newDesk(t)
		d.fate = verdict.Fate{Status: status, On: license.MakeDate(2026, 11, 17)}
		v, err := d.validate(verdict.Question{LicenseKey: d.issue("sold-2026-1", claims(t))})
		require.NoError(t, err)
		require.True(t, v.Loads)
		require.False(t, v.Valid)
		require.Equal(t, want, [3]string{v.Problems[0].Title, v.Problems[0].Detail, v.Problems[0].Remedy})
		require.Empty(t, d.log.String())
	}
}

func TestValidate_WithoutAGenuineSignatureNoViewAndNoRegistryRead(t *testing.T) {
	d := newDesk(t)
	text := d.issue("sold-2026-1", claims(t))
	temporary := claims(t)
	temporary.Type = license.Temporary
	changed := text[:len(text)-40] + "AAAA" + text[len(text)-36:]
	for paste, want := range map[string]verdict.ProblemCode{
		"hello":                               verdict.DamagedCode,
		changed:                               verdict.SignatureInvalidCode,
		d.issue("sold-2031-1", claims(t)):     verdict.UnknownKeyCode,
		d.issue("sold-2026-1", temporary):     verdict.KeyNotForTypeCode,
		text + "\n" + changed:                 verdict.DamagedCode,
		strings.ToLower(text):                 verdict.DamagedCode,
		"\"" + strings.ToUpper(text) + "\"\n": verdict.DamagedCode,
	} {
		v, err := d.validate(verdict.Question{LicenseKey: paste})
		require.NoError(t, err)
		require.Equal(t, []verdict.ProblemCode{want}, codes(v))
		require.False(t, v.Loads)
		require.Nil(t, v.License)
		require.Empty(t, d.asked)
	}
}

func TestValidate_AKeyThatIsNotForTheTypeStillGetsTheOtherProblems(t *testing.T) {
	d := newDesk(t)
	d.now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	temporary := claims(t)
	temporary.Type = license.Temporary
	v, err := d.validate(verdict.Question{LicenseKey: d.issue("sold-2026-1", temporary), ServerToken: "QMSA-0000", Assigned: &license.Seats{CallRecording: 51}})
	require.NoError(t, err)
	require.Equal(t, []verdict.ProblemCode{verdict.KeyNotForTypeCode, verdict.ServerTokenMismatchCode, verdict.ExpiredCode, verdict.TooManyUsersCode}, codes(v))
	require.Equal(t, "The signing key sold-2026-1 is not for temporary licenses.", v.Problems[0].Detail)
	require.Equal(t, "Ask your QMS contact for a new license.", v.Problems[2].Remedy)
	require.Nil(t, v.License)
	require.Empty(t, d.asked)
}

func TestValidate_AGenuineKeyWithoutAnIssuedRecordRaisesTheAlarm(t *testing.T) {
	for record, change := range map[string]func(*desk){
		"no record": func(d *desk) { d.err = license.Refuse(license.LicenseNotFound, "No such license.") },
		"pending":   func(d *desk) { d.fate.Status = license.Pending },
		"void":      func(d *desk) { d.fate.Status = license.Void },
	} {
		t.Run(record, func(t *testing.T) {
			d := newDesk(t)
			change(d)
			text := d.issue("sold-2026-1", claims(t))
			v, err := d.validate(verdict.Question{LicenseKey: text, ServerToken: claims(t).ServerToken})
			require.NoError(t, err)
			require.True(t, v.Valid)
			var line map[string]any
			require.NoError(t, json.Unmarshal(d.log.Bytes(), &line))
			require.Equal(t, "ERROR", line["level"])
			require.Equal(t, "signature without record", line["msg"])
			require.Equal(t, licenseID, line["licenseId"])
			require.Equal(t, "sold-2026-1", line["keyId"])
			require.Equal(t, record, line["record"])
			require.NotContains(t, d.log.String(), "QMSA-7K2P")
			require.NotContains(t, d.log.String(), text[:30])
		})
	}
}

func TestValidate_WhatCannotBeReadIsAnErrorAndNoVerdict(t *testing.T) {
	outage := errors.New("table not reachable")
	d := newDesk(t)
	d.err = outage
	_, err := d.validate(verdict.Question{LicenseKey: d.issue("sold-2026-1", claims(t))})
	require.ErrorIs(t, err, outage)
	require.ErrorContains(t, err, licenseID)

	d.err = license.Refuse(license.Unavailable, "Try again.")
	_, err = d.validate(verdict.Question{LicenseKey: d.issue("sold-2026-1", claims(t))})
	require.ErrorIs(t, err, d.err)

	d = newDesk(t)
	d.lookup = func(string) (licensekey.Key, error) { return licensekey.Key{}, outage }
	_, err = d.validate(verdict.Question{LicenseKey: d.issue("sold-2026-1", claims(t))})
	require.ErrorIs(t, err, outage)
}

func TestValidate_ExpiredFromTheInstantOn(t *testing.T) {
	d := newDesk(t)
	text := d.issue("sold-2026-1", claims(t))
	d.now = time.Date(2026, 11, 4, 11, 59, 59, 999999999, time.UTC)
	v, err := d.validate(verdict.Question{LicenseKey: text})
	require.NoError(t, err)
	require.True(t, v.Valid)
	d.now = d.now.Add(1)
	v, err = d.validate(verdict.Question{LicenseKey: text})
	require.NoError(t, err)
	require.Equal(t, []verdict.ProblemCode{verdict.ExpiredCode}, codes(v))
	require.NotNil(t, v.License)
	require.Equal(t, "It ended on 3 Nov 2026", v.Problems[0].Title)
	require.Equal(t, "It is a subscription license. Its last day was 3 Nov 2026; it stopped working everywhere on 4 Nov 2026, 12:00 UTC.", v.Problems[0].Detail)
	require.Equal(t, "Ask your QMS contact to renew it.", v.Problems[0].Remedy)
	require.Equal(t, 1, v.Problems[0].Params["daysAgo"])
}

func TestJudge_ServerTokenMismatchKeepsTheVendorsAdvice(t *testing.T) {
	d := newDesk(t)
	judged, err := verdict.Judge(d.issue("sold-2026-1", claims(t)), d.lookup, "QMSA-7K2P-9XWD-H4TN-RC53", nil, d.now)
	require.NoError(t, err)
	require.True(t, judged.Genuine)
	require.Equal(t, claims(t), judged.Claims)
	require.Equal(t, []verdict.Problem{{Code: verdict.ServerTokenMismatchCode, BlocksLoading: true, Title: "It was made for another server",
		Detail: "It was made for Server Token QMSA-7K2P-9XWD-H4TN-8KQ2; your server has QMSA-7K2P-9XWD-H4TN-RC53. A change to a property of a network card can change the Server Token.",
		Remedy: "Undo the last change to the network card's properties, then start QMS again. If that fails, contact Enghouse Interactive Support and send the Server Token QMSA-7K2P-9XWD-H4TN-RC53.",
		Params: map[string]any{"licenseServerToken": license.ServerToken("QMSA-7K2P-9XWD-H4TN-8KQ2"), "serverToken": license.ServerToken("QMSA-7K2P-9XWD-H4TN-RC53")}}}, judged.Problems)
}

func TestTooManyUsers_Words(t *testing.T) {
	seats := license.Seats{CallRecording: 50, ComputerRecording: 25, AgentEvaluation: 10}
	for name, row := range map[string]struct {
		assigned              license.Seats
		title, detail, remedy string
	}{
		"one module": {license.Seats{CallRecording: 62, ComputerRecording: 25, AgentEvaluation: 8}, "12 users too many for Call Recording",
			"62 users have Call Recording; this license has 50 seats. Computer Recording (25 of 25) and Agent Evaluation (8 of 10) fit.",
			"Unlicense 12 users of Call Recording in QMS, then load the license. The downgrade check says which."},
		"two modules, one user": {license.Seats{CallRecording: 51, ComputerRecording: 28, AgentEvaluation: 0}, "1 user too many for Call Recording and 3 users too many for Computer Recording",
			"51 users have Call Recording; this license has 50 seats. 28 users have Computer Recording; this license has 25 seats. Agent Evaluation (0 of 10) fits.",
			"Unlicense 1 user of Call Recording and 3 users of Computer Recording in QMS, then load the license. The downgrade check says which."},
		"all three": {license.Seats{CallRecording: 60, ComputerRecording: 60, AgentEvaluation: 60},
			"10 users too many for Call Recording, 35 users too many for Computer Recording and 50 users too many for Agent Evaluation",
			"60 users have Call Recording; this license has 50 seats. 60 users have Computer Recording; this license has 25 seats. 60 users have Agent Evaluation; this license has 10 seats.",
			"Unlicense 10 users of Call Recording, 35 users of Computer Recording and 50 users of Agent Evaluation in QMS, then load the license. The downgrade check says which."},
	} {
		t.Run(name, func(t *testing.T) {
			problem := verdict.TooManyUsers(seats, row.assigned)
			require.Equal(t, []string{row.title, row.detail, row.remedy}, []string{problem.Title, problem.Detail, problem.Remedy})
		})
	}
	require.Nil(t, verdict.TooManyUsers(seats, seats))
	params, err := json.Marshal(verdict.TooManyUsers(seats, license.Seats{CallRecording: 62, ComputerRecording: 25, AgentEvaluation: 8}).Params)
	require.NoError(t, err)
	require.JSONEq(t, `{"modules":{"callRecording":{"licensed":50,"assigned":62,"excess":12},
		"computerRecording":{"licensed":25,"assigned":25,"excess":0},"agentEvaluation":{"licensed":10,"assigned":8,"excess":0}}}`, string(params))
}
