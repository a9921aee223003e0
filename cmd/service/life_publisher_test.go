package service_test

import (
	"os"
	"strings"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"newsroom.example/membership/billing"
)

// publisher is the newsroom's staff: they keep the catalogue, and work in Stripe's
// Dashboard, which the API stands for. What they do, they do to the reader's latest
// payment or subscription.
type publisher struct {
	*life
	api *client.API
}

// done ends what somebody does: all follows from it before the story goes on.
func (l *life) done(err error) *life {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
	return l.settle()
}

// sellsMembershipsFor applies the catalogue, at so many euros a month.
func (p publisher) sellsMembershipsFor(euros string) {
	p.t.Helper()
	p.applies(`month: { eur: "8"`, `month: { eur: "`+euros+`"`)
}

// applies the catalogue with one thing in it put otherwise.
func (p publisher) applies(shipped, instead string) {
	p.t.Helper()
	file := strings.Replace(string(must(os.ReadFile("../../catalog.yaml"))(p.t)), shipped, instead, 1)
	if err := p.billing.ApplyCatalog(p.t.Context(), must(billing.ParseCatalog([]byte(file)))(p.t)); err != nil {
		p.t.Fatal(err)
	}
}

// setsStripeUp is `membership stripe setup`.
func (p publisher) setsStripeUp() {
	p.t.Helper()
	_, err := p.billing.ApplySetup(p.t.Context(), billing.SetupWish{SecretKnown: true}, billing.Why{Actor: "publisher"})
	if err != nil {
		p.t.Fatal(err)
	}
}

// refunds gives back so many cents of the latest payment; 0 is all that is left.
func (p publisher) refunds(amount int64) *life {
	p.t.Helper()
	params := &stripe.RefundParams{PaymentIntent: &p.stripe.Sim.Payments()[0].Intent}
	if amount > 0 {
		params.Amount = &amount
	}
	_, err := p.api.Refunds.New(params)
	return p.done(err)
}

// answersTheDispute sends evidence; these words decide it in test mode.
// https://docs.stripe.com/testing#disputes
func (p publisher) answersTheDispute(words string) *life {
	p.t.Helper()
	_, err := p.api.Disputes.Update(p.bank.dispute(), &stripe.DisputeParams{Evidence: &stripe.DisputeEvidenceParams{UncategorizedText: &words}})
	return p.done(err)
}

func (p publisher) latest() string { return p.stripe.Sim.Subscriptions()[0].ID }

func (p publisher) updates(params *stripe.SubscriptionParams) *life {
	p.t.Helper()
	_, err := p.api.Subscriptions.Update(p.latest(), params)
	return p.done(err)
}

// pauses stops collecting, with Stripe's word for what becomes of the invoices; until
// a moment, if one is given.
func (p publisher) pauses(behavior, until string) *life {
	p.t.Helper()
	pause := &stripe.SubscriptionPauseCollectionParams{Behavior: &behavior}
	if until != "" {
		pause.ResumesAt = stripe.Int64(instantOf(p.t, until).Unix())
	}
	return p.updates(&stripe.SubscriptionParams{PauseCollection: pause})
}

func (p publisher) collectsAgain() *life {
	p.t.Helper()
	params := &stripe.SubscriptionParams{}
	params.AddExtra("pause_collection", "")
	return p.updates(params)
}

// collectsTheDraft finalizes an invoice that a pause has kept, and has it charged.
func (p publisher) collectsTheDraft() *life {
	p.t.Helper()
	_, err := p.api.Invoices.FinalizeInvoice(p.invoice("draft").ID, &stripe.InvoiceFinalizeInvoiceParams{AutoAdvance: stripe.Bool(true)})
	return p.done(err)
}

// invoice is the latest one of that status.
func (p publisher) invoice(status string) *stripe.Invoice {
	p.t.Helper()
	list := p.api.Invoices.List(&stripe.InvoiceListParams{Status: &status})
	if !list.Next() {
		p.t.Fatalf("no invoice is %s: %v", status, list.Err())
	}
	return list.Invoice()
}

