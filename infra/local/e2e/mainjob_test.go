package e2e_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMainJob_TrialToSubscriptionToPermanent(t *testing.T) {
	s, token := shared, fresh("QMSA-MAIN-JOB")
	issued := s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: trial(token)})
	require.Equal(t, 201, issued.status, string(issued.body))
	require.Equal(t, "temporary", issued.text(t, "license", "type"))
	require.Equal(t, time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly), issued.text(t, "license", "expiresOn"))
	require.Equal(t, `"1"`, issued.header.Get("ETag"))
	require.Equal(t, "/v1/licenses/"+issued.text(t, "license", "id"), issued.header.Get("Location"))

	sold := s.issue(t, subscription(token))
	require.EqualValues(t, 2, sold.get(t, "license", "sequence"))
	shown := s.send(t, request{method: "GET", path: issued.header.Get("Location"), as: "support"})
	require.Equal(t, "superseded", shown.text(t, "license", "status"))
	require.Equal(t, sold.text(t, "license", "id"), shown.text(t, "license", "supersededBy"))
	require.Equal(t, `"2"`, shown.header.Get("ETag"))

	renewed := s.send(t, renewal(t, sold, fresh("key")))
	require.Equal(t, 201, renewed.status, string(renewed.body))
	require.Equal(t, sold.text(t, "license", "expiresOn"), renewed.text(t, "previousExpiresOn"))
	require.Equal(t, renewed.text(t, "license", "expiresOn"), renewed.text(t, "expiresOn"))
	require.Equal(t, sold.text(t, "license", "id"), renewed.text(t, "license", "supersedes"))

	body := with(permanent(token), "replaces", renewed.text(t, "license", "id"))
	bought := s.send(t, request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), ifMatch: renewed.header.Get("ETag"), body: body})
	require.Equal(t, 201, bought.status, string(bought.body))
	require.Nil(t, bought.get(t, "license", "expiresOn"))

	got := s.send(t, request{method: "GET", path: "/v1/servers/" + url.PathEscape(" "+token+"\n") + "/license"})
	require.Equal(t, 200, got.status, string(got.body))
	require.Equal(t, bought.text(t, "license", "licenseKey"), got.text(t, "license", "licenseKey"))
	require.Equal(t, "permanent", got.text(t, "license", "type"))
	require.NotContains(t, string(got.body), "Northwind", "public answers carry no customer")

	verdict := s.validate(t, got.text(t, "license", "licenseKey"))
	require.Equal(t, true, verdict.get(t, "valid"))
	old := s.validate(t, sold.text(t, "license", "licenseKey"))
	require.Equal(t, []string{"superseded"}, codesOf(t, old))
	require.Equal(t, true, old.get(t, "loads"), "a loaded copy keeps working")
}

func (s *system) validate(t testing.TB, licenseKey string) response {
	t.Helper()
	r := s.send(t, request{method: "POST", path: "/v1/licenses/validate", body: map[string]any{"licenseKey": licenseKey}})
	require.Equal(t, 200, r.status, string(r.body))
	return r
}

func codesOf(t testing.TB, r response) []string {
	t.Helper()
	var v struct{ Problems []struct{ Code string } }
	require.NoError(t, json.Unmarshal(r.body, &v))
	codes := []string{}
	for _, p := range v.Problems {
		codes = append(codes, p.Code)
	}
	return codes
}

func TestSearch_PagesNewestFirst(t *testing.T) {
	s, token := shared, fresh("QMSA-SEARCH")
	last := s.issue(t, subscription(token))
	for range 4 {
		last = s.send(t, renewal(t, last, fresh("key")))
		require.Equal(t, 201, last.status, string(last.body))
	}
	var sequences []float64
	path := "/v1/licenses?limit=2&serverToken=" + url.QueryEscape(" "+token)
	for cursor, pages := "", 0; ; pages++ {
		page := s.send(t, request{method: "GET", path: path + "&cursor=" + url.QueryEscape(cursor), as: "admin"})
		require.Equal(t, 200, page.status, string(page.body))
		for _, item := range page.get(t, "items").([]any) {
			sequences = append(sequences, item.(map[string]any)["sequence"].(float64))
		}
		next, more := page.get(t, "nextCursor").(string)
		if !more {
			require.Equal(t, 2, pages)
			break
		}
		cursor = next
	}
	require.Equal(t, []float64{5, 4, 3, 2, 1}, sequences)
}

func TestRetrieve_UnknownTokenIs404(t *testing.T) {
	r := shared.send(t, request{method: "GET", path: "/v1/servers/" + fresh("QMSA-NOBODY") + "/license"})
	requireProblem(t, r, 404, "license_not_found", "path:serverToken")
}

