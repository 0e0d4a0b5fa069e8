package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/filesign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/history"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/memstore"
)

// world is issuing and its history in memory.
type world struct {
	t      *testing.T
	clock  *licensetest.Clock
	store  *memstore.Store
	signer *filesign.Signer
	keys   []keyring.Entry
	issuer *issuing.Issuer
	reader *history.Reader
	n      int
}

func newWorld(t *testing.T) *world {
	signer, keys := licensetest.Keys(t)
	w := &world{t: t, clock: licensetest.NewClock(), signer: signer, keys: keys, store: memstore.New(keys...)}
	w.issuer = issuing.NewIssuer(w.store, signer, keyring.New(w.store, w.clock.Now), policy.DefaultPolicy(), w.clock.Now)
	w.reader = history.NewReader(w.store)
	return w
}

func (w *world) call(by license.Caller) protocol.Call {
	w.n++
	w.clock.Advance(time.Minute)
	return licensetest.Call(by, fmt.Sprint("key-", w.n))
}

func (w *world) read(out protocol.Outcome, err error) license.License {
	w.t.Helper()
	require.NoError(w.t, err)
	var answer struct{ License license.License }
	require.NoError(w.t, json.Unmarshal(out.Body, &answer))
	return answer.License
}

func (w *world) sold() license.License {
	return w.read(w.issuer.Sold(context.Background(), w.call(licensetest.AccountingCaller), licensetest.Subscription()))
}

func (w *world) renew(l license.License) license.License {
	return w.read(w.issuer.Renew(context.Background(), w.call(licensetest.AccountingCaller), issuing.RenewalRequest{ID: l.ID, Contract: "C-42", TermMonths: 12, IfMatch: l.Version}))
}

func (w *world) page(id, cursor string, limit int, checkpoint string) history.Page {
	w.t.Helper()
	p, err := w.reader.Events(context.Background(), licensetest.AdminCaller, id, cursor, limit, checkpoint)
	require.NoError(w.t, err)
	return p
}

func TestEvents_TellNewestFirstInSentences(t *testing.T) {
	w := newWorld(t)
	w.read(w.issuer.Temporary(context.Background(), w.call(licensetest.SalesCaller), licensetest.Trial()))
	sold := w.sold()
	renewed := w.renew(sold)
	out, err := w.issuer.Revoke(context.Background(), w.call(licensetest.AdminCaller), issuing.RevocationRequest{ID: renewed.ID, Reason: "The contract was cancelled.", IfMatch: 1})
	w.read(out, err)

	p := w.page(sold.ID, "", 100, "")
	var told []string
	for _, e := range p.Events {
		told = append(told, e.Sentence)
		require.NotEmpty(t, e.RequestID)
		require.Len(t, e.Hash, 64)
	}
	require.Equal(t, []string{
		"admin (admin) revoked the subscription of Northwind Call Centers: The contract was cancelled.",
		"accounting (accounting) renewed the subscription of Northwind Call Centers by contract C-42: now until 22 Nov 2028, before 22 Nov 2027.",
		"accounting (accounting) asked for the renewal of the subscription of Northwind Call Centers by contract C-42: until 22 Nov 2028, before 22 Nov 2027.",
		"accounting (accounting) issued a subscription for Northwind Call Centers by contract C-2041, from 23 Nov 2026 until 22 Nov 2027, with 70 Call Recording, 50 Computer Recording and 50 Agent Evaluation seats.",
		"accounting (accounting) asked for a subscription for Northwind Call Centers by contract C-2041, from 23 Nov 2026 until 22 Nov 2027.",
		"sales (sales) issued a trial license for Northwind Call Centers, from 23 Nov 2026 until 23 Dec 2026, with 10 Call Recording, 10 Computer Recording and 10 Agent Evaluation seats.",
		"sales (sales) asked for a trial license for Northwind Call Centers, from 23 Nov 2026 until 23 Dec 2026.",
	}, told)
	before, err := json.Marshal(p.Events[2].Before)
	require.NoError(t, err)
	require.JSONEq(t, `{"contract":"C-2041","startsOn":"2026-11-23","expiresOn":"2027-11-22"}`, string(before))
	after, err := json.Marshal(p.Events[2].After)
	require.NoError(t, err)
	require.JSONEq(t, `{"contract":"C-42","startsOn":"2027-11-23","expiresOn":"2028-11-22"}`, string(after))
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.NotContains(t, string(text), "sub-accounting", "a person's identity is for nobody to see")
	require.NotContains(t, string(text), "eyJ", "nor are keys in a history")
	require.Len(t, p.Chains, 1)
	require.True(t, p.Chains[0].Verified)
	require.Equal(t, 7, p.Chains[0].Length)
}

