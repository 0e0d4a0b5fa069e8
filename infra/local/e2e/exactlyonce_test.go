package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/kmssign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/protocol"
)

// soldKey is the KMS key that signs sold licenses.
func (s *system) soldKey() string { return s.signer(license.SoldKey).ID() }

// signer is the template's key of a purpose that its tags call signing.
func (s *system) signer(purpose license.KeyPurpose) template.Key {
	for _, k := range s.Stack.Application.Keys {
		if k.Purpose == string(purpose) && k.State == string(keyring.Signing) {
			return k
		}
	}
	panic("no signer of purpose " + purpose)
}

// sendMany makes the calls at once.
func (s *system) sendMany(t *testing.T, calls []request) []response {
	t.Helper()
	answers := make([]response, len(calls))
	errs := make([]error, len(calls))
	for _, q := range calls {
		s.token(t, q.as)
	}
	var all sync.WaitGroup
	for n, q := range calls {
		all.Go(func() { answers[n], errs[n] = s.try(t, q) })
	}
	all.Wait()
	for n := range calls {
		require.NoError(t, errs[n])
		checkAgainstOpenAPI(t, calls[n], answers[n])
	}
	return answers
}

// callers is how many call at once. SAM's one container per function pauses for up to a second after a call: more than
// these would not be served within the 30 seconds of API Gateway.
func callers() int {
	if *inSAM {
		return 16
	}
	return 64
}

func TestExactlyOnce_ManyCallersOneKey(t *testing.T) {
	s, before := shared, shared.KMSCalls()
	calls := make([]request, callers())
	body, key := subscription(fresh("QMSA-64-SAME")), fresh("key")
	for n := range calls {
		calls[n] = request{method: "POST", path: "/v1/licenses", as: "accounting", key: key, body: body}
	}
	replayed := 0
	answers := s.sendMany(t, calls)
	for _, r := range answers {
		require.Equal(t, 201, r.status, string(r.body))
		require.Equal(t, string(answers[0].body), string(r.body), "byte for byte")
		if r.header.Get("Idempotency-Replayed") == "true" {
			replayed++
		}
	}
	require.Equal(t, callers()-1, replayed)
	s.requireSignedOnce(t, body["serverToken"].(string), s.KMSCalls()-before)
	s.requireWhole(t, body["serverToken"].(string), 1)
}

// requireSignedOnce asserts that the one license of a server took one signature. A machine that is so slow that a lease of
// 5 s ran out may take another one for each lease that was over, and the license shows that it was: as many leases, one
// after the other, reach as far.
func (s *system) requireSignedOnce(t *testing.T, token string, signatures int) {
	t.Helper()
	store := s.Store(gate.Operator)
	found, err := store.ByServer(context.Background(), license.ServerToken(token), 1<<30, 2)
	require.NoError(t, err)
	require.Len(t, found, 1)
	r, err := store.Record(context.Background(), found[0].ID)
	require.NoError(t, err)
	require.Positive(t, signatures)
	require.LessOrEqual(t, signatures, r.Attempts, "one signature a lease")
	require.GreaterOrEqual(t, r.LeaseUntil.Sub(r.IssuedAt), time.Duration(r.Attempts)*5*time.Second, "another lease only after the last one is over")
}

// KMSCalls counts the calls of Sign for sold licenses.
func (s *system) KMSCalls() int { return s.Stack.KMS.Calls(s.soldKey()) }

// requireWhole asserts what holds for a server when nothing is pending.
func (s *system) requireWhole(t *testing.T, token string, licenses int) {
	t.Helper()
	server, err := s.Store(gate.Operator).Server(context.Background(), license.ServerToken(token))
	require.NoError(t, err)
	require.Equal(t, licenses, server.Sequence, "numbers are gap-free")
	require.Empty(t, server.Base.Pending)
	require.Empty(t, server.Temporary.Pending)
	found, err := s.Store(gate.Operator).ByServer(context.Background(), license.ServerToken(token), 1<<30, 100)
	require.NoError(t, err)
	require.Len(t, found, licenses)
	active := 0
	for n, l := range found {
		require.Equal(t, licenses-n, l.Sequence)
		if l.Status == license.Active && l.Type != license.Temporary {
			active++
		}
	}
	require.LessOrEqual(t, active, 1)
}

