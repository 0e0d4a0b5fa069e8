package recovery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/archive"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Later is something that happened to a license or a document after the restored instant, by its archived audit entry.
type Later struct {
	Event       ledger.Event
	At          time.Time
	By          string // user name
	ServerToken license.ServerToken
	License     license.License       // as it was then, without its license key; without id where none is concerned
	Document    *ledger.AuditDocument // as it was then, where no license is concerned; without version where that is not known
	Now         Now
}

// Now is what a Later is in the restored tables.
type Now string

// Of these Lost and Unknown ask for something to be done; Gone and Mended say what not to do.
const (
	Lost    Now = "is lost: issue it again"
	Gone    Now = "is lost, and was revoked later: do not issue it again, and revoke what it replaced if that is active here"
	Mended  Now = "is lost, and was corrected later: do not issue it again; the license that corrects it is named below or on its own server"
	Waits   Now = "is pending here: the sweep finishes it, the same license with another signature"
	Redone  Now = "is done again here"
	Nothing Now = "leaves nothing to do" // its license is not here either, or the document is here as it was then or later
	PutBack Now = "is put back here"
	Open    Now = "is open again here, as the license that took it is lost"
	Unknown Now = "cannot be put back: the archive names it and does not hold it. Read the history of its server, and make it anew if it is still wanted"
)

// words are what an event did.
var words = map[ledger.Event]string{
	ledger.EventIntent: "was promised", ledger.EventIssued: "was issued", ledger.EventVoided: "was given up", ledger.EventRevoked: "was revoked",
	ledger.EventMoving: "was promised in the place of one here", ledger.EventMoved: "took the place of one here", ledger.EventStays: "was given up, and left one here in its place",
	ledger.EventRequested: "was made", ledger.EventConditionMet: "had a condition met", ledger.EventDeclined: "was declined", ledger.EventWithdrawn: "was withdrawn",
	ledger.EventExceptionAsked: "was made", ledger.EventExceptionGranted: "was granted",
	ledger.EventExceptionDeclined: "was declined", ledger.EventExceptionWithdrawn: "was withdrawn",
}

// String says it so that a person can act on it.
func (l Later) String() string {
	when := l.At.UTC().Format("2 January 2006 15:04:05 UTC")
	if l.License.ID != "" {
		return fmt.Sprintf("%s  %s  license %s (%s, number %d, customer %s) %s by %s: %s",
			when, l.ServerToken, l.License.ID, l.License.Type, l.License.Sequence, l.License.Customer, words[l.Event], l.By, l.Now)
	}
	what, did := "something", words[l.Event]
	if l.Document != nil {
		what = strings.ReplaceAll(l.Document.Kind, "-", " ") + " " + l.Document.ID
	}
	switch {
	case l.Event == ledger.EventIntent:
		did = "was taken by a license"
	case l.Event == ledger.EventVoided:
		did = "was given back by a license that was given up"
	}
	return fmt.Sprintf("%s  %s  %s %s by %s: %s", when, l.ServerToken, what, did, l.By, l.Now)
}

// Store is what Replay writes through: the transaction of every write, and its two parts where tables were restored
// apart.
type Store interface {
	Reader
	Commit(ctx context.Context, c ledger.Commit) error
	CommitAudited(ctx context.Context, c ledger.Commit) error
	PutAudit(ctx context.Context, e ledger.AuditEntry) error
}

// Replayed is what Replay did.
type Replayed struct {
	Confirmed int      // entries that tables and archive have alike
	PutBack   int      // entries that the audit table lacked or the server item did not know
	Documents int      // versions of documents that were put back
	Wrong     []string // servers that were left alone, and why
}

// replay is one run.
type replay struct {
	store     Store
	revoked   map[string]bool // licenses that the archive knows as revoked
	corrected map[string]bool // and those that it knows as corrected: another one was issued for them
	issued    map[string]bool // and those that it knows as signed
	tell      func(Later)
	done      Replayed
}

