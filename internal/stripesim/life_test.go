package stripesim_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// newCustomer makes a customer who has a default payment method, if one is
// named.
func (w *world) newCustomer(method string) string {
	w.t.Helper()
	c, err := w.api.Customers.New(&stripe.CustomerParams{Email: stripe.String("reader@example.org")})
	must(w.t, err)
	if method != "" {
		w.card(c.ID, method)
	}
	return c.ID
}

// https://docs.stripe.com/api/subscriptions/create#create_subscription-payment_behavior
func TestPaymentBehaviorDecidesWhatAFailedFirstPaymentLeaves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, behavior string
		status           stripe.SubscriptionStatus
		refused          int
	}{
		"pays":                 {"pm_card_visa", "allow_incomplete", "active", 0},
		"by default":           {"pm_card_visa", "", "active", 0},
		"pays or else":         {"pm_card_visa", "error_if_incomplete", "active", 0},
		"waits":                {"pm_card_visa", "default_incomplete", "incomplete", 0},
		"waits without a card": {"", "default_incomplete", "incomplete", 0},
		"fails":                {"pm_card_chargeCustomerFail", "allow_incomplete", "incomplete", 0},
		"fails or else":        {"pm_card_chargeCustomerFail", "error_if_incomplete", "", http.StatusPaymentRequired},
		"no card":              {"", "allow_incomplete", "", http.StatusBadRequest},
		"updates only":         {"pm_card_visa", "pending_if_incomplete", "", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			customer := w.newCustomer(c.method)
			p := &stripe.SubscriptionParams{Customer: &customer, Items: []*stripe.SubscriptionItemsParams{{Price: &w.price.ID}}}
			if c.behavior != "" {
				p.PaymentBehavior = &c.behavior
			}
			made, err := w.api.Subscriptions.New(p)
			if c.refused != 0 {
				if got := stripeError(t, err); got.HTTPStatusCode != c.refused || w.has(start, "customer.subscription.created") {
					t.Errorf("refused with %+v", got)
				}
				return
			}
			must(t, err)
			if made.Status != c.status {
				t.Errorf("%s, want %s", made.Status, c.status)
			}
			w.to(start.AddDate(0, 0, 2))
			if now := w.subscription(made.ID); c.status == "incomplete" && (now.Status != "incomplete_expired" || now.LatestInvoice.Status != "void") {
				t.Errorf("unpaid for two days: %s, invoice %s", now.Status, now.LatestInvoice.Status)
			}
		})
	}
}

// An incomplete subscription whose invoice is paid in time is active.
func TestAnIncompleteSubscriptionCanStillBePaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.newCustomer("")
	sub, err := w.api.Subscriptions.New(&stripe.SubscriptionParams{
		Customer: &customer, PaymentBehavior: stripe.String("default_incomplete"), Items: []*stripe.SubscriptionItemsParams{{Price: &w.price.ID}},
	})
	must(t, err)
	w.to(start.Add(22 * time.Hour))
	w.card(customer, "pm_card_visa")
	_, err = w.api.Invoices.Pay(sub.LatestInvoice.ID, nil)
	must(t, err)
	w.to(firstEnd.Add(time.Hour))
	if now := w.subscription(sub.ID); now.Status != "active" || !now.LatestInvoice.Paid || now.LatestInvoice.ID == sub.LatestInvoice.ID {
		t.Errorf("paid in time: %s, renewed %v", now.Status, now.LatestInvoice.Paid)
	}
}

// https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
func TestDunningEndsBySetting(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]stripe.SubscriptionStatus{"": "canceled", "unpaid": "unpaid", "past_due": "past_due"} {
		t.Run("after="+after, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *stripesim.Config) { c.AfterRetries = after })
			sub := w.subscribe(simtest.DeclinesLater)
			w.to(firstEnd.AddDate(0, 0, 16))
			now := w.subscription(sub.ID)
			if now.Status != want || (now.CancellationDetails.Reason == "payment_failed") != (want == "canceled") {
				t.Fatalf("%s for %q, want %s", now.Status, now.CancellationDetails.Reason, want)
			}
			if want == "canceled" {
				return
			}
			w.to(time.Date(2025, time.March, 31, 12, 0, 0, 0, time.UTC))
			later := w.subscription(sub.ID).LatestInvoice
			if want == "unpaid" && (later.Status != "draft" || later.AutoAdvance) || want == "past_due" && later.Status != "open" {
				t.Errorf("the next invoice is %s", later.Status)
			}
			w.card(sub.Customer.ID, "pm_card_visa")
			_, err := w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{DefaultPaymentMethod: &w.card(sub.Customer.ID, "pm_card_visa").ID})
			must(t, err)
			open := now.LatestInvoice
			if want == "past_due" {
				open = later
			}
			_, err = w.api.Invoices.Pay(open.ID, nil)
			must(t, err)
			if got := w.subscription(sub.ID).Status; got != "active" {
				t.Errorf("after its open invoice was paid %s", got)
			}
		})
	}
}

