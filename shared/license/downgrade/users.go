package downgrade

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"qmslicensing/shared/license"
)

// maxProblems bounds how many problems of a list of users one refusal tells.
const maxProblems = 20

// maxName is the most characters a user's name may have.
const maxName = 200

// moduleSet holds modules. Of the sets that can be taken from one user, the greater number is preferred (rule 6).
type moduleSet uint8

const (
	agentEvaluation moduleSet = 1 << iota
	computerRecording
	callRecording
)

func setOf(m license.Module) moduleSet {
	switch m {
	case license.CallRecording:
		return callRecording
	case license.ComputerRecording:
		return computerRecording
	case license.AgentEvaluation:
		return agentEvaluation
	}
	return 0
}

func (s moduleSet) has(m moduleSet) bool { return s&m != 0 }

// list returns the modules in the order of the License View.
func (s moduleSet) list() []license.Module {
	var list []license.Module
	for _, m := range license.AllModules() {
		if s.has(setOf(m)) {
			list = append(list, m)
		}
	}
	return list
}

// String writes modules in words: "Computer Recording and Agent Evaluation".
func (s moduleSet) String() string {
	var words []string
	for _, m := range s.list() {
		words = append(words, m.Name())
	}
	return enumerate(words)
}

// holder is a valid user who holds a module, and what the plan takes from this user.
type holder struct {
	name       string
	role       Role
	modules    moduleSet
	lastActive license.Date
	day        int // lastActive as a number to sort by
	take       moduleSet
	byName     bool // taken only because the name comes before that of a user who is not
}

func assignedSeats(holders []holder) license.Seats {
	var seats license.Seats
	for _, h := range holders {
		if h.modules.has(callRecording) {
			seats.CallRecording++
		}
		if h.modules.has(computerRecording) {
			seats.ComputerRecording++
		}
		if h.modules.has(agentEvaluation) {
			seats.AgentEvaluation++
		}
	}
	return seats
}

// readUsers checks the users and keeps those who hold a module. It tells up to maxProblems problems at once:
// everything that makes the list unreadable, or else every missing prerequisite.
func readUsers(users []User) ([]holder, error) {
	invalid, dependency := problems{code: license.InvalidRequest}, problems{code: license.ModuleDependency}
	positions := make(map[string]int, len(users))
	holders := make([]holder, 0, len(users))
	for i, user := range users {
		who := person{i, strings.TrimSpace(user.Name)}
		if complaint := nameComplaint(who.name); complaint != "" {
			invalid.addUser(i, "/name", "The name of user %d %s.", i+1, complaint)
			who.name = ""
		} else if first, seen := positions[who.name]; seen {
			invalid.addUser(i, "/name", "Users %d and %d have the same name, %s. Send each user once, with all modules.", first+1, i+1, who.name)
		} else {
			positions[who.name] = i
		}
		if user.Role != Agent && !user.Role.opensClient() {
			invalid.addUser(i, "/role", "%s has an unknown role; use administrator, manager, supervisor or agent.", who)
		}
		modules := invalid.readModules(user.Modules, who)
		if modules == 0 {
			continue
		}
		if !modules.has(callRecording) {
			dependency.addUser(i, "/modules", "%s has %s without Call Recording. Add Call Recording to this user or take %[2]s away.", who, modules)
		}
		holders = append(holders, holder{name: who.name, role: user.Role, modules: modules, lastActive: user.LastActiveOn, day: dayNumber(user.LastActiveOn)})
	}
	if err := invalid.refusal(); err != nil {
		return nil, err
	}
	if err := dependency.refusal(); err != nil {
		return nil, err
	}
	return holders, nil
}

func (p *problems) readModules(list []license.Module, who person) moduleSet {
	var modules moduleSet
	for i, m := range list {
		switch one := setOf(m); {
		case one == 0:
			p.addUser(who.index, fmt.Sprintf("/modules/%d", i), "%s has an unknown module; use callRecording, computerRecording or agentEvaluation.", who)
		case modules.has(one):
			p.addUser(who.index, fmt.Sprintf("/modules/%d", i), "%s has %s twice. Send each module once.", who, m.Name())
		default:
			modules |= one
		}
	}
	return modules
}

// person begins a sentence about a user: by position, from 1, and by name if that can be shown.
type person struct {
	index int
	name  string
}

func (p person) String() string {
	if p.name == "" {
		return fmt.Sprintf("User %d", p.index+1)
	}
	return fmt.Sprintf("User %d, %s,", p.index+1, p.name)
}

func nameComplaint(name string) string {
	switch {
	case name == "":
		return "is empty"
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Sprintf("is longer than %d characters", maxName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "has characters that are not text"
	}
	return ""
}

// dayNumber orders dates as license.Date.Before does, for far less than its calendar arithmetic.
func dayNumber(d license.Date) int {
	if d.IsNever() {
		return math.MaxInt
	}
	return d.Year()*10_000 + int(d.Month())*100 + d.Day()
}

// problems gathers what is wrong with a list of users into one refusal.
type problems struct {
	code   license.Code
	fields []license.FieldError
	more   int // problems beyond maxProblems
}

func (p *problems) add(pointer, format string, args ...any) {
	if len(p.fields) == maxProblems {
		p.more++
		return
	}
	p.fields = append(p.fields, license.FieldError{Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
}

func (p *problems) addUser(i int, member, format string, args ...any) {
	p.add(fmt.Sprintf("/users/%d%s", i, member), format, args...)
}

// refusal says the first problem and how many follow; nil when there is none.
func (p *problems) refusal() error {
	if len(p.fields) == 0 {
		return nil
	}
	detail := p.fields[0].Detail
	if others := len(p.fields) - 1 + p.more; others > 0 {
		detail = fmt.Sprintf("%s Problems after this one: %d.", detail, others)
	}
	return &license.Error{Code: p.code, Detail: detail, Fields: p.fields}
}

func checkAssigned(assigned license.Seats) error {
	invalid := problems{code: license.InvalidRequest}
	dependency := problems{code: license.ModuleDependency}
	have, needed := assigned.CallRecording, 0
	for _, m := range license.AllModules() {
		users, pointer := assigned.Of(m), "/assigned/"+string(m)
		switch {
		case users < 0 || users > license.MaxQuantity:
			invalid.add(pointer, "The number of %s users must be 0 to 100,000; this is %d.", m.Name(), users)
		case users > have:
			needed = max(needed, users)
			dependency.add(pointer, "%d %s users need %d Call Recording users; these are %d. Count the Call Recording users again: each user of %s is one.",
				users, m.Name(), users, have, m.Name())
		}
	}
	if err := invalid.refusal(); err != nil {
		return err
	}
	if needed == 0 {
		return nil
	}
	return &license.Error{
		Code: license.ModuleDependency, Detail: dependency.fields[0].Detail, Fields: dependency.fields,
		Params: map[string]any{"needed": needed, "have": have, "add": needed - have},
	}
}
