package dynamostore

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/registry"
)

// findShards is how many partitions the indexes have that are one order over all licenses: a partition takes 1,000 writes
// a second. Fewer make what is stored unfindable; more leave the old ones where they are.
const findShards = 4

// findShard returns the shard of a license.
func findShard(id string) string {
	hash := fnv.New32a()
	hash.Write([]byte(id))
	return strconv.Itoa(int(hash.Sum32() % findShards))
}

// indexKeys are the attributes that the indexes go by. Of a license that lacks one of the two, an index knows nothing:
// byContract without a contract; byExpiration without a date, or not active. Every index projects what queries filter by and
// no more (template.yaml), less than 1 KB: 1 write unit for a new license, 1 when its status or last event changes.
var indexKeys = map[registry.Index]struct {
	hash, sort string
	sharded    bool
}{
	registry.ByServer:     {"serverToken", "sequence", false},
	registry.ByContract:   {"contractKey", "issuedKey", false},
	registry.ByCustomer:   {"findShard", "customerKey", true},
	registry.ByExpiration: {"expiringShard", "expiringKey", true},
	registry.ByIssue:      {"findShard", "issuedKey", true},
}

// indexAttributes are what a new license has for the indexes. Only expiringShard changes later (update).
func indexAttributes(r ledger.Record) item {
	e := registry.EntryOf(r)
	it := item{
		"findShard": str(findShard(r.ID)), "licenseType": str(string(e.Type)), "issuedBy": str(e.IssuedBy),
		"issuedKey": str(e.IssuedKey), "customerKey": str(e.CustomerKey),
	}
	for name, value := range map[string]string{"purpose": string(e.Purpose), "contractKey": e.ContractKey, "expiringKey": e.ExpiringKey} {
		if value != "" {
			it[name] = str(value)
		}
	}
	if e.Status == license.Active {
		it["expiringShard"] = str(findShard(r.ID))
	}
	return it
}

// indexed are all attributes that an index goes by or projects, but for those that a license has without any index.
var indexed = []string{
	"findShard", "licenseType", "issuedBy", "issuedKey", "customerKey", "purpose", "contractKey", "expiringKey", "expiringShard",
	"pendingShard", "documentShelf", "documentPlace",
}

// Reindexed returns an item of the table of licenses with the attributes that this version's indexes go by, whatever version
// has written it: for a copy into a new table. Items that stand in no index stay as they are.
func Reindexed(it map[string]types.AttributeValue) (map[string]types.AttributeValue, error) {
	var b ledger.Batch
	if err := file(&b, it); err != nil {
		return nil, err
	}
	fresh := item{}
	switch {
	case len(b.Licenses) == 1:
		fresh = indexAttributes(b.Licenses[0])
		fresh["serverToken"], fresh["sequence"] = str(string(b.Licenses[0].ServerToken)), num(b.Licenses[0].Sequence)
		if b.Licenses[0].Status == license.Pending {
			fresh["pendingShard"] = str(pendingShard)
		}
	case len(b.Documents) == 1:
		written := documentItem(b.Documents[0])
		for _, name := range []string{"documentShelf", "documentPlace"} {
			if written[name] != nil {
				fresh[name] = written[name]
			}
		}
	default:
		return it, nil
	}
	copied := maps.Clone(it)
	for _, name := range indexed {
		delete(copied, name)
	}
	maps.Copy(copied, fresh)
	return copied, nil
}

func readEntry(it item) (registry.Entry, error) {
	in := reader{item: it}
	return registry.Entry{
		ID: strings.TrimPrefix(in.str("pk"), "license#"), ServerToken: license.ServerToken(in.str("serverToken")), Sequence: in.num("sequence"),
		Type: license.Type(in.str("licenseType")), Purpose: license.Purpose(in.str("purpose")), Status: license.Status(in.str("status")),
		IssuedBy: in.str("issuedBy"), LastEvent: in.str("lastChangeWhat"), IssuedKey: in.str("issuedKey"),
		CustomerKey: in.str("customerKey"), ContractKey: in.str("contractKey"), ExpiringKey: in.str("expiringKey"),
	}, in.err
}

