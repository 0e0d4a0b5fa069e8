package recovery_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/restore/recovery"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
)

const (
	saleToken  = "QMSA-SALE-0001"
	trialToken = "QMSA-TRIAL-0001"
)

// office is the desks of a generation, and who issues there.
type office struct {
	world
	on         generation
	requests   *desk.Requests
	exceptions *desk.Exceptions
	n          *int
}

func newOffice(t *testing.T, w world, on generation) office {
	t.Helper()
	requests, err := desk.NewRequests(on, policy.DefaultPolicy(), []string{"secret"}, time.Now)
	require.NoError(t, err)
	exceptions, err := desk.NewExceptions(on, 14, []string{"secret"}, time.Now)
	require.NoError(t, err)
	return office{w, on, requests, exceptions, new(int)}
}

func (o office) call(by license.Caller) protocol.Call {
	*o.n++
	return licensetest.Call(by, o.on.Licenses+"-"+strings.Repeat("x", *o.n))
}

func done(t *testing.T) func(protocol.Outcome, error) string {
	return func(out protocol.Outcome, err error) string {
		t.Helper()
		require.NoError(t, err)
		return out.DocumentID + out.LicenseID
	}
}

func (o office) ask(t *testing.T) string {
	t.Helper()
	q := licensetest.Permanent()
	return done(t)(o.requests.Ask(t.Context(), o.call(licensetest.SalesCaller), desk.Asking{
		Sale: policy.Sale{ServerToken: saleToken, Customer: q.Customer, Type: q.Type, Modules: q.Modules, Order: q.Order},
	}))
}

func (o office) meet(t *testing.T, id string) {
	t.Helper()
	done(t)(o.requests.Record(t.Context(), o.call(licensetest.AccountingCaller), id, licensetest.Permanent().Conditions))
}

func (o office) answer(t *testing.T, by *issuing.Issuer, id string) (protocol.Outcome, error) {
	return by.Sold(t.Context(), o.call(licensetest.AccountingCaller), issuing.SoldRequest{RequestID: id})
}

// wish asks for a trial of 45 days.
func (o office) wish(t *testing.T) string {
	t.Helper()
	return done(t)(o.exceptions.Ask(t.Context(), o.call(licensetest.SalesCaller), desk.AskRequest{ServerToken: trialToken, Rule: string(license.TrialLimit), Reason: "they are many", Days: 45}))
}

// excepted grants a trial of 45 days.
func (o office) excepted(t *testing.T, requestID string) string {
	t.Helper()
	return done(t)(o.exceptions.Grant(t.Context(), o.call(licensetest.AdminCaller), desk.GrantRequest{
		ServerToken: trialToken, Rule: string(license.TrialLimit), Reason: "a large customer", RequestID: requestID, Days: 45,
	}))
}

func (o office) longTrial(t *testing.T, by *issuing.Issuer) (protocol.Outcome, error) {
	q := licensetest.Trial()
	q.ServerToken, q.Days = trialToken, 45
	return by.Temporary(t.Context(), o.call(licensetest.SalesCaller), q)
}

// items are the documents or counters of a generation.
func items(t *testing.T, g generation, kinds ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, line := range bytes.Split(export(t, g.Licenses), []byte("\n")) {
		var of struct{ Item map[string]map[string]any }
		if json.Unmarshal(line, &of) != nil || of.Item == nil {
			continue
		}
		for _, kind := range kinds {
			if pk := of.Item["pk"]["S"].(string); strings.HasPrefix(pk, kind+"#") {
				text, err := json.Marshal(of.Item) // its members in one order
				require.NoError(t, err)
				found[pk] = string(text)
			}
		}
	}
	return found
}

var documentKinds = []string{"license-request", "exception", "exception-request", "allowance"}

func (o office) export(t *testing.T) office {
	o.licenses, o.audit = export(t, o.Licenses), export(t, o.Audit)
	return o
}