// endsNow cancels a subscription at once.
func (p publisher) endsNow(subscription string) *life {
	p.t.Helper()
	_, err := p.api.Subscriptions.Cancel(subscription, nil)
	return p.done(err)
}

// movesTo changes the plan, with Stripe's word for when the difference is billed.
func (p publisher) movesTo(plan, interval, proration string) *life {
	p.t.Helper()
	sub := must(p.api.Subscriptions.Get(p.latest(), nil))(p.t)
	return p.updates(&stripe.SubscriptionParams{
		ProrationBehavior: &proration,
		Items:             []*stripe.SubscriptionItemsParams{{ID: &sub.Items.Data[0].ID, Price: stripe.String(p.price(plan, interval))}},
	})
}

// customer is the reader at Stripe.
func (p publisher) customer() *string {
	p.t.Helper()
	list := p.api.Customers.List(&stripe.CustomerListParams{Email: &p.email})
	if !list.Next() {
		p.t.Fatalf("Stripe has no customer %s: %v", p.email, list.Err())
	}
	return &list.Customer().ID
}

// subscribes makes a subscription for the reader: to a price, with such a test card or
// none, and what else it has.
func (p publisher) subscribes(price, card string, with stripe.SubscriptionParams) *life {
	p.t.Helper()
	with.Customer, with.Items = p.customer(), []*stripe.SubscriptionItemsParams{{Price: &price}}
	if card != "" {
		method := must(p.api.PaymentMethods.Attach(card, &stripe.PaymentMethodAttachParams{Customer: with.Customer}))(p.t)
		with.DefaultPaymentMethod = &method.ID
	}
	_, err := p.api.Subscriptions.New(&with)
	return p.done(err)
}

// plain is a subscription like any other.
var plain stripe.SubscriptionParams

// triesOut gives the reader two weeks, with Stripe's word for what then becomes of a
// subscription that has no card.
func (p publisher) triesOut(card, without string) *life {
	p.t.Helper()
	return p.subscribes(p.price("member", "month"), card, stripe.SubscriptionParams{
		TrialPeriodDays: stripe.Int64(14),
		TrialSettings: &stripe.SubscriptionTrialSettingsParams{
			EndBehavior: &stripe.SubscriptionTrialSettingsEndBehaviorParams{MissingPaymentMethod: &without},
		},
	})
}

// resumes begins a subscription again that was paused at its trial's end.
func (p publisher) resumes() *life {
	p.t.Helper()
	_, err := p.api.Subscriptions.Resume(p.latest(), &stripe.SubscriptionResumeParams{BillingCycleAnchor: stripe.String("now")})
	return p.done(err)
}

// invites sends the reader a link to a payment page of Stripe for a membership, with a
// coupon that takes everything off for so long, in Stripe's word.
func (p publisher) invites(duration string) answer {
	p.t.Helper()
	coupon := must(p.api.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(100), Duration: &duration}))(p.t)
	page := must(p.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String(membersSite + "/"), Customer: p.customer(),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(p.price("member", "month")), Quantity: stripe.Int64(1)}},
		Discounts: []*stripe.CheckoutSessionDiscountParams{{Coupon: &coupon.ID}},
	}))(p.t)
	return answer{status: 303, to: page.URL}
}

// shopPrice is what something costs by the month that the newsroom does not sell.
func (p publisher) shopPrice() string {
	p.t.Helper()
	return must(p.api.Prices.New(&stripe.PriceParams{
		Currency: stripe.String("eur"), UnitAmount: stripe.Int64(1500),
		Recurring:   &stripe.PriceRecurringParams{Interval: stripe.String("month")},
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Coffee from the harbour")},
	}))(p.t).ID
}

// forgets deletes the reader at Stripe.
func (p publisher) forgets() *life {
	p.t.Helper()
	_, err := p.api.Customers.Del(*p.customer(), nil)
	return p.done(err)
}

// notes writes something down about the reader at Stripe, which makes an event.
func (p publisher) notes(what string) *life {
	p.t.Helper()
	_, err := p.api.Customers.Update(*p.customer(), &stripe.CustomerParams{Description: &what})
	return p.done(err)
}
