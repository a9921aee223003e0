package stripesim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func TestAReaderProvesWhoTheyAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session := w.checkout()
	if p := w.Pay(t, session.URL, simtest.ProvesOnce); p.Status != http.StatusOK || !strings.Contains(p.Body, "Prove that it is you") {
		t.Fatalf("after the card: %d %s", p.Status, p.Body)
	}
	if got := w.Sim.Subscriptions()[0]; got.Status != "incomplete" || len(w.Sim.Payments()) != 0 {
		t.Errorf("before the proof %s, %d payments", got.Status, len(w.Sim.Payments()))
	}
	pi := w.invoiceOf(w.Sim.Subscriptions()[0].ID).PaymentIntent
	if pi.Status != "requires_action" || pi.LatestCharge != nil || pi.NextAction.Type != "use_stripe_sdk" {
		t.Errorf("payment %s, charge %v", pi.Status, pi.LatestCharge)
	}
	if p := w.Prove(t, session.URL); p.Status != http.StatusSeeOther {
		t.Fatalf("after the proof: %d %q", p.Status, p.Problem)
	}
	if got := w.Sim.Subscriptions()[0]; got.Status != "active" || len(w.Sim.Payments()) != 1 {
		t.Errorf("after the proof %s, %d payments", got.Status, len(w.Sim.Payments()))
	}
	types := w.types(start)
	for _, want := range []string{"payment_intent.requires_action", "invoice.payment_action_required", "checkout.session.completed"} {
		if !slices.Contains(types, want) {
			t.Errorf("no %s among %v", want, types)
		}
	}
	w.to(start.AddDate(0, 1, 1))
	if got := len(w.Sim.Payments()); got != 2 {
		t.Errorf("%d payments after a renewal of a card that was set up", got)
	}
}

func (w *world) invoiceOf(subscription string) *stripe.Invoice {
	w.t.Helper()
	params := &stripe.InvoiceListParams{Subscription: &subscription}
	params.AddExpand("data.payment_intent")
	list := w.api.Invoices.List(params)
	if !list.Next() {
		w.t.Fatalf("no invoice: %v", list.Err())
	}
	return list.Invoice()
}

func TestWhoCannotProveItDoesNotPay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session, err := w.api.CheckoutSessions.New(donation(1000, "eur"))
	must(t, err)
	w.Pay(t, session.URL, simtest.ProvesAlways)
	if p := w.FailProof(t, session.URL); p.Status != http.StatusPaymentRequired || !strings.Contains(p.Problem, "unable to authenticate") {
		t.Errorf("%d %q", p.Status, p.Problem)
	}
	got, err := w.api.CheckoutSessions.Get(session.ID, expanding("payment_intent"))
	must(t, err)
	if pi := got.PaymentIntent; got.Status != "open" || pi.Status != "requires_payment_method" || pi.LastPaymentError.Code != "payment_intent_authentication_failure" {
		t.Errorf("session %s, payment %s", got.Status, pi.Status)
	}
	w.Pay(t, session.URL, simtest.ProvesInVain)
	if p := w.Prove(t, session.URL); p.Status != http.StatusPaymentRequired || !strings.Contains(p.Problem, "insufficient funds") {
		t.Errorf("a proof in vain: %d %q", p.Status, p.Problem)
	}
	w.Pay(t, session.URL, simtest.ProvesAlways)
	if p := w.Prove(t, session.URL); p.Status != http.StatusSeeOther || len(w.Sim.Payments()) != 1 {
		t.Errorf("the last try: %d %q, %d payments", p.Status, p.Problem, len(w.Sim.Payments()))
	}
}

func expanding(paths ...string) *stripe.CheckoutSessionParams {
	params := &stripe.CheckoutSessionParams{}
	for _, path := range paths {
		params.AddExpand(path)
	}
	return params
}

// renewed is after the first renewal has been tried.
var renewed = start.AddDate(0, 0, 28).Add(2 * time.Hour)

