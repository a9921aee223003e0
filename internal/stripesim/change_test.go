package stripesim_test

import (
	stdcmp "cmp"
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// midMonth is fourteen days and an hour into the first month of 28 days.
var midMonth = start.AddDate(0, 0, 14).Add(time.Hour)

// part is what is left at midMonth of an amount for the first month.
func part(amount int64) int64 {
	return int64(math.Round(float64(amount) * float64(firstEnd.Unix()-midMonth.Unix()) / float64(firstEnd.Unix()-start.Unix())))
}

// move changes the price of a subscription's only item.
func move(sub *stripe.Subscription, price, behavior string) *stripe.SubscriptionParams {
	p := &stripe.SubscriptionParams{Items: []*stripe.SubscriptionItemsParams{{ID: &sub.Items.Data[0].ID, Price: &price}}}
	if behavior != "" {
		p.ProrationBehavior = &behavior
	}
	return p
}

// piece is what matters of an invoice's line.
type piece struct {
	Amount     int64
	Proration  bool
	From, To   int64
	Price      string
	Credits    string // the invoice whose line is credited
	CreditLine string
}

func pieces(in *stripe.Invoice) []piece {
	var out []piece
	for _, l := range in.Lines.Data {
		p := piece{Amount: l.Amount, Proration: l.Proration, From: l.Period.Start, To: l.Period.End, Price: l.Price.ID}
		if l.ProrationDetails != nil && l.ProrationDetails.CreditedItems != nil {
			p.Credits, p.CreditLine = l.ProrationDetails.CreditedItems.Invoice, l.ProrationDetails.CreditedItems.InvoiceLineItems[0]
		}
		out = append(out, p)
	}
	return out
}

// An upgrade in the middle of a month waits for the renewal, unless it is
// invoiced now. https://docs.stripe.com/billing/subscriptions/prorations
func TestAnUpgradeIsProratedToTheSecond(t *testing.T) {
	t.Parallel()
	for _, behavior := range []string{"create_prorations", "always_invoice", "none"} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sub := w.subscribe(simtest.Pays)
			better := w.newPrice(2000, "month").ID
			first := sub.LatestInvoice
			w.to(midMonth)
			_, err := w.api.Subscriptions.Update(sub.ID, move(sub, better, behavior))
			must(t, err)
			credit := piece{-part(500), true, midMonth.Unix(), firstEnd.Unix(), w.price.ID, first.ID, first.Lines.Data[0].ID}
			debit := piece{part(2000), true, midMonth.Unix(), firstEnd.Unix(), better, "", ""}
			now := w.subscription(sub.ID)
			if now.Items.Data[0].Price.ID != better || now.CurrentPeriodEnd != firstEnd.Unix() {
				t.Errorf("moved to %s, period until %d", now.Items.Data[0].Price.ID, now.CurrentPeriodEnd)
			}
			if behavior == "always_invoice" {
				if diff := cmp.Diff([]piece{debit, credit}, pieces(now.LatestInvoice)); diff != "" {
					t.Errorf("invoiced now (-want +got):\n%s", diff)
				}
				if now.LatestInvoice.AmountPaid != part(2000)-part(500) || now.LatestInvoice.BillingReason != "subscription_update" {
					t.Errorf("paid %d for %s", now.LatestInvoice.AmountPaid, now.LatestInvoice.BillingReason)
				}
			}
			w.to(firstEnd.Add(time.Hour))
			next := time.Date(2025, time.March, 31, 10, 30, 0, 0, time.UTC).Unix()
			renewal := []piece{{2000, false, firstEnd.Unix(), next, better, "", ""}}
			if behavior == "create_prorations" {
				renewal = append([]piece{debit, credit}, renewal...)
			}
			if diff := cmp.Diff(renewal, pieces(w.subscription(sub.ID).LatestInvoice)); diff != "" {
				t.Errorf("at the renewal (-want +got):\n%s", diff)
			}
		})
	}
}

// The credit of a downgrade that is invoiced now goes to the balance, and pays
// the renewals until it is used up.
func TestADowngradesCreditGoesToTheBalance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.price = w.newPrice(3000, "month")
	cheap := w.newPrice(500, "month").ID
	sub := w.subscribe(simtest.Pays)
	w.to(midMonth)
	_, err := w.api.Subscriptions.Update(sub.ID, move(sub, cheap, "always_invoice"))
	must(t, err)
	credit := part(3000) - part(500)
	in := w.subscription(sub.ID).LatestInvoice
	if !in.Paid || in.Total != -credit || in.AmountDue != 0 || in.StartingBalance != 0 || in.EndingBalance != -credit || in.PaymentIntent != nil {
		t.Errorf("paid %v, total %d, due %d, balance %d to %d", in.Paid, in.Total, in.AmountDue, in.StartingBalance, in.EndingBalance)
	}
	w.to(firstEnd.Add(time.Hour))
	in = w.subscription(sub.ID).LatestInvoice
	if !in.Paid || in.Total != 500 || in.AmountDue != 0 || in.EndingBalance != 500-credit {
		t.Errorf("the renewal: paid %v, total %d, due %d, balance then %d", in.Paid, in.Total, in.AmountDue, in.EndingBalance)
	}
	customer, err := w.api.Customers.Get(sub.Customer.ID, nil)
	must(t, err)
	if customer.Balance != 500-credit || !w.has(firstEnd, "customer.updated") {
		t.Errorf("balance %d, want %d", customer.Balance, 500-credit)
	}
	w.to(firstEnd.AddDate(0, 3, 0))
	paid := w.Sim.Totals()["eur"].Amount
	if want := 3000 + 3*500 - credit; paid != want { // with the renewals of February, March and April
		t.Errorf("paid %d in all, want %d", paid, want)
	}
}

