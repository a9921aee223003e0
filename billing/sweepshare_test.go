package billing_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// cursors notes where each page of a list that is asked for begins.
type cursors struct {
	mu  sync.Mutex
	all []string
}

func (c *cursors) note(r *http.Request, path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == path && r.URL.Query().Get("customer") == "" {
		c.all = append(c.all, r.URL.Query().Get("starting_after"))
	}
	return len(c.all)
}

// crowd is a newsroom with more subscriptions at Stripe than fit on two pages.
func crowd(t *testing.T) *newsroom {
	t.Helper()
	n := open(t)
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	if _, err := n.stripe.Sim.Seed(stripesim.Seed{Readers: 450, Price: n.price("member", models.Monthly, "eur").ID}); err != nil {
		t.Fatal(err)
	}
	n.inject()
	return n
}

// Two replicas share a pass: every page is turned once.
func TestReplicasShareAPass(t *testing.T) {
	t.Parallel()
	n := crowd(t)
	var seen cursors
	step := func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		stripe.ServeHTTP(w, r)
		if r.Context().Err() == nil { // or nobody heard the answer, and asks again
			seen.note(r, "/v1/subscriptions")
		}
	}
	var all sync.WaitGroup
	for _, replica := range []*billing.Service{n.through(step), n.through(step)} {
		all.Go(func() {
			if _, err := replica.Sweep(t.Context(), models.SweepObjects, nil, func(models.Sweep) {}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	slices.Sort(seen.all)
	passes := len(seen.all) / 5 // one that comes late may begin the next pass
	for cursor := range slices.Values(slices.Compact(slices.Clone(seen.all))) {
		times := 0
		for _, each := range seen.all {
			if each == cursor {
				times++
			}
		}
		if times != passes {
			t.Errorf("the page behind %q was asked for %d times in %d passes", cursor, times, passes)
		}
	}
}

// A replica that dies with a page in its hands costs the lease: then the pass goes on
// from that page.
func TestAKilledSweepIsTakenUp(t *testing.T) {
	t.Parallel()
	n := crowd(t)
	if err := n.Plant(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, err := n.ClaimSweep(t.Context(), models.SweepObjects)
	if err != nil || first == nil {
		t.Fatal(err)
	}
	if _, err := n.Turn(t.Context(), *first); err != nil {
		t.Fatal(err)
	}
	dead, err := n.ClaimSweep(t.Context(), models.SweepObjects)
	if err != nil || dead == nil || dead.Cursor == "" {
		t.Fatalf("%+v, %v", dead, err)
	}
	if taken, err := n.ClaimSweep(t.Context(), models.SweepObjects); err != nil || taken != nil {
		t.Fatalf("two hold it: %+v, %v", taken, err)
	}
	n.real.advance(time.Hour)
	next, err := n.ClaimSweep(t.Context(), models.SweepObjects)
	if err != nil || next == nil || next.Cursor != dead.Cursor || next.Listed != 100 {
		t.Fatalf("%+v, %v", next, err)
	}
	if _, err := n.Turn(t.Context(), *dead); err == nil {
		t.Error("the dead one wrote")
	}
	if marked := n.rows(&models.SyncSubject{}); marked != 100 {
		t.Errorf("%d subjects are marked, want those of the first page", marked)
	}
}

// The watermark moves when a pass has ended, not before: what the pass did not come to
// is looked at by the next one.
func TestTheWatermarkWaitsForThePass(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.sweep(models.SweepEvents)
	n.inject(stripesim.Fault{Do: stripesim.Dropped})
	reader := n.member("reader@example.org")
	page, err := n.checkout(buyer(&reader), n.price("member", models.Monthly, "eur").ID)
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Pay(t, page, simtest.Pays)
	n.pass(time.Hour)
	if _, err := n.stripe.Sim.Seed(stripesim.Seed{Readers: 30, Price: n.price("member", models.Monthly, "eur").ID}); err != nil {
		t.Fatal(err)
	}
	n.pass(time.Hour)
	if err := n.Plant(t.Context()); err != nil {
		t.Fatal(err)
	}
	row, err := n.ClaimSweep(t.Context(), models.SweepEvents)
	if err != nil {
		t.Fatal(err)
	}
	after, err := n.Turn(t.Context(), *row)
	if err != nil || after.Cursor == "" || !after.Watermark.Equal(*row.Watermark) {
		t.Fatalf("after one page: %+v, %v", after, err)
	}
	n.reads(reader, false)
	n.sweep(models.SweepEvents)
	n.reads(reader, true)
}
