package demo

import (
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
)

// lives is what happened to customers whose licenses were asked for, changed, moved or excepted. Together they make 17
// licenses. Days count from today, as in stories.
var lives = []struct {
	customer string
	tokens   []license.ServerToken
	tell     func(*life)
}{
	// License requests: two are open, one with two conditions met; one was issued, one declined.
	{"Aurora Dental Group", []license.ServerToken{auroraToken}, func(l *life) {
		id := l.ask(-4, auroraToken, license.Permanent, "O-8190", suite(24, 0), "Demo: their old system ends with the month.")
		l.meet(-2, id, "O-8190, signed on paper", "contract-signed", "quantities-match")
	}},
	{"Birchwood Library", []license.ServerToken{birchwoodToken}, func(l *life) {
		l.ask(-1, birchwoodToken, license.Subscription, "C-2362", suite(7, 0), "")
	}},
	{"Kingfisher Marine", []license.ServerToken{kingfisherToken}, func(l *life) {
		id := l.ask(-12, kingfisherToken, license.Permanent, "O-8184", suite(32, 8), "")
		l.meet(-10, id, "O-8184", "contract-signed", "quantities-match", "customer-name-matches")
		l.meet(-9, id, "Bank statement 214", "payment-received")
		l.answer(-9, id)
	}},
	{"Copperline Mining", []license.ServerToken{copperlineToken}, func(l *life) {
		id := l.ask(-20, copperlineToken, license.Permanent, "O-8179", suite(90, 0), "")
		l.decline(-18, id, "Demo: the order is for 60 seats, not 90.")
	}},
	// Changed: fewer seats, a wrong name, another server, a trial that was bought.
	{"Halcyon Cruises", []license.ServerToken{halcyonToken}, func(l *life) {
		id := l.subscribe(-100, halcyonToken, l.customer, "C-2295", suite(60, 10))
		l.amend(-30, id, suite(40, 10), "Demo: one ship less.")
	}},
	{"Thornbury Dairy", []license.ServerToken{thornburyToken}, func(l *life) {
		id := l.subscribe(-5, thornburyToken, "Thornberry Dairy", "C-2358", suite(12, 0))
		l.correct(-4, id, "Demo: the name was misspelled.")
	}},
	{"Summit Broadcasting", []license.ServerToken{summitToken, summitNewToken}, func(l *life) {
		id := l.subscribe(-250, summitToken, l.customer, "C-2244", suite(28, 4))
		l.rehost(-60, id, summitNewToken, issuing.ServerReplaced)
	}},
	{"Saffron Kitchens", []license.ServerToken{saffronToken}, func(l *life) {
		trial := l.try(-25, 20, saffronToken, suite(5, 0))
		l.convert(-8, trial, "C-2354", suite(15, 0))
	}},
	// Exceptions: one was granted and used, one declined, one is asked for.
	{"Atlas Couriers", []license.ServerToken{atlasToken}, func(l *life) {
		l.try(-70, 30, atlasToken, suite(10, 0))
		l.try(-38, 30, atlasToken, suite(10, 0))
		wish := l.wish(-4, atlasToken, "Demo: their board decides at the end of the month.")
		l.grant(-4, atlasToken, wish, "Demo: agreed with the head of sales.")
		l.try(-3, 30, atlasToken, suite(10, 0))
	}},
	{"Nimbus Airways", []license.ServerToken{nimbusToken}, func(l *life) {
		l.try(-75, 30, nimbusToken, suite(20, 0))
		l.try(-42, 30, nimbusToken, suite(20, 0))
		l.wish(-1, nimbusToken, "Demo: the merger delays their order.")
		l.deny(0, l.wish(-1, nimbusToken, "Demo: they want to see the winter release."), "Demo: two trials are enough for that.")
	}},
	// One contract for three servers, ending soon: to renew many.
	{"Granite Peak Hotels", []license.ServerToken{graniteNorthToken, graniteSouthToken, graniteWestToken}, func(l *life) {
		l.subscribe(-345, graniteNorthToken, l.customer, "C-2400", suite(30, 0))
		l.subscribe(-345, graniteSouthToken, l.customer, "C-2400", suite(45, 5))
		l.subscribe(-340, graniteWestToken, l.customer, "C-2400", suite(18, 0))
	}},
}

// The servers of the lives.
const (
	auroraToken       license.ServerToken = "QMSA-A7RD-5K0X-Q2NB-WE46"
	birchwoodToken    license.ServerToken = "QMSA-B1CW-9L3T-ZV85-HD70"
	kingfisherToken   license.ServerToken = "QMSA-K4FM-X8R2-6TYP-NQ19"
	copperlineToken   license.ServerToken = "QMSA-C9LM-0GH7-W5DE-SA83"
	halcyonToken      license.ServerToken = "QMSA-H3CR-T61V-M8KX-BZ52"
	thornburyToken    license.ServerToken = "QMSA-T0DY-7NQ4-E9WF-LG36"
	summitToken       license.ServerToken = "QMSA-S8BC-2VXJ-K5R1-YH97"
	summitNewToken    license.ServerToken = "QMSA-S8BC-D4TN-Z70P-QM64"
	saffronToken      license.ServerToken = "QMSA-F6KN-1WEY-R3GB-TX08"
	atlasToken        license.ServerToken = "QMSA-A2CO-PJ95-L7DV-KS41"
	nimbusToken       license.ServerToken = "QMSA-N5AW-H8ZM-3Q0X-CR72"
	graniteNorthToken license.ServerToken = "QMSA-G1PN-V4BT-S96K-EL53"
	graniteSouthToken license.ServerToken = "QMSA-G2PS-M7YD-X08R-WA15"
	graniteWestToken  license.ServerToken = "QMSA-G3PW-Q5HF-K2TZ-NJ80"
)
