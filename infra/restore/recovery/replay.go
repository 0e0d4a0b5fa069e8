package recovery

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
)

// said is what is read of an audit entry's text.
type said struct {
	Number   int           `json:"number"`
	Previous string        `json:"previous"`
	At       time.Time     `json:"at"`
	Event    issuing.Event `json:"event"`
	By       struct{ Username string }
	License  license.License `json:"license"`
}

// Lost is something that happened to a license after the restored instant, so that the license table does not know it.
type Lost struct {
	Event       issuing.Event
	At          time.Time
	By          string // user name
	ServerToken license.ServerToken
	License     license.License // as it was then, without its license key
}

// String says it so that a person can act on it.
func (l Lost) String() string {
	what := map[issuing.Event]string{
		issuing.EventIntent: "was promised", issuing.EventIssued: "was issued", issuing.EventVoided: "was given up", issuing.EventRevoked: "was revoked",
	}[l.Event]
	return fmt.Sprintf("%s  %s  license %s (%s, number %d, customer %s) %s by %s",
		l.At.UTC().Format("2 January 2006 15:04:05 UTC"), l.ServerToken, l.License.ID, l.License.Type, l.License.Sequence, l.License.Customer, what, l.By)
}

// Store is the part of the functions' store that Replay writes through: the transaction of every write.
type Store interface {
	Server(ctx context.Context, token license.ServerToken) (issuing.Server, error)
	Commit(ctx context.Context, c issuing.Commit) error
}

// Replay puts the archive's entries that the tables do not know behind the restored chains, and returns what they tell,
// oldest first: each is something that was acknowledged and is lost. No number of a server is given twice afterwards and no chain
// forks, although the lost licenses themselves are not made again: their keys are nowhere but with their customers.
func Replay(ctx context.Context, store Store, archive iter.Seq2[issuing.AuditEntry, error]) ([]Lost, error) {
	var lost []Lost
	for entry, err := range archive {
		if err != nil {
			return lost, err
		}
		server, err := store.Server(ctx, entry.ServerToken)
		if err != nil {
			return lost, err
		}
		if entry.Number <= server.ChainLength {
			continue
		}
		says, err := read(entry)
		if err != nil {
			return lost, fmt.Errorf("reading archived entry %d of server %s: %w", entry.Number, entry.ServerToken, err)
		}
		if entry.Number != server.ChainLength+1 || says.Previous != server.ChainHash {
			return lost, fmt.Errorf("archived entry %d of server %s does not follow the restored chain of %d entries: "+
				"the tables were used before the archive was replayed, or an entry is missing from the archive", entry.Number, entry.ServerToken, server.ChainLength)
		}
		before := server.ChainLength
		server.ChainLength, server.ChainHash = entry.Number, entry.Hash
		server.Sequence = max(server.Sequence, says.License.Sequence)
		if err := store.Commit(ctx, issuing.Commit{Server: server, ChainBefore: before, Audit: entry}); err != nil {
			return lost, fmt.Errorf("putting entry %d of server %s back: %w", entry.Number, entry.ServerToken, err)
		}
		lost = append(lost, Lost{says.Event, says.At, says.By.Username, entry.ServerToken, says.License})
	}
	slices.SortStableFunc(lost, func(a, b Lost) int { return a.At.Compare(b.At) })
	return lost, nil
}
