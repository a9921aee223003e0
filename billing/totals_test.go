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

// Midnight belongs to the day that it begins, so that days side by side count nothing
// twice.
func TestMidnightIsTheNextDays(t *testing.T) {
	t.Parallel()
	n := open(t)
	n.join(n.member("reader@example.org"), simtest.Pays)
	midnight := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	if err := n.db.Model(&models.Payment{}).Where("true").Update("paid_at", midnight).Error; err != nil {
		t.Fatal(err)
	}
	for from, want := range map[time.Time]int{midnight.Add(-day): 0, midnight: 1} {
		if got, err := n.Totals(t.Context(), from, from.Add(day)); err != nil || len(got) != want {
			t.Errorf("the day from %s: %+v, %v", from, got, err)
		}
	}
}

// A debit counts for no day while it is on its way, and for one once it has arrived.
func TestADebitCountsOnceItHasArrived(t *testing.T) {
	t.Parallel()
	n := open(t)
	reader := n.member("reader@example.org")
	n.stripe.PayByDebit(t, n.byDebit(reader), simtest.DebitPays)
	n.settle()
	n.counts(models.PaymentPending, 0)
	n.pass(14 * day)
	n.counts(models.PaymentSucceeded, 1)
}

// counts asserts the status of the only payment, and how many the sums have.
func (n *newsroom) counts(status models.PaymentStatus, want int64) {
	n.t.Helper()
	rows := n.ledger()
	got, err := n.Totals(n.t.Context(), noon.Add(-day), noon.Add(30*day))
	var count int64
	for _, each := range got {
		count += each.Count
	}
	if err != nil || len(rows) != 1 || rows[0].Status != status || count != want {
		n.t.Errorf("%+v, summed up %d times, want %d; %v", rows, count, want, err)
	}
}
