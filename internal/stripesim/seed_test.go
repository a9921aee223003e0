package stripesim_test

import (
	"fmt"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
)

// Seeded readers are what the API would have made: paid, found by list, with
// their events, and they renew.
func TestSeededReadersAreLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, err := w.Sim.Seed(stripesim.Seed{Readers: 3, Price: w.price.ID, Reader: func(i int) stripesim.SeedReader {
		return stripesim.SeedReader{
			Email:        fmt.Sprintf("reader%d@example.org", i),
			Metadata:     map[string]string{"member": fmt.Sprint("m", i)},
			Subscription: map[string]string{"intent": fmt.Sprint("i", i)},
		}
	}})
	must(t, err)
	for i, m := range made {
		sub := w.subscription(m.ID)
		if sub.Status != stripe.SubscriptionStatusActive || !sub.LatestInvoice.Paid || sub.Metadata["intent"] != fmt.Sprint("i", i) {
			t.Errorf("subscription %d is %s, paid %v, %v", i, sub.Status, sub.LatestInvoice.Paid, sub.Metadata)
		}
		customer, err := w.api.Customers.Get(m.Customer, nil)
		must(t, err)
		if customer.Email != m.Email || customer.Metadata["member"] != fmt.Sprint("m", i) {
			t.Errorf("customer %d is %s, %v", i, customer.Email, customer.Metadata)
		}
	}
	w.to(firstEnd.AddDate(0, 0, 1))
	if got := w.Sim.Totals()["eur"]; len(made) != 3 || got.Count != 6 {
		t.Errorf("%d readers, %d payments, want 3 and 6", len(made), got.Count)
	}
	if _, err := w.Sim.Seed(stripesim.Seed{Readers: 1, Price: "price_none"}); err == nil {
		t.Error("an unknown price was taken")
	}
}

// BenchmarkSeed makes 2,000 readers with paid subscriptions.
func BenchmarkSeed(b *testing.B) {
	for b.Loop() {
		sim, price := bareSim(b)
		if _, err := sim.Seed(stripesim.Seed{Readers: 2000, Price: price}); err != nil {
			b.Fatal(err)
		}
	}
}
