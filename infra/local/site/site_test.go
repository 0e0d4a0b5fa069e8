package site_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/site"
)

func portal(t *testing.T) http.Handler {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index.html": "<p>customers", "console/index.html": "<p>staff", "assets/a-1f.js": "1", "favicon.svg": "<svg/>", "../secret.txt": "s",
	} {
		file := filepath.Join(dir, "dist", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	s, err := site.New(site.Config{
		Dir: filepath.Join(dir, "dist"), SignIn: "http://localhost:3001", Settings: map[string]string{"issuer": "http://localhost:3001"},
	})
	require.NoError(t, err)
	return s
}

func get(handler http.Handler, method, target string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

func TestSite_Files(t *testing.T) {
	s := portal(t)
	for _, c := range []struct {
		method, path string
		status       int
		body, cache  string
	}{
		{"GET", "/", 200, "<p>customers", "no-cache"},
		{"GET", "/check", 200, "<p>customers", "no-cache"},
		{"GET", "/console/", 200, "<p>staff", "no-cache"},
		{"GET", "/console/licenses/1", 200, "<p>staff", "no-cache"},
		{"GET", "/console/index.html", 200, "<p>staff", "no-cache"},
		{"GET", "/assets/a-1f.js", 200, "1", "public, max-age=31536000, immutable"},
		{"GET", "/assets/gone.js", 404, "no such file\n", "no-cache"},
		{"GET", "/../secret.txt", 404, "no such file\n", "no-cache"},
		{"GET", "/%2e%2e/secret.txt", 404, "no such file\n", "no-cache"},
		{"GET", "/config.json", 200, `{"issuer":"http://localhost:3001"}`, "no-cache"},
		{"GET", "/console", 308, "<a href=\"/console/\">Permanent Redirect</a>.\n\n", ""},
		{"POST", "/", 405, "only GET and HEAD\n", ""},
	} {
		w := get(s, c.method, c.path, nil)
		require.Equal(t, c.status, w.Code, c.path)
		require.Equal(t, c.body, w.Body.String(), c.path)
		require.Equal(t, c.cache, w.Header().Get("Cache-Control"), c.path)
		require.Equal(t, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' http://localhost:3001; "+
			"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
			w.Header().Get("Content-Security-Policy"), c.path)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	}
}

func TestSite_CompressesText(t *testing.T) {
	s := portal(t)
	for range 2 {
		w := get(s, "GET", "/", http.Header{"Accept-Encoding": {"br, gzip"}})
		require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
		require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
		z, err := gzip.NewReader(w.Body)
		require.NoError(t, err)
		text, err := io.ReadAll(z)
		require.NoError(t, err)
		require.Equal(t, "<p>customers", string(text))
	}
}

func TestSite_SaysThatThePortalIsNotBuilt(t *testing.T) {
	s, err := site.New(site.Config{Dir: filepath.Join(t.TempDir(), "none")})
	require.NoError(t, err)
	w := get(s, "GET", "/", nil)
	require.Equal(t, 404, w.Code)
	require.Contains(t, w.Body.String(), "make build")
}
