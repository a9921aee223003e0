package billing

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// The same lives under the shipped policy and under one other choice.
func TestWhatAChoiceChanges(t *testing.T) {
	t.Parallel()
	const succeeded = stripe.RefundStatusSucceeded
	ended := func(w *world, day float64) *world {
		return w.with(func(sub *stripe.Subscription) { sub.EndedAt = sec(day) })
	}
	firstDebit := func() *world {
		return newWorld(active, "price_a").owed(stripe.InvoiceStatusOpen, 0).processing(1)
	}
	lostUpgrade := func() *world {
		return upgraded(stripe.InvoiceStatusPaid).refund(2, 800, succeeded, 12)
	}
	type choose = func(*models.Policy)
	for name, c := range map[string]struct {
		world         *world
		choose        choose
		shipped, then string
	}{
		"slack": {newMember(active), func(p *models.Policy) { p.RenewalSlackDays = 1 }, "0-30 +renewal_due 33", "0-30 +renewal_due 31"},
		"no slack": {newMember(active), func(p *models.Policy) { p.RenewalSlackDays = 0 },
			"0-30 +renewal_due 33", "0-30 +renewal_due 30"},
		"debits": {newMember(active).owed(stripe.InvoiceStatusOpen, 30).processing(2), func(p *models.Policy) { p.RenewalProcessingDays = 10 },
			"0-30 +renewal_processing 51", "0-30 +renewal_processing 40"},
		"longest grace": {newMember(pastDue).owed(stripe.InvoiceStatusOpen, 55), func(p *models.Policy) { p.LongestGraceDays = 30 },
			"0-30 +past_due 58", "0-30 +past_due 60"},
		"first debit": {firstDebit(), func(p *models.Policy) { p.FirstProcessing = models.Access }, "nothing", "0-0 +first_processing 21"},
		"first debit, at most what it pays for": {firstDebit(), func(p *models.Policy) { p.FirstProcessing, p.RenewalProcessingDays = models.Access, 60 },
			"nothing", "0-0 +first_processing 30"},
		"first debit, to end before": {firstDebit().with(func(sub *stripe.Subscription) { sub.CancelAt = sec(4) }),
			func(p *models.Policy) { p.FirstProcessing = models.Access }, "nothing", "0-0 +first_processing 4"},
		"first debit of what never began": {firstDebit().with(func(sub *stripe.Subscription) { sub.Status = stripe.SubscriptionStatusIncomplete }),
			func(p *models.Policy) { p.FirstProcessing = models.Access }, "nothing", "nothing"},
		"first debit failed": {newWorld(active, "price_a").owed(stripe.InvoiceStatusOpen, 0),
			func(p *models.Policy) { p.FirstProcessing = models.Access }, "nothing", "nothing"},
		"a second debit is no first": {newMember(active).refund(1, 800, succeeded, 5).owed(stripe.InvoiceStatusOpen, 30).processing(2),
			func(p *models.Policy) { p.FirstProcessing = models.Access }, "0-30 refunded 5", "0-30 refunded 5"},
		"canceled at once": {ended(newMember(canceled), 10), func(p *models.Policy) { p.CanceledAtOnce = models.Keep }, "0-10", "0-30"},
		"canceled and refunded": {ended(newMember(canceled), 10).refund(1, 800, succeeded, 10), func(p *models.Policy) { p.CanceledAtOnce = models.Keep },
			"0-30 refunded 10", "0-30 refunded 10"},
		"refund":             {newMember(active).refund(1, 800, succeeded, 5), func(p *models.Policy) { p.Refund = models.Keep }, "0-30 refunded 5", "0-30 +renewal_due 33"},
		"the renewal's":      {newMember(active).month(30).refund(2, 800, succeeded, 31), func(p *models.Policy) { p.Refund = models.Keep }, "0-30", "0-60 +renewal_due 63"},
		"an upgrade's":       {lostUpgrade(), func(p *models.Policy) { p.Refund = models.Keep }, "0-30 +renewal_due 33", "0-10"},
		"dispute":            {newMember(active).dispute(1, models.DisputeNeedsResponse, 5), func(p *models.Policy) { p.Dispute = models.Keep }, "0-30 disputed 5", "0-30 +renewal_due 33"},
		"dispute lost":       {newMember(active).dispute(1, models.DisputeLost, 5), func(p *models.Policy) { p.Dispute = models.Keep }, "0-30 disputed 5", "0-30 disputed 5"},
		"dispute lost, kept": {newMember(active).dispute(1, models.DisputeLost, 5), func(p *models.Policy) { p.DisputeLost = models.Keep }, "0-30 disputed 5", "0-30 +renewal_due 33"},
	} {
		p := DefaultPolicy()
		if got := c.world.outcomeBy(p, "price_a"); got != c.shipped {
			t.Errorf("%s: %s as shipped, want %s", name, got, c.shipped)
		}
		c.choose(&p)
		if got := c.world.outcomeBy(p, "price_a"); got != c.then {
			t.Errorf("%s: %s by choice, want %s", name, got, c.then)
		}
	}
}

// An upgrade by debit that is on its way opens nothing more, whatever is chosen for
// first debits.
func TestAnUpgradeByDebitOpensNothingMore(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	p.FirstProcessing = models.Access
	w := upgraded(stripe.InvoiceStatusOpen).processing(2)
	if a, b := w.outcomeBy(p, "price_a"), w.outcomeBy(p, "price_b"); a != "0-30 +renewal_due 33" || b != "nothing" {
		t.Errorf("%s and %s", a, b)
	}
}

// What the account page calls paid is what was paid, whatever the policy gives.
func TestThePaidThroughIsOfMoneyThatStayed(t *testing.T) {
	t.Parallel()
	customer := "cus_1"
	for name, w := range map[string]*world{
		"refunded":   newMember(active).month(30).refund(2, 800, stripe.RefundStatusSucceeded, 31),
		"disputed":   newMember(active).month(30).dispute(2, models.DisputeNeedsResponse, 31),
		"lost":       newMember(active).month(30).dispute(2, models.DisputeLost, 31),
		"processing": newMember(active).owed(stripe.InvoiceStatusOpen, 30).processing(2),
	} {
		row := snapshot(w.state, w.sub, account{customer: &customer}, priceBook{"price_a": {}})
		if row.PaidThrough == nil || !row.PaidThrough.Equal(dayAt(30)) {
			t.Errorf("%s: paid through %v", name, row.PaidThrough)
		}
	}
}
