// Package table fills the key table of licenses from KMS keys. It is the operator's part: functions only read the table.
package table

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
)

// Key names one KMS key and what it is for.
type Key struct {
	Purpose license.KeyPurpose
	State   keyring.State
	ARN     string // or id, of the KMS key
}

// ParseKey reads "sold:signing=arn:aws:kms:…"; the key may be named by its id.
func ParseKey(text string) (Key, error) {
	what, arn, hasARN := strings.Cut(text, "=")
	purpose, state, hasState := strings.Cut(what, ":")
	k := Key{license.KeyPurpose(purpose), keyring.State(state), arn}
	if !hasARN || !hasState || k.check() != nil {
		return Key{}, fmt.Errorf("%q is not PURPOSE:STATE=ARN with the purpose temporary or sold and the state standby, signing or retired", text)
	}
	return k, nil
}

func (k Key) check() error {
	switch {
	case k.Purpose != license.TemporaryKey && k.Purpose != license.SoldKey:
		return fmt.Errorf("the purpose of key %s is %q, not temporary or sold", k.ARN, k.Purpose)
	case k.State != keyring.Standby && k.State != keyring.Signing && k.State != keyring.Retired:
		return fmt.Errorf("the state of key %s is %q, not standby, signing or retired", k.ARN, k.State)
	}
	return nil
}

// Store reads and writes the key table.
type Store interface {
	keyring.Source
	// PutKeys writes all or none.
	PutKeys(ctx context.Context, entries []keyring.Entry) error
}

// KMS is what is used of kms.Client.
type KMS interface {
	GetPublicKey(ctx context.Context, in *kms.GetPublicKeyInput, opts ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
}

// Fill brings the table to what keys say and returns the entries it wrote. A KMS key that is not in the table gets the
// next key id of its purpose and year, such as sold-2026-2; one that is there gets its state. Nothing is ever removed.
// The table must end with exactly one signing key of each purpose, else nothing is written.
func Fill(ctx context.Context, client KMS, store Store, keys []Key, now time.Time) ([]keyring.Entry, error) {
	entries, err := store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	var changed []keyring.Entry
	for _, k := range keys {
		if err := k.check(); err != nil {
			return nil, err
		}
		entry, at, err := find(ctx, client, entries, k, now)
		if err != nil {
			return nil, err
		}
		if at >= 0 && entries[at].State == k.State {
			continue
		}
		entry.State, entry.Since = k.State, now.UTC()
		if at < 0 {
			entries = append(entries, entry)
		} else {
			entries[at] = entry
		}
		changed = append(changed, entry)
	}
	if err := checkSigning(entries); err != nil {
		return nil, err
	}
	if len(changed) == 0 {
		return nil, nil
	}
	return changed, store.PutKeys(ctx, changed)
}

// find returns the entry of a KMS key and its place, or a new entry and -1. To retire a key of the table it asks KMS
// nothing: a key that is lost must make way for its standby, and KMS says nothing about one that is disabled or deleted.
func find(ctx context.Context, client KMS, entries []keyring.Entry, k Key, now time.Time) (keyring.Entry, int, error) {
	if k.State == keyring.Retired {
		for at, e := range entries {
			if e.Purpose == k.Purpose && (e.ARN == k.ARN || strings.HasSuffix(e.ARN, ":key/"+k.ARN)) {
				return e, at, nil
			}
		}
	}
	public, arn, err := publicKey(ctx, client, k.ARN)
	if err != nil {
		return keyring.Entry{}, -1, err
	}
	prefix := fmt.Sprintf("%s-%d-", k.Purpose, now.UTC().Year())
	taken := 0
	for at, e := range entries {
		if e.ARN == arn {
			if e.Purpose != k.Purpose {
				return e, at, fmt.Errorf("key %s is in the table as a %s key; a key keeps its purpose", e.ID, e.Purpose)
			}
			if !e.Public.Equal(public) {
				return e, at, fmt.Errorf("KMS has another public key for %s than the key table: what it signs would not load; the private key was lost or replaced", e.ID)
			}
			return e, at, nil
		}
		if strings.HasPrefix(e.ID, prefix) {
			taken++
		}
	}
	return keyring.Entry{
		Key:     licensekey.Key{ID: fmt.Sprint(prefix, taken+1), Public: public, Types: keyring.TypesFor(k.Purpose)},
		ARN:     arn,
		Purpose: k.Purpose,
		Created: now.UTC(),
	}, -1, nil
}

// publicKey returns a KMS key's public key and its ARN, which the caller may have named by its id.
func publicKey(ctx context.Context, client KMS, name string) (public *ecdsa.PublicKey, arn string, err error) {
	out, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &name})
	if err != nil {
		return nil, "", fmt.Errorf("reading the public key of %s: %w", name, err)
	}
	if out.KeySpec != types.KeySpecEccNistP256 || out.KeyUsage != types.KeyUsageTypeSignVerify || out.KeyId == nil {
		return nil, "", fmt.Errorf("key %s is %s for %s; licenses need ECC_NIST_P256 for SIGN_VERIFY", name, out.KeySpec, out.KeyUsage)
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, "", fmt.Errorf("reading the public key of %s: %w", name, err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return nil, "", fmt.Errorf("the public key of %s is not on P-256", name)
	}
	return public, *out.KeyId, nil
}

func checkSigning(entries []keyring.Entry) error {
	signing := map[license.KeyPurpose]int{}
	for _, e := range entries {
		if e.State == keyring.Signing {
			signing[e.Purpose]++
		}
	}
	for _, purpose := range []license.KeyPurpose{license.TemporaryKey, license.SoldKey} {
		if signing[purpose] != 1 {
			return fmt.Errorf("the key table would have %d signing keys for %s licenses; it needs exactly 1", signing[purpose], purpose)
		}
	}
	return nil
}