// replayed restores the export, replays the archive, and finds nothing wrong.
func (o office) replayed(t *testing.T) (generation, []recovery.Later) {
	t.Helper()
	require.Empty(t, o.check(t, o.generation).Wrong, "what was never restored is whole")
	g := o.restore(t)
	require.Empty(t, o.check(t, g).Wrong)
	replayed, told, err := o.replay(t, g, o.archive(t))
	require.NoError(t, err)
	require.Empty(t, replayed.Wrong)
	require.Empty(t, o.checkWithout(t, g, told).Wrong)
	again, _, err := o.replay(t, g, o.archive(t))
	require.NoError(t, err)
	require.Zero(t, again.PutBack+again.Documents, "a second time there is nothing left to put back")
	return g, told
}

func TestReplay_RequestsAndExceptionsAreWhatTheyWere(t *testing.T) {
	w := emptyWorld(t)
	o := newOffice(t, w, w.generation)
	kept := o.ask(t)
	wish := o.wish(t)
	tooDear, changed := o.wish(t), o.wish(t)
	short := done(t)(o.exceptions.Grant(t.Context(), o.call(licensetest.AdminCaller), desk.GrantRequest{ServerToken: trialToken, Rule: string(license.TrialLimit), Reason: "no days"}))
	o = o.export(t)
	o.meet(t, kept)
	declined, withdrawn := o.ask(t), o.ask(t)
	done(t)(o.requests.Decline(t.Context(), o.call(licensetest.AccountingCaller), declined, "too dear"))
	done(t)(o.requests.Withdraw(t.Context(), o.call(licensetest.SalesCaller), withdrawn, ""))
	granted := o.excepted(t, wish)
	done(t)(o.exceptions.Decline(t.Context(), o.call(licensetest.AdminCaller), tooDear, "too dear"))
	done(t)(o.exceptions.Withdraw(t.Context(), o.call(licensetest.SalesCaller), changed, ""))
	g, told := o.replayed(t)
	require.Equal(t, items(t, w.generation, documentKinds...), items(t, g, documentKinds...))
	require.Len(t, items(t, g, documentKinds...), 9)
	all := ""
	for _, l := range told {
		require.Equal(t, recovery.PutBack, l.Now)
		all += l.String() + "\n"
	}
	require.Regexp(t, saleToken+`  license request `+kept+` had a condition met by accounting: is put back here\n`, all)
	require.Regexp(t, saleToken+`  license request `+declined+` was declined by accounting: is put back here\n`, all)
	require.Regexp(t, trialToken+`  exception `+granted+` was granted by admin: is put back here\n`, all)
	require.Regexp(t, trialToken+`  exception request `+tooDear+` was declined by admin: is put back here\n`, all)
	require.Regexp(t, trialToken+`  exception request `+changed+` was withdrawn by sales: is put back here\n`, all)
	require.NotContains(t, all, "license  (")

	replaced, _, err := g.Document(t.Context(), "exception", short)
	require.NoError(t, err)
	require.EqualValues(t, desk.Replaced, replaced.State)
	there := newOffice(t, w, g)
	done(t)(there.longTrial(t, w.issuerOn(g)))
	require.Empty(t, o.checkWithout(t, g, told).Wrong, "the one that took its place allows the trial")
}

func TestReplay_WhatALostLicenseTookIsOpenAgain(t *testing.T) {
	w := emptyWorld(t)
	o := newOffice(t, w, w.generation)
	request := o.ask(t)
	o = o.export(t)
	o.meet(t, request)
	done(t)(o.exceptions.Grant(t.Context(), o.call(licensetest.AdminCaller), desk.GrantRequest{ServerToken: trialToken, Rule: string(license.TrialLimit), Reason: "no days"}))
	exception := o.excepted(t, "") // in its place
	done(t)(o.answer(t, w.issuer, request))
	done(t)(o.longTrial(t, w.issuer))
	g, told := o.replayed(t)
	open := map[string]bool{}
	for _, l := range told {
		if l.Now == recovery.Open {
			require.Contains(t, l.String(), "was taken by a license by")
			open[l.Document.ID] = true
		}
	}
	require.Equal(t, map[string]bool{request: true, exception: true}, open)
	require.Equal(t, items(t, w.generation, "count"), items(t, g, "count"), "a person's day counts what is lost")
	require.NotEmpty(t, items(t, g, "count"))
	was, err := w.Server(t.Context(), trialToken)
	require.NoError(t, err)
	is, err := g.Server(t.Context(), trialToken)
	require.NoError(t, err)
	require.NotEmpty(t, was.Temporaries)
	require.Equal(t, was.Temporaries, is.Temporaries, "and so do the limits of its server")

	there := newOffice(t, w, g)
	done(t)(there.answer(t, w.issuerOn(g), request))
	done(t)(there.longTrial(t, w.issuerOn(g)))
	require.Empty(t, o.checkWithout(t, g, told).Wrong, "issued again from the same request, by the same exception")
	_, err = there.longTrial(t, w.issuerOn(g))
	require.ErrorContains(t, err, string(license.TrialLimit))
}

