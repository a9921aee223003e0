package billing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// sweep runs sweeps to their ends, works off what they marked and returns what they
// counted as drift.
func (n *newsroom) sweep(names ...models.SweepName) models.Counts {
	n.t.Helper()
	found := models.Counts{}
	for _, name := range names {
		row, err := n.Sweep(n.t.Context(), name, nil, func(models.Sweep) {})
		if err != nil {
			n.t.Fatal(err)
		}
		for kind, count := range row.Drift {
			found[kind] += count
		}
	}
	if _, err := n.Drain(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	return found
}

func (n *newsroom) inject(faults ...stripesim.Fault) {
	n.t.Helper()
	if err := n.stripe.Sim.Inject(1, faults...); err != nil {
		n.t.Fatal(err)
	}
}

// cancel ends a subscription at Stripe at once.
func (n *newsroom) cancel(sub string) {
	n.t.Helper()
	if _, err := n.api.Subscriptions.Cancel(sub, nil); err != nil {
		n.t.Fatal(err)
	}
}

// equal asserts that no sweep finds anything.
func (n *newsroom) equal() {
	n.t.Helper()
	for _, name := range billing.Sweeps {
		if found := n.sweep(name); found.Sum() != 0 {
			n.t.Errorf("the sweep of %s still finds %v", name, found)
		}
	}
}

// life is what goes on at Stripe while nobody hears of it: one who joined 94 days ago
// is cancelled, one is refunded, one joins, somebody gives.
type life struct{ cancelled, refunded, joined uuid.UUID }

func (n *newsroom) silence(fault stripesim.Mishap) life {
	n.t.Helper()
	n.sweep(models.SweepEvents) // as when the service begins
	l := life{n.member("cancelled@example.org"), n.member("refunded@example.org"), n.member("joined@example.org")}
	old := n.join(l.cancelled, simtest.Pays)
	n.pass(93 * day)
	n.join(l.refunded, simtest.Pays)
	last := n.ledger()
	n.pass(day)
	n.reads(l.cancelled, true)

	n.inject(stripesim.Fault{Do: fault})
	n.cancel(old.ID)
	if err := n.stripe.Sim.Refund(*last[len(last)-1].ChargeID, 0); err != nil {
		n.t.Fatal(err)
	}
	for who, page := range map[*uuid.UUID]string{&l.joined: "", nil: n.give(gift(nil, "7", models.Once))} {
		if who != nil {
			var err error
			if page, err = n.checkout(buyer(who), n.price("member", models.Monthly, "eur").ID); err != nil {
				n.t.Fatal(err)
			}
		}
		n.stripe.Pay(n.t, page, simtest.Pays)
	}
	n.pass(4 * day)
	n.reads(l.cancelled, true)
	n.reads(l.refunded, true)
	n.reads(l.joined, false)
	return l
}

func (n *newsroom) healed(l life) {
	n.t.Helper()
	n.reads(l.cancelled, false)
	n.reads(l.refunded, false)
	n.reads(l.joined, true)
	if diff := cmp.Diff(n.stripe.Sim.Totals()["eur"], n.total()); diff != "" {
		n.t.Errorf("Stripe (-) and ledger (+): %s", diff)
	}
	n.equal()
}

// total sums the ledger as the simulator sums its payments.
func (n *newsroom) total() stripesim.Total {
	n.t.Helper()
	var sum stripesim.Total
	for _, row := range n.ledger() {
		if row.Status == models.PaymentSucceeded {
			sum = stripesim.Total{Count: sum.Count + 1, Amount: sum.Amount + row.Amount, Refunded: sum.Refunded + row.Refunded, Fee: sum.Fee + *row.Fee}
		}
	}
	return sum
}

// An endpoint that was dead for four days: one sweep of the events heals everything.
func TestASweepOfEventsHealsADeadEndpoint(t *testing.T) {
	t.Parallel()
	n := open(t)
	l := n.silence(stripesim.Dropped)
	if found := n.sweep(models.SweepEvents); found["event.missed"] == 0 {
		t.Errorf("no drift was counted: %v", found)
	}
	n.healed(l)
}

// Events that Stripe never made: the objects and the money tell, however old the
// subscription is.
func TestSweepsHealWhatNoEventTold(t *testing.T) {
	t.Parallel()
	n := open(t)
	l := n.silence(stripesim.EventUnmade)
	if found := n.sweep(models.SweepEvents); found.Sum() != 0 {
		t.Errorf("events that were never made: %v", found)
	}
	objects := n.sweep(models.SweepObjects)
	if diff := cmp.Diff(models.Counts{"subscription.differs": 1, "subscription.missing": 1}, objects); diff != "" {
		t.Errorf("objects: %s", diff)
	}
	n.reads(l.cancelled, false)
	n.reads(l.joined, true)
	money := n.sweep(models.SweepMoney)
	if money["payment.missing"] != 1 || money["payment.differs"] != 1 {
		t.Errorf("money: %v", money)
	}
	n.healed(l)
}

// A renewal whose payment no event told shows in the latest invoice.
func TestASweepSeesAPaidRenewal(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.join(reader, simtest.Pays)
	n.pass(noon.AddDate(0, 1, 0).Add(10 * time.Minute).Sub(noon))
	n.pass(3 * time.Minute) // the settle pass
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	n.pass(2 * time.Hour)
	if e := n.may(reader); e.Grace == nil {
		t.Fatal("the payment was told")
	}
	if found := n.sweep(models.SweepObjects); found["subscription.differs"] != 1 {
		t.Errorf("%v", found)
	}
	if e := n.may(reader); e.Grace != nil {
		t.Errorf("still on grace: %+v", e.Grace)
	}
}

// On books that are equal no sweep marks anything, and a shop in the same account
// costs a look at its page and nothing more.
func TestASweepLeavesAloneWhatIsEqual(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	n.stripe.Pay(t, n.give(gift(nil, "5", models.Once)), simtest.Pays)
	giver := n.member("giver@example.org")
	n.stripe.Pay(t, n.give(gift(&giver, "5", models.Monthly)), simtest.Pays)
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	n.stripe.Pay(t, foreignPayment(n, nil), simtest.Pays)
	n.stripe.Pay(t, foreignSubscription(n), simtest.Pays)
	n.inject()
	n.settle()
	n.pass(31 * day)
	var before []models.SyncSubject
	if err := n.db.Order("id").Find(&before).Error; err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n.equal()
		n.clock.advance(time.Hour)
	}
	var after []models.SyncSubject
	if err := n.db.Order("id").Find(&after).Error; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("before (-) and after (+):\n%s", diff)
	}
}

