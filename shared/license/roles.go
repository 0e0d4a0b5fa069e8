package license

import "strings"

// Role is what a member of staff does. Everyone has exactly one.
type Role string

// The four roles.
const (
	Sales      Role = "sales"
	Support    Role = "support"
	Accounting Role = "accounting"
	Admin      Role = "admin"
)

// Roles lists the roles.
func Roles() []Role { return []Role{Sales, Support, Accounting, Admin} }

// Caller is the person behind a request. Persons are shown by Username; Subject is their stable identity.
type Caller struct {
	Subject  string
	Username string
	Role     Role
	// RequestID names the request that is being served; audit entries carry it.
	RequestID string
}

// Operation is one thing that staff may or may not do: a row of the role table.
type Operation string

// The operations. Those open to anyone (retrieve, validate, downgrade check, public keys) need no caller.
const (
	IssueTrial         Operation = "issue trial licenses"
	IssueSupport       Operation = "issue troubleshooting and emergency licenses"
	RequestSold        Operation = "request sold licenses"
	IssueSold          Operation = "issue permanent licenses and subscriptions"
	Renew              Operation = "renew licenses"
	Amend              Operation = "amend licenses"
	Correct            Operation = "correct licenses"
	Revoke             Operation = "revoke licenses"
	Rehost             Operation = "re-host licenses"
	RecordConditions   Operation = "record conditions of a sale"
	DeclineRequest     Operation = "decline requests"
	WithdrawRequest    Operation = "withdraw requests"
	ListRequests       Operation = "list requests"
	AskException       Operation = "ask for exceptions"
	WithdrawAsk        Operation = "withdraw requests for exceptions"
	DeclineAsk         Operation = "decline requests for exceptions"
	GrantException     Operation = "grant exceptions"
	SeeKeysAndFindings Operation = "see keys and findings"
	Find               Operation = "search licenses"
)

var roleTable = map[Operation][]Role{
	IssueTrial:         {Sales},
	IssueSupport:       {Support},
	RequestSold:        {Sales, Accounting},
	IssueSold:          {Accounting},
	Renew:              {Accounting},
	Amend:              {Accounting},
	Correct:            {Accounting},
	Revoke:             {Accounting, Admin},
	Rehost:             {Support},
	RecordConditions:   {Accounting},
	DeclineRequest:     {Accounting},
	WithdrawRequest:    {Sales, Accounting},
	ListRequests:       {Sales, Accounting, Admin},
	AskException:       {Sales, Support, Accounting},
	WithdrawAsk:        {Sales, Support, Accounting},
	DeclineAsk:         {Admin},
	GrantException:     {Admin},
	SeeKeysAndFindings: {Admin},
	Find:               {Sales, Support, Accounting, Admin},
}

// RolesFor returns who may do an operation; nobody may do an unknown one.
func RolesFor(op Operation) []Role { return append([]Role(nil), roleTable[op]...) }

// Authorize refuses with Forbidden unless the caller's role may do the operation. The sentence says who can.
func (c Caller) Authorize(op Operation) error {
	var who []string
	for _, role := range roleTable[op] {
		if role == c.Role {
			return nil
		}
		who = append(who, string(role))
	}
	if c.Subject == "" || c.Role == "" {
		return Refuse(Forbidden, "Your account has no role here. Ask an administrator for sales, support or accounting.")
	}
	return Refuse(Forbidden, "Your role, %s, cannot %s. Ask %s.", c.Role, op, strings.Join(who, " or ")).With("roles", who)
}

// IssueOperation is the operation that issues a temporary license of this purpose.
func (p Purpose) IssueOperation() Operation {
	if p == Trial {
		return IssueTrial
	}
	return IssueSupport
}
