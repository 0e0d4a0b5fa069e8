// Package filesign signs licenses with private keys in PEM files, by the same contract as KMS. It serves unit tests; the
// contract suite of licensetest proves it.
package filesign

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
	"qmslicensing/shared/license/protocol"
)

// Signer signs with the keys <kid>.pem of one folder.
type Signer struct {
	dir   string
	calls atomic.Int64
}

var _ protocol.Signer = (*Signer)(nil)

// New returns a Signer of the keys in a folder.
func New(dir string) *Signer { return &Signer{dir: dir} }

// Create makes a key pair, stores the private key and returns the entry for the key table.
func (s *Signer) Create(kid string, purpose license.KeyPurpose, state keyring.State) (keyring.Entry, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyring.Entry{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return keyring.Entry{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(s.path(kid), text, 0o600); err != nil {
		return keyring.Entry{}, fmt.Errorf("storing key %s: %w", kid, err)
	}
	return keyring.Entry{
		Key:     licensekey.Key{ID: kid, Public: &private.PublicKey, Types: keyring.TypesFor(purpose)},
		ARN:     s.path(kid),
		Purpose: purpose,
		State:   state,
	}, nil
}

func (s *Signer) path(kid string) string { return filepath.Join(s.dir, kid+".pem") }

// Calls counts the calls of Sign.
func (s *Signer) Calls() int { return int(s.calls.Load()) }

// Sign implements protocol.Signer. A key whose file is gone is refused.
func (s *Signer) Sign(_ context.Context, p protocol.Prepared) (protocol.Signature, error) {
	call := s.calls.Add(1)
	text, err := os.ReadFile(s.path(p.Key().ID))
	if errors.Is(err, fs.ErrNotExist) {
		return protocol.Signature{}, fmt.Errorf("signing with key %s: %w: %w", p.Key().ID, protocol.ErrRefused, err)
	}
	if err != nil {
		return protocol.Signature{}, fmt.Errorf("signing with key %s: %w", p.Key().ID, err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return protocol.Signature{}, fmt.Errorf("the file of key %s holds no PEM block", p.Key().ID)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return protocol.Signature{}, fmt.Errorf("reading key %s: %w", p.Key().ID, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return protocol.Signature{}, fmt.Errorf("key %s is not an EC key", p.Key().ID)
	}
	hash := sha256.Sum256(p.SigningInput())
	der, err := private.Sign(rand.Reader, hash[:], nil)
	if err != nil {
		return protocol.Signature{}, err
	}
	signature, err := licensekey.SignatureFromDER(der)
	if err != nil {
		return protocol.Signature{}, err
	}
	if !licensekey.VerifySignature(p.Key().Public, p.SigningInput(), signature[:]) {
		return protocol.Signature{}, fmt.Errorf("the signature of key %s does not verify with its public key in the key table", p.Key().ID)
	}
	return protocol.Signature{Bytes: signature, RequestID: fmt.Sprintf("file-%d", call)}, nil
}
