package licensekey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

var update = flag.Bool("update", false, "write testdata anew")

var base64url = base64.RawURLEncoding

// testKeys are the keys of the published vectors. They are made from their names, so everybody can make them.
type testKeys map[string]*ecdsa.PrivateKey

func newTestKeys(t testing.TB) testKeys {
	keys := testKeys{}
	for _, kid := range []string{"temporary-2026-1", "temporary-2026-2", "sold-2026-1", "sold-2026-2"} {
		d := sha256.Sum256([]byte("published test key " + kid))
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d[:])
		require.NoError(t, err)
		keys[kid] = key
	}
	return keys
}

func typesOf(kid string) []license.Type {
	if strings.HasPrefix(kid, "temporary-") {
		return []license.Type{license.Temporary}
	}
	return []license.Type{license.Permanent, license.Subscription}
}

func (k testKeys) lookup(kid string) (licensekey.Key, error) {
	key, ok := k[kid]
	if !ok {
		return licensekey.Key{}, licensekey.ErrUnknownKey
	}
	return licensekey.Key{ID: kid, Public: &key.PublicKey, Types: typesOf(kid)}, nil
}

// sign returns the deterministic signature of RFC 6979, so that the vectors can be made again byte for byte.
func (k testKeys) sign(t testing.TB, kid string, input []byte) [64]byte {
	digest := sha256.Sum256(input)
	der, err := k[kid].Sign(nil, digest[:], crypto.SHA256)
	require.NoError(t, err)
	signature, err := licensekey.SignatureFromDER(der)
	require.NoError(t, err)
	return signature
}

// issue signs claims that keep the rules.
func (k testKeys) issue(t testing.TB, kid string, c licensekey.Claims) string {
	input, err := licensekey.SigningInput(kid, c)
	require.NoError(t, err)
	return licensekey.Join(input, k.sign(t, kid, input))
}

// forge signs any header and payload with a key of ours.
func (k testKeys) forge(t testing.TB, kid, header, payload string) string {
	input := []byte(base64url.EncodeToString([]byte(header)) + "." + base64url.EncodeToString([]byte(payload)))
	return licensekey.Join(input, k.sign(t, kid, input))
}

// headerOf and payloadOf spell out what FORMAT.md says, apart from the encoder under test.
func headerOf(kid string) string {
	return `{"alg":"ES256","kid":"` + kid + `","typ":"qms-license+jwt"}`
}

func payloadOf(t testing.TB, text string) string {
	payload, err := base64url.DecodeString(strings.Split(text, ".")[1])
	require.NoError(t, err)
	return string(payload)
}

type jwk struct {
	KeyType   string         `json:"kty"`
	Curve     string         `json:"crv"`
	Algorithm string         `json:"alg"`
	Use       string         `json:"use"`
	ID        string         `json:"kid"`
	X         string         `json:"x"`
	Y         string         `json:"y"`
	D         string         `json:"d"`
	Types     []license.Type `json:"licenseTypes"`
}

func (k testKeys) jwks(t testing.TB) []byte {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for _, kid := range []string{"temporary-2026-1", "temporary-2026-2", "sold-2026-1", "sold-2026-2"} {
		point, err := k[kid].PublicKey.Bytes()
		require.NoError(t, err)
		d, err := k[kid].Bytes()
		require.NoError(t, err)
		set.Keys = append(set.Keys, jwk{"EC", "P-256", "ES256", "sig", kid, base64url.EncodeToString(point[1:33]),
			base64url.EncodeToString(point[33:]), base64url.EncodeToString(d), typesOf(kid)})
	}
	return indented(t, set)
}

func indented(t testing.TB, value any) []byte {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(value))
	return []byte(b.String())
}

// golden compares with a file of testdata, or writes it with -update.
func golden(t testing.TB, name string, got []byte) {
	if *update {
		require.NoError(t, os.WriteFile("testdata/"+name, got, 0o644))
	}
	want, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "testdata/%s is not what the tests make; run go test -update", name)
}

func day(t testing.TB, s string) license.Date {
	d, err := license.ParseDate(s)
	require.NoError(t, err)
	return d
}

func subscription(t testing.TB) licensekey.Claims {
	ends := day(t, "2027-11-30")
	return licensekey.Claims{ID: "3f0a9c1e5b7d42f8a6c4e2d1b0f98765", ServerToken: "QMSA-7K2P-9XWD-H4TN-8KQ2", IssuedAt: 1795428720,
		ExpiresAt: ends.ExpiryInstant().Unix(), Type: license.Subscription, ExpiresOn: ends,
		Seats: license.Seats{CallRecording: 50, ComputerRecording: 25, AgentEvaluation: 10}, Suite: 10, Sequence: 3}
}

func permanent(t testing.TB) licensekey.Claims {
	c := subscription(t)
	c.ID, c.Type, c.ExpiresAt, c.ExpiresOn = "77aa0b1c2d3e4f5061728394a5b6c7d8", license.Permanent, 0, license.Never
	return c
}

func temporary(t testing.TB) licensekey.Claims {
	c := subscription(t)
	ends := day(t, "2026-12-15")
	c.ID, c.Type, c.ExpiresAt, c.ExpiresOn = "0c5d3b7a9e1f48268d0a4c6e8b2f1357", license.Temporary, ends.ExpiryInstant().Unix(), ends
	c.Seats, c.Suite = license.Seats{CallRecording: 20, ComputerRecording: 20, AgentEvaluation: 20}, 20
	return c
}
