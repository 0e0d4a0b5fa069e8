package gate

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"qmslicensing/infra/local/metrics"
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

// metricsOperation reads the operation from the path of a request to CloudWatch.
func metricsOperation(r *http.Request) (string, error) {
	_, operation, ours := strings.Cut(r.URL.Path, "/service/GraniteServiceVersion20100801/operation/")
	if !ours || operation != "GetMetricData" {
		return "", failure{coral: true, name: "UnknownOperationException", message: "the gate knows GetMetricData alone, not " + r.URL.Path}
	}
	return operation, nil
}

// refuseMetrics answers in CloudWatch's CBOR.
func refuseMetrics(w http.ResponseWriter, err error) {
	f := asFailure(err)
	metrics.Refuse(w, statusOf(f.name), f.name, f.message)
}

// Held is an upstream's answer that is held back until it has been looked at: serve it, then Replay it.
type Held struct {
	Status int
	Body   []byte
	header http.Header
}

// Hold returns an empty one.
func Hold() *Held { return &Held{Status: http.StatusOK, header: http.Header{}} }

// Header implements http.ResponseWriter.
func (h *Held) Header() http.Header { return h.header }

// WriteHeader implements http.ResponseWriter.
func (h *Held) WriteHeader(status int) { h.Status = status }

// Write implements http.ResponseWriter.
func (h *Held) Write(b []byte) (int, error) {
	h.Body = append(h.Body, b...)
	return len(b), nil
}

// Replay gives the answer to whom it is for.
func (h *Held) Replay(w http.ResponseWriter) {
	maps.Copy(w.Header(), h.header)
	w.WriteHeader(h.Status)
	_, _ = w.Write(h.Body) // the caller has gone: nothing is left to tell it
}