// partitions returns the values of the hash key that a span is spread over.
func partitions(span registry.Span) []string {
	if !indexKeys[span.Index].sharded {
		return []string{span.Partition}
	}
	return shards()
}

func shards() []string {
	all := make([]string, findShards)
	for n := range all {
		all[n] = strconv.Itoa(n)
	}
	return all
}

// query makes the Query of a span in one partition.
func (s *Store) query(span registry.Span, partition string) (*dynamodb.QueryInput, error) {
	keys := indexKeys[span.Index]
	rising := !span.Falling
	in := &dynamodb.QueryInput{
		TableName: &s.licenses, IndexName: ref(string(span.Index)), ScanIndexForward: &rising,
		KeyConditionExpression:    ref("#hash = :hash"),
		ExpressionAttributeNames:  map[string]string{"#hash": keys.hash},
		ExpressionAttributeValues: item{":hash": str(partition)},
	}
	if span.Low == "" && span.High == "" {
		return in, nil
	}
	in.ExpressionAttributeNames["#sort"] = keys.sort
	for name, position := range map[string]string{":low": span.Low, ":high": span.High} {
		switch {
		case position == "":
		case keys.sort == "sequence":
			n, err := strconv.Atoi(position)
			if err != nil {
				return nil, fmt.Errorf("position %q of index %s: %w", position, span.Index, err)
			}
			in.ExpressionAttributeValues[name] = num(n)
		default:
			in.ExpressionAttributeValues[name] = str(position)
		}
	}
	switch {
	case span.High == "":
		*in.KeyConditionExpression += " AND #sort >= :low"
	case span.Low == "":
		*in.KeyConditionExpression += " AND #sort < :high"
	default: // takes the one at :high in, which read drops
		*in.KeyConditionExpression += " AND #sort BETWEEN :low AND :high"
	}
	return in, nil
}

// stream is the entries of one partition in their order, read a part at a time.
type stream struct {
	partition string
	entries   []registry.Entry
	start     item // where to read on
	ended     bool
}

// read reads the next part of a stream that is used up, at least one entry unless there are no more.
func (s *Store) read(ctx context.Context, span registry.Span, from *stream, count int) error {
	for len(from.entries) == 0 && !from.ended {
		in, err := s.query(span, from.partition)
		if err != nil {
			return err
		}
		limit := int32(count)
		in.Limit, in.ExclusiveStartKey = &limit, from.start
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return fmt.Errorf("reading index %s: %w", span.Index, classify(err))
		}
		from.start, from.ended = out.LastEvaluatedKey, out.LastEvaluatedKey == nil
		for _, it := range out.Items {
			entry, err := readEntry(it)
			if err != nil {
				return fmt.Errorf("reading index %s: %w", span.Index, err)
			}
			if span.High == "" || entry.Position(span.Index) < span.High {
				from.entries = append(from.entries, entry)
			}
		}
	}
	return nil
}

// Entries implements registry.Indexes: the partitions are read at once and merged.
func (s *Store) Entries(ctx context.Context, span registry.Span, limit int) ([]registry.Entry, error) {
	if span.Empty() {
		return nil, nil
	}
	var streams []*stream
	for _, partition := range partitions(span) {
		streams = append(streams, &stream{partition: partition})
	}
	// Ids fall into the shards evenly: two deviations more than a shard's part, and few of them need a second read.
	part := float64(limit) / float64(len(streams))
	count := min(limit, int(math.Ceil(part+2*math.Sqrt(part))))
	err := atOnce(len(streams), func(n int) error { return s.read(ctx, span, streams[n], count) })
	if err != nil {
		return nil, err
	}
	merged := make([]registry.Entry, 0, limit)
	for len(merged) < limit {
		var next *stream
		for _, candidate := range streams {
			if err := s.read(ctx, span, candidate, count); err != nil {
				return nil, err
			}
			if len(candidate.entries) > 0 && (next == nil || comesBefore(span, candidate.entries[0], next.entries[0])) {
				next = candidate
			}
		}
		if next == nil {
			break
		}
		merged, next.entries = append(merged, next.entries[0]), next.entries[1:]
	}
	return merged, nil
}

