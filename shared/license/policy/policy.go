// Package policy is the rules that the vendor may change without a new release: how long temporary licenses run and what
// a sale must have met.
package policy

import "qmslicensing/shared/license"

// The most characters of the texts that people give.
const (
	MaxCustomer = 200
	MaxPaper    = 100 // contract, order, evidence
	MaxNote     = 2000
)

// Policy is the configurable part of the rules.
type Policy struct {
	TrialDays           int      // the longest trial, and the default
	TroubleshootingDays int      // likewise
	EmergencyDays       int      // likewise
	Conditions          []string // the conditions of a sale that a permanent license needs
	CorrectionDays      int      // how long after the day of issue accounting may correct a license
	RequestRequired     bool     // a permanent license answers a license request, which somebody else made
}

// DefaultPolicy returns the limits of the design: 30, 30 and 14 days, the four conditions of a sale, 7 days to correct;
// accounting may issue without a request.
func DefaultPolicy() Policy {
	return Policy{
		TrialDays: 30, TroubleshootingDays: 30, EmergencyDays: 14,
		Conditions:     []string{"contract-signed", "payment-received", "quantities-match", "customer-name-matches"},
		CorrectionDays: 7,
	}
}

func (p Policy) Days(purpose license.Purpose) int {
	switch purpose {
	case license.Trial:
		return p.TrialDays
	case license.Troubleshooting:
		return p.TroubleshootingDays
	case license.Emergency:
		return p.EmergencyDays
	}
	return 0
}

// CheckDays refuses a temporary license that runs too long, with TrialLimit or TemporaryLimit.
func (p Policy) CheckDays(purpose license.Purpose, days int) error {
	limit := p.Days(purpose)
	if days <= limit {
		return nil
	}
	code := license.TemporaryLimit
	if purpose == license.Trial {
		code = license.TrialLimit
	}
	return license.Refuse(code, "A temporary license for %s runs for at most %d days; this asks for %d. Choose %d or fewer.",
		purposeWords[purpose], limit, days, limit).With("limit", limit).With("requested", days).At("/days")
}

var purposeWords = map[license.Purpose]string{
	license.Trial: "a trial", license.Troubleshooting: "troubleshooting", license.Emergency: "an emergency",
}
