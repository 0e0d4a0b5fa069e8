// Package licensetest is the test kit of the domain: a clock that is set by hand, requests that are right, and the
// contract suites that every store and every signer must pass.
package licensetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/filesign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// Clock is a clock that moves only when it is told to.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock at 23 Nov 2026, 09:00 UTC.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Set moves the clock to an instant.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// Callers of each role.
var (
	SalesCaller      = license.Caller{Subject: "sub-sales", Username: "sales", Role: license.Sales, RequestID: "request-sales"}
	SupportCaller    = license.Caller{Subject: "sub-support", Username: "support", Role: license.Support, RequestID: "request-support"}
	AccountingCaller = license.Caller{Subject: "sub-accounting", Username: "accounting", Role: license.Accounting, RequestID: "request-accounting"}
	AdminCaller      = license.Caller{Subject: "sub-admin", Username: "admin", Role: license.Admin, RequestID: "request-admin"}
)

// Token is a Server Token for tests.
const Token license.ServerToken = "QMSA-7K2P-9XWD-H4TN-RC53"

// Call is a write by a caller under an Idempotency-Key.
func Call(caller license.Caller, key string) protocol.Call {
	return protocol.Call{Caller: caller, Method: "POST", Path: "/test", IdempotencyKey: key}
}

// Trial is a request for a trial that is in order.
func Trial() issuing.TemporaryRequest {
	return issuing.TemporaryRequest{ServerToken: string(Token), Customer: "Northwind Call Centers", Purpose: license.Trial, Modules: license.Modules{QMSSuite: 10}}
}

// Subscription is a request for a subscription of 12 months that is in order.
func Subscription() issuing.SoldRequest {
	return issuing.SoldRequest{
		ServerToken: string(Token), Customer: "Northwind Call Centers", Type: license.Subscription,
		Modules: license.Modules{QMSSuite: 50, CallRecording: 20}, Contract: "C-2041", TermMonths: 12,
	}
}

// Permanent is a request for a permanent license with every condition of the sale met.
func Permanent() issuing.SoldRequest {
	q := issuing.SoldRequest{
		ServerToken: string(Token), Customer: "Northwind Call Centers", Type: license.Permanent,
		Modules: license.Modules{QMSSuite: 50, CallRecording: 20}, Order: "O-7781",
	}
	for _, name := range policy.DefaultPolicy().Conditions {
		q.Conditions = append(q.Conditions, ledger.Condition{Name: name, MetOn: license.MakeDate(2026, 11, 2), Evidence: "O-7781"})
	}
	return q
}

// Keys makes one signing and one standby key of each purpose in a folder of the test.
func Keys(t testing.TB) (*filesign.Signer, []keyring.Entry) {
	t.Helper()
	signer := filesign.New(t.TempDir())
	var entries []keyring.Entry
	for _, k := range []struct {
		kid     string
		purpose license.KeyPurpose
		state   keyring.State
	}{
		{"temporary-2026-1", license.TemporaryKey, keyring.Signing}, {"temporary-2026-2", license.TemporaryKey, keyring.Standby},
		{"sold-2026-1", license.SoldKey, keyring.Signing}, {"sold-2026-2", license.SoldKey, keyring.Standby},
	} {
		entry, err := signer.Create(k.kid, k.purpose, k.state)
		require.NoError(t, err)
		entries = append(entries, entry)
	}
	return signer, entries
}
