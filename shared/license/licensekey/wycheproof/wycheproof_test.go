// Package wycheproof_test runs the verifier of license keys on Project Wycheproof's P-256 vectors. It is a module of
// its own because the vectors are large.
package wycheproof_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license/licensekey"
)

type file[G any] struct {
	NumberOfTests int `json:"numberOfTests"`
	TestGroups    []G `json:"testGroups"`
}

type ecdsaGroup struct {
	PublicKey struct {
		Uncompressed string `json:"uncompressed"`
	} `json:"publicKey"`
	Tests []struct {
		ID      int    `json:"tcId"`
		Comment string `json:"comment"`
		Message string `json:"msg"`
		Sig     string `json:"sig"`
		Result  string `json:"result"`
	} `json:"tests"`
}

func read[G any](t *testing.T, name string) file[G] {
	data, err := fs.ReadFile(wycheproof.TestVectors, name)
	require.NoError(t, err)
	var f file[G]
	require.NoError(t, json.Unmarshal(data, &f))
	return f
}

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// runECDSA runs every vector of a file; convert makes r and s of the vector's signature.
func runECDSA(t *testing.T, name string, convert func(sig []byte) ([]byte, error)) {
	f := read[ecdsaGroup](t, name)
	count := 0
	for _, group := range f.TestGroups {
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), unhex(t, group.PublicKey.Uncompressed))
		require.NoError(t, err)
		for _, test := range group.Tests {
			count++
			signature, err := convert(unhex(t, test.Sig))
			accepted := err == nil && licensekey.VerifySignature(public, unhex(t, test.Message), signature)
			require.Equal(t, test.Result == "valid", accepted, "tcId %d: %s", test.ID, test.Comment)
		}
	}
	require.Equal(t, f.NumberOfTests, count)
}

// The signature of a license key is what IEEE P1363 calls it: r and s, 32 bytes each. No vector is excluded.
func TestP1363(t *testing.T) {
	runECDSA(t, "ecdsa_secp256r1_sha256_p1363_test.json", func(sig []byte) ([]byte, error) { return sig, nil })
}

// KMS answers in DER, which is converted before it goes into a license key. No vector is excluded.
func TestDER(t *testing.T) {
	runECDSA(t, "ecdsa_secp256r1_sha256_test.json", func(sig []byte) ([]byte, error) {
		signature, err := licensekey.SignatureFromDER(sig)
		return signature[:], err
	})
}

type jwsGroup struct {
	Comment string `json:"comment"`
	Public  struct {
		KeyType string `json:"kty"`
		Curve   string `json:"crv"`
		X       string `json:"x"`
		Y       string `json:"y"`
	} `json:"public"`
	Tests []struct {
		ID      int             `json:"tcId"`
		Comment string          `json:"comment"`
		JWS     json.RawMessage `json:"jws"`
		Result  string          `json:"result"`
	} `json:"tests"`
}

// excludedJWS are the vectors about what a license key has no notion of, each with its reason.
var excludedJWS = map[int]string{
	354: "the JWK says use=enc: keys come from the key table, which holds signing keys only; there is no use to check",
	356: "the JWK says key_ops=encrypt: as 354",
}

// The header of a license key is one exact text, so the headers of these vectors are refused outright by Verify; that
// is checked for every vector of the file, whatever its algorithm. What is left of JWS, the three segments, base64url
// and the ES256 signature, is checked on Split and VerifySignature, which Verify is made of.
func TestJWS(t *testing.T) {
	f := read[jwsGroup](t, "json_web_signature_test.json")
	p256, all := 0, 0
	for _, group := range f.TestGroups {
		for _, test := range group.Tests {
			all++
			var text string
			if json.Unmarshal(test.JWS, &text) != nil {
				text = string(test.JWS)
			}
			_, _, err := licensekey.Verify(text, func(string) (licensekey.Key, error) {
				t.Errorf("tcId %d: a foreign header came as far as the key table", test.ID)
				return licensekey.Key{}, licensekey.ErrUnknownKey
			})
			require.Error(t, err, "tcId %d", test.ID)
			if group.Public.Curve != "P-256" || excludedJWS[test.ID] != "" {
				continue
			}
			p256++
			require.Equal(t, test.Result == "valid", verifiesES256(t, group, text), "tcId %d: %s", test.ID, test.Comment)
		}
	}
	require.Equal(t, f.NumberOfTests, all)
	require.Equal(t, 39, p256)
}

func verifiesES256(t *testing.T, group jwsGroup, text string) bool {
	x, err := base64.RawURLEncoding.DecodeString(group.Public.X)
	require.NoError(t, err)
	y, err := base64.RawURLEncoding.DecodeString(group.Public.Y)
	require.NoError(t, err)
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	require.NoError(t, err)
	parts, err := licensekey.Split(text)
	return err == nil && licensekey.VerifySignature(public, []byte(parts.SigningInput), parts.Signature)
}

// excludedBase64 are vectors of the group base64 that cannot be right, each with its reason.
var excludedBase64 = map[int]string{
	367: "its text is that of the valid vector 357, byte for byte",
	370: "its text is that of the valid vector 357, byte for byte",
	372: "it is called valid with a ? in the header; RFC 7515 section 2 has no such character in base64url",
	373: "it is called valid with a ? in the payload; as 372",
}

// Base64url is the same for every algorithm: the group is signed with HS256, but what is wrong in its vectors is the
// encoding alone.
func TestJWS_Base64(t *testing.T) {
	texts := map[int]string{}
	for _, group := range read[jwsGroup](t, "json_web_signature_test.json").TestGroups {
		if group.Comment != "base64" {
			continue
		}
		for _, test := range group.Tests {
			var text string
			require.NoError(t, json.Unmarshal(test.JWS, &text))
			texts[test.ID] = text
			_, err := licensekey.Split(text)
			if excludedBase64[test.ID] == "" {
				require.Equal(t, test.Result == "valid", err == nil, "tcId %d: %s", test.ID, test.Comment)
			}
		}
	}
	require.Len(t, texts, 21)
	require.Equal(t, texts[357], texts[367])
	require.Equal(t, texts[357], texts[370])
	require.Contains(t, texts[372], "?")
	require.Contains(t, texts[373], "?")
}
