package stripesim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// start is when every test begins: the last day of a month, so that month
// arithmetic shows its faults.
var start = time.Date(2025, time.January, 31, 10, 30, 0, 0, time.UTC)

// clock is a clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// world is a simulator with a product, a monthly price and a Stripe client.
type world struct {
	*simtest.Server
	t     *testing.T
	api   *client.API
	clock *clock
	price *stripe.Price
}

func newWorld(t *testing.T, change ...func(*stripesim.Config)) *world {
	t.Helper()
	c := &clock{now: start}
	cfg := stripesim.Config{Clock: c.Now}
	for _, f := range change {
		f(&cfg)
	}
	w := &world{Server: simtest.StartWith(t, cfg), t: t, clock: c}
	w.api = w.Client()
	w.price = w.newPrice(500, "month")
	return w
}

func (w *world) newPrice(amount int64, interval string) *stripe.Price {
	w.t.Helper()
	params := &stripe.PriceParams{
		Currency: stripe.String("eur"), UnitAmount: stripe.Int64(amount),
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Membership")},
	}
	if interval != "" {
		params.Recurring = &stripe.PriceRecurringParams{Interval: stripe.String(interval)}
	}
	p, err := w.api.Prices.New(params)
	must(w.t, err)
	return p
}

// checkout makes a subscription session for the world's price.
func (w *world) checkout() *stripe.CheckoutSession {
	w.t.Helper()
	s, err := w.api.CheckoutSessions.New(w.sessionParams())
	must(w.t, err)
	return s
}

func (w *world) sessionParams() *stripe.CheckoutSessionParams {
	return &stripe.CheckoutSessionParams{
		Mode:              stripe.String("subscription"),
		LineItems:         []*stripe.CheckoutSessionLineItemParams{{Price: &w.price.ID, Quantity: stripe.Int64(1)}},
		SuccessURL:        stripe.String("https://news.example/thanks?session={CHECKOUT_SESSION_ID}"),
		CancelURL:         stripe.String("https://news.example/membership"),
		ClientReferenceID: stripe.String("member-7"),
		SubscriptionData:  &stripe.CheckoutSessionSubscriptionDataParams{Metadata: map[string]string{"member": "7"}},
	}
}

// subscribe takes a reader through checkout and answers the subscription.
func (w *world) subscribe(card string) *stripe.Subscription {
	w.t.Helper()
	session := w.checkout()
	if p := w.Pay(w.t, session.URL, card); p.Status != http.StatusSeeOther {
		w.t.Fatalf("checkout: status %d, problem %q", p.Status, p.Problem)
	}
	done, err := w.api.CheckoutSessions.Get(session.ID, nil)
	must(w.t, err)
	return w.subscription(done.Subscription.ID)
}

func (w *world) subscription(id string) *stripe.Subscription {
	w.t.Helper()
	params := &stripe.SubscriptionParams{}
	params.AddExpand("latest_invoice.payment_intent.latest_charge")
	s, err := w.api.Subscriptions.Get(id, params)
	must(w.t, err)
	return s
}

// to moves the clock and lets everything happen that was due.
func (w *world) to(at time.Time) {
	w.t.Helper()
	w.clock.set(at)
	w.Sim.RunDue()
}

// types lists the events since a moment, the oldest first.
func (w *world) types(since time.Time) []string {
	var out []string
	for _, e := range w.Sim.Events() {
		if !e.Created.Before(since) {
			out = append([]string{e.Type}, out...)
		}
	}
	return out
}

// previous answers what the n-th newest event says was before.
func (w *world) previous(n int) map[string]any {
	w.t.Helper()
	var body struct {
		Data struct {
			Previous map[string]any `json:"previous_attributes"`
		}
	}
	must(w.t, json.Unmarshal(w.Sim.Events()[n].Body, &body))
	return body.Data.Previous
}

// shop is an endpoint that records what it is sent.
type shop struct {
	*httptest.Server
	mu     sync.Mutex
	bodies [][]byte
	signed []string
	status int    // what it answers; 0 is 200
	then   func() // what it does at each arrival
}

func newShop(t *testing.T) *shop {
	s := &shop{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/elsewhere" {
		return // where redirects lead: 200, and nothing is recorded
	}
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.bodies = append(s.bodies, body)
		s.signed = append(s.signed, r.Header.Get("Stripe-Signature"))
	}
	if s.then != nil {
		s.then()
	}
	if s.status != 0 {
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(s.status)
	}
}

func (s *shop) answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *shop) onArrival(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.then = f
}

// got copies what has arrived.
func (s *shop) got() (bodies [][]byte, signatures []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bodies), slices.Clone(s.signed)
}

// show answers the text of a hosted page.
func show(t testing.TB, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(body)
}
