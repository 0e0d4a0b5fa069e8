package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
)

// State is what has become of a request.
type State string

// The states. An open request can become each of the others; an issued one is open again if its license is given up
// before it is signed.
const (
	Open      State = "open"
	Issued    State = "issued"
	Declined  State = "declined"
	Withdrawn State = "withdrawn"
)

// States lists the states.
func States() []State { return []State{Open, Issued, Declined, Withdrawn} }

// Request asks accounting for a permanent license or a subscription. Its JSON is the body of its document.
type Request struct {
	ID      string `json:"-"`
	Version int    `json:"-"`
	State   State  `json:"-"`

	Type        license.Type        `json:"type"`
	ServerToken license.ServerToken `json:"serverToken"`
	Customer    string              `json:"customer"`
	Modules     license.Modules     `json:"modules"`
	Order       license.Optional    `json:"order"`
	Contract    license.Optional    `json:"contract"`
	Note        license.Optional    `json:"note"`
	Replaces    license.Optional    `json:"replaces"`
	Subject     string              `json:"requestedBySub"` // who requested it, for comparison; never shown
	RequestedBy string              `json:"requestedBy"`
	RequestedAt time.Time           `json:"requestedAt"`
	Conditions  []MetCondition      `json:"conditions"`
	Closed      Closing             `json:"closed,omitzero"` // zero while it is open
}

// MetCondition is a condition of the sale with who recorded that it is met, and when.
type MetCondition struct {
	ledger.Condition
	RecordedBy string    `json:"recordedBy"`
	RecordedAt time.Time `json:"recordedAt"`
}

// Closing says how a request came to its end.
type Closing struct {
	By        string           `json:"by"`
	At        time.Time        `json:"at"`
	Reason    license.Optional `json:"reason"`
	LicenseID license.Optional `json:"licenseId"`
}

// ReadRequest reads a request consistently; RequestNotFound if there is none.
func ReadRequest(ctx context.Context, store ledger.Reader, id string) (Request, error) {
	missing := license.Refuse(license.RequestNotFound, "There is no license request with this id. Find it in the list of requests.")
	if !license.IsID(id) {
		return Request{}, missing
	}
	document, found, err := store.Document(ctx, ledger.KindRequest, id)
	switch {
	case err != nil:
		return Request{}, fmt.Errorf("reading license request %s: %w", id, err)
	case !found:
		return Request{}, missing
	}
	return requestOf(document)
}

func requestOf(d ledger.Document) (Request, error) {
	r := Request{ID: d.ID, Version: d.Version, State: State(d.State)}
	if err := json.Unmarshal(d.Body, &r); err != nil {
		return r, fmt.Errorf("reading license request %s: %w", d.ID, err)
	}
	return r, nil
}

func (r Request) document() (ledger.Document, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return ledger.Document{}, fmt.Errorf("writing license request %s: %w", r.ID, err)
	}
	return ledger.Document{Kind: ledger.KindRequest, ID: r.ID, Version: r.Version, State: string(r.State), At: r.RequestedAt, Body: body}, nil
}

// CheckOpen refuses a request that has come to its end with RequestNotOpen: what became of it, by whom and when.
func (r Request) CheckOpen() error {
	if r.State == Open {
		return nil
	}
	words := map[State]string{Issued: "was issued", Declined: "was declined", Withdrawn: "was withdrawn"}
	next := "If it is still wanted, make a new request."
	if r.State == Issued {
		next = "Its license is " + string(r.Closed.LicenseID) + "."
	} else if r.Closed.Reason != "" {
		next = fmt.Sprintf("The reason: “%s”. %s", r.Closed.Reason, next)
	}
	refusal := license.Refuse(license.RequestNotOpen, "This request %s by %s on %s. %s", words[r.State], r.Closed.By, license.InstantWords(r.Closed.At), next).
		With("state", r.State).With("by", r.Closed.By).With("at", r.Closed.At)
	if r.State == Issued {
		refusal = refusal.With("licenseId", r.Closed.LicenseID)
	}
	return refusal
}

// CheckIssuable refuses a request that is not open, and with OwnRequest whoever made it themselves.
func (r Request) CheckIssuable(by license.Caller) error {
	if err := r.CheckOpen(); err != nil {
		return err
	}
	return r.CheckOther(by, "You made this request yourself on %s, so another accountant must issue it.")
}

// CheckOther refuses whoever made the request themselves with OwnRequest; words say what they must not do, and %s when they
// made it.
func (r Request) CheckOther(by license.Caller, words string) error {
	if r.Subject != by.Subject {
		return nil
	}
	return license.Refuse(license.OwnRequest, words, license.InstantWords(r.RequestedAt)).With("requestedBy", r.RequestedBy)
}

// CheckSale refuses what is not what the request asks for. The sale is cleaned, as the request's is.
func (r Request) CheckSale(s policy.Sale) []error {
	var errs []error
	for _, member := range []struct{ pointer, given, asked string }{
		{"/serverToken", s.ServerToken, string(r.ServerToken)}, {"/customer", s.Customer, r.Customer},
		{"/contract", s.Contract, string(r.Contract)}, {"/order", s.Order, string(r.Order)},
	} {
		if member.given != member.asked {
			errs = append(errs, NotAsked(member.pointer, member.asked))
		}
	}
	if s.Modules != r.Modules {
		m := r.Modules
		errs = append(errs, NotAsked("/modules", fmt.Sprintf("%d QMS Suite, %d Call Recording, %d Computer Recording, %d Agent Evaluation",
			m.QMSSuite, m.CallRecording, m.ComputerRecording, m.AgentEvaluation)))
	}
	return errs
}

