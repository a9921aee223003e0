package billing

import (
	"context"
	"fmt"

	"github.com/stripe/stripe-go/v76"
)

// comparePortal finds our configuration of the portal, and what of it was changed.
func (p *setup) comparePortal(ctx context.Context) error {
	ours, err := p.service.ourPortal(ctx)
	if err != nil {
		return p.tolerate("Customer portal", "Write", err)
	}
	switch {
	case ours == nil:
		p.change("make portal", "readers cancel at the end of what they paid, change their card, see their invoices", p.makePortal)
	case !p.portalIsRight(ours):
		p.change("mend portal", ours.ID+": its settings were changed", func(ctx context.Context) (string, map[string]any, error) {
			_, err := p.service.stripe.BillingPortalConfigurations.Update(ours.ID, p.portalParams(ctx))
			return ours.ID, map[string]any{"mended": true}, err
		})
	}
	return nil
}

func (p *setup) makePortal(ctx context.Context) (string, map[string]any, error) {
	made, err := p.service.stripe.BillingPortalConfigurations.New(p.portalParams(ctx))
	if err != nil {
		return "", nil, err
	}
	return made.ID, map[string]any{"for": p.service.cfg.PublicURL}, nil
}

// portalParams are what readers may do there. They do not change plans: what a
// change costs and opens is for our own pages to say first.
func (p *setup) portalParams(ctx context.Context) *stripe.BillingPortalConfigurationParams {
	allow := stripe.Bool(true)
	params := &stripe.BillingPortalConfigurationParams{
		DefaultReturnURL: stripe.String(p.service.cfg.PublicURL + "/account"),
		BusinessProfile:  &stripe.BillingPortalConfigurationBusinessProfileParams{Headline: stripe.String("")}, // Stripe wants one of its fields
		Features: &stripe.BillingPortalConfigurationFeaturesParams{
			CustomerUpdate:      &stripe.BillingPortalConfigurationFeaturesCustomerUpdateParams{Enabled: allow, AllowedUpdates: stripe.StringSlice([]string{"address", "name", "tax_id"})},
			InvoiceHistory:      &stripe.BillingPortalConfigurationFeaturesInvoiceHistoryParams{Enabled: allow},
			PaymentMethodUpdate: &stripe.BillingPortalConfigurationFeaturesPaymentMethodUpdateParams{Enabled: allow},
			SubscriptionCancel: &stripe.BillingPortalConfigurationFeaturesSubscriptionCancelParams{
				Enabled: allow, Mode: stripe.String("at_period_end"), ProrationBehavior: stripe.String("none"),
			},
		},
		Metadata: map[string]string{metaApp: appName, metaURL: p.service.cfg.PublicURL},
	}
	if p.wish.PrivacyURL != "" {
		params.BusinessProfile.PrivacyPolicyURL = stripe.String(p.wish.PrivacyURL)
	}
	if p.wish.TermsURL != "" {
		params.BusinessProfile.TermsOfServiceURL = stripe.String(p.wish.TermsURL)
	}
	params.Context = ctx
	return params
}

// portalIsRight compares what a dashboard or another program can have changed. An
// address that nobody wishes for is left as it is.
func (p *setup) portalIsRight(c *stripe.BillingPortalConfiguration) bool {
	f := c.Features
	return c.DefaultReturnURL == p.service.cfg.PublicURL+"/account" &&
		(p.wish.PrivacyURL == "" || c.BusinessProfile.PrivacyPolicyURL == p.wish.PrivacyURL) &&
		(p.wish.TermsURL == "" || c.BusinessProfile.TermsOfServiceURL == p.wish.TermsURL) &&
		f.CustomerUpdate.Enabled && f.InvoiceHistory.Enabled && f.PaymentMethodUpdate.Enabled &&
		f.SubscriptionCancel.Enabled && f.SubscriptionCancel.Mode == stripe.BillingPortalConfigurationFeaturesSubscriptionCancelModeAtPeriodEnd
}

// ourPortal is the configuration that we made for this service; nil if there is
// none.
func (s *Service) ourPortal(ctx context.Context) (*stripe.BillingPortalConfiguration, error) {
	list := s.stripe.BillingPortalConfigurations.List(&stripe.BillingPortalConfigurationListParams{ListParams: page(ctx), Active: stripe.Bool(true)})
	for list.Next() {
		c := list.BillingPortalConfiguration()
		if c.Metadata[metaApp] == appName && c.Metadata[metaURL] == s.cfg.PublicURL {
			return c, nil
		}
	}
	if err := list.Err(); err != nil {
		return nil, fmt.Errorf("list the portal's configurations: %w", err)
	}
	return nil, nil
}

// portalFor names our configuration for a reader's visit. Without one, and when it
// cannot be looked up, the account's own default serves.
func (s *Service) portalFor(ctx context.Context) *string {
	ours, err := s.ourPortal(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "the account's default portal serves instead of ours", "error", fault(err))
	}
	if ours == nil {
		return nil
	}
	return &ours.ID
}
