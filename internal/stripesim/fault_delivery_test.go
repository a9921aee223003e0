package stripesim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func (w *world) inject(faults ...stripesim.Fault) {
	w.t.Helper()
	must(w.t, w.Sim.Inject(7, faults...))
}

// arrivals counts how often the shop was sent each event.
func (s *shop) arrivals(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, id := range s.order(t) {
		out[id]++
	}
	return out
}

// order lists the events that the shop was sent, as they came.
func (s *shop) order(t *testing.T) (out []string) {
	t.Helper()
	bodies, _ := s.got()
	for _, body := range bodies {
		var e stripe.Event
		must(t, json.Unmarshal(body, &e))
		out = append(out, e.ID)
	}
	return out
}

func TestAPlanIsCheckedBeforeItIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, f := range []stripesim.Fault{
		{Do: "earthquake"},
		{Do: stripesim.Dropped, Share: 1.5},
		{Do: stripesim.Dropped, Share: -1},
		{Do: stripesim.Dropped, Times: -1},
		{Do: stripesim.Bucket},
	} {
		if err := w.Sim.Inject(1, f); err == nil {
			t.Errorf("%+v was taken", f)
		}
	}
}

func TestOneEventEightTimesAtOnce(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	w.inject(stripesim.Fault{Do: stripesim.Duplicated, Count: 7})
	w.customer()
	w.Quiet(t)
	event := w.Sim.Events()[0]
	if got := s.arrivals(t); got[event.ID] != 8 || event.Pending != 0 || w.Sim.Injected()[stripesim.Duplicated] != 1 {
		t.Errorf("arrived %v, %d pending, injected %v", got, event.Pending, w.Sim.Injected())
	}
	if event.Accepted[s.URL+"/webhooks/stripe"] != 8 {
		t.Errorf("accepted %v", event.Accepted)
	}
}

func TestSharesFollowFromTheSeed(t *testing.T) {
	t.Parallel()
	which := func(seed uint64) (out []int) {
		w, s := newWorld(t), newShop(t)
		w.listen(s, "customer.created")
		must(t, w.Sim.Inject(seed, stripesim.Fault{Do: stripesim.Dropped, Share: 0.2}))
		for range 100 {
			w.customer()
		}
		w.Quiet(t)
		arrived := s.arrivals(t)
		for i, e := range w.Sim.Events() {
			if e.Type == "customer.created" && arrived[e.ID] == 0 {
				out = append(out, i)
			}
		}
		if n := w.Sim.Injected()[stripesim.Dropped]; n != len(out) || n < 8 || n > 35 {
			t.Errorf("%d lost, %d said to be", len(out), n)
		}
		return out
	}
	first, again, other := which(1), which(1), which(2)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same seed, otherwise:\n%s", diff)
	}
	if slices.Equal(first, other) {
		t.Error("another seed, the same draws")
	}
}

func TestUnmadeEventsAreNowhere(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "*")
	w.inject(stripesim.Fault{Do: stripesim.EventUnmade, On: "customer.*", Times: 1})
	before := len(w.Sim.Events())
	w.customer()
	if got := len(w.Sim.Events()) - before; got != 0 {
		t.Errorf("%d events", got)
	}
	w.customer()
	w.Quiet(t)
	if got := len(w.Sim.Events()) - before; got != 1 || len(s.order(t)) != 1 {
		t.Errorf("%d events of the second, %d delivered", got, len(s.order(t)))
	}
}

// A refund names no customer, but its charge does.
func TestFaultsOfOneCustomerAreFoundThroughTheirCharge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sick, well := w.subscribe(simtest.Pays), w.subscribe(simtest.Pays)
	w.inject(stripesim.Fault{Do: stripesim.EventUnmade, On: "refund.*", Customer: sick.Customer.ID})
	for _, s := range []*stripe.Subscription{sick, well} {
		must(t, w.Sim.Refund(s.LatestInvoice.PaymentIntent.ID, 0))
	}
	if got := w.count("refund.created"); got != 1 {
		t.Errorf("%d events of two refunds", got)
	}
}

// A clock that jumps over days must not turn Stripe's many attempts into one.
func TestAnEndpointDeadForDaysLosesEventsForGood(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	w.inject(stripesim.Fault{Do: stripesim.Missed})
	w.customer()
	w.to(start.AddDate(0, 0, 4))
	log := w.Sim.Deliveries()
	if len(log) != 13 || log[0].Mishap != stripesim.Missed || log[0].At.Sub(log[12].At) < 48*time.Hour {
		t.Errorf("%d attempts until %v", len(log), log[0])
	}
	w.customer()
	w.inject()
	w.to(start.AddDate(0, 0, 12))
	w.Quiet(t)
	if got := s.order(t); len(got) != 1 || got[0] != w.Sim.Events()[0].ID {
		t.Errorf("%v arrived, want only what was still being tried", got)
	}
}

func TestAShuffleLosesNothing(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t, func(c *stripesim.Config) { c.Couriers = 1 }), newShop(t)
	w.listen(s, "customer.created")
	w.Sim.StopDelivering()
	w.inject(stripesim.Fault{Do: stripesim.Shuffled, Count: 5})
	var made []string
	for range 20 {
		w.customer()
		made = append(made, w.Sim.Events()[0].ID)
	}
	w.Sim.StartDelivering()
	w.Quiet(t)
	got := s.order(t)
	if slices.Equal(made, got) || w.Sim.Injected()[stripesim.Shuffled] == 0 {
		t.Error("they came as they were made")
	}
	slices.Sort(made)
	slices.Sort(got)
	if diff := cmp.Diff(made, got); diff != "" {
		t.Errorf("lost or doubled (-made +arrived):\n%s", diff)
	}
}

