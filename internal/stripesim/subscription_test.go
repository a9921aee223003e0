package stripesim_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestSubscriptionCheckoutMakesEverythingInStripesOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.checkout()
	from := start.Add(time.Minute)
	w.clock.set(from)
	page := w.Pay(t, session.URL, simtest.Pays)
	if want := "https://news.example/thanks?session=" + session.ID; page.Location != want {
		t.Errorf("sent to %q, want %q", page.Location, want)
	}
	want := []string{
		"customer.created", "payment_method.attached", "customer.subscription.created", "invoice.created",
		"payment_intent.created", "invoice.finalized", "charge.succeeded", "payment_intent.succeeded",
		"invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated", "checkout.session.completed",
	}
	if diff := cmp.Diff(want, w.types(from)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	done, err := w.api.CheckoutSessions.Get(session.ID, nil)
	must(t, err)
	sub := w.subscription(done.Subscription.ID)
	if done.Status != stripe.CheckoutSessionStatusComplete || done.PaymentStatus != stripe.CheckoutSessionPaymentStatusPaid || done.URL != "" {
		t.Errorf("session is %s, %s, url %q", done.Status, done.PaymentStatus, done.URL)
	}
	if sub.Status != stripe.SubscriptionStatusActive || sub.Metadata["member"] != "7" || sub.LatestInvoice.PaymentIntent.LatestCharge.Amount != 500 {
		t.Errorf("subscription is %+v", sub)
	}
	if end := time.Unix(sub.CurrentPeriodEnd, 0).UTC(); !end.Equal(time.Date(2025, time.February, 28, 10, 31, 0, 0, time.UTC)) {
		t.Errorf("period ends %s", end)
	}
}
