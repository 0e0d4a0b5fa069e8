package gateway_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gateway"
	"qmslicensing/infra/local/template"
)

// issuer publishes one key and signs tokens with it.
type issuer struct {
	url     string
	key     *rsa.PrivateKey
	fetches atomic.Int32
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i := &issuer{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/jwks"})
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func (i *issuer) claims(changes map[string]any) jwt.MapClaims {
	claims := jwt.MapClaims{
		"iss": i.url, "client_id": "portal", "token_use": "access", "sub": "s-1", "username": "sales",
		"cognito:groups": []string{"sales", "b"}, "scope": "openid licensing/staff",
		"iat": now.Unix() - 10, "exp": now.Unix() + 60, "version": 2,
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

func (i *issuer) token(t *testing.T, method jwt.SigningMethod, key any, kid string, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = kid
	text, err := token.SignedString(key)
	require.NoError(t, err)
	return text
}

func (i *issuer) gateway(t *testing.T, inv *invoker) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(gateway.New(gateway.Config{
		Application: &template.Application{Routes: routes, Authorizer: template.Authorizer{Issuer: i.url, Audience: []string{"portal"}}},
		Invoker:     inv, Now: func() time.Time { return now },
	}))
	t.Cleanup(server.Close)
	return server
}

func TestAuthorizer_HandsClaimsOverAsStrings(t *testing.T) {
	i, inv := newIssuer(t), &invoker{}
	server := i.gateway(t, inv)
	for range 3 {
		r := request(t, "POST", server.URL+"/v1/licenses", "{}")
		r.Header.Set("Authorization", "Bearer "+i.token(t, jwt.SigningMethodRS256, i.key, "k1", i.claims(nil)))
		response, body := send(t, r)
		require.Equal(t, 200, response.StatusCode, body)
	}
	require.EqualValues(t, 1, i.fetches.Load())
	token := inv.event["requestContext"].(map[string]any)["authorizer"].(map[string]any)["jwt"].(map[string]any)
	claims := token["claims"].(map[string]any)
	require.Equal(t, "[sales b]", claims["cognito:groups"])
	require.Equal(t, "2", claims["version"])
	require.Equal(t, "sales", claims["username"])
	require.Equal(t, "1795439166", claims["exp"])
	require.Equal(t, []any{"licensing/staff"}, token["scopes"])
}

func TestAuthorizer_Refuses(t *testing.T) {
	i := newIssuer(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	rs256 := func(changes map[string]any) string {
		return i.token(t, jwt.SigningMethodRS256, i.key, "k1", i.claims(changes))
	}
	for _, c := range []struct {
		name, token string
		status      int
		challenge   string
	}{
		{"no token", "", 401, "Bearer"},
		{"no JWT", "abc", 401, `error="invalid_token"`},
		{"expired", rs256(map[string]any{"exp": now.Unix() - 1}), 401, "expired"},
		{"without an end", rs256(map[string]any{"exp": nil}), 401, "not valid"},
		{"not yet", rs256(map[string]any{"nbf": now.Unix() + 60}), 401, "not valid yet"},
		{"another issuer", rs256(map[string]any{"iss": "https://elsewhere.example"}), 401, "issuer"},
		{"another client", rs256(map[string]any{"client_id": "other"}), 401, "audience"},
		{"aud decides where it is present", rs256(map[string]any{"aud": "other"}), 401, "audience"},
		{"another key", i.token(t, jwt.SigningMethodRS256, other, "k1", i.claims(nil)), 401, "signature"},
		{"an unknown key", i.token(t, jwt.SigningMethodRS256, i.key, "k2", i.claims(nil)), 401, "key not found"},
		{"HS256", i.token(t, jwt.SigningMethodHS256, []byte("x"), "k1", i.claims(nil)), 401, "invalid_token"},
		{"none", i.token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "k1", i.claims(nil)), 401, "invalid_token"},
		{"without the scope", rs256(map[string]any{"scope": "openid"}), 403, "insufficient_scope"},
		{"an ID token", rs256(map[string]any{"aud": "portal", "client_id": nil, "scope": nil, "token_use": "id"}), 403, "insufficient_scope"},
	} {
		inv := &invoker{}
		r := request(t, "POST", i.gateway(t, inv).URL+"/v1/licenses", "{}")
		if c.token != "" {
			r.Header.Set("Authorization", "Bearer "+c.token)
		}
		response, body := send(t, r)
		require.Equal(t, c.status, response.StatusCode, c.name)
		require.JSONEq(t, `{"message":"`+http.StatusText(c.status)+`"}`, body, c.name)
		require.Contains(t, response.Header.Get("Www-Authenticate"), c.challenge, c.name)
		require.Empty(t, inv.function, c.name)
	}
}

func TestAuthorizer_AnIssuerThatDoesNotAnswerIsNoWayIn(t *testing.T) {
	i, inv := newIssuer(t), &invoker{}
	token := i.token(t, jwt.SigningMethodRS256, i.key, "k1", i.claims(nil))
	i.url = "http://127.0.0.1:1"
	r := request(t, "POST", i.gateway(t, inv).URL+"/v1/licenses", "{}")
	r.Header.Set("Authorization", "Bearer "+token)
	response, _ := send(t, r)
	require.Equal(t, 401, response.StatusCode)
	require.Contains(t, response.Header.Get("Www-Authenticate"), "unable to fetch JWKS")
}
