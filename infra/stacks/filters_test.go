package stacks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/keys/table"
	"qmslicensing/infra/local/kms"
	"qmslicensing/infra/local/template"
	"qmslicensing/shared/api"
	"qmslicensing/shared/archive"
	"qmslicensing/shared/httpapi"
	"qmslicensing/shared/kmssign"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/policy"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/verdict"
	"qmslicensing/shared/memstore"
)

// filter is a metric filter of alarms.yaml.
type filter struct {
	LogGroupName          string `yaml:"LogGroupName"`
	FilterPattern         string `yaml:"FilterPattern"`
	MetricTransformations []struct {
		MetricNamespace string `yaml:"MetricNamespace"`
		MetricName      string `yaml:"MetricName"`
		MetricValue     string `yaml:"MetricValue"`
	} `yaml:"MetricTransformations"`
}

func filters(t *testing.T) map[string]filter {
	found := resourcesOf[filter](t, readStack(t, "alarms.yaml"), "AWS::Logs::MetricFilter")
	for id, f := range found {
		require.Len(t, f.MetricTransformations, 1, id)
		require.Equal(t, own, f.MetricTransformations[0].MetricNamespace, id)
	}
	return found
}

// episode is what a function, or the API, wrote to its log group, and what the alarms' metrics must make of it.
type episode struct {
	name  string
	group string // the parameter of alarms.yaml that names the log group
	lines []map[string]any
	// counts is how many lines each metric counts; a metric that is not there counts none.
	counts map[string]int
}

// desk is the system in memory, with a real KMS endpoint and the functions' own handlers.
type desk struct {
	t        *testing.T
	clock    *licensetest.Clock
	store    *memstore.Store
	server   *kms.Server
	client   *sdk.Client
	episodes []episode
}

var keyIDs = map[license.KeyPurpose]string{
	license.TemporaryKey: "11111111-1111-4111-8111-111111111111", license.SoldKey: "22222222-2222-4222-8222-222222222222",
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	server, err := kms.NewServer(t.TempDir(), template.Region, template.Account)
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	d := &desk{t: t, clock: licensetest.NewClock(), store: memstore.New(), server: server, client: sdk.New(sdk.Options{
		Region: template.Region, BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})}
	var keys []table.Key
	for purpose, id := range keyIDs {
		require.NoError(t, server.EnsureKey(id, nil))
		keys = append(keys, table.Key{Purpose: purpose, State: keyring.Signing, ARN: server.ARN(id)})
	}
	_, err = table.Fill(context.Background(), d.client, d.store, keys, d.clock.Now())
	require.NoError(t, err)
	return d
}

func (d *desk) issuer(purposes ...license.KeyPurpose) *issuing.Issuer {
	return issuing.NewIssuer(d.store, kmssign.New(d.client, purposes...), keyring.New(d.store, d.clock.Now), policy.DefaultPolicy(), d.clock.Now)
}

func (d *desk) setKeys(enabled bool) {
	for _, id := range keyIDs {
		var err error
		if enabled {
			_, err = d.client.EnableKey(context.Background(), &sdk.EnableKeyInput{KeyId: &id})
		} else {
			_, err = d.client.DisableKey(context.Background(), &sdk.DisableKeyInput{KeyId: &id})
		}
		require.NoError(d.t, err)
	}
}

// record runs something and keeps the lines that it logs, as a function does on Lambda.
func (d *desk) record(name, group string, counts map[string]int, run func()) {
	d.t.Helper()
	var written bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&written, nil))) // as awsenv.MustConfig does
	defer func() {
		slog.SetDefault(before)
		log.SetOutput(os.Stderr)
	}()
	run()
	require.NotContains(d.t, written.String(), string(licensetest.Token), "%s: no log shows a Server Token", name)
	require.NotContains(d.t, written.String(), "eyJ", "%s: no log shows a license key", name)
	e := episode{name: name, group: group, counts: counts}
	for decoder := json.NewDecoder(&written); ; {
		var line map[string]any
		if err := decoder.Decode(&line); err == io.EOF {
			break
		} else {
			require.NoError(d.t, err, name)
		}
		e.lines = append(e.lines, line)
	}
	d.episodes = append(d.episodes, e)
}

