package stripesim_test

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// What is too little to charge is owed until the next invoice.
// https://docs.stripe.com/billing/customer/balance
func TestLessThanTheSmallestChargeWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	w.to(midMonth)
	_, err := w.api.Subscriptions.Update(sub.ID, move(sub, w.newPrice(530, "month").ID, "always_invoice"))
	must(t, err)
	little := part(530) - part(500)
	if in := w.subscription(sub.ID).LatestInvoice; in.Total != little || in.AmountDue != 0 || in.EndingBalance != little || !in.Paid || in.PaymentIntent != nil {
		t.Errorf("total %d, due %d, balance then %d, paid %v", in.Total, in.AmountDue, in.EndingBalance, in.Paid)
	}
	w.to(firstEnd.Add(time.Hour))
	if in := w.subscription(sub.ID).LatestInvoice; in.Total != 530 || in.AmountPaid != 530+little || in.EndingBalance != 0 {
		t.Errorf("the renewal: total %d, paid %d, balance then %d", in.Total, in.AmountPaid, in.EndingBalance)
	}
}

// An invoice that is voided gives back the credit that it took.
func TestAVoidedInvoiceGivesItsCreditBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.DeclinesLater)
	_, err := w.api.Customers.Update(sub.Customer.ID, &stripe.CustomerParams{Balance: stripe.Int64(-100)})
	must(t, err)
	w.to(firstEnd.Add(time.Hour))
	in := w.subscription(sub.ID).LatestInvoice
	if in.AmountDue != 400 || in.StartingBalance != -100 || in.EndingBalance != 0 || in.Status != "open" {
		t.Errorf("%s, due %d, balance %d to %d", in.Status, in.AmountDue, in.StartingBalance, in.EndingBalance)
	}
	_, err = w.api.Invoices.VoidInvoice(in.ID, nil)
	must(t, err)
	if customer, err := w.api.Customers.Get(sub.Customer.ID, nil); err != nil || customer.Balance != -100 {
		t.Errorf("balance %d, %v", customer.Balance, err)
	}
}

// A trial costs nothing, so that nothing of it comes back.
func TestACancelledTrialIsNotCredited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.buy(w.trial(), simtest.Pays)
	w.to(start.AddDate(0, 0, 5))
	_, err := w.api.Subscriptions.Update(sub.ID, move(sub, w.newPrice(2000, "month").ID, "always_invoice"))
	must(t, err)
	_, err = w.api.Subscriptions.Cancel(sub.ID, &stripe.SubscriptionCancelParams{Prorate: stripe.Bool(true), InvoiceNow: stripe.Bool(true)})
	must(t, err)
	if n := len(w.invoices(sub.ID)); n != 1 || w.has(start, "invoiceitem.created") {
		t.Errorf("%d invoices, events %v", n, w.types(start.AddDate(0, 0, 5)))
	}
}
