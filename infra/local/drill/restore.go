package drill

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/infra/local/dynamodb"
	"qmslicensing/infra/local/gate"
	"qmslicensing/infra/local/operator"
	"qmslicensing/infra/restore/recovery"
	"qmslicensing/shared/archive"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
)

// restoration is what the drill did and knows.
type restoration struct {
	papers
	kept            []receipt // acknowledged before the export
	lost            []receipt // acknowledged after it
	licenses, audit bytes.Buffer
	told            []recovery.Later
	replayed        recovery.Replayed
	shown           map[string]string // Server Token → what a customer was shown before the export
	revoked         string            // the id of a license that was revoked after the export
	report          recovery.Report
	imported        time.Duration
}

// receipt is a license that was acknowledged, and the request that it answered.
type receipt struct {
	license
	etag    string
	request call
}

// How many licenses are issued; of the later ones one renews a license that the export holds.
const (
	servers     = 12
	lateServers = 3
)

// restore loses both tables after an export, brings the export into new ones, and finds out what was acknowledged after
// it from the archive of audit entries, by the code that operators use.
func restore(ctx context.Context, d *drill) error {
	r := &restoration{}
	for _, step := range []func(context.Context, *restoration) error{
		d.sellBefore, d.ask, d.export, d.sellAfter, d.loseTables, d.bringBack, d.checkRestored, d.checkAnswers, d.goOn, d.takeAgain, d.damageOne,
	} {
		if err := step(ctx, r); err != nil {
			return err
		}
	}
	d.figure("licenses acknowledged before the export", "%d, all there, each verifies", len(r.kept))
	d.figure("licenses acknowledged after it", "%d, all named by the archive", len(r.lost)+len(r.taken))
	d.figure("requests and exceptions that these took", "%d, open again", len(r.taken))
	d.figure("chains, entries", "%d, %d, each chain whole", r.report.Servers, r.report.Entries)
	d.figure("license keys in the tables that verify", "%d", r.report.Verified)
	d.figure("entries confirmed by the archive, put back", "%d, %d", r.replayed.Confirmed, r.replayed.PutBack)
	redone := 0
	for _, l := range r.told {
		if l.Now == recovery.Redone {
			redone++
		}
	}
	d.figure("revocations after the export that are done again", "%d of 1", redone)
	d.figure("import, replay and check took", "%.1f s", r.imported.Seconds())
	return nil
}

func (d *drill) sellBefore(ctx context.Context, r *restoration) error {
	for range servers {
		token := d.api.fresh("QMSA-KEPT")
		if err := d.acknowledge(ctx, &r.kept, d.api.issue(token)); err != nil {
			return err
		}
		if err := d.acknowledge(ctx, &r.kept, d.api.temporary("support", "emergency", token)); err != nil {
			return err
		}
	}
	renewed := r.kept[0]
	if err := d.acknowledge(ctx, &r.kept, d.api.renewal(renewed.ID, renewed.etag)); err != nil {
		return err
	}
	r.shown = map[string]string{}
	for _, kept := range r.kept {
		got, err := d.api.send(ctx, retrieve(kept.ServerToken))
		if err != nil {
			return err
		}
		r.shown[kept.ServerToken] = string(got.body)
	}
	d.step("%d licenses were issued", len(r.kept))
	return nil
}

// acknowledge sends a request and keeps what the answer promises.
func (d *drill) acknowledge(ctx context.Context, into *[]receipt, request call) error {
	var got licensed
	reply, err := d.api.want(ctx, request, 201, &got)
	if err != nil {
		return err
	}
	*into = append(*into, receipt{got.License, reply.header.Get("ETag"), request})
	return nil
}

func (d *drill) tables() *sdk.Client {
	return dynamodb.Client(d.system.DynamoDBEndpoint, gate.AccessKey(operator.Principal))
}

func (d *drill) names() recovery.Names {
	return recovery.Names{Licenses: d.system.TableName("LicenseTable"), Audit: d.system.TableName("AuditTable")}
}

func (d *drill) export(ctx context.Context, r *restoration) error {
	licenses, err := recovery.Export(ctx, d.tables(), d.names().Licenses, &r.licenses)
	if err != nil {
		return err
	}
	entries, err := recovery.Export(ctx, d.tables(), d.names().Audit, &r.audit)
	if err != nil {
		return err
	}
	d.step("the tables are exported: %d items and %d audit entries", licenses, entries)
	return nil
}

