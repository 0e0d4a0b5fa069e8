package desk

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
)

const exceptionRequestKind = "exception-request"

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
}

// storedAsk is what is stored of one.
type storedAsk struct {
	Ask
	Subject string `json:"askedBySub"`
}

// ExceptionRequest is a request for an exception as staff see it.
type ExceptionRequest struct {
	Ask
	State   State `json:"state"` // Open or Granted
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
	asked := ExceptionRequest{State: Open, Version: 1, Ask: Ask{
		ID: protocol.NewID(), Rule: w.rule, ServerToken: license.Optional(w.subject.ServerToken), LineageID: license.Optional(w.subject.LineageID),
		Days: w.days, Reason: w.reason, AskedBy: by.Username, AskedAt: second(now.At),
	}}
	request, err := document(exceptionRequestKind, asked.ID, 1, Open, now.At, storedAsk{asked.Ask, by.Subject})
	if err != nil {
		return protocol.Effect{}, err
	}
	answer, err := json.Marshal(map[string]ExceptionRequest{"request": asked})
	return protocol.Effect{
		Links:   []protocol.Link{{Server: now.Server, Entry: ledger.Entry{Event: ledger.EventExceptionAsked, By: by, Document: &request, Reason: w.reason}}},
		Version: 1, Document: &request, Answer: answer,
	}, err
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

// answerRequest returns a request as the exception that answers it leaves it.
func (x *Exceptions) answerRequest(ctx context.Context, id string, g Grant) (ledger.Document, error) {
	d, found, err := x.store.Document(ctx, exceptionRequestKind, id)
	if err != nil {
		return d, err
	}
	if !found {
		return d, requestNotFound()
	}
	var asked storedAsk
	if err := read(d, &asked); err != nil {
		return d, err
	}
	if asked.Rule != g.Rule || asked.ServerToken != g.ServerToken || asked.LineageID != g.LineageID {
		return d, license.Invalid(requestPointer, "This request is for another server, lineage or rule: %s %s%s. Grant that, or leave requestId out.", asked.Rule, asked.ServerToken, asked.LineageID)
	}
	if State(d.State) != Open {
		return d, license.Refuse(license.RequestNotOpen, "%s has answered this request on %s already. Nothing was granted. If another exception is wanted, leave requestId out.",
			asked.GrantedBy, license.InstantWords(*asked.GrantedAt)).With("state", d.State).With("exceptionId", asked.ExceptionID).At(requestPointer)
	}
	asked.ExceptionID, asked.GrantedBy, asked.GrantedAt = license.Optional(g.ID), license.Optional(g.GrantedBy), &g.GrantedAt
	return document(exceptionRequestKind, id, d.Version+1, Granted, d.At, asked)
}

// Requests lists requests for exceptions that are Open or Granted, newest first: to an admin all, to others their own.
// limit is 1 or more.
func (x *Exceptions) Requests(ctx context.Context, caller license.Caller, state State, cursor string, limit int) (Listed[ExceptionRequest], error) {
	all := caller.Authorize(license.GrantException) == nil
	if !all {
		if err := caller.Authorize(license.AskException); err != nil {
			return Listed[ExceptionRequest]{}, err
		}
	}
	if state != Open && state != Granted {
		return Listed[ExceptionRequest]{}, license.Invalid("query:state", "The state must be open or granted.")
	}
	return list(ctx, x.store, x.pages, exceptionRequestKind, state, cursor, limit, func(d ledger.Document) (ExceptionRequest, bool, error) {
		var asked storedAsk
		err := read(d, &asked)
		return ExceptionRequest{asked.Ask, State(d.State), d.Version}, all || asked.Subject == caller.Subject, err
	})
}
