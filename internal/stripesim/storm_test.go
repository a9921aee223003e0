package stripesim_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// Readers subscribe at the same time, the shop asks back during each delivery,
// and the clock runs on: every event arrives, and the money adds up.
func TestManyThingsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	arrived := map[string]int{}
	shop := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var e stripe.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		if customer, _ := e.Data.Object["customer"].(string); customer != "" {
			if _, err := w.api.Customers.Get(customer, nil); err != nil {
				t.Errorf("ask back during %s: %v", e.Type, err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		arrived[e.ID]++
	}))
	defer shop.Close()
	_, err := w.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{URL: &shop.URL, EnabledEvents: stripe.StringSlice([]string{"*"})})
	must(t, err)
	before := len(w.Sim.Events())

	var readers sync.WaitGroup
	for range 6 {
		readers.Go(func() {
			session := w.checkout()
			w.Pay(t, session.URL, simtest.Declined)
			w.Pay(t, session.URL, simtest.Pays)
		})
	}
	readers.Wait()
	w.to(start.AddDate(0, 3, 1))
	w.Quiet(t)
	if got := w.Sim.Totals()["eur"].Count; got != 6*4 {
		t.Errorf("%d payments, want the first and three renewals of six", got)
	}
	mu.Lock()
	defer mu.Unlock()
	events := w.Sim.Events()
	for _, e := range events[:len(events)-before] {
		if arrived[e.ID] != 1 || e.Pending != 0 {
			t.Errorf("%s %s arrived %d times, %d pending", e.Type, e.ID, arrived[e.ID], e.Pending)
		}
	}
}

func TestRunLetsThingsHappenByThemselves(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "checkout.session.expired")
	w.checkout()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Sim.Run(ctx) })
	arrived := make(chan struct{})
	s.onArrival(func() { close(arrived) })
	w.clock.set(start.Add(24 * time.Hour))
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		t.Error("the session did not expire by itself")
	}
	stop()
	running.Wait()
}
