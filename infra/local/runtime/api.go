package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"qmslicensing/infra/local/template"
)

// registry finds a process by its token: each has a base path of its own in the Runtime API, so no two can mix.
type registry struct {
	mu      sync.Mutex
	byToken map[string]*instance
}

func newRegistry() *registry { return &registry{byToken: map[string]*instance{}} }

func (r *registry) add(i *instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byToken[i.token] = i
}

func (r *registry) remove(i *instance) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byToken, i.token)
}

func (r *registry) find(token string) *instance {
	r.mu.Lock()
	i := r.byToken[token]
	r.mu.Unlock()
	if i == nil {
		return nil
	}
	<-i.started
	return i
}

func (r *registry) handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, serve func(http.ResponseWriter, *http.Request, *instance)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			i := r.find(req.PathValue("token"))
			if i == nil {
				refuse(w, http.StatusForbidden, "UnknownProcess", "no running process has this address")
				return
			}
			serve(w, req, i)
		})
	}
	handle("GET /{token}/2018-06-01/runtime/invocation/next", next)
	handle("POST /{token}/2018-06-01/runtime/invocation/{id}/response", response)
	handle("POST /{token}/2018-06-01/runtime/invocation/{id}/error", failure)
	handle("POST /{token}/2018-06-01/runtime/init/error", initError)
	return mux
}

func next(w http.ResponseWriter, r *http.Request, i *instance) {
	inv, ok := i.next(r.Context().Done())
	if !ok {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(inv.event)))
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn",
		fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", template.Region, template.Account, i.function.Name))
	h.Set("Lambda-Runtime-Trace-Id",
		fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), randomHex(12), randomHex(8)))
	_, _ = w.Write(inv.event)
}

func response(w http.ResponseWriter, r *http.Request, i *instance) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxResponse))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		i.finish(r.PathValue("id"), outcome{err: errors.New("Function.ResponseSizeTooLarge")})
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxResponse))
		return
	}
	if err != nil {
		return // the process has gone in the middle of its answer; its end is the outcome
	}
	accept(w, i.finish(r.PathValue("id"), outcome{payload: payload}))
}

func failure(w http.ResponseWriter, r *http.Request, i *instance) {
	accept(w, i.finish(r.PathValue("id"), outcome{err: reported(r)}))
}

// initError only takes note: the process ends by itself, and that is the outcome.
func initError(w http.ResponseWriter, r *http.Request, _ *instance) {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20))
	accept(w, true)
}

// reported is the failure that a function reports. Its message goes to the function's own log, so only the type is kept.
func reported(r *http.Request) error {
	var said struct {
		ErrorType string `json:"errorType"`
	}
	_ = json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&said)
	if said.ErrorType == "" {
		said.ErrorType = r.Header.Get("Lambda-Runtime-Function-Error-Type")
	}
	return fmt.Errorf("function reported an error of type %q", said.ErrorType)
}

func accept(w http.ResponseWriter, known bool) {
	if !known {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorMessage": text, "errorType": kind})
}
