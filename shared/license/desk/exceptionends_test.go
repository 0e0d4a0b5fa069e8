package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"qmslicensing/shared/license"
	"qmslicensing/shared/license/desk"
	"qmslicensing/shared/license/issuing"
	"qmslicensing/shared/license/ledger"
	"qmslicensing/shared/license/licensetest"
	"qmslicensing/shared/license/protocol"
	"qmslicensing/shared/memstore"
)

var support, admin = licensetest.SupportCaller, licensetest.AdminCaller

func trialWish() desk.AskRequest {
	return desk.AskRequest{ServerToken: token, Rule: "trial_limit", Days: 45}
}

// ended reads the answer of a request's end, and holds it to what the list shows.
func (o *bureau) ended(out protocol.Outcome, err error) desk.ExceptionRequest {
	o.t.Helper()
	require.NoError(o.t, err)
	require.NotContains(o.t, string(out.Body), "sub-", "the sub of a person is not shown")
	var a struct{ Request desk.ExceptionRequest }
	require.NoError(o.t, json.Unmarshal(out.Body, &a))
	require.Equal(o.t, a.Request.ID, out.DocumentID)
	require.Equal(o.t, a.Request.Version, out.Version)
	page, err := o.exceptions.Requests(ctx, admin, a.Request.State, "", 100)
	require.NoError(o.t, err)
	require.Contains(o.t, page.Items, a.Request, "what is answered is what is listed")
	return a.Request
}

func (o *bureau) decline(id string) (protocol.Outcome, error) {
	return o.exceptions.Decline(ctx, o.call(admin), id, "They buy.")
}

func (o *bureau) withdraw(by license.Caller, id string) (protocol.Outcome, error) {
	return o.exceptions.Withdraw(ctx, o.call(by), id, "")
}

func (o *bureau) answer(id string) error {
	_, err := o.grant(desk.GrantRequest{ServerToken: token, Rule: "trial_limit", RequestID: id})
	return err
}

func TestExceptionRequest_IsDeclinedWithAReason(t *testing.T) {
	o := newBureau(t)
	asked, err := o.ask(sales, trialWish())
	require.NoError(t, err)
	_, err = o.exceptions.Decline(ctx, o.call(admin), asked.ID, " ")
	requireRefused(t, license.InvalidRequest, "/reason", err)
	o.clock.Advance(90 * time.Minute)
	call := o.call(admin)
	out, err := o.exceptions.Decline(ctx, call, " "+strings.ToUpper(asked.ID), " They buy. ")
	declined := o.ended(out, err)
	want := asked
	at := o.clock.Now()
	want.State, want.Version, want.DeclinedBy, want.DeclinedAt, want.DeclinedReason = desk.Declined, 2, "admin", &at, "They buy."
	require.Equal(t, want, declined)

	o.clock.Advance(time.Hour)
	again, err := o.exceptions.Decline(ctx, call, asked.ID, "They buy.")
	require.NoError(t, err)
	require.True(t, again.Replayed)
	require.Equal(t, string(out.Body), string(again.Body))
	_, err = o.exceptions.Decline(ctx, call, asked.ID, "They do not buy.")
	requireRefused(t, license.IdempotencyKeyReused, "header:Idempotency-Key", err)
	open, err := o.exceptions.Requests(ctx, admin, desk.Open, "", 10)
	require.NoError(t, err)
	require.Empty(t, open.Items)
	own, err := o.exceptions.Requests(ctx, support, desk.Declined, "", 10)
	require.NoError(t, err)
	require.Empty(t, own.Items, "it is not theirs")
}

func TestExceptionRequest_OnlyWhoMadeItWithdrawsIt(t *testing.T) {
	o := newBureau(t)
	asked, err := o.ask(sales, trialWish())
	require.NoError(t, err)
	namesake := license.Caller{Subject: "sub-other", Username: "sales", Role: license.Sales}
	for _, by := range []license.Caller{namesake, support, accounting} {
		_, err := o.withdraw(by, asked.ID)
		refusal := requireRefused(t, license.Forbidden, "", err)
		require.Equal(t, "Only sales, who made this request, can withdraw it. Ask them, or have an admin decline it.", refusal.Detail)
		require.Equal(t, map[string]any{"requestedBy": "sales"}, refusal.Params)
	}
	_, err = o.withdraw(admin, asked.ID)
	require.Contains(t, requireRefused(t, license.Forbidden, "", err).Detail, "Ask sales or support or accounting.")
	_, err = o.exceptions.Decline(ctx, o.call(sales), asked.ID, "mine")
	require.Contains(t, requireRefused(t, license.Forbidden, "", err).Detail, "Ask admin.")
	withdrawn := o.ended(o.exceptions.Withdraw(ctx, o.call(sales), asked.ID, "They buy."))
	require.Equal(t, desk.Withdrawn, withdrawn.State)
	require.EqualValues(t, "sales", withdrawn.WithdrawnBy)
	require.Equal(t, o.clock.Now(), *withdrawn.WithdrawnAt)
	require.EqualValues(t, "They buy.", withdrawn.WithdrawnReason)
	for _, by := range []license.Caller{support, accounting} {
		asked, err := o.ask(by, trialWish())
		require.NoError(t, err)
		require.Empty(t, o.ended(o.withdraw(by, asked.ID)).WithdrawnReason, "without a reason, too")
	}
}

