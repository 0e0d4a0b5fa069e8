package dynamostore

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
)

// Entries implements ledger.ChainReader.
func (s *Store) Entries(ctx context.Context, token license.ServerToken, after, limit int) ([]ledger.AuditEntry, error) {
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
