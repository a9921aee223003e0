package billing

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// webhookPath is where Stripe's deliveries come in.
const webhookPath = "/webhooks/stripe"

// clockSkew is how far our clock may be from Stripe's: signatures older than that are
// refused. https://stripe.com/docs/webhooks#replay-attacks
const clockSkew = 5 * time.Minute

// account looks at what the rest depends on: that Stripe delivers to us, in the
// version that we read, and that both clocks agree.
func (e *examination) account(ctx context.Context) error {
	list := e.s.stripe.WebhookEndpoints.List(&stripe.WebhookEndpointListParams{ListParams: page(ctx)})
	var ours []*stripe.WebhookEndpoint
	for list.Next() {
		if list.WebhookEndpoint().URL == e.s.cfg.PublicURL+webhookPath {
			ours = append(ours, list.WebhookEndpoint())
		}
	}
	if err := list.Err(); err != nil {
		return tellable("list the webhook endpoints", err)
	}
	e.Looked("webhook endpoints", len(ours))
	found := e.endpointFaults(ours)
	if answer := list.WebhookEndpointList().LastResponse; answer != nil {
		found = append(found, e.skewOf(answer.Header)...)
	}
	return e.tell(found)
}

func (e *examination) endpointFaults(ours []*stripe.WebhookEndpoint) []Difference {
	where := e.s.cfg.PublicURL + webhookPath
	if len(ours) == 0 {
		return []Difference{{Kind: "endpoint.missing", Object: where, Words: fmt.Sprintf(
			"Stripe has no webhook endpoint at %s: nothing is delivered, and news comes by the sweeps alone.", where)}}
	}
	var found []Difference
	for _, each := range ours {
		if each.Status != "enabled" {
			found = append(found, Difference{Kind: "endpoint.disabled", Object: each.ID, Words: fmt.Sprintf(
				"Webhook endpoint %s is %s: Stripe delivers nothing to it.", each.ID, each.Status)})
		}
		if each.APIVersion != stripe.APIVersion {
			found = append(found, Difference{Kind: "endpoint.version", Object: each.ID, Words: fmt.Sprintf(
				"Webhook endpoint %s has API version %q; we read %q.", each.ID, each.APIVersion, stripe.APIVersion)})
		}
	}
	return found
}

// skewOf compares our real clock with the one that Stripe stamps its answers by.
func (e *examination) skewOf(header http.Header) []Difference {
	theirs, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return nil
	}
	ahead, direction := e.s.real().Sub(theirs), "ahead of"
	if ahead < 0 {
		ahead, direction = -ahead, "behind"
	}
	if ahead <= clockSkew {
		return nil
	}
	return []Difference{{Kind: "clock.skewed", Object: "clock", Words: fmt.Sprintf(
		"This machine's clock is %s %s Stripe's: deliveries are refused for their age.", ahead.Round(time.Second), direction)}}
}
