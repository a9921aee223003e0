package stripesim_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// A simulator that is never closed is one that was killed.
func TestASecondStartFindsItsData(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stripe", "state.json")
	keep := func(c *stripesim.Config) { c.StatePath = path }
	w, s := newWorld(t, keep), newShop(t)
	endpoint := w.listen(s, "invoice.paid", "customer.created")
	sub := w.subscribe(simtest.Pays)
	w.Quiet(t)
	w.Sim.StopDelivering()
	first := w.send("POST", "/v1/customers", "name=Ada", key("k1"))
	before := w.Sim.Subscriptions()
	arrived, _ := s.got()

	killed, err := os.ReadFile(path)
	must(t, err)
	path = filepath.Join(t.TempDir(), "state.json")
	must(t, os.WriteFile(path, killed, 0o600))
	next := newWorld(t, keep)
	if diff := cmp.Diff(before, next.Sim.Subscriptions()); diff != "" {
		t.Errorf("subscriptions (-before +after):\n%s", diff)
	}
	if got := next.subscription(sub.ID); got.LatestInvoice.PaymentIntent.LatestCharge.Amount != 500 {
		t.Errorf("charge %+v", got.LatestInvoice.PaymentIntent.LatestCharge)
	}
	if again := next.send("POST", "/v1/customers", "name=Ada", key("k1")); again.body != first.body {
		t.Errorf("the key is forgotten: %s", again.body)
	}
	next.Quiet(t)
	bodies, _ := s.got()
	var last stripe.Event
	must(t, json.Unmarshal(bodies[len(bodies)-1], &last))
	if len(bodies) <= len(arrived) || last.Type != "customer.created" {
		t.Errorf("the event on its way did not arrive: %d before, %d now", len(arrived), len(bodies))
	}
	next.to(firstEnd.Add(time.Hour))
	if got := next.Sim.Totals()["eur"].Count; got != 2 {
		t.Errorf("%d payments after the renewal", got)
	}
	got, err := next.api.WebhookEndpoints.Get(endpoint.ID, nil)
	must(t, err)
	if got.Status != "enabled" {
		t.Errorf("endpoint %+v", got)
	}
}

func TestABrokenStateIsSaid(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	must(t, os.WriteFile(path, []byte(`{"objects": [`), 0o600))
	if _, err := stripesim.New(stripesim.Config{Clock: time.Now, StatePath: path}); err == nil {
		t.Error("a broken file was taken")
	}
}
