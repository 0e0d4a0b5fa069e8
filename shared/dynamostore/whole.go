package dynamostore

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// AuditEntries implements ledger.ChainReader.
func (s *Store) AuditEntries(ctx context.Context, token license.ServerToken, after, limit int) ([]ledger.AuditEntry, error) {
	consistent := true
	var found []ledger.AuditEntry
	query := dynamodb.QueryInput{
		TableName: &s.audit, ConsistentRead: &consistent,
		KeyConditionExpression:    ref("pk = :token AND sk > :after"),
		ExpressionAttributeValues: item{":token": str(string(token)), ":after": num(after)},
	}
	for { // DynamoDB ends a page at 1 MB, whatever the limit
		count := int32(limit - len(found))
		query.Limit = &count
		out, err := s.client.Query(ctx, &query)
		if err != nil {
			return nil, fmt.Errorf("reading the audit chain of server %s: %w", token.Tail(), classify(err))
		}
		for _, it := range out.Items {
			e, err := readAudit(it)
			if err != nil {
				return nil, err
			}
			found = append(found, e)
		}
		if query.ExclusiveStartKey = out.LastEvaluatedKey; query.ExclusiveStartKey == nil || len(found) >= limit {
			return found, nil
		}
	}
}

func readAudit(it item) (ledger.AuditEntry, error) {
	in := reader{item: it}
	e := ledger.AuditEntry{
		ServerToken: license.ServerToken(in.str("pk")), Number: in.num("sk"), LicenseID: in.str("licenseId"), Text: []byte(in.str("entry")), Hash: in.str("hash"),
	}
	if in.err != nil {
		return e, fmt.Errorf("reading audit entry %d of server %s: %w", e.Number, e.ServerToken.Tail(), in.err)
	}
	return e, nil
}

// Scan implements ledger.Scanner. The place is the key of the last item, pk and sk.
func (s *Store) Scan(ctx context.Context, after string, limit int) (ledger.Batch, error) {
	count := int32(limit)
	scan := dynamodb.ScanInput{TableName: &s.licenses, Limit: &count}
	if pk, sk, ok := strings.Cut(after, "\n"); ok {
		scan.ExclusiveStartKey = item{"pk": str(pk), "sk": str(sk)}
	}
	out, err := s.client.Scan(ctx, &scan)
	if err != nil {
		return ledger.Batch{}, fmt.Errorf("scanning the table of licenses: %w", classify(err))
	}
	var b ledger.Batch
	for _, it := range out.Items {
		whole := b
		if err := file(&b, it); err != nil {
			b = whole
			in := reader{item: it}
			b.Unreadable = append(b.Unreadable, ledger.Unreadable{Item: in.str("pk"), Why: err.Error()})
		}
	}
	if last := (reader{item: out.LastEvaluatedKey}); last.item != nil {
		b.Next = last.str("pk") + "\n" + last.str("sk")
	}
	return b, nil
}

// file puts an item where it belongs. Keys and counters belong nowhere.
func file(b *ledger.Batch, it item) (err error) {
	in := reader{item: it}
	switch kind := in.str("sk"); {
	case in.str("pk") == keysPartition, kind == "count":
	case kind == "license":
		var r ledger.Record
		r, err = readRecord(it)
		b.Licenses = append(b.Licenses, r)
	case kind == "server":
		var server ledger.Server
		server, err = readServer(it)
		b.Servers = append(b.Servers, server)
	case kind == "idempotency":
		var r ledger.IdempotencyRecord
		in.json("body", &r)
		b.Idempotency, err = append(b.Idempotency, r), in.err
	default:
		var d ledger.Document
		d, err = readDocument(it)
		b.Documents = append(b.Documents, d)
	}
	return err
}
