// Package signin runs the local stand-in for Cognito: the npm package oidc-provider with one click per user, the four
// groups and Cognito's access token claims. It also signs in without a browser, for the command line and tests.
package signin

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"time"

	"qmslicensing/infra/local/process"
)

// ClientID is the portal's client: public, code with PKCE.
const ClientID = "qms-licensing-portal"

// Scope is what the portal asks for.
const Scope = "openid licensing/staff"

// Usernames are those who may sign in (people.mjs has the same): some roles twice, one person without a role and
// one with two, whom nothing lets in.
func Usernames() []string {
	return []string{"sales", "sales2", "support", "accounting", "accounting2", "admin", "nobody", "tworoles"}
}

const (
	readyWithin = 20 * time.Second
	stopWithin  = time.Second
)

// Config is what the sign-in needs. Zero lifetimes mean an hour for tokens and twelve for a session.
type Config struct {
	Program       string // the folder of server.mjs with its packages installed
	Dir           string // keeps its keys
	Port          int    // 0 means a free one
	Origin        string // of the portal: where it sends people back to, and who may ask for tokens
	TokenLifetime time.Duration
	Session       time.Duration
	Log           io.Writer // may be nil
	Group         *process.Group
}

// Server is a running sign-in.
type Server struct {
	Issuer  string // http://localhost:…
	process *process.Process
}

// Start starts the sign-in and waits until it listens.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.TokenLifetime == 0 {
		c.TokenLifetime = time.Hour
	}
	if c.Session == 0 {
		c.Session = 12 * time.Hour
	}
	if c.Log == nil {
		c.Log = io.Discard
	}
	settings, err := json.Marshal(map[string]any{
		"port": c.Port, "origin": c.Origin, "clientId": ClientID, "dir": c.Dir,
		"accessTokenSeconds": int(c.TokenLifetime.Seconds()), "sessionSeconds": int(c.Session.Seconds()),
	})
	if err != nil {
		return nil, err
	}
	node, port, err := c.Group.Listening(ctx, "sign-in", process.Command{
		Path: "node", Args: []string{"server.mjs"}, Dir: c.Program, Watched: true,
		Env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "TZ=UTC", "SIGNIN=" + string(settings)},
	}, readyWithin, c.Log, nil)
	if err != nil {
		return nil, err
	}
	return &Server{Issuer: "http://localhost:" + port, process: node}, nil
}

// Done is closed when the sign-in has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Stop ends the sign-in and waits for it.
func (s *Server) Stop() { s.process.Stop(stopWithin) }
