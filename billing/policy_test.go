package billing

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// The tables of this file are hand-made Stripe objects of one subscription, held
// against the policy's table without the simulator, so that the two cannot share a
// misunderstanding.

func TestWhatAStatusGives(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		world *world
		want  string
	}{
		"active":                       {newMember(active), "0-30 +renewal_due 33"},
		"renewed":                      {newMember(active).month(30), "0-60 +renewal_due 63"},
		"renewal a draft":              {newMember(active).owed(stripe.InvoiceStatusDraft, 30), "0-30 +renewal_due 33"},
		"renewal voided":               {newMember(active).owed(stripe.InvoiceStatusVoid, 30), "0-30 +renewal_due 33"},
		"renewal uncollectible":        {newMember(active).owed(stripe.InvoiceStatusUncollectible, 30), "0-30 +renewal_due 33"},
		"renewal processing":           {newMember(active).owed(stripe.InvoiceStatusOpen, 30).processing(2), "0-30 +renewal_processing 51"},
		"only a later one processing":  {newMember(active).owed(stripe.InvoiceStatusOpen, 20).owed(stripe.InvoiceStatusOpen, 30).processing(3), "0-30 +renewal_processing 51"},
		"first charge processing":      {newWorld(active, "price_a").owed(stripe.InvoiceStatusOpen, 0).processing(1), "nothing"},
		"first charge failed":          {newWorld(stripe.SubscriptionStatusIncomplete, "price_a").owed(stripe.InvoiceStatusOpen, 0), "nothing"},
		"never paid":                   {newWorld(stripe.SubscriptionStatusIncompleteExpired, "price_a").owed(stripe.InvoiceStatusVoid, 0), "nothing"},
		"past due":                     {newMember(pastDue).owed(stripe.InvoiceStatusOpen, 30), "0-30 +past_due 37"},
		"past due, failed late":        {newMember(pastDue).owed(stripe.InvoiceStatusOpen, 50), "0-30 +past_due 57"},
		"past due, at most four weeks": {newMember(pastDue).owed(stripe.InvoiceStatusOpen, 55), "0-30 +past_due 58"},
		"past due twice: the first":    {newMember(pastDue).owed(stripe.InvoiceStatusOpen, 60).owed(stripe.InvoiceStatusOpen, 30), "0-30 +past_due 37"},
		"past due, nothing open":       {newMember(pastDue), "0-30 +past_due 37"},
		"unpaid":                       {newMember(stripe.SubscriptionStatusUnpaid).owed(stripe.InvoiceStatusOpen, 30), "0-30"},
		"paused":                       {newMember(stripe.SubscriptionStatusPaused), "0-30"},
		"collection paused": {newMember(active).with(func(sub *stripe.Subscription) {
			sub.PauseCollection = &stripe.SubscriptionPauseCollection{Behavior: "void"}
		}), "0-30"},
		"trialing": {newWorld(stripe.SubscriptionStatusTrialing, "price_a").with(func(sub *stripe.Subscription) {
			sub.TrialStart, sub.TrialEnd = sec(0), sec(14)
		}), "0-14"},
		"trial without a card, paused": {newWorld(stripe.SubscriptionStatusPaused, "price_a").freeMonth(14), "0-14"},
		"no payment required":          {newWorld(active, "price_a").freeMonth(30), "0-30 +renewal_due 33"},
	} {
		if got := c.world.outcome("price_a"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWhatACancellationLeaves(t *testing.T) {
	t.Parallel()
	at := func(day float64) func(*stripe.Subscription) {
		return func(sub *stripe.Subscription) { sub.CancelAt = sec(day) }
	}
	ended := func(day float64) func(*stripe.Subscription) {
		return func(sub *stripe.Subscription) { sub.EndedAt = sec(day) }
	}
	for name, c := range map[string]struct {
		world *world
		want  string
	}{
		"at the period's end": {newMember(active).with(func(sub *stripe.Subscription) {
			sub.CancelAtPeriodEnd, sub.CancelAt, sub.CurrentPeriodEnd = true, sec(30), sec(30)
		}), "0-30"},
		"at the period's end, no date": {newMember(active).with(func(sub *stripe.Subscription) {
			sub.CancelAtPeriodEnd, sub.CurrentPeriodEnd = true, sec(30)
		}), "0-30"},
		"before the paid time ends":     {newMember(active).with(at(20)), "0-30"},
		"a year off: renewals are due":  {newMember(active).with(at(365)), "0-30 +renewal_due 33"},
		"within the slack":              {newMember(active).with(at(31)), "0-30 +renewal_due 31"},
		"past due and to end":           {newMember(pastDue).owed(stripe.InvoiceStatusOpen, 30).with(at(34)), "0-30 +past_due 34"},
		"canceled at once":              {newMember(canceled).with(ended(10)), "0-10"},
		"canceled after its paid time":  {newMember(canceled).owed(stripe.InvoiceStatusOpen, 30).with(ended(45)), "0-30"},
		"canceled in the second month":  {newMember(canceled).month(30).with(ended(40)), "0-40"},
		"canceled before it began":      {newMember(canceled).with(ended(-1)), "0-0"},
		"ended_at on a live one counts": {newMember(active).with(ended(10)), "0-30 +renewal_due 33"},
	} {
		if got := c.world.outcome("price_a"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWhatMoneyGivenBackTakes(t *testing.T) {
	t.Parallel()
	const succeeded, pending, failed = stripe.RefundStatusSucceeded, stripe.RefundStatusPending, stripe.RefundStatusFailed
	for name, c := range map[string]struct {
		world *world
		want  string
	}{
		"the only month":             {newMember(active).refund(1, 800, succeeded, 5), "0-30 refunded 5"},
		"in parts that sum to it":    {newMember(active).refund(1, 300, succeeded, 5).refund(1, 500, succeeded, 6), "0-30 refunded 6"},
		"in part":                    {newMember(active).refund(1, 799, succeeded, 5), "0-30 +renewal_due 33"},
		"not yet":                    {newMember(active).refund(1, 800, pending, 5), "0-30 +renewal_due 33"},
		"it failed":                  {newMember(active).refund(1, 800, failed, 5), "0-30 +renewal_due 33"},
		"a failed part":              {newMember(active).refund(1, 400, succeeded, 5).refund(1, 400, failed, 6), "0-30 +renewal_due 33"},
		"the renewal only":           {newMember(active).month(30).refund(2, 800, succeeded, 31), "0-30"},
		"the first month only":       {newMember(active).month(30).refund(1, 800, succeeded, 31), "30-60 +renewal_due 63"},
		"both":                       {newMember(active).month(30).refund(1, 800, succeeded, 31).refund(2, 800, succeeded, 32), "0-60 refunded 32"},
		"and canceled":               {newMember(canceled).refund(1, 800, succeeded, 5), "0-30 refunded 5"},
		"past due after a refund":    {newMember(pastDue).month(30).refund(2, 800, succeeded, 31).owed(stripe.InvoiceStatusOpen, 60), "0-30 +past_due 58"},
		"disputed":                   {newMember(active).dispute(1, models.DisputeNeedsResponse, 5), "0-30 disputed 5"},
		"dispute under review":       {newMember(active).dispute(1, models.DisputeUnderReview, 5), "0-30 disputed 5"},
		"dispute lost":               {newMember(active).dispute(1, models.DisputeLost, 5), "0-30 disputed 5"},
		"dispute won":                {newMember(active).dispute(1, models.DisputeWon, 5), "0-30 +renewal_due 33"},
		"warned":                     {newMember(active).dispute(1, models.DisputeWarningNeedsResponse, 5), "0-30 +renewal_due 33"},
		"warning under review":       {newMember(active).dispute(1, models.DisputeWarningUnderReview, 5), "0-30 +renewal_due 33"},
		"warning closed":             {newMember(active).dispute(1, models.DisputeWarningClosed, 5), "0-30 +renewal_due 33"},
		"a status we do not know":    {newMember(active).dispute(1, "prevented", 5), "0-30 +renewal_due 33"},
		"the renewal disputed":       {newMember(active).month(30).dispute(2, models.DisputeNeedsResponse, 31), "0-30"},
		"an earlier month disputed":  {newMember(active).month(30).dispute(1, models.DisputeLost, 31), "30-60 +renewal_due 63"},
		"refunded while in question": {newMember(active).dispute(1, models.DisputeNeedsResponse, 5).refund(1, 800, succeeded, 6), "0-30 refunded 6"},
	} {
		if got := c.world.outcome("price_a"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestWhatAChangeOfPriceGives(t *testing.T) {
	t.Parallel()
	refunded := func(w *world) *world { return w.refund(2, 800, stripe.RefundStatusSucceeded, 12) }
	renewed := upgraded(stripe.InvoiceStatusPaid)
	renewed.invoice(stripe.InvoiceStatusPaid, 30, line("il_30", "price_b", 2000, 30, 60))
	credited := upgraded(stripe.InvoiceStatusPaid)
	credited.invoices[1].PaymentIntent = nil // a downgrade: nothing to pay
	back := upgraded(stripe.InvoiceStatusPaid)
	back.invoice(stripe.InvoiceStatusPaid, 20, credit("price_b", "il_up", 20, 30), line("il_down", "price_a", 300, 20, 30))
	addOn := newWorld(pastDue, "price_a", "price_coffee")
	addOn.invoice(stripe.InvoiceStatusPaid, 0, line("il_a", "price_a", 800, 0, 30), line("il_c", "price_coffee", 9000, 0, 365))
	for name, c := range map[string]struct {
		world *world
		a, b  string
	}{
		"paid":                  {upgraded(stripe.InvoiceStatusPaid), "0-10", "10-30 +renewal_due 33"},
		"not paid yet":          {upgraded(stripe.InvoiceStatusOpen), "0-30 +renewal_due 33", "nothing"},
		"its charge given back": {refunded(upgraded(stripe.InvoiceStatusPaid)), "0-30 +renewal_due 33", "10-30 refunded 12"},
		"renewed":               {renewed, "0-10", "10-60 +renewal_due 63"},
		"paid by credit":        {credited, "0-10", "10-30 +renewal_due 33"},
		"there and back":        {back, "0-30 +renewal_due 33", "10-20"},
		"beside something else": {addOn, "0-30 +past_due 37", "nothing"},
	} {
		if a, b := c.world.outcome("price_a"), c.world.outcome("price_b"); a != c.a || b != c.b {
			t.Errorf("%s: %s and %s, want %s and %s", name, a, b, c.a, c.b)
		}
	}
}

// Lines that give no time: credit, fees without a price, lines without a span, and
// invoices of another subscription or of none.
func TestLinesThatGiveNoTime(t *testing.T) {
	t.Parallel()
	w := newWorld(active, "price_a")
	w.invoice(stripe.InvoiceStatusPaid, 0,
		line("il_1", "price_a", -800, 0, 30), line("il_2", "price_a", 800, 30, 30), line("il_3", "price_a", 800, 30, 0),
		&stripe.InvoiceLineItem{ID: "il_4", Amount: 800, Period: &stripe.Period{Start: sec(0), End: sec(30)}},
		&stripe.InvoiceLineItem{ID: "il_5", Amount: 800, Price: &stripe.Price{ID: "price_a"}},
		&stripe.InvoiceLineItem{ID: "il_6", Amount: -800, ProrationDetails: &stripe.InvoiceLineItemProrationDetails{}})
	w.invoice(stripe.InvoiceStatusPaid, 0, line("il_7", "price_a", 800, 0, 30)).Subscription = nil
	w.invoice(stripe.InvoiceStatusPaid, 0, line("il_8", "price_a", 800, 0, 30)).Subscription.ID = "sub_2"
	w.invoice(stripe.InvoiceStatusPaid, 0).Lines = nil
	if all := w.stretches(w.sub); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

// The snapshot's paid-through is of what is ours, where something is.
func TestSnapshotOfSeveralPrices(t *testing.T) {
	t.Parallel()
	w := newWorld(active, "price_coffee", "price_a")
	w.invoice(stripe.InvoiceStatusPaid, 0, line("il_a", "price_a", 800, 0, 30), line("il_c", "price_coffee", 9000, 0, 365))
	customer := "cus_1"
	books := account{customer: &customer}
	row := snapshot(w.state, w.sub, books, priceBook{"price_a": {}})
	if row.Kind != models.SubscriptionMembership || row.PriceID != "price_a" || !row.PaidThrough.Equal(dayAt(30)) {
		t.Errorf("%+v, paid through %s", row, row.PaidThrough)
	}
	foreign := snapshot(w.state, w.sub, books, priceBook{})
	if foreign.Kind != models.SubscriptionForeign || foreign.PriceID != "price_coffee" || !foreign.PaidThrough.Equal(dayAt(365)) {
		t.Errorf("%+v, paid through %s", foreign, foreign.PaidThrough)
	}
}