// Another rhythm begins the cycle anew and is billed at once.
// https://docs.stripe.com/billing/subscriptions/billing-cycle#changing
func TestFromMonthToYearBeginsANewCycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	yearly := w.newPrice(5000, "year").ID
	sub := w.subscribe(simtest.Pays)
	first := sub.LatestInvoice
	w.to(midMonth)
	_, err := w.api.Subscriptions.Update(sub.ID, move(sub, yearly, ""))
	must(t, err)
	now := w.subscription(sub.ID)
	year := midMonth.AddDate(1, 0, 0)
	if now.CurrentPeriodStart != midMonth.Unix() || now.CurrentPeriodEnd != year.Unix() || now.BillingCycleAnchor != midMonth.Unix() {
		t.Errorf("period %d to %d", now.CurrentPeriodStart, now.CurrentPeriodEnd)
	}
	want := []piece{
		{-part(500), true, midMonth.Unix(), firstEnd.Unix(), w.price.ID, first.ID, first.Lines.Data[0].ID},
		{5000, false, midMonth.Unix(), year.Unix(), yearly, "", ""},
	}
	if diff := cmp.Diff(want, pieces(now.LatestInvoice)); diff != "" {
		t.Errorf("invoice (-want +got):\n%s", diff)
	}
	w.to(year.Add(-time.Second))
	if n := len(w.invoices(sub.ID)); n != 2 {
		t.Errorf("%d invoices within the year", n)
	}
	w.to(year.Add(time.Hour))
	if in := w.subscription(sub.ID).LatestInvoice; in.Total != 5000 || !in.Paid {
		t.Errorf("after the year %d, paid %v", in.Total, in.Paid)
	}
}

// A second change credits what the first one billed, not the first month.
func TestASecondChangeCreditsTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	better, best := w.newPrice(2000, "month").ID, w.newPrice(4000, "month").ID
	w.to(midMonth)
	_, err := w.api.Subscriptions.Update(sub.ID, move(sub, better, "always_invoice"))
	must(t, err)
	second := w.subscription(sub.ID).LatestInvoice
	w.to(midMonth.AddDate(0, 0, 7))
	_, err = w.api.Subscriptions.Update(sub.ID, move(sub, best, "always_invoice"))
	must(t, err)
	credit := pieces(w.subscription(sub.ID).LatestInvoice)[1]
	if credit.Credits != second.ID || credit.CreditLine != second.Lines.Data[0].ID || credit.Price != better {
		t.Errorf("credited %+v, want the debit line of %s", credit, second.ID)
	}
	left := float64(firstEnd.Unix()-midMonth.AddDate(0, 0, 7).Unix()) / float64(firstEnd.Unix()-midMonth.Unix())
	if want := -int64(math.Round(float64(part(2000)) * left)); credit.Amount != want {
		t.Errorf("credit %d, want %d", credit.Amount, want)
	}
}

func TestAChangeThatCannotBePaid(t *testing.T) {
	t.Parallel()
	for behavior, want := range map[string]struct {
		status  stripe.SubscriptionStatus
		invoice stripe.InvoiceStatus
		refused int
	}{
		"allow_incomplete":      {"past_due", "open", 0},
		"default_incomplete":    {"past_due", "open", 0},
		"error_if_incomplete":   {"active", "paid", http.StatusPaymentRequired},
		"pending_if_incomplete": {"active", "paid", http.StatusBadRequest},
	} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sub := w.subscribe(simtest.DeclinesLater)
			params := move(sub, w.newPrice(2000, "month").ID, "always_invoice")
			params.PaymentBehavior = &behavior
			w.to(midMonth)
			_, err := w.api.Subscriptions.Update(sub.ID, params)
			if want.refused != 0 {
				if got := stripeError(t, err); got.HTTPStatusCode != want.refused {
					t.Errorf("refused with %+v", got)
				}
			} else {
				must(t, err)
			}
			now := w.subscription(sub.ID)
			if now.Status != want.status || now.LatestInvoice.Status != want.invoice || (now.Items.Data[0].Price.ID == w.price.ID) != (want.refused != 0) {
				t.Errorf("%s, invoice %s, price %s", now.Status, now.LatestInvoice.Status, now.Items.Data[0].Price.ID)
			}
		})
	}
}

