package oracle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(days int) int64 { return time.Date(2026, 3, 1+days, 0, 0, 0, 0, time.UTC).Unix() }

func ptr[T any](v T) *T { return &v }

// paidMonth is an invoice that paid for days from..to of one subscription.
func paidMonth(intent string, from, to int) Invoice {
	i := Invoice{Subscription: "sub_1", Status: "paid", PaymentIntent: &intent}
	line := Line{ID: "il_" + intent, Amount: 800}
	line.Period.Start, line.Period.End, line.Price.ID = at(from), at(to), "price_1"
	i.Lines.Data = []Line{line}
	return i
}

// upgrade is an invoice that was paid for another plan, and credits what was left of
// the first one.
func upgrade(from, to int) Invoice {
	i := paidMonth("pi_up", from, to)
	i.Lines.Data[0].Price.ID = "price_2"
	credit := Line{Amount: -200}
	credit.Period.Start, credit.Period.End, credit.Price.ID = at(from), at(to), "price_1"
	credit.ProrationDetails.CreditedItems = &struct {
		Lines []string `json:"invoice_line_items"`
	}{[]string{"il_pi_1"}}
	i.Lines.Data = append(i.Lines.Data, credit)
	return i
}

// openSince is the next month's invoice, which is not paid yet.
func openSince(days int) Invoice {
	i := paidMonth("pi_open", 30, 60)
	i.Status, i.StatusTransitions.FinalizedAt = "open", ptr(at(days))
	return i
}

func chargeWith(intent string, amount int64, refunds ...Refund) map[string]Charge {
	c := Charge{ID: "ch_1", PaymentIntent: intent, Amount: amount, Status: "succeeded"}
	c.Refunds.Data = refunds
	return map[string]Charge{intent: c}
}

// life is a subscription, what Stripe says beside it, and on which day of March its
// reader's access ends; 0: nothing is open.
type life struct {
	sub   Subscription
	truth Truth
	want  int
}

// lives are the policy that the oracle holds the service against, written out by
// hand, for a reader who paid for the first thirty days.
func lives() map[string]life {
	paid := []Invoice{paidMonth("pi_1", 0, 30)}
	back := func(amount int64, status string) map[string]Charge {
		return chargeWith("pi_1", 800, Refund{Amount: amount, Status: status})
	}
	disputed := func(status string) Truth {
		return Truth{Invoices: paid, Charges: chargeWith("pi_1", 800), Disputes: map[string]Dispute{"ch_1": {Charge: "ch_1", Status: status}}}
	}
	upgraded := append([]Invoice{upgrade(20, 30)}, paid...)
	processing := map[string]PaymentIntent{"pi_open": {Status: "processing"}}
	return map[string]life{
		"active: three days more":             {Subscription{Status: "active"}, Truth{Invoices: paid}, 33},
		"cancelled at the period's end":       {Subscription{Status: "active", CancelAtPeriodEnd: true, CurrentPeriodEnd: at(30)}, Truth{Invoices: paid}, 30},
		"a renewal on its way":                {Subscription{Status: "active"}, Truth{Invoices: append(paid, openSince(30)), Intents: processing}, 51},
		"past due since the period's end":     {Subscription{Status: "past_due"}, Truth{Invoices: append(paid, openSince(30))}, 37},
		"past due, and at most four weeks":    {Subscription{Status: "past_due"}, Truth{Invoices: append(paid, openSince(55))}, 58},
		"unpaid":                              {Subscription{Status: "unpaid"}, Truth{Invoices: paid}, 30},
		"collection paused":                   {Subscription{Status: "active", PauseCollection: &struct{}{}}, Truth{Invoices: paid}, 30},
		"ended on day ten":                    {Subscription{Status: "canceled", EndedAt: ptr(at(10))}, Truth{Invoices: paid}, 10},
		"never paid":                          {Subscription{Status: "incomplete"}, Truth{}, 0},
		"refunded":                            {Subscription{Status: "active"}, Truth{Invoices: paid, Charges: back(800, "succeeded")}, 0},
		"refunded in part":                    {Subscription{Status: "active"}, Truth{Invoices: paid, Charges: back(799, "succeeded")}, 33},
		"a refund that failed":                {Subscription{Status: "active"}, Truth{Invoices: paid, Charges: back(800, "failed")}, 33},
		"disputed":                            {Subscription{Status: "active"}, disputed("needs_response"), 0},
		"a dispute that was won":              {Subscription{Status: "active"}, disputed("won"), 33},
		"a dispute that was lost":             {Subscription{Status: "active"}, disputed("lost"), 0},
		"a warning":                           {Subscription{Status: "active"}, disputed("warning_needs_response"), 33},
		"the renewal refunded, not the month": {Subscription{Status: "active"}, Truth{Invoices: append([]Invoice{paidMonth("pi_0", 0, 30)}, paidMonth("pi_1", 30, 60)), Charges: back(800, "succeeded")}, 30},
		"another plan from day twenty on":     {Subscription{Status: "active"}, Truth{Invoices: upgraded}, 20},
		"that plan's money given back":        {Subscription{Status: "active"}, Truth{Invoices: upgraded, Charges: chargeWith("pi_up", 800, Refund{Amount: 800, Status: "succeeded"})}, 33},
		"to end within the three days":        {Subscription{Status: "active", CancelAt: ptr(at(31))}, Truth{Invoices: paid}, 31},
	}
}

func TestWhatTheOracleExpects(t *testing.T) {
	t.Parallel()
	for name, c := range lives() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.sub.ID = "sub_1"
			prices := map[string]Price{"price_1": {ID: "price_1", GraceDays: 7, Features: []string{"articles:full"}}, "price_2": {ID: "price_2"}}
			want := map[string]time.Time{}
			if c.want > 0 {
				want["articles:full"] = time.Unix(at(c.want), 0)
			}
			got := Held(c.truth.Spans(c.sub, prices), time.Unix(at(5), 0))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestATrialIsOpenUntilItsEnd(t *testing.T) {
	t.Parallel()
	s := Subscription{ID: "sub_1", Status: "trialing", TrialStart: ptr(at(0)), TrialEnd: ptr(at(14))}
	s.Items.Data = []struct{ Price struct{ ID string } }{{Price: struct{ ID string }{"price_1"}}}
	got := Truth{}.Spans(s, map[string]Price{"price_1": {ID: "price_1", Features: []string{"articles:full"}}})
	for day, open := range map[int]bool{0: true, 13: true, 14: false} {
		if _, held := Held(got, time.Unix(at(day), 0))["articles:full"]; held != open {
			t.Errorf("on day %d open is %t", day, held)
		}
	}
}
