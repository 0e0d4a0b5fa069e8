package gate

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
)

// failure is an error that the gate answers itself.
type failure struct {
	name    string
	message string
	coral   bool           // of the layer before the service: authentication, permissions, dispatch
	members map[string]any // further members of the error, such as CancellationReasons
}

func (f failure) Error() string { return f.name + ": " + f.message }

// answer writes AWS's shape of an error. Both spellings of message occur on AWS, and the SDKs read both.
func answer(w http.ResponseWriter, f failure) {
	body := map[string]any{"__type": f.name, "message": f.message}
	maps.Copy(body, f.members)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(statusOf(f.name))
	_ = json.NewEncoder(w).Encode(body) // the caller has gone: nothing is left to tell it
}

// statusOf gives the HTTP status that goes with an error's name; the SDKs retry from 500 on.
func statusOf(name string) int {
	switch name[strings.LastIndex(name, "#")+1:] {
	case "InternalServerError", "KMSInternalException", "KeyUnavailableException":
		return http.StatusInternalServerError
	case "DependencyTimeoutException", "ServiceUnavailable":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// recorder holds an upstream's answer back until the faults after it have been asked.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) Header() http.Header    { return r.header }
func (r *recorder) WriteHeader(status int) { r.status = status }
func (r *recorder) Write(b []byte) (int, error) {
	r.body = append(r.body, b...)
	return len(b), nil
}

func (r *recorder) replay(w http.ResponseWriter) {
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the caller has gone: nothing is left to tell it
}