func comesBefore(span registry.Span, a, b registry.Entry) bool {
	if span.Falling {
		a, b = b, a
	}
	return a.Position(span.Index) < b.Position(span.Index)
}

// atOnce runs a function for 0 to n-1 at the same time and joins what went wrong.
func atOnce(n int, do func(int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// DynamoDB's bounds: keys in a BatchGetItem; and ours: how often what it left over is asked for again.
const (
	batchKeys  = 100
	batchTries = 5
)

// Records implements registry.Indexes.
func (s *Store) Records(ctx context.Context, ids []string) ([]ledger.Record, error) {
	byID := make(map[string]ledger.Record, len(ids))
	for start := 0; start < len(ids); start += batchKeys {
		if err := s.batch(ctx, ids[start:min(start+batchKeys, len(ids))], byID); err != nil {
			return nil, fmt.Errorf("reading %d licenses: %w", len(ids), err)
		}
	}
	records := make([]ledger.Record, 0, len(ids))
	for _, id := range ids {
		if r, ok := byID[id]; ok {
			records = append(records, r)
		}
	}
	return records, nil
}

func (s *Store) batch(ctx context.Context, ids []string, into map[string]ledger.Record) error {
	consistent := true
	keys := types.KeysAndAttributes{ConsistentRead: &consistent}
	for _, id := range ids {
		keys.Keys = append(keys.Keys, item{"pk": str("license#" + id), "sk": str("license")})
	}
	request := map[string]types.KeysAndAttributes{s.licenses: keys}
	for try := 1; len(request) > 0; try++ {
		out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: request})
		if err != nil {
			return classify(err)
		}
		for _, it := range out.Responses[s.licenses] {
			record, err := readRecord(it)
			if err != nil {
				return err
			}
			into[record.ID] = record
		}
		if request = out.UnprocessedKeys; len(request) == 0 {
			break
		}
		if try == batchTries {
			return fmt.Errorf("%w: it leaves over what it is asked for", ledger.ErrUnclear)
		}
		select {
		case <-ctx.Done():
			return classify(ctx.Err())
		case <-time.After(time.Duration(try) * 50 * time.Millisecond):
		}
	}
	return nil
}

// CountExpiring implements registry.Indexes: one COUNT a shard gives both numbers, what it has scanned and what of that are
// subscriptions.
func (s *Store) CountExpiring(ctx context.Context, from, to license.Date) (registry.Expiring, error) {
	span := registry.Span{Index: registry.ByExpiration, Low: from.String(), High: to.AddDays(1).String()}
	if span.Empty() {
		return registry.Expiring{}, nil
	}
	all := shards()
	counts := make([]registry.Expiring, len(all))
	err := atOnce(len(all), func(n int) error { return s.countShard(ctx, span, all[n], &counts[n]) })
	var sum registry.Expiring
	for _, c := range counts {
		sum.Subscriptions += c.Subscriptions
		sum.Temporary += c.Temporary
	}
	return sum, err
}

func (s *Store) countShard(ctx context.Context, span registry.Span, shard string, into *registry.Expiring) error {
	in, err := s.query(span, shard)
	if err != nil {
		return err
	}
	in.Select = types.SelectCount
	in.FilterExpression = ref("licenseType = :subscription")
	in.ExpressionAttributeValues[":subscription"] = str(string(license.Subscription))
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return fmt.Errorf("counting in index %s: %w", span.Index, classify(err))
		}
		into.Subscriptions += int(out.Count)
		into.Temporary += int(out.ScannedCount - out.Count)
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return nil
		}
	}
}