// Writing the latest invoice off makes a past due subscription active; voiding
// it leaves it as it is. https://docs.stripe.com/api/invoices/mark_uncollectible
func TestAnOpenInvoiceCanBeGivenUp(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"uncollectible", "void"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sub := w.subscribe(simtest.DeclinesLater)
			w.to(firstEnd.Add(time.Hour))
			id := w.subscription(sub.ID).LatestInvoice.ID
			var in *stripe.Invoice
			var err error
			want := stripe.SubscriptionStatus("past_due")
			if end == "void" {
				in, err = w.api.Invoices.VoidInvoice(id, nil)
			} else {
				in, err = w.api.Invoices.MarkUncollectible(id, nil)
				want = "active"
			}
			must(t, err)
			if got := w.subscription(sub.ID).Status; string(in.Status) != end || got != want {
				t.Errorf("invoice %s, subscription %s, want %s", in.Status, got, want)
			}
			w.to(firstEnd.AddDate(0, 0, 20))
			if got := w.subscription(sub.ID); got.LatestInvoice.AttemptCount != 1 || got.Status == "canceled" {
				t.Errorf("it was tried again: %d, %s", got.LatestInvoice.AttemptCount, got.Status)
			}
			if _, err := w.api.Invoices.VoidInvoice(sub.LatestInvoice.ID, nil); stripeError(t, err).HTTPStatusCode != http.StatusBadRequest {
				t.Errorf("a paid invoice was voided: %v", err)
			}
		})
	}
}

func TestADraftCanBeFinalizedBeforeItsHour(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	w.to(firstEnd)
	in, err := w.api.Invoices.FinalizeInvoice(w.subscription(sub.ID).LatestInvoice.ID, nil)
	must(t, err)
	w.to(firstEnd.Add(2 * time.Hour))
	if got := w.Sim.Totals()["eur"].Count; !in.Paid || got != 2 {
		t.Errorf("paid %v, %d payments", in.Paid, got)
	}
}

// Whatever ends a subscription is said in cancellation_details.
func TestTheEndCanBeSetToADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	third := time.Date(2025, time.April, 30, 10, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		at       time.Time
		prorate  string
		invoices int // 0 is refused
	}{
		"this period's end":        {firstEnd, "", 1},
		"within, not prorated":     {midMonth, "none", 1},
		"within, prorated":         {midMonth, "", 0},
		"a later period's end":     {third, "", 3},
		"within a later one":       {third.AddDate(0, 0, 3), "none", 0},
		"past":                     {start.Add(-time.Hour), "none", 0},
		"taken back":               {firstEnd, "", -1},
		"taken back, at its wish'": {midMonth, "none", -1},
	} {
		sub := w.subscribe(simtest.Pays)
		p := &stripe.SubscriptionParams{
			CancelAt:            stripe.Int64(c.at.Unix()),
			CancellationDetails: &stripe.SubscriptionCancellationDetailsParams{Comment: stripe.String("Moving away"), Feedback: stripe.String("unused")},
		}
		if c.prorate != "" {
			p.ProrationBehavior = &c.prorate
		}
		now, err := w.api.Subscriptions.Update(sub.ID, p)
		if c.invoices == 0 {
			if got := stripeError(t, err); got.Param != "cancel_at" {
				t.Errorf("%s: %+v", name, got)
			}
			continue
		}
		must(t, err)
		if d := now.CancellationDetails; now.CancelAt != c.at.Unix() || d.Reason != "cancellation_requested" || d.Comment != "Moving away" || d.Feedback != "unused" {
			t.Errorf("%s: at %d, %+v", name, now.CancelAt, d)
		}
		if c.invoices < 0 {
			back := &stripe.SubscriptionParams{}
			back.AddExtra("cancel_at", "")
			now, err = w.api.Subscriptions.Update(sub.ID, back)
			must(t, err)
			if now.CancelAt != 0 || now.CanceledAt != 0 || now.CancellationDetails.Reason != "" {
				t.Errorf("%s: %d, %d, %q", name, now.CancelAt, now.CanceledAt, now.CancellationDetails.Reason)
			}
		}
		defer w.endsAt(name, sub.ID, c.at, c.invoices)
	}
	w.to(third.AddDate(0, 0, 5))
}

// endsAt checks when a subscription ended, after how many invoices; fewer than
// none is not at all.
func (w *world) endsAt(name, id string, at time.Time, invoices int) {
	w.t.Helper()
	now := w.subscription(id)
	switch {
	case invoices < 0:
		if now.Status != "active" {
			w.t.Errorf("%s: %s", name, now.Status)
		}
	case now.Status != "canceled" || now.EndedAt != at.Unix() || len(w.invoices(id)) != invoices:
		w.t.Errorf("%s: %s at %d after %d invoices, want %d", name, now.Status, now.EndedAt, len(w.invoices(id)), invoices)
	}
}

