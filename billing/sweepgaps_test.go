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

// One that then fails, or whose page does, takes nothing from whoever has it meanwhile.
func TestASweepPastItsLeaseFreesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	if err := n.Plant(t.Context()); err != nil {
		t.Fatal(err)
	}
	turn := func() *models.Sweep {
		row, err := n.ClaimSweep(t.Context(), models.SweepObjects)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	slow := turn()
	n.real.advance(billing.Lease + time.Second)
	quick := turn()
	down := n.served(billing.Stripe(simtest.Key, "http://127.0.0.1:1"), billing.Config{}, discard)
	if _, err := down.Turn(t.Context(), *slow); err == nil {
		t.Error("Stripe was down")
	}
	if third := turn(); third != nil {
		t.Errorf("a third worker claimed %+v", third)
	}
	if _, err := n.Turn(t.Context(), *quick); err != nil {
		t.Error(err)
	}
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

// What a pass that was told to begin late passes over is found by the next one: four days
// of silence are not forgotten because somebody looked at the last hour.
func TestAPassOverTheLastHourLeavesNoHole(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	l := n.silence(stripesim.Dropped)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	n.pass(30 * time.Minute)
	hour := n.clock.now().Add(-time.Hour)
	if row, err := n.Sweep(t.Context(), models.SweepEvents, &hour, func(models.Sweep) {}); err != nil || row.Drift["event.missed"] == 0 {
		t.Fatalf("%+v, %v", row, err)
	}
	n.reads(l.joined, false)
	n.sweep(models.SweepEvents)
	n.healed(l)
}

// A gift of which no event told is found however long nobody looked.
func TestMoneyIsLookedForAsLongAsNobodyLooked(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	n.settle()
	n.equal()
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	n.clock.advance(day)
	n.stripe.Pay(t, n.give(gift(nil, "7", models.Once)), simtest.Pays)
	n.pass(60 * day)
	if found := n.sweep(models.SweepMoney); found["payment.missing"] != 1 {
		t.Errorf("%v", found)
	}
	n.equal()
}

// A pass may take longer than a day where Stripe is slow: what it came by was seen.
func TestAPassOfADayMakesNothingUnseen(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	n.pass(3 * time.Minute) // the settle pass
	n.pass(2 * day)
	slow := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		stripe.ServeHTTP(w, r)
		if r.URL.Path == "/v1/subscriptions" {
			n.clock.advance(30 * time.Hour)
			n.real.advance(time.Second)
		}
	})
	for pass := range 2 {
		row, err := slow.Sweep(t.Context(), models.SweepObjects, nil, func(models.Sweep) {})
		if err != nil || row.Drift["subscription.unseen"] != 0 {
			t.Errorf("pass %d: %+v, %v", pass, row, err)
		}
	}
}

// An event that is dated in the future, as one of a test clock may be, does not hide those
// that come before it.
func TestAnEventOfNextYearHidesNone(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.pass(3 * time.Minute) // the settle pass
	ahead := n.edited(edits{"/v1/events": func(list object) {
		listed(list)[0]["created"] = n.clock.now().AddDate(1, 0, 0).Unix()
	}})
	if _, err := ahead.Sweep(t.Context(), models.SweepEvents, nil, func(models.Sweep) {}); err != nil {
		t.Fatal(err)
	}
	n.inject(stripesim.Fault{Do: stripesim.Dropped})
	n.cancel(sub.ID)
	n.pass(time.Hour)
	n.reads(reader, true)
	n.sweep(models.SweepEvents)
	n.reads(reader, false)
}

// A dispute about nothing, which our books cannot hold, is no drift.
func TestADisputeAboutNothingIsNoDrift(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	n.settle()
	about := n.ledger()[0]
	n.Service = n.edited(edits{"/v1/disputes": func(answer object) {
		answer["data"] = []any{object{"id": "dp_1", "object": "dispute", "amount": 0, "currency": "eur", "created": n.clock.now().Unix(),
			"charge": *about.ChargeID, "payment_intent": about.PaymentIntentID, "status": "needs_response", "reason": "fraudulent"}}
	}})
	n.pass(time.Hour)
	if found := n.sweep(models.SweepMoney); found.Sum() != 0 {
		t.Errorf("%v", found)
	}
}

// A customer who was deleted, and of whom we learned days later, is no drift ever after.
func TestACustomerDeletedInSilenceIsHealedOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	n.pass(3 * time.Minute)
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	if _, err := n.api.Customers.Del(sub.CustomerID, nil); err != nil {
		t.Fatal(err)
	}
	n.pass(3 * day)
	n.sweep(models.SweepObjects)
	n.reads(reader, false)
	n.pass(time.Hour)
	n.equal()
}
