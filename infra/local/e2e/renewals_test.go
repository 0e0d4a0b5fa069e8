package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/gate"
	"qmslicensing/shared/license"
)

// contracted issues n subscriptions of one contract, each on a server of its own, and returns the servers.
func (s *system) contracted(t *testing.T, contract string, n int) []string {
	t.Helper()
	tokens, calls := make([]string, n), make([]request, n)
	for at := range calls {
		tokens[at] = fresh("QMSA-MANY")
		calls[at] = request{method: "POST", path: "/v1/licenses", as: "accounting", key: fresh("key"), body: with(subscription(tokens[at]), "contract", contract)}
	}
	for at := 0; at < n; at += 16 {
		for _, r := range s.sendMany(t, calls[at:min(at+16, n)]) {
			require.Equal(t, 201, r.status, string(r.body))
		}
	}
	return tokens
}

// renewals asks for renewals as accounting.
func renewals(key string, body map[string]any) request {
	return request{method: "POST", path: "/v1/renewals", as: "accounting", key: key, body: body}
}

// rowsOf returns the items of an answer.
func rowsOf(t testing.TB, r response) []map[string]any {
	t.Helper()
	require.Equal(t, 200, r.status, string(r.body))
	var answer struct{ Items []map[string]any }
	require.NoError(t, json.Unmarshal(r.body, &answer))
	return answer.Items
}

// dryRun asks what would become of licenses and returns the run that the answer leads to.
func (s *system) dryRun(t *testing.T, body map[string]any) (items []map[string]any, run map[string]any) {
	t.Helper()
	items = rowsOf(t, s.send(t, renewals("", body)))
	var licenses []map[string]any
	for _, item := range items {
		licenses = append(licenses, map[string]any{"licenseId": item["licenseId"], "version": item["version"]})
	}
	return items, with(body, "dryRun", false, "licenses", licenses, "contract", nil, "licenseIds", nil, "filter", nil)
}

func TestRenewals_SixtySubscriptionsOfOneContract(t *testing.T) {
	s, contract := shared, fresh("C-SIXTY")
	tokens := s.contracted(t, contract, 60)
	before := s.KMSCalls()
	items, run := s.dryRun(t, map[string]any{"contract": strings.ToLower(contract), "termMonths": 12})
	require.Len(t, items, 60)
	for _, item := range items {
		require.EqualValues(t, 1, item["version"])
		require.Equal(t, contract, item["contract"])
		require.NotNil(t, item["newExpiresOn"])
		require.Nil(t, item["problem"])
	}
	require.Equal(t, before, s.KMSCalls(), "a dry run signs nothing")

	key, began := fresh("key"), time.Now()
	first := s.send(t, renewals(key, run))
	t.Logf("60 licenses in %v", time.Since(began))
	rows := rowsOf(t, first)
	require.EqualValues(t, 60, first.get(t, "renewed"), string(first.body))
	require.Equal(t, 60, s.KMSCalls()-before)
	for n, row := range rows {
		require.Equal(t, items[n]["licenseId"], row["licenseId"], "in the order of the request")
		renewed := row["license"].(map[string]any)
		require.Equal(t, items[n]["newExpiresOn"], renewed["expiresOn"])
		require.Equal(t, items[n]["expiresOn"], row["previousExpiresOn"])
		require.Equal(t, false, row["replayed"])
	}
	for _, token := range tokens {
		s.requireWhole(t, token, 2)
	}

	again := s.send(t, renewals(key, run))
	require.EqualValues(t, 60, again.get(t, "renewed"))
	for n, row := range rowsOf(t, again) {
		require.Equal(t, rows[n]["license"], row["license"], "the same license")
		require.Equal(t, true, row["replayed"])
	}
	require.Equal(t, 60, s.KMSCalls()-before, "no new signature")

	other := s.send(t, renewals(key, with(run, "termMonths", 24)))
	require.Equal(t, 422, other.status)
	require.Equal(t, "idempotency_key_reused", other.get(t, "code"))
	stale := s.send(t, renewals(fresh("key"), run))
	require.EqualValues(t, 60, stale.get(t, "failed"))
	require.Equal(t, "version_conflict", rowsOf(t, stale)[0]["problem"].(map[string]any)["code"])
	require.Equal(t, 60, s.KMSCalls()-before)
}

