package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// finding is the address of a search: names and values by turns.
func finding(filters ...string) string {
	query := url.Values{}
	for n := 0; n < len(filters); n += 2 {
		query.Set(filters[n], filters[n+1])
	}
	return "/v1/licenses?" + query.Encode()
}

// found pages through a search and returns the ids, in the answer's order.
func (s *system) found(t *testing.T, limit int, filters ...string) []string {
	t.Helper()
	ids := []string{}
	filters = append(slices.Clone(filters), "limit", fmt.Sprint(limit))
	for cursor := ""; ; {
		path := finding(filters...)
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		page := s.send(t, request{method: "GET", path: path, as: "support"})
		require.Equal(t, 200, page.status, string(page.body))
		items := page.get(t, "items").([]any)
		require.LessOrEqual(t, len(items), limit)
		for _, item := range items {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		next, more := page.get(t, "nextCursor").(string)
		if !more {
			return ids
		}
		cursor = next
	}
}

// shelf is licenses that no other test has, by what they are called here.
type shelf struct {
	name  string // the start of the customers' names, folded
	ids   map[string]string
	token string // of sold, its renewal and the trial
	end   string // expiration date of far
}

func (s *system) shelf(t *testing.T) shelf {
	t.Helper()
	name := strings.ToLower(strings.ReplaceAll(fresh("Zürich"), "-", ""))
	sh := shelf{name: strings.ReplaceAll(name, "ü", "u"), ids: map[string]string{}, token: fresh("QMSA-FIND"), end: time.Now().UTC().AddDate(9, 0, 0).Format(time.DateOnly)}
	keep := func(called string, r response) response {
		require.Equal(t, 201, r.status, string(r.body))
		sh.ids[called] = r.text(t, "license", "id")
		return r
	}
	contract := "C/" + sh.name
	sold := keep("sold", s.issue(t, with(subscription(sh.token), "customer", strings.ToUpper(name)+" “Nord” & Söhne", "contract", contract)))
	renewed := renewal(t, sold, fresh("key"))
	renewed.body = map[string]any{"contract": contract, "termMonths": 12}
	keep("renewed", s.send(t, renewed))
	keep("emergency", s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "support", key: fresh("key"),
		body: with(trial(sh.token), "customer", name+" Nord & Söhne", "purpose", "emergency", "modules", map[string]int{"qmsSuite": 70})}))
	keep("trial", s.send(t, request{method: "POST", path: "/v1/temporary-licenses", as: "sales", key: fresh("key"), body: with(trial(fresh("QMSA-FIND")), "customer", name+" West")}))
	keep("permanent", s.issue(t, with(permanent(fresh("QMSA-FIND")), "customer", name+" AG")))
	keep("far", s.issue(t, with(subscription(fresh("QMSA-FIND")), "customer", name+" Süd", "contract", contract+"2", "termMonths", nil, "expiresOn", sh.end)))
	return sh
}

func TestFind_EachFilterAndTheirCombinations(t *testing.T) {
	s := shared
	sh := s.shelf(t)
	pasted := " " + strings.ToLower(strings.ReplaceAll(sh.token, "-", "–")) + "\u200b\n"
	for _, c := range []struct {
		filters string // name=value, with | between
		want    string // what is found in its order, with spaces between
	}{
		{"id=" + sh.ids["trial"], "trial"},
		{"id=" + sh.ids["trial"] + "|type=permanent", ""},
		{"id=" + strings.Repeat("0", 32), ""},
		{"serverToken=" + pasted, "emergency renewed sold"},
		{"serverToken=" + sh.token + "|status=superseded", "sold"},
		{"customer=" + sh.name, "permanent emergency renewed sold far trial"},
		{"customer=" + strings.ToUpper(strings.Replace(sh.name, "u", "Ü", 1)) + " nörd", "emergency renewed sold"},
		{"customer=" + sh.name + "-nord, sohne", "emergency renewed sold"},
		{"customer=" + sh.name + " sud", "far"},
		{"customer=" + sh.name + " nordost", ""},
		{"contract=C/" + sh.name, "renewed sold"},
		{"contract=c/" + strings.ToUpper(sh.name) + "2", "far"},
		{"contract=C/" + sh.name + "|status=active", "renewed"},
		{"customer=" + sh.name + "|type=subscription", "renewed sold far"},
		{"customer=" + sh.name + "|type=permanent", "permanent"},
		{"customer=" + sh.name + "|status=active", "permanent emergency renewed far trial"},
		{"customer=" + sh.name + "|status=expired", ""},
		{"customer=" + sh.name + "|purpose=trial", "trial"},
		{"customer=" + sh.name + "|purpose=emergency", "emergency"},
		{"customer=" + sh.name + "|issuedBy=Support", "emergency"},
		{"customer=" + sh.name + "|issuedBy=accounting|type=subscription|status=active", "renewed far"},
		{"customer=" + sh.name + "|lastEvent=renewed", "sold"},
		{"customer=" + sh.name + "|lastEvent=issued|type=subscription", "renewed far"},
		{"customer=" + sh.name + "|expiresFrom=" + sh.end, "far"},
		{"customer=" + sh.name + "|expiresTo=" + time.Now().UTC().AddDate(0, 3, 0).Format(time.DateOnly), "emergency trial"},
		{"expiresFrom=" + sh.end + "|expiresTo=" + sh.end + "|contract=C/" + sh.name + "2", "far"},
	} {
		t.Run(c.filters, func(t *testing.T) {
			var filters []string
			for _, f := range strings.Split(c.filters, "|") {
				name, value, _ := strings.Cut(f, "=")
				filters = append(filters, name, value)
			}
			want := []string{}
			for _, called := range strings.Fields(c.want) {
				want = append(want, sh.ids[called])
			}
			for _, limit := range []int{1, 100} {
				require.Equal(t, want, s.found(t, limit, filters...), "limit %d", limit)
			}
		})
	}
}

