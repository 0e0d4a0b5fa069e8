package e2e_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/shared/kmssign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// The states of a license besides active.
const (
	superseded state = "superseded"
	revoked    state = "revoked"
	void       state = "void"
	expired    state = "expired"
)

// licenses are the makers of licenses: active ones, missing ones and those in wrong states.
func licenses(wrong ...state) map[state]maker {
	makers := map[state]maker{own: activeLicense, others: activeLicense, missing: missingLicense}
	for _, s := range wrong {
		makers[s] = map[state]maker{superseded: supersededLicense, revoked: revokedLicense, void: voidLicense, expired: expiredLicense}[s]
	}
	return makers
}

// licenseThing is a license as it is now: id, serverToken, etag.
func licenseThing(t testing.TB, s *system, id string) thing {
	t.Helper()
	shown := s.send(t, request{method: "GET", path: "/v1/licenses/" + url.PathEscape(id), as: "admin"})
	require.Equal(t, 200, shown.status, string(shown.body))
	return thing{"id": id, "serverToken": shown.text(t, "license", "serverToken"), "etag": shown.header.Get("ETag"), "status": shown.text(t, "license", "status")}
}

// activeLicense is what the owner's role issues: sales a trial, support an emergency license, accounting a subscription.
// Admins issue none.
func activeLicense(t testing.TB, s *system, owner string) thing {
	t.Helper()
	q := request{method: "POST", path: "/v1/temporary-licenses", as: owner, key: fresh("key")}
	switch token := fresh("QMSA-MATRIX"); license.Role(strings.TrimRight(owner, "2")) {
	case license.Sales:
		q.body = trial(token)
	case license.Support:
		q.body = with(trial(token), "purpose", "emergency")
	case license.Accounting:
		q.path, q.body = "/v1/licenses", subscription(token)
	default:
		return nil
	}
	issued := s.send(t, q)
	require.Equal(t, 201, issued.status, string(issued.body))
	require.Equal(t, owner, issued.text(t, "license", "issuedBy"))
	return licenseThing(t, s, issued.text(t, "license", "id"))
}

func missingLicense(testing.TB, *system, string) thing {
	return thing{"id": strings.Repeat("0", 32), "serverToken": fresh("QMSA-MISSING"), "etag": `"1"`}
}

func supersededLicense(t testing.TB, s *system, owner string) thing {
	t.Helper()
	sold := activeLicense(t, s, owner)
	renewed := s.send(t, request{
		method: "POST", path: "/v1/licenses/" + sold["id"] + "/renew", as: owner, key: fresh("key"), ifMatch: sold["etag"],
		body: map[string]any{"contract": "C-2041", "termMonths": 12},
	})
	require.Equal(t, 201, renewed.status, string(renewed.body))
	return inState(t, licenseThing(t, s, sold["id"]), superseded)
}

// The rest is made by the domain's own code on the same tables: there is no route that makes it, or not at this hour.

func revokedLicense(t testing.TB, s *system, owner string) thing {
	t.Helper()
	sold := activeLicense(t, s, owner)
	record, err := s.Store(gate.Operator).Record(t.Context(), sold["id"])
	require.NoError(t, err)
	call := domainCall(license.Caller{Subject: "matrix", Username: "admin", Role: license.Admin, RequestID: "matrix"})
	_, err = s.issuer(nil, time.Now).Revoke(t.Context(), call, issuing.RevocationRequest{ID: sold["id"], IfMatch: record.Version, Reason: "matrix"})
	require.NoError(t, err)
	return inState(t, licenseThing(t, s, sold["id"]), revoked)
}

// expiredLicense is a subscription of one month that was issued 100 days ago.
func expiredLicense(t testing.TB, s *system, owner string) thing {
	t.Helper()
	signer := kmssign.New(s.System.KMS("SweepFunction"), license.SoldKey)
	then := func() time.Time { return time.Now().AddDate(0, 0, -100) }
	issued, err := s.issuer(signer, then).Sold(t.Context(), domainCall(accountant(owner)), soldRequest(1))
	require.NoError(t, err)
	return inState(t, licenseThing(t, s, issued.LicenseID), expired)
}

// voidLicense is a subscription that was asked for while the key was refused; the sweep gave it up.
func voidLicense(t testing.TB, s *system, owner string) thing {
	t.Helper()
	now := time.Now().Add(-time.Hour)
	issuer := s.issuer(refuser{}, func() time.Time { return now })
	q := soldRequest(12)
	_, err := issuer.Sold(t.Context(), domainCall(accountant(owner)), q)
	require.ErrorIs(t, err, protocol.ErrRefused)
	for range 2 {
		now = now.Add(16 * time.Minute)
		_, err = protocol.NewSweeper(issuer.Writer(), s.Store(gate.Operator)).Sweep(t.Context())
		require.NoError(t, err)
	}
	found, err := s.Store(gate.Operator).ByServer(t.Context(), license.ServerToken(q.ServerToken), 1<<30, 1)
	require.NoError(t, err)
	require.Len(t, found, 1)
	return inState(t, licenseThing(t, s, found[0].ID), void)
}

func inState(t testing.TB, made thing, want state) thing {
	t.Helper()
	require.Equal(t, string(want), made["status"])
	return made
}

// issuer is the domain's, on this stack's tables.
func (s *system) issuer(signer protocol.Signer, now func() time.Time) *issuing.Issuer {
	store := s.Store(gate.Operator)
	return issuing.NewIssuer(store, signer, keyring.New(store, now), policy.DefaultPolicy(), now)
}

func domainCall(by license.Caller) protocol.Call {
	return protocol.Call{Caller: by, Method: "POST", Path: "/matrix", IdempotencyKey: fresh("domain")}
}

func accountant(username string) license.Caller {
	return license.Caller{Subject: "matrix-" + username, Username: username, Role: license.Accounting, RequestID: "matrix"}
}

func soldRequest(months int) issuing.SoldRequest {
	return issuing.SoldRequest{
		ServerToken: fresh("QMSA-MATRIX"), Customer: "Northwind Call Centers", Type: license.Subscription,
		Modules: license.Modules{QMSSuite: 50, CallRecording: 20}, Contract: "C-2041", TermMonths: months,
	}
}

// refuser is a signing service whose key is disabled.
type refuser struct{}

func (refuser) Sign(context.Context, protocol.Prepared) (protocol.Signature, error) {
	return protocol.Signature{}, protocol.ErrRefused
}
