package stripesim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestTheSummariesSayWhatTheObjectsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.buy(w.trial(), simtest.Pays)
	coupon := w.coupon(percent(20, "forever")).ID
	_, err := w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{
		Coupon: &coupon, CancelAtPeriodEnd: stripe.Bool(true),
		PauseCollection: &stripe.SubscriptionPauseCollectionParams{Behavior: stripe.String("void")},
	})
	must(t, err)
	want := stripesim.Subscription{
		ID: sub.ID, Customer: sub.Customer.ID, Email: simtest.DefaultAddress, Status: "trialing", Product: "Membership", Price: w.price.ID,
		Amount: 500, Currency: "eur", Interval: "month", PeriodEnd: trialEnd, CancelAtPeriodEnd: true, CancelAt: trialEnd, TrialEnd: trialEnd,
		PauseCollection: "void", Coupon: coupon, Metadata: map[string]string{"member": "7"},
	}
	if diff := cmp.Diff([]stripesim.Subscription{want}, w.Sim.Subscriptions()); diff != "" {
		t.Errorf("subscription (-want +got):\n%s", diff)
	}
	paying := w.subscribe(simtest.Pays)
	invoice := stripesim.Invoice{
		ID: paying.LatestInvoice.ID, Customer: paying.Customer.ID, Subscription: paying.ID, Status: "paid", Reason: "subscription_create",
		Total: 500, AmountDue: 500, AmountPaid: 500, Currency: "eur", Created: start,
		Lines: []stripesim.InvoiceLine{{Price: w.price.ID, Amount: 500, From: start, To: firstEnd}},
	}
	if diff := cmp.Diff([]stripesim.Invoice{invoice}, w.Sim.Invoices(paying.Customer.ID)); diff != "" {
		t.Errorf("invoice (-want +got):\n%s", diff)
	}
	if n := len(w.Sim.Invoices("")); n != 2 {
		t.Errorf("%d invoices in all", n)
	}
	if now := w.Sim.Subscriptions()[0]; !now.TrialEnd.Equal(time.Time{}) || now.PauseCollection != "" || now.Coupon != "" {
		t.Errorf("a plain subscription: %+v", now)
	}
}
