package billing_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// giftsBySubscription tells which gift each monthly subscription pays.
func (n *newsroom) giftsBySubscription() map[string]uuid.UUID {
	n.t.Helper()
	var gifts []models.Donation
	if err := n.db.Where("subscription_id IS NOT NULL").Find(&gifts).Error; err != nil {
		n.t.Fatal(err)
	}
	by := map[string]uuid.UUID{}
	for _, g := range gifts {
		by[*g.SubscriptionID] = g.ID
	}
	return by
}

// Whoever moves metadata between two monthly gifts by hand does not stop the sync of
// that donor: the books follow, and what was paid stays booked where it was.
func TestMetadataThatWasMovedByHand(t *testing.T) {
	t.Parallel()
	n := open(t)
	donor := n.member("donor@example.org")
	for _, amount := range []string{"5", "10"} {
		n.stripe.Pay(t, n.give(gift(&donor, amount, models.Monthly)), simtest.Pays)
		n.settle()
	}
	before, paid := n.giftsBySubscription(), n.ledger()
	subs := slices.Sorted(func(yield func(string) bool) {
		for id := range before {
			if !yield(id) {
				return
			}
		}
	})
	customer := n.subscription(donor).CustomerID
	for name, c := range map[string]map[string]uuid.UUID{
		"both the first": {subs[0]: before[subs[0]], subs[1]: before[subs[0]]},
		"both the other": {subs[0]: before[subs[1]], subs[1]: before[subs[1]]},
		"swapped":        {subs[0]: before[subs[1]], subs[1]: before[subs[0]]},
		"back again":     before,
	} {
		moved := n.edited(edits{"/v1/subscriptions": func(answer object) {
			for _, sub := range listed(answer) {
				sub["metadata"].(object)["donation_id"] = c[sub["id"].(string)].String()
			}
		}})
		for range 2 {
			n.resync(moved, customer)
		}
		for sub, gift := range n.giftsBySubscription() {
			if c[sub] != gift {
				t.Errorf("%s: %s pays %s", name, sub, gift)
			}
		}
	}
	n.resync(n.Service, customer)
	if diff := cmp.Diff(before, n.giftsBySubscription()); diff != "" {
		t.Error(diff)
	}
	for i, p := range n.ledger() {
		if *p.DonationID != *paid[i].DonationID || p.Amount != paid[i].Amount {
			t.Errorf("a payment moved: %+v", p)
		}
	}
}

// firstDebit is a Stripe that still waits for the bank to pay the first invoice.
func firstDebit(status, payment string) edits {
	return edits{
		"/v1/subscriptions":   func(answer object) { listed(answer)[0]["status"] = status },
		"/v1/invoices":        func(answer object) { listed(answer)[0]["status"] = "open" },
		"/v1/payment_intents": func(answer object) { listed(answer)[0]["status"] = payment },
	}
}

// Where the newsroom gives access while a first debit is on its way, that access
// ends on the day on which the debit fails, and not before or after.
func TestAFirstDebitThatFails(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	if err := n.db.Exec("TRUNCATE grants CASCADE").Error; err != nil {
		t.Fatal(err)
	}
	n.resync(n.edited(firstDebit("active", "processing")), customer)
	n.reads(reader, false)
	if err := n.db.Exec("UPDATE policy SET first_processing = 'access'").Error; err != nil {
		t.Fatal(err)
	}
	n.resync(n.edited(firstDebit("active", "processing")), customer)
	n.reads(reader, true)
	if e := n.may(reader); e.Grace == nil || e.Grace.Reason != "first_processing" || !e.Grace.Until.Equal(noon.Add(21*day)) {
		t.Errorf("%+v", e.Grace)
	}
	n.clock.advance(5 * day)
	failed := n.edited(firstDebit("incomplete_expired", "requires_payment_method"))
	for range 2 {
		n.resync(failed, customer)
		n.reads(reader, false)
	}
	if e, err := n.EntitlementsAsOf(t.Context(), reader, noon.Add(4*day), n.clock.now()); err != nil || len(e.Features) == 0 {
		t.Errorf("what could be read before is forgotten: %+v, %v", e, err)
	}
	if diff := cmp.Diff([]models.GrantChange{models.Granted, models.Shortened}, n.changes()); diff != "" {
		t.Error(diff)
	}
	n.resync(n.Service, customer) // it was paid after all
	n.reads(reader, true)
}

// The row says what was paid for by which line of which invoice.
func TestTheFactsAreKept(t *testing.T) {
	t.Parallel()
	n := open(t)
	sub := n.join(n.member("reader@example.org"), simtest.Pays)
	if !sub.FactsKnown() || len(sub.Stretches) != 1 {
		t.Fatalf("%+v", sub.Stretches)
	}
	got := sub.Stretches[0]
	if got.Invoice == "" || got.Line == "" {
		t.Errorf("neither invoice nor line: %+v", got)
	}
	got.Invoice, got.Line = "", ""
	want := models.Stretch{Price: sub.PriceID, From: noon, Until: noon.AddDate(0, 1, 0)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if sub.SyncedAt = sub.SyncedAt.Add(time.Second); sub.FactsKnown() {
		t.Error("facts of an older sync count as known")
	}
}

// A deleted customer's lists may be gone with it, and what they listed too. Deleting
// cancels at once, so access ends on the day on which we learn of it.
func TestADeletedCustomersListsAreGone(t *testing.T) {
	t.Parallel()
	for name, gone := range map[string]func(path string) bool{
		"the list":   func(path string) bool { return path == "/v1/subscriptions" },
		"everything": func(string) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testListsAreGone(t, gone)
		})
	}
}

func testListsAreGone(t *testing.T, gone func(path string) bool) {
	n := open(t)
	reader := n.member("reader@example.org")
	customer := n.join(reader, simtest.Pays).CustomerID
	n.clock.advance(5 * day)
	if _, err := n.api.Customers.Del(customer, nil); err != nil {
		t.Fatal(err)
	}
	far := n.through(func(w http.ResponseWriter, r *http.Request, stripe http.Handler) {
		if gone(r.URL.Path) {
			refuse(w, http.StatusNotFound, "resource_missing", "No such customer")
			return
		}
		stripe.ServeHTTP(w, r)
	})
	for range 2 {
		n.resync(far, customer)
		n.clock.advance(day)
	}
	n.reads(reader, false)
	if sub := n.subscription(reader); sub.Status != models.Canceled || !sub.EndedAt.Equal(noon.Add(5*day)) || !sub.FactsKnown() {
		t.Errorf("%+v", sub)
	}
	if diff := cmp.Diff([]models.GrantChange{models.Granted, models.Shortened}, n.changes()); diff != "" {
		t.Error(diff)
	}
}