// Each way that a request ends refuses each other, and says what became of it and what to do.
func TestExceptionRequest_OnceItHasEndedItStaysSo(t *testing.T) {
	for state, c := range map[desk.State]struct {
		end          func(o *bureau, id string) error
		became, next string
	}{
		desk.Declined: {func(o *bureau, id string) error { return second(o.decline(id)) },
			"This request was declined by admin on 23 Nov 2026, 09:00 UTC. The reason: “They buy.”.", "If it is still wanted, make a new request."},
		desk.Withdrawn: {func(o *bureau, id string) error { return second(o.withdraw(sales, id)) },
			"This request was withdrawn by sales on 23 Nov 2026, 09:00 UTC.", "If it is still wanted, make a new request."},
		desk.Granted: {func(o *bureau, id string) error { return o.answer(id) },
			"This request was granted by admin on 23 Nov 2026, 09:00 UTC, by exception EXCEPTION.", "There is nothing left to decline or withdraw: the exception ends once it is used or its time is over."},
	} {
		t.Run(string(state), func(t *testing.T) {
			o := newBureau(t)
			asked, err := o.ask(sales, trialWish())
			require.NoError(t, err)
			require.NoError(t, c.end(o, asked.ID))
			links := len(o.entries(licensetest.Token))
			for what, err := range map[string]error{"decline": second(o.decline(asked.ID)), "withdraw": second(o.withdraw(sales, asked.ID)), "grant": o.answer(asked.ID)} {
				pointer, next := "", c.next
				if what == "grant" {
					pointer, next = "/requestId", "Nothing was granted. If an exception is wanted all the same, grant it without requestId."
				}
				refusal := requireRefused(t, license.RequestNotOpen, pointer, err)
				require.Equal(t, state, refusal.Params["state"])
				require.Contains(t, refusal.Params, "by")
				require.Contains(t, refusal.Params, "at")
				id, _ := refusal.Params["exceptionId"].(license.Optional)
				require.Equal(t, state == desk.Granted, id != "")
				require.Equal(t, strings.Replace(c.became, "EXCEPTION", string(id), 1)+" "+next, refusal.Detail)
			}
			require.Len(t, o.entries(licensetest.Token), links, "a refusal changes nothing")
		})
	}
	o := newBureau(t)
	for _, id := range []string{"x", strings.Repeat("0", 32)} {
		requireRefused(t, license.RequestNotFound, "path:id", second(o.decline(id)))
		requireRefused(t, license.RequestNotFound, "path:id", second(o.withdraw(sales, id)))
	}
	require.Empty(t, o.entries(licensetest.Token))
}

func TestExceptionRequest_ItsEndIsInTheChain(t *testing.T) {
	o := newBureau(t)
	first, err := o.ask(sales, trialWish())
	require.NoError(t, err)
	second, err := o.ask(support, trialWish())
	require.NoError(t, err)
	o.ended(o.decline(first.ID))
	o.ended(o.exceptions.Withdraw(ctx, o.call(support), second.ID, "changed"))
	entries := o.entries(licensetest.Token)[2:]
	require.Equal(t, []ledger.Event{ledger.EventExceptionDeclined, ledger.EventExceptionWithdrawn}, []ledger.Event{entries[0].Event, entries[1].Event})
	for n, id := range []string{first.ID, second.ID} {
		require.Equal(t, []string{"They buy.", "changed"}[n], entries[n].Reason)
		require.Equal(t, []string{"sub-admin", "sub-support"}[n], entries[n].By.Subject)
		stored, _, err := o.store.Document(ctx, "exception-request", id)
		require.NoError(t, err)
		require.Equal(t, 2, stored.Version)
		require.Equal(t, o.clock.Now(), stored.At, "lists keep their order")
		require.JSONEq(t, string(stored.Body), string(entries[n].Document.Body), "whole, so that it can be made again")
	}
}

func TestExceptionRequest_OfALineageEndsWhereTheLineageIsNow(t *testing.T) {
	o := newBureau(t)
	sold, err := o.issuer.Sold(ctx, o.call(accounting), licensetest.Subscription())
	require.NoError(t, err)
	asked, err := o.ask(support, desk.AskRequest{LineageID: sold.LicenseID, Rule: "rehost_limit"})
	require.NoError(t, err)
	_, err = o.issuer.Rehost(ctx, o.call(support), issuing.RehostRequest{ID: sold.LicenseID, ServerToken: "QMSA-MOVED-0001", Reason: issuing.ServerReplaced, IfMatch: 1})
	require.NoError(t, err)
	o.ended(o.decline(asked.ID))
	moved := o.entries("QMSA-MOVED-0001")
	require.Equal(t, ledger.EventExceptionDeclined, moved[len(moved)-1].Event)
}