func TestEvents_PageStaysWhenMoreIsWritten(t *testing.T) {
	w := newWorld(t)
	l := w.sold()
	for range 4 {
		l = w.renew(l)
	}
	var numbers []int
	id := l.ID
	for cursor := ""; ; {
		p := w.page(id, cursor, 3, "")
		for _, e := range p.Events {
			numbers = append(numbers, e.Number)
		}
		if cursor = p.Next; cursor == "" {
			break
		}
		if len(numbers) == 3 {
			l = w.renew(l)
		}
	}
	require.Equal(t, []int{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, numbers)
}

func TestEvents_Refusals(t *testing.T) {
	w := newWorld(t)
	l := w.sold()
	other := w.page(l.ID, "", 1, "")
	for name, c := range map[string]struct {
		caller                 license.Caller
		id, cursor, checkpoint string
		code                   license.Code
	}{
		"nobody":                      {license.Caller{}, l.ID, "", "", license.Forbidden},
		"no id":                       {licensetest.SalesCaller, "x", "", "", license.LicenseNotFound},
		"an unknown id":               {licensetest.SalesCaller, strings.Repeat("0", 32), "", "", license.LicenseNotFound},
		"a made-up cursor":            {licensetest.SalesCaller, l.ID, "x", "", license.InvalidRequest},
		"a cursor of another license": {licensetest.SalesCaller, w.renew(l).ID, other.Next, "", license.InvalidRequest},
		"a malformed checkpoint":      {licensetest.SalesCaller, l.ID, "", "7", license.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.reader.Events(context.Background(), c.caller, c.id, c.cursor, 10, c.checkpoint)
			var refusal *license.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, c.code, refusal.Code)
		})
	}
}

func TestEvents_ACheckpointIsHeldAgainstTheChain(t *testing.T) {
	w := newWorld(t)
	l := w.sold()
	kept := string(w.page(l.ID, "", 10, "").Chains[0].Checkpoint)
	w.renew(l)
	require.True(t, w.page(l.ID, "", 10, kept).Chains[0].Verified, "the chain goes on from it")
	broken := w.page(l.ID, "", 10, "2:"+strings.Repeat("0", 64)).Chains[0]
	require.False(t, broken.Verified)
	require.Equal(t, ledger.Replaced, broken.Broken.Kind)
}

func TestEvents_WhoFinishedItIsNamedBesideWhoAsked(t *testing.T) {
	w := newWorld(t)
	arn := w.keys[2].ARN
	require.NoError(t, os.Rename(arn, arn+".off"))
	call := w.call(licensetest.AccountingCaller)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err := w.issuer.Sold(ctx, call, licensetest.Subscription())
	require.Error(t, err)
	require.NoError(t, os.Rename(arn+".off", arn))
	w.clock.Advance(time.Minute)
	ring := keyring.New(w.store, w.clock.Now)
	_, err = protocol.NewSweeper(protocol.NewWriter(w.store, w.signer, ring, w.clock.Now), w.store).Sweep(context.Background())
	require.NoError(t, err)
	server, err := w.store.Server(context.Background(), licensetest.Token)
	require.NoError(t, err)
	require.Contains(t, w.page(server.Base.Current, "", 10, "").Events[0].Sentence,
		"The system (sweep) finished what accounting (accounting) had asked for: accounting (accounting) issued a subscription for")
}

// link writes an entry to a server's chain, past the protocol.
func (w *world) link(token license.ServerToken, e ledger.Entry) {
	w.t.Helper()
	w.clock.Advance(time.Minute)
	server, err := w.store.Server(context.Background(), token)
	require.NoError(w.t, err)
	before := server.ChainLength
	entry, err := ledger.Link(&server, e, w.clock.Now())
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.Commit(context.Background(), ledger.Commit{Chains: []ledger.Chain{{Server: server, Before: before, Audit: entry}}}))
}

