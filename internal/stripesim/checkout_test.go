package stripesim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// donation describes a session for a gift of an amount.
func donation(amount int64, currency string) *stripe.CheckoutSessionParams {
	return &stripe.CheckoutSessionParams{
		Mode: stripe.String("payment"), SubmitType: stripe.String("donate"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{
			Quantity: stripe.Int64(1),
			PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
				Currency: &currency, UnitAmount: &amount,
				ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("Contribution")},
			},
		}},
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntentDataParams{Metadata: map[string]string{"donation": "d1"}},
		CustomText:        &stripe.CheckoutSessionCustomTextParams{Submit: &stripe.CheckoutSessionCustomTextSubmitParams{Message: stripe.String("Thank you <b>very</b> much")}},
		SuccessURL:        stripe.String("https://news.example/thanks"),
		CancelURL:         stripe.String("https://news.example/contribute"),
		Metadata:          map[string]string{"intent": "i1"},
	}
}

func (w *world) donate(params *stripe.CheckoutSessionParams, card string) *stripe.CheckoutSession {
	w.t.Helper()
	session, err := w.api.CheckoutSessions.New(params)
	must(w.t, err)
	if session.PaymentIntent != nil {
		w.t.Errorf("a payment intent before anybody paid: %s", session.PaymentIntent.ID)
	}
	w.Pay(w.t, session.URL, card)
	get := &stripe.CheckoutSessionParams{}
	get.AddExpand("payment_intent.latest_charge.balance_transaction")
	get.AddExpand("line_items")
	session, err = w.api.CheckoutSessions.Get(session.ID, get)
	must(w.t, err)
	return session
}

func TestAGuestsDonationHasNoCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.donate(donation(1000, "eur"), simtest.Pays)
	pi := s.PaymentIntent
	if s.Customer != nil || pi.Customer != nil || s.CustomerDetails.Email != simtest.DefaultAddress || pi.LatestCharge.BillingDetails.Email != simtest.DefaultAddress {
		t.Errorf("session customer %v, payment's %v, details %+v", s.Customer, pi.Customer, s.CustomerDetails)
	}
	if pi.Status != "succeeded" || pi.AmountReceived != 1000 || pi.Metadata["donation"] != "d1" || pi.LatestCharge.Metadata["donation"] != "d1" || s.Metadata["intent"] != "i1" {
		t.Errorf("payment %s of %d with %v; session %v", pi.Status, pi.AmountReceived, pi.Metadata, s.Metadata)
	}
	if b := pi.LatestCharge.BalanceTransaction; b.Fee != 40 || b.Net != 960 {
		t.Errorf("fee %d, net %d", b.Fee, b.Net)
	}
	if l := s.LineItems.Data[0]; l.Description != "Contribution" || l.AmountTotal != 1000 || l.Price.Active {
		t.Errorf("line %+v", l)
	}
}

func TestCustomerCreationAlwaysMakesACustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	params := donation(1000, "eur")
	params.CustomerCreation = stripe.String("always")
	s := w.donate(params, simtest.Pays)
	if s.Customer == nil || s.PaymentIntent.Customer == nil || s.Customer.ID != s.PaymentIntent.Customer.ID {
		t.Errorf("session customer %v, payment's %v", s.Customer, s.PaymentIntent.Customer)
	}
}

func TestADeclinedCardLeavesTheSessionOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.checkout()
	from := start.Add(time.Minute)
	w.clock.set(from)
	page := w.Pay(t, session.URL, simtest.Declined)
	if page.Status != http.StatusPaymentRequired || page.Problem != "Your card was declined." || !strings.Contains(page.Body, simtest.DefaultAddress) {
		t.Errorf("status %d, problem %q", page.Status, page.Problem)
	}
	want := []string{
		"customer.created", "payment_method.attached", "customer.subscription.created", "invoice.created", "payment_intent.created",
		"invoice.finalized", "charge.failed", "payment_intent.payment_failed", "invoice.payment_failed",
	}
	if diff := cmp.Diff(want, w.types(from)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	open, err := w.api.CheckoutSessions.Get(session.ID, nil)
	must(t, err)
	if open.Status != "open" || open.Subscription != nil || open.Customer != nil {
		t.Errorf("session %s with subscription %v and customer %v", open.Status, open.Subscription, open.Customer)
	}
	if got := w.Sim.Subscriptions(); len(got) != 1 || got[0].Status != "incomplete" {
		t.Fatalf("subscriptions %+v", got)
	}
	w.Pay(t, session.URL, simtest.Pays)
	if got := w.Sim.Subscriptions(); len(got) != 1 || got[0].Status != "active" || got[0].Email != simtest.DefaultAddress {
		t.Errorf("after the second try: %+v", got)
	}
	if again := w.types(from)[len(want):]; slices.Contains(again, "customer.created") {
		t.Errorf("the second try made another customer: %v", again)
	}
}

