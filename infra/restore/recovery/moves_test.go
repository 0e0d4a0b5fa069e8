package recovery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/restore/recovery"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

// mistake is a license on one server and its correction, to the same server or another one. Replay goes by the servers'
// names, so a move is tried in both directions.
type mistake struct {
	world
	from, to license.ServerToken
	old      protocol.Outcome
	now      time.Time
}

func mistakes(t *testing.T, do func(t *testing.T, m *mistake)) {
	for name, c := range map[string][2]license.ServerToken{
		"on its server": {"QMSA-MIST-0001", "QMSA-MIST-0001"},
		"to a server that is replayed afterwards": {"QMSA-MIST-0001", "QMSA-MIST-0002"},
		"to a server that is replayed before":     {"QMSA-MIST-0002", "QMSA-MIST-0001"},
	} {
		t.Run(name, func(t *testing.T) {
			m := &mistake{world: emptyWorld(t), from: c[0], to: c[1], now: time.Now().Add(-time.Minute)}
			m.old = m.sell(t, m.generation, "old", string(m.from))
			do(t, m)
		})
	}
}

// export is the instant that is restored.
func (m *mistake) export(t *testing.T) {
	m.licenses, m.audit = export(t, m.Licenses), export(t, m.Audit)
}

func (m *mistake) clock() time.Time { return m.now }

// away is an issuer whose key is refused. Its clock is behind, so that nobody waits for its leases.
func (m *mistake) away() *issuing.Issuer {
	return issuing.NewIssuer(m.Store, refusing{}, keyring.New(m.Store, m.clock), policy.DefaultPolicy(), m.clock)
}

// correct corrects a license, always by the same request for the same key.
func (m *mistake) correct(t *testing.T, by *issuing.Issuer, key, id string) (protocol.Outcome, error) {
	q := issuing.CorrectionRequest{ID: id, Reason: "A mistake.", Customer: "Right " + key, IfMatch: 1}
	if key == "first" {
		q.ServerToken = string(m.to)
	}
	return by.Correct(t.Context(), licensetest.Call(licensetest.AccountingCaller, key), q)
}

// promise leaves a correction pending, and returns the id of the license that it is to make.
func (m *mistake) promise(t *testing.T) string {
	t.Helper()
	_, err := m.correct(t, m.away(), "first", m.old.LicenseID)
	require.Error(t, err)
	server, err := m.Server(t.Context(), m.to)
	require.NoError(t, err)
	return server.Base.Pending
}

func (m *mistake) corrected(t *testing.T, key, id string) string {
	t.Helper()
	out, err := m.correct(t, m.issuer, key, id)
	require.NoError(t, err)
	return out.LicenseID
}

// replayed restores, replays, and returns what was said of each license where it was something.
func (m *mistake) replayed(t *testing.T) (generation, map[string]recovery.Now) {
	t.Helper()
	g := m.restore(t)
	done, told, err := m.replay(t, g, m.archive(t))
	require.NoError(t, err)
	require.Empty(t, done.Wrong)
	said := map[string]recovery.Now{}
	for _, l := range told {
		if l.Now != recovery.Nothing && l.ServerToken == l.License.ServerToken {
			said[l.License.ID] = l.Now
		}
	}
	require.Empty(t, m.checkWithout(t, g, told).Wrong)
	return g, said
}

func (m *mistake) status(t *testing.T, g generation, id string) license.Status {
	t.Helper()
	record, err := g.Record(t.Context(), id)
	require.NoError(t, err)
	return record.Status
}

// free asserts that a server's base slot is empty, and sells there.
func (m *mistake) free(t *testing.T, g generation, token license.ServerToken) {
	t.Helper()
	server, err := g.Server(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, ledger.Slot{}, server.Base)
	record, err := g.Record(t.Context(), m.sell(t, g, "after "+string(token), string(token)).LicenseID)
	require.NoError(t, err)
	require.Equal(t, server.Sequence+1, record.Sequence)
}

func TestReplay_WhatWasCorrectedStaysRevoked(t *testing.T) {
	mistakes(t, func(t *testing.T, m *mistake) {
		for range 2 { // the other server has used numbers of its own
			used := m.sell(t, m.generation, "used-"+time.Now().String(), "QMSA-USED-0001")
			_, err := m.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, used.LicenseID), issuing.RevocationRequest{ID: used.LicenseID, IfMatch: 1, Reason: "returned"})
			require.NoError(t, err)
		}
		if m.to != m.from {
			m.to = "QMSA-USED-0001"
		}
		m.export(t)
		right := m.corrected(t, "first", m.old.LicenseID)
		g, said := m.replayed(t)
		require.Equal(t, recovery.Lost, said[right])
		record, err := g.Record(t.Context(), m.old.LicenseID)
		require.NoError(t, err)
		require.Equal(t, license.Revoked, record.Status)
		require.Equal(t, ledger.Change{By: "accounting", At: record.LastChange.At, What: "corrected"}, record.LastChange)
		server, err := g.Server(t.Context(), m.from)
		require.NoError(t, err)
		if m.to != m.from {
			require.Equal(t, 1, server.Sequence, "the number of the license that left is the other server's")
			m.free(t, g, m.to)
		}
		m.free(t, g, m.from)
	})
}