func TestRenew_SixtyDaysEarlyValidatesNow(t *testing.T) {
	s, token := shared, fresh("QMSA-EARLY")
	end := time.Now().UTC().AddDate(0, 0, 60).Format(time.DateOnly)
	sold := s.issue(t, with(subscription(token), "termMonths", nil, "expiresOn", end))
	renewed := s.send(t, renewal(t, sold, fresh("key")))
	require.Equal(t, 201, renewed.status, string(renewed.body))
	require.Greater(t, renewed.text(t, "license", "startsOn"), end)
	require.Equal(t, true, s.validate(t, renewed.text(t, "license", "licenseKey")).get(t, "valid"))
	got := s.send(t, request{method: "GET", path: "/v1/servers/" + token + "/license"})
	require.Equal(t, renewed.text(t, "license", "licenseKey"), got.text(t, "license", "licenseKey"))
}

func TestDowngradeCheck_25000Users(t *testing.T) {
	users := make([]map[string]any, 25_000)
	for n := range users {
		users[n] = map[string]any{"name": fresh("user"), "role": "agent", "modules": []string{"callRecording", "agentEvaluation"}, "lastActiveOn": "2026-01-09"}
	}
	r := shared.send(t, request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{
		"modules": map[string]int{"callRecording": 20_000, "agentEvaluation": 100}, "users": users,
	}})
	require.Equal(t, 200, r.status)
	require.Len(t, r.get(t, "plan"), 24_900)
	require.EqualValues(t, 5000, r.get(t, "modules", "callRecording", "excess"))
	users = append(users, map[string]any{"name": "one too many", "role": "agent", "modules": []string{}})
	r = shared.send(t, request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{"modules": map[string]int{"callRecording": 1}, "users": users}})
	requireProblem(t, r, 413, "payload_too_large", "/users")
}

func TestDowngradeCheck_APlanTooLargeForTheAnswerIsRefusedInWords(t *testing.T) {
	users := make([]map[string]any, 25_000)
	for n := range users {
		users[n] = map[string]any{"name": fresh("A manager with a very long name that goes on and on and"), "role": "manager", "modules": []string{"callRecording"}}
	}
	r := shared.send(t, request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{"modules": map[string]int{"callRecording": 1}, "users": users}})
	requireProblem(t, r, 413, "payload_too_large", "")
}

func TestSearch_ALongPageIsWhole(t *testing.T) {
	s, token := roomy(t), fresh("QMSA-LONG-NOTES")
	calls := make([]request, 90)
	for n := range calls {
		calls[n] = request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(token), "note", strings.Repeat("ä", 2000))}
	}
	for start := 0; start < len(calls); start += 10 {
		for _, r := range s.sendMany(t, calls[start:start+10]) {
			require.Equal(t, 201, r.status, string(r.body))
		}
	}
	page := s.send(t, request{method: "GET", path: "/v1/licenses?limit=100&serverToken=" + token, as: "sales"})
	require.Len(t, page.get(t, "items"), 90, "more than the 1 MB that DynamoDB gives at once")
}

func TestRetrieve_NeverMissesALicenseThatIsBeingReplaced(t *testing.T) {
	s, token := shared, fresh("QMSA-REPLACED")
	last := s.issue(t, subscription(token))
	var reads atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < 12 || reads.Load() <= 12; n++ { // reads can be slower than renewals
			last = s.send(t, renewal(t, last, fresh("key")))
		}
	}()
	for ; ; reads.Add(1) {
		got := s.send(t, request{method: "GET", path: "/v1/servers/" + token + "/license"})
		require.Equal(t, 200, got.status, string(got.body))
		select {
		case <-done:
			require.Equal(t, 201, last.status)
			return
		default:
		}
	}
}

func TestDowngradeCheck_ByLicenseKey(t *testing.T) {
	s := shared
	sold := s.issue(t, subscription(fresh("QMSA-DOWN")))
	check := func(key string) response {
		return s.send(t, request{method: "POST", path: "/v1/licenses/downgrade-check", body: map[string]any{
			"licenseKey": key, "assigned": map[string]int{"callRecording": 71, "computerRecording": 3},
		}})
	}
	r := check("> " + sold.text(t, "license", "licenseKey"))
	require.Equal(t, false, r.get(t, "loads"))
	require.Equal(t, []string{"too_many_users"}, codesOf(t, r))
	require.EqualValues(t, 1, r.get(t, "modules", "callRecording", "excess"))
	require.Nil(t, r.get(t, "plan"), "a plan needs users")
	require.NotEmpty(t, r.get(t, "repairs"))
	broken := check(sold.text(t, "license", "licenseKey")[:200])
	require.Equal(t, []string{"damaged"}, codesOf(t, broken))
	require.Nil(t, broken.get(t, "modules"))
}
