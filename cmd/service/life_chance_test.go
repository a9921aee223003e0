package service_test

import (
	"net/http"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"

	"newsroom.example/membership/internal/stripesim"
	"newsroom.example/membership/internal/stripesim/simtest"
)

// act is something that can happen; try says whether it did.
type act struct {
	name string
	try  func(c *chance) bool
}

// acts are what readers, publishers and banks do. Most lives should have a membership,
// so buying is there twice.
var acts = []act{
	{"buys", (*chance).anyPurchase}, {"buys", (*chance).anyPurchase}, {"buys unsigned", (*chance).buysUnsigned}, {"answers for a stray", (*chance).answersForAStray}, {"answers for a stray", (*chance).answersForAStray},
	{"gives", (*chance).anyGift},
	{"pays what is owed", (*chance).paysWhatIsOwed},
	{"is refused the renewal", (*chance).renewalRefused},
	{"cancels", (*chance).cancelsToTheEnd}, {"keeps", (*chance).keeps},
	{"ends now", (*chance).endsAtOnce},
	{"moves", (*chance).anyMove}, {"moves", (*chance).anyMove},
	{"refunds", (*chance).anyRefund}, {"refunds", (*chance).anyRefund},
	{"disputes", (*chance).anyDispute}, {"disputes", (*chance).anyDispute}, {"decides", (*chance).anyDecision}, {"decides", (*chance).anyDecision},
	{"pauses", (*chance).anyPause}, {"collects again", (*chance).unpauses},
	{"tries out", (*chance).anyTrial}, {"resumes", (*chance).resumesTrial},
	{"buys coffee", (*chance).buysCoffee},
	{"is deleted", (*chance).deleted},
}

// pick is any of these, each as likely as the others, which rapid.SampledFrom is not.
func pick[T any](c *chance, label string, from ...T) T {
	return rapid.Permutation(from).Draw(c.rt, label)[0]
}

// running are the reader's subscriptions that have not ended.
func (c *chance) running() []stripesim.Subscription {
	return slices.DeleteFunc(c.stripe.Sim.Subscriptions(), func(s stripesim.Subscription) bool {
		return s.Email != c.email || s.Status == "canceled" || s.Status == "incomplete_expired"
	})
}

// payments are the reader's that succeeded.
func (c *chance) payments() []stripesim.Payment {
	return slices.DeleteFunc(c.stripe.Sim.Payments(), func(p stripesim.Payment) bool {
		return c.owners[p.Customer] != c.member
	})
}

// one is any of these that the reader has; false for none.
func one[T any](c *chance, label string, all []T) (T, bool) {
	if len(all) == 0 {
		var none T
		return none, false
	}
	return pick(c, label, all...), true
}

func (c *chance) anyPurchase() bool {
	price := c.price(pick(c, "plan", "member", "member", "patron"), pick(c, "interval", "month", "month", "month", "year"))
	return c.triesToPay(c.post("/checkout", "price", price))
}

func (c *chance) anyGift() bool {
	return c.triesToPay(c.post("/contribute", "currency", "eur", "other", "25", "interval", pick(c, "gift", "once", "month")))
}

// triesToPay goes on at Stripe, if the form led there, and comes back.
func (c *chance) triesToPay(till answer) bool {
	if till.status != http.StatusSeeOther || !strings.HasPrefix(till.to, c.stripe.URL) {
		return false // they have a membership, or we could not know that their customer was deleted
	}
	paid := c.typesAndPays(till.to, pick(c, "card",
		simtest.Pays, simtest.Pays, simtest.Pays, simtest.DeclinesLater, simtest.ProvesAlways, simtest.Disputed, simtest.Inquired,
		simtest.RefundsLate, simtest.RefundsFail, simtest.DebitPays, simtest.DebitFails, simtest.DebitDisputed))
	if paid.Location != "" {
		c.get(paid.Location)
	}
	c.look()
	return paid.Location != ""
}

func (c *chance) paysWhatIsOwed() bool {
	sub, any := one(c, "subscription", c.running())
	if !any {
		return false
	}
	list := c.publisher.api.Invoices.List(&stripe.InvoiceListParams{Subscription: &sub.ID, Status: stripe.String("open")})
	return list.Next() && c.stripe.PayInvoice(c.t, list.Invoice().HostedInvoiceURL, simtest.Pays).Problem == ""
}

func (c *chance) renewalRefused() bool {
	sub, any := one(c, "subscription", c.running())
	return any && c.stripe.Sim.DeclineNextRenewal(sub.ID) == nil
}

// changes updates any subscription of the reader.
func (c *chance) changes(params *stripe.SubscriptionParams) bool {
	sub, any := one(c, "subscription", c.running())
	if !any {
		return false
	}
	_, err := c.publisher.api.Subscriptions.Update(sub.ID, params)
	return c.tried(err)
}

func (c *chance) cancelsToTheEnd() bool {
	return c.changes(&stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)})
}

