//go:build !race

package dynamostore_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"qmslicensing/infra/local/dynamodb/dynamodbtest"
	"qmslicensing/shared/dynamostore"
	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/registry"
)

// metered sums the read units of what it asks.
type metered struct {
	*sdk.Client
	mu    sync.Mutex
	units float64
}

func (m *metered) add(consumed ...types.ConsumedCapacity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range consumed {
		m.units += *c.CapacityUnits
	}
}

// take returns the units since it was last called.
func (m *metered) take() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	units := m.units
	m.units = 0
	return units
}

func (m *metered) Query(ctx context.Context, in *sdk.QueryInput, opts ...func(*sdk.Options)) (*sdk.QueryOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.Query(ctx, in, opts...)
	if err == nil {
		m.add(*out.ConsumedCapacity)
	}
	return out, err
}

func (m *metered) BatchGetItem(ctx context.Context, in *sdk.BatchGetItemInput, opts ...func(*sdk.Options)) (*sdk.BatchGetItemOutput, error) {
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.Client.BatchGetItem(ctx, in, opts...)
	if err == nil {
		m.add(out.ConsumedCapacity...)
	}
	return out, err
}

// nth is the n-th license of a table of whatever size. The first 400 are of one month of their own, the first 120 of one
// contract, the first 3 of one server; of the others, a quarter are of Northwind, a fifth have expired, a tenth are
// superseded, one of a thousand is void.
func nth(n int) ledger.Record {
	id := sha256.Sum256(fmt.Appendf(nil, "license %d", n))
	r := ledger.Record{License: license.License{
		ID: hex.EncodeToString(id[:16]), ServerToken: license.ServerToken(fmt.Sprintf("SERVER-%06d", n)), Sequence: 1, Version: 1,
		Type: license.Subscription, Customer: fmt.Sprintf("Customer %06d GmbH", n), Modules: license.Modules{QMSSuite: 50}, IssuedBy: "accounting",
		ExpiresOn: license.MakeDate(2027, 1, 1).AddDays(n % 700), Status: license.Active, Contract: license.Optional(fmt.Sprintf("C-%06d", n/3)),
	}, IssuedAt: time.Date(2024, 1, 1, 0, n, 0, 0, time.UTC), LastChange: ledger.Change{By: "accounting", What: "issued"},
		SigningInput: []byte(strings.Repeat("x", 300)), Answer: []byte(strings.Repeat("y", 900))}
	switch {
	case n < 400:
		r.ExpiresOn = license.MakeDate(2030, 3, 1+n%31)
	case n%1000 == 501:
		r.Status, r.LastChange.What = license.Void, "voided"
	case n%10 == 9:
		r.Status, r.LastChange.What = license.Superseded, "renewed"
	case n%5 == 0:
		r.ExpiresOn = license.MakeDate(2024, 1, 1).AddDays(n % 500)
	}
	if n < 120 {
		r.Contract = "C-ONE"
	}
	if n < 3 {
		r.ServerToken, r.Sequence = "SERVER-ONE", n+1
	}
	if n%4 == 0 {
		r.Customer = fmt.Sprintf("Northwind Call Centers %d", n%64)
	}
	return r
}

// fill writes the first licenses of a table, as they are stored.
func fill(t *testing.T, client *sdk.Client, table string, from, to int) {
	t.Helper()
	const writers, batch = 8, 25
	starts, errs := make(chan int), make(chan error, writers)
	for range writers {
		go func() {
			var failed error
			for start := range starts {
				var puts []types.WriteRequest
				for n := start; n < min(start+batch, to); n++ {
					item, err := dynamostore.RecordItem(nth(n))
					if err != nil {
						failed = err
					}
					puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
				}
				for left := map[string][]types.WriteRequest{table: puts}; len(left) > 0 && failed == nil; {
					out, err := client.BatchWriteItem(context.Background(), &sdk.BatchWriteItemInput{RequestItems: left})
					if failed = err; err == nil {
						left = out.UnprocessedItems
					}
				}
			}
			errs <- failed
		}()
	}
	for start := from; start < to; start += batch {
		starts <- start
	}
	close(starts)
	for range writers {
		require.NoError(t, <-errs)
	}
}

// budget is one kind of query and the most read units that a page of it may cost.
type budget struct {
	filters string // with spaces between
	units   float64
}

