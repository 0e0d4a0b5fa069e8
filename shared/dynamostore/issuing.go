package dynamostore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Server implements ledger.Store.
func (s *Store) Server(ctx context.Context, token license.ServerToken) (ledger.Server, error) {
	it, err := s.get(ctx, "server#"+string(token), "server")
	if err != nil {
		return ledger.Server{}, fmt.Errorf("reading server %s: %w", token.Tail(), err)
	}
	if it == nil {
		return ledger.Server{Token: token}, nil
	}
	return readServer(it)
}

// Record implements ledger.Store.
func (s *Store) Record(ctx context.Context, id string) (ledger.Record, error) {
	it, err := s.get(ctx, "license#"+id, "license")
	if err != nil {
		return ledger.Record{}, fmt.Errorf("reading license %s: %w", id, err)
	}
	if it == nil {
		return ledger.Record{}, license.NotFound()
	}
	return readRecord(it)
}

// Idempotency implements ledger.Store.
func (s *Store) Idempotency(ctx context.Context, key string) (ledger.IdempotencyRecord, bool, error) {
	it, err := s.get(ctx, "idempotency#"+key, "idempotency")
	if err != nil || it == nil {
		return ledger.IdempotencyRecord{}, false, err
	}
	var r ledger.IdempotencyRecord
	in := reader{item: it}
	in.json("body", &r)
	return r, true, in.err
}

// Commit implements ledger.Store: one TransactWriteItems.
func (s *Store) Commit(ctx context.Context, c ledger.Commit) error {
	return s.commit(ctx, c, func(ledger.AuditEntry) bool { return true })
}

// commit puts the audit entries that are wanted.
func (s *Store) commit(ctx context.Context, c ledger.Commit, wanted func(ledger.AuditEntry) bool) error {
	writes, err := s.transaction(c, wanted)
	if err != nil {
		return err
	}
	return retryConflicts(ctx, func() error {
		_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	})
}

func (s *Store) transaction(c ledger.Commit, wanted func(ledger.AuditEntry) bool) ([]types.TransactWriteItem, error) {
	var writes []types.TransactWriteItem
	put := func(p *types.Put) { writes = append(writes, types.TransactWriteItem{Put: p}) }
	for _, chain := range c.Chains {
		server, err := serverItem(chain.Server)
		if err != nil {
			return nil, err
		}
		put(s.putAfter(server, "chainLength", chain.Before))
		if wanted(chain.Audit) {
			put(s.putNew(s.audit, auditItem(chain.Audit)))
		}
	}
	if c.Idempotency != nil {
		body, err := json.Marshal(c.Idempotency)
		if err != nil {
			return nil, err
		}
		put(s.putNew(s.licenses, item{"pk": str("idempotency#" + c.Idempotency.Key), "sk": str("idempotency"), "body": str(string(body))}))
	}
	if c.New != nil {
		record, err := recordItem(*c.New)
		if err != nil {
			return nil, err
		}
		put(s.putNew(s.licenses, record))
	}
	for _, d := range c.Documents {
		put(s.putAfter(documentItem(d), "version", d.Version-1))
	}
	for _, u := range c.Updates {
		writes = append(writes, types.TransactWriteItem{Update: s.update(u)})
	}
	for _, n := range c.Counts {
		writes = append(writes, types.TransactWriteItem{Update: s.count(n)})
	}
	return writes, nil
}

// putAfter puts an item of the license table on condition that a number of the stored one is n; 0: it is not there.
func (s *Store) putAfter(it item, number string, n int) *types.Put {
	put := s.putNew(s.licenses, it)
	if n > 0 {
		put.ConditionExpression = ref("#number = :before")
		put.ExpressionAttributeNames = map[string]string{"#number": number}
		put.ExpressionAttributeValues = item{":before": num(n)}
	}
	return put
}

func auditItem(e ledger.AuditEntry) item {
	return item{
		"pk": str(string(e.ServerToken)), "sk": num(e.Number), "licenseId": str(e.LicenseID), "entry": str(string(e.Text)), "hash": str(e.Hash),
	}
}

// CommitAudited is Commit where the audit entries are in their table already. It is for operators, after a restore: no
// function writes without its audit entry.
func (s *Store) CommitAudited(ctx context.Context, c ledger.Commit) error {
	return s.commit(ctx, c, func(ledger.AuditEntry) bool { return false })
}

// PutAudit puts an audit entry alone, where the tables were restored apart. It is for operators, too.
func (s *Store) PutAudit(ctx context.Context, e ledger.AuditEntry) error {
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Put: s.putNew(s.audit, auditItem(e))}}})
	if err != nil {
		return fmt.Errorf("putting audit entry %d of server %s: %w", e.Number, e.ServerToken.Tail(), err)
	}
	return nil
}