func (c *chance) keeps() bool {
	return c.changes(&stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(false)})
}

func (c *chance) endsAtOnce() bool {
	sub, any := one(c, "subscription", c.running())
	if !any {
		return false
	}
	_, err := c.publisher.api.Subscriptions.Cancel(sub.ID, nil)
	return c.tried(err)
}

// anyMove is to any plan, by any of Stripe's ways to bill the difference.
func (c *chance) anyMove() bool {
	sub, any := one(c, "subscription", c.running())
	if !any || c.prices[sub.Price].ID == "" {
		return false
	}
	full := must(c.publisher.api.Subscriptions.Get(sub.ID, nil))(c.t)
	_, err := c.publisher.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{
		ProrationBehavior: stripe.String(pick(c, "proration", "always_invoice", "create_prorations", "none")),
		Items:             []*stripe.SubscriptionItemsParams{{ID: &full.Items.Data[0].ID, Price: stripe.String(c.price(pick(c, "to", "member", "patron"), pick(c, "every", sub.Interval, "month", "year")))}},
	})
	return c.tried(err)
}

// anyRefund gives back a part, or all that is left.
func (c *chance) anyRefund() bool {
	payment, any := one(c, "payment", c.payments())
	if !any {
		return false
	}
	params := &stripe.RefundParams{PaymentIntent: &payment.Intent}
	if amount := pick[int64](c, "of it", 0, 0, 1, 300); amount > 0 {
		params.Amount = &amount
	}
	_, err := c.publisher.api.Refunds.New(params)
	return c.tried(err)
}

func (c *chance) anyDispute() bool {
	payment, any := one(c, "payment", c.payments())
	if !any {
		return false
	}
	begin := pick(c, "dispute", c.stripe.Sim.Dispute, c.stripe.Sim.Inquire)
	_, err := begin(payment.Intent, "")
	return err == nil
}

func (c *chance) anyDecision() bool {
	disputed := slices.DeleteFunc(c.payments(), func(p stripesim.Payment) bool { return p.Dispute == "" })
	payment, any := one(c, "disputed", disputed)
	return any && c.stripe.Sim.ResolveDispute(payment.Dispute, pick(c, "decision", "won", "won", "lost", "warning_closed", "needs_response")) == nil
}

func (c *chance) anyPause() bool {
	behavior := pick(c, "pause", "void", "keep_as_draft", "mark_uncollectible")
	return c.changes(&stripe.SubscriptionParams{PauseCollection: &stripe.SubscriptionPauseCollectionParams{Behavior: &behavior}})
}

func (c *chance) unpauses() bool {
	params := &stripe.SubscriptionParams{}
	params.AddExtra("pause_collection", "")
	return c.changes(params)
}

// begins makes a subscription by the API for a reader who has been at Stripe.
func (c *chance) begins(price, card string, with stripe.SubscriptionParams) bool {
	for _, customer := range c.look().Customers {
		if c.owners[customer.ID] != c.member {
			continue
		}
		with.Customer, with.Items = stripe.String(customer.ID), []*stripe.SubscriptionItemsParams{{Price: &price}}
		if card != "" {
			method := must(c.publisher.api.PaymentMethods.Attach(card, &stripe.PaymentMethodAttachParams{Customer: with.Customer}))(c.t)
			with.DefaultPaymentMethod = &method.ID
		}
		_, err := c.publisher.api.Subscriptions.New(&with)
		return c.tried(err)
	}
	return false
}

func (c *chance) anyTrial() bool {
	return c.begins(c.price(pick(c, "plan", "member", "patron"), "month"), pick(c, "card", "", "pm_card_visa"), stripe.SubscriptionParams{
		TrialPeriodDays: stripe.Int64(14),
		TrialSettings: &stripe.SubscriptionTrialSettingsParams{EndBehavior: &stripe.SubscriptionTrialSettingsEndBehaviorParams{
			MissingPaymentMethod: stripe.String(pick(c, "without", "cancel", "pause", "create_invoice")),
		}},
	})
}

func (c *chance) resumesTrial() bool {
	sub, any := one(c, "subscription", slices.DeleteFunc(c.running(), func(s stripesim.Subscription) bool { return s.Status != "paused" }))
	if !any {
		return false
	}
	_, err := c.publisher.api.Subscriptions.Resume(sub.ID, &stripe.SubscriptionResumeParams{BillingCycleAnchor: stripe.String("now")})
	return c.tried(err)
}

func (c *chance) buysCoffee() bool {
	return c.begins(c.publisher.shopPrice(), "pm_card_visa", plain)
}

// deleted is forgotten at Stripe; the oracle still knows whose customer that was.
func (c *chance) deleted() bool {
	for _, customer := range c.look().Customers {
		if c.owners[customer.ID] == c.member {
			_, err := c.publisher.api.Customers.Del(customer.ID, nil)
			return c.tried(err)
		}
	}
	return false
}
