package stripesim_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// gift makes a donation's session that also takes direct debits, and pays it.
func (w *world) gift(code, kind, account string) *stripe.CheckoutSession {
	w.t.Helper()
	params := donation(1000, code)
	params.PaymentMethodTypes = stripe.StringSlice([]string{"card", kind})
	session, err := w.api.CheckoutSessions.New(params)
	must(w.t, err)
	if p := w.PayByDebit(w.t, session.URL, account); p.Status != http.StatusSeeOther {
		w.t.Fatalf("status %d, problem %q", p.Status, p.Problem)
	}
	return w.session(session.ID)
}

func (w *world) session(id string) *stripe.CheckoutSession {
	w.t.Helper()
	s, err := w.api.CheckoutSessions.Get(id, expanding("payment_intent.latest_charge"))
	must(w.t, err)
	return s
}

func TestADirectDebitTakesDays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code, kind, account string
		payment, charge     string
		session, status     string
		paid                int
	}{
		"SEPA pays":  {"eur", "sepa_debit", simtest.DebitPays, "succeeded", "succeeded", "async_payment_succeeded", "paid", 1},
		"SEPA fails": {"eur", "sepa_debit", simtest.DebitFails, "requires_payment_method", "failed", "async_payment_failed", "unpaid", 0},
		"Bacs pays":  {"gbp", "bacs_debit", simtest.BacsPays, "succeeded", "succeeded", "async_payment_succeeded", "paid", 1},
		"Bacs fails": {"gbp", "bacs_debit", simtest.BacsFails, "requires_payment_method", "failed", "async_payment_failed", "unpaid", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.gift(c.code, c.kind, c.account)
			pi := s.PaymentIntent
			if s.Status != "complete" || s.PaymentStatus != "unpaid" || pi.Status != "processing" || pi.LatestCharge.Status != "pending" || pi.LatestCharge.BalanceTransaction != nil {
				t.Errorf("at first session %s/%s, payment %s, charge %s", s.Status, s.PaymentStatus, pi.Status, pi.LatestCharge.Status)
			}
			if len(w.Sim.Payments()) != 0 || w.Sim.Refund(pi.ID, 0) == nil {
				t.Error("counted or refunded before it came")
			}
			w.to(start.AddDate(0, 0, 5))
			s = w.session(s.ID)
			if pi := s.PaymentIntent; string(pi.Status) != c.payment || string(pi.LatestCharge.Status) != c.charge || string(s.PaymentStatus) != c.status || len(w.Sim.Payments()) != c.paid {
				t.Errorf("then payment %s, charge %s, session %s, %d payments", pi.Status, pi.LatestCharge.Status, s.PaymentStatus, len(w.Sim.Payments()))
			}
			types := w.types(start.Add(time.Hour))
			if types[len(types)-1] != "checkout.session."+c.session {
				t.Errorf("events %v", types)
			}
		})
	}
}

func TestABankTakesADirectDebitBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.gift("eur", "sepa_debit", simtest.DebitDisputed)
	w.to(start.AddDate(0, 0, 5))
	w.Sim.RunDue()
	p := w.Sim.Payments()[0]
	if p.DisputeStatus != "lost" || p.Disputed != 1000 || p.Fee != 35 {
		t.Errorf("payment %+v", p)
	}
	want := []string{"charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"}
	if diff := cmp.Diff(want, w.about(w.types(start))); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDebitsAreTakenWhereTheyBelong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong := donation(1000, "usd")
	wrong.PaymentMethodTypes = stripe.StringSlice([]string{"sepa_debit"})
	if _, err := w.api.CheckoutSessions.New(wrong); stripeError(t, err).Param != "payment_method_types" {
		t.Errorf("dollars by SEPA: %v", err)
	}
	session, err := w.api.CheckoutSessions.New(donation(1000, "eur"))
	must(t, err)
	if p := w.PayByDebit(t, session.URL, simtest.DebitPays); p.Status != http.StatusPaymentRequired {
		t.Errorf("a session of cards took an account: %d", p.Status)
	}
}

func TestDebitsAreSwitchedOnInTheDashboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *stripesim.Config) { c.Methods = []string{"sepa_debit", "bacs_debit"} })
	for code, want := range map[string][]string{"eur": {"card", "sepa_debit"}, "gbp": {"card", "bacs_debit"}, "usd": {"card"}} {
		session, err := w.api.CheckoutSessions.New(donation(1000, code))
		must(t, err)
		if diff := cmp.Diff(want, session.PaymentMethodTypes); diff != "" {
			t.Errorf("in %s (-want +got):\n%s", code, diff)
		}
	}
	named := donation(1000, "eur")
	named.PaymentMethodTypes = stripe.StringSlice([]string{"card"})
	session, err := w.api.CheckoutSessions.New(named)
	must(t, err)
	if p := w.PayByDebit(t, session.URL, simtest.DebitPays); p.Status != http.StatusPaymentRequired {
		t.Errorf("a session of cards took an account: %d", p.Status)
	}
}

// member subscribes by direct debit.
func (w *world) member(account string) (session, subscription string) {
	w.t.Helper()
	params := &stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://news.example/thanks"),
		LineItems:          []*stripe.CheckoutSessionLineItemParams{{Price: &w.price.ID, Quantity: stripe.Int64(1)}},
		PaymentMethodTypes: stripe.StringSlice([]string{"card", "sepa_debit"}),
	}
	s, err := w.api.CheckoutSessions.New(params)
	must(w.t, err)
	if p := w.PayByDebit(w.t, s.URL, account); p.Status != http.StatusSeeOther {
		w.t.Fatalf("status %d, problem %q", p.Status, p.Problem)
	}
	return s.ID, w.session(s.ID).Subscription.ID
}