func TestExactlyOnce_ManyCallersOneKey_TheFirstIsKilledAfterItsIntent(t *testing.T) {
	s, before := shared, shared.KMSCalls()
	defer s.Gate.Disarm()
	require.NoError(t, s.Gate.Arm(gate.Arming{Function: "IssueFunction", Action: "dynamodb:TransactWriteItems", When: "after", Do: "kill"}))
	calls := make([]request, callers())
	body, key := subscription(fresh("QMSA-64-KILL")), fresh("key")
	for n := range calls {
		calls[n] = request{method: "POST", path: "/v1/licenses", as: "accounting", key: key, body: body}
	}
	killed, first := 0, ""
	for _, r := range s.sendMany(t, calls) {
		if r.status == 500 {
			killed++
			continue
		}
		require.Equal(t, 201, r.status, string(r.body))
		if first == "" {
			first = string(r.body)
		}
		require.Equal(t, first, string(r.body))
	}
	require.LessOrEqual(t, killed, 1)
	require.LessOrEqual(t, s.KMSCalls()-before, 2, "at most two signatures")
	s.requireWhole(t, body["serverToken"].(string), 1)
}

func TestExactlyOnce_ManyRenewalsOneIfMatch(t *testing.T) {
	s, token := shared, fresh("QMSA-64-RENEW")
	sold := s.issue(t, subscription(token))
	calls := make([]request, callers())
	for n := range calls {
		calls[n] = renewal(t, sold, fresh("key"))
	}
	statuses := map[int]int{}
	for _, r := range s.sendMany(t, calls) {
		statuses[r.status]++
		if r.status == 412 {
			require.Equal(t, "accounting", r.text(t, "params", "changedBy"))
		}
	}
	require.Equal(t, map[int]int{201: 1, 412: callers() - 1}, statuses)
	s.requireWhole(t, token, 2)
}

// kill is one place where the function dies: at its nth call of an action, before or after it took effect.
type kill struct {
	action, when string
	nth          int
}

// kills are the places between every two steps of a renewal: reads, intent, signature, the reads before the activation,
// and the activation.
func kills() []kill {
	var all []kill
	for _, when := range []string{"before", "after"} {
		for nth := 1; nth <= 7; nth++ {
			all = append(all, kill{"dynamodb:GetItem", when, nth})
		}
		all = append(all, kill{"kms:Sign", when, 1}, kill{"dynamodb:TransactWriteItems", when, 1}, kill{"dynamodb:TransactWriteItems", when, 2})
	}
	return all
}

func TestExactlyOnce_KilledBetweenEveryTwoSteps(t *testing.T) {
	for n, k := range kills() {
		rescuers := []string{"the retry", "another writer", "the sweep"}
		if k.action == "dynamodb:GetItem" { // from the intent on each kind of rescuer comes to each place
			rescuers = rescuers[n%3 : n%3+1]
		}
		for _, rescuer := range rescuers {
			t.Run(fmt.Sprintf("%s %s %d, then %s", k.when, k.action, k.nth, rescuer), func(t *testing.T) {
				t.Parallel()
				killOnce(t, shared, k, rescuer)
			})
		}
	}
}

// killOnce kills a renewal, lets the rescuer come, and asserts that the retry gets the one license.
func killOnce(t *testing.T, s *system, k kill, rescuer string) {
	token := fresh("QMSA-KILLED")
	sold := s.issue(t, subscription(token))
	q := renewal(t, sold, fresh("key"))
	watched := s.watch.add(k, token, sold.text(t, "license", "id"))
	first := s.send(t, q)
	if struck := watched.stop(); !struck {
		require.Equal(t, 201, first.status, "a renewal has fewer such steps: %s", first.body)
	} else {
		require.Equal(t, 500, first.status, string(first.body))
		require.JSONEq(t, `{"message":"Internal Server Error"}`, string(first.body), "the function is gone")
	}
	switch rescuer {
	case "another writer": // finishes what it finds pending, whatever it wants itself
		other := q
		other.key, other.ifMatch = fresh("key"), `"99"`
		requireProblem(t, s.send(t, other), 412, "version_conflict", "")
	case "the sweep":
		time.Sleep(5200 * time.Millisecond) // the lease of the dead
		require.NoError(t, s.RunSchedule(context.Background(), "SweepFunction"))
	}
	again := s.send(t, q)
	require.Equal(t, 201, again.status, string(again.body))
	if first.status == 201 {
		require.Equal(t, string(first.body), string(again.body))
	}
	require.LessOrEqual(t, watched.signatures(), 2, "a crash costs one signature")
	s.requireWhole(t, token, 2)
	got := s.send(t, request{method: "GET", path: "/v1/servers/" + token + "/license"})
	require.Equal(t, again.text(t, "license", "licenseKey"), got.text(t, "license", "licenseKey"))
}

