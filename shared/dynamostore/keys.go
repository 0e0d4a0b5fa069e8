package dynamostore

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/licensekey"
)

// keysPartition is the partition of the key table.
const keysPartition = "keys"

// Keys implements keyring.Source.
func (s *Store) Keys(ctx context.Context) ([]keyring.Entry, error) {
	consistent := true
	out, err := s.client.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.licenses, ConsistentRead: &consistent,
		KeyConditionExpression:    ref("pk = :keys"),
		ExpressionAttributeValues: item{":keys": str(keysPartition)},
	})
	if err != nil {
		return nil, classify(err)
	}
	entries := make([]keyring.Entry, 0, len(out.Items))
	for _, it := range out.Items {
		entry, err := readKey(it)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func readKey(it item) (keyring.Entry, error) {
	in := reader{item: it}
	kid := in.str("sk")
	purpose := license.KeyPurpose(in.str("purpose"))
	der, err := base64.StdEncoding.DecodeString(in.str("publicKey"))
	if err != nil {
		return keyring.Entry{}, fmt.Errorf("reading key %s: %w", kid, err)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return keyring.Entry{}, fmt.Errorf("reading key %s: %w", kid, err)
	}
	public, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return keyring.Entry{}, fmt.Errorf("key %s is not an EC key", kid)
	}
	return keyring.Entry{
		Key:     licensekey.Key{ID: kid, Public: public, Types: keyring.TypesFor(purpose)},
		ARN:     in.str("arn"),
		Purpose: purpose,
		State:   keyring.State(in.str("state")),
		Created: in.instant("createdAt"),
		Since:   in.instant("stateSince"),
	}, in.err
}

// PutKeys adds keys to the table or changes their state, all or none. Only the operator's command may call it.
func (s *Store) PutKeys(ctx context.Context, entries []keyring.Entry) error {
	var writes []types.TransactWriteItem
	for _, entry := range entries {
		der, err := x509.MarshalPKIXPublicKey(entry.Public)
		if err != nil {
			return fmt.Errorf("writing key %s: %w", entry.ID, err)
		}
		it := item{
			"pk": str(keysPartition), "sk": str(entry.ID), "arn": str(entry.ARN), "purpose": str(string(entry.Purpose)),
			"state": str(string(entry.State)), "publicKey": str(base64.StdEncoding.EncodeToString(der)),
		}
		for name, at := range map[string]time.Time{"createdAt": entry.Created, "stateSince": entry.Since} {
			if !at.IsZero() {
				it[name] = instant(at)
			}
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &s.licenses, Item: it}})
	}
	return retryConflicts(ctx, func() error {
		_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		return err
	})
}