func TestReplay_WhatWasIssuedAndCorrectedLaterIsNotIssuedAgain(t *testing.T) {
	mistakes(t, func(t *testing.T, m *mistake) {
		right := m.corrected(t, "first", m.old.LicenseID)
		g, said := m.replayed(t)
		require.Equal(t, map[string]recovery.Now{m.old.LicenseID: recovery.Mended, right: recovery.Lost}, said)
		m.free(t, g, m.to)
	})
}

func TestReplay_ACorrectionThatWasPendingIsFinishedAgain(t *testing.T) {
	mistakes(t, func(t *testing.T, m *mistake) {
		right := m.promise(t)
		m.export(t)
		require.Equal(t, right, m.corrected(t, "first", m.old.LicenseID))
		g, said := m.replayed(t)
		require.Equal(t, map[string]recovery.Now{right: recovery.Waits}, said)
		m.now = m.now.Add(time.Minute)
		swept, err := protocol.NewSweeper(protocol.NewWriter(g.Store, m.signer, keyring.New(g.Store, m.clock), m.clock), g.Store).Sweep(t.Context())
		require.NoError(t, err)
		require.Equal(t, protocol.SweepReport{Finished: 1}, swept)
		require.Equal(t, license.Active, m.status(t, g, right))
		require.Equal(t, license.Revoked, m.status(t, g, m.old.LicenseID))
		require.Empty(t, m.check(t, g).Wrong)
	})
}

func TestReplay_APendingCorrectionThatWasRevokedOrCorrectedLater(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, m *mistake, right string){
		"revoked": func(t *testing.T, m *mistake, right string) {
			_, err := m.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, "end"), issuing.RevocationRequest{ID: right, IfMatch: 1, Reason: "returned"})
			require.NoError(t, err)
		},
		"corrected": func(t *testing.T, m *mistake, right string) { m.corrected(t, "second", right) },
	} {
		t.Run(name, func(t *testing.T) {
			mistakes(t, func(t *testing.T, m *mistake) {
				right := m.promise(t)
				m.export(t)
				m.corrected(t, "first", m.old.LicenseID)
				end(t, m, right)
				g, _ := m.replayed(t)
				require.Equal(t, license.Revoked, m.status(t, g, right))
				require.Equal(t, license.Revoked, m.status(t, g, m.old.LicenseID))
				m.free(t, g, m.from)
				if m.to != m.from {
					m.free(t, g, m.to)
				}
			})
		})
	}
}

func TestReplay_APendingCorrectionThatWasGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		end func(t *testing.T, m *mistake)
		old license.Status
	}{
		"by the sweep": {func(t *testing.T, m *mistake) {
			sweeper := protocol.NewSweeper(m.away().Writer(), m.Store)
			for range 16 {
				m.now = m.now.Add(time.Minute)
				_, err := sweeper.Sweep(t.Context())
				require.NoError(t, err)
			}
		}, license.Active},
		"by revoking": {func(t *testing.T, m *mistake) {
			_, err := m.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, "end"), issuing.RevocationRequest{ID: m.old.LicenseID, IfMatch: 2, Reason: "returned"})
			require.NoError(t, err)
		}, license.Revoked},
	} {
		t.Run(name, func(t *testing.T) {
			mistakes(t, func(t *testing.T, m *mistake) {
				right := m.promise(t)
				m.export(t)
				c.end(t, m)
				g, _ := m.replayed(t)
				require.Equal(t, license.Void, m.status(t, g, right))
				require.Equal(t, c.old, m.status(t, g, m.old.LicenseID))
				if m.to != m.from {
					m.free(t, g, m.to)
				}
				server, err := g.Server(t.Context(), m.from)
				require.NoError(t, err)
				require.Empty(t, server.Base.Busy())
			})
		})
	}
}

func TestCheck_NamesACorrectionThatLeftTheWrongLicense(t *testing.T) {
	w := emptyWorld(t)
	m := &mistake{world: w, from: "QMSA-MIST-0003", to: "QMSA-MIST-0004", now: time.Now().Add(-time.Minute)}
	m.old = m.sell(t, m.generation, "old", string(m.from))
	before := m.promise(t)
	server, err := m.Server(t.Context(), m.from)
	require.NoError(t, err)
	require.Equal(t, before, server.Base.Moving)
	require.Empty(t, m.check(t, m.generation).Wrong, "what is under way is whole")
	m.corrected(t, "first", m.old.LicenseID)
	require.Empty(t, m.check(t, m.generation).Wrong)

	_, err = client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
		TableName: &m.Licenses, UpdateExpression: aws.String("SET #status = :active"), ExpressionAttributeNames: map[string]string{"#status": "status"},
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "license#" + m.old.LicenseID}, "sk": &types.AttributeValueMemberS{Value: "license"},
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{":active": &types.AttributeValueMemberS{Value: "active"}},
	})
	require.NoError(t, err)
	require.Contains(t, strings.Join(m.check(t, m.generation).Wrong, "\n"), "license "+m.old.LicenseID+" is active, and the last in its chain is that it was issued")
}

