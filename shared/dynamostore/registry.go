package dynamostore

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"qmslicensing/shared/license"
)

// License implements registry.Store.
func (s *Store) License(ctx context.Context, id string) (license.License, license.Date, error) {
	record, err := s.Record(ctx, id)
	return record.License, license.Today(record.LastChange.At), err
}

// Current implements registry.Store.
func (s *Store) Current(ctx context.Context, token license.ServerToken) ([]license.License, error) {
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
	count, newestFirst := int32(limit), false
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.licenses, IndexName: ref("byServer"), Limit: &count, ScanIndexForward: &newestFirst,
		KeyConditionExpression:    ref("serverToken = :token AND #sequence < :below"),
		ExpressionAttributeNames:  map[string]string{"#sequence": "sequence"},
		ExpressionAttributeValues: item{":token": str(string(token)), ":below": num(below)},
	})
	if err != nil {
		return nil, fmt.Errorf("finding the licenses of server %s: %w", token.Tail(), classify(err))
	}
	found := make([]license.License, 0, len(out.Items))
	for _, it := range out.Items {
		record, err := readRecord(it)
		if err != nil {
			return nil, err
		}
		found = append(found, record.License)
	}
	return found, nil
}
