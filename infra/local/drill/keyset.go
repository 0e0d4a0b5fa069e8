package drill

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	domain "qmslicensing/shared/license"
	"qmslicensing/shared/license/licensekey"
)

// published is the set of public keys as a QMS server would be built with it.
type published map[string]licensekey.Key

// publicKeys reads the published set.
func (a *api) publicKeys(ctx context.Context) (published, error) {
	var set struct {
		Keys []struct {
			ID           string `json:"kid"`
			X, Y         string
			LicenseTypes []domain.Type
		}
	}
	if _, err := a.want(ctx, keySet(), 200, &set); err != nil {
		return nil, err
	}
	keys := published{}
	for _, k := range set.Keys {
		point, err := base64.RawURLEncoding.DecodeString(k.X)
		if err != nil {
			return nil, fmt.Errorf("public key %s: %w", k.ID, err)
		}
		y, err := base64.RawURLEncoding.DecodeString(k.Y)
		if err != nil {
			return nil, fmt.Errorf("public key %s: %w", k.ID, err)
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, point, y))
		if err != nil {
			return nil, fmt.Errorf("public key %s: %w", k.ID, err)
		}
		keys[k.ID] = licensekey.Key{ID: k.ID, Public: public, Types: k.LicenseTypes}
	}
	return keys, nil
}

// names lists the key ids.
func (p published) names() []string { return slices.Sorted(maps.Keys(p)) }

// holds reports whether everything in the other set is here, unchanged.
func (p published) holds(other published) bool {
	for id, key := range other {
		if mine, there := p[id]; !there || !mine.Public.Equal(key.Public) {
			return false
		}
	}
	return true
}

// verify verifies a license key without any server, as QMS does, and names the key that signed it.
func (p published) verify(licenseKey string) (licensekey.Claims, string, error) {
	return licensekey.Verify(licenseKey, func(kid string) (licensekey.Key, error) {
		if key, known := p[kid]; known {
			return key, nil
		}
		return licensekey.Key{}, licensekey.ErrUnknownKey
	})
}
