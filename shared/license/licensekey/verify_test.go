package licensekey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

func TestSigningInput_IsTheCanonicalForm(t *testing.T) {
	input, err := licensekey.SigningInput("sold-2026-1", subscription(t))
	require.NoError(t, err)
	header, payload, _ := strings.Cut(string(input), ".")
	require.Equal(t, base64url.EncodeToString([]byte(`{"alg":"ES256","kid":"sold-2026-1","typ":"qms-license+jwt"}`)), header)
	require.Equal(t, base64url.EncodeToString([]byte(`{"iss":"qms-licensing","jti":"3f0a9c1e5b7d42f8a6c4e2d1b0f98765","sub":"QMSA-7K2P-9XWD-H4TN-8KQ2","iat":1795428720,`+
		`"exp":1827662400,"type":"subscription","expiresOn":"2027-11-30","seats":{"callRecording":50,"computerRecording":25,"agentEvaluation":10},"suite":10,"seq":3}`)), payload)

	input, err = licensekey.SigningInput("temporary-2026-1", permanent(t))
	require.NoError(t, err)
	_, payload, _ = strings.Cut(string(input), ".")
	require.Equal(t, base64url.EncodeToString([]byte(`{"iss":"qms-licensing","jti":"77aa0b1c2d3e4f5061728394a5b6c7d8","sub":"QMSA-7K2P-9XWD-H4TN-8KQ2","iat":1795428720,`+
		`"type":"permanent","seats":{"callRecording":50,"computerRecording":25,"agentEvaluation":10},"suite":10,"seq":3}`)), payload)
}

func TestSigningInput_RefusesWhatBreaksARule(t *testing.T) {
	for rule, change := range map[string]func(c *licensekey.Claims){
		"jti is 32 lower-case hexadecimal":   func(c *licensekey.Claims) { c.ID = strings.ToUpper(c.ID) },
		"sub is a clean Server Token":        func(c *licensekey.Claims) { c.ServerToken = `QMSA"7K2P` },
		"iat is outside":                     func(c *licensekey.Claims) { c.IssuedAt = 0 },
		"seq counts from 1":                  func(c *licensekey.Claims) { c.Sequence = 0 },
		"exp of a license that expires":      func(c *licensekey.Claims) { c.ExpiresAt++ },
		"a subscription license has":         func(c *licensekey.Claims) { c.ExpiresOn = license.Never },
		"a permanent license has neither":    func(c *licensekey.Claims) { c.Type = license.Permanent },
		"is not permanent, subscription":     func(c *licensekey.Claims) { c.Type = "demo" },
		"seats of Agent Evaluation need":     func(c *licensekey.Claims) { c.Seats.AgentEvaluation = 51 },
		"0 to 100000 are possible":           func(c *licensekey.Claims) { c.Seats.CallRecording = 100001 },
		"suite is 0 to the seats of every":   func(c *licensekey.Claims) { c.Suite = 11 },
		"at least 1 Call Recording seat":     func(c *licensekey.Claims) { c.Seats, c.Suite = license.Seats{}, 0 },
		"expiresOn is outside the years 197": func(c *licensekey.Claims) { c.ExpiresOn = license.MakeDate(1900, 1, 1) },
	} {
		t.Run(rule, func(t *testing.T) {
			c := subscription(t)
			change(&c)
			_, err := licensekey.SigningInput("sold-2026-1", c)
			require.ErrorContains(t, err, rule)
		})
	}
	for _, kid := range []string{"", "Sold-2026-1", "sold_1", "sold 1", strings.Repeat("a", 41)} {
		_, err := licensekey.SigningInput(kid, subscription(t))
		require.ErrorContains(t, err, "key id")
	}
}

func TestVerify_NothingBeforeAfterOrInside(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	_, kid, err := licensekey.Verify(text, keys.lookup)
	require.NoError(t, err)
	require.Equal(t, "sold-2026-1", kid)
	for _, extra := range []string{"\n", "\r", "\r\n", " ", "=", "==", "\x00", "\ufeff", ".", "A"} {
		for i := range len(text) + 1 {
			_, _, err := licensekey.Verify(text[:i]+extra+text[i:], keys.lookup)
			require.Error(t, err, "%q at %d", extra, i)
		}
	}
}

func TestVerify_EveryChangedCharacterIsRefused(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	for i := range len(text) {
		for _, letter := range "A9z-_." {
			if changed := text[:i] + string(letter) + text[i+1:]; changed != text {
				_, _, err := licensekey.Verify(changed, keys.lookup)
				require.Error(t, err)
				_, err = licensekey.Read(changed, keys.lookup)
				require.Error(t, err)
			}
		}
	}
}

func TestRead_OneChangedLetterIsASignatureProblemWhereverItIs(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	for i := range len(text) {
		changed := text[:i] + "q" + text[i+1:]
		if text[i] == '.' || changed == text {
			continue
		}
		_, err := licensekey.Read(changed, keys.lookup)
		if !errors.Is(err, licensekey.ErrUnknownKey) { // a changed letter can make another key id
			require.ErrorIs(t, err, licensekey.ErrSignatureInvalid, "position %d", i)
		}
	}
}