// TestRenewals_KilledInTheMiddle kills the function at places spread over a run, and sends the same run again.
func TestRenewals_KilledInTheMiddle(t *testing.T) {
	s := shared
	for _, k := range []kill{
		{"dynamodb:TransactWriteItems", "after", 9}, {"dynamodb:TransactWriteItems", "before", 16}, {"kms:Sign", "after", 7},
		{"kms:Sign", "before", 3}, {"dynamodb:GetItem", "after", 40},
	} {
		t.Run(fmt.Sprintf("%s %s %d", k.when, k.action, k.nth), func(t *testing.T) {
			contract := fresh("C-KILLED")
			tokens := s.contracted(t, contract, 20)
			_, run := s.dryRun(t, map[string]any{"contract": contract, "termMonths": 12})
			before := s.KMSCalls()
			defer s.Gate.Disarm()
			require.NoError(t, s.Gate.Arm(gate.Arming{Function: "RenewSubscriptionFunction", Action: k.action, When: k.when, Nth: k.nth, Do: "kill"}))
			key := fresh("key")
			first := s.send(t, renewals(key, run))
			require.Equal(t, 500, first.status, string(first.body))
			require.JSONEq(t, `{"message":"Internal Server Error"}`, string(first.body), "the function is gone")
			s.Gate.Disarm()

			again := s.send(t, renewals(key, run))
			require.EqualValues(t, 20, again.get(t, "renewed"), string(again.body))
			for _, token := range tokens {
				s.requireWhole(t, token, 2) // exactly one renewal each
			}
			require.LessOrEqual(t, s.KMSCalls()-before, 20+4, "a crash costs one signature of each that was under way")
		})
	}
}

func TestRenewals_ByFilterAndByList(t *testing.T) {
	s, token := shared, fresh("QMSA-FILTER")
	customer := fresh("Zephyr Télécom")
	end := license.Today(time.Now()).AddDays(45)
	sold := s.issue(t, with(subscription(token), "customer", customer, "termMonths", nil, "expiresOn", end))
	id := sold.text(t, "license", "id")
	dates := map[string]any{"customer": strings.ToLower(strings.ReplaceAll(customer, "é", "e")), "expiresFrom": end, "expiresTo": end, "status": "active", "issuedBy": "accounting"}
	for name, body := range map[string]map[string]any{
		"customer and dates": {"filter": dates, "termMonths": 1},
		"dates alone":        {"filter": map[string]any{"expiresFrom": end, "expiresTo": end, "issuedBy": "accounting"}, "termMonths": 1, "dryRun": true},
		"a list":             {"licenseIds": []string{" " + strings.ToUpper(id)}, "termMonths": 1},
	} {
		t.Run(name, func(t *testing.T) {
			items, _ := s.dryRun(t, body)
			var found map[string]any
			for _, item := range items {
				if item["licenseId"] == id {
					found = item
				}
			}
			require.NotNil(t, found, items)
			require.Equal(t, token, found["serverToken"])
			require.Equal(t, customer, found["customer"])
			require.Equal(t, end.String(), found["expiresOn"])
			require.Nil(t, found["problem"])
		})
	}
	none, _ := s.dryRun(t, map[string]any{"contract": fresh("C-NONE"), "termMonths": 1})
	require.Empty(t, none)

	_, run := s.dryRun(t, map[string]any{"filter": dates, "termMonths": 1, "newContract": "C-NEW"})
	renewed := s.send(t, renewals(fresh("key"), run))
	require.EqualValues(t, 1, renewed.get(t, "renewed"), string(renewed.body))
	require.Equal(t, "C-NEW", rowsOf(t, renewed)[0]["license"].(map[string]any)["contract"])
}

func TestRenewals_WhatFailsFailsAlone(t *testing.T) {
	s := shared
	ok := s.issue(t, subscription(fresh("QMSA-ALONE")))
	never := s.issue(t, permanent(fresh("QMSA-ALONE")))
	lapsed := expiredLicense(t, s, "accounting")["id"]
	gone := "0123456789abcdef0123456789abcdef"
	ids := []string{never.text(t, "license", "id"), lapsed, gone, ok.text(t, "license", "id")}
	codes := []any{"not_renewable", "basis_required", "license_not_found", nil}

	items, run := s.dryRun(t, map[string]any{"licenseIds": ids, "termMonths": 12})
	require.Len(t, items, 4)
	require.Nil(t, items[0]["expiresOn"])
	require.Less(t, items[1]["expiresOn"], license.Today(time.Now()).String())
	require.NotContains(t, items[2], "version", "what cannot be read has nothing but its problem")
	run["licenses"].([]map[string]any)[2]["version"] = 1
	answer := s.send(t, renewals(fresh("key"), run))
	require.EqualValues(t, 1, answer.get(t, "renewed"), string(answer.body))
	require.EqualValues(t, 3, answer.get(t, "failed"))
	for n, row := range rowsOf(t, answer) {
		for _, of := range []map[string]any{row, items[n]} {
			problem, _ := of["problem"].(map[string]any)
			require.Equal(t, codes[n], problem["code"], of)
		}
	}
	_, run = s.dryRun(t, map[string]any{"licenseIds": ids[1:2], "termMonths": 12, "basis": "today"})
	answer = s.send(t, renewals(fresh("key"), run))
	require.EqualValues(t, 1, answer.get(t, "renewed"), string(answer.body))
}

