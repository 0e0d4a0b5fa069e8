package invoke

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// run is one run of SAM with its files. Its folder is named by the mark that its containers carry, and stays locked as
// long as the run lives: what is unlocked was killed, and the next run removes its containers.
type run struct {
	mark string
	dir  string
	lock *os.File
}

// newRun makes the folder of a run below dir, and calls remove for every run that has ended without its own: that run's
// folder goes with its containers, and stays for the next time when remove fails.
func newRun(dir string, remove func(mark string) error) (*run, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder of SAM's runs: %w", err)
	}
	all, err := lockFile(filepath.Join(dir, "lock"), syscall.LOCK_EX)
	if err != nil {
		return nil, err
	}
	defer all.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		left := &run{mark: entry.Name(), dir: filepath.Join(dir, entry.Name())}
		if left.lock, err = lockFile(left.file("lock"), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			left.end(remove(left.mark))
		}
	}
	r := &run{mark: newMark()}
	r.dir = filepath.Join(dir, r.mark)
	if err := os.Mkdir(r.dir, 0o700); err != nil {
		return nil, err
	}
	r.lock, err = lockFile(r.file("lock"), syscall.LOCK_EX)
	return r, err
}

func lockFile(path string, how int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), how); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func (r *run) file(name string) string { return filepath.Join(r.dir, name) }

// end gives the run up. With its containers removed its folder goes; else the next run finds them by it.
func (r *run) end(removed error) {
	if removed == nil {
		_ = os.RemoveAll(r.dir)
	}
	if r.lock != nil {
		_ = r.lock.Close()
	}
}

// tail writes the lines that somebody wants to read to a log, and keeps the last of all for an error's text.
type tail struct {
	log  io.Writer
	mu   sync.Mutex
	last []string
}

const kept = 15

func newTail(log io.Writer) *tail { return &tail{log: log} }

func (t *tail) line(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	t.mu.Lock()
	t.last = append(t.last[max(0, len(t.last)-kept+1):], line)
	t.mu.Unlock()
	if !usual(line) {
		fmt.Fprintf(t.log, "sam: %s\n", line)
	}
}

// String is the last lines.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.last, "\n")
}

// usual reports what SAM says at every start and at every invocation.
func usual(line string) bool {
	for _, part := range []string{
		"START RequestId: ", "END RequestId: ", "REPORT RequestId: ", "Invoking bootstrap (", "' is already running", "/invocations HTTP/1.1\" 200",
		"Requested to skip pulling images", "inside runtime container", "SAM_CONTAINER_ID: ", "Building image.", "Local image was not found",
		"Removing rapid images", "Initializing the lambda functions containers", "Containers created.", " containers to be running", " containers running after ",
		"All containers are ready", "Starting the Local Lambda Service", "This is a development server", "Running on http://127.0.0.1", "Press CTRL+C",
		"No current session found", "\"GET / HTTP/1.1", "/ HTTP/1.1",
	} {
		if strings.Contains(line, part) {
			return true
		}
	}
	return false
}