func TestEvents_FollowTheLineageOverItsServers(t *testing.T) {
	w := newWorld(t)
	first := w.sold()
	const second, third license.ServerToken = "QMSA-SECOND-0002", "QMSA-THIRD-0003"
	move := func(from, to license.ServerToken, n int) ledger.Record {
		r := ledger.Record{License: first, Operation: ledger.OpRehost, MovedFrom: from, Reason: "network card replaced"}
		r.ID, r.ServerToken, r.Sequence = fmt.Sprintf("%032x", n), to, 1
		w.link(to, ledger.Entry{Event: ledger.EventIntent, By: licensetest.SupportCaller, Record: &r, Before: &first})
		w.link(from, ledger.Entry{Event: ledger.EventMoved, By: licensetest.SupportCaller, Record: &r})
		return r
	}
	move(licensetest.Token, second, 2)
	move(second, third, 3)
	w.link(third, ledger.Entry{Event: ledger.EventIntent, By: licensetest.SalesCaller, Record: &ledger.Record{Operation: ledger.OpIssue, License: license.License{ID: "x", LineageID: "other", ServerToken: third}}})
	p := w.page(first.ID, "", 100, "")
	var where []license.ServerToken
	for _, c := range p.Chains {
		where = append(where, c.ServerToken)
		require.True(t, c.Verified)
	}
	require.Equal(t, []license.ServerToken{licensetest.Token, second, third}, where)
	require.Len(t, p.Events, 6, "what else happened on another server is not told")
	require.Equal(t, "The subscription of Northwind Call Centers has left this server for server QMSA-THIRD-0003.", p.Events[0].Sentence)
}

func TestEvents_OfDocumentsSayWhatChangedAndHideIdentities(t *testing.T) {
	w := newWorld(t)
	l := w.sold()
	write := func(version int, state, body string, event ledger.Event) {
		d := ledger.Document{Kind: "license-request", ID: "d1", Version: version, State: state, At: w.clock.Now(), Body: []byte(body)}
		w.link(licensetest.Token, ledger.Entry{Event: event, By: licensetest.AccountingCaller, Document: &d})
	}
	write(1, "open", `{"type":"permanent","customer":"Nordwind","requestedBySub":"s-1","conditions":[]}`, ledger.EventRequested)
	write(2, "open", `{"type":"permanent","customer":"Nordwind","requestedBySub":"s-2","conditions":[{"name":"payment-received","metOn":"2026-11-20","evidence":"Bank statement","recordedAt":"`+w.clock.Now().Add(time.Minute).Format(time.RFC3339Nano)+`"}]}`, ledger.EventConditionMet)
	p := w.page(l.ID, "", 2, "")
	require.Equal(t, "accounting (accounting) recorded for the request of a permanent license for Nordwind that a condition of the sale is met: payment received on 20 Nov 2026 (Bank statement).", p.Events[0].Sentence)
	require.Equal(t, &history.Document{Kind: "license-request", ID: "d1", Version: 2, State: "open"}, p.Events[0].Document)
	text, err := json.Marshal(p.Events[0].Before)
	require.NoError(t, err)
	require.JSONEq(t, `{"conditions":[]}`, string(text))
	require.Nil(t, p.Events[1].Before)
	require.NotContains(t, fmt.Sprint(p.Events[1].After), "requestedBySub")
}

// Every event of every operation has a sentence of its own, so that none reads like another.
func TestSentence_ForEveryEventAndOperation(t *testing.T) {
	seen := map[string]string{}
	body := []byte(`{"type":"permanent","customer":"Nordwind","rule":"rehost_limit","conditions":[{"name":"contract-signed","metOn":"2026-11-02","evidence":"C-1"}]}`)
	l := license.License{Customer: "Nordwind", Type: license.Subscription, Sequence: 3, ExpiresOn: license.MakeDate(2027, 12, 31), StartsOn: license.MakeDate(2027, 1, 1), Contract: "C-1", ServerToken: "QMSA-NEW-0001"}
	before := l
	before.ExpiresOn, before.Seats.CallRecording = license.MakeDate(2026, 12, 31), 5
	for _, event := range ledger.Events() {
		for _, operation := range ledger.Operations() {
			says := &ledger.AuditText{
				Event: event, Operation: operation, By: ledger.AuditActor{Subject: "s", Username: "anna", Role: license.Accounting}, License: &l, Before: &before,
				MovedFrom: "QMSA-OLD-0001", Reason: "because.", VoidReason: "the key", Document: &ledger.AuditDocument{Body: body},
			}
			got := history.Sentence(says, &ledger.AuditText{Before: &before, By: says.By})
			name := fmt.Sprint(event, " ", operation)
			require.True(t, strings.HasSuffix(got, "."), "%s: %s", name, got)
			require.NotContains(t, got, "%!", name)
			require.NotContains(t, got, "  ", name)
			require.NotContains(t, got, " did ", "%s has no sentence", name)
			require.True(t, strings.Contains(got, "Nordwind") || strings.Contains(got, "the limit of re-hosts"), "%s: %s", name, got)
			depends := event == ledger.EventIntent || event == ledger.EventIssued
			if other, twice := seen[got]; twice {
				require.True(t, !depends && strings.HasPrefix(other, string(event)+" "), "%s reads like %s: %s", name, other, got)
			}
			seen[got] = name
		}
	}
}