// move is a re-host from one server to another.
type move struct{ from, to, id string }

func (o move) request(to string) issuing.RehostRequest {
	return issuing.RehostRequest{ID: o.id, ServerToken: to, Reason: issuing.ServerReplaced, IfMatch: 1}
}

// moves sells licenses whose re-hosts are pending, except the late ones. The chains are replayed server by server: the old
// one first, or the new one.
func moves(t *testing.T, w world, away *issuing.Issuer) map[string]move {
	t.Helper()
	all := map[string]move{}
	for n, name := range []string{"finished", "revoked", "voided", "late"} {
		for m, order := range []string{"old first", "new first"} {
			one := move{from: fmt.Sprintf("QMSA-MOVED-%d%d", n, m), to: fmt.Sprintf("QMSB-MOVED-%d%d", n, m)}
			if m == 1 {
				one.from, one.to = one.to, one.from
			}
			used := w.sell(t, w.generation, one.to, one.to) // so that the numbers of the two servers differ
			revoke(t, w, used.LicenseID, 1)
			one.id = w.sell(t, w.generation, one.from, one.from).LicenseID
			if name != "late" {
				_, err := away.Rehost(t.Context(), licensetest.Call(licensetest.SupportCaller, one.id), one.request(one.to))
				require.Error(t, err)
			}
			all[name+", "+order] = one
		}
	}
	return all
}

func revoke(t *testing.T, w world, id string, version int) {
	t.Helper()
	_, err := w.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, "revoke "+id), issuing.RevocationRequest{ID: id, IfMatch: version, Reason: "returned"})
	require.NoError(t, err)
}

// TestReplay_WhatMovedBetweenTwoServers: re-hosts that were pending at the export and then finished, given up or revoked,
// and one that was begun later.
func TestReplay_WhatMovedBetweenTwoServers(t *testing.T) {
	w := emptyWorld(t)
	now := time.Now()
	clock := func() time.Time { return now }
	away := issuing.NewIssuer(w.Store, refusing{}, keyring.New(w.Store, clock), policy.DefaultPolicy(), clock)
	all := moves(t, w, away)
	w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
	for _, order := range []string{"old first", "new first"} {
		for _, name := range []string{"finished", "late"} {
			one := all[name+", "+order]
			_, err := w.issuer.Rehost(t.Context(), licensetest.Call(licensetest.SupportCaller, one.id), one.request(one.to))
			require.NoError(t, err)
		}
		revoke(t, w, all["revoked, "+order].id, 2)
	}
	now = now.Add(time.Hour)
	report, err := protocol.NewSweeper(away.Writer(), w.Store).Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Voided: 2}, report)
	require.Empty(t, w.check(t, w.generation).Wrong, "what was never restored is whole")

	g := w.restore(t)
	require.Empty(t, w.check(t, g).Wrong)
	done, told, err := w.replay(t, g, w.archive(t))
	require.NoError(t, err)
	require.Empty(t, done.Wrong)
	swept, err := protocol.NewSweeper(protocol.NewWriter(g.Store, w.signer, keyring.New(g.Store, clock), clock), g.Store).Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Finished: 2}, swept, "what was given up stays given up")
	require.Empty(t, w.checkWithout(t, g, told).Wrong)
	for name, one := range all {
		t.Run(name, func(t *testing.T) { one.holds(t, g, name[:4]) })
	}
}

// holds asserts where the license of a re-host is afterwards.
func (o move) holds(t *testing.T, g generation, end string) {
	old, err := g.Server(t.Context(), license.ServerToken(o.from))
	require.NoError(t, err)
	there, err := g.Server(t.Context(), license.ServerToken(o.to))
	require.NoError(t, err)
	require.Equal(t, []int{1, 2}, []int{old.Sequence, there.Sequence}, "each server has its own numbers")
	require.Empty(t, old.Base.Busy()+there.Base.Busy(), "no slot waits for ever")
	switch end {
	case "fini":
		require.Empty(t, old.Base.Current)
		require.NotEmpty(t, there.Base.Current)
	case "revo":
		require.Empty(t, old.Base.Current+there.Base.Current)
	default: // given up, or lost: the old license is where it was, and works on until it is re-hosted again
		require.Equal(t, o.id, old.Base.Current)
		require.Empty(t, there.Base.Current)
		record, err := g.Record(t.Context(), o.id)
		require.NoError(t, err)
		require.Equal(t, license.Active, record.Status)
	}
}
