package stripesim_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

func (w *world) portal(customer string) *stripe.BillingPortalSession {
	w.t.Helper()
	p, err := w.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Customer: &customer, ReturnURL: stripe.String("https://news.example/account"),
	})
	must(w.t, err)
	return p
}

func TestCancelInPortalKeepsThePaidMonth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	asked := start.AddDate(0, 0, 3)
	w.clock.set(asked)
	if p := w.CancelInPortal(t, w.portal(sub.Customer.ID).URL); p.Status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", p.Status, p.Body)
	}
	now := w.subscription(sub.ID)
	if now.Status != "active" || !now.CancelAtPeriodEnd || now.CancelAt != now.CurrentPeriodEnd || now.CanceledAt != asked.Unix() {
		t.Errorf("after the wish: %s, at end %v, at %d, asked %d", now.Status, now.CancelAtPeriodEnd, now.CancelAt, now.CanceledAt)
	}
	w.to(firstEnd)
	now = w.subscription(sub.ID)
	if now.Status != "canceled" || now.EndedAt != firstEnd.Unix() || now.CanceledAt != asked.Unix() || now.LatestInvoice.ID != sub.LatestInvoice.ID {
		t.Errorf("at the end: %s, ended %d, asked %d", now.Status, now.EndedAt, now.CanceledAt)
	}
	if diff := cmp.Diff([]string{"customer.subscription.deleted"}, w.types(firstEnd)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestKeepInPortalTakesTheCancellationBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	portal := w.portal(sub.Customer.ID)
	w.CancelInPortal(t, portal.URL)
	w.KeepInPortal(t, portal.URL)
	now := w.subscription(sub.ID)
	if now.CancelAtPeriodEnd || now.CancelAt != 0 || now.CanceledAt != 0 || now.CancellationDetails.Reason != "" {
		t.Errorf("still %+v", now.CancellationDetails)
	}
	w.to(firstEnd.Add(time.Hour))
	if got := w.Sim.Totals()["eur"].Count; got != 2 {
		t.Errorf("%d payments, want 2", got)
	}
}

func TestPortalShowsItsOwnCustomerOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine, theirs := w.subscribe(simtest.Pays), w.subscribe(simtest.Pays)
	portal := w.portal(mine.Customer.ID)
	resp, err := http.PostForm(portal.URL, map[string][]string{"do": {"cancel"}, "subscription": {theirs.ID}})
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || w.subscription(theirs.ID).CancelAtPeriodEnd {
		t.Errorf("status %d; another's subscription was cancelled: %v", resp.StatusCode, w.subscription(theirs.ID).CancelAtPeriodEnd)
	}
	w.to(start.Add(2 * time.Hour))
	resp, err = http.Get(portal.URL)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusGone {
		t.Errorf("two hours later: status %d", resp.StatusCode)
	}
}

func TestPortalDeepLinkCancelsOneAndGoesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	p, err := w.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{
		Customer: &sub.Customer.ID,
		FlowData: &stripe.BillingPortalSessionFlowDataParams{
			Type:               stripe.String("subscription_cancel"),
			SubscriptionCancel: &stripe.BillingPortalSessionFlowDataSubscriptionCancelParams{Subscription: &sub.ID},
			AfterCompletion: &stripe.BillingPortalSessionFlowDataAfterCompletionParams{
				Type:     stripe.String("redirect"),
				Redirect: &stripe.BillingPortalSessionFlowDataAfterCompletionRedirectParams{ReturnURL: stripe.String("https://news.example/stopped")},
			},
		},
	})
	must(t, err)
	if page := w.CancelInPortal(t, p.URL); page.Location != "https://news.example/stopped" {
		t.Errorf("sent to %q", page.Location)
	}
	if !w.subscription(sub.ID).CancelAtPeriodEnd {
		t.Error("not cancelled")
	}
	if page := show(t, p.URL); !strings.Contains(page, "Manage your billing") {
		t.Errorf("the link still only cancels: %s", page)
	}
}

func TestPortalConfigurationDecidesWhatIsAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	config, err := w.api.BillingPortalConfigurations.New(&stripe.BillingPortalConfigurationParams{
		BusinessProfile: &stripe.BillingPortalConfigurationBusinessProfileParams{Headline: stripe.String("The Morning Paper")},
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			InvoiceHistory: &stripe.BillingPortalConfigurationFeaturesInvoiceHistoryParams{Enabled: stripe.Bool(true)},
		},
		Metadata: map[string]string{"ours": "yes"},
	})
	must(t, err)
	params := &stripe.BillingPortalSessionParams{Customer: &sub.Customer.ID, Configuration: &config.ID}
	session, err := w.api.BillingPortalSessions.New(params)
	must(t, err)
	page := show(t, session.URL)
	if strings.Contains(page, `class="cancel"`) || !strings.Contains(page, "The Morning Paper") || !strings.Contains(page, "€5.00") {
		t.Errorf("page: %s", page)
	}
	_, err = w.api.BillingPortalConfigurations.Update(config.ID, &stripe.BillingPortalConfigurationParams{
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			SubscriptionCancel: &stripe.BillingPortalConfigurationFeaturesSubscriptionCancelParams{Enabled: stripe.Bool(true), Mode: stripe.String("immediately")},
		},
	})
	must(t, err)
	w.CancelInPortal(t, session.URL)
	if got := w.subscription(sub.ID).Status; got != "canceled" {
		t.Errorf("cancelled at once: %s", got)
	}
}

func TestCancelNowHidesItFromPlainLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	_, err := w.api.Subscriptions.Cancel(sub.ID, &stripe.SubscriptionCancelParams{
		CancellationDetails: &stripe.SubscriptionCancelCancellationDetailsParams{Comment: stripe.String("moved away")},
	})
	must(t, err)
	count := func(status string) (n int) {
		params := &stripe.SubscriptionListParams{Customer: &sub.Customer.ID}
		if status != "" {
			params.Status = &status
		}
		list := w.api.Subscriptions.List(params)
		for list.Next() {
			n++
		}
		must(t, list.Err())
		return n
	}
	got := []int{count(""), count("all"), count("canceled"), count("ended"), count("active")}
	if diff := cmp.Diff([]int{0, 1, 1, 1, 0}, got); diff != "" {
		t.Errorf("plain, all, canceled, ended, active (-want +got):\n%s", diff)
	}
	_, err = w.api.Subscriptions.Cancel(sub.ID, nil)
	if got := stripeError(t, err); got.HTTPStatusCode != 404 || got.Code != "resource_missing" {
		t.Errorf("cancelled twice: %+v", got)
	}
	_, err = w.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)})
	if got := stripeError(t, err); got.HTTPStatusCode != 400 {
		t.Errorf("changed after its end: %+v", got)
	}
}

func TestCancellingDuringTheDraftHourChargesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	w.to(firstEnd.Add(time.Minute))
	_, err := w.api.Subscriptions.Cancel(sub.ID, nil)
	must(t, err)
	w.to(firstEnd.AddDate(0, 0, 30))
	if got := w.Sim.Totals()["eur"]; got != (stripesim.Total{Count: 1, Amount: 500, Fee: 33}) {
		t.Errorf("totals %+v", got)
	}
}

func TestADeletedCustomerIsStillAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	_, err := w.api.Customers.Del(sub.Customer.ID, nil)
	must(t, err)
	got, err := w.api.Customers.Get(sub.Customer.ID, nil)
	must(t, err)
	if !got.Deleted || got.Email != "" {
		t.Errorf("got %+v", got)
	}
	if status := w.subscription(sub.ID).Status; status != "canceled" {
		t.Errorf("subscription %s", status)
	}
	if list := w.api.Customers.List(nil); list.Next() {
		t.Errorf("listed %s", list.Customer().ID)
	}
}

// Stripe deletes test subscriptions, with their invoices, thirty days after their end,
// and makes no event of it. What was paid stays.
func TestAForgottenSubscriptionIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	if err := w.Sim.Forget(sub.ID); err == nil {
		t.Error("a subscription that goes on was forgotten")
	}
	_, err := w.api.Subscriptions.Cancel(sub.ID, nil)
	must(t, err)
	before := len(w.types(time.Time{}))
	must(t, w.Sim.Forget(sub.ID))
	var refused *stripe.Error
	if _, err := w.api.Subscriptions.Get(sub.ID, nil); !errors.As(err, &refused) || refused.Code != stripe.ErrorCodeResourceMissing {
		t.Errorf("the subscription: %v", err)
	}
	list := w.api.Subscriptions.List(&stripe.SubscriptionListParams{Customer: &sub.Customer.ID, Status: stripe.String("all")})
	if list.Next() || len(w.invoices(sub.ID)) > 0 || len(w.Sim.Payments()) != 1 || len(w.types(time.Time{})) != before {
		t.Errorf("listed %v, %d invoices, %d payments, events %v", list.Current(), len(w.invoices(sub.ID)), len(w.Sim.Payments()), w.types(time.Time{})[before:])
	}
}