func TestFind_WithoutAFilterTheNewestFirst(t *testing.T) {
	s := shared
	sh := s.shelf(t)
	var mine []string
	for _, id := range s.found(t, 100) {
		for called, its := range sh.ids {
			if id == its {
				mine = append(mine, called)
			}
		}
	}
	require.Equal(t, []string{"far", "permanent", "trial", "emergency", "renewed", "sold"}, mine, "other tests issue meanwhile, and hide none")
}

func TestFind_ExpiringSoonestFirstAndCountedByMonth(t *testing.T) {
	s := shared
	month := time.Date(time.Now().UTC().Year()+8, 2, 1, 0, 0, 0, 0, time.UTC)
	count := func() (all []map[string]any) {
		r := s.send(t, request{method: "GET", path: "/v1/expirations?from=" + month.Format("2006-01") + "&months=3", as: "sales"})
		require.Equal(t, 200, r.status, string(r.body))
		var answer struct{ Months []map[string]any }
		require.NoError(t, json.Unmarshal(r.body, &answer))
		return answer.Months
	}
	before := count()
	require.Len(t, before, 3)
	name := fresh("EXPIRING")
	var want []string
	for _, day := range []int{0, 17, 27, 28} { // the last is a day of March, or the 29th of February
		end := month.AddDate(0, 0, day).Format(time.DateOnly)
		want = append(want, s.issue(t, with(subscription(fresh("QMSA-END")), "customer", name, "termMonths", nil, "expiresOn", end)).text(t, "license", "id"))
	}
	got := s.found(t, 2, "expiresFrom", month.Format(time.DateOnly), "expiresTo", month.AddDate(0, 2, 0).Format(time.DateOnly))
	require.Equal(t, want, slices.DeleteFunc(got, func(id string) bool { return !slices.Contains(want, id) }))
	grown := 0.0
	for n, after := range count() {
		require.Equal(t, month.AddDate(0, n, 0).Format("2006-01"), after["month"])
		require.Equal(t, before[n]["temporary"], after["temporary"])
		grown += after["subscriptions"].(float64) - before[n]["subscriptions"].(float64)
	}
	require.Equal(t, 4.0, grown)
	r := s.send(t, request{method: "GET", path: "/v1/expirations", as: "admin"})
	require.Equal(t, 200, r.status)
	require.Len(t, r.get(t, "months"), 12)
	require.Contains(t, string(r.body), `"month":"`+time.Now().UTC().Format("2006-01")+`"`)
}

func TestFind_ACursorIsItsSearchesOwn(t *testing.T) {
	s := shared
	sh := s.shelf(t)
	first := s.send(t, request{method: "GET", path: finding("customer", sh.name, "limit", "2"), as: "sales"})
	cursor := first.text(t, "nextCursor")
	with := func(cursor string, filters ...string) response {
		return s.send(t, request{method: "GET", path: finding(append(filters, "cursor", cursor, "limit", "3")...), as: "sales"})
	}
	require.Equal(t, 200, with(cursor, "customer", strings.ToUpper(sh.name)).status, "the same search, otherwise written")
	for name, r := range map[string]response{
		"another filter":   with(cursor, "customer", sh.name+" nord"),
		"one filter more":  with(cursor, "customer", sh.name, "status", "active"),
		"no filter":        with(cursor),
		"another search":   with(cursor, "serverToken", sh.token),
		"one letter other": with(flip(cursor, len(cursor)/2), "customer", sh.name),
		"its first letter": with(flip(cursor, 0), "customer", sh.name),
		"cut off":          with(cursor[:len(cursor)-1], "customer", sh.name),
		"made longer":      with(cursor+"AAAA", "customer", sh.name),
		"made up":          with("bm90IGEgY3Vyc29yIGF0IGFsbCwgYnV0IGxvbmc", "customer", sh.name),
		"not base64":       with("%%%", "customer", sh.name),
	} {
		t.Run(name, func(t *testing.T) { requireProblem(t, r, 400, "invalid_request", "query:cursor") })
	}
}

func flip(text string, at int) string {
	other := "A"
	if text[at] == 'A' {
		other = "B"
	}
	return text[:at] + other + text[at+1:]
}

func TestFind_EveryWrongValueIsNamedAtOnce(t *testing.T) {
	r := shared.send(t, request{method: "GET", as: "sales", path: finding("id", "7", "serverToken", "short", "customer", "!", "contract", " ", "type", "eternal",
		"status", "gone", "purpose", "fun", "issuedBy", "", "lastEvent", "born", "expiresFrom", "2027-02-30", "expiresTo", "never", "limit", "0")})
	requireProblem(t, r, 400, "invalid_request", "")
	require.Len(t, r.get(t, "errors"), 12)
	for _, name := range []string{"id", "serverToken", "customer", "contract", "type", "status", "purpose", "issuedBy", "lastEvent", "expiresFrom", "expiresTo", "limit"} {
		require.Contains(t, string(r.body), `"pointer":"query:`+name+`"`)
	}
	require.Contains(t, r.text(t, "detail"), "permanent, subscription, temporary")
	for pointer, path := range map[string]string{
		"query:status":    finding("status", "revoked", "expiresTo", "2027-01-01"),
		"query:expiresTo": finding("expiresFrom", "2027-01-02", "expiresTo", "2027-01-01"),
	} {
		requireProblem(t, shared.send(t, request{method: "GET", as: "sales", path: path}), 400, "invalid_request", pointer)
	}
}
