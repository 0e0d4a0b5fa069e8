// Package dynamostore keeps licenses in two DynamoDB tables.
//
// The license table, by pk / sk:
//
//	license#<id> / license            a license: what never changes as JSON in body, what changes in attributes
//	server#<token> / server           the server item: both slots and the head of the audit chain
//	idempotency#<key> / idempotency   which license a request made
//	keys / <kid>                      the key table
//	<kind>#<id> / <kind>              a document: a license request, an exception
//	count#<key> / count               a counter, of what a person issued on a day
//
// The sparse index pending (pendingShard, leaseUntil) finds work for the sweep, documents (documentShelf, documentPlace)
// lists documents; the others serve search, see index.go. No decision reads an index. The audit table holds one entry per
// server token and number; entries are put once and never changed.
package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"qmslicensing/shared/license/keyring"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/license/registry"
)

// client is what is used of dynamodb.Client.
type client interface {
	GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Scan(ctx context.Context, in *dynamodb.ScanInput, opts ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	Query(ctx context.Context, in *dynamodb.QueryInput, opts ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, opts ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Store is the two tables.
type Store struct {
	client   client
	licenses string
	audit    string
}

var (
	_ ledger.Store       = (*Store)(nil)
	_ protocol.Pendings  = (*Store)(nil)
	_ ledger.Shelf       = (*Store)(nil)
	_ registry.Store     = (*Store)(nil)
	_ registry.Indexes   = (*Store)(nil)
	_ keyring.Source     = (*Store)(nil)
	_ ledger.ChainReader = (*Store)(nil)
	_ ledger.Scanner     = (*Store)(nil)
)

// New returns a Store of the named tables. A function that only reads has no audit table: "".
func New(client client, licenseTable, auditTable string) *Store {
	return &Store{client, licenseTable, auditTable}
}

// item is one DynamoDB item or key.
type item = map[string]types.AttributeValue

// get reads one item of the license table consistently; nil if there is none.
func (s *Store) get(ctx context.Context, pk, sk string) (item, error) {
	consistent := true
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.licenses, Key: item{"pk": str(pk), "sk": str(sk)}, ConsistentRead: &consistent})
	if err != nil {
		return nil, classify(err)
	}
	return out.Item, nil
}

// conflictRetries bounds how often a transaction is sent again after a TransactionConflict, which the SDK does not retry.
const conflictRetries = 6

// retryConflicts sends a write again while DynamoDB says that another transaction holds an item, with jitter.
func retryConflicts(ctx context.Context, send func() error) error {
	for n := 1; ; n++ {
		err := send()
		if !isTransactionConflict(err) || n == conflictRetries {
			return classify(err)
		}
		select {
		case <-ctx.Done():
			return classify(err)
		case <-time.After(rand.N(time.Duration(n) * 40 * time.Millisecond)):
		}
	}
}

func isTransactionConflict(err error) bool {
	var conflict *types.TransactionConflictException
	if errors.As(err, &conflict) {
		return true
	}
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return false
	}
	found := false
	for _, reason := range canceled.CancellationReasons {
		switch code(reason) {
		case "ConditionalCheckFailed":
			return false
		case "TransactionConflict":
			found = true
		}
	}
	return found
}

func code(r types.CancellationReason) string {
	if r.Code == nil {
		return ""
	}
	return *r.Code
}

// classify turns the SDK's errors into the contract's: a condition that did not hold is ErrConflict, a request that
// DynamoDB refuses is an error of its own, and anything else may have been carried out: ErrUnclear.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var condition *types.ConditionalCheckFailedException
	var canceled *types.TransactionCanceledException
	var inProgress *types.TransactionInProgressException
	var api smithy.APIError
	switch {
	case errors.As(err, &condition):
		return fmt.Errorf("%w: %w", ledger.ErrConflict, err)
	case errors.As(err, &canceled):
		for _, reason := range canceled.CancellationReasons {
			switch code(reason) {
			case "ConditionalCheckFailed", "TransactionConflict":
				return fmt.Errorf("%w: %w", ledger.ErrConflict, err)
			case "ValidationError":
				return err
			}
		}
	case errors.As(err, &inProgress), isTransactionConflict(err):
	case errors.As(err, &api) && refusals[api.ErrorCode()]:
		return err
	}
	return fmt.Errorf("%w: %w", ledger.ErrUnclear, err)
}

// refusals are DynamoDB's errors that mean: nothing was written and trying again does not help.
var refusals = map[string]bool{
	"AccessDeniedException": true, "ValidationException": true, "ResourceNotFoundException": true,
	"UnrecognizedClientException": true, "MissingAuthenticationToken": true, "IncompleteSignature": true,
	"InvalidSignatureException": true, "ItemCollectionSizeLimitExceededException": true,
}
