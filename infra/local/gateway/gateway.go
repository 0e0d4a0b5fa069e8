// Package gateway plays Amazon API Gateway's HTTP API: the template's routes, the JWT authorizer, events in payload
// format 2.0, and the answers that API Gateway gives by itself ({"message": …}).
package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"qmslicensing/infra/local/template"
)

// Invoker invokes a function, named by its logical id in the template, with an event and returns what it answers.
// The error is ErrTimeout, ErrTooLarge, or any other when the function failed, crashed or could not be started.
type Invoker interface {
	Invoke(ctx context.Context, function string, event []byte) ([]byte, error)
}

// What an Invoker's failure can mean to a caller of the API; every other one is an internal error.
var (
	ErrTimeout  = errors.New("function timed out")
	ErrTooLarge = errors.New("event is over the 6 MB that one invocation may carry")
)

const (
	maxBody            = 10 << 20         // of a request to API Gateway
	integrationTimeout = 30 * time.Second // of API Gateway's wait for a function
)

// Config is what a gateway needs. Everything must be set but AccessLog.
type Config struct {
	Application *template.Application // its routes and authorizer
	Invoker     Invoker
	AccessLog   io.Writer // one JSON line a request, naming the route and never the path; none when nil
	Now         func() time.Time
}

// Gateway is the HTTP API as an http.Handler.
type Gateway struct {
	routes     []route
	authorizer *authorizer
	invoker    Invoker
	log        io.Writer
	now        func() time.Time
}

// New makes a gateway for the template's routes.
func New(c Config) *Gateway {
	g := &Gateway{
		authorizer: newAuthorizer(c.Application.Authorizer, c.Now),
		invoker:    c.Invoker,
		log:        c.AccessLog,
		now:        c.Now,
	}
	if g.log == nil {
		g.log = io.Discard
	}
	for _, r := range c.Application.Routes {
		g.routes = append(g.routes, newRoute(r))
	}
	return g
}

// accessEntry is one line of the access log. It names no path: a path may hold a Server Token.
type accessEntry struct {
	Time      string `json:"time"`
	RequestID string `json:"requestId"`
	RouteKey  string `json:"routeKey"`
	Status    int    `json:"status"`
	Millis    int64  `json:"responseMillis"`
	Error     string `json:"error,omitempty"`
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := g.now()
	entry := accessEntry{Time: start.UTC().Format(time.RFC3339Nano), RequestID: newRequestID(), RouteKey: "-"}
	w.Header().Set("Apigw-Requestid", entry.RequestID)
	answer, err := g.serve(r, &entry)
	if err != nil {
		answer = refusalFor(err)
		entry.Error = err.Error()
	}
	answer.write(w, r)
	entry.Status = answer.status
	entry.Millis = g.now().Sub(start).Milliseconds()
	if line, err := json.Marshal(entry); err == nil {
		_, _ = g.log.Write(append(line, '\n'))
	}
}

func (g *Gateway) serve(r *http.Request, entry *accessEntry) (answer, error) {
	match, found := findRoute(g.routes, r.Method, r.URL.EscapedPath())
	if !found {
		return answer{}, errNotFound
	}
	entry.RouteKey = match.route.key()
	var token *verified
	if match.route.Authorized {
		var err error
		if token, err = g.authorizer.authorize(r, match.route.Scopes); err != nil {
			return answer{}, err
		}
	}
	body, err := readBody(r)
	if err != nil {
		return answer{}, err
	}
	event, err := json.Marshal(g.event(r, match, token, body, entry.RequestID))
	if err != nil {
		return answer{}, err
	}
	// A caller who leaves does not stop the function.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), integrationTimeout)
	defer cancel()
	payload, err := g.invoker.Invoke(ctx, match.route.Function, event)
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(payload)
}

func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxBody {
		return nil, ErrTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, errBadRequest
	}
	if len(body) > maxBody {
		return nil, ErrTooLarge
	}
	return body, nil
}

// newRequestID has the form of API Gateway's: 16 characters of base64.
func newRequestID() string {
	var id [11]byte
	_, _ = rand.Read(id[:])
	return base64.URLEncoding.EncodeToString(id[:])
}
