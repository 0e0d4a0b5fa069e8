package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
)

// The states of an exception. Expired is not stored: it is a granted one whose time is over. Of a replaced one another
// exception, with more days, took the place: it allows nothing, ever.
const (
	Granted  State = "granted"
	Used     State = "used"
	Expired  State = "expired"
	Replaced State = "replaced"
)

// Grant is what is stored of an exception. It lifts what one rule counts for one license, and with Days also how long that
// license may be.
type Grant struct {
	ID          string           `json:"id"`
	Rule        license.Code     `json:"rule"`
	ServerToken license.Optional `json:"serverToken"`
	LineageID   license.Optional `json:"lineageId"`
	Days        int              `json:"days,omitzero"` // the most days of that license; 0: what its purpose gets
	Reason      string           `json:"reason"`
	GrantedBy   string           `json:"grantedBy"`
	GrantedAt   time.Time        `json:"grantedAt"`
	ExpiresAt   time.Time        `json:"expiresAt"`
	RequestID   license.Optional `json:"requestId"` // the request that it answers
	LicenseID   license.Optional `json:"licenseId"` // the license that it allowed, with by whom and when
	UsedBy      license.Optional `json:"usedBy"`
	UsedAt      *time.Time       `json:"usedAt"`
	Replaces    license.Optional `json:"replaces"`   // the exception with fewer days whose place it took
	ReplacedBy  license.Optional `json:"replacedBy"` // the exception with more days that took its place, and when
	ReplacedAt  *time.Time       `json:"replacedAt"`
}

// Exception is an exception as staff see it.
type Exception struct {
	Grant
	State   State `json:"state"` // Granted, Used, Expired or Replaced
	Version int   `json:"version"`
}

// readException reads a document as of an instant.
func readException(d ledger.Document, at time.Time) (Exception, error) {
	e := Exception{State: State(d.State), Version: d.Version}
	if err := read(d, &e.Grant); err != nil {
		return e, err
	}
	if e.State == Granted && !at.Before(e.ExpiresAt) {
		e.State = Expired
	}
	return e, nil
}

// newest returns the newest exception of a subject from a rule, and the allowance that names it; zero values if there is
// none.
func newest(ctx context.Context, store ledger.Reader, s Subject, rule license.Code) (allowance, exception ledger.Document, err error) {
	allowance, found, err := store.Document(ctx, ledger.KindAllowance, s.allowanceID(rule))
	if err != nil || !found {
		return ledger.Document{}, ledger.Document{}, err
	}
	var names struct{ ExceptionID string }
	if err := read(allowance, &names); err != nil {
		return allowance, exception, err
	}
	exception, found, err = store.Document(ctx, ledger.KindException, names.ExceptionID)
	if err == nil && !found {
		err = fmt.Errorf("exception %s, which allowance %s names, is not there", names.ExceptionID, allowance.ID)
	}
	return allowance, exception, err
}

// TakeException adds to a decision that it uses the open exception of a subject from a rule, if there is one: it can be
// used once, and goes back if the license is given up. days is the license's length, 0 for one without, and tooLong that it
// is beyond what its purpose gets: only an exception that says so many days allows that, and one that says fewer days than
// the license has does not allow it at all. Where it is open and allows too few, it is returned as short and not taken.
func TakeException(ctx context.Context, store ledger.Reader, d *protocol.Decision, s Subject, rule license.Code, days int, tooLong bool, by license.Caller, at time.Time) (taken bool, short *Exception, err error) {
	_, before, err := newest(ctx, store, s, rule)
	if err != nil || before.Version == 0 {
		return false, nil, err
	}
	e, err := readException(before, at)
	if err != nil || e.State != Granted {
		return false, nil, err
	}
	if days > e.Days && (tooLong || e.Days > 0) {
		return false, &e, nil
	}
	if d.Record.ID == "" {
		d.Record.ID = protocol.NewID()
	}
	usedAt := second(at)
	e.LicenseID, e.UsedBy, e.UsedAt = license.Optional(d.Record.ID), license.Optional(by.Username), &usedAt
	after, err := document(ledger.KindException, e.ID, before.Version+1, Used, before.At, e.Grant)
	if err != nil {
		return false, nil, err
	}
	d.Documents = append(d.Documents, after)
	d.Record.Returns = append(d.Record.Returns, before)
	d.Record.Uses = append(d.Record.Uses, e.ID)
	return true, nil, nil
}

