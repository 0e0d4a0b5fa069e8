package history

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Sentence says in plain English what an audit entry records. intent is the entry that promised the same license, where
// there is one: what was before stands there. An event that it does not know is told by its name.
func Sentence(says, intent *ledger.AuditText) string {
	l := says.License
	if l == nil {
		l = &license.License{}
	}
	switch says.Event {
	case ledger.EventIntent:
		return asked(says, *l)
	case ledger.EventIssued:
		return issued(says, intent, *l)
	case ledger.EventVoided:
		return fmt.Sprintf("%s gave up the %s for %s before it was signed%s. Number %d stays used.", who(says.By), kind(*l), l.Customer, because(says.VoidReason), l.Sequence)
	case ledger.EventRevoked:
		text := fmt.Sprintf("%s revoked the %s of %s%s.", who(says.By), kind(*l), l.Customer, because(says.Reason))
		if says.Voids != "" {
			text += " The license that was to follow it was given up."
		}
		return text
	case ledger.EventMoving:
		return fmt.Sprintf("%s asked to move the %s of %s from this server to server %s%s.", who(says.By), kind(*l), l.Customer, l.ServerToken, because(says.Reason))
	case ledger.EventMoved:
		return fmt.Sprintf("The %s of %s has left this server for server %s.", kind(*l), l.Customer, l.ServerToken)
	case ledger.EventStays:
		return fmt.Sprintf("The %s of %s stays on this server: its move to server %s was given up%s.", kind(*l), l.Customer, l.ServerToken, because(says.VoidReason))
	}
	return desk(says)
}

// asked is the sentence of an intent: what somebody wants, not signed yet.
func asked(says *ledger.AuditText, l license.License) string {
	start := who(says.By) + " asked for "
	switch says.Operation {
	case ledger.OpRenew:
		return fmt.Sprintf("%sthe renewal of the %s of %s%s: %s.", start, kind(l), l.Customer, paper(l), newEnd(l, says.Before))
	case ledger.OpAmend:
		return fmt.Sprintf("%sother modules in the %s of %s: %s.", start, kind(l), l.Customer, newSeats(l, says.Before))
	case ledger.OpCorrect:
		return fmt.Sprintf("%sa correction of the %s of %s%s.", start, kind(l), l.Customer, because(says.Reason))
	case ledger.OpRehost:
		return fmt.Sprintf("%sthe %s of %s on this server%s%s.", start, kind(l), l.Customer, from(says.MovedFrom), because(says.Reason))
	}
	text := fmt.Sprintf("%sa %s for %s%s, %s.", start, kind(l), l.Customer, paper(l), term(l))
	if says.Before != nil {
		text += fmt.Sprintf(" It is to replace the %s with number %d.", kind(*says.Before), says.Before.Sequence)
	}
	return text
}

// issued is the sentence of a license that was signed. Where somebody else finished it, both are named.
func issued(says, intent *ledger.AuditText, l license.License) string {
	var before *license.License
	reason, wanted := says.Reason, says.By
	if intent != nil {
		before, wanted = intent.Before, intent.By
	}
	text := done(says, before, l, reason)
	if wanted.Subject != says.By.Subject {
		return fmt.Sprintf("%s finished what %s had asked for: %s %s", who(says.By), inner(wanted), inner(wanted), text)
	}
	return who(says.By) + " " + text
}

func done(says *ledger.AuditText, before *license.License, l license.License, reason string) string {
	switch says.Operation {
	case ledger.OpRenew:
		return fmt.Sprintf("renewed the %s of %s%s: now %s.", kind(l), l.Customer, paper(l), newEnd(l, before))
	case ledger.OpAmend:
		return fmt.Sprintf("changed the modules in the %s of %s: now %s.", kind(l), l.Customer, newSeats(l, before))
	case ledger.OpCorrect:
		return fmt.Sprintf("corrected the %s of %s%s. The wrong license is revoked.", kind(l), l.Customer, because(reason))
	case ledger.OpRehost:
		return fmt.Sprintf("moved the %s of %s to this server%s%s.", kind(l), l.Customer, from(says.MovedFrom), because(reason))
	}
	text := fmt.Sprintf("issued a %s for %s%s, %s, with %s.", kind(l), l.Customer, paper(l), term(l), seats(l))
	if l.Status == license.Superseded {
		text += " A newer license had taken its place already."
	}
	return text
}

// deskBody is what sentences say of a request or an exception.
type deskBody struct {
	Type       license.Type       `json:"type"`
	Customer   string             `json:"customer"`
	Rule       string             `json:"rule"`
	Conditions []ledger.Condition `json:"conditions"`
}

