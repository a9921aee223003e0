package billing

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/stripe/stripe-go/v76"
	"newsroom.example/membership/models"
)

// permission is what a restricted key must be allowed, as Stripe's dashboard names
// it, and a call that shows whether it may at least read. Whether it may write shows
// only when it is tried.
// https://stripe.com/docs/keys#limit-access
type permission struct {
	name, level string
	try         func(stripe.ListParams) error
}

func (s *Service) permissions() []permission {
	api := s.stripe
	return []permission{
		{"Charges and Refunds", "Write", func(l stripe.ListParams) error {
			return api.Charges.List(&stripe.ChargeListParams{ListParams: l}).Err()
		}},
		{"Refunds", "Write", func(l stripe.ListParams) error {
			return api.Refunds.List(&stripe.RefundListParams{ListParams: l}).Err()
		}},
		{"Customers", "Write", func(l stripe.ListParams) error {
			return api.Customers.List(&stripe.CustomerListParams{ListParams: l}).Err()
		}},
		{"Disputes", "Read", func(l stripe.ListParams) error {
			return api.Disputes.List(&stripe.DisputeListParams{ListParams: l}).Err()
		}},
		{"Events", "Read", func(l stripe.ListParams) error { return api.Events.List(&stripe.EventListParams{ListParams: l}).Err() }},
		{"PaymentIntents", "Read", func(l stripe.ListParams) error {
			return api.PaymentIntents.List(&stripe.PaymentIntentListParams{ListParams: l}).Err()
		}},
		{"Balance transactions", "Read", func(l stripe.ListParams) error {
			return api.BalanceTransactions.List(&stripe.BalanceTransactionListParams{ListParams: l}).Err()
		}},
		{"Products", "Write", func(l stripe.ListParams) error {
			return api.Products.List(&stripe.ProductListParams{ListParams: l}).Err()
		}},
		{"Prices", "Write", func(l stripe.ListParams) error { return api.Prices.List(&stripe.PriceListParams{ListParams: l}).Err() }},
		{"Checkout Sessions", "Write", func(l stripe.ListParams) error {
			return api.CheckoutSessions.List(&stripe.CheckoutSessionListParams{ListParams: l}).Err()
		}},
		{"Subscriptions", "Write", func(l stripe.ListParams) error {
			return api.Subscriptions.List(&stripe.SubscriptionListParams{ListParams: l}).Err()
		}},
		{"Invoices", "Read", func(l stripe.ListParams) error {
			return api.Invoices.List(&stripe.InvoiceListParams{ListParams: l}).Err()
		}},
	}
}

// lookAtKey remarks what the key may not do. Webhook endpoints and the portal are
// asked for where they are set up.
func (p *setup) lookAtKey(ctx context.Context) error {
	for _, need := range p.service.permissions() {
		err := need.try(stripe.ListParams{Context: ctx, Limit: stripe.Int64(1), Single: true})
		if err := p.tolerate(need.name, need.level, err); err != nil {
			return err
		}
	}
	return nil
}

// tolerate makes a remark of a permission that the key lacks, and an error of
// anything else.
func (p *setup) tolerate(name, level string, err error) error {
	if refusedKey(err) {
		p.remark("The key may not read %s: give it %q at https://dashboard.stripe.com/apikeys", name, name+": "+level)
		return nil
	}
	if err != nil {
		return p.explain("look at "+name, err)
	}
	return nil
}

// lookAtAccount says whose account it is, and what Stripe still wants of them.
func (p *setup) lookAtAccount(context.Context) error {
	a, err := p.service.stripe.Accounts.Get() // takes no context
	if refusedKey(err) {
		p.remark("The key may not read the account, so nobody looked whether it may take payments")
		return nil
	}
	if err != nil {
		return p.explain("look at the account", err)
	}
	p.Account = strings.TrimSpace(a.ID + " " + businessName(a))
	if !a.ChargesEnabled {
		p.remark("The account cannot take payments yet: finish its activation at https://dashboard.stripe.com/account/onboarding")
	}
	if a.Settings == nil || a.Settings.Payments == nil || a.Settings.Payments.StatementDescriptor == "" {
		p.remark("No statement descriptor is set, so readers may not know the charge on their statement and dispute it: https://dashboard.stripe.com/settings/public")
	}
	p.lookAtAddress()
	return nil
}

func businessName(a *stripe.Account) string {
	if a.BusinessProfile == nil {
		return ""
	}
	return a.BusinessProfile.Name
}

// lookAtAddress remarks an address that Stripe cannot reach.
func (p *setup) lookAtAddress() {
	u, err := url.Parse(p.service.cfg.PublicURL)
	if err == nil && u.Scheme != "https" {
		p.remark("Stripe itself delivers to https only: for %s, forward with `stripe listen --forward-to %s`", p.service.cfg.PublicURL, p.service.webhookURL())
	}
}

// lookAtCatalog remarks that nothing is sold in this mode.
func (p *setup) lookAtCatalog(ctx context.Context) error {
	var sold []bool // by mode: the catalogue may have been applied with a key of the other
	err := p.service.db.WithContext(ctx).Model(&models.Price{}).Where("retired_at IS NULL").Distinct().Pluck("livemode", &sold).Error
	if err != nil {
		return fmt.Errorf("look at the catalogue: %w", err)
	}
	switch ours := p.service.cfg.Livemode; {
	case len(sold) == 0:
		p.remark("Nothing is sold yet: membership catalog apply catalog.yaml")
	case len(sold) == 1 && sold[0] != ours:
		p.remark("What is sold was made with a %s key, and this is a %s key: membership catalog apply catalog.yaml", modeName(!ours), modeName(ours))
	}
	return nil
}

func modeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

var errNoSecret = errors.New("stripe made the endpoint and showed no signing secret: see it at https://dashboard.stripe.com/webhooks")
