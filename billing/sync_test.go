package billing_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

func mark(n *newsroom, customer string) {
	n.t.Helper()
	err := n.db.Write(n.t.Context(), func(tx *gorm.DB) error {
		_, err := models.MarkDirty(tx, models.SyncSubject{ID: customer, Kind: models.SubjectCustomer}, n.real.now())
		return err
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

func claim(n *newsroom, id string) models.SyncSubject {
	n.t.Helper()
	subject, err := n.Claim(n.t.Context(), id)
	if err != nil || subject == nil {
		n.t.Fatalf("claim %s: %v, %v", id, subject, err)
	}
	return *subject
}

func code(err error) string {
	var e *billing.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// What comes in while a sync is under way makes the subject due again.
func TestADeliveryDuringASyncIsNotLost(t *testing.T) {
	t.Parallel()
	n := open(t)
	customer := n.join(n.member("reader@example.org"), simtest.Pays).CustomerID
	mark(n, customer)
	subject := claim(n, customer)
	mark(n, customer)
	if err := n.SyncOnce(t.Context(), subject); err != nil {
		t.Fatal(err)
	}
	if worked, err := n.Drain(t.Context()); err != nil || worked != 1 {
		t.Errorf("worked %d times more, %v; want 1", worked, err)
	}
}

// A worker that slept past its lease writes nothing: another has claimed the
// subject, and may have written what is newer.
func TestAWorkerPastItsLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays) // a guest's is a subject of its own
	n.settle()
	var subjects []string
	if err := n.db.Model(&models.SyncSubject{}).Pluck("id", &subjects).Error; err != nil || len(subjects) != 2 {
		t.Fatal(subjects, err)
	}
	for _, id := range subjects {
		mark(n, id)
		slow := claim(n, id)
		if taken, err := n.Claim(t.Context(), id); err != nil || taken != nil {
			t.Fatalf("%s was claimed twice: %v, %v", id, taken, err)
		}
		n.real.advance(billing.Lease + time.Second)
		quick := claim(n, id)
		if err := n.SyncOnce(t.Context(), slow); !errors.Is(err, billing.ErrLeaseLost) {
			t.Errorf("the slow worker on %s: %v", id, err)
		}
		if err := n.SyncOnce(t.Context(), quick); err != nil {
			t.Errorf("the quick worker on %s: %v", id, err)
		}
	}
}

// Nor does it take the lease from whoever has claimed the subject meanwhile, when it
// fails or is told to stop: a third one would come between.
func TestAWorkerPastItsLeaseFreesNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	customer := n.join(n.member("reader@example.org"), simtest.Pays).CustomerID
	down := billing.New(n.db, billing.Stripe(simtest.Key, "http://127.0.0.1:1"), billing.Config{}, n.clock.now, n.real.now, discard)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for name, ctx := range map[string]context.Context{"fails": t.Context(), "is stopped": stopped} {
		mark(n, customer)
		slow := claim(n, customer)
		n.real.advance(billing.Lease + time.Second)
		quick := claim(n, customer)
		down.SyncClaimed(ctx, slow)
		if third, err := n.Claim(t.Context(), customer); err != nil || third != nil {
			t.Errorf("one that %s: a third worker claimed %v, %v", name, third, err)
		}
		if err := n.SyncOnce(t.Context(), quick); err != nil {
			t.Errorf("one that %s: the quick worker: %v", name, err)
		}
	}
}

// While Stripe cannot be reached the subject stays due, waits longer each time,
// and keeps no more of the fault than its kind.
func TestAnOutageIsWaitedOut(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	sub := n.join(reader, simtest.Pays)
	down := billing.New(n.db, billing.Stripe(simtest.Key, "http://127.0.0.1:1"), billing.Config{}, n.clock.now, n.real.now, discard)
	mark(n, sub.CustomerID)
	down.SyncClaimed(t.Context(), claim(n, sub.CustomerID))
	if taken, err := n.ClaimDue(t.Context()); err != nil || taken != nil {
		t.Fatalf("tried again at once: %v, %v", taken, err)
	}
	n.real.advance(2 * time.Second)
	due, err := n.ClaimDue(t.Context())
	if err != nil || due == nil {
		t.Fatalf("not tried again: %v", err)
	}
	if err := n.SyncOnce(t.Context(), *due); err != nil {
		t.Fatal(err)
	}
	var row models.SyncSubject
	if err := n.db.Where("id = ?", sub.CustomerID).Take(&row).Error; err != nil || row.Attempts != 0 || row.LastError != "" {
		t.Errorf("after success: %+v, %v", row, err)
	}
}

func TestBackoffGrowsToAnHour(t *testing.T) {
	t.Parallel()
	for attempts := 1; attempts < 100; attempts++ {
		low, high := 800*time.Millisecond, 68*time.Minute
		if d := billing.Backoff(attempts); d < low || d > high {
			t.Errorf("attempt %d waits %s", attempts, d)
		}
	}
	if early, late := billing.Backoff(2), billing.Backoff(20); late < 10*early {
		t.Errorf("%s, then %s", early, late)
	}
}

// Two minutes after an event-driven sync the subject is looked at once more, and
// then not again.
func TestTheSettlePassComesOnce(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	for _, want := range []int{0, 1, 0} {
		if worked, err := n.Drain(t.Context()); err != nil || worked != want {
			t.Errorf("worked %d times, %v; want %d", worked, err, want)
		}
		n.real.advance(billing.SettleAfter + time.Second)
	}
}

// A settle pass that did not come to its end is owed.
func TestASettlePassThatFailsIsOwed(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	n.real.advance(billing.SettleAfter + time.Second)
	due, err := n.ClaimDue(t.Context())
	if err != nil || due == nil {
		t.Fatalf("no settle pass: %v", err)
	}
	down := billing.New(n.db, billing.Stripe(simtest.Key, "http://127.0.0.1:1"), billing.Config{}, n.clock.now, n.real.now, discard)
	down.SyncClaimed(t.Context(), *due)
	n.real.advance(time.Minute)
	if worked, err := n.Drain(t.Context()); err != nil || worked != 1 {
		t.Errorf("worked %d times, %v; want 1", worked, err)
	}
}

// Lost webhooks, one that comes at last, and the state is right: it was fetched,
// not pieced together.
func TestDeliveriesInAnyOrderEndInStripesState(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(31 * day)
	events := n.stripe.Sim.Events()
	rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	for _, event := range events {
		if err := n.stripe.Sim.Resend(event.ID); err != nil {
			t.Fatal(err)
		}
		n.settle()
		n.reads(reader, true)
	}
	if got := len(n.ledger()); got != 2 {
		t.Errorf("%d payments, want 2", got)
	}
}

// A subscription in the same account that our catalogue never sold gives nothing
// and is no line of ours.
func TestAForeignProductGrantsNothing(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	foreign, err := n.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), Customer: stripe.String(customer), SuccessURL: stripe.String("https://shop.example.org"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency: stripe.String("eur"), UnitAmount: stripe.Int64(5000),
			Recurring:   &stripe.CheckoutSessionLineItemPriceDataRecurringParams{Interval: stripe.String("month")},
			ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("Coffee")},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.stripe.Pay(t, foreign.URL, simtest.Pays)
	n.settle()
	if sub := n.subscription(reader); sub.Kind != models.SubscriptionForeign {
		t.Errorf("kind %s", sub.Kind)
	}
	if got := len(n.ledger()); got != 1 {
		t.Errorf("%d payments, want 1", got)
	}
	var grants int64
	if err := n.db.Model(&models.Grant{}).Count(&grants).Error; err != nil || grants != 1 {
		t.Errorf("%d grants, %v", grants, err)
	}
}