// send has a handler answer a request of a role and returns the answer.
func (d *desk) send(h http.Handler, role license.Role, body any, edit func(*http.Request)) *httptest.ResponseRecorder {
	d.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(d.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = httpapi.WithIdentity(ctx, httpapi.Identity{RequestID: "request", Claims: map[string]string{
		"token_use": "access", "scope": httpapi.Scope, "sub": string(role), "username": string(role), "cognito:groups": "[" + string(role) + "]",
	}})
	r := httptest.NewRequestWithContext(ctx, "POST", "/", bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", strconv.Itoa(len(d.episodes)))
	if edit != nil {
		edit(r)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer
}

type body = map[string]any

func subscription(token string) body {
	return body{"serverToken": token, "customer": "Northwind", "type": "subscription", "modules": body{"qmsSuite": 5}, "contract": "C-1", "termMonths": 12}
}

// logged is everything that the filters are held against.
func logged(t *testing.T) []episode {
	t.Helper()
	var all []episode
	for _, chapter := range []func(*testing.T) []episode{validating, signing, passing, renewing, reconciling, sweeping, archiving, accessLog} {
		all = append(all, chapter(t)...)
	}
	return all
}

// validating issues a license and checks it with its record and without.
func validating(t *testing.T) []episode {
	d := newDesk(t)
	var issued struct {
		License struct {
			LicenseKey string `json:"licenseKey"`
		} `json:"license"`
	}
	d.record("a subscription is issued", "IssueLogGroup", nil, func() {
		answer := d.send(api.Issue(d.issuer(license.SoldKey)), license.Accounting, subscription(string(licensetest.Token)), nil)
		require.Equal(t, 201, answer.Code, answer.Body.String())
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &issued))
	})
	keys, err := d.store.Keys(context.Background())
	require.NoError(t, err)
	for name, c := range map[string]struct {
		store  *memstore.Store
		counts map[string]int
	}{
		"a license is checked that is on record": {d.store, nil},
		"a license is checked that is not there": {memstore.New(keys...), map[string]int{"SignatureWithoutRecord": 1}},
	} {
		d.record(name, "ValidateLogGroup", c.counts, func() {
			validator := verdict.NewValidator(keyring.New(c.store, d.clock.Now).Lookup, api.Fates(c.store), slog.Default(), d.clock.Now)
			answer := d.send(api.Validate(validator), license.Sales, body{"licenseKey": issued.License.LicenseKey}, nil)
			require.Equal(t, 200, answer.Code, answer.Body.String())
			require.Contains(t, answer.Body.String(), `"loads":true`)
		})
	}
	return d.episodes
}

// signing has KMS refuse every function that signs for a caller.
func signing(t *testing.T) []episode {
	d := newDesk(t)
	renewed, amended, corrected, moved := d.sold("QMSA-BASE-0001"), d.sold("QMSA-BASE-0002"), d.sold("QMSA-BASE-0003"), d.sold("QMSA-BASE-0004")
	d.setKeys(false)
	trial := body{"serverToken": "QMSA-0000-0002", "customer": "Northwind", "purpose": "trial", "modules": body{"qmsSuite": 5}}
	for _, c := range []struct {
		group   string
		handler http.Handler
		role    license.Role
		changes string // the license that it changes, if any
		body    body
	}{
		{"IssueLogGroup", api.Issue(d.issuer(license.SoldKey)), license.Accounting, "", subscription("QMSA-0000-0001")},
		{"IssueTemporaryLogGroup", api.IssueTemporary(d.issuer(license.TemporaryKey)), license.Sales, "", trial},
		{"RenewSubscriptionLogGroup", api.Renew(d.issuer(license.SoldKey)), license.Accounting, renewed, body{"contract": "C-2", "termMonths": 12}},
		{"AmendLogGroup", api.Amend(d.issuer(license.SoldKey)), license.Accounting, amended, body{"modules": body{"qmsSuite": 60}}},
		{"AmendLogGroup", api.Correct(d.issuer(license.SoldKey)), license.Accounting, corrected, body{"customer": "Southwind", "reason": "misspelt"}},
		{"RehostLogGroup", api.Rehost(d.issuer(license.SoldKey)), license.Support, moved, body{"serverToken": "QMSA-0000-0003", "reason": "network-card-replaced"}},
	} {
		d.record("KMS refuses", c.group, map[string]int{"KmsRefused": 1}, func() {
			answer := d.send(c.handler, c.role, c.body, func(r *http.Request) {
				if c.changes != "" {
					r.SetPathValue("id", c.changes)
					r.Header.Set("If-Match", `"1"`)
				}
			})
			require.Equal(t, 503, answer.Code, answer.Body.String())
		})
	}
	return d.episodes
}

// sold issues a subscription for a server and returns its id.
func (d *desk) sold(token string) string {
	d.t.Helper()
	q := licensetest.Subscription()
	q.ServerToken = token
	out, err := d.issuer(license.SoldKey).Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, token), q)
	require.NoError(d.t, err)
	return out.LicenseID
}

