package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"qmslicensing/shared/license"
)

// Damage is what somebody did to an audit chain.
type Damage string

// The damages that Verify tells apart.
const (
	Edited    Damage = "edited"    // an entry says something else than it did
	Deleted   Damage = "deleted"   // an entry is missing between others
	Inserted  Damage = "inserted"  // an entry stands there that no write has made
	Reordered Damage = "reordered" // entries stand in each other's places
	TailCut   Damage = "tail-cut"  // the last entries are missing
	Replaced  Damage = "replaced"  // the whole chain is another than it was at a checkpoint
	HeadLost  Damage = "head-lost" // the server item, which knows where the chain ends, is gone
)

// Break is the first broken link of a chain. Number is that of the entry, from 1.
type Break struct {
	Number int    `json:"number"`
	Kind   Damage `json:"kind"`
	Detail string `json:"detail"` // a sentence
}

// Checkpoint is a link of a chain that somebody has kept elsewhere: what the chain was once, it must still be.
type Checkpoint struct {
	Number int    `json:"number"`
	Hash   string `json:"hash"`
}

// String writes a checkpoint as ParseCheckpoint reads it: its number, a colon, and its hash.
func (c Checkpoint) String() string { return strconv.Itoa(c.Number) + ":" + c.Hash }

// ParseCheckpoint reads what String writes: 12:5f3a… with 64 hex digits.
func ParseCheckpoint(text string) (Checkpoint, error) {
	number, hash, _ := strings.Cut(text, ":")
	n, err := strconv.Atoi(number)
	c := Checkpoint{n, hash}
	wrong := strings.Trim(hash, "0123456789abcdef") != ""
	if err != nil || n < 1 || len(hash) != 64 || wrong || c.String() != text {
		return Checkpoint{}, fmt.Errorf("%q is not a checkpoint: a number, a colon and 64 hex digits, as an earlier history gave it", text)
	}
	return c, nil
}

// chain is the entries of one server in the order of their numbers, each with what its text says.
type chain struct {
	entries []AuditEntry
	says    []AuditText
	sound   []bool // its text can be read, and its hash is that of its text
}

func read(entries []AuditEntry) chain {
	c := chain{entries: entries, says: make([]AuditText, len(entries)), sound: make([]bool, len(entries))}
	for n, e := range entries {
		c.sound[n] = json.Unmarshal(e.Text, &c.says[n]) == nil && e.Intact()
	}
	return c
}

// Verify computes the chain of a server again and names the first broken link; nil where every link holds. entries are
// all of the server's in the order of their numbers; head is its server item, not older than they are; checkpoints are
// of the same server. Only a checkpoint finds a chain that was replaced as a whole, with its server item.
func Verify(entries []AuditEntry, head Server, checkpoints ...Checkpoint) *Break {
	c := read(entries)
	if found := c.follow(); found != nil {
		return found
	}
	last := len(entries)
	if head.ChainLength == 0 && last > 0 {
		return &Break{last, HeadLost, fmt.Sprintf("The server item is gone or empty, and there are %d audit entries.", last)}
	}
	if last < head.ChainLength {
		return &Break{last + 1, TailCut, fmt.Sprintf("The chain ends with entry %d; the server item knows %d entries.", last, head.ChainLength)}
	}
	for _, kept := range checkpoints {
		if kept.Number > last || entries[kept.Number-1].Hash != kept.Hash {
			return &Break{kept.Number, Replaced, fmt.Sprintf("Entry %d is another than the one of the checkpoint: the chain was replaced since then.", kept.Number)}
		}
	}
	if last > head.ChainLength {
		return &Break{head.ChainLength + 1, Inserted, fmt.Sprintf("Entry %d stands after the end of the chain: the server item knows %d entries.", head.ChainLength+1, head.ChainLength)}
	}
	if last > 0 && entries[last-1].Hash != head.ChainHash {
		return &Break{last, Edited, fmt.Sprintf("Entry %d is the last, and the server item knows it by another hash: one of the two was changed.", last)}
	}
	return nil
}

// entriesAtOnce bounds what ReadChain asks for at a time.
const entriesAtOnce = 500

// ReadChain reads the whole chain of a server with the head that goes with it: what is written meanwhile is not in it,
// and what stands after the head is.
func ReadChain(ctx context.Context, from ChainReader, token license.ServerToken) (Server, []AuditEntry, error) {
	head, err := from.Server(ctx, token)
	if err != nil {
		return head, nil, err
	}
	var entries []AuditEntry
	for after := -1; ; after = entries[len(entries)-1].Number {
		page, err := from.AuditEntries(ctx, token, after, entriesAtOnce)
		if err != nil {
			return head, nil, err
		}
		entries = append(entries, page...)
		if len(page) < entriesAtOnce {
			break
		}
	}
	if len(entries) == 0 || entries[len(entries)-1].Number <= head.ChainLength {
		return head, entries, nil
	}
	now, err := from.Server(ctx, token)
	if entries[len(entries)-1].Number > now.ChainLength {
		return now, entries, err
	}
	written := slices.IndexFunc(entries, func(e AuditEntry) bool { return e.Number > head.ChainLength })
	return head, entries[:written], err
}

