// Package kms is a KMS endpoint for one machine: real P-256 signatures by keys in files, behind KMS's own wire format,
// limits, key states and error names. It knows no permissions: the gate stands in front of it.
package kms

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server holds the keys below one folder.
type Server struct {
	dir     string
	region  string
	account string

	mu      sync.Mutex
	keys    map[string]*key
	aliases map[string]string // alias/name → key id
	usage   map[string]*usage
	minutes map[int64]int // calls of Sign by the minute since 1970, as CloudWatch counts them
}

// usage is what tests arm and count. It does not survive a restart.
type usage struct {
	calls      int // of Sign, answered in whatever way
	signatures int // made
	fail       string
	delay      time.Duration
}

// NewServer reads the keys below dir, which it makes if need be. region and account are those that its ARNs name.
func NewServer(dir, region, account string) (*Server, error) {
	s := &Server{
		dir: dir, region: region, account: account,
		keys: map[string]*key{}, aliases: map[string]string{}, usage: map[string]*usage{}, minutes: map[int64]int{},
	}
	keys, err := readKeys(dir)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if err := s.conflict(k.ID, k.Aliases); err != nil {
			return nil, err
		}
		s.add(k)
	}
	return s, nil
}

// EnsureKey makes the key of that id, an ECC_NIST_P256 key for signing, unless it exists, and gives it these tags and
// aliases ("alias/…"). It is how the template's keys come to be; the API's CreateKey chooses ids itself.
func (s *Server) EnsureKey(id string, tags map[string]string, aliases ...string) error {
	if id == "" || strings.ContainsAny(id, "/:.") {
		return fmt.Errorf("making key %q: the id is not one of KMS", id)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.conflict(id, aliases); err != nil {
		return err
	}
	made, err := s.keys[id].orNew(id)
	if err != nil {
		return err
	}
	made.Tags, made.Aliases = tags, aliases
	if err := made.write(s.dir); err != nil {
		return err
	}
	s.add(made)
	return nil
}

func (s *Server) conflict(id string, aliases []string) error {
	for _, alias := range aliases {
		if owner, taken := s.aliases[alias]; taken && owner != id {
			return fmt.Errorf("%s is an alias of key %s and of key %s", alias, owner, id)
		}
	}
	return nil
}

// add puts a key into the tables; the caller holds the lock or is alone.
func (s *Server) add(k *key) {
	maps.DeleteFunc(s.aliases, func(_, owner string) bool { return owner == k.ID })
	for _, alias := range k.Aliases {
		s.aliases[alias] = k.ID
	}
	s.keys[k.ID] = k
	if s.usage[k.ID] == nil {
		s.usage[k.ID] = &usage{}
	}
}

// ARN is the key's, by its id.
func (s *Server) ARN(id string) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:key/%s", s.region, s.account, id)
}

// Fail lets every Sign by that key answer the named KMS error, such as KMSInternalException; an empty name ends it.
func (s *Server) Fail(id, errorName string) error {
	return s.arm(id, func(u *usage) { u.fail = errorName })
}

// Delay lets every Sign by that key take so much longer.
func (s *Server) Delay(id string, delay time.Duration) error {
	return s.arm(id, func(u *usage) { u.delay = delay })
}

func (s *Server) arm(id string, change func(*usage)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.usage[id]
	if !ok {
		return fmt.Errorf("there is no key %s", id)
	}
	change(u)
	return nil
}

// Signatures counts those made by that key since the start.
func (s *Server) Signatures(id string) int {
	return s.used(id).signatures
}

// Calls counts the calls of Sign for that key since the start, however they ended.
func (s *Server) Calls(id string) int {
	return s.used(id).calls
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// CallsBetween counts the calls of Sign for all keys from one whole minute until before another.
func (s *Server) CallsBetween(from, to time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for minute, calls := range s.minutes {
		if minute >= minuteOf(from) && minute < minuteOf(to) {
			n += calls
		}
	}
	return n
}

// CountCalls counts calls that were made at an instant which is over: for tests of what reads the counts.
func (s *Server) CountCalls(at time.Time, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.minutes[minuteOf(at)] += n
}

func (s *Server) used(id string) usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.usage[id]; ok {
		return *u
	}
	return usage{}
}

// maxBody bounds a request; the largest valid one is a 4,096-byte message in base64.
const maxBody = 64 << 10

// ServeHTTP speaks AWS JSON 1.1.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("x-amzn-RequestId", NewID())
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		writeFailure(w, failf("ValidationException", "the request is larger than %d bytes", maxBody))
		return
	}
	answer, err := s.dispatch(strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService."), body)
	if err != nil {
		writeFailure(w, err)
		return
	}
	if answer == nil { // KMS answers some operations with an empty body
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // the caller has gone: nothing is left to tell it
}

func (s *Server) dispatch(operation string, body []byte) (any, error) {
	switch operation {
	case "CreateKey":
		return decoded(body, s.createKey)
	case "DescribeKey":
		return decoded(body, s.describeKey)
	case "GetPublicKey":
		return decoded(body, s.getPublicKey)
	case "Sign":
		return decoded(body, s.sign)
	case "EnableKey":
		return decoded(body, s.enableKey)
	case "DisableKey":
		return decoded(body, s.disableKey)
	case "ScheduleKeyDeletion":
		return decoded(body, s.scheduleKeyDeletion)
	case "CancelKeyDeletion":
		return decoded(body, s.cancelKeyDeletion)
	}
	return nil, failf("UnknownOperationException", "%q is not an operation of this endpoint", operation)
}

func decoded[Request any](body []byte, operation func(Request) (any, error)) (any, error) {
	var request Request
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, failf("SerializationException", "%v", err)
	}
	return operation(request)
}

// failure is an error as KMS names it.
type failure struct {
	Type    string `json:"__type"`
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Type + ": " + f.Message }

func failf(kind, format string, arguments ...any) error {
	return &failure{Type: kind, Message: fmt.Sprintf(format, arguments...)}
}

func writeFailure(w http.ResponseWriter, err error) {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{Type: "KMSInternalException", Message: err.Error()}
	}
	w.WriteHeader(statusOf(f.Type))
	_ = json.NewEncoder(w).Encode(f)
}

// statusOf gives the HTTP status that the KMS API reference lists for the error; the SDKs retry those from 500 on.
func statusOf(kind string) int {
	switch kind {
	case "KMSInternalException", "KeyUnavailableException":
		return http.StatusInternalServerError
	case "DependencyTimeoutException":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// NewID is a random UUID, version 4.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