func TestExceptionRequest_OfManyEndsAtOnceOneCounts(t *testing.T) {
	o := newBureau(t)
	asked, err := o.ask(sales, trialWish())
	require.NoError(t, err)
	var all sync.WaitGroup
	errs := make([]error, 48)
	for n := range errs {
		by := admin
		if n%3 == 1 {
			by = sales
		}
		call := o.call(by)
		all.Go(func() {
			switch n % 3 {
			case 0:
				_, errs[n] = o.exceptions.Decline(ctx, call, asked.ID, "no")
			case 1:
				_, errs[n] = o.exceptions.Withdraw(ctx, call, asked.ID, "")
			default:
				_, errs[n] = o.exceptions.Grant(ctx, call, desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Reason: "r", RequestID: asked.ID})
			}
		})
	}
	all.Wait()
	done := 0
	for n, err := range errs {
		refusal := new(license.Error)
		switch {
		case err == nil:
			done++
		case n%3 == 2 && errors.As(err, &refusal) && refusal.Code == license.ExceptionExists: // it read the request just before another grant answered it
		default:
			requireCode(t, license.RequestNotOpen, err)
		}
	}
	require.Equal(t, 1, done)
	require.Len(t, o.entries(licensetest.Token), 2)
}

// breaking is a store whose next commit fails: with an error that tells nothing, or with the process. The commit may have
// been written.
type breaking struct {
	*memstore.Store
	fail    error
	written bool
	dead    bool
}

var errKilled = errors.New("killed")

func (b *breaking) Commit(ctx context.Context, c ledger.Commit) error {
	fail := b.fail
	b.fail = nil
	switch {
	case b.dead:
		return errKilled
	case fail == nil || b.written:
		if err := b.Store.Commit(ctx, c); err != nil {
			return err
		}
	}
	b.dead = fail != nil && errors.Is(fail, errKilled)
	return fail
}

// TestExceptions_KilledOrWithoutReply kills each write before or after its transaction, or takes the reply away: by the same
// key it is done once, and answered as if nothing had happened.
func TestExceptions_KilledOrWithoutReply(t *testing.T) {
	for name, do := range map[string]func(x *desk.Exceptions, id string, key string) (protocol.Outcome, error){
		"decline": func(x *desk.Exceptions, id, key string) (protocol.Outcome, error) {
			return x.Decline(ctx, licensetest.Call(admin, key), id, "no")
		},
		"withdraw": func(x *desk.Exceptions, id, key string) (protocol.Outcome, error) {
			return x.Withdraw(ctx, licensetest.Call(sales, key), id, "")
		},
		"replace": func(x *desk.Exceptions, id, key string) (protocol.Outcome, error) {
			return x.Grant(ctx, licensetest.Call(admin, key), desk.GrantRequest{ServerToken: token, Rule: "trial_limit", Days: 45, Reason: "r", RequestID: id})
		},
	} {
		for _, fail := range []error{errKilled, ledger.ErrUnclear} {
			for _, written := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %v, written %v", name, fail, written), func(t *testing.T) {
					o := newBureau(t)
					open, err := o.grant(desk.GrantRequest{ServerToken: token, Rule: "trial_limit"})
					require.NoError(t, err)
					asked, err := o.ask(sales, trialWish())
					require.NoError(t, err)
					store := &breaking{Store: o.store, fail: fail, written: written}
					fragile, err := desk.NewExceptions(store, 14, []string{"secret"}, o.clock.Now)
					require.NoError(t, err)
					out, err := do(fragile, asked.ID, "the write")
					if fail == ledger.ErrUnclear {
						require.NoError(t, err, "it looks what became of it")
					} else {
						require.ErrorIs(t, err, errKilled)
						out, err = do(o.exceptions, asked.ID, "the write")
						require.NoError(t, err)
					}
					require.Equal(t, written, out.Replayed)
					require.Len(t, o.entries(licensetest.Token), 3, "two before, and it once")
					again, err := do(o.exceptions, asked.ID, "the write")
					require.NoError(t, err)
					require.Equal(t, string(out.Body), string(again.Body))
					stored, _, err := o.store.Document(ctx, "exception-request", asked.ID)
					require.NoError(t, err)
					require.Equal(t, 2, stored.Version)
					old, _, err := o.store.Document(ctx, "exception", open.ID)
					require.NoError(t, err)
					require.Equal(t, map[bool]string{true: "replaced", false: "granted"}[name == "replace"], old.State)
				})
			}
		}
	}
}
