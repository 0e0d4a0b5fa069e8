package histories_test

import (
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// model is the reference: what there should be, said a second time and more simply than the system says it. It knows
// nothing of transactions, leases or pending licenses: a step happens or does not.
type model struct {
	servers  map[license.ServerToken]*server
	licenses map[string]*entry
	lineages map[string][]time.Time // when each was re-hosted
	allowed  map[string]time.Time   // exceptions by subject and rule: until when
	issued   map[string]int         // licenses by person and day
}

func newModel() *model {
	return &model{map[license.ServerToken]*server{}, map[string]*entry{}, map[string][]time.Time{}, map[string]time.Time{}, map[string]int{}}
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
	at       time.Time
	anchor   int
	verified bool // its key was held against it
}

// add makes a license the current one of its slot, with the number after the last one. before is what it was made from.
func (m *model) add(l license.License, at time.Time, anchor int, before *entry) *entry {
	s := m.server(l.ServerToken)
	s.sequence++
	e := &entry{License: l, at: at, anchor: anchor}
	e.Sequence, e.Version, e.Status = s.sequence, 1, license.Active
	m.licenses[e.ID] = e
	if before != nil {
		before.Version++
	}
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

// void is a license that was promised and given up: its number is used, what it was made from has another version.
func (m *model) void(l license.License, at time.Time, before *entry) {
	s := m.server(l.ServerToken)
	s.sequence++
	e := &entry{License: l, at: at}
	e.Sequence, e.Version, e.Status = s.sequence, 1, license.Void
	m.licenses[e.ID] = e
	if before != nil {
		before.Version++
	}
}

// open reports whether an exception from a rule is open for a server or lineage.
func (m *model) open(of string, rule license.Code, now time.Time) bool {
	return now.Before(m.allowed[subject(of, rule)])
}

func (e *entry) expired(now time.Time) bool { return e.ExpiredAt(now) }

// activeBase is the base license of a server that works now.
func (s *server) activeBase(now time.Time) *entry {
	if s.base == nil || s.base.expired(now) {
		return nil
	}
	return s.base
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

// conditionsMet reports whether a permanent sale may be issued.
func conditionsMet(conditions []ledger.Condition) bool { return len(conditions) == 4 }

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