// A renewal that was planned for a period's end does nothing once the period
// has moved: a change of rhythm must not bill the old month's end too.
func TestAnOldRenewalDoesNothingOnceThePeriodHasMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	w.to(midMonth)
	_, err := w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{BillingCycleAnchorNow: stripe.Bool(true), ProrationBehavior: stripe.String("none")})
	must(t, err)
	w.to(firstEnd.Add(2 * time.Hour))
	if n := len(w.invoices(sub.ID)); n != 2 {
		t.Errorf("%d invoices by the old month's end, want the first and the new cycle's", n)
	}
	w.to(midMonth.AddDate(0, 1, 0).Add(time.Hour))
	if n := len(w.invoices(sub.ID)); n != 3 {
		t.Errorf("%d invoices after the new month", n)
	}
}

func TestInvoiceItemsWaitForTheNextInvoice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	add := func(amount int64) *stripe.InvoiceItem {
		item, err := w.api.InvoiceItems.New(&stripe.InvoiceItemParams{
			Customer: &sub.Customer.ID, Subscription: &sub.ID, Amount: &amount, Currency: stripe.String("eur"), Description: stripe.String("A printed issue"),
		})
		must(t, err)
		return item
	}
	kept, dropped := add(250), add(100)
	_, err := w.api.InvoiceItems.Update(kept.ID, &stripe.InvoiceItemParams{Amount: stripe.Int64(300)})
	must(t, err)
	_, err = w.api.InvoiceItems.Del(dropped.ID, nil)
	must(t, err)
	w.to(firstEnd.Add(time.Hour))
	in := w.subscription(sub.ID).LatestInvoice
	if in.Total != 800 || !in.Paid || !slices.ContainsFunc(in.Lines.Data, func(l *stripe.InvoiceLineItem) bool { return l.InvoiceItem.ID == kept.ID }) {
		t.Errorf("invoice %d: %+v", in.Total, in.Lines.Data)
	}
	pending := w.api.InvoiceItems.List(&stripe.InvoiceItemListParams{Customer: &sub.Customer.ID, Pending: stripe.Bool(true)})
	if pending.Next() {
		t.Errorf("still pending: %+v", pending.InvoiceItem())
	}
	if _, err := w.api.InvoiceItems.Del(kept.ID, nil); stripeError(t, err).HTTPStatusCode != http.StatusBadRequest {
		t.Errorf("an invoiced item was deleted: %v", err)
	}
}

// A session can sell something once beside what recurs.
func TestAPricePaidOnceIsOnTheFirstInvoiceOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.sessionParams()
	p.LineItems = append(p.LineItems, &stripe.CheckoutSessionLineItemParams{Price: &w.newPrice(1500, "").ID, Quantity: stripe.Int64(1)})
	session, err := w.api.CheckoutSessions.New(p)
	must(t, err)
	sub := w.buy(session, simtest.Pays)
	w.to(firstEnd.Add(time.Hour))
	if totals := w.totals(sub.ID); len(sub.Items.Data) != 1 || !slices.Equal(totals, []int64{2000, 500}) {
		t.Errorf("%d items, invoices %v", len(sub.Items.Data), totals)
	}
}

func TestPaymentMethodsAreAttachedAndDetached(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	customer := w.newCustomer("")
	attach := func(id string) (*stripe.PaymentMethod, error) {
		return w.api.PaymentMethods.Attach(id, &stripe.PaymentMethodAttachParams{Customer: &customer})
	}
	if _, err := attach("pm_card_visa_chargeDeclined"); stripeError(t, err).DeclineCode != "generic_decline" {
		t.Errorf("a declined card was attached: %v", err)
	}
	card := w.card(customer, "pm_card_visa")
	sub := w.subscribeThrough(customer, func(p *stripe.SubscriptionParams) { p.DefaultPaymentMethod = nil })
	list := w.api.PaymentMethods.List(&stripe.PaymentMethodListParams{Customer: &customer, Type: stripe.String("card")})
	if !list.Next() || list.PaymentMethod().ID != card.ID || list.Next() {
		t.Errorf("the customer's cards: %v", list.Err())
	}
	_, err := w.api.PaymentMethods.Detach(card.ID, nil)
	must(t, err)
	w.to(firstEnd.Add(time.Hour))
	if now := w.subscription(sub.ID); now.Status != "past_due" || now.LatestInvoice.AttemptCount != 1 {
		t.Errorf("without a card %s after %d tries", now.Status, now.LatestInvoice.AttemptCount)
	}
	if _, err := w.api.PaymentMethods.Detach(card.ID, nil); stripeError(t, err).HTTPStatusCode != http.StatusBadRequest {
		t.Errorf("detached twice: %v", err)
	}
}
