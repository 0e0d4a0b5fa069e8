package kms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The states of a key, as KMS names them.
const (
	enabled         = "Enabled"
	disabled        = "Disabled"
	pendingDeletion = "PendingDeletion"
)

// key is one file. A key in the server's table is never changed, only replaced.
type key struct {
	ID           string            `json:"id"`
	State        string            `json:"state"`
	Description  string            `json:"description"`
	Created      time.Time         `json:"created"`
	DeletionDate *time.Time        `json:"deletionDate,omitempty"`
	Tags         map[string]string `json:"tags"`
	Aliases      []string          `json:"aliases"`
	PrivateKey   []byte            `json:"privateKey"` // PKCS #8

	private *ecdsa.PrivateKey
	public  []byte // SubjectPublicKeyInfo
}

func newKey(id string) (*key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generating key %s: %w", id, err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encoding key %s: %w", id, err)
	}
	k := &key{ID: id, State: enabled, Created: time.Now().UTC().Truncate(time.Millisecond), PrivateKey: encoded}
	return k, k.open()
}

// orNew gives a copy to change: of k, or a new key when there is none.
func (k *key) orNew(id string) (*key, error) {
	if k == nil {
		return newKey(id)
	}
	changed := *k
	return &changed, nil
}

// open derives what is not stored.
func (k *key) open() error {
	parsed, err := x509.ParsePKCS8PrivateKey(k.PrivateKey)
	if err != nil {
		return fmt.Errorf("decoding key %s: %w", k.ID, err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return fmt.Errorf("decoding key %s: it is not a P-256 key", k.ID)
	}
	k.private = private
	k.public, err = x509.MarshalPKIXPublicKey(&private.PublicKey)
	return err
}

// write stores the key so that a crash leaves the old file or the new one, never half of one: a lost signing key would
// orphan every license that it signed.
func (k *key) write(dir string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("storing key %s: %w", k.ID, err)
		}
	}()
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already after the rename
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, k.ID+".json")); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func readKeys(dir string) ([]*key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of keys: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	var keys []*key
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a key: %w", err)
		}
		k := &key{}
		if err := json.Unmarshal(text, k); err != nil {
			return nil, fmt.Errorf("reading key %s: %w", file, err)
		}
		if err := k.open(); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}
