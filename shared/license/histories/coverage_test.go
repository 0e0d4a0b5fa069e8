package histories_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
)

// tally counts what the histories have lived.
type tally map[string]int

func (c tally) count(what string) { c[what]++ }

// add counts what came of an operation.
func (c tally) add(op string, refusal license.Code) {
	if refusal == "" {
		refusal = done
	}
	c[op]++
	c[string(refusal)]++
	c[outcome(op, refusal)]++
}

const done = "done"

func outcome(op string, result license.Code) string { return fmt.Sprint(op, ", ", result) }

// died counts where a process died.
func (c tally) died(m *licensetest.Mortal) { c[death(m.DiedAt(), m.After)]++ }

func death(method string, after bool) string {
	return fmt.Sprintf("died at %s, after it %v", method, after)
}

const (
	finishing = "finishing a pending license: "
	beside    = "beside a pending license: "
	left      = "left pending by "
)

// lived are the operations: in 300 histories so many are done at least, and each of these refusals happens.
func lived() map[string]struct {
	done     int
	refusals string
} {
	return map[string]struct {
		done     int
		refusals string
	}{
		"temporary":                {250, "forbidden issue_voided seats_below_base temporary_limit trial_limit trial_over_base unavailable"},
		"sold":                     {250, "base_license_exists conditions_not_met forbidden issue_voided request_required unavailable version_conflict"},
		"conversion":               {20, "base_license_exists forbidden invalid_request issue_voided not_current request_required"},
		"answer":                   {60, "base_license_exists conditions_not_met forbidden issue_voided not_current own_request request_not_open unavailable version_conflict"},
		"renewal":                  {80, "basis_required forbidden invalid_request issue_voided not_current not_renewable unavailable version_conflict"},
		"batch":                    {150, "basis_required forbidden invalid_request not_current not_renewable version_conflict"},
		"amendment":                {70, "expires_in_past forbidden invalid_request issue_voided not_amendable not_current own_request request_required unavailable version_conflict"},
		"correction":               {50, "base_license_exists forbidden invalid_request issue_voided not_correctable not_current other_customer own_request unavailable version_conflict"},
		"re-host":                  {60, "base_license_exists expires_in_past forbidden invalid_request issue_voided not_current not_rehostable other_customer rehost_limit unavailable version_conflict"},
		"revocation":               {150, "forbidden not_current unavailable version_conflict"},
		"request":                  {250, "forbidden"},
		"condition":                {500, "forbidden invalid_request request_not_open"},
		"declined":                 {20, "forbidden request_not_open"},
		"withdrawn":                {20, "forbidden request_not_open"},
		"request for an exception": {100, "forbidden invalid_request license_not_found"},
		"exception":                {70, "exception_exists forbidden invalid_request license_not_found request_not_found unavailable"},
		"exception on request":     {15, "invalid_request request_not_open"},
		"exception declined":       {10, "forbidden request_not_open"},
		"exception withdrawn":      {10, "forbidden request_not_open"},
	}
}

// requireAll fails if the histories went astray: if some operation, refusal or accident has become rare, what is compared
// says nothing of it. In fewer than 300 histories chance decides, so nothing is asked of these.
func (c tally) requireAll(t *testing.T, histories int) {
	t.Helper()
	if histories < 300 {
		t.Logf("%d histories are too few to say what has become rare", histories)
		return
	}
	atLeast := func(what string, in300 int) {
		assert.GreaterOrEqual(t, c[what], in300*histories/300, "%q has become rare", what)
	}
	for op, want := range lived() {
		atLeast(outcome(op, done), want.done)
		for refusal := range strings.FieldsSeq(want.refusals) {
			atLeast(outcome(op, license.Code(refusal)), 1)
		}
	}
	for what, in300 := range map[string]int{
		"temporary": 4, "sold": 10, "conversion": 1, "answer": 4, "renewal": 10, "amendment": 10, "correction": 10, "re-host": 10, "batch": 7,
	} {
		atLeast(finishing+what, in300)
	}
	for what, in300 := range map[string]int{
		"temporary": 30, "sold": 15, "conversion": 1, "answer": 7, "renewal": 10, "amendment": 10, "correction": 10, "re-host": 20, "revocation": 50,
		"request": 5, "condition": 7, "declined": 1, "withdrawn": 1, "exception": 2, "request for an exception": 3, "exception on request": 1,
	} {
		atLeast(beside+what, in300)
	}
	for what, in300 := range map[string]int{
		"temporary": 40, "sold": 40, "conversion": 7, "answer": 15, "renewal": 20, "amendment": 20, "correction": 15, "re-host": 20,
	} {
		atLeast(left+what, in300)
	}
	for what, in300 := range map[string]int{
		string(license.QuotaExceeded): 10, "exception in place of another": 5, "replayed": 300, "finished by the sweep": 35, "given up by the sweep": 90, "given up by a revocation": 15,
		"overtaken by a base license while it was pending": 5, "batch again": 150, "batch that died": 10, finishing + "dead": 25, beside + "dead": 40, "sent again at once": 15,
	} {
		atLeast(what, in300)
	}
	for _, steps := range []reflect.Type{reflect.TypeFor[ledger.Store](), reflect.TypeFor[protocol.Signer]()} {
		for method := range steps.Methods() {
			atLeast(death(method.Name, false), 2)
			atLeast(death(method.Name, true), 2)
		}
	}
}