// Follow is Verify without a head: it names the first link that does not follow the one before it.
func Follow(entries []AuditEntry) *Break { return read(entries).follow() }

func (c chain) follow() *Break {
	previous := ""
	for at, e := range c.entries {
		number := at + 1
		if e.Number == number && c.is(at, number, previous) {
			previous = e.Hash
			continue
		}
		return c.classify(at, previous)
	}
	return nil
}

// is reports whether the entry at a place is the one of that number that follows the given hash.
func (c chain) is(at, number int, previous string) bool {
	return c.sound[at] && c.says[at].Number == number && c.says[at].Previous == previous && c.says[at].ServerToken == c.entries[at].ServerToken
}

// classify says what happened at the first place whose entry is not the one that belongs there.
func (c chain) classify(at int, previous string) *Break {
	number, e := at+1, c.entries[at]
	where := c.find(number, previous)
	switch {
	case e.Number != number && where < 0:
		return &Break{number, Deleted, fmt.Sprintf("Entry %d is missing; the next one is entry %d.", number, e.Number)}
	case where >= 0 && c.numbers():
		return &Break{number, Reordered, fmt.Sprintf("Entry %d stands in the place of entry %d.", number, c.entries[where].Number)}
	case where >= 0:
		return &Break{number, Inserted, fmt.Sprintf("An entry that does not belong to the chain stands in the place of entry %d, which has moved to %d.", number, c.entries[where].Number)}
	case !c.sound[at]:
		return &Break{number, Edited, fmt.Sprintf("Entry %d was changed: its hash is not that of what it says.", number)}
	case at > 0 && c.repeats(at-1):
		return &Break{number - 1, Inserted, fmt.Sprintf("An entry that no write has made stands in the place of entry %d; the one that was there has moved to %d.", number-1, number)}
	case c.says[at].Number > number:
		return &Break{number, Deleted, fmt.Sprintf("Entry %d is missing: the one in its place says that it is entry %d.", number, c.says[at].Number)}
	case c.says[at].Number != number || c.says[at].ServerToken != e.ServerToken:
		return &Break{number, Inserted, fmt.Sprintf("The entry in the place of entry %d is entry %d of server %s.", number, c.says[at].Number, c.says[at].ServerToken.Tail())}
	case at > 0 && c.holds(at):
		return &Break{number - 1, Edited, fmt.Sprintf("Entry %d was changed: entry %d was written after another one.", number-1, number)}
	}
	return &Break{number, Edited, fmt.Sprintf("Entry %d was changed: it does not follow the one before it.", number)}
}

// find returns the place of the entry of that number that follows the given hash; -1 for none.
func (c chain) find(number int, previous string) int {
	for at := range c.entries {
		if c.is(at, number, previous) {
			return at
		}
	}
	return -1
}

// numbers reports whether the entries' own numbers are those from 1 on, in whatever order.
func (c chain) numbers() bool {
	said := make([]int, len(c.says))
	for n, s := range c.says {
		said[n] = s.Number
	}
	slices.Sort(said)
	for n, number := range said {
		if number != n+1 {
			return false
		}
	}
	return true
}

// repeats reports whether the entry after a place says the same number and follows the same hash.
func (c chain) repeats(at int) bool {
	return c.sound[at+1] && c.says[at+1].Number == c.says[at].Number && c.says[at+1].Previous == c.says[at].Previous
}

// holds reports whether the link after a place holds, so that the break is before it.
func (c chain) holds(at int) bool {
	return at+1 < len(c.entries) && c.sound[at+1] && c.says[at+1].Previous == c.entries[at].Hash || at+1 == len(c.entries)
}

// Events lists every event, in the order above. Tests range over it.
func Events() []Event {
	return []Event{
		EventIntent, EventIssued, EventVoided, EventRevoked, EventMoving, EventMoved, EventStays,
		EventRequested, EventConditionMet, EventDeclined, EventWithdrawn, EventExceptionAsked, EventExceptionGranted,
		EventExceptionDeclined, EventExceptionWithdrawn,
	}
}

// Operations lists every operation. Tests range over it.
func Operations() []Operation { return []Operation{OpIssue, OpRenew, OpAmend, OpCorrect, OpRehost} }
