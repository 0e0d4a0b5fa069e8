package reconcile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/filesign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/reconcile"
	"qmslicensing/shared/memstore"
)

// counter is AWS's count of the signer's calls, by instant.
type counter struct {
	mu    sync.Mutex
	calls []time.Time
}

func (c *counter) count(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, at)
}

func (c *counter) Signatures(_ context.Context, from, to time.Time) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, at := range c.calls {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n, nil
}

// world is issuing with a runner beside it.
type world struct {
	t       *testing.T
	clock   *licensetest.Clock
	store   *memstore.Store
	signer  *filesign.Signer
	keys    []keyring.Entry
	issuer  *issuing.Issuer
	counter *counter
	runner  *reconcile.Runner
	n       int
}

func newWorld(t *testing.T) *world {
	signer, keys := licensetest.Keys(t)
	w := &world{t: t, clock: licensetest.NewClock(), signer: signer, keys: keys, store: memstore.New(keys...), counter: &counter{}}
	ring := keyring.New(w.store, w.clock.Now)
	w.issuer = issuing.NewIssuer(w.store, w, ring, roomy(), w.clock.Now)
	w.runner = reconcile.New(w.store, ring, w.counter, w.clock.Now)
	return w
}

// roomy is the usual policy with room for a life a day.
func roomy() policy.Policy {
	rules := policy.DefaultPolicy()
	rules.Temporaries, rules.TrialDaysInAll = 100, 1000
	return rules
}

// Sign implements protocol.Signer: it signs, and AWS counts.
func (w *world) Sign(ctx context.Context, p protocol.Prepared) (protocol.Signature, error) {
	w.counter.count(w.clock.Now())
	return w.signer.Sign(ctx, p)
}

func (w *world) call(by license.Caller) protocol.Call {
	w.n++
	w.clock.Advance(time.Second)
	return licensetest.Call(by, fmt.Sprint("key-", w.n))
}

func (w *world) read(out protocol.Outcome, err error) license.License {
	w.t.Helper()
	require.NoError(w.t, err)
	var answer struct{ License license.License }
	require.NoError(w.t, json.Unmarshal(out.Body, &answer))
	return answer.License
}

// live fills a server with a life: a trial, its sale, a renewal, a temporary license beside it, on a second server a
// revocation and a voided license, and a request that a license has answered.
func (w *world) live() (renewed license.License) {
	ctx := context.Background()
	w.read(w.issuer.Temporary(ctx, w.call(licensetest.SalesCaller), licensetest.Trial()))
	sold := w.read(w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), licensetest.Subscription()))
	renewed = w.read(w.issuer.Renew(ctx, w.call(licensetest.AccountingCaller), issuing.RenewalRequest{ID: sold.ID, Contract: "C-42", TermMonths: 12, IfMatch: 1}))
	emergency := licensetest.Trial()
	emergency.Purpose, emergency.Modules = license.Emergency, license.Modules{QMSSuite: 70}
	w.read(w.issuer.Temporary(ctx, w.call(licensetest.SupportCaller), emergency))

	other := licensetest.Subscription()
	other.ServerToken = "QMSA-OTHER-0002"
	gone := w.read(w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), other))
	_, err := w.issuer.Revoke(ctx, w.call(licensetest.AdminCaller), issuing.RevocationRequest{ID: gone.ID, Reason: "r", IfMatch: 1})
	require.NoError(w.t, err)
	w.void(other)
	w.read(w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), other))
	return renewed
}

// void has the sweep give a license up whose key cannot be used.
func (w *world) void(q issuing.SoldRequest) {
	w.t.Helper()
	arn := w.keys[2].ARN
	require.NoError(w.t, os.Rename(arn, arn+".off"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), q)
	require.Error(w.t, err)
	sweeper := protocol.NewSweeper(protocol.NewWriter(w.store, w, keyring.New(w.store, w.clock.Now), w.clock.Now), w.store)
	for range 3 {
		w.clock.Advance(10 * time.Minute)
		_, err := sweeper.Sweep(context.Background())
		require.NoError(w.t, err)
	}
	require.NoError(w.t, os.Rename(arn+".off", arn))
}