// NotAsked refuses a member that differs from what the request asks for.
func NotAsked(pointer, asked string) error {
	return license.Invalid(pointer, "The request asks for another %s: %s. Leave it out, or decline the request and have a new one made.", pointer[1:], asked)
}

// Met returns what is recorded of the conditions that the rules name.
func (r Request) Met(rules policy.Policy) []ledger.Condition {
	var met []ledger.Condition
	for _, c := range r.Conditions {
		if slices.Contains(rules.Conditions, c.Name) {
			met = append(met, c.Condition)
		}
	}
	return met
}

// Answer returns the document of an open request as it is stored, and as the intent of the license that answers it leaves
// it.
func (r Request) Answer(by license.Caller, licenseID string, at time.Time) (before, after ledger.Document, err error) {
	if before, err = r.document(); err != nil {
		return before, after, err
	}
	after, err = r.close(Issued, Closing{By: by.Username, At: at.UTC(), LicenseID: license.Optional(licenseID)}).document()
	return before, after, err
}

// AnswerCorrected returns the document of an issued request as it is and as it will be once another license has taken the
// place of the one that answered it. Who issued it and when stays.
func (r Request) AnswerCorrected(licenseID string) (before, after ledger.Document, err error) {
	if before, err = r.document(); err != nil {
		return before, after, err
	}
	how := r.Closed
	how.LicenseID = license.Optional(licenseID)
	after, err = r.close(Issued, how).document()
	return before, after, err
}

// close returns the request's next version, come to its end.
func (r Request) close(state State, how Closing) Request {
	r.State, r.Closed = state, how
	r.Version++
	return r
}

// record returns the request's next version with conditions added, or replaced where they are recorded already.
func (r Request) record(met []ledger.Condition, by license.Caller, at time.Time) Request {
	r.Conditions = slices.Clone(r.Conditions)
	for _, c := range met {
		recorded := MetCondition{c, by.Username, at.UTC()}
		if n := slices.IndexFunc(r.Conditions, func(old MetCondition) bool { return old.Name == c.Name }); n >= 0 {
			r.Conditions[n] = recorded
			continue
		}
		r.Conditions = append(r.Conditions, recorded)
	}
	r.Version++
	return r
}

// View is a request as staff see it. Missing names the conditions of the sale that are not met yet.
type View struct {
	ID              string              `json:"id"`
	Version         int                 `json:"version"`
	State           State               `json:"state"`
	Type            license.Type        `json:"type"`
	ServerToken     license.ServerToken `json:"serverToken"`
	Customer        string              `json:"customer"`
	Modules         license.Modules     `json:"modules"`
	Seats           license.Seats       `json:"seats"`
	Order           license.Optional    `json:"order"`
	Contract        license.Optional    `json:"contract"`
	Note            license.Optional    `json:"note"`
	Replaces        license.Optional    `json:"replaces"`
	RequestedBy     string              `json:"requestedBy"`
	RequestedAt     time.Time           `json:"requestedAt"`
	Conditions      []MetCondition      `json:"conditions"`
	Missing         []string            `json:"missing"`
	LicenseID       license.Optional    `json:"licenseId"`
	IssuedBy        license.Optional    `json:"issuedBy"`
	IssuedAt        *time.Time          `json:"issuedAt"`
	DeclinedBy      license.Optional    `json:"declinedBy"`
	DeclinedAt      *time.Time          `json:"declinedAt"`
	DeclinedReason  license.Optional    `json:"declinedReason"`
	WithdrawnBy     license.Optional    `json:"withdrawnBy"`
	WithdrawnAt     *time.Time          `json:"withdrawnAt"`
	WithdrawnReason license.Optional    `json:"withdrawnReason"`
}

// View returns the request as staff see it.
func (r Request) View(rules policy.Policy) View {
	v := View{
		ID: r.ID, Version: r.Version, State: r.State, Type: r.Type, ServerToken: r.ServerToken, Customer: r.Customer,
		Modules: r.Modules, Seats: r.Modules.Seats(), Order: r.Order, Contract: r.Contract, Note: r.Note, Replaces: r.Replaces,
		RequestedBy: r.RequestedBy, RequestedAt: r.RequestedAt,
		Conditions: append([]MetCondition{}, r.Conditions...), Missing: rules.Missing(r.Type, r.Met(rules)),
	}
	by, at := license.Optional(r.Closed.By), &r.Closed.At
	switch r.State {
	case Issued:
		v.LicenseID, v.IssuedBy, v.IssuedAt = r.Closed.LicenseID, by, at
	case Declined:
		v.DeclinedBy, v.DeclinedAt, v.DeclinedReason = by, at, r.Closed.Reason
	case Withdrawn:
		v.WithdrawnBy, v.WithdrawnAt, v.WithdrawnReason = by, at, r.Closed.Reason
	}
	return v
}
