// Package httpapi turns an operation of the domain into an http.Handler: it owns request ids, the caller's identity,
// strict JSON, problem documents and the one log line of a request. It knows nothing of AWS.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"qmslicensing/shared/license"
)

// Options says what an endpoint demands.
type Options struct {
	Route   string // "POST /v1/licenses", for the log
	Staff   bool   // the caller must be staff: an access token with the scope and exactly one role
	MaxBody int    // bytes; 0: the endpoint takes no body
	// Nullable names the members of the body that may be null; the others are left out instead.
	Nullable []string
	Query    []string // the query parameters it takes; any other is refused
	// AnyOf lists operations of which the caller's role must be allowed one, else the body is not even read. The
	// domain checks again, with what it knows then.
	AnyOf []license.Operation
}

// Request is what an operation may know of its request besides the decoded body.
type Request struct {
	Caller license.Caller // empty on public routes
	http   *http.Request
}

// Path returns a path parameter, decoded.
func (r Request) Path(name string) string { return r.http.PathValue(name) }

// Query returns a query parameter, "" if it is not there.
func (r Request) Query(name string) string { return r.http.URL.Query().Get(name) }

// Given returns those of the named query parameters that are there, empty ones too.
func (r Request) Given(names []string) map[string]string {
	given, query := map[string]string{}, r.http.URL.Query()
	for _, name := range names {
		if query.Has(name) {
			given[name] = query.Get(name)
		}
	}
	return given
}

// NotEmpty refuses those of the named query parameters that are there without a value.
func (r Request) NotEmpty(names ...string) error {
	var problems []error
	given := r.Given(names)
	for _, name := range names {
		if value, is := given[name]; is && value == "" {
			problems = append(problems, license.Invalid("query:"+name, "The query parameter %s is empty. Give it a value, or leave it out.", name))
		}
	}
	return license.Collect(problems...)
}

// Response is what an operation answers. Body is encoded as JSON, or sent as it is if it is Raw.
type Response struct {
	Status int // 0: 200
	Header http.Header
	Body   any
}

// Raw is a body that is JSON already.
type Raw []byte

// MarshalJSON returns the bytes themselves.
func (r Raw) MarshalJSON() ([]byte, error) { return r, nil }

// Handle makes the handler of an operation. In is the type of its body; endpoints without a body take struct{}.
func Handle[In any](o Options, operation func(ctx context.Context, r Request, in In) (Response, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		identity := identityFrom(r.Context())
		request := Request{http: r, Caller: license.Caller{RequestID: identity.RequestID}}
		response, err := serve(o, r, &request, operation)
		if err != nil {
			response = problemResponse(err, identity.RequestID)
		}
		if response.Status == 0 {
			response.Status = http.StatusOK
		}
		write(w, response)
		logLine(r.Context(), o, request, response, err, time.Since(began))
	})
}

// serve does everything up to the answer. A panic is an internal error.
func serve[In any](o Options, r *http.Request, request *Request, operation func(context.Context, Request, In) (Response, error)) (response Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if o.Staff {
		if request.Caller, err = callerFrom(identityFrom(r.Context())); err != nil {
			return Response{}, err
		}
		if err := authorizeAny(request.Caller, o.AnyOf); err != nil {
			return Response{}, err
		}
	}
	if err := checkQuery(r, o.Query); err != nil {
		return Response{}, err
	}
	ctx, cancel := beforeDeadline(r.Context())
	defer cancel()
	var in In
	if o.MaxBody > 0 {
		if err := decode(r, o, &in); err != nil {
			return Response{}, err
		}
	}
	return operation(ctx, *request, in)
}

// answerMargin is kept before the deadline, to answer instead of being killed.
const answerMargin = time.Second

func beforeDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-answerMargin))
}

// authorizeAny refuses, in the words of the first operation, a caller who may do none of them.
func authorizeAny(caller license.Caller, operations []license.Operation) error {
	var first error
	for _, op := range operations {
		err := caller.Authorize(op)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// decode reads a body strictly: JSON by its content type, one value, no unknown or duplicate member, valid UTF-8, not
// nested too deep.
func decode(r *http.Request, o Options, into any) error {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != "application/json" {
		return license.Refuse(license.UnsupportedMediaType, "Send the body as JSON, with Content-Type: application/json.").At("header:Content-Type")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(o.MaxBody)+1))
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if len(body) > o.MaxBody {
		return license.Refuse(license.PayloadTooLarge, "The body is larger than %d KiB, the most here. Send less.", o.MaxBody>>10)
	}
	if err := checkSyntax(body, o.Nullable); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into, json.RejectUnknownMembers(true)); err != nil {
		return invalidBody(err)
	}
	return nil
}

func write(w http.ResponseWriter, response Response) {
	// What a request brought that is no UTF-8 may be named in a problem.
	body, err := json.Marshal(response.Body, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		slog.Error("encoding an answer", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/json")
	for name, values := range response.Header {
		header[name] = values
	}
	w.WriteHeader(response.Status)
	w.Write(body) // a caller who has gone does not need it
}

// logLine writes the one line of a request. It names no Server Token, license key or token of the caller.
func logLine(ctx context.Context, o Options, r Request, response Response, err error, took time.Duration) {
	level := slog.LevelInfo
	attrs := []slog.Attr{
		slog.String("route", o.Route), slog.Int("status", response.Status), slog.String("requestId", r.Caller.RequestID),
		slog.Duration("took", took),
	}
	if r.Caller.Subject != "" {
		attrs = append(attrs, slog.String("user", r.Caller.Username), slog.String("role", string(r.Caller.Role)))
	}
	if err != nil {
		var refusal *license.Error
		if errors.As(err, &refusal) {
			attrs = append(attrs, slog.String("code", string(refusal.Code)))
		}
		if response.Status >= http.StatusInternalServerError {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", err.Error()))
		}
	}
	slog.LogAttrs(ctx, level, "request", attrs...)
}
