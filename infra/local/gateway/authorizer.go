package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"qmslicensing/infra/local/template"
)

// verified is a token that the authorizer has let pass.
type verified struct {
	claims map[string]string // all strings, as API Gateway hands them over
	scopes []string          // of the route, which the token has one of
}

// deniedError is the authorizer's refusal.
type deniedError struct {
	status    int
	challenge string
	reason    string
}

func (e *deniedError) Error() string { return e.reason }

// authorizer is the HTTP API's JWT authorizer: RS256 by the issuer's published keys; iss, exp, nbf, iat; aud, or
// client_id where there is no aud; one of the route's scopes.
type authorizer struct {
	audience []string
	keys     *keySet
	parser   *jwt.Parser
}

func newAuthorizer(a template.Authorizer, now func() time.Time) *authorizer {
	return &authorizer{
		audience: a.Audience,
		keys:     newKeySet(a.Issuer, now),
		parser: jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(a.Issuer), jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(), jwt.WithTimeFunc(now), jwt.WithJSONNumber()),
	}
}

func (a *authorizer) authorize(r *http.Request, scopes []string) (*verified, error) {
	text := strings.TrimSpace(r.Header.Get("Authorization"))
	if scheme, rest, found := strings.Cut(text, " "); found && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(rest)
	}
	if text == "" {
		return nil, &deniedError{http.StatusUnauthorized, "Bearer", "no token"}
	}
	claims := jwt.MapClaims{}
	_, err := a.parser.ParseWithClaims(text, claims, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		return a.keys.get(r.Context(), kid)
	})
	if err != nil {
		return nil, unauthorized(scopes, describe(err))
	}
	if !a.forUs(claims) {
		return nil, unauthorized(scopes, "the token does not have a valid audience")
	}
	if len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(scopesOf(claims), s) }) {
		return nil, &deniedError{http.StatusForbidden, challenge(scopes, "insufficient_scope", "the token does not have a required scope"),
			"token lacks the scope"}
	}
	return &verified{claims: asStrings(claims), scopes: scopes}, nil
}

func (a *authorizer) forUs(claims jwt.MapClaims) bool {
	named, _ := claims.GetAudience()
	if _, present := claims["aud"]; !present {
		client, _ := claims["client_id"].(string)
		named = []string{client}
	}
	return slices.ContainsFunc(named, func(one string) bool { return slices.Contains(a.audience, one) })
}

func scopesOf(claims jwt.MapClaims) []string {
	text, _ := claims["scope"].(string)
	if text == "" {
		text, _ = claims["scp"].(string)
	}
	return strings.Fields(text)
}

func unauthorized(scopes []string, reason string) error {
	return &deniedError{http.StatusUnauthorized, challenge(scopes, "invalid_token", reason), reason}
}

func challenge(scopes []string, code, description string) string {
	return fmt.Sprintf(`Bearer scope="%s" error="%s" error_description="%s"`, strings.Join(scopes, " "), code, description)
}

// describe never repeats text of the token.
func describe(err error) string {
	switch {
	case errors.Is(err, errKeysUnreachable):
		return "unable to fetch JWKS"
	case errors.Is(err, errNoSuchKey):
		return "signing key not found"
	case errors.Is(err, jwt.ErrTokenExpired):
		return "the token has expired"
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return "the token is not valid yet"
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return "the token has an invalid issuer"
	case errors.Is(err, jwt.ErrTokenMalformed):
		return "the token is not a JWT"
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "the token has an invalid signature"
	default:
		return "the token is not valid"
	}
}

// asStrings writes claims as API Gateway does: an array is "[a b]".
func asStrings(claims jwt.MapClaims) map[string]string {
	out := make(map[string]string, len(claims))
	for name, value := range claims {
		switch v := value.(type) {
		case map[string]any:
			text, _ := json.Marshal(v)
			out[name] = string(text)
		default:
			out[name] = fmt.Sprint(v)
		}
	}
	return out
}