// Replay puts the archive's entries that the tables do not know behind the restored chains, and what they say can be
// done again: a license that was given up, revoked or corrected is so again, and requests and exceptions are what they
// were; what a lost license took of these is open again. A license that was issued is lost with its key, and limits count
// it all the same. What nobody finds in the archive is not put back: the Idempotency-Key of what is lost, and findings of
// reconciliations. tell is called with each before it is written, so that none is forgotten. No number of a server is
// given twice afterwards and no chain forks. Everything is compared first: a server whose tables and archive contradict
// each other is left alone and named, and an archive that confirms nothing of the tables is another system's, and nothing
// is written. Running it again goes on.
func Replay(ctx context.Context, tables Tables, names Names, store Store, entries iter.Seq2[ledger.AuditEntry, error], tell func(Later)) (Replayed, error) {
	r := &replay{store: store, tell: tell, revoked: map[string]bool{}, corrected: map[string]bool{}, issued: map[string]bool{}}
	chains, err := readChains(ctx, tables, names.Audit)
	if err != nil {
		return r.done, err
	}
	archived, err := r.gather(entries)
	if err != nil {
		return r.done, err
	}
	servers := map[license.ServerToken]ledger.Server{}
	for token := range chains {
		servers[token] = ledger.Server{}
	}
	for token := range archived {
		servers[token] = ledger.Server{}
	}
	var good []license.ServerToken
	for _, token := range slices.Sorted(maps.Keys(servers)) {
		server, err := store.Server(ctx, token)
		if err != nil {
			return r.done, err
		}
		servers[token] = server
		if wrong := contradiction(server, chains[token], archived[token]); wrong != "" {
			r.done.Wrong = append(r.done.Wrong, fmt.Sprintf("server %s is left alone: %s", token, wrong))
			continue
		}
		good = append(good, token)
		r.done.Confirmed += min(len(chains[token]), len(archived[token]))
	}
	if r.done.Confirmed == 0 && len(chains) > 0 {
		return r.done, errors.New("no entry of this archive is in these tables: it is another system's, or empty; nothing was written")
	}
	for _, token := range good {
		if err := r.server(ctx, servers[token], chains[token], archived[token]); err != nil {
			return r.done, fmt.Errorf("putting back what the archive knows of server %s: %w", token, err)
		}
	}
	return r.done, r.documents(ctx, good, archived)
}

// gather reads the archive, each server's entries by number. A damaged object is noted.
func (r *replay) gather(entries iter.Seq2[ledger.AuditEntry, error]) (map[license.ServerToken]chain, error) {
	archived := map[license.ServerToken]chain{}
	for entry, err := range entries {
		switch {
		case errors.Is(err, archive.ErrDamaged):
			r.done.Wrong = append(r.done.Wrong, err.Error())
		case err != nil:
			return nil, fmt.Errorf("reading the archive: %w", err)
		default:
			archived[entry.ServerToken] = append(archived[entry.ServerToken], entry)
			if says, err := read(entry); err == nil {
				r.issued[says.License.ID] = r.issued[says.License.ID] || says.Event == ledger.EventIssued
				r.revoked[says.License.ID] = r.revoked[says.License.ID] || says.Event == ledger.EventRevoked
				if says.corrects() != "" {
					r.corrected[says.corrects()] = true
				}
			}
		}
	}
	for _, c := range archived {
		slices.SortFunc(c, byNumber)
	}
	return archived, nil
}

// contradiction says why what the tables and the archive have of a server cannot both be true.
func contradiction(server ledger.Server, table, archived chain) string {
	if wrong := archived.broken(); wrong != "" {
		return "in the archive: " + wrong
	}
	for _, entry := range table {
		switch {
		case entry.Number < 1:
			return fmt.Sprintf("the table has an entry %d, which no chain has", entry.Number)
		case entry.Number > len(archived):
			return fmt.Sprintf("the archive ends with entry %d and the table has entry %d: the archive lags behind, or the tables were used before it was replayed", len(archived), entry.Number)
		case entry.Hash != archived[entry.Number-1].Hash || !entry.Intact():
			return fmt.Sprintf("entry %d of the table is another than the archive's: the tables were used before the archive was replayed, or one of them was changed", entry.Number)
		}
	}
	if server.ChainLength > len(archived) || server.ChainHash != archived.head(server.ChainLength) {
		return fmt.Sprintf("the server item knows %d entries of another chain than the archive's %d", server.ChainLength, len(archived))
	}
	return ""
}

// server brings one server to the end of its archived chain. Tables that were restored apart may hold an entry that the
// server item does not know, or know one that is not there.
func (r *replay) server(ctx context.Context, server ledger.Server, table, archived chain) error {
	there := map[int]bool{}
	for _, entry := range table {
		there[entry.Number] = true
	}
	for _, entry := range archived {
		if entry.Number <= server.ChainLength {
			if there[entry.Number] {
				continue
			}
			if err := r.store.PutAudit(ctx, entry); err != nil {
				return err
			}
			r.done.PutBack++
			continue
		}
		commit, laters, err := r.next(ctx, &server, entry)
		if err != nil {
			return err
		}
		for _, later := range laters {
			r.tell(later)
		}
		write := r.store.Commit
		if there[entry.Number] {
			write = r.store.CommitAudited
		}
		if err := write(ctx, commit); err != nil {
			return err
		}
		r.done.PutBack++
	}
	return nil
}
