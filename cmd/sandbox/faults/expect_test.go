package faults

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(days int) int64 { return time.Date(2026, 3, 1+days, 0, 0, 0, 0, time.UTC).Unix() }

func ptr[T any](v T) *T { return &v }

// paidMonth is an invoice that paid for days from..to of one subscription.
func paidMonth(intent string, from, to int) invoice {
	i := invoice{Subscription: "sub_1", Status: "paid", PaymentIntent: &intent}
	line := invoiceLine{Amount: 800}
	line.Period.Start, line.Period.End, line.Price.ID = at(from), at(to), "price_1"
	i.Lines.Data = []invoiceLine{line}
	return i
}

func openSince(days int) invoice {
	i := invoice{Subscription: "sub_1", Status: "open", PaymentIntent: ptr("pi_open")}
	i.StatusTransitions.FinalizedAt = ptr(at(days))
	return i
}

func chargeWith(intent string, amount int64, refunds ...refund) map[string]charge {
	c := charge{ID: "ch_1", PaymentIntent: intent, Amount: amount, Status: "succeeded"}
	c.Refunds.Data = refunds
	return map[string]charge{intent: c}
}

// life is a subscription, what Stripe says beside it, and on which day of March its
// reader's access ends; 0: nothing is open.
type life struct {
	sub   subscription
	truth truth
	want  int
}

// lives are the policy that the oracle holds the service against, written out by
// hand, for a reader who paid for the first thirty days.
func lives() map[string]life {
	paid := []invoice{paidMonth("pi_1", 0, 30)}
	back := func(amount int64, status string) map[string]charge {
		return chargeWith("pi_1", 800, refund{Amount: amount, Status: status})
	}
	disputed := func(status string) truth {
		return truth{invoices: paid, charges: chargeWith("pi_1", 800), disputes: map[string]dispute{"ch_1": {Charge: "ch_1", Status: status}}}
	}
	processing := map[string]paymentIntent{"pi_open": {Status: "processing"}}
	return map[string]life{
		"active: three days more":             {subscription{Status: "active"}, truth{invoices: paid}, 33},
		"cancelled at the period's end":       {subscription{Status: "active", CancelAtPeriodEnd: true, CurrentPeriodEnd: at(30)}, truth{invoices: paid}, 30},
		"a renewal on its way":                {subscription{Status: "active"}, truth{invoices: append(paid, openSince(30)), intents: processing}, 51},
		"past due since the period's end":     {subscription{Status: "past_due"}, truth{invoices: append(paid, openSince(30))}, 37},
		"past due, and at most four weeks":    {subscription{Status: "past_due"}, truth{invoices: append(paid, openSince(55))}, 58},
		"unpaid":                              {subscription{Status: "unpaid"}, truth{invoices: paid}, 30},
		"collection paused":                   {subscription{Status: "active", PauseCollection: &struct{}{}}, truth{invoices: paid}, 30},
		"ended on day ten":                    {subscription{Status: "canceled", EndedAt: ptr(at(10))}, truth{invoices: paid}, 10},
		"never paid":                          {subscription{Status: "incomplete"}, truth{}, 0},
		"refunded":                            {subscription{Status: "active"}, truth{invoices: paid, charges: back(800, "succeeded")}, 0},
		"refunded in part":                    {subscription{Status: "active"}, truth{invoices: paid, charges: back(799, "succeeded")}, 33},
		"a refund that failed":                {subscription{Status: "active"}, truth{invoices: paid, charges: back(800, "failed")}, 33},
		"disputed":                            {subscription{Status: "active"}, disputed("needs_response"), 0},
		"a dispute that was won":              {subscription{Status: "active"}, disputed("won"), 33},
		"a dispute that was lost":             {subscription{Status: "active"}, disputed("lost"), 0},
		"a warning":                           {subscription{Status: "active"}, disputed("warning_needs_response"), 33},
		"the renewal refunded, not the month": {subscription{Status: "active"}, truth{invoices: append([]invoice{paidMonth("pi_0", 0, 30)}, paidMonth("pi_1", 30, 60)), charges: back(800, "succeeded")}, 30},
	}
}

func TestWhatTheOracleExpects(t *testing.T) {
	t.Parallel()
	for name, c := range lives() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.sub.ID = "sub_1"
			prices := map[string]price{"price_1": {id: "price_1", graceDays: 7, features: []string{"articles:full"}}, "price_2": {id: "price_2"}}
			want := map[string]time.Time{}
			if c.want > 0 {
				want["articles:full"] = time.Unix(at(c.want), 0)
			}
			got := held(c.truth.spans(c.sub, prices), time.Unix(at(5), 0))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATrialIsOpenUntilItsEnd(t *testing.T) {
	t.Parallel()
	s := subscription{ID: "sub_1", Status: "trialing", TrialStart: ptr(at(0)), TrialEnd: ptr(at(14))}
	s.Items.Data = []struct{ Price struct{ ID string } }{{Price: struct{ ID string }{"price_1"}}}
	got := truth{}.spans(s, map[string]price{"price_1": {id: "price_1", features: []string{"articles:full"}}})
	for day, open := range map[int]bool{0: true, 13: true, 14: false} {
		if _, held := held(got, time.Unix(at(day), 0))["articles:full"]; held != open {
			t.Errorf("on day %d open is %t", day, held)
		}
	}
}
