package desk_test

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/policy"
)

// read reads a list to its end.
func (o *office) read(state desk.State, limit int) (orders []string) {
	o.t.Helper()
	for cursor := ""; ; {
		page, err := o.List(ctx, sales, state, cursor, limit)
		require.NoError(o.t, err)
		require.LessOrEqual(o.t, len(page.Items), limit)
		for _, r := range page.Items {
			orders = append(orders, string(r.Order))
		}
		if cursor = page.Next; cursor == "" {
			return orders
		}
	}
}

func TestList_OpenIsAQueueAndTheRestBeginsWithTheNewest(t *testing.T) {
	o := newOffice(t)
	for n := range 7 {
		q := permanent()
		q.Order = fmt.Sprint("O-", n)
		r := o.ask(sales, q)
		switch n {
		case 1, 4:
			o.must(o.Decline(ctx, o.call(accounting), r.ID, "no"))
		case 5:
			o.must(o.Withdraw(ctx, o.call(sales), r.ID, ""))
		}
		if n != 2 { // two are made in the same instant
			o.clock.Advance(time.Minute)
		}
	}
	for _, limit := range []int{1, 2, 3, 100} {
		open := o.read(desk.Open, limit)
		require.ElementsMatch(t, []string{"O-2", "O-3"}, open[1:3])
		require.Equal(t, []string{"O-0", open[1], open[2], "O-6"}, open)
		require.Equal(t, []string{"O-4", "O-1"}, o.read(desk.Declined, limit))
		require.Equal(t, []string{"O-5"}, o.read(desk.Withdrawn, limit))
		require.Empty(t, o.read(desk.Issued, limit))
		require.Equal(t, []string{"O-6", "O-5", "O-4", open[2], open[1], "O-1", "O-0"}, o.read("", limit))
	}
}

func TestList_ACursorIsGoodForItsListAlone(t *testing.T) {
	o := newOffice(t)
	o.ask(sales, permanent())
	o.clock.Advance(time.Minute)
	o.ask(sales, permanent())
	page, err := o.List(ctx, sales, desk.Open, "", 1)
	require.NoError(t, err)
	require.NotEmpty(t, page.Next)
	changed := []byte(page.Next)
	changed[len(changed)-3] ^= 1
	for name, c := range map[string]struct {
		state  desk.State
		cursor string
	}{
		"another list":       {"", page.Next},
		"a changed place":    {desk.Open, string(changed)},
		"no base64":          {desk.Open, "*"},
		"nothing but a MAC":  {desk.Open, base64.RawURLEncoding.EncodeToString(make([]byte, 16))},
		"what someone makes": {desk.Open, base64.RawURLEncoding.EncodeToString(append(make([]byte, 16), "2026-11-23T09:00:00Z 0"...))},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := o.List(ctx, sales, c.state, c.cursor, 1)
			requireRefused(t, license.InvalidRequest, "query:cursor", err)
		})
	}
	_, err = o.List(ctx, sales, "lost", "", 1)
	requireRefused(t, license.InvalidRequest, "query:state", err)

	rotated, err := desk.NewRequests(o.store, policy.DefaultPolicy(), []string{"new", "secret"}, o.clock.Now)
	require.NoError(t, err)
	next, err := rotated.List(ctx, sales, desk.Open, page.Next, 1)
	require.NoError(t, err, "the second secret is accepted while it changes")
	require.Len(t, next.Items, 1)
	for _, secrets := range [][]string{nil, {""}} {
		_, err = desk.NewRequests(o.store, policy.DefaultPolicy(), secrets, o.clock.Now)
		require.Error(t, err)
	}
}
