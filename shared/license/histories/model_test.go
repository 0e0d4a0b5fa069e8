package histories_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
)

// model is the reference: what there should be, said a second time and more simply than the system says it. It knows
// nothing of transactions, leases or pending licenses: a step happens or does not.
type model struct {
	servers  map[license.ServerToken]*server
	licenses map[string]*entry
	lineages map[string][]time.Time // when each was re-hosted
	allowed  map[string]allowance   // open exceptions by subject and rule
	issued   map[string]int         // licenses by person and day
	requests []*request
}

func newModel() *model {
	return &model{map[license.ServerToken]*server{}, map[string]*entry{}, map[string][]time.Time{}, map[string]allowance{}, map[string]int{}, nil}
}

// server is a server's two slots and what its limits count.
type server struct {
	sequence    int
	base        *entry
	temporary   *entry
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

// add makes a license the current one of its slot, with the number after the last one. before is what it was made from.
func (m *model) add(l entry, before *entry) *entry {
	e := m.number(l, license.Active, before)
	s := m.server(l.ServerToken)
	if l.Type == license.Temporary {
		s.temporaries = append(s.temporaries, e)
		m.replace(s.temporary, e, license.Superseded)
		s.temporary = e
		return e
	}
	m.replace(s.base, e, license.Superseded)
	if before != nil && before.ServerToken != l.ServerToken {
		m.replace(before, e, license.Superseded)
		m.server(before.ServerToken).base = nil
	}
	m.replace(s.temporary, e, license.Superseded)
	s.base, s.temporary = e, nil
	return e
}

// replace says that a license has lost its place to another.
func (m *model) replace(old, by *entry, status license.Status) {
	if old == nil {
		return
	}
	old.Status, old.SupersededBy = status, license.Optional(by.ID)
	old.Version++
}

// number gives a license the number after the last one of its server; what it was made from has another version. That is
// all that becomes of one that was promised and given up.
func (m *model) number(l entry, status license.Status, before *entry) *entry {
	s := m.server(l.ServerToken)
	s.sequence++
	e := &l
	e.Sequence, e.Version, e.Status, e.key = s.sequence, 1, status, ""
	m.licenses[e.ID] = e
	if before != nil {
		before.Version++
	}
	return e
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

// open reports whether an exception from a rule is open for a server or lineage.
func (m *model) open(of string, rule license.Code, now time.Time) bool {
	return now.Before(m.allowed[subject(of, rule)].until)
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

// revoke takes a license back: nothing is revived.
func (m *model) revoke(e *entry) {
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

// allowance is an exception: until when it is open, and the most days of its license, 0 if it lifts no length.
type allowance struct {
	until time.Time
	days  int
}