// Exceptions grants exceptions, takes requests for them, and lists both.
type Exceptions struct {
	store    Store
	recorder *protocol.Recorder
	days     int // that an exception is open
	pages    pages
	now      func() time.Time
}

// NewExceptions returns the desk of exceptions, each open for a number of days. Of the secrets that sign the cursors of its
// lists the first signs and all are accepted. All parts are required; without a secret it is an error.
func NewExceptions(store Store, days int, secrets []string, now func() time.Time) (*Exceptions, error) {
	signed, err := newPages(secrets)
	return &Exceptions{store, protocol.NewRecorder(store, now), days, signed, now}, err
}

// GrantRequest grants an exception: ServerToken or LineageID by what the rule counts. RequestID, if not "", is the
// request that it answers. Days, if not 0, is how long the license may be, 1 to policy.MaxTemporaryDays.
type GrantRequest struct {
	ServerToken string
	LineageID   string
	Rule        string
	Reason      string
	RequestID   string
	Days        int `json:",omitzero"`
}

// Grant grants an exception; admin only. One with more days than the open one takes its place. Refusals: ExceptionExists
// while one with as many days is open, LicenseNotFound for an unknown lineage, RequestNotFound and RequestNotOpen.
func (x *Exceptions) Grant(ctx context.Context, call protocol.Call, q GrantRequest) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.GrantException); err != nil {
		return protocol.Outcome{}, err
	}
	w, err := clean(q.ServerToken, q.LineageID, q.Rule, q.Reason, q.Days)
	if err != nil {
		return protocol.Outcome{}, err
	}
	requestID, err := cleanRequestID(q.RequestID)
	if err != nil {
		return protocol.Outcome{}, err
	}
	token, err := home(ctx, x.store, w.subject)
	if err != nil {
		return protocol.Outcome{}, err
	}
	return x.recorder.Apply(ctx, protocol.Change{
		Call: call, Token: token,
		Hash: protocol.Digest(GrantRequest{string(w.subject.ServerToken), w.subject.LineageID, string(w.rule), w.reason, requestID, w.days}),
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Effect, error) {
			return x.decideGrant(ctx, now, call.Caller, w, requestID)
		},
	})
}

func (x *Exceptions) decideGrant(ctx context.Context, now protocol.Situation, by license.Caller, w wish, requestID string) (protocol.Effect, error) {
	granted := Exception{State: Granted, Version: 1, Grant: Grant{
		ID: protocol.NewID(), Rule: w.rule, ServerToken: license.Optional(w.subject.ServerToken), LineageID: license.Optional(w.subject.LineageID),
		Days: w.days, Reason: w.reason, GrantedBy: by.Username, GrantedAt: second(now.At), ExpiresAt: second(now.At).AddDate(0, 0, x.days), RequestID: license.Optional(requestID),
	}}
	var others []ledger.Document // that the grant changes, too
	if requestID != "" {
		request, err := x.answerRequest(ctx, requestID, granted.Grant)
		if err != nil {
			return protocol.Effect{}, err
		}
		others = append(others, request)
	}
	allowance, last, err := newest(ctx, x.store, w.subject, w.rule)
	if err != nil {
		return protocol.Effect{}, err
	}
	open, err := x.stillOpen(ctx, last, now.At)
	if err != nil {
		return protocol.Effect{}, err
	}
	if open != nil {
		replaced, err := open.replace(last, &granted.Grant)
		if err != nil {
			return protocol.Effect{}, err
		}
		others = append(others, replaced)
	}
	exception, err := document(ledger.KindException, granted.ID, 1, Granted, now.At, granted.Grant)
	if err != nil {
		return protocol.Effect{}, err
	}
	names, err := document(ledger.KindAllowance, w.subject.allowanceID(w.rule), allowance.Version+1, "newest", now.At, map[string]string{"exceptionId": granted.ID})
	if err != nil {
		return protocol.Effect{}, err
	}
	effect := protocol.Effect{
		Links:     []protocol.Link{{Server: now.Server, Entry: ledger.Entry{Event: ledger.EventExceptionGranted, By: by, Document: &exception, Reason: w.reason}}},
		Documents: append(others, names), Version: 1, Document: &exception,
	}
	effect.Answer, err = json.Marshal(map[string]Exception{"exception": granted})
	return effect, err
}

