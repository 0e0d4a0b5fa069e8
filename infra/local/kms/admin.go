package kms

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// KeyReport is what the admin surface tells of a key.
type KeyReport struct {
	ID         string            `json:"id"`
	ARN        string            `json:"arn"`
	State      string            `json:"state"`
	Tags       map[string]string `json:"tags"`
	Calls      int               `json:"calls"`
	Signatures int               `json:"signatures"`
	Fail       string            `json:"fail,omitempty"`
	Delay      string            `json:"delay,omitempty"`
}

// Admin lets tests in other processes do what KMS's own API does not offer or a function may not do:
//
//	GET  /keys                              every key with its counts
//	POST /keys/{id}/enable | disable        change its state
//	POST /keys/{id}/fail   {"error": "…"}   every Sign answers that error; an empty one ends it
//	POST /keys/{id}/delay  {"delay": "1s"}  every Sign takes so much longer
//
// It has no permissions: serve it on the machine's own address only.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.Report())
	})
	mux.HandleFunc("POST /keys/{id}/{action}", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Error, Delay string }
		if r.ContentLength != 0 {
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		if err := s.administer(r.PathValue("id"), r.PathValue("action"), body.Error, body.Delay); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func (s *Server) administer(id, action, errorName, delay string) error {
	switch action {
	case "enable":
		_, err := s.enableKey(keyRequest{KeyID: id})
		return err
	case "disable":
		_, err := s.disableKey(keyRequest{KeyID: id})
		return err
	case "fail":
		return s.Fail(id, errorName)
	case "delay":
		duration, err := time.ParseDuration(delay)
		if err != nil {
			return err
		}
		return s.Delay(id, duration)
	}
	return failf("UnknownOperationException", "%q is none of enable, disable, fail, delay", action)
}

// Report tells of every key, ordered by id.
func (s *Server) Report() []KeyReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	reports := []KeyReport{}
	for id, k := range s.keys {
		u := s.usage[id]
		report := KeyReport{ID: id, ARN: s.ARN(id), State: k.State, Tags: k.Tags, Calls: u.calls, Signatures: u.signatures, Fail: u.fail}
		if u.delay > 0 {
			report.Delay = u.delay.String()
		}
		reports = append(reports, report)
	}
	slices.SortFunc(reports, func(a, b KeyReport) int { return strings.Compare(a.ID, b.ID) })
	return reports
}
