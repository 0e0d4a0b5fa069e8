package dynamostore

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/license"
)

// License implements registry.Store.
func (s *Store) License(ctx context.Context, id string) (license.License, license.Date, error) {
	record, err := s.Record(ctx, id)
	return record.License, license.Today(record.LastChange.At), err
}

// currentReads bounds how often Current reads again because a license changed between its reads.
const currentReads = 8

// Current implements registry.Store. A license that is current is stored active; one that is not was replaced between
// the read of the server item and its own, so both are read again.
func (s *Store) Current(ctx context.Context, token license.ServerToken) ([]license.License, error) {
	for range currentReads {
		current, err := s.readCurrent(ctx, token)
		if err != nil || !slices.ContainsFunc(current, func(l license.License) bool { return l.Status != license.Active }) {
			return current, err
		}
	}
	return nil, fmt.Errorf("the licenses of server %s change too fast to be read: %w", token.Tail(), license.ErrUnclear)
}

func (s *Store) readCurrent(ctx context.Context, token license.ServerToken) ([]license.License, error) {
	server, err := s.Server(ctx, token)
	if err != nil {
		return nil, err
	}
	var current []license.License
	for _, id := range []string{server.Base.Current, server.Temporary.Current} {
		if id == "" {
			continue
		}
		record, err := s.Record(ctx, id)
		if err != nil {
			return nil, err
		}
		current = append(current, record.License)
	}
	return current, nil
}

// ByServer implements registry.Store, by the index byServer.
func (s *Store) ByServer(ctx context.Context, token license.ServerToken, below, limit int) ([]license.License, error) {
	newestFirst := false
	found := make([]license.License, 0, limit)
	var start item
	for { // DynamoDB ends a page at 1 MB, whatever the limit
		count := int32(limit - len(found))
		out, err := s.client.Query(ctx, &dynamodb.QueryInput{
			TableName: &s.licenses, IndexName: ref("byServer"), Limit: &count, ScanIndexForward: &newestFirst, ExclusiveStartKey: start,
			KeyConditionExpression:    ref("serverToken = :token AND #sequence < :below"),
			ExpressionAttributeNames:  map[string]string{"#sequence": "sequence"},
			ExpressionAttributeValues: item{":token": str(string(token)), ":below": num(below)},
		})
		if err != nil {
			return nil, fmt.Errorf("finding the licenses of server %s: %w", token.Tail(), classify(err))
		}
		for _, it := range out.Items {
			record, err := readRecord(it)
			if err != nil {
				return nil, err
			}
			found = append(found, record.License)
		}
		if start = out.LastEvaluatedKey; start == nil || len(found) >= limit {
			return found, nil
		}
	}
}
