package stripesim_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"newsroom.example/membership/internal/stripesim"
)

// listen registers the shop for events and answers the endpoint with its secret.
func (w *world) listen(s *shop, events ...string) *stripe.WebhookEndpoint {
	w.t.Helper()
	e, err := w.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: stripe.String(s.URL + "/webhooks/stripe"), EnabledEvents: stripe.StringSlice(events), APIVersion: stripe.String(stripesim.APIVersion),
	})
	must(w.t, err)
	return e
}

func (w *world) customer() *stripe.Customer {
	w.t.Helper()
	c, err := w.api.Customers.New(&stripe.CustomerParams{})
	must(w.t, err)
	return c
}

func TestDeliveriesCarryStripesSignature(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	endpoint := w.listen(s, "customer.created")
	params := &stripe.CustomerParams{Email: stripe.String("a@example.org")}
	params.SetIdempotencyKey("once")
	c, err := w.api.Customers.New(params)
	must(t, err)
	w.Quiet(t)
	bodies, signed := s.got()
	if len(bodies) != 1 {
		t.Fatalf("%d deliveries", len(bodies))
	}
	if err := webhook.ValidatePayloadIgnoringTolerance(bodies[0], signed[0], endpoint.Secret); err != nil {
		t.Errorf("stripe-go refuses the signature: %v", err)
	}
	if err := webhook.ValidatePayloadIgnoringTolerance(append(bodies[0], ' '), signed[0], endpoint.Secret); err == nil {
		t.Error("a changed body passes")
	}
	var e stripe.Event
	must(t, json.Unmarshal(bodies[0], &e))
	if e.APIVersion != stripesim.APIVersion || e.PendingWebhooks != 1 || e.Request.IdempotencyKey != "once" || e.Request.ID == "" || e.Livemode {
		t.Errorf("event %+v with request %+v", e, e.Request)
	}
	if e.Data.Object["id"] != c.ID || e.Created != start.Unix() {
		t.Errorf("about %v at %d", e.Data.Object["id"], e.Created)
	}
	got, err := w.api.Events.Get(e.ID, nil)
	must(t, err)
	if got.PendingWebhooks != 0 {
		t.Errorf("after its acceptance %d endpoints pend", got.PendingWebhooks)
	}
	again, err := w.api.WebhookEndpoints.Get(endpoint.ID, nil)
	must(t, err)
	if again.Secret != "" || endpoint.Secret == "" {
		t.Errorf("secret %q at creation, %q later", endpoint.Secret, again.Secret)
	}
}

func TestOnlyWantedEventsAreDelivered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all, some, off := newShop(t), newShop(t), newShop(t)
	w.listen(all, "*")
	w.listen(some, "product.created", "customer.deleted")
	endpoint := w.listen(off, "*")
	_, err := w.api.WebhookEndpoints.Update(endpoint.ID, &stripe.WebhookEndpointParams{Disabled: stripe.Bool(true)})
	must(t, err)
	c := w.customer()
	_, err = w.api.Customers.Del(c.ID, nil)
	must(t, err)
	w.Quiet(t)
	var counts []int
	for _, s := range []*shop{all, some, off} {
		bodies, _ := s.got()
		counts = append(counts, len(bodies))
	}
	if diff := cmp.Diff([]int{2, 1, 0}, counts); diff != "" {
		t.Errorf("all, some, disabled (-want +got):\n%s", diff)
	}
}

func TestARefusedDeliveryIsRepeatedWithAFreshSignature(t *testing.T) {
	t.Parallel()
	for _, refusal := range []int{http.StatusInternalServerError, http.StatusBadRequest, http.StatusFound} {
		t.Run(http.StatusText(refusal), func(t *testing.T) {
			t.Parallel()
			w, s := newWorld(t), newShop(t)
			w.listen(s, "customer.created")
			s.answer(refusal)
			w.customer()
			w.Quiet(t)
			w.Quiet(t)
			if bodies, _ := s.got(); len(bodies) != 1 {
				t.Fatalf("%d deliveries before the wait was over", len(bodies))
			}
			s.answer(0)
			w.to(start.Add(2 * time.Second))
			w.Quiet(t)
			bodies, signed := s.got()
			if len(bodies) != 2 || signed[0] == signed[1] {
				t.Fatalf("%d deliveries, signatures %q", len(bodies), signed)
			}
			w.to(start.AddDate(0, 0, 7))
			w.Quiet(t)
			if bodies, _ := s.got(); len(bodies) != 2 {
				t.Errorf("%d deliveries after it was accepted", len(bodies))
			}
			log := w.Sim.Deliveries()
			if len(log) != 2 || !log[0].OK() || log[1].OK() || log[1].Status != refusal || log[0].Type != "customer.created" {
				t.Errorf("log %+v", log)
			}
		})
	}
}