// desk is the sentence of what surrounds licenses.
func desk(says *ledger.AuditText) string {
	var body deskBody
	if says.Document != nil {
		_ = json.Unmarshal(says.Document.Body, &body) // a sentence without its particulars is better than none
	}
	wanted := fmt.Sprintf("a %s for %s", kind(license.License{Type: body.Type}), orSomebody(body.Customer))
	switch says.Event {
	case ledger.EventRequested:
		return fmt.Sprintf("%s requested %s from accounting.", who(says.By), wanted)
	case ledger.EventConditionMet:
		return fmt.Sprintf("%s recorded for the request of %s that a condition of the sale is met%s.", who(says.By), wanted, lastMet(body.Conditions))
	case ledger.EventDeclined:
		return fmt.Sprintf("%s declined the request of %s%s.", who(says.By), wanted, because(says.Reason))
	case ledger.EventWithdrawn:
		return fmt.Sprintf("%s withdrew the request of %s%s.", who(says.By), wanted, because(says.Reason))
	case ledger.EventExceptionAsked:
		return fmt.Sprintf("%s asked an admin for an exception from %s%s.", who(says.By), rule(body.Rule), because(says.Reason))
	case ledger.EventExceptionGranted:
		return fmt.Sprintf("%s granted an exception from %s, for one license%s.", who(says.By), rule(body.Rule), because(says.Reason))
	}
	return fmt.Sprintf("%s did %s.", who(says.By), says.Event)
}

// who begins a sentence with a person and the role, or with the system where nobody asked.
func who(by ledger.AuditActor) string {
	if by.Role == "" {
		return "The system (" + by.Username + ")"
	}
	return fmt.Sprintf("%s (%s)", by.Username, by.Role)
}

// inner is who within a sentence.
func inner(by ledger.AuditActor) string {
	return strings.Replace(who(by), "The system", "the system", 1)
}

func kind(l license.License) string {
	switch {
	case l.Type == license.Subscription:
		return "subscription"
	case l.Type == license.Temporary && l.Purpose != "":
		return string(l.Purpose) + " license"
	case l.Type != "":
		return string(l.Type) + " license"
	}
	return "license"
}

func orSomebody(customer string) string {
	if customer == "" {
		return "a customer"
	}
	return customer
}

// because is a reason at the end of a sentence, without a period of its own.
func because(reason string) string {
	if reason = strings.TrimRight(reason, ". "); reason == "" {
		return ""
	}
	return ": " + reason
}

func paper(l license.License) string {
	switch {
	case l.Contract != "":
		return " by contract " + string(l.Contract)
	case l.Order != "":
		return " by order " + string(l.Order)
	}
	return ""
}

func term(l license.License) string {
	if l.ExpiresOn.IsNever() {
		return "without an end"
	}
	return fmt.Sprintf("from %s until %s", l.StartsOn.Words(), l.ExpiresOn.Words())
}

func newEnd(l license.License, before *license.License) string {
	text := "until " + l.ExpiresOn.Words()
	if before != nil {
		text += ", before " + before.ExpiresOn.Words()
		if before.Modules != l.Modules {
			text += "; " + newSeats(l, before)
		}
	}
	return text
}

func newSeats(l license.License, before *license.License) string {
	if before == nil {
		return seats(l)
	}
	return seats(l) + ", before " + seats(*before)
}

func seats(l license.License) string {
	return fmt.Sprintf("%d Call Recording, %d Computer Recording and %d Agent Evaluation seats", l.Seats.CallRecording, l.Seats.ComputerRecording, l.Seats.AgentEvaluation)
}

func from(token license.ServerToken) string {
	if token == "" {
		return ""
	}
	return ", from server " + string(token)
}

func rule(code string) string {
	if code == "" {
		return "a limit"
	}
	return "the limit " + code
}

// lastMet names the condition that was recorded last.
func lastMet(conditions []ledger.Condition) string {
	if len(conditions) == 0 {
		return ""
	}
	last := conditions[len(conditions)-1]
	text := ": " + strings.ReplaceAll(last.Name, "-", " ")
	if !last.MetOn.IsNever() {
		text += ", on " + last.MetOn.Words()
	}
	if last.Evidence != "" {
		text += " (" + last.Evidence + ")"
	}
	return text
}

// noChange are members of a license that every event changes, or that name it.
var noChange = []string{"id", "lineageId", "sequence", "version", "issuedOn", "issuedBy", "licenseKey", "supersedes", "supersededBy", "status"}

// changed returns the members of two licenses that differ, as they were and as they are. Without a license before there
// is nothing to compare: both nil.
func changed(before, after *license.License) (was, is members) {
	if before == nil || after == nil {
		return nil, nil
	}
	was, is = differ(membersOf(before), membersOf(after))
	for _, name := range noChange {
		if name == "status" && before.ID == after.ID {
			continue
		}
		delete(was, name)
		delete(is, name)
	}
	return orNil(was), orNil(is)
}

// members are some of an object's, by name.
type members map[string]json.RawMessage

func membersOf(v any) members {
	var m members
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return members{}
	}
	return m
}

// differ keeps what differs. A member that ends in sub is a person's identity and is for nobody to see.
func differ(before, after members) (was, is members) {
	was, is = members{}, members{}
	for _, m := range []members{before, after} {
		for name := range m {
			if string(before[name]) == string(after[name]) || slices.Contains([]string{"sub", "Sub"}, name[max(0, len(name)-3):]) {
				continue
			}
			was[name], is[name] = orNull(before[name]), orNull(after[name])
		}
	}
	return was, is
}

func orNull(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	return v
}

func orNil(m members) members {
	if len(m) == 0 {
		return nil
	}
	return m
}
