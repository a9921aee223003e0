package stripesim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"newsroom.example/membership/internal/stripesim/simtest"
)

// open makes a portal session of a configuration that lets a reader change the
// card, and the plan to any of the prices.
func (w *world) open(customer, proration string, prices ...string) *stripe.BillingPortalSession {
	w.t.Helper()
	products := []*stripe.BillingPortalConfigurationFeaturesSubscriptionUpdateProductParams{}
	for _, id := range prices {
		price, err := w.api.Prices.Get(id, nil)
		must(w.t, err)
		products = append(products, &stripe.BillingPortalConfigurationFeaturesSubscriptionUpdateProductParams{Product: &price.Product.ID, Prices: []*string{&price.ID}})
	}
	config, err := w.api.BillingPortalConfigurations.New(&stripe.BillingPortalConfigurationParams{
		BusinessProfile: &stripe.BillingPortalConfigurationBusinessProfileParams{Headline: stripe.String("The Daily")},
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationFeaturesPaymentMethodUpdateParams{Enabled: stripe.Bool(true)},
			SubscriptionUpdate: &stripe.BillingPortalConfigurationFeaturesSubscriptionUpdateParams{
				Enabled: stripe.Bool(true), DefaultAllowedUpdates: []*string{stripe.String("price")}, Products: products, ProrationBehavior: &proration,
			},
		},
	})
	must(w.t, err)
	p, err := w.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &customer, Configuration: &config.ID})
	must(w.t, err)
	return p
}

func TestAReaderChangesThePlanInThePortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	better, hidden := w.newPrice(2000, "month").ID, w.newPrice(1, "year").ID
	portal := w.open(sub.Customer.ID, "always_invoice", w.price.ID, better)
	if page := show(t, portal.URL); strings.Contains(page, hidden) || strings.Contains(page, w.price.ID) || !strings.Contains(page, "Change to Membership, €20.00 per month") {
		t.Errorf("the page offers other prices: %s", page)
	}
	w.to(start.Add(time.Minute))
	if p := w.ChangeInPortal(t, portal.URL, better); p.Status != http.StatusSeeOther {
		t.Fatalf("changed: %d %q", p.Status, p.Problem)
	}
	now := w.subscription(sub.ID)
	if now.Items.Data[0].Price.ID != better || !now.LatestInvoice.Paid || now.LatestInvoice.BillingReason != "subscription_update" {
		t.Errorf("price %s, invoice %s paid %v", now.Items.Data[0].Price.ID, now.LatestInvoice.BillingReason, now.LatestInvoice.Paid)
	}
}

func TestAPlanThatCannotBePaidIsNotChangedInThePortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.DeclinesLater)
	better := w.newPrice(2000, "month").ID
	if p := w.ChangeInPortal(t, w.open(sub.Customer.ID, "always_invoice", better).URL, better); p.Problem != "Your card was declined." {
		t.Errorf("%d %q", p.Status, p.Problem)
	}
	if got := w.subscription(sub.ID).Items.Data[0].Price.ID; got != w.price.ID {
		t.Errorf("moved to %s", got)
	}
}

func TestAReaderChangesTheCardInThePortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.DeclinesLater)
	w.to(firstEnd.Add(time.Hour))
	portal := w.open(sub.Customer.ID, "none", w.newPrice(2000, "month").ID)
	if p := w.CardInPortal(t, portal.URL, simtest.Declined); p.Problem != "Your card was declined." {
		t.Errorf("a declined card: %d %q", p.Status, p.Problem)
	}
	if p := w.CardInPortal(t, portal.URL, simtest.Pays); p.Status != http.StatusSeeOther {
		t.Fatalf("%d %q", p.Status, p.Problem)
	}
	if page := show(t, portal.URL); !strings.Contains(page, "•••• 4242") {
		t.Errorf("the page shows no card: %s", page)
	}
	w.to(firstEnd.Add(time.Hour).AddDate(0, 0, 3))
	if now := w.subscription(sub.ID); now.Status != "active" || now.DefaultPaymentMethod.ID == sub.DefaultPaymentMethod.ID {
		t.Errorf("after the retry %s", now.Status)
	}
	if p := w.CardInPortal(t, w.portal(sub.Customer.ID).URL, simtest.Pays); p.Problem != "This cannot be done here." {
		t.Errorf("without the feature: %d %q", p.Status, p.Problem)
	}
}

// Deep links lead to one thing and then where they say.
// https://docs.stripe.com/customer-management/portal-deep-links
func TestDeepLinksOfThePortal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sub := w.subscribe(simtest.Pays)
	better := w.newPrice(2000, "month").ID
	config := w.open(sub.Customer.ID, "none", better).Configuration.ID
	link := func(kind string, subscription *string) (*stripe.BillingPortalSession, error) {
		p := &stripe.BillingPortalSessionParams{Customer: &sub.Customer.ID, Configuration: &config, FlowData: &stripe.BillingPortalSessionFlowDataParams{
			Type: &kind,
			AfterCompletion: &stripe.BillingPortalSessionFlowDataAfterCompletionParams{
				Type: stripe.String("redirect"), Redirect: &stripe.BillingPortalSessionFlowDataAfterCompletionRedirectParams{ReturnURL: stripe.String("https://news.example/done")},
			},
		}}
		if subscription != nil {
			p.FlowData.SubscriptionUpdate = &stripe.BillingPortalSessionFlowDataSubscriptionUpdateParams{Subscription: subscription}
		}
		return w.api.BillingPortalSessions.New(p)
	}
	change, err := link("subscription_update", &sub.ID)
	must(t, err)
	if p := w.ChangeInPortal(t, change.URL, better); p.Location != "https://news.example/done" {
		t.Errorf("changed: %d to %q, %q", p.Status, p.Location, p.Problem)
	}
	card, err := link("payment_method_update", nil)
	must(t, err)
	if page := show(t, card.URL); strings.Contains(page, "Change to") || !strings.Contains(page, "Change your payment method") {
		t.Errorf("the card's page: %s", page)
	}
	if p := w.CardInPortal(t, card.URL, simtest.Pays); p.Location != "https://news.example/done" {
		t.Errorf("card: %d to %q", p.Status, p.Location)
	}
	other := w.subscribe(simtest.Pays)
	if _, err := link("subscription_update", &other.ID); stripeError(t, err).HTTPStatusCode != http.StatusBadRequest {
		t.Errorf("another reader's subscription: %v", err)
	}
}