func TestRenewals_TheKeyIsDisabled_FewAreBegunAndNoneIsLost(t *testing.T) {
	s, contract := shared, fresh("C-DISABLED")
	tokens := s.contracted(t, contract, 20)
	_, run := s.dryRun(t, map[string]any{"contract": contract, "termMonths": 12})
	admin, key := s.System.KMS(gate.Operator), s.soldKey()
	_, err := admin.DisableKey(context.Background(), &kms.DisableKeyInput{KeyId: &key})
	require.NoError(t, err)
	enable := sync.OnceFunc(func() {
		_, err := admin.EnableKey(context.Background(), &kms.EnableKeyInput{KeyId: &key})
		require.NoError(t, err)
	})
	defer enable()
	q, logged := renewals(fresh("key"), run), len(s.log.String())
	refused := s.send(t, q)
	require.EqualValues(t, 0, refused.get(t, "renewed"))
	require.Greater(t, refused.get(t, "notAttempted"), 10.0, string(refused.body))
	problem := rowsOf(t, refused)[0]["problem"].(map[string]any)
	require.Equal(t, "unavailable", problem["code"])
	require.EqualValues(t, 60, problem["params"].(map[string]any)["retryAfter"])
	require.Contains(t, s.log.String()[logged:], "KMS refused to sign", "the alarm's line")
	require.Contains(t, s.log.String()[logged:], "renewal failed")
	enable()
	require.EqualValues(t, 20, s.send(t, q).get(t, "renewed"))
	for _, token := range tokens {
		s.requireWhole(t, token, 2)
	}
}

func TestRenewals_RefusedAsAWhole(t *testing.T) {
	s := shared
	id := strings.Repeat("0", 32)
	one := []map[string]any{{"licenseId": id, "version": 1}}
	ids, licenses := make([]string, 201), make([]map[string]any, 201)
	for n := range ids {
		ids[n] = fmt.Sprintf("%032x", n)
		licenses[n] = map[string]any{"licenseId": ids[n], "version": 1}
	}
	dry := map[string]any{"contract": "C-1", "termMonths": 12}
	run := map[string]any{"dryRun": false, "licenses": one, "termMonths": 12}
	for name, c := range map[string]struct {
		body    map[string]any
		key     string
		status  int
		code    string
		pointer string
	}{
		"nothing named":                   {with(dry, "contract", nil), "k", 400, "invalid_request", "/contract"},
		"two ways":                        {with(dry, "licenseIds", []string{id}), "k", 400, "invalid_request", "/licenseIds"},
		"an empty list":                   {with(dry, "contract", nil, "licenseIds", []string{}), "k", 400, "invalid_request", "/licenseIds"},
		"an empty contract":               {with(dry, "contract", " "), "k", 400, "invalid_request", "/contract"},
		"an empty filter":                 {with(dry, "contract", nil, "filter", map[string]any{}), "k", 400, "invalid_request", "/filter"},
		"an unknown filter":               {with(dry, "contract", nil, "filter", map[string]any{"type": "permanent"}), "k", 400, "invalid_request", "/filter/type"},
		"a filter for what is superseded": {with(dry, "contract", nil, "filter", map[string]any{"status": "superseded"}), "k", 400, "invalid_request", "/filter/status"},
		"a filter of no day":              {with(dry, "contract", nil, "filter", map[string]any{"expiresTo": "2026-02-30"}), "k", 400, "invalid_request", "/filter/expiresTo"},
		"the same id twice":               {with(dry, "contract", nil, "licenseIds", []string{id, id}), "k", 400, "invalid_request", "/licenseIds/1"},
		"201 ids":                         {with(dry, "contract", nil, "licenseIds", ids), "k", 422, "too_many_licenses", "/licenseIds"},
		"a dry run of licenses":           {with(run, "dryRun", nil), "k", 400, "invalid_request", "/licenses"},
		"no term":                         {with(dry, "termMonths", nil), "k", 400, "invalid_request", "/termMonths"},
		"an empty new contract":           {with(dry, "newContract", ""), "k", 400, "invalid_request", "/newContract"},
		"modules":                         {with(dry, "modules", map[string]int{}), "k", 400, "invalid_request", "/modules"},
		"a run of a contract":             {with(run, "contract", "C-1"), "k", 400, "invalid_request", "/contract"},
		"a run of nothing":                {with(run, "licenses", nil), "k", 400, "invalid_request", "/licenses"},
		"a run of 201":                    {with(run, "licenses", licenses), "k", 422, "too_many_licenses", "/licenses"},
		"a run of one twice":              {with(run, "licenses", append(one, one...)), "k", 400, "invalid_request", "/licenses/1/licenseId"},
		"a run without versions":          {with(run, "licenses", []map[string]any{{"licenseId": id}}), "k", 400, "invalid_request", "/licenses/0/version"},
		"a dry run with a bad key":        {dry, "k k", 400, "invalid_request", "header:Idempotency-Key"},
		"a run without key":               {run, "", 400, "invalid_request", "header:Idempotency-Key"},
		"dryRun null":                     {with(run, "dryRun", json.RawMessage("null")), "k", 400, "invalid_request", "/dryRun"},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, s.send(t, renewals(c.key, c.body)), c.status, c.code, c.pointer)
		})
	}
	for _, as := range []string{"sales", "support", "admin", "nobody"} {
		for _, body := range []map[string]any{dry, run} {
			q := renewals(fresh("key"), body)
			q.as = as
			requireProblem(t, s.send(t, q), 403, "forbidden", "")
		}
	}
}