func TestADeadEndpointIsGivenUpAfterThreeDays(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	s.Close()
	w.customer()
	w.Quiet(t)
	for day := range 6 {
		for hour := range 24 {
			w.to(start.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour))
			w.Quiet(t)
		}
	}
	log := w.Sim.Deliveries()
	first, last := log[len(log)-1], log[0]
	if span := last.At.Sub(first.At); span < 48*time.Hour || span > 96*time.Hour || last.Error == "" || last.Status != 0 {
		t.Errorf("%d attempts over %s, the last %+v", len(log), span, last)
	}
}

func TestLostEventsArriveOnlyWhenResent(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	w.Sim.LoseNextWebhooks(2)
	w.customer()
	lost := w.Sim.Events()[0]
	w.customer()
	w.customer()
	w.Quiet(t)
	w.to(start.AddDate(0, 0, 7))
	w.Quiet(t)
	if bodies, _ := s.got(); len(bodies) != 1 {
		t.Fatalf("%d deliveries, want the third only", len(bodies))
	}
	w.Sim.LoseNextWebhooks(1)
	must(t, w.Sim.Resend(lost.ID))
	w.Quiet(t)
	bodies, _ := s.got()
	var e stripe.Event
	must(t, json.Unmarshal(bodies[len(bodies)-1], &e))
	if len(bodies) != 2 || e.ID != lost.ID {
		t.Errorf("%d deliveries, the last %s", len(bodies), e.ID)
	}
	if err := w.Sim.Resend("evt_none"); err == nil {
		t.Error("an unknown event was resent")
	}
}

func TestHeldBackDeliveriesGoWhenStarted(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	w.Sim.StopDelivering()
	for range 3 {
		w.customer()
	}
	w.Quiet(t)
	if bodies, _ := s.got(); len(bodies) != 0 {
		t.Fatalf("%d deliveries while stopped", len(bodies))
	}
	if got := w.Sim.Events()[0].Pending; got != 1 {
		t.Errorf("%d pending", got)
	}
	w.Sim.StartDelivering()
	w.Quiet(t)
	if bodies, _ := s.got(); len(bodies) != 3 {
		t.Errorf("%d deliveries after the start", len(bodies))
	}
}

func TestListenFindsItsEndpointAgain(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	secret, err := w.Sim.Listen(s.URL, "customer.created")
	must(t, err)
	again, err := w.Sim.Listen(s.URL)
	must(t, err)
	if secret == "" || again != secret {
		t.Errorf("secrets %q and %q", secret, again)
	}
	c := w.customer()
	_, err = w.api.Customers.Del(c.ID, nil)
	must(t, err)
	w.Quiet(t)
	bodies, signed := s.got()
	if len(bodies) != 2 {
		t.Fatalf("%d deliveries", len(bodies))
	}
	if err := webhook.ValidatePayloadIgnoringTolerance(bodies[0], signed[0], secret); err != nil {
		t.Error(err)
	}
	if _, err := w.Sim.Listen("webhooks/stripe"); err == nil {
		t.Error("a relative address was taken")
	}
}

func TestResendDoesNotWaitForTheNextAttempt(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	s.answer(http.StatusServiceUnavailable)
	w.customer()
	w.Quiet(t)
	s.answer(0)
	event := w.Sim.Events()[0]
	must(t, w.Sim.Resend(event.ID))
	w.Quiet(t)
	if bodies, _ := s.got(); len(bodies) != 2 || w.Sim.Events()[0].Pending != 0 {
		t.Errorf("%d deliveries, %d pending", len(bodies), w.Sim.Events()[0].Pending)
	}
	w.to(start.AddDate(0, 0, 1))
	w.Quiet(t)
	if bodies, _ := s.got(); len(bodies) != 2 {
		t.Errorf("%d deliveries after the retry that was planned", len(bodies))
	}
}
