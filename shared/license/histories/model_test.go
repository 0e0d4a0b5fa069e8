package histories_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// model is the reference: what there should be, said a second time and more simply than the system says it. It knows
// nothing of transactions, leases or signatures: a license is promised, and then kept or given up.
type model struct {
	servers  map[license.ServerToken]*server
	licenses map[string]*entry
	lineages map[string][]time.Time // when each was re-hosted
	granted  map[string]*allowance  // exceptions by their ids
	newest   map[string]*allowance  // the newest by subject and rule
	issued   map[string]int         // licenses by person and day
	requests []*request
	asks     []*ask
	pending  *promise // the license that a dead process has left; nil: none
	tally    tally
}

func newModel(counts tally) *model {
	return &model{
		servers: map[license.ServerToken]*server{}, licenses: map[string]*entry{}, lineages: map[string][]time.Time{},
		granted: map[string]*allowance{}, newest: map[string]*allowance{}, issued: map[string]int{}, tally: counts,
	}
}

// server is a server's two slots and what its limits count.
type server struct {
	sequence    int
	base        *entry
	temporary   *entry
	highest     *entry // the last base license
	temporaries []*entry
}

func (m *model) server(token license.ServerToken) *server {
	if m.servers[token] == nil {
		m.servers[token] = &server{}
	}
	return m.servers[token]
}

// entry is a license.
type entry struct {
	license.License
	at         time.Time
	anchor     int
	conditions map[string]string       // of the sale: their evidence by name
	request    string                  // the license request that it answers
	converts   string                  // the trial that it was made from
	corrected  bool                    // the right one has taken its place
	asker      string                  // sub of who made the license request that its sale began with
	set        map[string]license.Date // the day on which each member got its value, from which corrections count; none: by a re-host
	key        string                  // its license key, held against it; "" until then
}

// promise is a license that is not signed yet, or was not just now.
type promise struct {
	plan
	made    *entry
	by      license.Caller
	refused bool // by the signing service, for as long as it is pending
}

// place is one slot of a server.
type place struct {
	token license.ServerToken
	slot  license.Slot
}

func base(token license.ServerToken) place { return place{token, license.BaseSlot} }

func (e *entry) place() place { return place{e.ServerToken, e.Type.Slot()} }

// in returns the license that is pending in a slot, or is to leave it; nil for none.
func (m *model) in(at place) *promise {
	p := m.pending
	if p == nil || p.made.place() != at && (p.before == nil || p.before.place() != at) {
		return nil
	}
	return p
}

// promised returns the license that is pending on a server; nil for none.
func (m *model) promised(token license.ServerToken) *entry {
	if m.pending == nil || m.pending.made.ServerToken != token {
		return nil
	}
	return m.pending.made
}

// current returns the license that a slot holds; nil for none.
func (m *model) current(at place) *entry {
	if at.slot == license.TemporarySlot {
		return m.server(at.token).temporary
	}
	return m.server(at.token).base
}

// promise gives a license the number after the last one of its server; what it is made from has another version.
func (m *model) promise(by license.Caller, p plan, r ledger.Record) *promise {
	made := &promise{plan: p, made: identified(*p.makes, r), by: by}
	e := made.made
	s := m.server(e.ServerToken)
	s.sequence++
	e.Sequence, e.Version, e.Status = s.sequence, 1, license.Pending
	m.licenses[e.ID] = e
	m.issued[personDay(by.Subject, license.Today(e.at))]++
	if e.Type == license.Temporary {
		s.temporaries = append(s.temporaries, e)
	}
	if p.before != nil {
		p.before.Version++
	}
	if p.promised != nil {
		p.promised(e)
	}
	return made
}