func TestSigningKeyDisabled_TheWholeStory(t *testing.T) {
	s, token := shared, fresh("QMSA-DISABLED")
	ctx := context.Background()
	admin := s.System.KMS(gate.Operator)
	key := s.soldKey()
	_, err := admin.DisableKey(ctx, &kms.DisableKeyInput{KeyId: &key})
	require.NoError(t, err)
	enable := sync.OnceFunc(func() {
		_, err := admin.EnableKey(ctx, &kms.EnableKeyInput{KeyId: &key})
		require.NoError(t, err)
	})
	defer enable()

	q := request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: subscription(token)}
	refused := s.send(t, q)
	requireProblem(t, refused, 503, "unavailable", "")
	require.Contains(t, refused.text(t, "detail"), "signing key")
	require.Equal(t, "60", refused.header.Get("Retry-After"))

	emergency := with(trial(token), "purpose", "emergency", "modules", map[string]int{"qmsSuite": 50, "callRecording": 20})
	bridged := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "support", key: fresh("key"), body: emergency})
	require.Equal(t, 201, bridged.status, string(bridged.body))
	require.EqualValues(t, 2, bridged.get(t, "license", "sequence"))
	got := s.send(t, request{method: "GET", path: "/v1/servers/" + token + "/license"})
	require.Equal(t, bridged.text(t, "license", "licenseKey"), got.text(t, "license", "licenseKey"))

	// The sweep, on the same tables and keys, with a clock that is moved.
	now := time.Now()
	clock := func() time.Time { return now }
	store := s.Store("SweepFunction")
	signer := kmssign.New(s.System.KMS("SweepFunction"), license.TemporaryKey, license.SoldKey)
	sweeper := protocol.NewSweeper(protocol.NewWriter(store, signer, keyring.New(store, clock), clock), store)
	now = now.Add(6 * time.Second)
	report, err := sweeper.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, report.Waiting)
	require.GreaterOrEqual(t, report.OldestPendingSeconds, 6)
	now = now.Add(15 * time.Minute)
	report, err = sweeper.Sweep(ctx)
	require.NoError(t, err)
	require.Equal(t, protocol.SweepReport{Voided: 1}, report)

	requireProblem(t, s.send(t, q), 409, "issue_voided", "")
	enable()
	sold := s.issue(t, subscription(token))
	require.EqualValues(t, 3, sold.get(t, "license", "sequence"))
	s.requireWhole(t, token, 3)
}

func TestTransactionConflict_IsTriedAgain(t *testing.T) {
	s := shared
	defer s.Gate.Disarm()
	require.NoError(t, s.Gate.Arm(gate.Arming{Function: "IssueFunction", Action: "dynamodb:TransactWriteItems", When: "before", Do: "transaction-conflict", Times: 3}))
	token := fresh("QMSA-CONFLICT")
	s.issue(t, subscription(token))
	require.Equal(t, 3, s.Gate.Armed()[0].Struck)
	s.requireWhole(t, token, 1)
}

func TestDatabaseGone_AnswersUnavailableAndLosesNothing(t *testing.T) {
	s, token := shared, fresh("QMSA-DROPPED")
	defer s.Gate.Disarm()
	require.NoError(t, s.Gate.Arm(gate.Arming{Function: "IssueFunction", Action: "dynamodb:GetItem", Nth: 2, When: "before", Do: "drop", Times: 100_000}))
	q := request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: subscription(token)}
	r := s.send(t, q)
	requireProblem(t, r, 503, "unavailable", "")
	require.NotEmpty(t, r.header.Get("Retry-After"))
	require.True(t, strings.Contains(r.text(t, "detail"), "same Idempotency-Key"), string(r.body))
	s.Gate.Disarm()
	require.Equal(t, 201, s.send(t, q).status)
	s.requireWhole(t, token, 1)
}
