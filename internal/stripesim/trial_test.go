package stripesim_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// trialEnd is when a trial of fourteen days from start ends.
var trialEnd = start.AddDate(0, 0, 14)

// trial makes a session with a trial of fourteen days.
func (w *world) trial(change ...func(*stripe.CheckoutSessionParams)) *stripe.CheckoutSession {
	w.t.Helper()
	p := w.sessionParams()
	p.SubscriptionData.TrialPeriodDays = stripe.Int64(14)
	for _, f := range change {
		f(p)
	}
	s, err := w.api.CheckoutSessions.New(p)
	must(w.t, err)
	return s
}

// buy pays a session and answers the subscription.
func (w *world) buy(session *stripe.CheckoutSession, card string) *stripe.Subscription {
	w.t.Helper()
	if p := w.Pay(w.t, session.URL, card); p.Status != http.StatusSeeOther {
		w.t.Fatalf("checkout: status %d, problem %q", p.Status, p.Problem)
	}
	done, err := w.api.CheckoutSessions.Get(session.ID, nil)
	must(w.t, err)
	return w.subscription(done.Subscription.ID)
}

func TestATrialCostsNothingAndThenThePrice(t *testing.T) {
	t.Parallel()
	for card, want := range map[string]stripe.SubscriptionStatus{simtest.Pays: "active", simtest.DeclinesLater: "past_due"} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			session := w.trial()
			if session.AmountTotal != 0 {
				t.Errorf("the session asks for %d", session.AmountTotal)
			}
			sub := w.buy(session, card)
			line := sub.LatestInvoice.Lines.Data[0]
			if sub.Status != "trialing" || sub.TrialEnd != trialEnd.Unix() || sub.CurrentPeriodEnd != trialEnd.Unix() || sub.BillingCycleAnchor != trialEnd.Unix() {
				t.Errorf("%s until %d, period until %d", sub.Status, sub.TrialEnd, sub.CurrentPeriodEnd)
			}
			if !sub.LatestInvoice.Paid || sub.LatestInvoice.PaymentIntent != nil || line.Amount != 0 || line.Period.End != trialEnd.Unix() {
				t.Errorf("the trial's invoice: %+v, line %+v", sub.LatestInvoice, line)
			}
			w.to(trialEnd)
			if now := w.subscription(sub.ID); now.Status != "active" || now.LatestInvoice.Status != "draft" || now.CurrentPeriodStart != trialEnd.Unix() {
				t.Errorf("at the trial's end %s, invoice %s", now.Status, now.LatestInvoice.Status)
			}
			w.to(trialEnd.Add(time.Hour))
			if now := w.subscription(sub.ID); now.Status != want || now.LatestInvoice.Total != 500 {
				t.Errorf("an hour later %s, want %s; total %d", now.Status, want, now.LatestInvoice.Total)
			}
			told := w.types(trialEnd.AddDate(0, 0, -3))
			if !slices.Contains(told, "customer.subscription.trial_will_end") || w.has(trialEnd.AddDate(0, 0, -3).Add(time.Second), "customer.subscription.trial_will_end") {
				t.Errorf("the end was not told three days before: %v", told)
			}
		})
	}
}

// has says whether there has been an event of a type since a moment.
func (w *world) has(since time.Time, typ string) bool { return slices.Contains(w.types(since), typ) }

func TestATrialWithoutACardEndsAsAsked(t *testing.T) {
	t.Parallel()
	for behavior, want := range map[string]stripe.SubscriptionStatus{"cancel": "canceled", "pause": "paused", "create_invoice": "past_due"} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			session := w.trial(func(p *stripe.CheckoutSessionParams) {
				p.PaymentMethodCollection = stripe.String("if_required")
				p.SubscriptionData.TrialSettings = &stripe.CheckoutSessionSubscriptionDataTrialSettingsParams{
					EndBehavior: &stripe.CheckoutSessionSubscriptionDataTrialSettingsEndBehaviorParams{MissingPaymentMethod: &behavior},
				}
			})
			sub := w.buy(session, "")
			done, err := w.api.CheckoutSessions.Get(session.ID, nil)
			must(t, err)
			if sub.DefaultPaymentMethod != nil || done.PaymentStatus != "no_payment_required" {
				t.Errorf("payment method %v, session %s", sub.DefaultPaymentMethod, done.PaymentStatus)
			}
			w.to(trialEnd.Add(time.Hour))
			now := w.subscription(sub.ID)
			if now.Status != want {
				t.Errorf("%s, want %s", now.Status, want)
			}
			if invoices := w.invoices(sub.ID); (behavior == "create_invoice") != (len(invoices) == 2) {
				t.Errorf("%d invoices", len(invoices))
			}
			if behavior == "pause" {
				w.resumes(sub.ID, sub.Customer.ID)
			}
		})
	}
}

