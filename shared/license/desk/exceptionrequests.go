package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Ask is what is shown of a request for an exception.
type Ask struct {
	ID          string           `json:"id"`
	Rule        license.Code     `json:"rule"`
	ServerToken license.Optional `json:"serverToken"`
	LineageID   license.Optional `json:"lineageId"`
	Days        int              `json:"days,omitzero"` // how long the license is to be; 0: what its purpose gets
	Reason      string           `json:"reason"`
	AskedBy     string           `json:"askedBy"`
	AskedAt     time.Time        `json:"askedAt"`
	ExceptionID license.Optional `json:"exceptionId"` // the exception that answered it, with by whom and when
	GrantedBy   license.Optional `json:"grantedBy"`
	GrantedAt   *time.Time       `json:"grantedAt"`
	GrantedDays int              `json:"grantedDays,omitzero"` // of that exception, which may be fewer than were asked for

	DeclinedBy      license.Optional `json:"declinedBy"`
	DeclinedAt      *time.Time       `json:"declinedAt"`
	DeclinedReason  license.Optional `json:"declinedReason"`
	WithdrawnBy     license.Optional `json:"withdrawnBy"`
	WithdrawnAt     *time.Time       `json:"withdrawnAt"`
	WithdrawnReason license.Optional `json:"withdrawnReason"`
}

// storedAsk is what is stored of one.
type storedAsk struct {
	Ask
	Subject string `json:"askedBySub"`
}

// subject is what the exception is asked for.
func (a storedAsk) subject() Subject {
	return Subject{ServerToken: license.ServerToken(a.ServerToken), LineageID: string(a.LineageID)}
}

// ExceptionRequest is a request for an exception as staff see it.
type ExceptionRequest struct {
	Ask
	State   State `json:"state"` // Open, Granted, Declined or Withdrawn
	Version int   `json:"version"`
}

// AskRequest asks for an exception: ServerToken or LineageID by what the rule counts. Days, if not 0, is
// how long the license is to be, 1 to policy.MaxTemporaryDays.
type AskRequest struct {
	ServerToken string
	LineageID   string
	Rule        string
	Reason      string
	Days        int `json:",omitzero"`
}

// Ask takes a request for an exception; sales, support and accounting. Refusal: LicenseNotFound for an unknown lineage.
func (x *Exceptions) Ask(ctx context.Context, call protocol.Call, q AskRequest) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.AskException); err != nil {
		return protocol.Outcome{}, err
	}
	w, err := clean(q.ServerToken, q.LineageID, q.Rule, q.Reason, q.Days)
	if err != nil {
		return protocol.Outcome{}, err
	}
	token, err := home(ctx, x.store, w.subject)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return x.recorder.Apply(ctx, protocol.Change{
		Call: call, Token: token,
		Hash: protocol.Digest(AskRequest{string(w.subject.ServerToken), w.subject.LineageID, string(w.rule), w.reason, w.days}),
		Decide: func(_ context.Context, now protocol.Situation) (protocol.Effect, error) {
			return decideAsk(now, call.Caller, w)
		},
	})
}

func decideAsk(now protocol.Situation, by license.Caller, w wish) (protocol.Effect, error) {
	asked := Ask{
		ID: protocol.NewID(), Rule: w.rule, ServerToken: license.Optional(w.subject.ServerToken), LineageID: license.Optional(w.subject.LineageID),
		Days: w.days, Reason: w.reason, AskedBy: by.Username, AskedAt: second(now.At),
	}
	request, err := document(ledger.KindExceptionRequest, asked.ID, 1, Open, now.At, storedAsk{asked, by.Subject})
	if err != nil {
		return protocol.Effect{}, err
	}
	return effectOfAsk(now, ledger.Entry{Event: ledger.EventExceptionAsked, By: by, Document: &request, Reason: w.reason}, asked)
}

// requestPointer is where a grant names the request that it answers.
const requestPointer = "/requestId"

func requestNotFound() error {
	return license.Refuse(license.RequestNotFound, "There is no request for an exception with this id. Find it in the list of open ones, or leave requestId out.").At(requestPointer)
}

