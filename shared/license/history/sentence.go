package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
		return fmt.Sprintf("%s gave up the %s for %s before it was signed%s. Number %d stays used.%s", who(says.By), kind(*l), l.Customer, because(says.VoidReason), l.Sequence, givenBack(says.Others))
	case ledger.EventRevoked:
		text := fmt.Sprintf("%s revoked the %s of %s%s.", who(says.By), kind(*l), l.Customer, because(says.Reason))
		if says.Voids != "" {
			text += " The license that was to follow it was given up." + givenBack(says.Others)
		}
		return text
	case ledger.EventMoving, ledger.EventMoved, ledger.EventStays:
		return gone(says, intent, *l)
	}
	return desk(says)
}

// gone is the sentence of the server that a license leaves. Its own license is the one before: a correction may change
// the customer.
func gone(says, intent *ledger.AuditText, l license.License) string {
	wanted, own := says.By, l
	for _, entry := range []*ledger.AuditText{says, intent} {
		if entry != nil && entry.Before != nil {
			wanted, own = entry.By, *entry.Before
		}
	}
	corrects := says.Operation == ledger.OpCorrect
	switch {
	case corrects && says.Event == ledger.EventMoving:
		return fmt.Sprintf("%s asked for a correction of the %s of %s: the right one is to be on server %s%s.", who(wanted), kind(own), own.Customer, l.ServerToken, because(says.Reason))
	case corrects && says.Event == ledger.EventMoved:
		return fmt.Sprintf("%s corrected the %s of %s%s. It is revoked here; the right one is on server %s.", who(wanted), kind(own), own.Customer, because(says.Reason), l.ServerToken)
	case corrects:
		return fmt.Sprintf("The %s of %s stays as it is: its correction, on server %s, was given up%s.", kind(own), own.Customer, l.ServerToken, because(says.VoidReason))
	case says.Event == ledger.EventMoving:
		return fmt.Sprintf("%s asked to move the %s of %s from this server to server %s%s.", who(says.By), kind(l), l.Customer, l.ServerToken, moveReason(says))
	case says.Event == ledger.EventMoved:
		return fmt.Sprintf("The %s of %s has left this server for server %s.", kind(l), l.Customer, l.ServerToken)
	}
	return fmt.Sprintf("The %s of %s stays on this server: its move to server %s was given up%s.", kind(l), l.Customer, l.ServerToken, because(says.VoidReason))
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
		return fmt.Sprintf("%sthe %s of %s on this server%s%s.", start, kind(l), l.Customer, from(says.MovedFrom), moveReason(says))
	}
	text := fmt.Sprintf("%s%s for %s%s, %s.", start, aKind(l), l.Customer, paper(l), term(l))
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
		return fmt.Sprintf("moved the %s of %s to this server%s%s.", kind(l), l.Customer, from(says.MovedFrom), moveReason(says))
	}
	text := fmt.Sprintf("issued %s for %s%s, %s, with %s.", aKind(l), l.Customer, paper(l), term(l), seats(l))
	if l.Status == license.Superseded {
		text += " A newer license had taken its place already."
	}
	if says.Converts != "" {
		text += fmt.Sprintf(" It takes the place of the trial %s.", says.Converts)
	}
	if len(says.Conditions) > 0 {
		text += " Conditions of the sale: " + conditions(says.Conditions) + "."
	}
	return text
}

// deskBody is what sentences say of a request or an exception.
type deskBody struct {
	Type       license.Type `json:"type"`
	Customer   string       `json:"customer"`
	Rule       license.Code `json:"rule"`
	Days       int          `json:"days"`
	AskedBy    string       `json:"askedBy"`
	Replaces   string       `json:"replaces"`
	GrantedBy  string       `json:"grantedBy"`
	GrantedAt  time.Time    `json:"grantedAt"`
	Conditions []struct {
		ledger.Condition
		RecordedAt time.Time `json:"recordedAt"`
	} `json:"conditions"`
}

// recordedAt returns the conditions that were recorded at an instant.
func (b deskBody) recordedAt(at time.Time) []ledger.Condition {
	var recorded []ledger.Condition
	for _, c := range b.Conditions {
		if c.RecordedAt.Equal(at) {
			recorded = append(recorded, c.Condition)
		}
	}
	return recorded
}

// desk is the sentence of what surrounds licenses.
func desk(says *ledger.AuditText) string {
	var body deskBody
	if says.Document != nil {
		_ = json.Unmarshal(says.Document.Body, &body) // a sentence without its particulars is better than none
	}
	wanted := fmt.Sprintf("%s for %s", aKind(license.License{Type: body.Type}), orSomebody(body.Customer))
	switch says.Event {
	case ledger.EventRequested:
		return fmt.Sprintf("%s requested %s from accounting.", who(says.By), wanted)
	case ledger.EventConditionMet:
		return fmt.Sprintf("%s recorded for the request of %s that %s.", who(says.By), wanted, met(body.recordedAt(says.At)))
	case ledger.EventDeclined:
		return fmt.Sprintf("%s declined the request of %s%s.", who(says.By), wanted, because(says.Reason))
	case ledger.EventWithdrawn:
		return fmt.Sprintf("%s withdrew the request of %s%s.", who(says.By), wanted, because(says.Reason))
	case ledger.EventExceptionAsked:
		return fmt.Sprintf("%s asked an admin for an exception from %s%s%s.", who(says.By), rule(body.Rule), length(", for up to ", body.Days), because(says.Reason))
	case ledger.EventExceptionDeclined:
		return fmt.Sprintf("%s declined the request of %s for an exception from %s%s%s.", who(says.By), cmp.Or(body.AskedBy, "somebody"), rule(body.Rule), length(", for up to ", body.Days), because(says.Reason))
	case ledger.EventExceptionWithdrawn:
		return fmt.Sprintf("%s withdrew the request for an exception from %s%s%s.", who(says.By), rule(body.Rule), length(", for up to ", body.Days), because(says.Reason))
	case ledger.EventExceptionGranted:
		return fmt.Sprintf("%s granted an exception from %s, for one license%s%s.%s", who(says.By), rule(body.Rule), length(" for up to ", body.Days), because(says.Reason), replaced(body.Replaces, says.Others))
	}
	return fmt.Sprintf("%s did %s.", who(says.By), says.Event)
}

// length is a number of days after some words, "" for none.
func length(words string, days int) string {
	if days == 0 {
		return ""
	}
	return words + license.DaysWords(days)
}

// replaced is the sentence about the exception whose place a new one took, which is among the documents that its grant
// changed too.
func replaced(id string, others []ledger.AuditDocument) string {
	var was deskBody
	for _, d := range others {
		if id != "" && d.ID == id {
			_ = json.Unmarshal(d.Body, &was) // as above
		}
	}
	if was.GrantedBy == "" {
		return ""
	}
	days := length("for up to ", was.Days)
	if days == "" {
		days = "without days"
	}
	return fmt.Sprintf(" It takes the place of the one %s that %s granted on %s and that was not used.", days, was.GrantedBy, license.InstantWords(was.GrantedAt))
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

func from(token license.ServerToken) string {
	if token == "" {
		return ""
	}
	return ", from server " + string(token)
}
