package stripesim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// frozenAt is a time that the simulator's own clock has long passed.
var frozenAt = time.Date(2024, time.May, 31, 8, 0, 0, 0, time.UTC)

// onClock makes a test clock and a customer who lives by it.
func (w *world) onClock() (clock, customer string) {
	w.t.Helper()
	c, err := w.api.TestHelpersTestClocks.New(&stripe.TestHelpersTestClockParams{FrozenTime: stripe.Int64(frozenAt.Unix()), Name: stripe.String("A year")})
	must(w.t, err)
	who, err := w.api.Customers.New(&stripe.CustomerParams{TestClock: &c.ID})
	must(w.t, err)
	if c.Status != "ready" || who.Created != frozenAt.Unix() || who.TestClock.ID != c.ID {
		w.t.Errorf("clock %s, customer created %d by %v", c.Status, who.Created, who.TestClock)
	}
	return c.ID, who.ID
}

func (w *world) advance(clock string, to time.Time) {
	w.t.Helper()
	c, err := w.api.TestHelpersTestClocks.Advance(clock, &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: stripe.Int64(to.Unix())})
	must(w.t, err)
	if c.Status != "advancing" {
		w.t.Errorf("the answer says %s", c.Status)
	}
	now, err := w.api.TestHelpersTestClocks.Get(clock, nil)
	must(w.t, err)
	if now.Status != "ready" || now.FrozenTime != to.Unix() {
		w.t.Errorf("then %s at %d", now.Status, now.FrozenTime)
	}
}

// A customer of a test clock lives by it, and nobody else does.
// https://docs.stripe.com/billing/testing/test-clocks
func TestATestClockMovesItsCustomersOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.subscribe(simtest.Pays)
	clock, customer := w.onClock()
	sub := w.subscribeThrough(customer)
	june := time.Date(2024, time.June, 30, 8, 0, 0, 0, time.UTC)
	if sub.Created != frozenAt.Unix() || sub.CurrentPeriodEnd != june.Unix() || sub.LatestInvoice.PaymentIntent.LatestCharge.Created != frozenAt.Unix() {
		t.Errorf("made %d, until %d", sub.Created, sub.CurrentPeriodEnd)
	}
	w.to(start.AddDate(0, 0, 20))
	if n := len(w.invoices(sub.ID)); n != 1 {
		t.Errorf("the simulator's time has moved it: %d invoices", n)
	}
	w.advance(clock, june.Add(time.Hour))
	invoices := w.invoices(sub.ID)
	if len(invoices) != 2 || !invoices[1].Paid || invoices[1].Created != june.Unix() || invoices[1].StatusTransitions.PaidAt != june.Add(time.Hour).Unix() {
		t.Fatalf("after a month %d invoices: %+v", len(invoices), invoices[len(invoices)-1])
	}
	w.advance(clock, june.AddDate(0, 1, 20))
	if n := len(w.invoices(sub.ID)); n != 3 {
		t.Errorf("after two months %d invoices", n)
	}
	if n := len(w.invoices(other.ID)); n != 1 {
		t.Errorf("another reader has %d invoices", n)
	}
	for _, e := range w.Sim.Events() {
		if e.Created.Before(start) {
			t.Errorf("event %s is dated %s", e.Type, e.Created)
		}
	}
}

func TestATestClocksCustomersAreListedWhenAskedForAndGoWithIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock, customer := w.onClock()
	sub := w.subscribeThrough(customer)
	count := func(filter *string) (n int) {
		list := w.api.Customers.List(&stripe.CustomerListParams{TestClock: filter})
		for list.Next() {
			n++
		}
		subs := w.api.Subscriptions.List(&stripe.SubscriptionListParams{TestClock: filter})
		for subs.Next() {
			n++
		}
		must(t, list.Err())
		must(t, subs.Err())
		return n
	}
	if plain, asked := count(nil), count(&clock); plain != 0 || asked != 2 {
		t.Errorf("%d in plain lists, %d of the clock's", plain, asked)
	}
	for name, to := range map[string]time.Time{"backwards": frozenAt.Add(-time.Second), "three months": frozenAt.AddDate(0, 3, 0)} {
		_, err := w.api.TestHelpersTestClocks.Advance(clock, &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: stripe.Int64(to.Unix())})
		if got := stripeError(t, err); got.HTTPStatusCode != http.StatusBadRequest {
			t.Errorf("%s: %+v", name, got)
		}
	}
	gone, err := w.api.TestHelpersTestClocks.Del(clock, nil)
	must(t, err)
	who, err := w.api.Customers.Get(customer, nil)
	must(t, err)
	if !gone.Deleted || !who.Deleted || w.subscription(sub.ID).Status != "canceled" {
		t.Errorf("clock deleted %v, customer %v, subscription %s", gone.Deleted, who.Deleted, w.subscription(sub.ID).Status)
	}
}

// Hosted pages are read by the customer's clock too, and what is planned on it
// outlives the process.
func TestATestClockReachesThePagesAndTheStateFile(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/state.json"
	w := newWorld(t, func(c *stripesim.Config) { c.StatePath = path })
	clock, customer := w.onClock()
	p := w.sessionParams()
	p.Customer = &customer
	session, err := w.api.CheckoutSessions.New(p)
	must(t, err)
	sub := w.buy(session, simtest.Pays)
	if sub.Created != frozenAt.Unix() {
		t.Errorf("bought at %d", sub.Created)
	}
	w.CancelInPortal(t, w.portal(customer).URL)
	if now := w.subscription(sub.ID); now.CanceledAt != frozenAt.Unix() {
		t.Errorf("cancelled at %d", now.CanceledAt)
	}
	again, err := stripesim.New(stripesim.Config{Clock: w.clock.Now, StatePath: path})
	must(t, err)
	defer func() { must(t, again.Close()) }()
	ask(t, again, "POST", "/v1/test_helpers/test_clocks/"+clock+"/advance", "frozen_time=1719738000")
	again.RunDue()
	for _, s := range again.Subscriptions() {
		if s.ID == sub.ID && s.Status != "canceled" {
			t.Errorf("in the next process it is %s", s.Status)
		}
	}
}
