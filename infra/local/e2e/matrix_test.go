package e2e_test

// The matrix: every route of api.Routes(), for each of its operations, as every caller, on what it names in every state.
// What is expected comes from the role table (license.RolesFor) and from the route's case; a route without a case fails.
//
// To add a route, add its case to the file of its area (matrix_licenses_test.go) or to a new one, listed in cases():
//
//	{
//		route:  "POST /v1/licenses/{id}/renew",           // as the table of routes has it
//		things: licenses(superseded, revoked),            // own, other's, missing, and wrong states; nil if it names nothing
//		want: map[state]answer{                           // what a caller who may is answered instead of ok
//			missing: {404, "license_not_found"}, superseded: {409, "not_current"}, revoked: {409, "not_current"},
//		},
//		ok: 201,
//		request: func(c cell) request {                   // method, path, caller and Idempotency-Key are filled in
//			return request{ifMatch: c.thing["etag"], body: map[string]any{"contract": "C-2041", "termMonths": 12}}
//		},
//	},
//
// The rest follows: no token is 401, a role that may not is 403 whatever the state; whoever is refused, and whoever only
// reads, leaves both tables as they were, and a write that is answered ok does not. Where a route has several operations,
// each is asked for, and request builds what c.op allows; with anyOf one of them is enough for the same request. What only
// one role is answered stands in wantAs. A thing is made by a maker (matrix_things_test.go), which gives the path's
// parameters by name; a new kind of thing is a new maker, a new state of a license one more line in licenses().
//
//	go test ./infra/local/e2e -run TestMatrix -v      prints the cells
//	go test ./infra/local/e2e -run 'TestMatrix/POST_/v1/licenses$'

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	local "qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/shared/api"
	"qmslicensing/shared/license"
)

// routeCase says how to ask a route.
type routeCase struct {
	route   string
	things  map[state]maker
	by      string // who makes what is not the caller's own: accounting if it is empty. There must be a second one, accounting2
	anyOf   bool   // one of the route's operations is enough for the same request
	want    map[state]answer
	wantAs  map[license.Role]map[state]answer // for one role instead of want
	ok      int                               // the status when nothing is wrong; 0: 200
	reads   bool                              // a staff route that is no GET and writes nothing
	request func(c cell) request
	// rowCode, of a route that answers 200 with a row for each thing, reads the code of the row's problem. Before its rows it
	// notes under its Idempotency-Key what was asked: that alone may be written where all of them fail.
	rowCode func(t testing.TB, r response) string
}

// state is the state of what a route names, as the caller sees it.
type state string

// Every case has its own, other's and missing if the route names something; none if it can do without.
const (
	none    state = "-"
	own     state = "own"
	others  state = "other's"
	missing state = "missing"
)

// thing is what a route names: the path's parameters by name, and what else its request needs.
type thing map[string]string

// maker makes a thing as owner, a user of the sign-in, and returns nil if the owner's role cannot make any.
type maker func(t testing.TB, s *system, owner string) thing

// answer is a status and a code of the problem, or of the row's; "" is no problem, or one of API Gateway's own.
type answer struct {
	status int
	code   string
}

func (a answer) String() string { return strings.TrimSpace(fmt.Sprint(a.status, " ", a.code)) }

// caller is who asks; without a username there is no token, without a role it lets nobody in.
type caller struct {
	name, username string
	role           license.Role
	header         map[string]string
}

func matrixCallers() []caller {
	callers := []caller{
		{name: "no token"}, {name: "no token, forged claims", header: forgedHeaders()},
		{name: "no role", username: "nobody"}, {name: "no role, forged claims", username: "nobody", header: forgedHeaders()},
		{name: "two roles", username: "tworoles"},
	}
	for _, role := range license.Roles() {
		callers = append(callers, caller{name: string(role), username: string(role), role: role})
	}
	return callers
}

// cell is one of the matrix.
type cell struct {
	of     routeCase
	route  api.Route
	op     license.Operation // "" if the route is public, or one is enough
	caller caller
	state  state
	thing  thing
}

