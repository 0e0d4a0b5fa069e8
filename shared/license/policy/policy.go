// Package policy is the rules that the vendor may change without a new release: how long temporary licenses run, how many
// licenses there may be of a kind, and what a sale must have met.
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

	TrialDaysInAll       int // all trials of one customer on one server together
	Temporaries          int // temporary licenses of one server, trials included, in TemporaryWindowDays
	TemporaryWindowDays  int
	Rehosts              int // re-hosts of one lineage in RehostWindowMonths
	RehostWindowMonths   int
	LicensesPerPersonDay int // licenses that one person makes on one UTC day
}

// MaxTemporaryDays is what no temporary license exceeds, whatever was configured or excepted.
const MaxTemporaryDays = 366

// DefaultPolicy returns the limits of the design, the four conditions of a sale, 7 days to correct;
// accounting may issue without a request.
func DefaultPolicy() Policy {
	return Policy{
		TrialDays: 30, TroubleshootingDays: 30, EmergencyDays: 14,
		Conditions:     []string{"contract-signed", "payment-received", "quantities-match", "customer-name-matches"},
		CorrectionDays: 7,
		TrialDaysInAll: 60, Temporaries: 3, TemporaryWindowDays: 90, Rehosts: 3, RehostWindowMonths: 12, LicensesPerPersonDay: 200,
	}
}

// Days returns the longest temporary license for a purpose, 0 for what is none.
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

var purposeWords = map[license.Purpose]string{
	license.Trial: "a trial", license.Troubleshooting: "troubleshooting", license.Emergency: "an emergency",
}