// run starts a run and returns it with what it found.
func (w *world) run() (reconcile.Run, []reconcile.Listed) {
	w.t.Helper()
	out, err := w.runner.Start(context.Background(), w.call(licensetest.AdminCaller))
	require.NoError(w.t, err)
	var answer struct{ Run reconcile.Run }
	require.NoError(w.t, json.Unmarshal(out.Body, &answer))
	require.Equal(w.t, reconcile.Done, answer.Run.State)
	page, err := w.runner.Findings(context.Background(), licensetest.AdminCaller, answer.Run.ID, "", 100)
	require.NoError(w.t, err)
	require.Len(w.t, page.Findings, answer.Run.Findings)
	return answer.Run, page.Findings
}

func codes(found []reconcile.Listed) []reconcile.Code {
	var all []reconcile.Code
	for _, f := range found {
		all = append(all, f.Code)
	}
	return all
}

func TestRun_NothingIsFoundWhereAllIsWell(t *testing.T) {
	w := newWorld(t)
	for day := range 4 {
		w.live()
		w.clock.Advance(24 * time.Hour)
		run, found := w.run()
		require.Empty(t, found, "day %d", day)
		require.Equal(t, 2, run.Checked.Servers)
		require.Equal(t, 7*(day+1), run.Checked.Licenses)
		require.Positive(t, run.Checked.Entries)
		require.Positive(t, run.Checked.IdempotencyRecords)
		if day > 0 {
			require.Less(t, run.Checked.Verified, run.Checked.Licenses, "what was issued before the last run is not verified again")
		}
		w.reset()
	}
}

// reset makes room for another life on the same servers.
func (w *world) reset() {
	for _, token := range []license.ServerToken{licensetest.Token, "QMSA-OTHER-0002"} {
		server, err := w.store.Server(context.Background(), token)
		require.NoError(w.t, err)
		record, err := w.store.Record(context.Background(), server.Base.Current)
		require.NoError(w.t, err)
		_, err = w.issuer.Revoke(context.Background(), w.call(licensetest.AdminCaller), issuing.RevocationRequest{ID: record.ID, Reason: "r", IfMatch: record.Version})
		require.NoError(w.t, err)
	}
}

