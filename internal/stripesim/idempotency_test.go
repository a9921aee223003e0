package stripesim_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func key(k string) map[string]string { return map[string]string{"Idempotency-Key": k} }

func TestAKeyReplaysItsAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.send("POST", "/v1/customers", "name=Ada", key("k1"))
	again := w.send("POST", "/v1/customers", "name=Ada", key("k1"))
	if first.status != 200 || first.body != again.body {
		t.Errorf("first %s\nagain %s", first.body, again.body)
	}
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" ||
		again.header.Get("Original-Request") != first.header.Get("Request-Id") || again.header.Get("Request-Id") == first.header.Get("Request-Id") {
		t.Errorf("headers %v, then %v", first.header, again.header)
	}
	changed := w.send("POST", "/v1/customers", "name=Bea", key("k1"))
	if changed.status != 400 || changed.err.Type != "idempotency_error" {
		t.Errorf("changed parameters: %d %+v", changed.status, changed.err)
	}
	elsewhere := w.send("POST", "/v1/products", "name=Ada", key("k1"))
	if elsewhere.status != 400 || elsewhere.err.Type != "idempotency_error" {
		t.Errorf("another address: %d %+v", elsewhere.status, elsewhere.err)
	}
	w.to(start.Add(24 * time.Hour))
	later := w.send("POST", "/v1/customers", "name=Bea", key("k1"))
	if later.status != 200 || later.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("a day later: %d %s", later.status, later.body)
	}
}

// Answers are kept from the moment that the call is carried out; what failed
// before that may be tried again with the same key.
func TestFailuresAreReplayedTooButNotRefusedParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := "charge=ch_none"
	first := w.send("POST", "/v1/refunds", form, key("k1"))
	again := w.send("POST", "/v1/refunds", form, key("k1"))
	if first.status != 400 || first.body != again.body || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %s\nagain %s", first.body, again.body)
	}
	bad := w.send("POST", "/v1/customers", "unicorn=1", key("k2"))
	good := w.send("POST", "/v1/customers", "name=Ada", key("k2"))
	if bad.status != 400 || good.status != 200 {
		t.Errorf("bad %d, good %d", bad.status, good.status)
	}
}

func TestOneKeyAtOnceMakesOneObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	bodies, statuses := map[string]bool{}, map[int]bool{}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			r := w.send("POST", "/v1/customers", "name=Ada", key("k1"))
			mu.Lock()
			defer mu.Unlock()
			statuses[r.status] = true
			if r.status == 200 {
				bodies[r.body] = true
			}
		})
	}
	all.Wait()
	delete(statuses, 409)
	if diff := cmp.Diff(map[int]bool{200: true}, statuses); diff != "" || len(bodies) != 1 {
		t.Errorf("statuses %v, %d different answers", statuses, len(bodies))
	}
	made := 0
	for _, e := range w.Sim.Events() {
		if e.Type == "customer.created" {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d customers", made)
	}
}
