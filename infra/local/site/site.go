// Package site serves the portal's files with the headers that CloudFront gives them.
package site

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path"
	"strings"
	"sync"
	"time"
)

// Config is what the site needs; everything must be set.
type Config struct {
	Dir      string            // portal/dist; it may be made later
	Settings map[string]string // what /config.json answers
	SignIn   string            // origin of the sign-in, which the console may call
}

// Site is the portal as an http.Handler.
type Site struct {
	files    fs.FS
	settings []byte
	policy   string

	mu     sync.Mutex
	zipped map[string]zipped
}

// zipped is a compressed file, good as long as the file is of that time.
type zipped struct {
	of   time.Time
	data []byte
}

// New makes the site.
func New(c Config) (*Site, error) {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return nil, fmt.Errorf("writing the portal's settings: %w", err)
	}
	return &Site{files: os.DirFS(c.Dir), settings: settings, policy: policy(c.SignIn), zipped: map[string]zipped{}}, nil
}

func policy(signIn string) string {
	return strings.Join([]string{
		"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self' " + signIn,
		"base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'",
		"require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; ")
}

// ServeHTTP answers one request. An address without a file of its own is a screen of its entry (/ or /console/).
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Path {
	case "/config.json":
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(s.settings)
	case "/console":
		http.Redirect(w, r, "/console/", http.StatusPermanentRedirect)
	default:
		s.serveFile(w, r)
	}
}

func (s *Site) serveFile(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	data, modified, err := s.read(name)
	if errors.Is(err, fs.ErrNotExist) && path.Ext(name) == "" {
		name = "index.html"
		if strings.HasPrefix(r.URL.Path, "/console/") {
			name = "console/index.html"
		}
		data, modified, err = s.read(name)
	}
	if err != nil {
		w.Header().Set("Cache-Control", "no-cache")
		text := "no such file"
		if name == "index.html" || name == "console/index.html" {
			text = "The portal has not been built: run make build."
		}
		http.Error(w, text, http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", ContentType(name))
	h.Set("Cache-Control", CacheControl(name))
	if isText(name) {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			data = s.zip(name, data, modified)
		}
	}
	http.ServeContent(w, r, "", modified, bytes.NewReader(data))
}

// read returns a file; a folder is as if it did not exist.
func (s *Site) read(name string) ([]byte, time.Time, error) {
	if !fs.ValidPath(name) {
		return nil, time.Time{}, fs.ErrNotExist
	}
	info, err := fs.Stat(s.files, name)
	if err != nil {
		return nil, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, time.Time{}, fs.ErrNotExist
	}
	data, err := fs.ReadFile(s.files, name)
	return data, info.ModTime(), err
}

func (s *Site) zip(name string, data []byte, modified time.Time) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept, found := s.zipped[name]; found && kept.of.Equal(modified) {
		return kept.data
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(data)
	_ = z.Close()
	s.zipped[name] = zipped{modified, out.Bytes()}
	return out.Bytes()
}

// Immutable reports whether a file never changes: the names below assets/ hold a hash of what is in them.
func Immutable(name string) bool { return strings.HasPrefix(name, "assets/") }

// CacheControl is the header that a file of the portal is served with. What may change is asked for again every time.
func CacheControl(name string) string {
	if Immutable(name) {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// ContentType is the media type that a file of the portal is served with.
func ContentType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	case ".lic":
		return "text/plain; charset=utf-8"
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		return kind
	}
	return "application/octet-stream"
}

func isText(name string) bool {
	switch path.Ext(name) {
	case ".html", ".js", ".mjs", ".css", ".svg", ".json", ".txt", ".map", ".webmanifest":
		return true
	}
	return false
}
