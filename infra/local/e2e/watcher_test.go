package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"

	"qmslicensing/infra/local/gate"
)

// watcher kills functions at the permission gate. It tells one renewal from the others that run at the same time by
// what its calls name, so that many can be killed at once.
type watcher struct {
	mu      sync.Mutex
	watched []*watched
}

// watched is one renewal that is to be killed.
type watched struct {
	*watcher
	kill     kill
	names    [][]byte // the Server Token and the id of the license that is renewed
	instance string   // the process that serves it
	seen     int
	struck   bool
	stopped  bool
	signs    int
}

func (w *watcher) add(k kill, names ...string) *watched {
	w.mu.Lock()
	defer w.mu.Unlock()
	added := &watched{watcher: w, kill: k}
	for _, name := range names {
		added.names = append(added.names, []byte(name))
	}
	w.watched = append(w.watched, added)
	return added
}

// stop ends the killing and reports whether it struck.
func (w *watched) stop() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	return w.struck
}

// signatures counts the calls of KMS for this server since it was added.
func (w *watched) signatures() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.signs
}

func (w *watcher) hooks() gate.Hooks {
	return gate.Hooks{
		Before: func(call gate.Call) *gate.Fault { return w.strike(call, "before") },
		After:  func(call gate.Call, _ int) *gate.Fault { return w.strike(call, "after") },
	}
}

func (w *watcher) strike(call gate.Call, when string) *gate.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.watched {
		if !one.concerns(call) {
			continue
		}
		if call.Action == "kms:Sign" && when == "before" {
			one.signs++
		}
		if one.struck || one.stopped || call.Instance != one.instance || call.Action != one.kill.action || when != one.kill.when {
			continue
		}
		if one.seen++; one.seen == one.kill.nth {
			one.struck = true
			return &gate.Fault{Kill: true}
		}
	}
	return nil
}

// concerns reports whether a call belongs to the renewal's server, and remembers the first process that makes one.
func (w *watched) concerns(call gate.Call) bool {
	text := call.Body
	if call.Action == "kms:Sign" {
		text = payload(call.Body)
	}
	named := false
	for _, name := range w.names {
		named = named || bytes.Contains(text, name)
	}
	if named && w.instance == "" && call.Function == "RenewSubscriptionFunction" {
		w.instance = call.Instance
	}
	return named || call.Instance != "" && call.Instance == w.instance && !w.stopped
}

// payload is what a call of Sign wants signed, in clear.
func payload(body []byte) []byte {
	var sign struct{ Message []byte }
	if json.Unmarshal(body, &sign) != nil {
		return nil
	}
	_, claims, _ := strings.Cut(string(sign.Message), ".")
	text, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		return nil
	}
	return text
}
