package issuing

import (
	"context"
	"errors"
	"strings"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// SoldRequest asks for a permanent license or a subscription. A subscription has a contract and either TermMonths or
// ExpiresOn; a permanent license has an order and conditions. Replaces names the active base license that the new one
// takes the place of, and IfMatch is then its version; both are zero otherwise. ConvertsTrial names a trial that the
// customer buys: ServerToken, Customer and Modules that are zero are then the trial's.
type SoldRequest struct {
	ServerToken string
	Customer    string
	Type        license.Type
	Modules     license.Modules
	Contract    string
	TermMonths  int
	ExpiresOn   license.Date
	StartsOn    license.Date // zero: today
	Order       string
	Conditions  []ledger.Condition
	Replaces    string
	IfMatch     int
	// RequestID names the license request that this answers. Members that are empty here are taken from it, the conditions
	// always; Replaces given here holds.
	RequestID string `json:",omitzero"`
	// ConvertsTrial names the trial that this takes the place of. Server Token, customer and modules are taken from it where
	// they are empty.
	ConvertsTrial string `json:",omitzero"`
}

// Sold issues a permanent license or a subscription; accounting only. Refusals: ConditionsNotMet, ExpiresInPast,
// BaseLicenseExists, those of changing an existing license where it replaces one, NotCurrent for a trial that was given up
// or revoked, and those of a request that it answers: RequestNotFound, RequestNotOpen, OwnRequest; RequestRequired where it
// should answer one.
func (i *Issuer) Sold(ctx context.Context, call protocol.Call, q SoldRequest) (protocol.Outcome, error) {
	if err := call.Caller.Authorize(license.IssueSold); err != nil {
		return protocol.Outcome{}, err
	}
	q, token, err := i.cleanSold(ctx, q)
	if err != nil {
		return protocol.Outcome{}, err
	}
	if q.Replaces != "" && q.IfMatch == 0 {
		return protocol.Outcome{}, ifMatchRequired("replaced")
	}
	if q.Replaces != "" && !license.IsID(q.Replaces) {
		return protocol.Outcome{}, license.NotFound().At(replacesPointer)
	}
	return i.run(ctx, protocol.Write{
		Call:   call,
		Hash:   protocol.Digest(q),
		Token:  token,
		Slot:   license.BaseSlot,
		Target: q.Replaces,
		Where:  replacesPointer,
		Decide: func(ctx context.Context, now protocol.Situation) (protocol.Decision, error) {
			return i.decideAnswer(ctx, call.Caller, now, q)
		},
	})
}

func (q SoldRequest) clean() (SoldRequest, license.ServerToken, error) {
	sale := q.sale()
	errs := sale.Clean()
	switch q.Type {
	case license.Subscription:
		errs = append(errs, q.checkSubscription()...)
	case license.Permanent:
		errs = append(errs, q.checkPermanent()...)
		q.Conditions = policy.CleanConditions(q.Conditions)
	}
	if q.Replaces == "" && q.IfMatch != 0 {
		errs = append(errs, license.Invalid("header:If-Match", "If-Match goes with replaces: name the license that this one takes the place of, or leave it out."))
	}
	if err := license.Collect(errs...); err != nil {
		return q, "", err
	}
	q.ServerToken, q.Customer, q.Contract, q.Order = sale.ServerToken, sale.Customer, sale.Contract, sale.Order
	return q, license.ServerToken(sale.ServerToken), nil
}

// cleanSold cleans a request for a license, completed from the license request that it answers and from the trial that it
// converts, if any.
func (i *Issuer) cleanSold(ctx context.Context, q SoldRequest) (SoldRequest, license.ServerToken, error) {
	var asked desk.Request
	var err error
	if q.RequestID != "" {
		q.RequestID = strings.ToLower(strings.TrimSpace(q.RequestID))
		if asked, err = desk.ReadRequest(ctx, i.store, q.RequestID); err != nil {
			return q, "", license.PointAt(err, requestPointer)
		}
		if q, err = q.completedFrom(asked); err != nil {
			return q, "", err
		}
	}
	if q, err = i.fromTrial(ctx, q); err != nil {
		return q, "", err
	}
	q, token, err := q.clean()
	if err != nil || q.RequestID == "" {
		return q, token, err
	}
	return q, token, license.Collect(asked.CheckSale(q.sale())...)
}

// completedFrom takes what is not given from the license request. Its conditions are read when the license is decided.
func (q SoldRequest) completedFrom(asked desk.Request) (SoldRequest, error) {
	var errs []error
	if q.Conditions != nil {
		errs = append(errs, license.Invalid("/conditions", "The conditions of the sale are those recorded on the request. Record what is missing there, and leave conditions out."))
	}
	if q.Type != "" && q.Type != asked.Type {
		errs = append(errs, desk.NotAsked("/type", string(asked.Type)))
	}
	for _, member := range []struct{ given, asked *string }{
		{(*string)(&q.Type), (*string)(&asked.Type)}, {&q.ServerToken, (*string)(&asked.ServerToken)}, {&q.Customer, &asked.Customer},
		{&q.Contract, (*string)(&asked.Contract)}, {&q.Order, (*string)(&asked.Order)}, {&q.Replaces, (*string)(&asked.Replaces)},
	} {
		if *member.given == "" {
			*member.given = *member.asked
		}
	}
	if q.Modules == (license.Modules{}) {
		q.Modules = asked.Modules
	}
	return q, license.Collect(errs...)
}

// sale is the part of the request that a license request may have asked for.
func (q SoldRequest) sale() policy.Sale {
	return policy.Sale{ServerToken: q.ServerToken, Customer: q.Customer, Type: q.Type, Modules: q.Modules, Contract: q.Contract, Order: q.Order}
}

func (q SoldRequest) checkSubscription() []error {
	errs := []error{checkTermGiven(q.TermMonths, q.ExpiresOn)}
	if q.Conditions != nil {
		errs = append(errs, policy.NotFor("/conditions", license.Permanent))
	}
	return errs
}

func (q SoldRequest) checkPermanent() []error {
	var errs []error
	for pointer, given := range map[string]bool{"/termMonths": q.TermMonths != 0, "/expiresOn": !q.ExpiresOn.IsNever(), "/startsOn": !q.StartsOn.IsNever()} {
		if given {
			errs = append(errs, policy.NotFor(pointer, license.Subscription))
		}
	}
	return errs
}

// checkTermGiven wants exactly one of the two ways to say a term.
func checkTermGiven(months int, end license.Date) error {
	switch {
	case months == 0 && end.IsNever():
		return license.Invalid("/termMonths", "Give the term in months (termMonths, 1 to 120), or its last day (expiresOn).")
	case months != 0 && !end.IsNever():
		return license.Invalid("/expiresOn", "Give either termMonths or expiresOn, not both.")
	case end.IsNever() && (months < license.MinTermMonths || months > license.MaxTermMonths):
		return license.Invalid("/termMonths", "A term has 1 to 120 months; this is %d.", months)
	}
	return nil
}

// decideTerm computes the term of a new subscription.
func (q SoldRequest) decideTerm(today license.Date) (license.Term, error) {
	start := q.StartsOn
	if start.IsNever() {
		start = today
	}
	if start.After(today) {
		return license.Term{}, license.Invalid("/startsOn", "A license works from the moment it is signed, so its term cannot start later than today, %s. Leave startsOn out, or give today or a past day.", today.Words())
	}
	return termFrom(start, start.Day(), q.TermMonths, q.ExpiresOn, today, license.ExpiresInPast)
}

// termFrom computes a term that starts on a day and refuses, with the given code, one that does not end after today.
func termFrom(start license.Date, anchor, months int, end, today license.Date, inPast license.Code) (license.Term, error) {
	term := license.TermOfMonths(start, months, anchor)
	pointer := "/termMonths"
	if !end.IsNever() {
		term, pointer = license.TermUntil(start, end), "/expiresOn"
	}
	latest := license.LatestEnd(start)
	switch {
	case !term.EndsOn.After(today):
		return term, license.Refuse(inPast, "The license would end on %s, which is not after today, %s. Choose a later end.",
			term.EndsOn.Words(), today.Words()).With("expiresOn", term.EndsOn).With("today", today).At(pointer)
	case term.EndsOn.Before(start):
		return term, license.Invalid(pointer, "The term starts on %s, so it cannot end on %s. Choose a later end.", start.Words(), term.EndsOn.Words())
	case term.EndsOn.After(license.LastDay):
		return term, license.Invalid(pointer, "A license ends on %s at the latest. Choose an earlier end.", license.LastDay.Words())
	case !end.IsNever() && term.EndsOn.After(latest):
		return term, license.Invalid(pointer, "A term has at most 120 months: one that starts on %s ends on %s at the latest.", start.Words(), latest.Words())
	}
	return term, nil
}

// Where a request names the license that it replaces, and the license request that it answers.
const (
	replacesPointer = "/replaces"
	requestPointer  = "/requestId"
)

// decideAnswer decides a license that may answer a license request. The request is read again, so that what it takes with
// the intent is what it is decided from.
func (i *Issuer) decideAnswer(ctx context.Context, by license.Caller, now protocol.Situation, q SoldRequest) (protocol.Decision, error) {
	if q.RequestID == "" {
		if q.Type == license.Permanent && i.policy.RequestRequired {
			return protocol.Decision{}, license.Refuse(license.RequestRequired, "A permanent license is issued from a license request, which somebody else made. Have one made, record its conditions, and give its id in requestId.").At(requestPointer)
		}
		return i.decideSold(ctx, now, q)
	}
	asked, err := desk.ReadRequest(ctx, i.store, q.RequestID)
	if err != nil {
		return protocol.Decision{}, license.PointAt(err, requestPointer)
	}
	if err := asked.CheckIssuable(by); err != nil {
		return protocol.Decision{}, license.PointAt(err, requestPointer)
	}
	met := asked.Met(i.policy)
	if err := i.policy.CheckComplete(asked.Type, met, requestPointer); err != nil {
		return protocol.Decision{}, err
	}
	if q.Type == license.Permanent {
		q.Conditions = met
	}
	d, err := i.decideSold(ctx, now, q)
	if err != nil {
		return d, err
	}
	d.Record.ID, d.Record.RequestID, d.Record.Note = protocol.NewID(), asked.ID, string(asked.Note)
	before, after, err := asked.Answer(by, d.Record.ID, now.At)
	d.Record.Returns, d.Documents = append(d.Record.Returns, before), append(d.Documents, after)
	return d, err
}

func (i *Issuer) decideSold(ctx context.Context, now protocol.Situation, q SoldRequest) (protocol.Decision, error) {
	if err := i.policy.CheckConditions(q.Type, q.Conditions, now.Today()); err != nil {
		return protocol.Decision{}, err
	}
	r := ledger.Record{
		License: license.License{
			ServerToken: now.Server.Token, Type: q.Type, Customer: q.Customer, Modules: q.Modules,
			Contract: license.Optional(q.Contract), Order: license.Optional(q.Order), StartsOn: now.Today(),
		},
		Operation:  ledger.OpIssue,
		Conditions: q.Conditions,
		Converts:   q.ConvertsTrial,
	}
	if err := i.convertible(ctx, q.ConvertsTrial); err != nil {
		return protocol.Decision{}, err
	}
	if now.Target != nil {
		if now.Target.ServerToken != now.Server.Token {
			return protocol.Decision{}, license.Invalid(replacesPointer, "License %s belongs to another server. Name the base license of this one, or leave replaces out.", q.Replaces)
		}
		if err := changeable(now, q.IfMatch, "replaced"); err != nil {
			return protocol.Decision{}, q.overtaken(now.Target, err)
		}
		if now.Target.Type == license.Temporary {
			return protocol.Decision{}, license.Invalid(replacesPointer, "License %s is temporary; the new license supersedes it without being told. Leave replaces out.", q.Replaces)
		}
		r.LineageID, r.Predecessor = now.Target.LineageID, now.Target.ID
	} else if err := i.refuseOverBase(ctx, now); err != nil {
		return protocol.Decision{}, err
	}
	if q.Type == license.Subscription {
		term, err := q.decideTerm(now.Today())
		if err != nil {
			return protocol.Decision{}, err
		}
		r.StartsOn, r.ExpiresOn, r.AnchorDay = term.StartsOn, term.EndsOn, term.AnchorDay
	}
	return protocol.Decision{Record: r}, nil
}

// overtaken says of a license request whose license is not current any more what helps; other refusals stay as they are.
func (q SoldRequest) overtaken(replaced *ledger.Record, err error) error {
	var refusal *license.Error
	if q.RequestID == "" || !errors.As(err, &refusal) || refusal.Code != license.NotCurrent {
		return err
	}
	return license.Refuse(license.NotCurrent, "This license is %s, so license request %s cannot replace it any more. Decline this request and have a new one made.",
		replaced.Status, q.RequestID).With("licenseId", replaced.ID).With("status", replaced.Status)
}

// refuseOverBase refuses to issue a base license where one is active, unless it is meant.
func (i *Issuer) refuseOverBase(ctx context.Context, now protocol.Situation) error {
	if now.Server.Base.Current == "" {
		return nil
	}
	base, err := i.store.Record(ctx, now.Server.Base.Current)
	if err != nil {
		return err
	}
	if base.License.At(now.At).Status != license.Active {
		return nil
	}
	return license.Refuse(license.BaseLicenseExists, "This server has an active %s license for %s, expiration date %s. Renew or amend that one, or name it in replaces with its version in If-Match.",
		base.Type, base.Customer, base.ExpiresOn.Words()).With("licenseId", base.ID)
}

// trialPointer is where a request names the trial that it converts.
const trialPointer = "/convertsTrial"

// fromTrial fills in what a request to convert a trial leaves out. A trial's Server Token, customer and modules never
// change, so the same request is always filled in alike.
func (i *Issuer) fromTrial(ctx context.Context, q SoldRequest) (SoldRequest, error) {
	if q.ConvertsTrial == "" {
		return q, nil
	}
	q.ConvertsTrial = strings.ToLower(strings.TrimSpace(q.ConvertsTrial))
	if !license.IsID(q.ConvertsTrial) {
		return q, license.NotFound().At(trialPointer)
	}
	trial, err := i.store.Record(ctx, q.ConvertsTrial)
	if err != nil {
		return q, license.PointAt(err, trialPointer)
	}
	if trial.Purpose != license.Trial {
		return q, license.Invalid(trialPointer, "License %s is no trial. Name the trial that the customer buys, or leave convertsTrial out.", trial.ID)
	}
	if q.Replaces != "" && q.RequestID != "" {
		return q, license.Invalid(trialPointer, "A trial starts a new line of licenses, and license request %s replaces license %s. Leave convertsTrial out: a base license supersedes the trial of its server in any case.", q.RequestID, q.Replaces)
	}
	if q.Replaces != "" {
		return q, license.Invalid(trialPointer, "A trial starts a new line of licenses, and replaces continues an old one. Give one of the two: a base license supersedes the trial of its server in any case.")
	}
	if q.ServerToken == "" {
		q.ServerToken = string(trial.ServerToken)
	}
	token, err := parseToken(q.ServerToken)
	if err == nil && token != trial.ServerToken {
		return q, license.Invalid("/serverToken", "The trial is for Server Token %s, this request for %s. Leave the Server Token out, or name a trial of this server.", trial.ServerToken, token)
	}
	if strings.TrimSpace(q.Customer) == "" {
		q.Customer = trial.Customer
	}
	if q.Modules == (license.Modules{}) {
		q.Modules = trial.Modules
	}
	return q, nil
}

// convertible refuses to convert a trial that was never issued or was taken back. The trial is one of the server that was
// read, so its status cannot change unseen.
func (i *Issuer) convertible(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	trial, err := i.store.Record(ctx, id)
	if err != nil {
		return license.PointAt(err, trialPointer)
	}
	switch trial.Status {
	case license.Active, license.Superseded:
		return nil
	}
	return license.Refuse(license.NotCurrent, "This trial is %s, so it cannot be converted. Issue the license without convertsTrial.", trial.Status).
		With("licenseId", id).With("status", trial.Status).At(trialPointer)
}
