package demo

import "qmslicensing/shared/license"

// story is what one customer bought and tried. Days count from today: -30 is thirty days ago.
type story struct {
	customer string
	token    license.ServerToken
	trial    *temporary
	base     *sold
	renewals []int // days on which the base was renewed
	support  *temporary
	// revokedOn is the day on which the base was taken back; abandoned a subscription that was given up because the
	// signing key was refused, before the base was issued.
	revokedOn int
	abandoned *sold
}

type temporary struct {
	day     int
	days    int
	purpose license.Purpose // for support
	modules license.Modules
}

// sold is a subscription of so many months, or a permanent license for 0.
type sold struct {
	day     int
	months  int
	paper   string // contract or order
	modules license.Modules
}

func suite(n, extraCall int) license.Modules {
	return license.Modules{QMSSuite: n, CallRecording: extraCall}
}

// stories is every story. Together they make 42 licenses.
var stories = []story{
	// Permanent.
	{customer: "Lakeshore Telecare", token: "QMSA-4M8D-K2VX-77QH-PT31", trial: &temporary{day: -300, modules: suite(10, 0)}, base: &sold{-280, 0, "O-7781", suite(50, 20)}},
	{customer: "Osprey Freight", token: "QMSA-B6T1-M3RW-90KD-LE72", base: &sold{-410, 0, "O-6910", license.Modules{CallRecording: 15, AgentEvaluation: 15}}},
	{customer: "Bergmann Versicherung", token: "QMSA-8HJ4-5PZC-12NS-VA05", base: &sold{-90, 0, "O-8102", suite(200, 40)}},
	{customer: "Harbor Credit Union", token: "QMSA-W2E9-QX7L-44TB-KM18", trial: &temporary{day: -45, days: 14, modules: suite(5, 0)}, base: &sold{-30, 0, "O-8177", suite(25, 0)}},
	// Subscriptions, renewed.
	{customer: "Northwind Call Centers", token: "QMSA-7K2P-9XWD-H4TN-RC53", trial: &temporary{day: -740, modules: suite(10, 0)}, base: &sold{-708, 12, "C-2041", suite(50, 20)}, renewals: []int{-350}},
	{customer: "Tamarind Airways", token: "QMSA-R5VD-81GM-QE60-XN27", base: &sold{-800, 12, "C-1904", license.Modules{QMSSuite: 60, CallRecording: 60, ComputerRecording: 60}}, renewals: []int{-440, -75}},
	{customer: "Pacific Water Services", token: "QMSA-3NWC-T79K-ZB26-HD84", base: &sold{-400, 12, "C-2102", suite(35, 5)}, renewals: []int{-40}},
	{customer: "Alpine Rescue Dispatch", token: "QMSA-K1YB-6VFR-P803-SJ49", base: &sold{-395, 12, "C-2107", license.Modules{CallRecording: 12}}, renewals: []int{-35}},
	// Taken back, and given up before it was signed.
	{customer: "Vantage Collections", token: "QMSA-S3PW-M06H-9YBC-XD47", base: &sold{-190, 24, "C-2254", suite(14, 0)}, revokedOn: -14},
	{customer: "Kestrel Ambulance", token: "QMSA-V5NQ-8KRT-J2LE-GZ09", abandoned: &sold{-110, 12, "C-2290", suite(11, 1)}, base: &sold{-109, 12, "C-2290", suite(11, 1)}},
	// Subscriptions ending soon.
	{customer: "Granite State Bank", token: "QMSA-D0XR-28LQ-M5VH-TU61", base: &sold{-360, 12, "C-2188", suite(80, 0)}},
	{customer: "Café Central Reservations", token: "QMSA-5GTZ-N1C4-WK73-EB90", base: &sold{-351, 12, "C-2193", suite(6, 2)}},
	{customer: "Meridian Health", token: "QMSA-Y8QP-70JS-DX5E-FM32", trial: &temporary{day: -180, modules: suite(20, 0)}, base: &sold{-170, 6, "C-2260", suite(120, 30)}},
	{customer: "Polar Logistics", token: "QMSA-6RB2-VH9N-L0T8-CW15", base: &sold{-320, 12, "C-2215", suite(18, 0)}},
	{customer: "Söderberg & Partner", token: "QMSA-Z4KE-3MDY-7XQ1-GA56", base: &sold{-290, 12, "C-2231", suite(44, 6)}},
	// Subscriptions, expired.
	{customer: "Blue Fern Hotels", token: "QMSA-T7LN-C50W-8RVJ-PD23", base: &sold{-400, 12, "C-2099", suite(30, 0)}},
	{customer: "Quarry Lane Clinics", token: "QMSA-E9FX-42HB-K6ZS-MN78", base: &sold{-130, 3, "C-2301", suite(9, 3)}},
	// Subscriptions with time left.
	{customer: "Juniper Utilities", token: "QMSA-1VSD-XQ83-TB4G-RL07", base: &sold{-60, 24, "C-2330", suite(300, 100)}},
	{customer: "Redwood Title", token: "QMSA-H2CK-P9E5-60YM-WF41", trial: &temporary{day: -50, days: 20, modules: suite(8, 0)}, base: &sold{-25, 12, "C-2348", suite(16, 4)}},
	{customer: "Cascadia Telecare", token: "QMSA-Q0ZT-L7N2-5DRX-VB86", base: &sold{-20, 36, "C-2351", suite(75, 25)}},
	// Trials: running, ending, ended.
	{customer: "Sable Insurance", token: "QMSA-Q5NW-3T8B-V1HX-GM94", trial: &temporary{day: -44, modules: suite(10, 0)}},
	{customer: "Ibex Mobility", token: "QMSA-N8RJ-0KWP-E3CL-ZT50", trial: &temporary{day: -3, modules: suite(10, 0)}},
	{customer: "Fairview School District", token: "QMSA-L6DH-95XV-QA7K-BS12", trial: &temporary{day: -12, days: 14, modules: suite(15, 5)}},
	{customer: "Delta Parcel", token: "QMSA-0WMG-T2Z8-FY1N-JC63", trial: &temporary{day: -28, modules: license.Modules{CallRecording: 20}}},
	{customer: "Orchid Travel", token: "QMSA-X3VB-7QH6-SD08-KE25", trial: &temporary{day: -75, modules: suite(5, 0)}},
	{customer: "Lumen Legal", token: "QMSA-P4TA-E1RL-92GX-HW70", trial: &temporary{day: -1, days: 7, modules: suite(4, 0)}},
	// Support bridges.
	{customer: "Stonebridge Police", token: "QMSA-F7YC-KZ35-N0WD-QT81", base: &sold{-200, 0, "O-7990", suite(40, 10)}, support: &temporary{day: -2, purpose: license.Emergency, modules: suite(40, 10)}},
	{customer: "Mistral Energy", token: "QMSA-9SEM-B4J1-VX6P-LR38", base: &sold{-150, 12, "C-2277", suite(22, 0)}, support: &temporary{day: -40, days: 10, purpose: license.Troubleshooting, modules: suite(22, 0)}},
	{customer: "Willow Creek Retail", token: "QMSA-2HQX-R8TD-C7KV-NA64", support: &temporary{day: -5, purpose: license.Troubleshooting, modules: suite(3, 0)}},
}

// Tokens lists the Server Tokens of the demo.
func Tokens() []license.ServerToken {
	var tokens []license.ServerToken
	for _, s := range stories {
		tokens = append(tokens, s.token)
	}
	for _, l := range lives {
		tokens = append(tokens, l.tokens...)
	}
	return tokens
}
