package billing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// EventTypes are those that Stripe is asked to deliver: each leads to a customer or
// a payment whose state may have changed. What Stripe never tells is found by the
// sweeps.
// https://stripe.com/docs/api/events/types
var EventTypes = []string{
	"charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated",
	"charge.dispute.funds_withdrawn", "charge.dispute.updated",
	"charge.failed", "charge.pending", "charge.refund.updated", "charge.refunded", "charge.succeeded", "charge.updated",
	"checkout.session.async_payment_failed", "checkout.session.async_payment_succeeded",
	"checkout.session.completed", "checkout.session.expired",
	"customer.deleted", "customer.updated",
	"customer.subscription.created", "customer.subscription.deleted", "customer.subscription.paused",
	"customer.subscription.resumed", "customer.subscription.trial_will_end", "customer.subscription.updated",
	"invoice.finalized", "invoice.marked_uncollectible", "invoice.paid", "invoice.payment_action_required",
	"invoice.payment_failed", "invoice.updated", "invoice.voided",
	"payment_intent.canceled", "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.succeeded",
}

// metaURL says for which service an endpoint or a portal was made: an account may
// have several, such as one for trials.
const metaURL = "url"

func (s *Service) webhookURL() string { return s.cfg.PublicURL + "/webhooks/stripe" }

// compareEndpoint finds our endpoint and what is wrong with it.
func (p *setup) compareEndpoint(ctx context.Context) error {
	all, err := p.endpoints(ctx)
	if err != nil || all == nil {
		return err
	}
	var ours *stripe.WebhookEndpoint
	for _, e := range slices.Backward(all) { // the oldest is the one whose secret is known
		switch {
		case !p.isOurs(e):
		case e.APIVersion != stripe.APIVersion:
			p.remark("The endpoint %s has API version %q, which cannot be changed: disable it once the one of %s works, or every event comes twice", e.ID, e.APIVersion, stripe.APIVersion)
		case ours != nil:
			p.remark("The endpoint %s is a second one for %s: disable it, or every event comes twice", e.ID, e.URL)
		default:
			ours = e
		}
	}
	if ours == nil {
		p.makeEndpoint()
		return nil
	}
	p.mendEndpoint(ours)
	if p.wish.SecretKnown {
		p.remark("Whether STRIPE_WEBHOOK_SECRETS holds the secret of %s, Stripe does not tell: see https://dashboard.stripe.com/webhooks/%s", ours.ID, ours.ID)
	} else {
		p.remark("STRIPE_WEBHOOK_SECRETS is missing: reveal the signing secret at https://dashboard.stripe.com/webhooks/%s", ours.ID)
	}
	return nil
}

// endpoints are all of the account; nil if the key may not see them.
func (p *setup) endpoints(ctx context.Context) ([]*stripe.WebhookEndpoint, error) {
	all := []*stripe.WebhookEndpoint{}
	list := p.service.stripe.WebhookEndpoints.List(&stripe.WebhookEndpointListParams{ListParams: page(ctx)})
	for list.Next() {
		all = append(all, list.WebhookEndpoint())
	}
	if err := list.Err(); err != nil {
		return nil, p.tolerate("Webhook Endpoints", "Write", err)
	}
	return all, nil
}

// isOurs is an endpoint at our address, whoever made it, or one that we made for it
// and somebody led elsewhere.
func (p *setup) isOurs(e *stripe.WebhookEndpoint) bool {
	url := p.service.webhookURL()
	return e.URL == url || e.Metadata[metaApp] == appName && e.Metadata[metaURL] == url
}

func (p *setup) makeEndpoint() {
	url := p.service.webhookURL()
	p.change("make endpoint", fmt.Sprintf("%s, API version %s, %d types of events", url, stripe.APIVersion, len(EventTypes)),
		func(ctx context.Context) (string, map[string]any, error) {
			params := p.endpointParams(ctx)
			params.APIVersion = stripe.String(stripe.APIVersion)
			made, err := p.service.stripe.WebhookEndpoints.New(params)
			if err != nil {
				return "", nil, err
			}
			if p.Secret = made.Secret; p.Secret == "" {
				err = errNoSecret
			}
			return made.ID, map[string]any{"url": url, "api_version": made.APIVersion, "events": len(EventTypes)}, err
		})
}

// mendEndpoint plans to undo what was changed about it.
func (p *setup) mendEndpoint(e *stripe.WebhookEndpoint) {
	var wrong []string
	note := func(is bool, what string) {
		if is {
			wrong = append(wrong, what)
		}
	}
	note(e.URL != p.service.webhookURL(), "it leads to "+e.URL)
	note(e.Status != "enabled", "it is "+e.Status)
	note(!slices.Equal(slices.Sorted(slices.Values(e.EnabledEvents)), slices.Sorted(slices.Values(EventTypes))), "it has other types of events")
	note(e.Metadata[metaApp] != appName || e.Metadata[metaURL] != p.service.webhookURL(), "it lacks our mark")
	if len(wrong) == 0 {
		return
	}
	p.change("mend endpoint", e.ID+": "+strings.Join(wrong, ", "), func(ctx context.Context) (string, map[string]any, error) {
		params := p.endpointParams(ctx)
		params.Disabled = stripe.Bool(false)
		_, err := p.service.stripe.WebhookEndpoints.Update(e.ID, params)
		return e.ID, map[string]any{"mended": wrong}, err
	})
}

func (p *setup) endpointParams(ctx context.Context) *stripe.WebhookEndpointParams {
	url := p.service.webhookURL()
	params := &stripe.WebhookEndpointParams{
		URL: stripe.String(url), EnabledEvents: stripe.StringSlice(EventTypes),
		Description: stripe.String("Memberships and donations"),
		Metadata:    map[string]string{metaApp: appName, metaURL: url},
	}
	params.Context = ctx
	return params
}
