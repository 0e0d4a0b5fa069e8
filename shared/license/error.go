package license

import (
	"errors"
	"fmt"
	"time"
)

// Code names one reason why a request failed. Codes are append-only: a caller may depend on each for ever.
type Code string

// The codes of requests that failed. The HTTP status of each is in package httpapi, its params in infra/openapi.yaml.
const (
	InvalidRequest       Code = "invalid_request"
	Forbidden            Code = "forbidden"
	LicenseNotFound      Code = "license_not_found"
	VersionConflict      Code = "version_conflict"
	IdempotencyKeyReused Code = "idempotency_key_reused"
	IfMatchRequired      Code = "if_match_required"
	Internal             Code = "internal"
	Unavailable          Code = "unavailable"
	QuotaExceeded        Code = "quota_exceeded"
	PayloadTooLarge      Code = "payload_too_large"
	UnsupportedMediaType Code = "unsupported_media_type"

	ModuleDependency Code = "module_dependency"
	ConditionsNotMet Code = "conditions_not_met"
	TrialLimit       Code = "trial_limit"
	TemporaryLimit   Code = "temporary_limit"
	RehostLimit      Code = "rehost_limit"
	SeatsBelowBase   Code = "seats_below_base"
	NotRenewable     Code = "not_renewable"
	NotRehostable    Code = "not_rehostable"
	BasisRequired    Code = "basis_required"
	RenewalInPast    Code = "renewal_in_past"
	ExpiresInPast    Code = "expires_in_past"

	BaseLicenseExists Code = "base_license_exists"
	TrialOverBase     Code = "trial_over_base"
	OtherCustomer     Code = "other_customer"
	NotCurrent        Code = "not_current"
	IssueVoided       Code = "issue_voided"

	NotAmendable    Code = "not_amendable"
	NotCorrectable  Code = "not_correctable"
	RequestNotFound Code = "request_not_found"
	RequestNotOpen  Code = "request_not_open"
	OwnRequest      Code = "own_request"
	RequestRequired Code = "request_required"
	TooManyLicenses Code = "too_many_licenses"
	ExceptionExists Code = "exception_exists"
)

// Codes lists every Code, in the order above. Tests range over it.
func Codes() []Code {
	return []Code{
		InvalidRequest, Forbidden, LicenseNotFound, VersionConflict, IdempotencyKeyReused, IfMatchRequired, Internal,
		Unavailable, QuotaExceeded, PayloadTooLarge, UnsupportedMediaType, ModuleDependency, ConditionsNotMet,
		TrialLimit, TemporaryLimit, RehostLimit, SeatsBelowBase, NotRenewable, NotRehostable, BasisRequired,
		RenewalInPast, ExpiresInPast, BaseLicenseExists, TrialOverBase, OtherCustomer, NotCurrent, IssueVoided,
		NotAmendable, NotCorrectable,
		RequestNotFound, RequestNotOpen, OwnRequest, RequestRequired,
		TooManyLicenses,
		ExceptionExists,
	}
}

// Error is a refusal that a person reads: what is, why, and what to do now. Any other error is internal.
type Error struct {
	Code       Code
	Detail     string         // one or two sentences, the next step included
	Params     map[string]any // the facts in Detail, for programs; the members per code are listed in infra/openapi.yaml
	Fields     []FieldError   // where in the request, if it is there
	RetryAfter time.Duration  // for Unavailable and QuotaExceeded
}

// FieldError points at one part of a request: a JSON Pointer into the body, or header:, query: or path: and a name.
type FieldError struct {
	Pointer string `json:"pointer"`
	Detail  string `json:"detail"`
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Detail }

// Refuse makes an Error of a code and a sentence.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Invalid makes an InvalidRequest that points at one part of the request.
func Invalid(pointer, format string, args ...any) *Error {
	detail := fmt.Sprintf(format, args...)
	return &Error{Code: InvalidRequest, Detail: detail, Fields: []FieldError{{pointer, detail}}}
}

// With adds a param and returns the error.
func (e *Error) With(name string, value any) *Error {
	if e.Params == nil {
		e.Params = map[string]any{}
	}
	e.Params[name] = value
	return e
}

// At adds the place in the request that the refusal is about and returns the error.
func (e *Error) At(pointer string) *Error {
	e.Fields = append(e.Fields, FieldError{pointer, e.Detail})
	return e
}

// PointAt adds to a refusal the place in the request that it is about; any other error stays as it is.
func PointAt(err error, pointer string) error {
	if refusal, ok := err.(*Error); ok {
		return refusal.At(pointer)
	}
	return err
}

// Collect merges the refusals among several checks of one request into one that names every field. An error that is not
// a refusal is returned at once; different codes: the first wins.
func Collect(errs ...error) error {
	var merged *Error
	for _, err := range errs {
		if err == nil {
			continue
		}
		var refusal *Error
		if !errors.As(err, &refusal) {
			return err
		}
		switch {
		case merged == nil:
			first := *refusal
			merged = &first
		case merged.Code == refusal.Code:
			merged.Detail = joinSentences(merged.Detail, refusal.Detail)
			merged.Fields = append(merged.Fields, refusal.Fields...)
		}
	}
	if merged == nil {
		return nil
	}
	return merged
}

// NotFound says that there is no license with the id that was given.
func NotFound() *Error {
	return Refuse(LicenseNotFound, "There is no license with this id. Find it by its Server Token.")
}

// ErrUnclear says that a store could not be reached, or not in time: a read has no result, and a write may or may not
// have happened. Try again.
var ErrUnclear = errors.New("the store did not answer")
