package billing_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"newsroom.example/membership/billing"
	"newsroom.example/membership/internal/stripesim/simtest"
	"newsroom.example/membership/models"
)

// The sums are of what moved: memberships and gifts apart, a declined card in none,
// a refund with the day of its payment, days by UTC.
func TestTotalsOfTheLedger(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.clock.advance(11*time.Hour + 30*time.Minute) // half past eleven in the evening
	first, second := n.member("first@example.org"), n.member("second@example.org")
	n.join(first, simtest.Pays)
	n.stripe.Pay(t, n.give(gift(&first, "5", models.Once)), simtest.Pays)
	n.stripe.Pay(t, n.give(gift(&second, "7", models.Once)), simtest.Declined)
	n.settle()
	n.refundAll(first)
	n.clock.advance(time.Hour)
	n.join(second, simtest.Pays)
	usd := gift(&second, "9", models.Once)
	usd.Currency = "usd"
	n.stripe.Pay(t, n.give(usd), simtest.Pays)
	n.settle()

	today := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	tomorrow := today.AddDate(0, 0, 1)
	want := []billing.DayTotal{
		{Day: today, Kind: models.PaymentDonation, Currency: "eur", Count: 1, Amount: 500, Refunded: 500},
		{Day: today, Kind: models.PaymentMembership, Currency: "eur", Count: 1, Amount: 800, Refunded: 800},
		{Day: tomorrow, Kind: models.PaymentDonation, Currency: "usd", Count: 1, Amount: 900},
		{Day: tomorrow, Kind: models.PaymentMembership, Currency: "eur", Count: 1, Amount: 800},
	}
	for i := range want { // the fees are the simulator's: as the ledger's rows have them
		for _, p := range n.ledger() {
			if p.PaidAt != nil && p.Kind == want[i].Kind && p.Currency == want[i].Currency && !p.PaidAt.Before(want[i].Day) && p.PaidAt.Before(want[i].Day.Add(day)) {
				want[i].Fee, want[i].FeeCurrency = want[i].Fee+*p.Fee, *p.FeeCurrency
			}
		}
	}
	got, err := n.Totals(t.Context(), today, tomorrow.AddDate(0, 0, 1))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := n.Totals(t.Context(), today, tomorrow); err != nil || len(got) != 2 || got[0].Net() != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := n.Totals(t.Context(), tomorrow.AddDate(0, 0, 1), tomorrow.AddDate(0, 1, 0)); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What Stripe took for a payment is summed in the currency it was settled in; of a fee
// that is not known yet nothing is made up.
func TestFeesInAnotherCurrency(t *testing.T) {
	t.Parallel()
	n := open(t)
	for range 3 {
		n.join(n.member(models.NewID().String()+"@example.org"), simtest.Pays)
	}
	for i, set := range []string{"fee = 30, fee_currency = 'usd'", "fee = NULL, fee_currency = NULL", "disputed = amount"} {
		if err := n.db.Exec("UPDATE payments SET "+set+" WHERE id = ?", n.ledger()[i].ID).Error; err != nil {
			t.Fatal(err)
		}
	}
	got, err := n.Totals(t.Context(), noon, noon.Add(day))
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []string{"", "eur", "usd"} {
		if got[i].FeeCurrency != want || got[i].Count != 1 || (got[i].Fee == 0) != (want == "") {
			t.Errorf("%+v", got[i])
		}
	}
	if got[1].Net() != 0 || got[2].Net() != 800 {
		t.Errorf("%+v", got)
	}
}
