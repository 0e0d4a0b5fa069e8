package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// Tokens are what a sign-in gives.
type Tokens struct {
	Access    string `json:"access_token"`
	ID        string `json:"id_token"`
	ExpiresIn int    `json:"expires_in"` // seconds
}

// Token signs a user in as a browser would, by code and PKCE at a running sign-in, and returns the tokens. origin is
// the portal's.
func Token(ctx context.Context, issuer, origin, username string) (Tokens, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return Tokens{}, err
	}
	redirect := origin + "/console/"
	b := &browser{ctx: ctx, client: http.Client{
		Jar: jar, Timeout: 15 * time.Second,
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), redirect) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
	verifier := randomText()
	challenge := sha256.Sum256([]byte(verifier))
	page, err := b.get(issuer + "/oauth2/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {ClientID}, "redirect_uri": {redirect}, "scope": {Scope}, "state": {randomText()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		return Tokens{}, fmt.Errorf("opening the sign-in at %s: %w", issuer, err)
	}
	answer, err := b.post(page, url.Values{"username": {username}})
	if err != nil {
		return Tokens{}, fmt.Errorf("signing in as %s: %w", username, err)
	}
	code := answer.location.Query().Get("code")
	if code == "" {
		return Tokens{}, fmt.Errorf("signing in as %s: there is no such user; choose one of %s", username, strings.Join(Usernames(), ", "))
	}
	answer, err = b.post(issuer+"/oauth2/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {ClientID}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
	if err != nil {
		return Tokens{}, fmt.Errorf("asking for the tokens of %s: %w", username, err)
	}
	var tokens Tokens
	if err := json.Unmarshal(answer.body, &tokens); err != nil || tokens.Access == "" {
		return Tokens{}, fmt.Errorf("asking for the tokens of %s: the sign-in answered no token", username)
	}
	return tokens, nil
}

// browser follows redirects with cookies, up to the portal.
type browser struct {
	ctx    context.Context
	client http.Client
}

type answered struct {
	body     []byte
	location *url.URL // where a redirect to the portal leads; empty otherwise
}

// get opens an address and returns the one that it ended at.
func (b *browser) get(address string) (string, error) {
	r, err := http.NewRequestWithContext(b.ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := b.client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", errors.New("it answered " + response.Status)
	}
	return response.Request.URL.String(), nil
}

func (b *browser) post(address string, form url.Values) (answered, error) {
	r, err := http.NewRequestWithContext(b.ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return answered{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := b.client.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answered{}, err
	}
	out := answered{body: body, location: &url.URL{}}
	if target, err := response.Location(); err == nil {
		out.location = target
	}
	return out, nil
}

func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