// sellAfter issues what the export does not hold, and waits until the archive does.
func (d *drill) sellAfter(ctx context.Context, r *restoration) error {
	for range lateServers {
		if err := d.acknowledge(ctx, &r.lost, d.api.issue(d.api.fresh("QMSA-LATE"))); err != nil {
			return err
		}
	}
	if err := d.acknowledge(ctx, &r.lost, d.api.renewal(r.kept[2].ID, r.kept[2].etag)); err != nil {
		return err
	}
	if err := d.take(ctx, r); err != nil {
		return err
	}
	if err := d.revoke(ctx, r); err != nil {
		return err
	}
	if err := d.awaitArchive(ctx); err != nil {
		return err
	}
	d.step("%d more were issued after the export; the archive holds all their entries", len(r.lost)+len(r.taken))
	return nil
}

// awaitArchive waits until the archive holds every entry of the audit table.
func (d *drill) awaitArchive(ctx context.Context) error {
	var all bytes.Buffer
	entries, err := recovery.Export(ctx, d.tables(), d.names().Audit, &all)
	if err != nil {
		return err
	}
	for limit := time.Now().Add(30 * time.Second); ; {
		archived := 0
		for _, err := range d.archived(ctx) {
			if err != nil {
				return err
			}
			archived++
		}
		if archived == entries {
			return nil
		}
		if time.Now().After(limit) {
			return unmet(fmt.Sprintf("%d entries in the archive within 30 s", entries), "%d", archived)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// revoke takes the last sold license before the renewal back.
func (d *drill) revoke(ctx context.Context, r *restoration) error {
	last := r.kept[2*(servers-1)]
	_, err := d.api.want(ctx, d.api.revocation(last.ID, last.etag), 200, &licensed{})
	r.revoked = last.ID
	delete(r.shown, last.ServerToken)
	return err
}

func (d *drill) archived(ctx context.Context) iter.Seq2[ledger.AuditEntry, error] {
	return archive.Entries(ctx, d.system.Archive(operator.Principal), archive.All)
}

func (d *drill) loseTables(ctx context.Context, r *restoration) error {
	for _, table := range []string{d.names().Licenses, d.names().Audit} {
		if _, err := d.tables().DeleteTable(ctx, &sdk.DeleteTableInput{TableName: aws.String(table)}); err != nil {
			return err
		}
	}
	got, err := d.api.send(ctx, retrieve(r.kept[0].ServerToken))
	if err != nil {
		return err
	}
	if got.status < 500 {
		return unmet("an answer that says it is our fault", "%v", got)
	}
	d.step("both tables are lost; a customer who asks is answered %d", got.status)
	return nil
}

// bringBack starts the system with new tables, as a deployment with a raised TableGeneration does, and restores into them.
func (d *drill) bringBack(ctx context.Context, r *restoration) error {
	old := d.names()
	d.stack.Close()
	return d.start(ctx, map[string]string{"TableGeneration": "2"}, func(ctx context.Context) error {
		begun := time.Now()
		fresh, store := d.names(), d.system.Store(operator.Principal)
		if fresh.Licenses == old.Licenses || fresh.Audit == old.Audit {
			return unmet("new tables", "%v", fresh)
		}
		for table, export := range map[string]*bytes.Buffer{fresh.Licenses: &r.licenses, fresh.Audit: &r.audit} {
			if _, _, err := recovery.Import(ctx, d.tables(), table, export, false); err != nil {
				return err
			}
		}
		var err error
		r.replayed, err = recovery.Replay(ctx, d.tables(), fresh, store, d.archived(ctx), func(l recovery.Later) { r.told = append(r.told, l) })
		if err != nil {
			return err
		}
		r.report, err = d.check(ctx, r)
		r.imported = time.Since(begun)
		return err
	})
}

func (d *drill) check(ctx context.Context, r *restoration) (recovery.Report, error) {
	lost, store := map[string]bool{}, d.system.Store(operator.Principal)
	for _, l := range r.told {
		lost[l.License.ID] = lost[l.License.ID] || l.Now == recovery.Lost
	}
	return recovery.Check(ctx, d.tables(), d.names(), store, keyring.New(store, time.Now).Lookup(ctx), lost)
}

func (d *drill) checkRestored(_ context.Context, r *restoration) error {
	d.step("restored into new tables")
	now := map[string]recovery.Now{}
	for _, l := range r.told {
		if now[l.License.ID] = l.Now; l.Now != recovery.Nothing {
			d.step("%v", l)
		}
	}
	for _, l := range slices.Concat(r.lost, r.taken) {
		if now[l.ID] != recovery.Lost {
			return unmet("license "+l.ID+" named as lost", "%v", r.told)
		}
	}
	if now[r.revoked] != recovery.Redone {
		return unmet("the revocation of license "+r.revoked+" done again", "%v", r.told)
	}
	// Of each license its intent and its issue, the revocation, the conditions and the grant.
	if want := 2*(len(r.lost)+len(r.taken)) + 3; r.replayed.PutBack != want || len(r.told) != want+len(r.taken) {
		return unmet(fmt.Sprintf("%d entries from the archive", want), "%d", r.replayed.PutBack)
	}
	if err := d.checkPapers(r); err != nil {
		return err
	}
	if wrong := slices.Concat(r.replayed.Wrong, r.report.Wrong); len(wrong) > 0 {
		return unmet("nothing wrong", "%s", strings.Join(wrong, "\n"))
	}
	if r.report.Verified != len(r.kept) {
		return unmet(fmt.Sprintf("%d license keys that verify", len(r.kept)), "%d", r.report.Verified)
	}
	return nil
}

// checkAnswers asks for every license as staff and customers do, and repeats every request of before.
func (d *drill) checkAnswers(ctx context.Context, r *restoration) error {
	for _, kept := range r.kept {
		var shown licensed
		if _, err := d.api.want(ctx, call{method: "GET", path: "/v1/licenses/" + kept.ID, as: "accounting"}, 200, &shown); err != nil {
			return err
		}
		if shown.License.LicenseKey != kept.LicenseKey {
			return unmet("the license key that was acknowledged", "another for license %s", kept.ID)
		}
		var verdict struct{ Loads bool }
		if _, err := d.api.want(ctx, validate(kept.LicenseKey), 200, &verdict); err != nil {
			return err
		}
		if !verdict.Loads {
			return unmet("license "+kept.ID+" to load", "that it does not")
		}
		again, err := d.api.send(ctx, kept.request)
		if err != nil {
			return err
		}
		if again.status != 201 || again.header.Get("Idempotency-Replayed") != "true" {
			return unmet("a replay of "+kept.request.String(), "%v", again)
		}
	}
	for token, before := range r.shown {
		got, err := d.api.send(ctx, retrieve(token))
		if err != nil {
			return err
		}
		if string(got.body) != before {
			return unmet("what the customer of "+token+" was shown before", "%v", got)
		}
	}
	return nil
}

// goOn works on with the restored tables: no number is given twice.
func (d *drill) goOn(ctx context.Context, r *restoration) error {
	for _, l := range r.lost {
		var issued licensed
		request := d.api.issue(l.ServerToken)
		if l.Sequence > 1 { // the renewal: its predecessor is what the server has again
			request = d.api.renewal(r.kept[2].ID, r.kept[2].etag)
		}
		if _, err := d.api.want(ctx, request, 201, &issued); err != nil {
			return err
		}
		if issued.License.Sequence <= l.Sequence {
			return unmet(fmt.Sprintf("a number after %d, which the lost license has", l.Sequence), "%d", issued.License.Sequence)
		}
	}
	d.step("the lost licenses were issued again, each under a new number")
	return nil
}

// damageOne changes one license behind everybody's back: a check that finds nothing now would find nothing ever.
func (d *drill) damageOne(ctx context.Context, r *restoration) error {
	_, err := d.tables().UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName: aws.String(d.names().Licenses),
		Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "license#" + r.revoked}, "sk": &types.AttributeValueMemberS{Value: "license"},
		},
		UpdateExpression: aws.String("SET #status = :active"), ExpressionAttributeNames: map[string]string{"#status": "status"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":active": &types.AttributeValueMemberS{Value: "active"}},
	})
	if err != nil {
		return err
	}
	report, err := d.check(ctx, r)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(report.Wrong, func(wrong string) bool { return strings.Contains(wrong, r.revoked) }) {
		return unmet("the license that was changed by hand named", "%v", report.Wrong)
	}
	d.step("a license that was changed by hand is named by the check")
	return nil
}
