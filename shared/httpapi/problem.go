package httpapi

import (
	"context"
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"qmslicensing/shared/license"
)

// Problem is an RFC 9457 problem document.
type Problem struct {
	Type      string               `json:"type"`
	Title     string               `json:"title"`
	Status    int                  `json:"status"`
	Detail    string               `json:"detail"`
	Code      license.Code         `json:"code"`
	RequestID string               `json:"requestId"`
	Params    map[string]any       `json:"params,omitempty"`
	Errors    []license.FieldError `json:"errors,omitempty"`
}

type presentation struct {
	status int
	title  string
}

var presentations = map[license.Code]presentation{
	license.InvalidRequest:       {http.StatusBadRequest, "Something in the request needs a change"},
	license.Forbidden:            {http.StatusForbidden, "Your role cannot do this"},
	license.LicenseNotFound:      {http.StatusNotFound, "No license found"},
	license.VersionConflict:      {http.StatusPreconditionFailed, "Somebody changed this license first"},
	license.IdempotencyKeyReused: {http.StatusUnprocessableEntity, "This Idempotency-Key was used for another request"},
	license.IfMatchRequired:      {http.StatusPreconditionRequired, "The license's version is missing"},
	license.Internal:             {http.StatusInternalServerError, "Something went wrong here"},
	license.Unavailable:          {http.StatusServiceUnavailable, "Not available at the moment"},
	license.QuotaExceeded:        {http.StatusTooManyRequests, "Too many"},
	license.PayloadTooLarge:      {http.StatusRequestEntityTooLarge, "The request is too large"},
	license.UnsupportedMediaType: {http.StatusUnsupportedMediaType, "The request is not JSON"},
	license.ModuleDependency:     {http.StatusUnprocessableEntity, "Call Recording seats are missing"},
	license.ConditionsNotMet:     {http.StatusUnprocessableEntity, "Conditions of the sale are not met"},
	license.TrialLimit:           {http.StatusUnprocessableEntity, "The limit of trials is reached"},
	license.TemporaryLimit:       {http.StatusUnprocessableEntity, "The limit of temporary licenses is reached"},
	license.RehostLimit:          {http.StatusUnprocessableEntity, "The limit of re-hosts is reached"},
	license.SeatsBelowBase:       {http.StatusUnprocessableEntity, "Fewer seats than the base license"},
	license.NotRenewable:         {http.StatusUnprocessableEntity, "This license cannot be renewed"},
	license.NotRehostable:        {http.StatusUnprocessableEntity, "This license cannot be re-hosted"},
	license.BasisRequired:        {http.StatusUnprocessableEntity, "Where does the new term start?"},
	license.RenewalInPast:        {http.StatusUnprocessableEntity, "The renewed term would be over already"},
	license.ExpiresInPast:        {http.StatusUnprocessableEntity, "The license would have expired already"},
	license.BaseLicenseExists:    {http.StatusConflict, "This server has a license already"},
	license.TrialOverBase:        {http.StatusConflict, "This server has a license already"},
	license.OtherCustomer:        {http.StatusConflict, "This server belongs to another customer"},
	license.NotCurrent:           {http.StatusConflict, "This license is no longer current"},
	license.IssueVoided:          {http.StatusConflict, "This license was given up before it was signed"},
	license.NotAmendable:         {http.StatusUnprocessableEntity, "This license cannot be amended"},
	license.NotCorrectable:       {http.StatusUnprocessableEntity, "This license cannot be corrected"},
	license.ExceptionExists:      {http.StatusConflict, "There is an exception already"},
	license.RequestNotFound:      {http.StatusNotFound, "No request found"},
	license.RequestNotOpen:       {http.StatusConflict, "This request is no longer open"},
	license.OwnRequest:           {http.StatusUnprocessableEntity, "This is your own request"},
	license.RequestRequired:      {http.StatusUnprocessableEntity, "A license request is missing"},
	license.TooManyLicenses:      {http.StatusUnprocessableEntity, "Too many licenses at once"},
}

// readAgain is what a caller is told to wait when a store did not answer a read.
const readAgain = 5 * time.Second

// refusalOf returns the refusal in an error. A store that did not answer is Unavailable; anything else is Internal.
func refusalOf(err error, requestID string) *license.Error {
	var refusal *license.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, license.ErrUnclear), errors.Is(err, context.DeadlineExceeded):
		refusal = license.Refuse(license.Unavailable, "The license service cannot be reached at the moment. Try again in %d seconds.", int(readAgain.Seconds()))
		refusal.RetryAfter = readAgain
		return refusal
	}
	return license.Refuse(license.Internal, "Something went wrong here, and it was logged. Try again; if it lasts, send the request id %s to support.", requestID)
}

// Present is the one place that turns an error into what a caller sees. What is not a refusal is stripped.
func Present(err error, requestID string) Problem {
	refusal := refusalOf(err, requestID)
	p := presentations[refusal.Code]
	params := refusal.Params
	if refusal.RetryAfter > 0 {
		params = map[string]any{"retryAfter": wholeSeconds(refusal.RetryAfter)}
		maps.Copy(params, refusal.Params)
	}
	return Problem{
		Type:      "urn:qms-licensing:problem:" + string(refusal.Code),
		Title:     p.title,
		Status:    p.status,
		Detail:    refusal.Detail,
		Code:      refusal.Code,
		RequestID: requestID,
		Params:    params,
		Errors:    refusal.Fields,
	}
}

func wholeSeconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func problemResponse(err error, requestID string) Response {
	problem := Present(err, requestID)
	header := http.Header{"Content-Type": {"application/problem+json"}}
	if wait := refusalOf(err, requestID).RetryAfter; wait > 0 {
		header.Set("Retry-After", strconv.Itoa(wholeSeconds(wait)))
	}
	return Response{Status: problem.Status, Header: header, Body: problem}
}

// Refusal is the answer to a request whose real answer cannot be sent.
func Refusal(w http.ResponseWriter, err error, requestID string) {
	write(w, problemResponse(err, requestID))
}