// passing has KMS fail in a way that passes: nobody is woken for it.
func passing(t *testing.T) []episode {
	d := newDesk(t)
	require.NoError(t, d.server.Fail(keyIDs[license.SoldKey], "KMSInternalException"))
	d.record("KMS fails for a moment", "IssueLogGroup", nil, func() {
		answer := d.send(api.Issue(d.issuer(license.SoldKey)), license.Accounting, subscription(string(licensetest.Token)), nil)
		require.Equal(t, 503, answer.Code, answer.Body.String())
	})
	return d.episodes
}

// deaf is an index that cannot be read.
type deaf struct{}

func (deaf) Pending(context.Context, time.Time, int) ([]string, error) {
	return nil, errors.New("the table is not reachable")
}

// sweeping sweeps while a license waits, after it is finished, and while the table is not reachable.
func sweeping(t *testing.T) []episode {
	d := newDesk(t)
	d.setKeys(false)
	_, err := d.issuer(license.SoldKey).Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "k"), licensetest.Subscription())
	require.Error(t, err)
	d.clock.Advance(11 * time.Minute)
	both := d.issuer(license.TemporaryKey, license.SoldKey)
	sweep := func(pendings protocol.Pendings, fails bool) func() {
		return func() {
			_, err := api.Sweep(protocol.NewSweeper(both.Writer(), pendings))(context.Background())
			require.Equal(t, fails, err != nil)
		}
	}
	d.record("a license waits", "SweepLogGroup", map[string]int{"KmsRefused": 1, "OldestPendingSeconds": 1}, sweep(d.store, false))
	d.record("nobody knows what waits", "SweepLogGroup", nil, sweep(deaf{}, true))
	d.setKeys(true)
	d.clock.Advance(time.Minute)
	d.record("it is finished", "SweepLogGroup", map[string]int{"OldestPendingSeconds": 1}, sweep(d.store, false))
	return d.episodes
}

// objects is an archive in memory.
type objects map[string]string

func (o objects) Create(_ context.Context, name string, body []byte) error {
	if there, ok := o[name]; ok && there != string(body) {
		return archive.ErrOther
	}
	o[name] = string(body)
	return nil
}

// archiving has the archiver told of an entry that the system wrote: that it is new, again so, then changed and gone.
func archiving(t *testing.T) []episode {
	d := newDesk(t)
	_, err := d.issuer(license.SoldKey).Sold(context.Background(), licensetest.Call(licensetest.AccountingCaller, "k"), licensetest.Subscription())
	require.NoError(t, err)
	e := d.store.Audit(licensetest.Token)[0]
	item := func(text string) json.RawMessage {
		image, err := json.Marshal(body{"pk": body{"S": e.ServerToken}, "sk": body{"N": strconv.Itoa(e.Number)}, "licenseId": body{"S": e.LicenseID},
			"entry": body{"S": text}, "hash": body{"S": e.Hash}})
		require.NoError(t, err)
		return image
	}
	whole, forged := item(string(e.Text)), item("forged")
	archiver, counted := archive.NewArchiver(objects{}), map[string]int{"AuditEntryChanged": 1}
	for _, c := range []struct {
		name   string
		change archive.Change
		counts map[string]int
	}{
		{"an audit entry is new", archive.Change{EventID: "1", After: whole}, nil},
		{"an audit entry is told twice", archive.Change{EventID: "1", After: whole}, nil},
		{"an audit entry was changed", archive.Change{EventID: "2", Before: whole, After: forged}, counted},
		{"an audit entry was removed", archive.Change{EventID: "3", Before: whole}, counted},
		{"an audit entry was written by hand", archive.Change{EventID: "4", After: forged}, counted},
	} {
		d.record(c.name, "ArchiveLogGroup", c.counts, func() {
			require.NoError(t, archiver.Archive(context.Background(), c.change), c.name)
		})
	}
	return d.episodes
}

