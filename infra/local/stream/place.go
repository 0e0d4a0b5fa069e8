package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// place remembers how far a stream has been read. What it does not remember is delivered again, as Lambda may do, too.
type place struct {
	file string

	Stream string           // its ARN: a table made anew has another
	Shards map[string]shard // by id
}

type shard struct {
	After string // the sequence number of the last record that was delivered
	Ended bool
}

func readPlace(file string) (*place, error) {
	p := &place{file: file, Shards: map[string]shard{}}
	if file == "" {
		return p, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil {
		return nil, fmt.Errorf("reading how far a stream was read: %w; without %s it is read again from its beginning", err, file)
	}
	return p, nil
}

// of begins anew when the stream is another.
func (p *place) of(stream string) {
	if p.Stream != stream {
		p.Stream, p.Shards = stream, map[string]shard{}
	}
}

func (p *place) after(id string) string  { return p.Shards[id].After }
func (p *place) hasEnded(id string) bool { return p.Shards[id].Ended }

func (p *place) reached(id, sequence string) error {
	p.Shards[id] = shard{After: sequence}
	return p.write()
}

func (p *place) ended(id string) error {
	p.Shards[id] = shard{After: p.Shards[id].After, Ended: true}
	return p.write()
}

func (p *place) write() error {
	if p.file == "" {
		return nil
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(p.file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(p.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(p.file+".new", p.file)
}