// 50 licenses are 50 units by consistent reads, one for each up to 4 KB. Entries are half a unit for 4 KB: 4 units for those
// of 50 licenses, 62 to 67 for the 1,000 that are the most. What is found by few of its entries costs both. A scan of the
// larger table would be some 20,000.
var budgets = []budget{
	{"", 56}, {"id=" + nth(77).ID, 1}, {"serverToken=SERVER-ONE", 4}, {"serverToken=SERVER-ONE type=subscription status=active", 4},
	{"customer=northwind", 56}, {"customer=Northwind-Call status=active", 60}, {"contract=c-one", 56}, {"contract=C-ONE customer=north", 40},
	{"type=subscription", 56}, {"type=permanent", 80}, {"purpose=trial", 80}, {"issuedBy=accounting", 56}, {"issuedBy=nobody", 80},
	{"lastEvent=issued", 60}, {"lastEvent=revoked", 80}, {"status=active", 60}, {"status=expired", 56}, {"status=superseded", 100},
	{"status=void", 80}, {"status=pending", 80}, {"expiresFrom=2030-03-01 expiresTo=2030-03-31", 56}, {"expiresFrom=2026-01-01", 56},
	{"expiresTo=2028-12-31 status=active", 56}, {"expiresFrom=2024-01-01 expiresTo=2024-12-31 status=expired", 56},
	{"expiresFrom=2030-03-01 purpose=emergency", 80},
}

// TestBudget_FindingCostsTheSameInATableOfAnySize asks every kind of query of a table of 1,000 licenses, and of the same
// table grown to 100,000. The dearest of the first three pages may cost a quarter more there, and two units: ids fall into
// the shards by chance, so one shard may have to be read once more.
func TestBudget_FindingCostsTheSameInATableOfAnySize(t *testing.T) {
	_, names, client := tables(t, dynamodbtest.Bulk(t))
	meter := &metered{Client: client}
	now := func() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }
	finder, err := registry.NewFinder(dynamostore.New(meter, names["LicenseTable"], ""), []string{"0123456789abcdef0123456789abcdef"}, now)
	require.NoError(t, err)
	began := time.Now()
	fill(t, client, names["LicenseTable"], 0, 1000)
	small := measure(t, finder, meter)
	fill(t, client, names["LicenseTable"], 1000, 100_000)
	t.Logf("100,000 licenses are stored after %v", time.Since(began).Round(time.Second))
	large := measure(t, finder, meter)
	for _, b := range budgets {
		t.Logf("%-62q %6.1f read units of 1,000 licenses, %6.1f of 100,000", b.filters, small[b.filters], large[b.filters])
		assert.Positive(t, small[b.filters], b.filters)
		assert.LessOrEqual(t, large[b.filters], small[b.filters]*1.25+2, "%q: what a page costs grows with the table", b.filters)
		assert.LessOrEqual(t, large[b.filters], b.units, "%q is dearer than it was", b.filters)
	}
	t.Logf("%-62s %6.1f read units of 1,000 licenses, %6.1f of 100,000", "400 expirations of 2030", small["expirations"], large["expirations"])
	require.Equal(t, small["expirations"], large["expirations"], "it grows with what is counted alone")
	require.LessOrEqual(t, large["expirations"], 30.0)
}

// measure gives what the dearest of the first pages of each query costs, and the count of expirations.
func measure(t *testing.T, finder *registry.Finder, meter *metered) map[string]float64 {
	t.Helper()
	costs := map[string]float64{}
	for _, b := range budgets {
		given := map[string]string{}
		for _, f := range strings.Fields(b.filters) {
			name, value, _ := strings.Cut(f, "=")
			given[name] = value
		}
		q, err := registry.Parse("query:", given)
		require.NoError(t, err)
		for cursor, pages := "", 0; pages < 3; pages++ {
			meter.take()
			page, err := finder.Search(context.Background(), licensetest.SalesCaller, q, cursor, 50)
			require.NoError(t, err)
			costs[b.filters] = max(costs[b.filters], meter.take())
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	months, err := finder.Expirations(context.Background(), licensetest.SalesCaller, license.MakeDate(2030, 1, 1), 12)
	require.NoError(t, err)
	require.Equal(t, 400, months[2].Subscriptions)
	costs["expirations"] = meter.take()
	return costs
}
