package stripesim_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// firstEnd is when the first paid month of a subscription from start ends.
var firstEnd = time.Date(2025, time.February, 28, 10, 30, 0, 0, time.UTC)

func TestRenewalMovesThePeriodFirstAndChargesAnHourLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	w.to(firstEnd)
	want := []string{"customer.subscription.updated", "invoice.created"}
	if diff := cmp.Diff(want, w.types(firstEnd)); diff != "" {
		t.Errorf("at the period's end (-want +got):\n%s", diff)
	}
	wasEnd := map[string]any{"current_period_start": float64(start.Unix()), "current_period_end": float64(firstEnd.Unix()), "latest_invoice": sub.LatestInvoice.ID}
	if diff := cmp.Diff(wasEnd, w.previous(1)); diff != "" {
		t.Errorf("previous attributes (-want +got):\n%s", diff)
	}
	moved := w.subscription(sub.ID)
	if moved.CurrentPeriodStart != firstEnd.Unix() || moved.LatestInvoice.Status != stripe.InvoiceStatusDraft || moved.Status != stripe.SubscriptionStatusActive {
		t.Errorf("period starts %d, invoice %s, status %s", moved.CurrentPeriodStart, moved.LatestInvoice.Status, moved.Status)
	}
	line := moved.LatestInvoice.Lines.Data[0]
	if line.Period.Start != moved.CurrentPeriodStart || line.Period.End != moved.CurrentPeriodEnd || moved.LatestInvoice.PeriodStart != start.Unix() {
		t.Errorf("line covers %d to %d, invoice begins %d", line.Period.Start, line.Period.End, moved.LatestInvoice.PeriodStart)
	}
	charged := firstEnd.Add(time.Hour)
	w.to(charged)
	want = []string{"payment_intent.created", "invoice.finalized", "charge.succeeded", "payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded"}
	if diff := cmp.Diff(want, w.types(charged)); diff != "" {
		t.Errorf("an hour later (-want +got):\n%s", diff)
	}
}

// A month that lacks the anchor's day ends the period on its last day; the
// next returns to the anchor. https://docs.stripe.com/billing/subscriptions/billing-cycle
func TestAYearInOneJumpHappensAtItsOwnInstants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	w.to(start.AddDate(1, 0, 0).Add(2 * time.Hour))
	var starts []string
	list := w.api.Invoices.List(&stripe.InvoiceListParams{Subscription: &sub.ID, ListParams: stripe.ListParams{Limit: stripe.Int64(3)}})
	for list.Next() {
		in := list.Invoice()
		if in.Status != stripe.InvoiceStatusPaid {
			t.Errorf("invoice of %s is %s", time.Unix(in.Created, 0).UTC(), in.Status)
		}
		starts = append(starts, time.Unix(in.Created, 0).UTC().Format("02 Jan"))
	}
	must(t, list.Err())
	want := []string{"31 Jan", "31 Dec", "30 Nov", "31 Oct", "30 Sep", "31 Aug", "31 Jul", "30 Jun", "31 May", "30 Apr", "31 Mar", "28 Feb", "31 Jan"}
	if diff := cmp.Diff(want, starts); diff != "" {
		t.Errorf("invoices created (-want +got):\n%s", diff)
	}
	if got := w.Sim.Totals()["eur"]; got != (stripesim.Total{Count: 13, Amount: 6500, Fee: 13 * 33}) {
		t.Errorf("totals %+v", got)
	}
}

func TestADeclinedRenewalIsRetriedAndThenEnds(t *testing.T) {
	t.Parallel()
	for after, last := range map[string]stripe.SubscriptionStatus{"": "canceled", "unpaid": "unpaid"} {
		t.Run("after="+after, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *stripesim.Config) { c.AfterRetries = after })
			sub := w.subscribe(simtest.DeclinesLater)
			tried := firstEnd.Add(time.Hour)
			for i, wait := range []int{0, 3, 5, 7} {
				tried = tried.AddDate(0, 0, wait)
				w.to(tried.Add(-time.Second))
				if got := w.subscription(sub.ID).LatestInvoice.AttemptCount; got != int64(i) {
					t.Errorf("before try %d: %d attempts", i+1, got)
				}
				w.to(tried)
				now := w.subscription(sub.ID)
				if got := now.LatestInvoice.AttemptCount; got != int64(i+1) {
					t.Errorf("after try %d: %d attempts", i+1, got)
				}
				if i < 3 && now.Status != stripe.SubscriptionStatusPastDue {
					t.Errorf("after try %d: %s", i+1, now.Status)
				}
			}
			now := w.subscription(sub.ID)
			if now.Status != last || now.LatestInvoice.Status != stripe.InvoiceStatusOpen {
				t.Errorf("in the end %s, invoice %s", now.Status, now.LatestInvoice.Status)
			}
			if got := w.Sim.Totals()["eur"].Count; got != 1 {
				t.Errorf("%d payments succeeded, want the first only", got)
			}
		})
	}
}

func TestDeclineNextRenewalSparesTheOneAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *stripesim.Config) { c.Retries = []time.Duration{5 * 24 * time.Hour, 60 * 24 * time.Hour} })
	sub := w.subscribe(simtest.Pays)
	must(t, w.Sim.DeclineNextRenewal(sub.Customer.ID))
	w.to(firstEnd.AddDate(0, 0, 20))
	failed := w.subscription(sub.ID)
	if failed.Status != stripe.SubscriptionStatusPastDue || failed.LatestInvoice.AttemptCount != 2 {
		t.Fatalf("after the declined renewal %s, %d tries", failed.Status, failed.LatestInvoice.AttemptCount)
	}
	w.to(time.Date(2025, time.March, 31, 12, 0, 0, 0, time.UTC))
	if now := w.subscription(sub.ID); now.Status != stripe.SubscriptionStatusActive || !now.LatestInvoice.Paid {
		t.Errorf("after the renewal that follows %s, paid %v", now.Status, now.LatestInvoice.Paid)
	}
	if err := w.Sim.DeclineNextRenewal("sub_none"); err == nil {
		t.Error("an unknown subscription was taken")
	}
}

func TestAPaidRetryMakesTheSubscriptionActiveAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.DeclinesLater)
	w.to(firstEnd.Add(time.Hour))
	invoice := w.subscription(sub.ID).LatestInvoice
	_, err := w.api.Invoices.Pay(invoice.ID, nil)
	if got := stripeError(t, err); got.HTTPStatusCode != http.StatusPaymentRequired || got.Code != stripe.ErrorCodeCardDeclined ||
		got.DeclineCode != "generic_decline" || got.PaymentIntent.ID != invoice.PaymentIntent.ID {
		t.Errorf("declined with %+v", got)
	}
	paying, err := w.api.PaymentMethods.Attach("pm_card_visa", &stripe.PaymentMethodAttachParams{Customer: &sub.Customer.ID})
	must(t, err)
	_, err = w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{DefaultPaymentMethod: &paying.ID})
	must(t, err)
	w.to(firstEnd.Add(time.Hour).AddDate(0, 0, 3))
	if now := w.subscription(sub.ID); now.Status != stripe.SubscriptionStatusActive || !now.LatestInvoice.Paid {
		t.Errorf("after the retry %s, paid %v", now.Status, now.LatestInvoice.Paid)
	}
}

func TestPausedCollectionKeepsTheStatusAndTakesNoMoney(t *testing.T) {
	t.Parallel()
	for behavior, status := range map[string]stripe.InvoiceStatus{"void": "void", "keep_as_draft": "draft", "mark_uncollectible": "uncollectible"} {
		t.Run(behavior, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sub := w.subscribe(simtest.Pays)
			_, err := w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{PauseCollection: &stripe.SubscriptionPauseCollectionParams{
				Behavior: &behavior, ResumesAt: stripe.Int64(firstEnd.AddDate(0, 0, 5).Unix()),
			}})
			must(t, err)
			w.to(firstEnd.Add(time.Hour))
			now := w.subscription(sub.ID)
			if now.Status != stripe.SubscriptionStatusActive || now.LatestInvoice.Status != status {
				t.Errorf("subscription %s, invoice %s", now.Status, now.LatestInvoice.Status)
			}
			w.to(firstEnd.AddDate(0, 0, 5))
			if now := w.subscription(sub.ID); now.PauseCollection != nil {
				t.Errorf("still paused: %+v", now.PauseCollection)
			}
			w.to(time.Date(2025, time.March, 31, 12, 0, 0, 0, time.UTC))
			if got := w.Sim.Totals()["eur"].Count; got != 2 {
				t.Errorf("%d payments, want the first and the one after the pause", got)
			}
		})
	}
}

// An unpaid subscription goes on making invoices, as drafts that nobody pays.
// https://docs.stripe.com/billing/subscriptions/overview#unpaid
func TestUnpaidSubscriptionsMakeDraftsOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *stripesim.Config) { c.AfterRetries = "unpaid" })
	sub := w.subscribe(simtest.DeclinesLater)
	w.to(time.Date(2025, time.April, 2, 0, 0, 0, 0, time.UTC))
	now := w.subscription(sub.ID)
	if now.Status != "unpaid" || now.LatestInvoice.Status != "draft" || now.LatestInvoice.AutoAdvance || now.LatestInvoice.ID == sub.LatestInvoice.ID {
		t.Errorf("%s, invoice %s, advances %v", now.Status, now.LatestInvoice.Status, now.LatestInvoice.AutoAdvance)
	}
}

// stripeError fails the test unless err is an answer of Stripe's.
func stripeError(t *testing.T, err error) *stripe.Error {
	t.Helper()
	var got *stripe.Error
	if !errors.As(err, &got) {
		t.Fatalf("got %v, want an error of Stripe's", err)
	}
	return got
}