func TestVerify_EveryProperPartIsRefusedAndDiagnosed(t *testing.T) {
	keys := newTestKeys(t)
	text := keys.issue(t, "sold-2026-1", subscription(t))
	for i := 10; i < len(text); i++ {
		var damage *licensekey.Damage
		_, err := licensekey.Read(text[:i], keys.lookup)
		require.ErrorAs(t, err, &damage, "%d", i)
		if i >= 18 {
			require.Equal(t, licensekey.EndMissing, damage.Cause, "the first %d characters", i)
		}
	}
	for i := 1; i < len(text)-86-41; i++ {
		var damage *licensekey.Damage
		_, err := licensekey.Read(text[i:], keys.lookup)
		require.ErrorAs(t, err, &damage, "%d", i)
		require.Equal(t, licensekey.StartMissing, damage.Cause, "without the first %d characters", i)
	}
}

func TestSignatureFromDER(t *testing.T) {
	one := "020101"
	for der, want := range map[string]string{
		"3006" + one + one:                          strings.Repeat("0", 63) + "1" + strings.Repeat("0", 63) + "1",
		"3007" + "02020080" + one:                   strings.Repeat("0", 62) + "80" + strings.Repeat("0", 63) + "1",
		"3007" + "02020001" + one:                   "", // a leading zero too many
		"308106" + one + one:                        "", // length in long form
		"3006" + one + one + "00":                   "", // something after the end
		"3009" + one + one + one:                    "", // a third number
		"3006" + "020100" + one:                     "", // r is 0
		"3006" + one + "0201ff":                     "", // s is negative
		"3003" + one:                                "",
		"":                                          "",
		"3026" + "0221" + order(0) + one:            "", // r is n
		"3026" + "0221" + order(-1) + one:           order(-1)[2:] + strings.Repeat("0", 63) + "1",
		"3026" + one + "0221" + order(0):            "",
		"302602" + "21" + "01" + order(0)[2:] + one: "",
	} {
		raw, err := hex.DecodeString(der)
		require.NoError(t, err)
		signature, err := licensekey.SignatureFromDER(raw)
		if want == "" {
			require.Error(t, err, der)
			continue
		}
		require.NoError(t, err, der)
		require.Equal(t, want, hex.EncodeToString(signature[:]))
	}
}

func order(plus int64) string {
	n := new(big.Int).Add(elliptic.P256().Params().N, big.NewInt(plus))
	return fmt.Sprintf("%066x", n)
}

func TestVerifySignature_OnlyP256AndSixtyFourBytes(t *testing.T) {
	keys := newTestKeys(t)
	input := []byte("message")
	signature := keys.sign(t, "sold-2026-1", input)
	public := &keys["sold-2026-1"].PublicKey
	require.True(t, licensekey.VerifySignature(public, input, signature[:]))
	require.False(t, licensekey.VerifySignature(public, input, signature[:63]))
	require.False(t, licensekey.VerifySignature(public, input, append([]byte{0}, signature[:]...)))
	require.False(t, licensekey.VerifySignature(public, []byte("massage"), signature[:]))
	require.False(t, licensekey.VerifySignature(nil, input, signature[:]))
	other, err := ecdsa.GenerateKey(elliptic.P384(), nil)
	require.NoError(t, err)
	require.False(t, licensekey.VerifySignature(&other.PublicKey, input, signature[:]))
}

func FuzzVerify_DecodeThenEncodeIsTheSameText(f *testing.F) {
	keys := newTestKeys(f)
	for _, v := range readVectors(f) {
		if parts, err := licensekey.Split(v.Paste); err == nil {
			f.Add(string(parts.Payload), "sold-2026-1")
		}
	}
	f.Fuzz(func(t *testing.T, payload, kid string) {
		if _, ok := keys[kid]; !ok {
			kid = "sold-2026-1"
		}
		text := keys.forge(t, kid, headerOf(kid), payload)
		claims, _, err := licensekey.Verify(text, keys.lookup)
		if err != nil && !errors.Is(err, licensekey.ErrKeyNotForType) {
			return
		}
		input, lintErr := licensekey.SigningInput(kid, claims)
		require.NoError(t, lintErr)
		require.Equal(t, text[:strings.LastIndex(text, ".")], string(input))
		reading, readErr := licensekey.Read(text, keys.lookup)
		require.Equal(t, err, readErr, "what Verify says of an exact text, Read says too")
		require.Equal(t, text, reading.Text)
		require.Empty(t, reading.Repairs)
	})
}

func BenchmarkBareECDSA(b *testing.B) {
	keys := newTestKeys(b)
	text := keys.issue(b, "sold-2026-1", subscription(b))
	parts, err := licensekey.Split(text)
	require.NoError(b, err)
	public := &keys["sold-2026-1"].PublicKey
	r, s := new(big.Int).SetBytes(parts.Signature[:32]), new(big.Int).SetBytes(parts.Signature[32:])
	for b.Loop() {
		digest := sha256.Sum256([]byte(parts.SigningInput))
		if !ecdsa.Verify(public, digest[:], r, s) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	keys := newTestKeys(b)
	text := keys.issue(b, "sold-2026-1", subscription(b))
	for b.Loop() {
		if _, _, err := licensekey.Verify(text, keys.lookup); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead_Quoted(b *testing.B) {
	keys := newTestKeys(b)
	paste := "> " + wrap(keys.issue(b, "sold-2026-1", subscription(b)), 70, "\n> ")
	for b.Loop() {
		if _, err := licensekey.Read(paste, keys.lookup); err != nil {
			b.Fatal(err)
		}
	}
}
