package stack

import (
	"io"
	"sync"
)

// output lets many write to one writer, and nobody any more once the stack is closed: a test's output may not be
// written to after the test.
type output struct {
	mu    sync.Mutex
	w     io.Writer
	ended bool
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		return len(p), nil
	}
	return o.w.Write(p)
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
}