// Every kind of damage, one at a time on a whole system.
func TestRun_FindsEachDamage(t *testing.T) {
	seen := map[reconcile.Code]bool{}
	change := func(w *world, id string, f func(r *ledger.Record)) {
		w.store.Tamper(func(t *memstore.Tables) {
			r := t.Records[id]
			f(&r)
			t.Records[id] = r
		})
	}
	server := func(w *world, f func(s *ledger.Server)) {
		w.store.Tamper(func(t *memstore.Tables) {
			s := t.Servers[licensetest.Token]
			f(&s)
			t.Servers[licensetest.Token] = s
		})
	}
	document := func(w *world, kind, id, body string) {
		w.store.Tamper(func(t *memstore.Tables) {
			t.SetDocument(kind, id, &ledger.Document{Kind: kind, ID: id, Version: 1, State: "used", At: w.clock.Now(), Body: []byte(body)})
		})
	}
	for name, c := range map[string]struct {
		damage func(w *world, l license.License)
		want   reconcile.Code
	}{
		"pending for long": {func(w *world, l license.License) { w.crash() }, reconcile.PendingTooLong},
		"an empty slot":    {func(w *world, _ license.License) { server(w, func(s *ledger.Server) { s.Base.Current = "" }) }, reconcile.SlotWrong},
		"a slot of another license": {func(w *world, _ license.License) {
			server(w, func(s *ledger.Server) { s.Base.Current = strings.Repeat("0", 32) })
		}, reconcile.SlotWrong},
		"a slot of the other kind": {func(w *world, l license.License) { server(w, func(s *ledger.Server) { s.Temporary.Current = l.ID }) }, reconcile.SlotWrong},
		"a pending that is none":   {func(w *world, l license.License) { server(w, func(s *ledger.Server) { s.Base.Pending = l.ID }) }, reconcile.SlotWrong},
		"a moving that is none":    {func(w *world, l license.License) { server(w, func(s *ledger.Server) { s.Base.Moving = l.ID }) }, reconcile.SlotWrong},
		"the temporary's number":   {func(w *world, _ license.License) { server(w, func(s *ledger.Server) { s.TemporarySequence = 9 }) }, reconcile.SlotWrong},
		"revived by hand": {func(w *world, l license.License) {
			change(w, string(l.Supersedes), func(r *ledger.Record) { r.Status = license.Active })
		}, reconcile.SlotWrong},
		"a number too many": {func(w *world, _ license.License) { server(w, func(s *ledger.Server) { s.Sequence++ }) }, reconcile.SequenceWrong},
		"a number too few":  {func(w *world, _ license.License) { server(w, func(s *ledger.Server) { s.Sequence-- }) }, reconcile.SequenceWrong},
		"the highest base":  {func(w *world, _ license.License) { server(w, func(s *ledger.Server) { s.HighestBase = 1 }) }, reconcile.HighestBaseWrong},
		"a license gone": {func(w *world, l license.License) {
			w.store.Tamper(func(t *memstore.Tables) { delete(t.Records, l.ID) })
		}, reconcile.LicenseMissing},
		"a license from nowhere": {func(w *world, l license.License) {
			change(w, strings.Repeat("a", 32), func(r *ledger.Record) {
				r.ID, r.ServerToken, r.Status = strings.Repeat("a", 32), l.ServerToken, license.Void
			})
		}, reconcile.LicenseNotInChain},
		"another customer": {func(w *world, l license.License) { change(w, l.ID, func(r *ledger.Record) { r.Customer = "x" }) }, reconcile.LicenseChanged},
		"another status": {func(w *world, l license.License) {
			change(w, string(l.Supersedes), func(r *ledger.Record) { r.Status = license.Void })
		}, reconcile.LicenseChanged},
		"revoked by hand": {func(w *world, l license.License) {
			change(w, string(l.Supersedes), func(r *ledger.Record) { r.Status = license.Revoked })
		}, reconcile.LicenseChanged},
		"a key of other seats": {func(w *world, l license.License) { change(w, l.ID, func(r *ledger.Record) { r.Seats.CallRecording++ }) }, reconcile.LicenseKeyWrong},
		"a key that is damaged": {func(w *world, l license.License) {
			change(w, l.ID, func(r *ledger.Record) { r.LicenseKey = "eyJ.eyJ.x" })
		}, reconcile.LicenseKeyWrong},
		"a key that is gone": {func(w *world, l license.License) { change(w, l.ID, func(r *ledger.Record) { r.LicenseKey = "" }) }, reconcile.LicenseKeyWrong},
		"a server gone": {func(w *world, _ license.License) {
			w.store.Tamper(func(t *memstore.Tables) { delete(t.Servers, licensetest.Token) })
		}, reconcile.ServerMissing},
		"an entry gone": {func(w *world, _ license.License) {
			w.store.Tamper(func(t *memstore.Tables) {
				t.Audit[licensetest.Token] = append(t.Audit[licensetest.Token][:2], t.Audit[licensetest.Token][3:]...)
			})
		}, reconcile.ChainBroken},
		"the chain replaced": {func(w *world, _ license.License) { w.replace() }, reconcile.ChainBroken},
		"a request without license": {func(w *world, _ license.License) {
			w.store.Tamper(func(t *memstore.Tables) { t.Idempotency["x"] = ledger.IdempotencyRecord{Key: "x", LicenseID: "gone"} })
		}, reconcile.IdempotencyOrphan},
		"a request without document": {func(w *world, _ license.License) {
			w.store.Tamper(func(t *memstore.Tables) {
				t.Idempotency["x"] = ledger.IdempotencyRecord{Key: "x", DocumentKind: "exception", DocumentID: "gone"}
			})
		}, reconcile.IdempotencyOrphan},
		"an exception used by none": {func(w *world, l license.License) { document(w, "exception", "e", `{"licenseId":"`+l.ID+`"}`) }, reconcile.DocumentWrong},
		"a request of no license": {func(w *world, _ license.License) {
			document(w, "license-request", "e", `{"closed":{"licenseId":"gone"}}`)
		}, reconcile.DocumentWrong},
		"an exception that is gone": {func(w *world, l license.License) { change(w, l.ID, func(r *ledger.Record) { r.Uses = []string{"e"} }) }, reconcile.DocumentWrong},
		"signed by somebody else": {func(w *world, _ license.License) {
			w.counter.count(w.clock.Now().Add(-24 * time.Hour))
		}, reconcile.SignaturesUncounted},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			l := w.live()
			_, found := w.run()
			require.Empty(t, found)
			c.damage(w, l)
			_, found = w.run()
			require.Contains(t, codes(found), c.want)
			for _, f := range found {
				require.NotEmpty(t, f.Severity)
				require.True(t, strings.HasSuffix(f.Detail, "."), f.Detail)
				require.NotContains(t, f.Detail, "%!")
				seen[f.Code] = true
			}
			again, more := w.run()
			require.Len(t, more, again.Findings, "it stays found until it is mended")
			require.Contains(t, codes(more), c.want)
		})
	}
	for _, code := range reconcile.Codes() {
		require.True(t, seen[code] || code == reconcile.Unreadable, "%s has no damage; a broken item is the store's own test", code)
	}
}