func cleanRequestID(raw string) (string, error) {
	id := strings.ToLower(strings.TrimSpace(raw))
	if id != "" && !license.IsID(id) {
		return "", requestNotFound()
	}
	return id, nil
}

// readAsk reads a request for an exception consistently; missing if there is none.
func (x *Exceptions) readAsk(ctx context.Context, id string, missing error) (d ledger.Document, asked storedAsk, err error) {
	if !license.IsID(id) {
		return d, asked, missing
	}
	d, found, err := x.store.Document(ctx, ledger.KindExceptionRequest, id)
	switch {
	case err != nil:
		return d, asked, err
	case !found:
		return d, asked, missing
	}
	err = read(d, &asked)
	return d, asked, err
}

// answerRequest returns a request as the exception that answers it leaves it.
func (x *Exceptions) answerRequest(ctx context.Context, id string, g Grant) (ledger.Document, error) {
	d, asked, err := x.readAsk(ctx, id, requestNotFound())
	if err != nil {
		return d, err
	}
	if asked.Rule != g.Rule || asked.ServerToken != g.ServerToken || asked.LineageID != g.LineageID {
		return d, license.Invalid(requestPointer, "This request asks for an exception from %s for %s%s. Grant that, or leave requestId out.", asked.Rule, asked.ServerToken, asked.LineageID)
	}
	if refusal := asked.over(State(d.State), "Nothing was granted. If an exception is wanted all the same, grant it without requestId."); refusal != nil {
		return d, refusal.At(requestPointer)
	}
	asked.ExceptionID, asked.GrantedBy, asked.GrantedAt, asked.GrantedDays = license.Optional(g.ID), license.Optional(g.GrantedBy), &g.GrantedAt, g.Days
	return document(ledger.KindExceptionRequest, id, d.Version+1, Granted, d.At, asked)
}

// over refuses, with RequestNotOpen, a request that has come to its end: what became of it, by whom, when and why, and the
// next step. An open one gives nil.
func (a storedAsk) over(state State, next string) *license.Error {
	by, at, why := a.GrantedBy, a.GrantedAt, license.Optional("")
	switch state {
	case Open:
		return nil
	case Declined:
		by, at, why = a.DeclinedBy, a.DeclinedAt, a.DeclinedReason
	case Withdrawn:
		by, at, why = a.WithdrawnBy, a.WithdrawnAt, a.WithdrawnReason
	}
	words := fmt.Sprintf("This request was %s by %s on %s", state, by, license.InstantWords(*at))
	if state == Granted {
		words += fmt.Sprintf(", by exception %s", a.ExceptionID)
	}
	if words += "."; why != "" {
		words += fmt.Sprintf(" The reason: “%s”.", why)
	}
	refusal := license.Refuse(license.RequestNotOpen, "%s %s", words, next).With("state", state).With("by", by).With("at", at)
	if state == Granted {
		refusal = refusal.With("exceptionId", a.ExceptionID)
	}
	return refusal
}

// Decline ends an open request for an exception with a reason; admin only. Refusals: RequestNotFound and RequestNotOpen.
func (x *Exceptions) Decline(ctx context.Context, call protocol.Call, id, reason string) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.DeclineAsk); err != nil {
		return protocol.Outcome{}, err
	}
	reason, err := license.CleanText("/reason", "The reason", reason, 1, policy.MaxNote)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return x.end(ctx, call, id, reason, Declined, ledger.EventExceptionDeclined, func(a storedAsk, at time.Time) (storedAsk, error) {
		a.DeclinedBy, a.DeclinedAt, a.DeclinedReason = license.Optional(call.Caller.Username), &at, license.Optional(reason)
		return a, nil
	})
}