// resumes gives the customer a card and resumes a paused subscription.
func (w *world) resumes(subscription, customer string) {
	w.t.Helper()
	w.card(customer, "pm_card_visa")
	now := trialEnd.AddDate(0, 1, 0)
	w.to(now)
	_, err := w.api.Subscriptions.Resume(subscription, &stripe.SubscriptionResumeParams{BillingCycleAnchor: stripe.String("now")})
	must(w.t, err)
	sub := w.subscription(subscription)
	if sub.Status != "active" || sub.CurrentPeriodStart != now.Unix() || !sub.LatestInvoice.Paid || sub.LatestInvoice.Total != 500 {
		w.t.Errorf("resumed: %s, paid %v of %d", sub.Status, sub.LatestInvoice.Paid, sub.LatestInvoice.Total)
	}
	if !w.has(now, "customer.subscription.resumed") {
		w.t.Errorf("not told: %v", w.types(now))
	}
	_, err = w.api.Subscriptions.Resume(subscription, nil)
	if got := stripeError(w.t, err); got.HTTPStatusCode != http.StatusBadRequest {
		w.t.Errorf("resumed twice: %v", got)
	}
}

// card attaches a test payment method and makes it the customer's default.
func (w *world) card(customer, method string) *stripe.PaymentMethod {
	w.t.Helper()
	pm, err := w.api.PaymentMethods.Attach(method, &stripe.PaymentMethodAttachParams{Customer: &customer})
	must(w.t, err)
	_, err = w.api.Customers.Update(customer, &stripe.CustomerParams{InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &pm.ID}})
	must(w.t, err)
	return pm
}

// invoices lists a subscription's invoices, the oldest first.
func (w *world) invoices(subscription string) []*stripe.Invoice {
	w.t.Helper()
	var out []*stripe.Invoice
	list := w.api.Invoices.List(&stripe.InvoiceListParams{Subscription: &subscription})
	for list.Next() {
		out = append([]*stripe.Invoice{list.Invoice()}, out...)
	}
	must(w.t, list.Err())
	return out
}

func TestATrialCanEndNowOrLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.buy(w.trial(), simtest.Pays)
	later := trialEnd.AddDate(0, 0, 10)
	_, err := w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{TrialEnd: stripe.Int64(later.Unix())})
	must(t, err)
	w.to(trialEnd.Add(time.Hour))
	if now := w.subscription(sub.ID); now.Status != "trialing" || now.CurrentPeriodEnd != later.Unix() {
		t.Fatalf("prolonged: %s until %d", now.Status, now.CurrentPeriodEnd)
	}
	at := trialEnd.AddDate(0, 0, 2)
	w.to(at)
	_, err = w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{TrialEndNow: stripe.Bool(true)})
	must(t, err)
	now := w.subscription(sub.ID)
	if now.Status != "active" || now.CurrentPeriodStart != at.Unix() || !now.LatestInvoice.Paid || now.LatestInvoice.Total != 500 {
		t.Errorf("ended now: %s, period from %d, paid %v of %d", now.Status, now.CurrentPeriodStart, now.LatestInvoice.Paid, now.LatestInvoice.Total)
	}
	w.to(at.AddDate(0, 1, 1))
	if got := w.Sim.Totals()["eur"].Count; got != 2 {
		t.Errorf("%d payments, want the first month and the second", got)
	}
}

func TestTrialsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(*stripe.CheckoutSessionSubscriptionDataParams){
		"both": func(p *stripe.CheckoutSessionSubscriptionDataParams) {
			p.TrialEnd, p.TrialPeriodDays = stripe.Int64(trialEnd.Unix()), stripe.Int64(14)
		},
		"too soon": func(p *stripe.CheckoutSessionSubscriptionDataParams) {
			p.TrialEnd = stripe.Int64(start.Add(47 * time.Hour).Unix())
		},
		"too long": func(p *stripe.CheckoutSessionSubscriptionDataParams) { p.TrialPeriodDays = stripe.Int64(731) },
	} {
		p := w.sessionParams()
		change(p.SubscriptionData)
		_, err := w.api.CheckoutSessions.New(p)
		if got := stripeError(t, err); got.HTTPStatusCode != http.StatusBadRequest || got.Param == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	session := w.trial()
	if p := w.Pay(t, session.URL, simtest.Declined); p.Problem != "Your card was declined." {
		t.Errorf("a declined card begins a trial: %d %q", p.Status, p.Problem)
	}
}

func TestInvoiceUpcomingIsToldAWeekBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	told := firstEnd.AddDate(0, 0, -7)
	w.to(told)
	if diff := cmp.Diff([]string{"invoice.upcoming"}, w.types(told)); diff != "" {
		t.Errorf("a week before (-want +got):\n%s", diff)
	}
	_, err := w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)})
	must(t, err)
	w.to(firstEnd.AddDate(0, 2, 0))
	if n := len(w.invoices(sub.ID)); n != 1 {
		t.Errorf("%d invoices", n)
	}
}
