// Package downgrade checks whether a license has a seat for every user assigned in QMS and, if not, plans which users to
// unlicense so that it loads. Taking Call Recording from a user takes the other two modules with it.
//
// Of all plans after which the license loads, Check gives the first in this order, which is total:
//
//  1. One administrator, manager or supervisor keeps Call Recording, if any of them has it now.
//  2. The fewest administrators, managers and supervisors lose Call Recording.
//  3. The fewest users are touched.
//  4. The fewest seats are taken, of all modules together.
//  5. Longest inactive first: write down each plan's users by last day of activity (unknown is last), then by name (in
//     code point order, not UTF-16 order), and compare the two lists from the start; the first difference decides.
//  6. The same users: at the first user who gives up different modules, the plan that takes Call Recording there comes
//     first, then Computer Recording with Agent Evaluation, then Computer Recording, then Agent Evaluation.
//
// The answer does not depend on the order of the users, and testdata/plans.json holds examples for other languages.
package downgrade

import "qmslicensing/shared/license"

// Role is what a user may do in QMS. The first three need Call Recording to open the QMS client at all.
type Role string

// The roles of users in QMS.
const (
	Administrator Role = "administrator"
	Manager       Role = "manager"
	Supervisor    Role = "supervisor"
	Agent         Role = "agent"
)

// Roles lists the roles in the order of the words above.
func Roles() []Role { return []Role{Administrator, Manager, Supervisor, Agent} }

// opensClient reports whether the role works in the QMS client, for which it needs Call Recording.
func (r Role) opensClient() bool { return r == Administrator || r == Manager || r == Supervisor }

// User is one user as assigned in QMS today.
type User struct {
	Name         string           `json:"name"` // unique; 1 to 200 characters after trimming
	Role         Role             `json:"role"`
	Modules      []license.Module `json:"modules"`               // each at most once; none is allowed
	LastActiveOn license.Date     `json:"lastActiveOn,omitzero"` // Never: not known
}

// Count compares one module's seats with its users. Excess is 0 when the seats suffice.
type Count struct {
	Licensed int `json:"licensed"`
	Assigned int `json:"assigned"`
	Excess   int `json:"excess"`
}

// Counts holds the Count of each module.
type Counts struct {
	CallRecording     Count `json:"callRecording"`
	ComputerRecording Count `json:"computerRecording"`
	AgentEvaluation   Count `json:"agentEvaluation"`
}

// Of returns the count of one module.
func (c Counts) Of(m license.Module) Count {
	switch m {
	case license.CallRecording:
		return c.CallRecording
	case license.ComputerRecording:
		return c.ComputerRecording
	case license.AgentEvaluation:
		return c.AgentEvaluation
	}
	return Count{}
}

// Step is one user of a plan, the modules to take in the order of the License View, and why this user.
type Step struct {
	User      string           `json:"user"`
	Unlicense []license.Module `json:"unlicense"`
	Reason    string           `json:"reason"`
}

// Result answers a check. Plan is nil when the license loads and when the check was by counts; its steps are ordered by
// last day of activity, then by name. Warnings says so when the plan takes Call Recording from an administrator,
// manager or supervisor.
type Result struct {
	Loads    bool     `json:"loads"`
	Modules  Counts   `json:"modules"`
	Plan     []Step   `json:"plan,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Check compares the seats of a license with the users assigned in QMS and plans what to unlicense. Seats that no
// license can have are refused as license.Modules.Check does; with at least 1 Call Recording seat a plan always exists.
// A bad user is InvalidRequest, one without the prerequisite module ModuleDependency, each with a pointer below /users.
func Check(seats license.Seats, users []User) (Result, error) {
	if err := license.ModulesOf(seats, 0).Check("/modules"); err != nil {
		return Result{}, err
	}
	holders, err := readUsers(users)
	if err != nil {
		return Result{}, err
	}
	result := compare(seats, assignedSeats(holders))
	if !result.Loads {
		makePlan(result.Modules, holders)
		result.Plan, result.Warnings = steps(holders), warnings(holders)
	}
	return result, nil
}

// CheckCounts compares the seats of a license with numbers of users; it makes no plan. A number outside 0 to
// license.MaxQuantity is InvalidRequest; more users of a module than of Call Recording is ModuleDependency with params
// needed, have and add. Pointers are below /assigned.
func CheckCounts(seats, assigned license.Seats) (Result, error) {
	if err := license.ModulesOf(seats, 0).Check("/modules"); err != nil {
		return Result{}, err
	}
	if err := checkAssigned(assigned); err != nil {
		return Result{}, err
	}
	return compare(seats, assigned), nil
}

func compare(seats, assigned license.Seats) Result {
	count := func(m license.Module) Count {
		return Count{seats.Of(m), assigned.Of(m), max(0, assigned.Of(m)-seats.Of(m))}
	}
	return Result{
		Loads:   seats.Covers(assigned),
		Modules: Counts{count(license.CallRecording), count(license.ComputerRecording), count(license.AgentEvaluation)},
	}
}
