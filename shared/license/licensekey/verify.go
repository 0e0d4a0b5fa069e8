package licensekey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"qmslicensing/shared/license"
)

// Key is an entry of the key table as a verifier needs it: the table, never the text, says which algorithm and which
// license types belong to a key id.
type Key struct {
	ID     string
	Public *ecdsa.PublicKey // on P-256
	Types  []license.Type   // that this key may sign
}

// Lookup finds a key by its id. The error is ErrUnknownKey when there is none; any other error is passed through.
type Lookup func(kid string) (Key, error)

// The decisions that a caller of Verify and Read has to take, besides *Damage.
var (
	ErrSignatureInvalid = errors.New("the text has the shape of a license key, but its signature does not fit: a character was changed")
	ErrUnknownKey       = errors.New("the key that signed this license is not in the key table")
	ErrKeyNotForType    = errors.New("the key that signed this license may not sign licenses of its type")
)

// Signature and segment sizes in characters of base64url.
const (
	signatureChars = 86
	minHeader      = (8*(len(headerStart)+1+len(headerEnd)) + 5) / 6
	maxHeader      = (8*(len(headerStart)+maxKeyID+len(headerEnd)) + 5) / 6
)

// Parts is a compact JWS taken apart.
type Parts struct {
	Header, Payload []byte
	SigningInput    string
	Signature       []byte
}

// errShape and errEncoding are why Split refuses a text: it is not three segments of base64url characters; a segment
// has an impossible length or bits that no encoder writes.
var (
	errShape    = errors.New("not three segments of base64url characters")
	errEncoding = errors.New("a segment is not canonical base64url")
)

// Split takes a compact JWS apart: exactly three segments, base64url without padding, line breaks or slack bits.
// It decodes; it verifies nothing.
func Split(text string) (Parts, error) {
	first := strings.IndexByte(text, '.')
	last := strings.LastIndexByte(text, '.')
	if first < 0 || first == last || !isBase64(text[:first]) || !isBase64(text[first+1:last]) || !isBase64(text[last+1:]) {
		return Parts{}, errShape
	}
	header, err1 := strictBase64.DecodeString(text[:first])
	payload, err2 := strictBase64.DecodeString(text[first+1 : last])
	signature, err3 := strictBase64.DecodeString(text[last+1:])
	if errors.Join(err1, err2, err3) != nil {
		return Parts{}, errEncoding
	}
	return Parts{header, payload, text[:last], signature}, nil
}

// isBase64 is checked first because DecodeString ignores CR and LF, which would make one license many texts.
func isBase64(segment string) bool {
	for i := range len(segment) {
		if !isKeyChar(segment[i]) {
			return false
		}
	}
	return true
}

func isKeyChar(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// Verify checks a license key, exact to the character, and returns its claims and the id of its key. The steps and
// their order are those of FORMAT.md. The error is *Damage, ErrSignatureInvalid, ErrUnknownKey, ErrKeyNotForType
// (with the claims), or what lookup failed with.
func Verify(text string, lookup Lookup) (Claims, string, error) {
	if len(text) > maxSigningInput+1+signatureChars {
		return Claims{}, "", &Damage{Cause: NotExact}
	}
	parts, err := Split(text)
	switch {
	case errors.Is(err, errShape):
		return Claims{}, "", &Damage{Cause: NotExact}
	case err != nil:
		return Claims{}, "", ErrSignatureInvalid
	case len(parts.Signature) != 64:
		return Claims{}, "", &Damage{Cause: NotExact}
	}
	kid, ok := keyID(parts.Header)
	if !ok {
		return Claims{}, "", foreignHeader(parts)
	}
	key, err := lookup(kid)
	if err != nil {
		return Claims{}, kid, err
	}
	if !VerifySignature(key.Public, []byte(parts.SigningInput), parts.Signature) {
		return Claims{}, kid, ErrSignatureInvalid
	}
	claims, ok := decodePayload(string(parts.Payload))
	if !ok {
		return Claims{}, kid, &Damage{Cause: BadContent}
	}
	if !slices.Contains(key.Types, claims.Type) {
		return claims, kid, ErrKeyNotForType
	}
	return claims, kid, nil
}

// keyID reads the id from a header that is otherwise exact, byte for byte.
func keyID(header []byte) (string, bool) {
	rest, ok1 := strings.CutPrefix(string(header), headerStart)
	kid, ok2 := strings.CutSuffix(rest, headerEnd)
	return kid, ok1 && ok2 && isKeyID(kid)
}

// foreignHeader tells a license with a changed character from another kind of signed text: one changed character
// spoils at most one of the three constant parts.
func foreignHeader(parts Parts) error {
	wrong := 0
	for _, intact := range []bool{
		bytes.HasPrefix(parts.Header, []byte(headerStart)),
		bytes.HasSuffix(parts.Header, []byte(headerEnd)),
		bytes.HasPrefix(parts.Payload, []byte(payloadStart)),
	} {
		if !intact {
			wrong++
		}
	}
	if wrong > 1 {
		return &Damage{Cause: NotALicense}
	}
	return ErrSignatureInvalid
}

// VerifySignature reports whether signature (r and s, 32 bytes each, each from 1 to n-1) is one of the key's P-256
// ECDSA signatures over SHA-256 of the signing input. Both s and n-s are accepted, as the algorithm has it.
func VerifySignature(public *ecdsa.PublicKey, signingInput, signature []byte) bool {
	if public == nil || public.Curve != elliptic.P256() || len(signature) != 64 {
		return false
	}
	digest := sha256.Sum256(signingInput)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return ecdsa.Verify(public, digest[:], r, s)
}

// SignatureFromDER converts the ASN.1 signature that KMS and most libraries make into r and s, 32 bytes each. Any
// encoding but the one of DER is refused, and so is a number outside 1 to n-1.
func SignatureFromDER(der []byte) ([64]byte, error) {
	var signature [64]byte
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &pair)
	if err != nil {
		return signature, fmt.Errorf("reading a DER signature: %w", err)
	}
	again, err := asn1.Marshal(pair)
	if err != nil || len(rest) > 0 || !bytes.Equal(again, der) {
		return signature, errors.New("reading a DER signature: it is not encoded as DER demands")
	}
	for _, n := range []*big.Int{pair.R, pair.S} {
		if n.Sign() <= 0 || n.Cmp(elliptic.P256().Params().N) >= 0 {
			return signature, errors.New("reading a DER signature: r or s is outside 1 to n-1")
		}
	}
	pair.R.FillBytes(signature[:32])
	pair.S.FillBytes(signature[32:])
	return signature, nil
}
