package recovery

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensekey"
)

// Names are the tables of a stack.
type Names struct{ Licenses, Audit string }

// Reader reads single records the way the functions do.
type Reader interface {
	Server(ctx context.Context, token license.ServerToken) (ledger.Server, error)
	Record(ctx context.Context, id string) (ledger.Record, error)
	Document(ctx context.Context, kind, id string) (ledger.Document, bool, error)
}

// Report is what Check counted, and every sentence about what is wrong.
type Report struct {
	Servers, Entries, Licenses, Documents, Verified int
	Wrong                                           []string
}

// check is one run of Check.
type check struct {
	Report
	chains   map[license.ServerToken]chain
	servers  map[license.ServerToken]ledger.Server
	licenses map[string]ledger.Record
	asked    map[string]bool // licenses that an idempotency record names
	lost     map[string]bool
	// corrections are the licenses that were issued in place of wrong ones, by the wrong one's id.
	corrections map[string]string
	documents   map[name]ledger.Document
	written     versions      // what chains hold of them
	bare        map[name]bool // those that chains name and do not hold whole
}

// Check reads both tables whole. Each server's chain must be unbroken from its first entry to the head that the server
// item names; every license must be what its chain says of it, stand in the slot that its status gives it, be named by
// the idempotency record of its request and, once signed, carry a key that verifies and says the same; every request and
// exception must be what its chain says last of it, and agree with the license that took it. lost are the ids
// of licenses that are known to be missing, such as Replay told.
func Check(ctx context.Context, tables Tables, names Names, reader Reader, keys licensekey.Lookup, lost map[string]bool) (Report, error) {
	c := &check{
		servers: map[license.ServerToken]ledger.Server{}, licenses: map[string]ledger.Record{}, asked: map[string]bool{}, lost: lost,
		corrections: map[string]string{}, documents: map[name]ledger.Document{}, written: versions{}, bare: map[name]bool{},
	}
	var err error
	if c.chains, err = readChains(ctx, tables, names.Audit); err != nil {
		return c.Report, err
	}
	if err := scan(ctx, tables, names.Licenses, func(it item) error { return c.read(ctx, reader, it) }); err != nil {
		return c.Report, fmt.Errorf("reading table %s: %w", names.Licenses, err)
	}
	for token := range c.chains { // a chain whose server item is gone
		if _, known := c.servers[token]; !known {
			c.servers[token] = ledger.Server{Token: token}
		}
	}
	last := map[string]said{}
	for _, token := range slices.Sorted(maps.Keys(c.servers)) {
		c.Servers++
		c.Entries += len(c.chains[token])
		c.server(c.servers[token], c.chains[token], last)
	}
	for _, id := range slices.Sorted(maps.Keys(c.licenses)) {
		c.Licenses++
		c.license(c.licenses[id], last, keys)
		c.took(c.licenses[id])
	}
	c.Documents = len(c.documents)
	c.holdDocuments()
	slices.Sort(c.Wrong)
	return c.Report, nil
}

func (c *check) wrong(format string, arguments ...any) {
	c.Wrong = append(c.Wrong, fmt.Sprintf(format, arguments...))
}

// read takes an item of the license table.
func (c *check) read(ctx context.Context, reader Reader, it item) (err error) {
	pk := attribute(it, "pk")
	if id, is := strings.CutPrefix(pk, "license#"); is {
		c.licenses[id], err = reader.Record(ctx, id)
	}
	if token, is := strings.CutPrefix(pk, "server#"); is {
		c.servers[license.ServerToken(token)], err = reader.Server(ctx, license.ServerToken(token))
	}
	switch n := (name{attribute(it, "sk"), strings.TrimPrefix(pk, attribute(it, "sk")+"#")}); n.kind {
	case ledger.KindRequest, ledger.KindException, ledger.KindExceptionRequest, ledger.KindAllowance:
		c.documents[n], _, err = reader.Document(ctx, n.kind, n.id)
	}
	if strings.HasPrefix(pk, "idempotency#") {
		var record ledger.IdempotencyRecord
		err = json.Unmarshal([]byte(attribute(it, "body")), &record)
		c.asked[record.LicenseID] = true
	}
	return err
}

