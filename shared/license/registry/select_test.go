package registry_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/registry"
)

// rows are indexes that hold n current subscriptions, among them every tenth a temporary license, and whose every entry
// is read in order.
type rows struct {
	registry.Indexes
	n     int
	spans []registry.Span
}

func (r *rows) Entries(_ context.Context, span registry.Span, limit int) ([]registry.Entry, error) {
	r.spans = append(r.spans, span)
	var found []registry.Entry
	for n := range r.n {
		record := ledger.Record{License: license.License{
			ID: fmt.Sprintf("%032x", n), Type: license.Subscription, Status: license.Active, Customer: "Northwind", Contract: "C-1",
			ExpiresOn: license.MakeDate(2030, 1, 1),
		}, IssuedAt: time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC)}
		if n%10 == 9 {
			record.Type = license.Temporary
		}
		entry := registry.EntryOf(record)
		if position := entry.Position(span.Index); position >= span.Low && (span.High == "" || position < span.High) && len(found) < limit {
			found = append(found, entry)
		}
	}
	return found, nil
}

func TestSelector_CountsAllAndNamesTheFirst(t *testing.T) {
	for _, c := range []struct {
		licenses, count int
		exact           bool
	}{{0, 0, true}, {10, 9, true}, {250, 225, true}, {251, 226, true}, {1000, 900, true}, {6000, 4500, false}} {
		indexes := &rows{n: c.licenses}
		query, err := registry.Parse("query:", map[string]string{"expiresFrom": "2029-01-01"})
		require.NoError(t, err)
		selector := registry.NewSelector(indexes, func() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) })
		ids, count, exact, err := selector.Subscriptions(context.Background(), query, 200)
		require.NoError(t, err)
		require.Equal(t, c.count, count, "of %d", c.licenses)
		require.Equal(t, c.exact, exact, "of %d", c.licenses)
		require.Len(t, ids, min(c.count, 200))
		require.LessOrEqual(t, len(indexes.spans), 20, "what it costs is bounded")
	}
}

func TestSelector_ReadsTheIndexOfWhatIsActive(t *testing.T) {
	for _, c := range []struct {
		given map[string]string
		index registry.Index
	}{
		{map[string]string{"status": "active"}, registry.ByExpiration},
		{map[string]string{"issuedBy": "accounting"}, registry.ByExpiration},
		{map[string]string{"lastEvent": "issued"}, registry.ByExpiration},
		{map[string]string{"status": "expired"}, registry.ByExpiration},
		{map[string]string{"contract": "C-1", "expiresTo": "2027-01-01"}, registry.ByContract},
		{map[string]string{"customer": "North", "issuedBy": "accounting"}, registry.ByCustomer},
	} {
		indexes := &rows{}
		query, err := registry.Parse("query:", c.given)
		require.NoError(t, err)
		_, _, _, err = registry.NewSelector(indexes, time.Now).Subscriptions(context.Background(), query, 200)
		require.NoError(t, err)
		require.Equal(t, c.index, indexes.spans[0].Index, "%v", c.given)
	}
}