// Withdraw takes an open request for an exception back; only who made it, anybody else is refused with Forbidden. A reason
// may be given. Refusals: RequestNotFound and RequestNotOpen.
func (x *Exceptions) Withdraw(ctx context.Context, call protocol.Call, id, reason string) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.WithdrawAsk); err != nil {
		return protocol.Outcome{}, err
	}
	reason, err := license.CleanText("/reason", "The reason", reason, 0, policy.MaxNote)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return x.end(ctx, call, id, reason, Withdrawn, ledger.EventExceptionWithdrawn, func(a storedAsk, at time.Time) (storedAsk, error) {
		if a.Subject != call.Caller.Subject {
			return a, license.Refuse(license.Forbidden, "Only %s, who made this request, can withdraw it. Ask them, or have an admin decline it.", a.AskedBy).
				With("requestedBy", a.AskedBy)
		}
		a.WithdrawnBy, a.WithdrawnAt, a.WithdrawnReason = license.Optional(call.Caller.Username), &at, license.Optional(reason)
		return a, nil
	})
}

// end brings an open request to its end; how says it in the request, or refuses. Of two ends at once, or an end and a
// grant, the second is decided from what the first left.
func (x *Exceptions) end(ctx context.Context, call protocol.Call, id, reason string, state State, event ledger.Event, how func(storedAsk, time.Time) (storedAsk, error)) (protocol.Outcome, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	missing := license.Refuse(license.RequestNotFound, "There is no request for an exception with this id. Find it in the list of requests for exceptions.").At(idPointer)
	_, asked, err := x.readAsk(ctx, id, missing)
	if err != nil {
		return protocol.Outcome{}, err
	}
	token, err := home(ctx, x.store, asked.subject())
	if err != nil {
		return protocol.Outcome{}, err
	}
	return x.recorder.Apply(ctx, protocol.Change{Call: call, Hash: protocol.Digest([]string{id, reason}), Token: token, Decide: func(ctx context.Context, now protocol.Situation) (protocol.Effect, error) {
		d, asked, err := x.readAsk(ctx, id, missing)
		if err != nil {
			return protocol.Effect{}, err
		}
		ended, err := how(asked, second(now.At))
		if err != nil {
			return protocol.Effect{}, err
		}
		next := "If it is still wanted, make a new request."
		if State(d.State) == Granted {
			next = "There is nothing left to decline or withdraw: the exception ends once it is used or its time is over."
		}
		if refusal := asked.over(State(d.State), next); refusal != nil {
			return protocol.Effect{}, refusal
		}
		after, err := document(ledger.KindExceptionRequest, id, d.Version+1, state, d.At, ended)
		if err != nil {
			return protocol.Effect{}, err
		}
		return effectOfAsk(now, ledger.Entry{Event: event, By: call.Caller, Document: &after, Reason: reason}, ended.Ask)
	}})
}

// effectOfAsk is one transaction that makes or changes a request for an exception: the document of the entry, and the entry
// in the server's chain.
func effectOfAsk(now protocol.Situation, e ledger.Entry, asked Ask) (protocol.Effect, error) {
	answer, err := json.Marshal(map[string]ExceptionRequest{"request": {asked, State(e.Document.State), e.Document.Version}})
	return protocol.Effect{
		Links:   []protocol.Link{{Server: now.Server, Entry: e}},
		Version: e.Document.Version, Document: e.Document, Answer: answer,
	}, err
}

// AskStates lists the states of requests for exceptions.
func AskStates() []State { return []State{Open, Granted, Declined, Withdrawn} }

// Requests lists requests for exceptions in one of AskStates, newest first: to an admin all, to others their own. limit is 1
// or more.
func (x *Exceptions) Requests(ctx context.Context, caller license.Caller, state State, cursor string, limit int) (Listed[ExceptionRequest], error) {
	all := caller.Authorize(license.GrantException) == nil
	if !all {
		if err := caller.Authorize(license.AskException); err != nil {
			return Listed[ExceptionRequest]{}, err
		}
	}
	if !slices.Contains(AskStates(), state) {
		return Listed[ExceptionRequest]{}, license.Invalid("query:state", "The state must be open, granted, declined or withdrawn; this is %q. Leave it out for the open ones.", string(state))
	}
	return list(ctx, x.pages, newestFirst(x.store, ledger.KindExceptionRequest, state), cursor, limit, func(d ledger.Document) (ExceptionRequest, bool, error) {
		var asked storedAsk
		err := read(d, &asked)
		return ExceptionRequest{asked.Ask, State(d.State), d.Version}, all || asked.Subject == caller.Subject, err
	})
}
