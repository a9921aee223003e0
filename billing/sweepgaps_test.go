package billing_test

import (
	"encoding/json"
	"fmt"
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

// Stripe's list of events may lag: what shows only after a newer one was listed is
// not passed over.
func TestAnEventThatIsListedLateIsFound(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.inject(stripesim.Fault{Do: stripesim.Dropped})
	n.clock.advance(time.Minute)
	late := json.Number(fmt.Sprint(n.clock.now().Unix()))
	n.cancel(sub.ID)
	n.clock.advance(time.Minute)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)

	listing := n.Service
	n.Service = n.edited(edits{"/v1/events": func(list object) {
		list["data"] = slices.DeleteFunc(list["data"].([]any), func(event any) bool { return event.(object)["created"] == late })
	}})
	n.sweep(models.SweepEvents)
	n.reads(reader, true)
	n.Service = listing
	n.sweep(models.SweepEvents)
	n.reads(reader, false)
}

// A card that was declined, and the next that paid: the sweep of the money sees the
// payment though no event told of it.
func TestASweepSeesALaterTry(t *testing.T) {
	t.Parallel()
	n := open(t)
	page := n.give(gift(nil, "5", models.Once))
	n.stripe.Pay(t, page, simtest.Declined)
	n.settle()
	if rows := n.ledger(); len(rows) != 1 || rows[0].Status != models.PaymentFailed {
		t.Fatalf("the declined card: %+v", rows)
	}
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	n.clock.advance(time.Minute)
	n.stripe.Pay(t, page, simtest.Pays)
	if found := n.sweep(models.SweepMoney); found["payment.differs"] != 1 {
		t.Errorf("%v", found)
	}
	if rows := n.ledger(); len(rows) != 1 || rows[0].Status != models.PaymentSucceeded {
		t.Errorf("%+v", rows)
	}
	n.equal()
}

// A replica that is stopped longer than its lease in the middle of a page, while others
// went on, does not set the sweep back to where it was.
func TestASweepPastItsLeaseMovesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	var stop sync.Once
	paused := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		stripe.ServeHTTP(w, r)
		stop.Do(func() {
			n.real.advance(billing.Lease + time.Second)
			for range 2 {
				n.sweep(models.SweepObjects)
			}
		})
	})
	row, err := paused.Sweep(t.Context(), models.SweepObjects, nil, func(models.Sweep) {})
	if err != nil || row.Passes != 2 {
		t.Errorf("%+v, %v", row, err)
	}
}