// accessLog fills the format of the API's access log as API Gateway does: every variable as text.
func accessLog(t *testing.T) []episode {
	api := resourcesOf[struct {
		AccessLogSettings struct {
			Format string `yaml:"Format"`
		} `yaml:"AccessLogSettings"`
	}](t, readStack(t, root), "AWS::Serverless::HttpApi")["LicensingApi"]
	variable := regexp.MustCompile(`\$context\.[A-Za-z.]+`)
	var all []episode
	for _, status := range []int{200, 201, 400, 401, 403, 404, 409, 429, 500, 503} {
		text := variable.ReplaceAllStringFunc(api.AccessLogSettings.Format, func(name string) string {
			switch name {
			case "$context.status":
				return strconv.Itoa(status)
			case "$context.requestId": // may look like anything
				return "401"
			}
			return "-"
		})
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line), text)
		e := episode{name: fmt.Sprint("the API answers ", status), group: "ApiLogGroup", lines: []map[string]any{line}}
		if status == 401 || status == 403 {
			e.counts = map[string]int{"RefusedRequests": 1}
		}
		all = append(all, e)
	}
	return all
}

func TestFilters_CountTheLinesThatTheCodeWritesAndNoOther(t *testing.T) {
	episodes, used := logged(t), map[string]bool{}
	for _, e := range episodes {
		got := map[string]int{}
		for id, f := range filters(t) {
			matches, err := parsePattern(f.FilterPattern)
			require.NoError(t, err, id)
			for _, line := range e.lines {
				if f.LogGroupName == e.group && matches(line) {
					got[f.MetricTransformations[0].MetricName]++
					used[id] = true
				}
			}
		}
		if e.counts == nil {
			e.counts = map[string]int{}
		}
		require.Equal(t, e.counts, got, "%s in %s: %v", e.name, e.group, e.lines)
	}
	for id := range filters(t) {
		require.True(t, used[id], "filter %s counts nothing that is written", id)
	}
}

// The metric's value is either one per line, to be summed, or a member of the line, of which the highest counts.
func TestFilters_TheirValuesFitTheAlarms(t *testing.T) {
	statistic := map[string]string{}
	for _, a := range alarms(t) {
		if a.Namespace == own {
			statistic[a.MetricName] = a.Statistic
		}
	}
	for id, f := range filters(t) {
		m := f.MetricTransformations[0]
		if m.MetricValue == "1" {
			require.Equal(t, "Sum", statistic[m.MetricName], id)
			continue
		}
		require.Equal(t, "Maximum", statistic[m.MetricName], id)
		member := strings.TrimPrefix(m.MetricValue, "$.")
		require.Contains(t, f.FilterPattern, "$."+member+" >= 0", "%s: a line without the value is not counted", id)
	}
}

func TestFilters_ALicenseThatWaitsTooLongIsOverTheThreshold(t *testing.T) {
	a := alarms(t)["LicensePending"]
	threshold, err := strconv.ParseFloat(a.Threshold, 64)
	require.NoError(t, err)
	require.Equal(t, (10 * time.Minute).Seconds(), threshold)
	ages := map[string]float64{}
	for _, e := range sweeping(t) {
		for _, line := range e.lines {
			if line["msg"] == "swept" {
				ages[e.name] = line["oldestPendingSeconds"].(float64)
			}
		}
	}
	require.Equal(t, map[string]float64{"a license waits": 660, "it is finished": 0}, ages)
	require.Equal(t, "GreaterThanThreshold", a.ComparisonOperator)
	require.Greater(t, ages["a license waits"], threshold)
}