// putNew puts an item on condition that it is not there.
func (s *Store) putNew(table string, it item) *types.Put {
	return &types.Put{TableName: &table, Item: it, ConditionExpression: ref("attribute_not_exists(pk)")}
}

func ref(s string) *string { return &s }

// update writes an ledger.Update as an expression. Status is a reserved word.
func (s *Store) update(u ledger.Update) *types.Update {
	condition := "#status = :ifStatus"
	set := []string{"#status = :status"}
	values := item{":ifStatus": str(string(u.IfStatus)), ":status": str(string(u.Status))}
	assign := func(name string, value types.AttributeValue) {
		set = append(set, name+" = :"+name)
		values[":"+name] = value
	}
	if u.IfVersion != 0 {
		condition += " AND version = :ifVersion"
		values[":ifVersion"] = num(u.IfVersion)
	}
	if u.AddVersion != 0 {
		set = append(set, "version = version + :addVersion")
		values[":addVersion"] = num(u.AddVersion)
	}
	if u.SupersededBy != "" {
		assign("supersededBy", str(string(u.SupersededBy)))
	}
	if u.LastChange != nil {
		assign("lastChangeBy", str(u.LastChange.By))
		assign("lastChangeAt", instant(u.LastChange.At))
		assign("lastChangeWhat", str(u.LastChange.What))
	}
	if u.VoidReason != "" {
		assign("voidReason", str(u.VoidReason))
	}
	if u.Signed != nil {
		assign("licenseKey", str(string(u.Signed.LicenseKey)))
		assign("kmsRequestId", str(u.Signed.KMSRequestID))
		assign("supersedes", str(string(u.Signed.Supersedes)))
		assign("answer", str(string(u.Signed.Answer)))
	}
	var remove []string
	if u.Status == license.Active { // it enters the index of licenses that expire, or leaves it
		assign("expiringShard", str(findShard(u.ID)))
	} else {
		remove = append(remove, "expiringShard")
	}
	if u.IfStatus == license.Pending { // it leaves the index of pending licenses
		remove = append(remove, "pendingShard", "refusedSince")
	}
	expression := "SET " + strings.Join(set, ", ")
	if len(remove) > 0 {
		expression += " REMOVE " + strings.Join(remove, ", ")
	}
	return &types.Update{
		TableName: &s.licenses, Key: item{"pk": str("license#" + u.ID), "sk": str("license")},
		ConditionExpression: &condition, UpdateExpression: &expression,
		ExpressionAttributeNames: map[string]string{"#status": "status"}, ExpressionAttributeValues: values,
	}
}

// Touch implements ledger.Store.
func (s *Store) Touch(ctx context.Context, id string, t ledger.Touch) (ledger.Record, error) {
	condition := "#status = :pending"
	values := item{":pending": str(string(license.Pending))}
	var set []string
	if !t.LeaseUntil.IsZero() {
		condition += " AND leaseUntil <= :now"
		set = append(set, "leaseUntil = :until", "attempts = attempts + :one")
		values[":now"], values[":until"], values[":one"] = instant(t.Now), instant(t.LeaseUntil), num(1)
	}
	if !t.RefusedSince.IsZero() {
		set = append(set, "refusedSince = if_not_exists(refusedSince, :refused)")
		values[":refused"] = instant(t.RefusedSince)
	}
	expression := "REMOVE refusedSince"
	if len(set) > 0 {
		expression = "SET " + strings.Join(set, ", ")
	}
	var out *dynamodb.UpdateItemOutput
	err := retryConflicts(ctx, func() (err error) {
		out, err = s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.licenses, Key: item{"pk": str("license#" + id), "sk": str("license")},
			ConditionExpression: &condition, UpdateExpression: &expression,
			ExpressionAttributeNames: map[string]string{"#status": "status"}, ExpressionAttributeValues: values,
			ReturnValues: types.ReturnValueAllNew,
		})
		return err
	})
	if errors.Is(err, ledger.ErrConflict) {
		return ledger.Record{}, err
	}
	if err != nil {
		return ledger.Record{}, fmt.Errorf("touching license %s: %w", id, err)
	}
	return readRecord(out.Attributes)
}

// Pending implements protocol.Pendings, by the index pending.
func (s *Store) Pending(ctx context.Context, leaseOver time.Time, limit int) ([]string, error) {
	count := int32(limit)
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.licenses, IndexName: ref("pending"), Limit: &count,
		KeyConditionExpression:    ref("pendingShard = :shard AND leaseUntil <= :now"),
		ExpressionAttributeValues: item{":shard": str(pendingShard), ":now": instant(leaseOver)},
	})
	if err != nil {
		return nil, fmt.Errorf("finding pending licenses: %w", classify(err))
	}
	var found []string
	for _, it := range out.Items {
		in := reader{item: it}
		found = append(found, strings.TrimPrefix(in.str("pk"), "license#"))
	}
	return found, nil
}