func TestAnAbandonedFirstPaymentLapses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.checkout()
	w.Pay(t, session.URL, simtest.Declined)
	w.to(start.Add(23 * time.Hour))
	if got := w.Sim.Subscriptions()[0].Status; got != "incomplete_expired" {
		t.Errorf("after 23 hours %s", got)
	}
	w.to(start.Add(24 * time.Hour))
	events := w.types(start.Add(24 * time.Hour))
	if diff := cmp.Diff([]string{"checkout.session.expired"}, events); diff != "" {
		t.Errorf("after 24 hours (-want +got):\n%s", diff)
	}
	if page := show(t, session.URL); !strings.Contains(page, "expired") || !strings.Contains(page, "https://news.example/membership") {
		t.Errorf("page: %s", page)
	}
}

func TestTwoClicksPayOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session, err := w.api.CheckoutSessions.New(donation(1000, "eur"))
	must(t, err)
	form := map[string][]string{"email": {"a@example.org"}, "card": {simtest.Pays}}
	done := make(chan int)
	for range 8 {
		go func() {
			resp, err := noRedirect.PostForm(session.URL, form)
			if err != nil {
				done <- 0
				return
			}
			resp.Body.Close()
			done <- resp.StatusCode
		}()
	}
	for range 8 {
		if got := <-done; got != http.StatusSeeOther {
			t.Errorf("status %d", got)
		}
	}
	if got := w.Sim.Totals()["eur"].Count; got != 1 {
		t.Errorf("%d payments", got)
	}
	if page := show(t, session.URL); !strings.Contains(page, "Already paid") || !strings.Contains(page, "https://news.example/thanks") {
		t.Errorf("page: %s", page)
	}
}

var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func TestAMembersGiftGoesToTheirCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer, err := w.api.Customers.New(&stripe.CustomerParams{Email: stripe.String("known@example.org")})
	must(t, err)
	params := donation(1000, "eur")
	params.Customer = &customer.ID
	s := w.donate(params, simtest.Pays)
	if s.Customer.ID != customer.ID || s.PaymentIntent.Customer.ID != customer.ID || s.CustomerDetails.Email != "known@example.org" {
		t.Errorf("customer %s, payment's %s, details %+v", s.Customer.ID, s.PaymentIntent.Customer.ID, s.CustomerDetails)
	}
}

func TestAnExpiredSessionTakesNoMoney(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.checkout()
	_, err := w.api.CheckoutSessions.Expire(session.ID, nil)
	must(t, err)
	resp, err := noRedirect.PostForm(session.URL, map[string][]string{"email": {"a@example.org"}, "card": {simtest.Pays}})
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusGone || len(w.Sim.Payments()) != 0 {
		t.Errorf("status %d, payments %+v", resp.StatusCode, w.Sim.Payments())
	}
	_, err = w.api.CheckoutSessions.Expire(session.ID, nil)
	if got := stripeError(t, err); got.HTTPStatusCode != 400 || !strings.Contains(got.Msg, "status of expired") {
		t.Errorf("expired twice: %+v", got)
	}
}

func TestAMonthlyGiftAtAFreeAmount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	params := donation(750, "eur")
	params.Mode, params.SubmitType, params.PaymentIntentData = stripe.String("subscription"), nil, nil
	params.LineItems[0].PriceData.Recurring = &stripe.CheckoutSessionLineItemPriceDataRecurringParams{Interval: stripe.String("month")}
	params.SubscriptionData = &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"donation": "d2"}}
	params.ExpiresAt = stripe.Int64(start.Add(time.Hour).Unix())
	session, err := w.api.CheckoutSessions.New(params)
	must(t, err)
	if session.ExpiresAt != *params.ExpiresAt {
		t.Errorf("expires at %d", session.ExpiresAt)
	}
	w.Pay(t, session.URL, simtest.Pays)
	w.to(firstEnd.Add(time.Hour))
	gift := w.Sim.Subscriptions()[0]
	payments := w.Sim.Payments()
	if gift.Amount != 750 || gift.Interval != "month" || gift.Metadata["donation"] != "d2" || len(payments) != 2 || payments[0].Subscription != gift.ID {
		t.Errorf("gift %+v, payments %+v", gift, payments)
	}
	line := w.subscription(gift.ID).LatestInvoice.Lines.Data[0]
	if line.Metadata["donation"] != "d2" || line.Subscription.ID != gift.ID {
		t.Errorf("line %+v", line)
	}
}