func TestReplay_ARequestWhoseLicenseIsCorrected(t *testing.T) {
	for name, soldBefore := range map[string]bool{"after the export": true, "sold and corrected after it": false} {
		t.Run(name, func(t *testing.T) {
			w := emptyWorld(t)
			o := newOffice(t, w, w.generation)
			request := o.ask(t)
			o.meet(t, request)
			if !soldBefore {
				o = o.export(t)
			}
			wrong := done(t)(o.answer(t, w.issuer, request))
			if soldBefore {
				o = o.export(t)
			}
			q := issuing.CorrectionRequest{ID: wrong, Reason: "A mistake.", Customer: "Right", IfMatch: 1}
			right := done(t)(w.issuer.Correct(t.Context(), o.call(licensetest.AccountingCaller), q))
			g, told := o.replayed(t)
			stored, _, err := g.Document(t.Context(), ledger.KindRequest, request)
			require.NoError(t, err)
			require.EqualValues(t, desk.Open, stored.State, "license %s is lost", right)
			there := newOffice(t, w, g)
			done(t)(there.answer(t, w.issuerOn(g), request))
			require.Empty(t, o.checkWithout(t, g, told).Wrong)
		})
	}
}

func TestReplay_WhatALicenseTookThatIsRevokedIsNotOpenAgain(t *testing.T) {
	w := emptyWorld(t)
	o := newOffice(t, w, w.generation).export(t)
	o.excepted(t, "")
	revoke(t, w, done(t)(o.longTrial(t, w.issuer)), 1)
	g, _ := o.replayed(t)
	require.Equal(t, items(t, w.generation, documentKinds...), items(t, g, documentKinds...))
	there := newOffice(t, w, g)
	there.excepted(t, "")
	done(t)(there.longTrial(t, w.issuerOn(g)))
}

func TestReplay_WhatALicenseGaveBack(t *testing.T) {
	for name, later := range map[string]bool{"pending at the export": false, "promised after it": true} {
		t.Run(name, func(t *testing.T) {
			w := emptyWorld(t)
			now := time.Now()
			clock := func() time.Time { return now }
			away := issuing.NewIssuer(w.Store, refusing{}, keyring.New(w.Store, clock), policy.DefaultPolicy(), clock)
			o := newOffice(t, w, w.generation)
			request := o.ask(t)
			o.meet(t, request)
			o.excepted(t, "")
			if later {
				o = o.export(t)
			}
			_, err := o.answer(t, away, request)
			require.Error(t, err)
			_, err = o.longTrial(t, away)
			require.Error(t, err)
			if !later {
				o = o.export(t)
			}
			now = now.Add(time.Hour)
			report, err := protocol.NewSweeper(away.Writer(), w.Store).Sweep(t.Context())
			require.NoError(t, err)
			require.Equal(t, protocol.SweepReport{Voided: 2}, report)
			g, _ := o.replayed(t)
			require.Equal(t, items(t, w.generation, documentKinds...), items(t, g, documentKinds...))
			for item := range items(t, g, "count") {
				require.Equal(t, items(t, w.generation, "count")[item], items(t, g, "count")[item])
			}
			server, err := g.Server(t.Context(), trialToken)
			require.NoError(t, err)
			require.Empty(t, server.Temporaries)
		})
	}
}