// lateProof takes a reader to a renewal that waits for their proof.
func (w *world) lateProof() (subscription, invoicePage string) {
	w.t.Helper()
	session := w.checkout()
	w.Pay(w.t, session.URL, simtest.ProvesAlways)
	w.Prove(w.t, session.URL)
	w.to(renewed)
	id := w.Sim.Subscriptions()[0].ID
	return id, w.invoiceOf(id).HostedInvoiceURL
}

func TestARenewalWaitsForItsReadersProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, page := w.lateProof()
	if got := w.subscription(id); got.Status != "past_due" || got.LatestInvoice.Status != "open" || got.LatestInvoice.PaymentIntent.Status != "requires_action" || got.LatestInvoice.NextPaymentAttempt != 0 {
		t.Errorf("subscription %s, invoice %s, payment %s", got.Status, got.LatestInvoice.Status, got.LatestInvoice.PaymentIntent.Status)
	}
	types := w.types(start.AddDate(0, 0, 1))
	for _, want := range []string{"payment_intent.requires_action", "invoice.payment_action_required", "invoice.payment_failed"} {
		if !slices.Contains(types, want) {
			t.Errorf("no %s among %v", want, types)
		}
	}
	_, err := w.api.Invoices.Pay(w.subscription(id).LatestInvoice.ID, nil)
	if got := stripeError(t, err); got.HTTPStatusCode != 402 || got.Code != "invoice_payment_intent_requires_action" {
		t.Errorf("paying it by the API: %+v", got)
	}
	w.to(renewed.AddDate(0, 0, 8))
	if got := len(w.Sim.Payments()); got != 1 {
		t.Errorf("%d payments without a proof", got)
	}
	if p := w.FailProof(t, page); p.Status != http.StatusPaymentRequired {
		t.Errorf("a proof that failed: %d", p.Status)
	}
	w.PayInvoice(t, page, simtest.ProvesAlways)
	if p := w.Prove(t, page); p.Status != http.StatusOK || !strings.Contains(p.Body, "is paid") {
		t.Errorf("a proof that was given: %d %s", p.Status, p.Body)
	}
	if got := w.subscription(id); got.Status != "active" || got.LatestInvoice.Status != "paid" {
		t.Errorf("subscription %s, invoice %s", got.Status, got.LatestInvoice.Status)
	}
}

func TestARenewalThatNobodyProvesIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(w *world, subscription, page string){
		"nobody came":        func(*world, string, string) {},
		"somebody failed it": func(w *world, _, page string) { w.FailProof(w.t, page) },
		"they had left before": func(w *world, id, _ string) {
			_, err := w.api.Subscriptions.Cancel(id, nil)
			must(w.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id, page := w.lateProof()
			w.to(renewed.AddDate(0, 0, 14))
			if got := w.subscription(id).Status; got != "past_due" {
				t.Errorf("before the time was over %s", got)
			}
			meanwhile(w, id, page)
			w.to(renewed.AddDate(0, 0, 15))
			if got := w.subscription(id).Status; got != "canceled" {
				t.Errorf("after it %s", got)
			}
			ends := 0
			for _, typ := range w.types(start) {
				if typ == "customer.subscription.deleted" {
					ends++
				}
			}
			if ends != 1 {
				t.Errorf("it ended %d times", ends)
			}
			if p := w.PayInvoice(t, page+"0", simtest.Pays); p.Status != http.StatusNotFound {
				t.Errorf("an unknown invoice: %d", p.Status)
			}
		})
	}
}

