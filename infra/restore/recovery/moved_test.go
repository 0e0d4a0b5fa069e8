package recovery_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/infra/restore/recovery"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

func moving(id, to string, ifMatch int) issuing.RehostRequest {
	return issuing.RehostRequest{ID: id, ServerToken: to, Reason: issuing.ServerReplaced, IfMatch: ifMatch}
}

// TestReplay_WhatMovedBetweenTwoServers: re-hosts that were pending at the export and then finished, given up or revoked,
// and one that was begun later. The chains are replayed server by server, the old one first or the new one.
func TestReplay_WhatMovedBetweenTwoServers(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	clock := func() time.Time { return now }
	away := issuing.NewIssuer(w.Store, refusing{}, keyring.New(w.Store, clock), policy.DefaultPolicy(), clock)
	support := func(key string) protocol.Call { return licensetest.Call(licensetest.SupportCaller, key) }
	type move struct{ from, to, id string }
	moves := map[string]move{}
	for n, name := range []string{"finished", "revoked", "voided", "late"} {
		for m, order := range []string{"old first", "new first"} {
			one := move{from: fmt.Sprintf("QMSA-MOVED-%d%d", n, m), to: fmt.Sprintf("QMSB-MOVED-%d%d", n, m)}
			if m == 1 {
				one.from, one.to = one.to, one.from
			}
			w.sell(t, w.generation, one.to, one.to) // so that the numbers of the two servers differ
			_, err := w.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, one.to), issuing.RevocationRequest{ID: newest(t, w.generation, license.ServerToken(one.to)), IfMatch: 1, Reason: "returned"})
			require.NoError(t, err)
			one.id = w.sell(t, w.generation, one.from, one.from).LicenseID
			if name != "late" {
				_, err = away.Rehost(t.Context(), support(one.id), moving(one.id, one.to, 1))
				require.Error(t, err)
			}
			moves[name+", "+order] = one
		}
	}
	w.licenses, w.audit = export(t, w.Licenses), export(t, w.Audit)
	for _, order := range []string{"old first", "new first"} {
		for _, name := range []string{"finished", "late"} {
			one := moves[name+", "+order]
			_, err := w.issuer.Rehost(t.Context(), support(one.id), moving(one.id, one.to, 1))
			require.NoError(t, err)
		}
		_, err := w.issuer.Revoke(t.Context(), licensetest.Call(licensetest.AdminCaller, "revoke-"+order), issuing.RevocationRequest{ID: moves["revoked, "+order].id, IfMatch: 2, Reason: "returned"})
		require.NoError(t, err)
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
	lost := map[string]bool{}
	for _, l := range told {
		require.NotContains(t, l.String(), ")  by", "every event has its words")
		lost[l.License.ID] = lost[l.License.ID] || l.Now == recovery.Lost
	}
	swept, err := protocol.NewSweeper(protocol.NewWriter(g.Store, w.signer, keyring.New(g.Store, clock), clock), g.Store).Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Finished: 2}, swept, "what was given up stays given up")
	checked, err := recovery.Check(t.Context(), client, g.Names, g.Store, w.lookup, lost)
	require.NoError(t, err)
	require.Empty(t, checked.Wrong)
	for name, one := range moves {
		t.Run(name, func(t *testing.T) {
			old, err := g.Server(t.Context(), license.ServerToken(one.from))
			require.NoError(t, err)
			there, err := g.Server(t.Context(), license.ServerToken(one.to))
			require.NoError(t, err)
			require.Equal(t, []int{1, 2}, []int{old.Sequence, there.Sequence}, "each server has its own numbers")
			require.Empty(t, old.Base.Busy()+there.Base.Busy(), "no slot waits for ever")
			switch name[:4] {
			case "fini":
				require.Empty(t, old.Base.Current)
				require.NotEmpty(t, there.Base.Current)
			case "revo":
				require.Empty(t, old.Base.Current+there.Base.Current)
			default: // given up, or lost: the old license is where it was
				require.Equal(t, one.id, old.Base.Current)
				require.Empty(t, there.Base.Current)
			}
		})
	}
}
