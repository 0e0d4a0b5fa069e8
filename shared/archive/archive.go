// Package archive keeps a second copy of every audit entry where nobody can change it: one object an entry, put once.
// The audit table's stream tells what happens to its items. A new entry is copied; anything else that happens to one is
// kept as evidence and said aloud. Objects are named
//
//	audit/<SHA-256 of the Server Token in hex>/<number, 10 digits>.json    an entry
//	changed/<the same>/<number>-<event>.json                               what was done to one
//
// A Server Token stands inside objects, never in a name or a log.
package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"qmslicensing/shared/license"
)

// All is what the name of every entry starts with.
const All = "audit/"

// ErrOther says that an object of that name is there and holds something else.
var ErrOther = errors.New("the archive holds something else under this name")

// Store is where objects are put.
type Store interface {
	// Create puts an object. One of that name that holds the same bytes is success, one that holds others is ErrOther
	// and stays as it is.
	Create(ctx context.Context, name string, body []byte) error
}

// Change is one thing that happened to an item of the audit table, as its stream tells it.
type Change struct {
	EventID string          // the same whenever it is told again
	Before  json.RawMessage // the item in DynamoDB's JSON; empty when there was none
	After   json.RawMessage // likewise
}

// Archiver puts what the stream tells into the store.
type Archiver struct{ store Store }

// NewArchiver returns an Archiver.
func NewArchiver(store Store) *Archiver { return &Archiver{store} }

// Changed is the log's message, at error level, for an audit entry to which anything happened but that it was added
// once. An alarm counts it.
const Changed = "audit entry changed"

// Archive takes one change. It may be told the same change again and in any order. An error means that it must be.
func (a *Archiver) Archive(ctx context.Context, c Change) error {
	if len(c.Before) > 0 {
		how := "modified"
		if len(c.After) == 0 {
			how = "removed"
		}
		return a.keepEvidence(ctx, c, c.Before, how)
	}
	entry, err := entryOf(c.After)
	if err != nil { // no function writes such an item
		return a.keepEvidence(ctx, c, c.After, "is none: "+err.Error())
	}
	body, err := Encode(entry)
	if err != nil {
		return err
	}
	err = a.store.Create(ctx, Name(entry.ServerToken, entry.Number), body)
	if errors.Is(err, ErrOther) {
		return a.keepEvidence(ctx, c, c.After, "added again, with other content")
	}
	if err != nil {
		return fmt.Errorf("archiving audit entry %d of server %s: %w", entry.Number, folder(entry.ServerToken), err)
	}
	return nil
}

// keepEvidence says it before it stores it: an alarm that comes twice is better than none.
func (a *Archiver) keepEvidence(ctx context.Context, c Change, image json.RawMessage, how string) error {
	token, number := keysOf(image)
	server := folder(token)
	slog.ErrorContext(ctx, Changed, "server", server, "number", number, "event", c.EventID, "how", how)
	body, err := json.Marshal(evidence{EventID: c.EventID, How: how, Before: orNull(c.Before), After: orNull(c.After)})
	if err != nil {
		return fmt.Errorf("writing event %s: %w", c.EventID, err)
	}
	err = a.store.Create(ctx, fmt.Sprintf("changed/%s/%s-%s.json", server, number, c.EventID), body)
	if err != nil && !errors.Is(err, ErrOther) { // the same event, written otherwise: it is kept
		return fmt.Errorf("archiving event %s of server %s: %w", c.EventID, server, err)
	}
	return nil
}

// evidence is the content of an object below changed/.
type evidence struct {
	EventID string          `json:"eventId"`
	How     string          `json:"how"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
}

func orNull(image json.RawMessage) json.RawMessage {
	if len(image) == 0 {
		return json.RawMessage("null")
	}
	return image
}

// Folder is what the names of a server's entries start with.
func Folder(token license.ServerToken) string { return All + folder(token) + "/" }

// Name is the name of an entry.
func Name(token license.ServerToken, number int) string {
	return fmt.Sprintf("%s%010d.json", Folder(token), number)
}

func folder(token license.ServerToken) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