func TestAnOpenInvoiceIsPaidOnItsPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.subscribe(simtest.DeclinesLater).ID
	w.to(renewed)
	invoice := w.invoiceOf(id)
	if p := w.PayInvoice(t, invoice.HostedInvoiceURL, simtest.Declined); p.Status != http.StatusPaymentRequired || p.Problem == "" {
		t.Errorf("a declined card: %d %q", p.Status, p.Problem)
	}
	w.PayInvoice(t, invoice.HostedInvoiceURL, simtest.Pays)
	if got := w.subscription(id); got.Status != "active" || got.LatestInvoice.Status != "paid" {
		t.Errorf("subscription %s, invoice %s", got.Status, got.LatestInvoice.Status)
	}
	w.PayInvoice(t, invoice.HostedInvoiceURL, simtest.Pays)
	if got := len(w.Sim.Payments()); got != 2 {
		t.Errorf("%d payments after paying twice", got)
	}
}

// A card that must be proved can be attached; its first payment then waits.
func TestASubscriptionThroughTheAPIWaitsForProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.Sim.Seed(stripesim.Seed{Readers: 1, Price: w.price.ID, Method: "pm_card_authenticationRequired"})
	must(t, err)
	s := w.subscription(made[0].ID)
	if s.Status != "incomplete" || s.LatestInvoice.PaymentIntent.Status != "requires_action" || w.count("invoice.payment_action_required") != 1 {
		t.Errorf("%s, payment %s", s.Status, s.LatestInvoice.PaymentIntent.Status)
	}
	w.Prove(t, s.LatestInvoice.HostedInvoiceURL)
	w.to(renewed)
	if got := w.subscription(s.ID); got.Status != "past_due" || len(w.Sim.Payments()) != 1 {
		t.Errorf("at its renewal %s, %d payments", got.Status, len(w.Sim.Payments()))
	}
}

// Each card of Stripe's list that declines says why in Stripe's words.
func TestCardsThatDecline(t *testing.T) {
	t.Parallel()
	for number, want := range map[string][2]string{
		"4000 0000 0000 0002": {"card_declined", "generic_decline"},
		"4000 0000 0000 9995": {"card_declined", "insufficient_funds"},
		"4000 0000 0000 9987": {"card_declined", "lost_card"},
		"4000 0000 0000 9979": {"card_declined", "stolen_card"},
		"4000 0000 0000 0069": {"expired_card", ""},
		"4000 0000 0000 0127": {"incorrect_cvc", ""},
		"4000 0000 0000 0119": {"processing_error", ""},
	} {
		w := newWorld(t)
		pi := w.donate(donation(1000, "eur"), number).PaymentIntent
		got := [2]string{string(pi.LastPaymentError.Code), string(pi.LastPaymentError.DeclineCode)}
		if got != want || len(w.Sim.Payments()) != 0 {
			t.Errorf("%s: %v, want %v", number, got, want)
		}
	}
}

func TestFeesInTheCurrencyOfTheBalance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *stripesim.Config) {
		c.Settlement, c.Rates = "eur", map[string]float64{"usd": 0.9, "jpy": 0.006}
	})
	for code, want := range map[string]struct{ paid, amount, fee int64 }{
		"usd": {1000, 900, 39}, "jpy": {2000, 1200, 43}, "eur": {1000, 1000, 40}, "gbp": {1000, 1000, 40},
	} {
		txn := w.donate(donation(want.paid, code), simtest.Pays).PaymentIntent.LatestCharge.BalanceTransaction
		if txn.Amount != want.amount || txn.Fee != want.fee || txn.Net != want.amount-want.fee || (txn.Currency == "eur") == (code == "gbp") {
			t.Errorf("%s: booked %d %s, fee %d", code, txn.Amount, txn.Currency, txn.Fee)
		}
		if exchanged := code == "usd" || code == "jpy"; exchanged != (txn.ExchangeRate != 0) {
			t.Errorf("%s: rate %v", code, txn.ExchangeRate)
		}
	}
	day := stripesim.Day{Date: start.Format(time.DateOnly), Currency: "usd"}
	if diff := cmp.Diff(stripesim.Total{Count: 1, Amount: 1000, Fee: 39}, w.Sim.DailyTotals()[day]); diff != "" {
		t.Errorf("the day's total (-want +got):\n%s", diff)
	}
}
