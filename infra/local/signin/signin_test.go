package signin_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/process"
	"qmslicensing/infra/local/setup"
	"qmslicensing/infra/local/signin"
)

const origin = "http://localhost:3999"

func start(t *testing.T, dir string) *signin.Server {
	t.Helper()
	tools, err := setup.Find("")
	require.NoError(t, err)
	require.NoError(t, tools.EnsureSignIn(context.Background(), t.Output()))
	group := process.NewGroup()
	t.Cleanup(group.Close)
	server, err := signin.Start(context.Background(), signin.Config{
		Program: tools.SignIn(), Dir: dir, Origin: origin, TokenLifetime: 10 * time.Minute, Log: t.Output(), Group: group,
	})
	require.NoError(t, err)
	return server
}

func decode(t *testing.T, token string, part int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[part])
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(text, &out))
	return out
}

func TestToken_HasCognitosClaims(t *testing.T) {
	server := start(t, t.TempDir())
	for _, username := range signin.Usernames() {
		tokens, err := signin.Token(context.Background(), server.Issuer, origin, username)
		require.NoError(t, err)
		require.Equal(t, 600, tokens.ExpiresIn)
		require.Equal(t, "RS256", decode(t, tokens.Access, 0)["alg"])
		claims := decode(t, tokens.Access, 1)
		require.Equal(t, server.Issuer, claims["iss"])
		require.Equal(t, "access", claims["token_use"])
		require.Equal(t, username, claims["username"])
		require.Equal(t, signin.ClientID, claims["client_id"])
		require.NotContains(t, claims, "aud")
		require.ElementsMatch(t, []string{"openid", "licensing/staff"}, strings.Fields(claims["scope"].(string)))
		require.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$`, claims["sub"])
		require.EqualValues(t, 600, claims["exp"].(float64)-claims["iat"].(float64))
		switch username {
		case "nobody":
			require.NotContains(t, claims, "cognito:groups")
		case "tworoles":
			require.Equal(t, []any{"sales", "accounting"}, claims["cognito:groups"])
		default:
			require.Equal(t, []any{strings.TrimRight(username, "2")}, claims["cognito:groups"])
		}
		id := decode(t, tokens.ID, 1)
		require.Equal(t, "id", id["token_use"])
		require.Equal(t, signin.ClientID, id["aud"])
	}
	_, err := signin.Token(context.Background(), server.Issuer, origin, "eve")
	require.ErrorContains(t, err, "no such user; choose one of sales")
}

func TestServer_KeepsItsKeysAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	kid := func() any {
		server := start(t, dir)
		defer server.Stop()
		tokens, err := signin.Token(context.Background(), server.Issuer, origin, "sales")
		require.NoError(t, err)
		return decode(t, tokens.Access, 0)["kid"]
	}
	require.Equal(t, kid(), kid())
}

func TestServer_OnlyThePortalMayAskForTokens(t *testing.T) {
	server := start(t, t.TempDir())
	for from, allowed := range map[string]bool{origin: true, "http://localhost:4000": false} {
		r, err := http.NewRequest(http.MethodPost, server.Issuer+"/oauth2/token",
			strings.NewReader(url.Values{"client_id": {signin.ClientID}, "grant_type": {"authorization_code"}, "code": {"x"}}.Encode()))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", from)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, allowed, response.Header.Get("Access-Control-Allow-Origin") == from, from)
	}
}

func TestServer_AnOldPageSaysSo(t *testing.T) {
	server := start(t, t.TempDir())
	for range 2 {
		response, err := http.Get(server.Issuer + "/login/none")
		require.NoError(t, err)
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusBadRequest, response.StatusCode)
		require.Contains(t, string(text), "This sign-in is over")
	}
}

func TestServer_ThePageHasOneButtonAUserAndLogoutForgets(t *testing.T) {
	server := start(t, t.TempDir())
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), origin) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	authorize := server.Issuer + "/oauth2/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {signin.ClientID}, "redirect_uri": {origin + "/console/"}, "scope": {signin.Scope},
		"code_challenge": {strings.Repeat("a", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
	open := func() (*http.Response, string) {
		response, err := client.Get(authorize)
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response, string(text)
	}
	page, text := open()
	require.Equal(t, len(signin.Usernames()), strings.Count(text, "<button"))
	require.Contains(t, page.Header.Get("Content-Security-Policy"), "default-src 'none'")
	answer, err := client.PostForm(page.Request.URL.String(), url.Values{"username": {"sales"}})
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())

	again, _ := open()
	require.Equal(t, http.StatusSeeOther, again.StatusCode, "signed in already")
	out, err := client.Get(server.Issuer + "/logout?client_id=" + signin.ClientID + "&logout_uri=" + url.QueryEscape("https://evil.example/"))
	require.NoError(t, err)
	require.NoError(t, out.Body.Close())
	require.Equal(t, origin+"/console/", out.Header.Get("Location"), "sends nobody to a stranger")
	_, text = open()
	require.Contains(t, text, "<button")
}