// The preview shows what the change will make, and makes nothing.
func TestThePreviewIsWhatTheChangeMakes(t *testing.T) {
	t.Parallel()
	for _, behavior := range []string{"create_prorations", "always_invoice"} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sub := w.subscribe(simtest.Pays)
			better := w.newPrice(2000, "month").ID
			w.to(midMonth)
			before := len(w.Sim.Events())
			item := sub.Items.Data[0].ID
			seen, err := w.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{
				Customer: &sub.Customer.ID, Subscription: &sub.ID, SubscriptionProrationBehavior: &behavior,
				SubscriptionProrationDate: stripe.Int64(midMonth.Unix()),
				SubscriptionItems:         []*stripe.SubscriptionItemsParams{{ID: &item, Price: &better}},
			})
			must(t, err)
			if len(w.Sim.Events()) != before || w.subscription(sub.ID).Items.Data[0].Price.ID != w.price.ID {
				t.Error("the preview changed something")
			}
			params := move(sub, better, behavior)
			params.ProrationDate = stripe.Int64(midMonth.Unix())
			w.to(midMonth.Add(time.Minute))
			_, err = w.api.Subscriptions.Update(sub.ID, params)
			must(t, err)
			w.to(firstEnd)
			made := w.invoices(sub.ID)[1]
			if diff := cmp.Diff(sorted(pieces(made)), sorted(pieces(seen))); diff != "" || seen.Total != made.Total || seen.ID != "" {
				t.Errorf("made %d, seen %d (-made +seen):\n%s", made.Total, seen.Total, diff)
			}
		})
	}
}

func TestUpcomingShowsTheRenewalOrNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	next, err := w.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Customer: &sub.Customer.ID})
	must(t, err)
	if next.Total != 500 || next.Lines.Data[0].Period.Start != firstEnd.Unix() || next.NextPaymentAttempt != firstEnd.Add(time.Hour).Unix() {
		t.Errorf("upcoming %d from %d, tried %d", next.Total, next.Lines.Data[0].Period.Start, next.NextPaymentAttempt)
	}
	_, err = w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)})
	must(t, err)
	_, err = w.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Subscription: &sub.ID})
	if got := stripeError(t, err); got.HTTPStatusCode != http.StatusNotFound || got.Code != stripe.ErrorCodeInvoiceUpcomingNone {
		t.Errorf("with its end decided: %+v", got)
	}
}

func TestItemsCanBeAddedCountedAndTakenAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	extra := w.newPrice(300, "month").ID
	change := func(items ...*stripe.SubscriptionItemsParams) (*stripe.Subscription, error) {
		return w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{Items: items, ProrationBehavior: stripe.String("none")})
	}
	own := sub.Items.Data[0].ID
	now, err := change(&stripe.SubscriptionItemsParams{Price: &extra}, &stripe.SubscriptionItemsParams{ID: &own, Quantity: stripe.Int64(3)})
	must(t, err)
	if len(now.Items.Data) != 2 || now.Items.Data[0].Quantity != 3 || now.Items.Data[1].Price.ID != extra {
		t.Errorf("items %+v", now.Items.Data)
	}
	w.to(firstEnd.Add(time.Hour))
	if in := w.subscription(sub.ID).LatestInvoice; in.Total != 3*500+300 {
		t.Errorf("renewed for %d", in.Total)
	}
	now, err = change(&stripe.SubscriptionItemsParams{ID: &own, Deleted: stripe.Bool(true)})
	must(t, err)
	if len(now.Items.Data) != 1 || now.Items.Data[0].Price.ID != extra {
		t.Errorf("after taking one away %+v", now.Items.Data)
	}
	yearly := w.newPrice(900, "year").ID
	for name, wrong := range map[string]*stripe.SubscriptionItemsParams{
		"none left":         {ID: &now.Items.Data[0].ID, Deleted: stripe.Bool(true)},
		"two rhythms":       {Price: &yearly},
		"an unknown item":   {ID: stripe.String("si_none"), Price: &extra},
		"a price paid once": {Price: &w.newPrice(100, "").ID},
	} {
		if _, err := change(wrong); stripeError(t, err).HTTPStatusCode != http.StatusBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Cancelling now gives nothing back, unless it is asked to.
// https://docs.stripe.com/api/subscriptions/cancel
func TestCancellingWithProrationCreditsTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	w.to(midMonth)
	now, err := w.api.Subscriptions.Cancel(sub.ID, &stripe.SubscriptionCancelParams{Prorate: stripe.Bool(true), InvoiceNow: stripe.Bool(true)})
	must(t, err)
	in := w.subscription(sub.ID).LatestInvoice
	if now.Status != "canceled" || in.Total != -part(500) || in.EndingBalance != -part(500) || in.Lines.Data[0].ProrationDetails.CreditedItems.Invoice != sub.LatestInvoice.ID {
		t.Errorf("%s, invoice %d, balance %d", now.Status, in.Total, in.EndingBalance)
	}
}

func sorted(all []piece) []piece {
	slices.SortFunc(all, func(a, b piece) int { return stdcmp.Compare(a.Amount, b.Amount) })
	return all
}