// server checks a chain and the slots, and notes the last that the chain says of each license.
func (c *check) server(server ledger.Server, entries chain, last map[string]said) {
	if broken := entries.broken(); broken != "" {
		c.wrong("server %s: %s", server.Token, broken)
	} else if server.ChainLength != len(entries) || server.ChainHash != entries.head(len(entries)) {
		c.wrong("server %s: its chain has %d entries, the server item knows %d", server.Token, len(entries), server.ChainLength)
	}
	for _, entry := range entries {
		says, err := read(entry)
		if err != nil {
			continue // broken has said so
		}
		c.written.add(server.Token, says)
		for _, bare := range says.bare() {
			c.bare[nameOf(bare)] = true
		}
		if says.License.ServerToken != server.Token {
			continue // of a license that takes this server's one elsewhere, or of something else than a license
		}
		if wrong := says.corrects(); wrong != "" {
			c.corrections[wrong] = says.License.ID
		}
		last[entry.LicenseID] = says
		if says.Voids != "" {
			last[says.Voids] = said{Event: ledger.EventVoided, License: last[says.Voids].License}
		}
		if _, there := c.licenses[entry.LicenseID]; !there && says.Event == ledger.EventIssued && !c.lost[entry.LicenseID] {
			c.wrong("server %s: license %s was issued on %s and is not in the license table", server.Token, entry.LicenseID, says.At.Format("2 January 2006 15:04 MST"))
		}
		if says.License.Sequence > server.Sequence {
			c.wrong("server %s: number %d was given and the server item knows %d as the last", server.Token, says.License.Sequence, server.Sequence)
		}
	}
	for id, status := range map[string]license.Status{
		server.Base.Current: license.Active, server.Temporary.Current: license.Active, server.Base.Pending: license.Pending, server.Temporary.Pending: license.Pending,
		server.Base.Moving: license.Pending,
	} {
		if id != "" && c.licenses[id].Status != status {
			c.wrong("server %s: license %s stands in a slot for one that is %s, and is %q", server.Token, id, status, c.licenses[id].Status)
		}
	}
}

// states are what a license can be after the last event of its chain.
var states = map[ledger.Event][]license.Status{
	ledger.EventIntent: {license.Pending}, ledger.EventIssued: {license.Active, license.Superseded},
	ledger.EventVoided: {license.Void}, ledger.EventRevoked: {license.Revoked},
}

func (c *check) license(r ledger.Record, last map[string]said, keys licensekey.Lookup) {
	says, known := last[r.ID]
	fits := slices.Contains(states[says.Event], r.Status)
	if says.Event == ledger.EventIssued && r.Status == license.Pending && r.LicenseKey == "" {
		fits = true // it was issued after the restored instant, and is finished again
	}
	if right, corrected := c.corrections[r.ID]; corrected && says.Event == ledger.EventIssued {
		fits = r.Status == license.Revoked || fits && c.licenses[right].Status == license.Pending // or it will be
	}
	switch {
	case !known:
		c.wrong("license %s is in no chain", r.ID)
	case !fits:
		c.wrong("license %s is %s, and the last in its chain is that it was %s", r.ID, r.Status, says.Event)
	case lasting(says.License) != lasting(r.License):
		c.wrong("license %s is another than its chain says", r.ID)
	}
	if !c.asked[r.ID] {
		c.wrong("license %s is named by no idempotency record: its request would issue it again", r.ID)
	}
	server := c.servers[r.ServerToken]
	slot := server.Base
	if r.Type == license.Temporary {
		slot = server.Temporary
	}
	if r.Status == license.Active && slot.Current != r.ID || r.Status == license.Pending && slot.Pending != r.ID {
		c.wrong("license %s is %s, and its server's slot holds another", r.ID, r.Status)
	}
	if moving := c.servers[r.MovedFrom].Base.Moving; r.MovedFrom != "" && (r.Status == license.Pending) != (moving == r.ID) {
		c.wrong("license %s is %s, and server %s, which it comes from, has %q leaving", r.ID, r.Status, r.MovedFrom, moving)
	}
	if r.LicenseKey != "" {
		c.key(r, keys)
	}
}

func (c *check) key(r ledger.Record, keys licensekey.Lookup) {
	claims, _, err := licensekey.Verify(string(r.LicenseKey), keys)
	claims.IssuedAt, claims.ExpiresAt = 0, 0
	want := licensekey.Claims{
		ID: r.ID, ServerToken: r.ServerToken, Type: r.Type, ExpiresOn: r.ExpiresOn, Seats: r.Seats, Suite: r.Modules.QMSSuite, Sequence: r.Sequence,
	}
	switch {
	case err != nil:
		c.wrong("license %s does not verify: %v", r.ID, err)
	case claims != want:
		c.wrong("license %s carries a key that says otherwise than its record", r.ID)
	default:
		c.Verified++
	}
}

// lasting is a license without what changes after it was issued.
func lasting(l license.License) license.License {
	l.Version, l.Status, l.Supersedes, l.SupersededBy, l.LicenseKey = 0, "", "", "", ""
	return l
}