// crash leaves a license pending.
func (w *world) crash() {
	w.t.Helper()
	arn := w.keys[2].ARN
	require.NoError(w.t, os.Rename(arn, arn+".off"))
	q := licensetest.Subscription()
	q.ServerToken = "QMSA-CRASHED-0003"
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err := w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), q)
	require.Error(w.t, err)
	w.clock.Advance(2 * time.Minute)
}

// replace writes the whole chain of a server anew, with its server item.
func (w *world) replace() {
	w.store.Tamper(func(t *memstore.Tables) {
		var says []ledger.AuditText
		for _, e := range t.Audit[licensetest.Token] {
			var text ledger.AuditText
			require.NoError(w.t, json.Unmarshal(e.Text, &text))
			says = append(says, text)
		}
		server := t.Servers[licensetest.Token]
		server.ChainLength, server.ChainHash = 0, ""
		t.Audit[licensetest.Token] = nil
		for _, s := range says {
			record := t.Records[s.License.ID]
			record.License = *s.License
			e, err := ledger.Link(&server, ledger.Entry{Event: s.Event, By: licensetest.SalesCaller, Record: &record}, s.At)
			require.NoError(w.t, err)
			t.Audit[licensetest.Token] = append(t.Audit[licensetest.Token], e)
		}
		t.Servers[licensetest.Token] = server
	})
}

// TestRun_ARequestNamesTheCorrectionOfItsLicense is the only way in which a request names another license than one that
// answered it; another license is a finding.
func TestRun_ARequestNamesTheCorrectionOfItsLicense(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	requests, err := desk.NewRequests(w.store, roomy(), []string{"secret"}, w.clock.Now)
	require.NoError(t, err)
	q := licensetest.Permanent()
	asked, err := requests.Ask(ctx, w.call(licensetest.SalesCaller), desk.Asking{Sale: policy.Sale{
		ServerToken: q.ServerToken, Customer: q.Customer, Type: q.Type, Modules: q.Modules, Order: q.Order,
	}})
	require.NoError(t, err)
	_, err = requests.Record(ctx, w.call(licensetest.AccountingCaller), asked.DocumentID, q.Conditions)
	require.NoError(t, err)
	l := w.read(w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), issuing.SoldRequest{RequestID: asked.DocumentID}))
	for seats := range 2 {
		l = w.read(w.issuer.Correct(ctx, w.call(licensetest.AccountingCaller), issuing.CorrectionRequest{
			ID: l.ID, IfMatch: 1, Reason: "typo", Modules: &license.Modules{CallRecording: 3 + seats},
		}))
		_, found := w.run()
		require.Empty(t, found)
	}
	d, _, err := w.store.Document(ctx, ledger.KindRequest, asked.DocumentID)
	require.NoError(t, err)
	other := licensetest.Subscription()
	other.ServerToken = "QMSA-OTHER-0002"
	stranger := w.read(w.issuer.Sold(ctx, w.call(licensetest.AccountingCaller), other))
	d.Body, d.Version = []byte(strings.ReplaceAll(string(d.Body), l.ID, stranger.ID)), d.Version+1
	require.NoError(t, w.store.Commit(ctx, ledger.Commit{Documents: []ledger.Document{d}}))
	_, found := w.run()
	require.Len(t, found, 4, "the three licenses that answered it, and the one that it names")
}
