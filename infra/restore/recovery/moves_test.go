package recovery_test

import (
	"context"
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

// replayed restores, replays, and returns what was said of each license where it was something. lost are the licenses that
// the check is told of.
func (m *mistake) replayed(t *testing.T) (generation, map[string]recovery.Now) {
	t.Helper()
	g := m.restore(t)
	done, told, err := m.replay(t, g, m.archive(t))
	require.NoError(t, err)
	require.Empty(t, done.Wrong)
	said, lost := map[string]recovery.Now{}, map[string]bool{}
	for _, l := range told {
		if l.Now != recovery.Nothing && l.ServerToken == l.License.ServerToken {
			said[l.License.ID] = l.Now
		}
		lost[l.License.ID] = lost[l.License.ID] || l.Now == recovery.Lost || l.Now == recovery.Gone || l.Now == recovery.Mended
	}
	m.whole(t, g, lost)
	return g, said
}

func (m *mistake) whole(t *testing.T, g generation, lost map[string]bool) {
	t.Helper()
	report, err := recovery.Check(t.Context(), client, g.Names, g.Store, m.lookup, lost)
	require.NoError(t, err)
	require.Empty(t, report.Wrong)
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
		m.whole(t, g, nil)
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

func TestReplay_ALostRehostLeavesTheOldLicenseWhereItWas(t *testing.T) {
	for _, tokens := range [][2]license.ServerToken{{"QMSA-HOST-0001", "QMSA-HOST-0002"}, {"QMSA-HOST-0002", "QMSA-HOST-0001"}} {
		w := emptyWorld(t)
		old := w.sell(t, w.generation, "old", string(tokens[0]))
		w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
		moved, err := w.Record(t.Context(), old.LicenseID)
		require.NoError(t, err)
		out, err := w.issuer.Writer().Run(t.Context(), protocol.Write{
			Call: licensetest.Call(licensetest.SupportCaller, "move"), Hash: "h", Token: tokens[1], From: tokens[0], Slot: license.BaseSlot, Target: old.LicenseID,
			Decide: func(context.Context, protocol.Situation) (protocol.Decision, error) {
				moved.ID, moved.Operation, moved.Predecessor, moved.ServerToken, moved.Answer, moved.LicenseKey = "", ledger.OpRehost, old.LicenseID, tokens[1], nil, ""
				return protocol.Decision{Record: moved}, nil
			},
		})
		require.NoError(t, err)
		g := w.restore(t)
		_, told, err := w.replay(t, g, w.archive(t))
		require.NoError(t, err)
		lost := map[string]bool{}
		for _, l := range told {
			lost[l.License.ID] = lost[l.License.ID] || l.Now == recovery.Lost
		}
		require.Equal(t, map[string]bool{out.LicenseID: true}, lost)
		report, err := recovery.Check(t.Context(), client, g.Names, g.Store, w.lookup, lost)
		require.NoError(t, err)
		require.Empty(t, report.Wrong)
		record, err := g.Record(t.Context(), old.LicenseID)
		require.NoError(t, err)
		require.Equal(t, license.Active, record.Status, "it works on until it is re-hosted again")
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