func foreignSubscription(n *newsroom) string {
	n.t.Helper()
	session, err := n.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("https://shop.example.org"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
			Currency: stripe.String("eur"), UnitAmount: stripe.Int64(5000),
			Recurring:   &stripe.CheckoutSessionLineItemPriceDataRecurringParams{Interval: stripe.String("month")},
			ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("Coffee")},
		}}},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return session.URL
}

// A subscription with a price of ours that belongs to no member is asked for once a
// day, not at every pass.
func TestAnOrphanIsAskedForOnceADay(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.inject(stripesim.Fault{Do: stripesim.EventUnmade})
	if _, err := n.stripe.Sim.Seed(stripesim.Seed{Readers: 1, Price: n.price("member", models.Monthly, "eur").ID}); err != nil {
		t.Fatal(err)
	}
	var asked []int64
	n.pass(time.Hour)
	for range 26 {
		asked = append(asked, n.sweep(models.SweepObjects)["subscription.missing"])
		n.pass(time.Hour)
	}
	want := make([]int64, 26)
	want[0], want[25] = 1, 1
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// A live subscription that Stripe does not list any more is asked for, once a day.
func TestAnUnseenSubscriptionIsAskedFor(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	n.pass(3 * time.Minute) // the settle pass
	n.Service = n.edited(edits{"/v1/subscriptions": func(list object) { list["data"], list["has_more"] = []any{}, false }})
	var found []int64
	for _, wait := range []time.Duration{23 * time.Hour, 2 * time.Hour, time.Hour, 25 * time.Hour} {
		n.pass(wait)
		found = append(found, n.sweep(models.SweepObjects)["subscription.unseen"])
	}
	if diff := cmp.Diff([]int64{0, 1, 0, 1}, found); diff != "" {
		t.Error(diff)
	}
}
