package gateway

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"
)

var (
	errKeysUnreachable = errors.New("issuer's keys cannot be fetched")
	errNoSuchKey       = errors.New("issuer has no such key")
)

const (
	keysKept    = 2 * time.Hour   // as long as API Gateway may keep them
	keysRefetch = 2 * time.Second // least time between two fetches
)

// keySet is the issuer's public keys by its discovery document, kept; fetched again for a key id it does not know.
type keySet struct {
	issuer string
	client http.Client
	now    func() time.Time

	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey
	fetched time.Time
	tried   time.Time
}

func newKeySet(issuer string, now func() time.Time) *keySet {
	return &keySet{issuer: issuer, now: now, client: http.Client{Timeout: 5 * time.Second}}
}

func (s *keySet) get(ctx context.Context, kid string) (*rsa.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	key := s.keys[kid]
	if key != nil && now.Sub(s.fetched) < keysKept {
		return key, nil
	}
	if s.keys == nil || now.Sub(s.tried) >= keysRefetch {
		s.tried = now
		keys, err := s.fetch(context.WithoutCancel(ctx))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errKeysUnreachable, err)
		}
		s.keys, s.fetched = keys, now
	}
	if key = s.keys[kid]; key == nil {
		return nil, errNoSuchKey
	}
	return key, nil
}

func (s *keySet) fetch(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := s.getJSON(ctx, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != s.issuer {
		return nil, fmt.Errorf("discovery document of %s names the issuer %s", s.issuer, discovery.Issuer)
	}
	var set struct {
		Keys []struct {
			KeyType  string `json:"kty"`
			KeyID    string `json:"kid"`
			Use      string `json:"use"`
			Modulus  string `json:"n"`
			Exponent string `json:"e"`
		} `json:"keys"`
	}
	if err := s.getJSON(ctx, discovery.JWKSURI, &set); err != nil {
		return nil, err
	}
	keys := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		n, errN := base64.RawURLEncoding.DecodeString(k.Modulus)
		e, errE := base64.RawURLEncoding.DecodeString(k.Exponent)
		if k.KeyType == "RSA" && k.Use != "enc" && errN == nil && errE == nil && len(e) <= 4 {
			keys[k.KeyID] = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		}
	}
	return keys, nil
}

func (s *keySet) getJSON(ctx context.Context, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(into)
}
