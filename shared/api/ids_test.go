package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/history"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/registry"
	"qmslicensing/shared/memstore"
)

// send sends one request to an endpoint as staff of a role. id is the parameter of the path.
func send(h http.Handler, role license.Role, id, body string, headers map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.SetPathValue("id", id)
	r.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	claims := map[string]string{
		"token_use": "access", "scope": httpapi.Scope, "sub": "sub-" + string(role), "username": string(role), "cognito:groups": "[" + string(role) + "]",
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(httpapi.WithIdentity(r.Context(), httpapi.Identity{RequestID: "r", Claims: claims})))
	return w
}

func TestIDs_InCapitalsMeanTheSameToReadsAndWrites(t *testing.T) {
	signer, keys := licensetest.Keys(t)
	clock, store := licensetest.NewClock(), memstore.New(keys...)
	issuer := issuing.NewIssuer(store, signer, keyring.New(store, clock.Now), policy.DefaultPolicy(), clock.Now)
	requests, err := desk.NewRequests(store, policy.DefaultPolicy(), []string{"secret"}, clock.Now)
	require.NoError(t, err)

	sold := send(Issue(issuer), license.Accounting, "", `{"serverToken":"QMSA-7K2P-9XWD-H4TN-RC53","customer":"Northwind","type":"subscription","modules":{"qmsSuite":50},"contract":"C-1","termMonths":12}`,
		map[string]string{"Idempotency-Key": "sold"})
	require.Equal(t, 201, sold.Code, sold.Body)
	var made struct{ License struct{ ID string } }
	require.NoError(t, json.Unmarshal(sold.Body.Bytes(), &made))
	asked := send(AskForLicense(requests), license.Sales, "", `{"serverToken":"QMSA-7K2P-9XWD-H4TN-RC53","customer":"Northwind","type":"subscription","modules":{"qmsSuite":50},"contract":"C-2"}`,
		map[string]string{"Idempotency-Key": "asked"})
	require.Equal(t, 201, asked.Code, asked.Body)
	var wanted struct{ Request struct{ ID string } }
	require.NoError(t, json.Unmarshal(asked.Body.Bytes(), &wanted))

	exceptions, err := desk.NewExceptions(store, 14, []string{"secret"}, clock.Now)
	require.NoError(t, err)
	var excepted [2]struct{ Request struct{ ID string } }
	for n := range excepted {
		asked = send(askException(exceptions), license.Sales, "", `{"serverToken":"QMSA-7K2P-9XWD-H4TN-RC53","rule":"trial_limit","reason":"a long trial"}`, map[string]string{"Idempotency-Key": fmt.Sprint("excepted", n)})
		require.Equal(t, 201, asked.Code, asked.Body)
		require.NoError(t, json.Unmarshal(asked.Body.Bytes(), &excepted[n]))
	}

	for name, c := range map[string]struct {
		handler  http.Handler
		role     license.Role
		id, body string
		ifMatch  string
	}{
		"show":               {Show(registry.NewReader(store, clock.Now)), license.Sales, made.License.ID, "", ""},
		"history":            {History(history.NewReader(store)), license.Sales, made.License.ID, "", ""},
		"request":            {Request(requests), license.Sales, wanted.Request.ID, "", ""},
		"renew":              {Renew(issuer), license.Accounting, made.License.ID, `{"contract":"C-3","termMonths":12}`, `"1"`},
		"withdraw":           {WithdrawRequest(requests), license.Sales, wanted.Request.ID, `{"reason":"not wanted"}`, ""},
		"withdraw-exception": {withdrawAsk(exceptions), license.Sales, excepted[0].Request.ID, `{}`, ""},
		"decline-exception":  {declineAsk(exceptions), license.Admin, excepted[1].Request.ID, `{"reason":"no"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			headers := map[string]string{"Idempotency-Key": name}
			if c.ifMatch != "" {
				headers["If-Match"] = c.ifMatch
			}
			typed := send(c.handler, c.role, " "+strings.ToUpper(c.id), c.body, headers)
			require.Less(t, typed.Code, 300, typed.Body)
			again := send(c.handler, c.role, c.id, c.body, headers)
			require.Equal(t, typed.Code, again.Code)
			require.JSONEq(t, typed.Body.String(), again.Body.String())
			if c.body != "" {
				require.Equal(t, "true", again.Header().Get("Idempotency-Replayed"), "the same request by the same key")
			}
		})
	}
}