func TestASubscriptionByDirectDebit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session, id := w.member(simtest.DebitPays)
	s := w.subscription(id)
	if s.Status != "active" || s.LatestInvoice.Status != "open" || s.LatestInvoice.PaymentIntent.Status != "processing" || w.session(session).PaymentStatus != "unpaid" {
		t.Errorf("at first %s, invoice %s, payment %s", s.Status, s.LatestInvoice.Status, s.LatestInvoice.PaymentIntent.Status)
	}
	if _, err := w.api.Invoices.Pay(s.LatestInvoice.ID, nil); err == nil {
		t.Error("paid twice")
	}
	w.to(start.AddDate(0, 0, 5))
	if s := w.subscription(id); s.Status != "active" || s.LatestInvoice.Status != "paid" || w.session(session).PaymentStatus != "paid" {
		t.Errorf("then %s, invoice %s", s.Status, s.LatestInvoice.Status)
	}
	w.to(start.AddDate(0, 1, 1))
	if s := w.subscription(id); s.Status != "active" || s.LatestInvoice.PaymentIntent.Status != "processing" {
		t.Errorf("at renewal %s, payment %s", s.Status, s.LatestInvoice.PaymentIntent.Status)
	}
	w.to(start.AddDate(0, 1, 6))
	if s := w.subscription(id); s.LatestInvoice.Status != "paid" || len(w.Sim.Payments()) != 2 {
		t.Errorf("renewal's invoice %s, %d payments", s.LatestInvoice.Status, len(w.Sim.Payments()))
	}
}

func TestASubscriptionWhoseDebitBounces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	session, id := w.member(simtest.DebitFails)
	w.to(start.AddDate(0, 0, 5))
	if s := w.subscription(id); s.Status != "past_due" || s.LatestInvoice.Status != "open" || s.LatestInvoice.PaymentIntent.Status != "requires_payment_method" || w.session(session).PaymentStatus != "unpaid" {
		t.Errorf("%s, invoice %s", s.Status, s.LatestInvoice.Status)
	}
	types := w.types(start.Add(time.Hour))
	for _, want := range []string{"charge.failed", "invoice.payment_failed", "checkout.session.async_payment_failed"} {
		if !slices.Contains(types, want) {
			t.Errorf("no %s among %v", want, types)
		}
	}
	w.to(start.AddDate(0, 2, 10))
	if s := w.subscription(id); s.Status != "canceled" || len(w.Sim.Payments()) != 0 {
		t.Errorf("in the end %s, %d payments", s.Status, len(w.Sim.Payments()))
	}
	if got := w.count("checkout.session.async_payment_failed"); got != 1 {
		t.Errorf("the session was told %d times", got)
	}
}

// count counts the events of a type.
func (w *world) count(typ string) (n int) {
	for _, e := range w.Sim.Events() {
		if e.Type == typ {
			n++
		}
	}
	return n
}

func TestADebitThatComesAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		account  string
		invoice  stripe.InvoiceStatus
		payments int
	}{
		"it pays":    {simtest.DebitPays, "paid", 1},
		"it bounces": {simtest.DebitFails, "open", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			_, id := w.member(c.account)
			_, err := w.api.Subscriptions.Cancel(id, nil)
			must(t, err)
			w.to(start.AddDate(0, 0, 6))
			if s := w.subscription(id); s.Status != "canceled" || s.LatestInvoice.Status != c.invoice || len(w.Sim.Payments()) != c.payments {
				t.Errorf("%s, invoice %s, %d payments", s.Status, s.LatestInvoice.Status, len(w.Sim.Payments()))
			}
		})
	}
}

func TestADebitOfAVoidInvoiceIsNotCollected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, id := w.member(simtest.DebitPays)
	_, err := w.api.Invoices.VoidInvoice(w.subscription(id).LatestInvoice.ID, nil)
	must(t, err)
	w.to(start.AddDate(0, 0, 6))
	s := w.subscription(id)
	if pi := s.LatestInvoice.PaymentIntent; s.LatestInvoice.Status != "void" || pi.Status != "canceled" || pi.LatestCharge.Status != "failed" || len(w.Sim.Payments()) != 0 {
		t.Errorf("invoice %s, payment %s, charge %s", s.LatestInvoice.Status, pi.Status, pi.LatestCharge.Status)
	}
}

func TestARenewalByDebitThatIsDeclined(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, id := w.member(simtest.DebitPays)
	w.to(start.AddDate(0, 0, 6))
	must(t, w.Sim.DeclineNextRenewal(id))
	w.to(start.AddDate(0, 1, 1))
	if got := w.subscription(id).Status; got != "active" {
		t.Errorf("while it is processed %s", got)
	}
	w.to(start.AddDate(0, 1, 6))
	if got := w.subscription(id).Status; got != "past_due" {
		t.Errorf("after it bounced %s", got)
	}
}

// The names of Stripe's test payment methods reach accounts too.
func TestASubscriptionThroughTheAPIByDebit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.Sim.Seed(stripesim.Seed{Readers: 2, Price: w.price.ID, Method: "pm_disputed_at"})
	must(t, err)
	if s := w.subscription(made[0].ID); s.Status != "active" || s.LatestInvoice.PaymentIntent.Status != "processing" {
		t.Errorf("%s, payment %s", s.Status, s.LatestInvoice.PaymentIntent.Status)
	}
	w.to(start.AddDate(0, 0, 6))
	for _, p := range w.Sim.Payments() {
		if p.DisputeStatus != "lost" || p.Subscription == "" {
			t.Errorf("payment %+v", p)
		}
	}
	if got := len(w.Sim.Payments()); got != 2 {
		t.Errorf("%d payments", got)
	}
}
