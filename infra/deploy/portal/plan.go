// Package portal brings the built portal to its bucket, with the headers that it is served with, and makes CloudFront forget
// what it has of it.
package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"qmslicensing/infra/local/signin"
	"qmslicensing/infra/local/site"
)

// ConfigFile is the one file that differs between environments.
const ConfigFile = "config.json"

// File is one object of the bucket.
type File struct {
	Name         string // key in the bucket
	Data         []byte
	ContentType  string
	CacheControl string
}

// Config writes config.json as the console reads it: who signs in, as which client, and what it asks for.
func Config(issuer, clientID string) ([]byte, error) {
	if issuer == "" || clientID == "" {
		return nil, errors.New("the stack names no TokenIssuer or no ConsoleClientId, so nobody could sign in: a stack without a user pool of its own needs both as parameters")
	}
	return json.Marshal(map[string]string{"issuer": issuer, "clientId": clientID, "scope": signin.Scope})
}

// Plan lists what is uploaded, in its order: assets before the pages that name them, config.json before the pages that ask for
// it. A page that is open elsewhere still names older assets: nothing is ever deleted.
func Plan(dist fs.FS, config []byte) ([]File, error) {
	var files []File
	err := fs.WalkDir(dist, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == ConfigFile {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		files = append(files, file(name, data))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the built portal: %w", err)
	}
	files = append(files, file(ConfigFile, config))
	slices.SortStableFunc(files, func(a, b File) int {
		if byTurn := turn(a.Name) - turn(b.Name); byTurn != 0 {
			return byTurn
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, page := range []string{"index.html", "console/index.html"} {
		if !slices.ContainsFunc(files, func(f File) bool { return f.Name == page }) {
			return nil, fmt.Errorf("the built portal has no %s: run make build", page)
		}
	}
	return files, nil
}

func file(name string, data []byte) File {
	return File{Name: name, Data: data, ContentType: site.ContentType(name), CacheControl: site.CacheControl(name)}
}

// turn is when a file is uploaded: what others name goes first.
func turn(name string) int {
	switch {
	case site.Immutable(name):
		return 0
	case strings.HasSuffix(name, ".html"):
		return 2
	}
	return 1
}

// Stale lists the paths that CloudFront may hold an older answer of: every file that may change, and the addresses of
// screens, which are answered with a page.
func Stale(files []File) []string {
	paths := []string{"/", "/console/*"}
	for _, f := range files {
		if !site.Immutable(f.Name) && !strings.HasPrefix(f.Name, "console/") {
			paths = append(paths, "/"+f.Name)
		}
	}
	return paths
}
