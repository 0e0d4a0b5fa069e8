// Package s3 is an S3 endpoint for one machine: the few operations that the archive needs, objects in files. Every bucket
// is locked: what is there can be neither replaced nor deleted. On AWS a second put would make a newer version that hides
// the first, and a deletion a marker that does; the archive's bucket policy forbids both, and here nothing else is known.
// It knows no permissions: the gate stands in front of it.
package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Server holds the buckets below one folder.
type Server struct {
	dir     string
	buckets map[string]bool
}

// NewServer makes the folders of the buckets below dir unless they are there.
func NewServer(dir string, buckets ...string) (*Server, error) {
	s := &Server{dir: dir, buckets: map[string]bool{}}
	for _, bucket := range buckets {
		if bucket == "" || strings.ContainsAny(bucket, `/\`) || strings.HasPrefix(bucket, ".") {
			return nil, fmt.Errorf("making bucket %q: the name is not one of S3", bucket)
		}
		if err := os.MkdirAll(filepath.Join(dir, bucket), 0o700); err != nil {
			return nil, fmt.Errorf("making bucket %s: %w", bucket, err)
		}
		s.buckets[bucket] = true
	}
	return s, nil
}

// ServeHTTP takes requests with the bucket in the path.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-amz-request-id", fmt.Sprintf("%016X", time.Now().UnixNano()))
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var err error
	switch {
	case !s.buckets[bucket]:
		err = failure{http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist"}
	case key == "" && r.Method == http.MethodGet && r.URL.Query().Get("list-type") == "2":
		err = s.list(w, r, bucket)
	case key == "":
		err = notImplemented(r)
	case len(encode(key)) > maxName:
		err = failure{http.StatusBadRequest, "KeyTooLongError", "Your key is too long"}
	case r.Method == http.MethodPut:
		err = s.put(w, r, bucket, key)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		err = s.get(w, bucket, key)
	case r.Method == http.MethodDelete:
		err = locked()
	default:
		err = notImplemented(r)
	}
	if err != nil {
		refuse(w, err)
	}
}

// failure is an error as S3 answers it.
type failure struct {
	status  int
	code    string
	message string
}

func (f failure) Error() string { return f.code + ": " + f.message }

func locked() failure {
	return failure{http.StatusForbidden, "AccessDenied", "Access Denied because object protected by object lock."}
}

func notImplemented(r *http.Request) failure {
	return failure{http.StatusNotImplemented, "NotImplemented", "the local S3 endpoint does not know this use of " + r.Method + " " + r.URL.Path}
}

func refuse(w http.ResponseWriter, err error) {
	f, ok := err.(failure)
	if !ok {
		f = failure{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	writeXML(w, f.status, struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: f.code, Message: f.message})
}

func writeXML(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(xml.Header)) // the caller has gone: nothing is left to tell it
	_ = xml.NewEncoder(w).Encode(value)
}