// older is an archive of entries that name what they took by its id alone.
func older(t *testing.T, entries iter.Seq2[ledger.AuditEntry, error]) iter.Seq2[ledger.AuditEntry, error] {
	return func(yield func(ledger.AuditEntry, error) bool) {
		heads := map[license.ServerToken]string{}
		for e := range entries {
			var says ledger.AuditText
			require.NoError(t, json.Unmarshal(e.Text, &says))
			says.Others, says.Counted, says.Previous = nil, nil, heads[e.ServerToken]
			text, err := json.Marshal(says)
			require.NoError(t, err)
			sum := sha256.Sum256(text)
			e.Text, e.Hash = text, hex.EncodeToString(sum[:])
			heads[e.ServerToken] = e.Hash
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestReplay_SaysWhatOlderEntriesDoNotHold(t *testing.T) {
	w := emptyWorld(t)
	o := newOffice(t, w, w.generation).export(t)
	request := o.ask(t)
	o.meet(t, request)
	done(t)(o.answer(t, w.issuer, request))
	g := o.restore(t)
	replayed, told, err := o.replay(t, g, older(t, o.archive(t)))
	require.NoError(t, err)
	require.Empty(t, replayed.Wrong)
	var unknown []string
	for _, l := range told {
		if l.Now == recovery.Unknown {
			unknown = append(unknown, l.String())
		}
	}
	require.Len(t, unknown, 1)
	require.Contains(t, unknown[0], "license request "+request+" was taken by a license by accounting: cannot be put back")
	require.Empty(t, o.checkWithout(t, g, told).Wrong)
}

func TestLater_HasWordsForEveryEvent(t *testing.T) {
	for _, event := range ledger.Events() {
		l := recovery.Later{Event: event, By: "sales", Now: recovery.PutBack, Document: &ledger.AuditDocument{Kind: "exception-request", ID: "e1"}}
		require.Regexp(t, `  exception request e1 (was|had|took) [a-z, ]+ by sales: is put back here$`, l.String(), event)
		l.License.ID = "l1"
		require.NotContains(t, l.String(), ")  by", event)
	}
}

func TestCheck_HoldsDocumentsAgainstLicensesAndChains(t *testing.T) {
	w := emptyWorld(t)
	o := newOffice(t, w, w.generation)
	request := o.ask(t)
	o.meet(t, request)
	sold := done(t)(o.answer(t, w.issuer, request))
	o = o.export(t)
	require.Equal(t, 1, o.check(t, o.generation).Documents)
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "license-request#" + request}, "sk": &types.AttributeValueMemberS{Value: "license-request"}}
	set := func(g generation, member, value string) {
		_, err := client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
			TableName: &g.Licenses, Key: key, UpdateExpression: aws.String("SET #m = :v"), ExpressionAttributeNames: map[string]string{"#m": member},
			ExpressionAttributeValues: map[string]types.AttributeValue{":v": &types.AttributeValueMemberS{Value: value}},
		})
		require.NoError(t, err)
	}
	stored, _, err := w.Document(t.Context(), "license-request", request)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		damage func(g generation)
		want   []string
	}{
		"a state": {func(g generation) { set(g, "state", "open") }, []string{"license request " + request + " is open, version 3, and the last in its chain is that it was issued, version 3"}},
		"gone": {func(g generation) {
			_, err := client.DeleteItem(t.Context(), &sdk.DeleteItemInput{TableName: &g.Licenses, Key: key})
			require.NoError(t, err)
		}, []string{"license request " + request + " is in a chain and not in the license table", "license " + sold + " took license request " + request + ", which does not say so"}},
		"another license": {func(g generation) {
			set(g, "body", strings.ReplaceAll(string(stored.Body), sold, strings.Repeat("0", 32)))
		}, []string{
			"says that license " + strings.Repeat("0", 32) + " took it, and that license does not", "license " + sold + " took license request " + request + ", which does not say so",
		}},
		"one that nobody made": {func(g generation) {
			require.NoError(t, g.Commit(t.Context(), ledger.Commit{Documents: []ledger.Document{{Kind: "exception", ID: "e1", Version: 1, State: "granted", Body: []byte("{}")}}}))
		}, []string{"exception e1 is in no chain"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := o.restore(t)
			c.damage(g)
			wrong := strings.Join(o.check(t, g).Wrong, "\n")
			for _, want := range c.want {
				require.Contains(t, wrong, want)
			}
		})
	}
}