func TestADelayIsWaitedFor(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	w.inject(stripesim.Fault{Do: stripesim.Delayed, Min: time.Second, Max: 1100 * time.Millisecond})
	began := time.Now()
	w.customer()
	w.Quiet(t)
	if got := len(s.order(t)); got != 1 || time.Since(began) < time.Second {
		t.Errorf("%d arrived after %s", got, time.Since(began))
	}
}

func TestEveryOrderCanBeDelivered(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	w.listen(s, "customer.created")
	w.Sim.StopDelivering()
	var ids []string
	for range 3 {
		w.customer()
		ids = append(ids, w.Sim.Events()[0].ID)
	}
	var want []string
	for _, order := range [][]int{{2, 0, 1}, {1, 2, 0}} {
		names := []string{ids[order[0]], ids[order[1]], ids[order[2]]}
		made, err := w.Sim.DeliverInOrder(t.Context(), names...)
		must(t, err)
		if len(made) != 3 || !made[0].OK() || made[2].Event != names[2] {
			t.Errorf("attempts %+v", made)
		}
		want = append(want, names...)
	}
	w.Sim.StartDelivering()
	w.Quiet(t)
	if diff := cmp.Diff(want, s.order(t)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if _, err := w.Sim.DeliverInOrder(t.Context(), "evt_none"); err == nil {
		t.Error("an unknown event was delivered")
	}
}

// Each wrong letter is wrong in the one way that its name says, and Stripe's
// next attempt is right again.
func TestWrongLetters(t *testing.T) {
	t.Parallel()
	const tolerance = 5 * time.Minute
	for harm, want := range map[stripesim.Mishap]struct{ signed, fresh, whole bool }{
		stripesim.WrongSignature:  {false, false, true},
		stripesim.NoSignature:     {false, false, true},
		stripesim.OldSignature:    {true, false, true},
		stripesim.FutureSignature: {true, false, true},
		stripesim.MalformedBody:   {true, true, false},
		stripesim.OtherVersion:    {true, true, true},
		stripesim.LivemodeFlipped: {true, true, true},
	} {
		t.Run(string(harm), func(t *testing.T) {
			t.Parallel()
			w, s := newWorld(t), newShop(t)
			endpoint := w.listen(s, "customer.created")
			w.inject(stripesim.Fault{Do: harm, Times: 1})
			s.answer(http.StatusBadRequest)
			w.customer()
			w.Quiet(t)
			s.answer(0)
			w.to(start.Add(time.Minute))
			w.Quiet(t)
			bodies, signed := s.got()
			if len(bodies) != 2 {
				t.Fatalf("%d attempts", len(bodies))
			}
			var e stripe.Event
			whole := json.Unmarshal(bodies[0], &e) == nil
			ok := webhook.ValidatePayloadIgnoringTolerance(bodies[0], signed[0], endpoint.Secret) == nil
			if whole != want.whole || ok != want.signed || ok && fresh(signed[0], start, tolerance) != want.fresh {
				t.Errorf("whole %v, signed %v as %q", whole, ok, signed[0])
			}
			if e.Livemode != (harm == stripesim.LivemodeFlipped) || whole && (e.APIVersion != stripesim.APIVersion) != (harm == stripesim.OtherVersion) {
				t.Errorf("livemode %v, version %q", e.Livemode, e.APIVersion)
			}
			must(t, webhook.ValidatePayloadIgnoringTolerance(bodies[1], signed[1], endpoint.Secret))
			if d := w.Sim.Deliveries(); d[1].Mishap != harm || d[0].Mishap != "" {
				t.Errorf("log %+v", d)
			}
		})
	}
}

func fresh(header string, now time.Time, tolerance time.Duration) bool {
	var at int64
	if _, err := fmt.Sscanf(header, "t=%d,", &at); err != nil {
		return false
	}
	return now.Sub(time.Unix(at, 0)).Abs() <= tolerance
}

func TestWhileASecretIsRolledBothSign(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newShop(t)
	old := w.listen(s, "customer.created").Secret
	rolled, err := w.Sim.RollSecret(s.URL+"/webhooks/stripe", time.Hour)
	must(t, err)
	w.customer()
	w.Quiet(t)
	w.to(start.Add(time.Hour))
	w.customer()
	w.Quiet(t)
	bodies, signed := s.got()
	for i, want := range [][2]bool{{true, true}, {false, true}} {
		for j, secret := range []string{old, rolled} {
			if ok := webhook.ValidatePayloadIgnoringTolerance(bodies[i], signed[i], secret) == nil; ok != want[j] {
				t.Errorf("delivery %d under secret %d: %v", i, j, ok)
			}
		}
	}
	if _, err := w.Sim.RollSecret("http://127.0.0.1:1/", 0); err == nil {
		t.Error("an unknown endpoint's secret was rolled")
	}
}

func TestManyEventsGoFastAndAllAreHeardOf(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	heard := map[string]int{}
	w := newWorld(t, func(c *stripesim.Config) {
		c.Couriers = 64
		c.OnDelivery = func(d stripesim.Delivery) {
			mu.Lock()
			defer mu.Unlock()
			if d.OK() {
				heard[d.Event]++
			}
		}
	})
	var arrived atomic.Int64
	endpoint := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer endpoint.Close()
	_, err := w.Sim.Listen(endpoint.URL, "customer.created")
	must(t, err)
	const events = 1000
	w.Sim.StopDelivering()
	for range events {
		w.customer()
	}
	began := time.Now()
	w.Sim.StartDelivering()
	w.Quiet(t)
	t.Logf("%d events in %s", events, time.Since(began))
	if len(heard) != events || arrived.Load() != events || heard[w.Sim.Events()[0].ID] != 1 {
		t.Errorf("%d heard of, %d arrived", len(heard), arrived.Load())
	}
}
