package grants

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// DirVariable names the environment variable with the folder that books are written into. Unset, none is written.
const DirVariable = "QMS_USED_DIR"

// Denial is a request of a running function that the gate refused.
type Denial struct {
	Function string `json:"function"` // logical ID
	Action   string `json:"action"`
	Resource string `json:"resource"` // ARN; of a key of the template its logical ID too
	Reason   string `json:"reason"`   // the end of AWS's sentence
}

func (d Denial) String() string {
	return fmt.Sprintf("%s was refused %s on %s, %s", d.Function, d.Action, d.Resource, d.Reason)
}

// Book notes which grants were used and what running functions were refused. The zero value is empty and ready.
type Book struct {
	mu      sync.Mutex
	used    map[Grant]int
	refused map[Denial]int
}

// Used notes that a grant was used.
func (b *Book) Used(g Grant) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used == nil {
		b.used = map[Grant]int{}
	}
	b.used[g]++
}

// Refused notes that a running function was refused.
func (b *Book) Refused(d Denial) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refused == nil {
		b.refused = map[Denial]int{}
	}
	b.refused[d]++
}

// Uses counts how often each grant was used.
func (b *Book) Uses() map[Grant]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.used)
}

// Denials lists what running functions were refused, each once.
func (b *Book) Denials() []Denial {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.SortedFunc(maps.Keys(b.refused), func(a, b Denial) int { return strings.Compare(a.String(), b.String()) })
}

// page is what one book says in a file.
type page struct {
	Used   []Grant  `json:"used"`
	Denied []Denial `json:"denied"`
}

const pages = "used-*.json"

// Write puts the book into a file of its own in dir. Whoever reads dir meanwhile sees the whole file or none.
func (b *Book) Write(dir string) error {
	uses := slices.SortedFunc(maps.Keys(b.Uses()), byName)
	text, err := json.MarshalIndent(page{Used: uses, Denied: b.Denials()}, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of used grants: %w", err)
	}
	file, err := os.CreateTemp(dir, ".writing-*")
	if err != nil {
		return fmt.Errorf("writing the used grants: %w", err)
	}
	defer os.Remove(file.Name()) // gone already after the rename
	_, err = file.Write(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("writing the used grants: %w", err)
	}
	name := strings.TrimPrefix(filepath.Base(file.Name()), ".writing-")
	return os.Rename(file.Name(), filepath.Join(dir, strings.Replace(pages, "*", name, 1)))
}

// Read joins the books in dir. A folder without one is an error: nothing was run, or the variable did not reach it.
func Read(dir string) (*Book, error) {
	files, err := filepath.Glob(filepath.Join(dir, pages))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no stack has written what it used into %s: run the tests with %s set to that folder", dir, DirVariable)
	}
	joined := &Book{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading used grants: %w", err)
		}
		var p page
		if err := json.Unmarshal(text, &p); err != nil {
			return nil, fmt.Errorf("reading used grants from %s: %w", file, err)
		}
		for _, g := range p.Used {
			joined.Used(g)
		}
		for _, d := range p.Denied {
			joined.Refused(d)
		}
	}
	return joined, nil
}

func byName(a, b Grant) int { return cmp.Compare(a.String(), b.String()) }