// stillOpen returns the last exception of a subject from a rule if it is open; else nil. While a license that used it is
// pending this waits: if that is given up, the exception is open again.
func (x *Exceptions) stillOpen(ctx context.Context, last ledger.Document, at time.Time) (*Exception, error) {
	if last.Version == 0 {
		return nil, nil
	}
	e, err := readException(last, at)
	if err != nil {
		return nil, err
	}
	switch e.State {
	case Granted:
		return &e, nil
	case Used:
		user, err := x.store.Record(ctx, string(e.LicenseID))
		if missing := new(license.Error); errors.As(err, &missing) && missing.Code == license.LicenseNotFound {
			return nil, nil // it was lost in a restore, and is not to be issued again
		}
		if err != nil {
			return nil, fmt.Errorf("reading license %s, which used exception %s: %w", e.LicenseID, e.ID, err)
		}
		if user.Status == license.Pending {
			return nil, protocol.Unavailable(fmt.Errorf("license %s, which used exception %s, is pending", user.ID, e.ID))
		}
	}
	return nil, nil
}

// replace returns the document of an open exception once another one with more days has taken its place, and says so in
// that; ExceptionExists if it has no more days.
func (e Exception) replace(before ledger.Document, by *Grant) (ledger.Document, error) {
	if by.Days <= e.Days {
		return ledger.Document{}, e.exists()
	}
	by.Replaces, e.ReplacedBy, e.ReplacedAt = license.Optional(e.ID), license.Optional(by.ID), &by.GrantedAt
	return document(ledger.KindException, e.ID, before.Version+1, Replaced, before.At, e.Grant)
}

// exists refuses another exception while this one is open.
func (e Exception) exists() error {
	allows := "It says no days, so it allows the next license with the days of its purpose: issue that. One with days would take its place."
	switch {
	case e.Rule == license.RehostLimit:
		allows = "It allows the next re-host: do that."
	case e.Days > 0:
		allows = fmt.Sprintf("It allows the next license, for up to %s: issue that. One with more days would take its place.", license.DaysWords(e.Days))
	}
	refusal := license.Refuse(license.ExceptionExists, "%s granted this exception on %s; it is not used yet, and open until %s. %s",
		e.GrantedBy, license.InstantWords(e.GrantedAt), license.InstantWords(e.ExpiresAt), allows).
		With("exceptionId", e.ID).With("grantedBy", e.GrantedBy).With("grantedAt", e.GrantedAt).With("expiresAt", e.ExpiresAt)
	if e.Days > 0 {
		refusal = refusal.With("days", e.Days)
	}
	return refusal
}

// Exceptions lists exceptions that are stored as Granted (those whose time is over among them), Used or Replaced, newest
// first; admin only. limit is 1 or more.
func (x *Exceptions) Exceptions(ctx context.Context, caller license.Caller, state State, cursor string, limit int) (Listed[Exception], error) {
	if err := caller.Authorize(license.GrantException); err != nil {
		return Listed[Exception]{}, err
	}
	if !slices.Contains([]State{Granted, Used, Replaced}, state) {
		return Listed[Exception]{}, license.Invalid("query:state", "The state must be granted, used or replaced; this is %q. Leave it out for the granted ones.", string(state))
	}
	return list(ctx, x.pages, newestFirst(x.store, ledger.KindException, state), cursor, limit, func(d ledger.Document) (Exception, bool, error) {
		e, err := readException(d, x.now())
		return e, true, err
	})
}
