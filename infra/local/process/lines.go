package process

import (
	"bytes"
	"io"
	"sync"
)

const longestLine = 256 << 10

// Lines is a writer that hands on whole lines, without their end. A longer line than 256 KiB is handed on in parts.
func Lines(line func(string)) io.Writer { return &lineWriter{line: line} }

// Prefixed writes whole lines to w, each with a prefix and in a single Write.
func Prefixed(w io.Writer, prefix string) io.Writer {
	return Lines(func(line string) { _, _ = io.WriteString(w, prefix+line+"\n") })
}

type lineWriter struct {
	mu   sync.Mutex
	rest []byte
	line func(string)
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 {
			break
		}
		w.line(string(bytes.TrimSuffix(w.rest[:end], []byte("\r"))))
		w.rest = w.rest[end+1:]
	}
	if len(w.rest) > longestLine {
		w.line(string(w.rest))
		w.rest = nil
	}
	return len(p), nil
}
