package dynamostore

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/license/ledger"
)

// Document implements ledger.Reader.
func (s *Store) Document(ctx context.Context, kind, id string) (ledger.Document, bool, error) {
	it, err := s.get(ctx, kind+"#"+id, kind)
	if err != nil || it == nil {
		return ledger.Document{}, false, err
	}
	d, err := readDocument(it)
	return d, true, err
}

// Documents implements ledger.Shelf, by the index documents.
func (s *Store) Documents(ctx context.Context, kind, state string, after ledger.Position, limit int) ([]ledger.Document, error) {
	return s.shelved(ctx, kind, state, after, limit, false)
}

// Queue implements ledger.Shelf, by the index documents.
func (s *Store) Queue(ctx context.Context, kind, state string, after ledger.Position, limit int) ([]ledger.Document, error) {
	return s.shelved(ctx, kind, state, after, limit, true)
}

func (s *Store) shelved(ctx context.Context, kind, state string, after ledger.Position, limit int, oldestFirst bool) ([]ledger.Document, error) {
	count, beyond := int32(limit), "<"
	if oldestFirst {
		beyond = ">"
	}
	query := dynamodb.QueryInput{
		TableName: &s.licenses, IndexName: ref("documents"), Limit: &count, ScanIndexForward: &oldestFirst,
		KeyConditionExpression:    ref("documentShelf = :shelf"),
		ExpressionAttributeValues: item{":shelf": str(shelf(kind, state))},
	}
	if after.ID != "" {
		query.KeyConditionExpression = ref("documentShelf = :shelf AND documentPlace " + beyond + " :after")
		query.ExpressionAttributeValues[":after"] = str(place(after))
	}
	var found []ledger.Document
	for {
		out, err := s.client.Query(ctx, &query)
		if err != nil {
			return nil, fmt.Errorf("listing documents %s: %w", shelf(kind, state), classify(err))
		}
		for _, it := range out.Items {
			d, err := readDocument(it)
			if err != nil {
				return nil, err
			}
			found = append(found, d)
		}
		if query.ExclusiveStartKey = out.LastEvaluatedKey; query.ExclusiveStartKey == nil || len(found) >= limit {
			return found[:min(limit, len(found))], nil
		}
	}
}

// Count implements ledger.Reader.
func (s *Store) Count(ctx context.Context, key string) (int, error) {
	it, err := s.get(ctx, "count#"+key, "count")
	if err != nil {
		return 0, fmt.Errorf("reading a count: %w", err)
	}
	in := reader{item: it}
	return in.num("count"), in.err
}

// count adds to a counter. Count is a reserved word.
func (s *Store) count(n ledger.Count) *types.Update {
	update := &types.Update{
		TableName: &s.licenses, Key: item{"pk": str("count#" + n.Key), "sk": str("count")},
		UpdateExpression:         ref("ADD #count :add"),
		ExpressionAttributeNames: map[string]string{"#count": "count"}, ExpressionAttributeValues: item{":add": num(n.Add)},
	}
	if n.Add > 0 {
		update.ConditionExpression = ref("attribute_not_exists(#count) OR #count < :limit")
		update.ExpressionAttributeValues[":limit"] = num(n.Limit)
	}
	return update
}

func shelf(kind, state string) string { return kind + "#" + state }

// place sorts documents by the instant they were made.
func place(p ledger.Position) string { return p.At.UTC().Format(instantLayout) + "#" + p.ID }

// documentItem writes a document. One without a state stands in no list.
func documentItem(d ledger.Document) item {
	it := item{"pk": str(d.Kind + "#" + d.ID), "sk": str(d.Kind), "version": num(d.Version), "state": str(d.State), "at": instant(d.At), "body": str(string(d.Body))}
	if d.State != "" {
		it["documentShelf"], it["documentPlace"] = str(shelf(d.Kind, d.State)), str(place(ledger.Position{At: d.At, ID: d.ID}))
	}
	return it
}

func readDocument(it item) (ledger.Document, error) {
	in := reader{item: it}
	kind := in.str("sk")
	d := ledger.Document{
		Kind: kind, ID: strings.TrimPrefix(in.str("pk"), kind+"#"), Version: in.num("version"), State: in.str("state"),
		At: in.instant("at"), Body: []byte(in.str("body")),
	}
	if in.err != nil {
		return d, fmt.Errorf("reading document %s: %w", in.str("pk"), in.err)
	}
	return d, nil
}