// want is what the table and the case say.
func (c cell) want() answer {
	operations := []license.Operation{c.op}
	if c.op == "" {
		operations = c.route.Operations
	}
	may := slices.ContainsFunc(operations, func(op license.Operation) bool { return slices.Contains(license.RolesFor(op), c.caller.role) })
	switch {
	case c.route.Staff() && c.caller.username == "":
		return answer{401, ""}
	case c.route.Staff() && !may:
		return answer{403, "forbidden"}
	}
	for _, wanted := range []map[state]answer{c.of.wantAs[c.caller.role], c.of.want} {
		if want, ok := wanted[c.state]; ok {
			return want
		}
	}
	return answer{max(c.of.ok, 200), ""}
}

// writes reports whether the tables must change.
func (c cell) writes() bool {
	return c.want().status < 400 && c.want().code == "" && c.route.Staff() && c.route.Method != "GET" && !c.of.reads
}

// owner is who makes the cell's thing: the caller, or a colleague of those who may.
func (c cell) owner() string {
	by := c.of.by
	if by == "" {
		by = "accounting"
	}
	switch {
	case c.state == own:
		return c.caller.username
	case by == c.caller.username:
		return by + "2"
	}
	return by
}

// cells lists those of a route: who is refused or only reads first.
func cells(of routeCase, route api.Route) []cell {
	operations, things := route.Operations, of.things
	if len(operations) == 0 || of.anyOf {
		operations = []license.Operation{""}
	}
	if things == nil {
		things = map[state]maker{none: func(testing.TB, *system, string) thing { return thing{} }}
	}
	states := []state{}
	for s := range things {
		states = append(states, s)
	}
	slices.Sort(states)
	var all []cell
	for _, op := range operations {
		for _, who := range matrixCallers() {
			for _, s := range states {
				if s != own || who.role != "" {
					all = append(all, cell{of: of, route: route, op: op, caller: who, state: s})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b cell) int {
		switch {
		case a.writes() == b.writes():
			return 0
		case b.writes():
			return -1
		}
		return 1
	})
	return all
}

// send asks, and holds the answer against the OpenAPI file.
func (c cell) send(t testing.TB, s *system) answer {
	q := c.of.request(c)
	q.method, q.as = c.route.Method, c.caller.username
	if q.key == "" && c.route.Staff() && q.method != "GET" {
		q.key = fresh("matrix")
	}
	if q.header == nil {
		q.header = c.caller.header
	}
	path := c.route.Path
	for name, value := range c.thing {
		path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
	}
	require.NotContains(t, path, "{", "the thing of %s lacks a parameter of the path", c.of.route)
	q.path = path + q.path // what the case says is the query
	r := s.send(t, q)
	got := answer{status: r.status}
	if r.header.Get("Content-Type") == "application/problem+json" {
		got.code = r.text(t, "code")
	} else if c.of.rowCode != nil && r.status == 200 {
		got.code = c.of.rowCode(t, r)
	}
	return got
}

func TestMatrix(t *testing.T) {
	s, err := start(t.TempDir(), nil) // of its own: its tables are read whole
	require.NoError(t, err)
	defer s.Close()
	by := casesByRoute(t)
	for _, route := range api.Routes() {
		t.Run(route.String(), func(t *testing.T) {
			of, ok := by[route.String()]
			if !ok {
				t.Fatalf("%s is in the table of routes (shared/api/routes.go), but nothing asks it as every role. "+
					"Add a case for it to infra/local/e2e: the top of matrix_test.go says how.", route)
			}
			matrixOf(t, s, of, route)
		})
	}
	require.Empty(t, s.Gate.Book().Denials())
}

// casesByRoute finds the case of each route, and refuses a case that asks too little.
func casesByRoute(t *testing.T) map[string]routeCase {
	t.Helper()
	routes := map[string]api.Route{}
	for _, route := range api.Routes() {
		routes[route.String()] = route
	}
	by := map[string]routeCase{}
	for _, of := range cases() {
		route, ok := routes[of.route]
		require.True(t, ok, "the matrix has a case for %s, which the table of routes does not have", of.route)
		require.NotContains(t, by, of.route, "the matrix has two cases for it")
		by[of.route] = of
		for _, wanted := range append(slices.Collect(maps.Values(of.wantAs)), of.want) {
			for s := range wanted {
				require.Contains(t, of.things, s, "%s: something is wanted of a state that no maker makes", of.route)
			}
		}
		if !strings.Contains(route.Path, "{") {
			continue
		}
		for _, s := range []state{own, others, missing} {
			require.Contains(t, of.things, s, "%s names a thing: its case needs a maker of it as %q", of.route, s)
		}
		require.GreaterOrEqual(t, of.want[missing].status, 400, "%s: say what a missing thing is answered with", of.route)
		require.Greater(t, len(of.things), 3, "%s names a thing: its case needs one in a wrong state (revoked, superseded, void, …)", of.route)
	}
	return by
}

// matrixOf asks all cells of a route: first those that must leave the tables as they are.
func matrixOf(t *testing.T, s *system, of routeCase, route api.Route) {
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "route\toperation\tcaller\tstate\texpected\tgot")
	defer func() {
		require.NoError(t, w.Flush())
		t.Log("\n" + table.String())
	}()
	all := cells(of, route)
	made := map[string]thing{}
	for n, c := range all {
		name := fmt.Sprint(c.state, c.owner())
		if _, ok := made[name]; !ok || c.writes() {
			made[name] = of.make(c)(t, s, c.owner())
		}
		all[n].thing = made[name]
	}
	before, notes := s.everything(t), 0
	for _, c := range all {
		if c.thing == nil {
			continue // nobody of this role can own one
		}
		if c.writes() && before != nil {
			requireUntouched(t, before, s.everything(t), notes)
			before = nil
		}
		got := c.ask(t, s)
		if of.rowCode != nil && got.status < 300 {
			notes++
		}
		mark := ""
		if got != c.want() {
			mark = "  <- WRONG"
			t.Errorf("%s (%s) as %s, thing %s: expected %s, got %s", route, c.op, c.caller.name, c.state, c.want(), got)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s%s\n", route, c.op, c.caller.name, c.state, c.want(), got, mark)
	}
	if before != nil {
		requireUntouched(t, before, s.everything(t), notes)
	}
}

// make is the maker of a cell's thing.
func (of routeCase) make(c cell) maker {
	if of.things == nil {
		return func(testing.TB, *system, string) thing { return thing{} }
	}
	return of.things[c.state]
}

// ask sends a cell; one that writes must have changed the tables.
func (c cell) ask(t *testing.T, s *system) answer {
	if !c.writes() {
		return c.send(t, s)
	}
	before := s.everything(t)
	got := c.send(t, s)
	if got.status < 400 {
		require.NotEqual(t, before, s.everything(t), "%s answered %s and wrote nothing", c.route, got)
	}
	return got
}

// requireUntouched names what changed between two readings of everything, but for a number of notes of what was asked.
func requireUntouched(t *testing.T, before, after map[string]string, notes int) {
	t.Helper()
	maps.DeleteFunc(after, func(key, text string) bool {
		_, old := before[key]
		note := !old && strings.Contains(key, "idempotency#") && strings.Contains(text, `\"LicenseID\":\"\"`)
		if note {
			notes--
		}
		return note
	})
	require.Zero(t, notes, "notes of what was asked that are missing, or too many if it is less than 0")
	var changed []string
	for key := range before {
		if _, ok := after[key]; !ok {
			changed = append(changed, "gone: "+key)
		}
	}
	for key, text := range after {
		if before[key] != text {
			changed = append(changed, key+": "+text)
		}
	}
	require.Empty(t, changed, "written for someone who was refused, or who only read")
}

// everything is all that both tables hold: JSON texts by table and key.
func (s *system) everything(t testing.TB) map[string]string {
	t.Helper()
	items := map[string]string{}
	client := local.Client(s.Stack.DynamoDBEndpoint, gate.AccessKey(gate.Operator))
	for _, table := range s.Stack.Application.Tables {
		pages := dynamodb.NewScanPaginator(client, &dynamodb.ScanInput{TableName: aws.String(table.Name), ConsistentRead: aws.Bool(true)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, item := range page.Items {
				key, err := json.Marshal([]any{table.LogicalID, item["pk"], item["sk"]})
				require.NoError(t, err)
				text, err := json.Marshal(item)
				require.NoError(t, err)
				items[string(key)] = string(text)
			}
		}
	}
	return items
}
