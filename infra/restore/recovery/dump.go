// Package recovery takes restored tables into use and tells what was lost. The steps are Import what was exported or
// recovered into new tables, Replay what the archive of audit entries knows beyond it, Check the whole. It is the
// operator's part: no function reaches it.
package recovery

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"qmslicensing/shared/dynamostore"
)

// Tables is what is used of dynamodb.Client.
type Tables interface {
	Scan(ctx context.Context, in *dynamodb.ScanInput, opts ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	PutItem(ctx context.Context, in *dynamodb.PutItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// item is one item of a table; line is how an export writes it, AWS's own exports to S3 too.
// The last line of ours tells how many there are, so that an export which broke off is known as one.
type (
	item = map[string]types.AttributeValue
	line struct {
		Item  json.RawMessage `json:",omitempty"`
		Count *int            `json:",omitempty"`
	}
)

// Export writes every item of a table, one a line, and returns how many. Nothing may write to the table meanwhile, or
// the export is of no one instant.
func Export(ctx context.Context, tables Tables, table string, w io.Writer) (int, error) {
	out, written := bufio.NewWriter(w), 0
	err := scan(ctx, tables, table, func(it item) error {
		text, err := attributevalue.MarshalMapJSON(it)
		if err != nil {
			return err
		}
		written++
		return json.NewEncoder(out).Encode(line{Item: text})
	})
	if err == nil {
		err = json.NewEncoder(out).Encode(line{Count: &written})
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return written, fmt.Errorf("exporting table %s: %w", table, err)
	}
	return written, nil
}

// Import puts the exported items into a table and returns how many it put and how many were there already, the same. An
// item that is there and differs stops it: the table is in use, or another's. Running it again goes on. The export must
// end with its count, unless it is one that AWS made, which has none. What the indexes go by is written anew as this version
// writes it, since the export may be an older one's.
func Import(ctx context.Context, tables Tables, table string, r io.Reader, madeByAWS bool) (put, same int, err error) {
	there := map[string][]byte{}
	err = scan(ctx, tables, table, func(it item) error {
		text, err := attributevalue.MarshalMapJSON(it)
		there[keyOf(it)] = text
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("reading table %s: %w", table, err)
	}
	counted := madeByAWS
	for decoder := json.NewDecoder(r); ; {
		var l line
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) && counted {
			return put, same, nil
		} else if errors.Is(err, io.EOF) {
			return put, same, fmt.Errorf("the export breaks off after %d items: its last line, the count, is missing. Export again, and run this again", put+same)
		} else if err != nil {
			return put, same, fmt.Errorf("reading the export after %d items: %w", put+same, err)
		}
		if l.Count != nil && *l.Count != put+same {
			return put, same, fmt.Errorf("the export says that it has %d items and has %d. Export again, and run this again", *l.Count, put+same)
		}
		if counted = counted || l.Count != nil; l.Count != nil {
			continue
		}
		it, err := attributevalue.UnmarshalMapJSON(l.Item)
		if err != nil || it["pk"] == nil || it["sk"] == nil {
			return put, same, fmt.Errorf("reading the export after %d items: it holds no item of such a table: %.80s", put+same, l.Item)
		}
		it = reindexed(it)
		if text, found := there[keyOf(it)]; found {
			if wanted, err := attributevalue.MarshalMapJSON(it); err != nil || !equal(text, wanted) {
				return put, same, fmt.Errorf("table %s holds another item of the key %s: import into the new, empty table, before it is used", table, keyOf(it))
			}
			same++
			continue
		}
		_, err = tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)")})
		if err != nil {
			return put, same, fmt.Errorf("putting item %s into table %s: %w", keyOf(it), table, err)
		}
		put++
	}
}

// reindexed is an item as this version's indexes need it. An audit entry is in none, and what cannot be read stays as it is:
// Check names it.
func reindexed(it item) item {
	if _, isText := it["sk"].(*types.AttributeValueMemberS); !isText {
		return it
	}
	if fresh, err := dynamostore.Reindexed(it); err == nil {
		return fresh
	}
	return it
}

// scan calls each with every item of a table.
func scan(ctx context.Context, tables Tables, table string, each func(item) error) error {
	pages := dynamodb.NewScanPaginator(tables, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			if err := each(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// keyOf names an item by its key.
func keyOf(it item) string { return attribute(it, "pk") + " " + attribute(it, "sk") }

// equal compares two items as JSON, whatever the order of their members.
func equal(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	first, errX := json.Marshal(x)
	second, errY := json.Marshal(y)
	return errX == nil && errY == nil && bytes.Equal(first, second)
}