// keep makes a license that was promised the current one of its slot.
func (m *model) keep(p *promise) {
	if m.pending == p {
		m.pending = nil
	}
	e, s := p.made, m.server(p.made.ServerToken)
	e.Status = license.Active
	switch {
	case e.Type == license.Temporary && s.highest != nil && s.highest.Sequence > e.Sequence:
		e.Status, e.SupersededBy = license.Superseded, license.Optional(s.highest.ID)
		m.tally.count("overtaken by a base license while it was pending")
	case e.Type == license.Temporary:
		m.replace(s.temporary, e)
		s.temporary = e
	default:
		m.replace(s.base, e)
		if p.before != nil && p.before.ServerToken != e.ServerToken {
			m.replace(p.before, e)
			m.server(p.before.ServerToken).base = nil
		}
		if s.temporary != nil && s.temporary.Sequence < e.Sequence {
			m.replace(s.temporary, e)
			s.temporary = nil
		}
		s.base, s.highest = e, e
	}
	if p.kept != nil {
		p.kept(e)
	}
}

// giveUp leaves nothing of a license that was promised but its number.
func (m *model) giveUp(p *promise) {
	m.pending = nil
	e, s := p.made, m.server(p.made.ServerToken)
	e.Status = license.Void
	m.issued[personDay(p.by.Subject, license.Today(e.at))]--
	s.temporaries = slices.DeleteFunc(s.temporaries, func(t *entry) bool { return t == e })
	if p.givenUp != nil {
		p.givenUp(e)
	}
}

// replace says that a license has lost its place to another.
func (m *model) replace(old, by *entry) {
	if old == nil {
		return
	}
	old.Status, old.SupersededBy = license.Superseded, license.Optional(by.ID)
	old.Version++
}

// identified gives an expected license the ids that the system has given it; a lineage of its own has its id.
func identified(l entry, r ledger.Record) *entry {
	l.ID, l.at = r.ID, r.IssuedAt
	l.SupersededBy, l.key = "", ""
	if l.set == nil {
		l.set = map[string]license.Date{}
		for _, member := range []string{"serverToken", "customer", "modules", "contract", "order"} {
			l.set[member] = license.Today(r.IssuedAt)
		}
	}
	if l.LineageID == "" {
		l.LineageID = r.ID
	}
	return &l
}

// asked returns a license request; nil for "".
func (m *model) asked(id string) *request {
	for _, r := range m.requests {
		if r.id == id {
			return r
		}
	}
	return nil
}

func (e *entry) expired(now time.Time) bool { return e.ExpiredAt(now) }

// activeBase is the base license of a server that works now.
func (s *server) activeBase(now time.Time) *entry {
	if s.base == nil || s.base.expired(now) {
		return nil
	}
	return s.base
}

// same reports whether two of the customers here are one, however they are written.
func same(one, other string) bool {
	return strings.HasPrefix(one, "N") == strings.HasPrefix(other, "N")
}

// changeable is why an existing license cannot be changed at all; "" when it can.
func (m *model) changeable(e *entry, version int) license.Code {
	switch {
	case e.Version != version:
		return license.VersionConflict
	case e.Status != license.Active:
		return license.NotCurrent
	}
	return ""
}

// conditionsOfSale is what a permanent license needs, said a second time.
func conditionsOfSale() []string {
	return []string{"contract-signed", "customer-name-matches", "payment-received", "quantities-match"}
}

// allMet reports whether a permanent sale may be issued.
func allMet(conditions map[string]string) bool {
	return slices.Equal(slices.Sorted(maps.Keys(conditions)), conditionsOfSale())
}

// numbered returns a license of a server by its sequence.
func (m *model) numbered(token license.ServerToken, sequence int) *entry {
	for _, e := range m.licenses {
		if e.ServerToken == token && e.Sequence == sequence {
			return e
		}
	}
	return nil
}

// revoke takes a license back: nothing is revived, and what was to follow it is given up.
func (m *model) revoke(e *entry) {
	if p := m.pending; p != nil && p.before == e {
		m.giveUp(p)
		m.tally.count("given up by a revocation")
	}
	s := m.server(e.ServerToken)
	e.Status = license.Revoked
	e.Version++
	if s.base == e {
		s.base = nil
	}
	if s.temporary == e {
		s.temporary = nil
	}
}
