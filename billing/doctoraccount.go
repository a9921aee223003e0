package billing

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// clockSkew is how far our clock may be from Stripe's: signatures older than that are
// refused. https://stripe.com/docs/webhooks#replay-attacks
const clockSkew = 5 * time.Minute

// account looks at what the rest depends on: that Stripe delivers to us, in the
// version that we read, and that both clocks agree.
func (e *examination) account(ctx context.Context) error {
	list := e.s.stripe.WebhookEndpoints.List(&stripe.WebhookEndpointListParams{ListParams: page(ctx)})
	var ours []*stripe.WebhookEndpoint
	for list.Next() {
		if list.WebhookEndpoint().URL == e.s.webhookURL() {
			ours = append(ours, list.WebhookEndpoint())
		}
	}
	if err := list.Err(); err != nil {
		return tellable("list the webhook endpoints", err)
	}
	e.Looked("webhook endpoints", len(ours))
	for _, each := range ours {
		if made := unix(each.Created); e.listens.IsZero() || made.Before(e.listens) {
			e.listens = made
		}
	}
	found := e.endpointFaults(ours)
	if answer := list.WebhookEndpointList().LastResponse; answer != nil {
		found = append(found, e.skewOf(answer.Header)...)
	}
	return e.tell(found)
}

func (e *examination) endpointFaults(ours []*stripe.WebhookEndpoint) []Difference {
	where := e.s.webhookURL()
	if len(ours) == 0 {
		return []Difference{{Kind: "endpoint.missing", Object: where, Words: fmt.Sprintf(
			"Stripe has no webhook endpoint at %s: nothing is delivered, and news comes by the sweeps alone. To make one: membership stripe setup", where)}}
	}
	var found []Difference
	for _, each := range ours {
		if each.Status != "enabled" {
			found = append(found, Difference{Kind: "endpoint.disabled", Object: each.ID, Words: fmt.Sprintf(
				"Webhook endpoint %s is %s: Stripe delivers nothing to it. To mend it: membership stripe setup", each.ID, each.Status)})
		}
		if lacks := lackingTypes(each); len(lacks) > 0 {
			found = append(found, Difference{Kind: "endpoint.events", Object: each.ID, Words: fmt.Sprintf(
				"Webhook endpoint %s is not sent %s. To mend it: membership stripe setup", each.ID, strings.Join(lacks, ", "))})
		}
		if each.APIVersion != stripe.APIVersion {
			found = append(found, Difference{Kind: "endpoint.version", Object: each.ID, Words: fmt.Sprintf(
				"Webhook endpoint %s has API version %q; we read %q. To make another: membership stripe setup", each.ID, each.APIVersion, stripe.APIVersion)})
		}
	}
	return found
}

// lackingTypes are the types of events that an endpoint should be sent and is not.
func lackingTypes(endpoint *stripe.WebhookEndpoint) []string {
	if slices.Contains(endpoint.EnabledEvents, "*") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(EventTypes), func(t string) bool { return slices.Contains(endpoint.EnabledEvents, t) })
}

// quarantined tells of deliveries that belong to Stripe's other mode.
func (e *examination) quarantined(ctx context.Context) error {
	var put waitingEvents
	err := e.s.db.WithContext(ctx).Raw(`SELECT count(*) AS count, min(received_at) AS oldest FROM stripe_events WHERE quarantined AND received_at >= ?`,
		e.began.Add(-eventsBack)).Scan(&put).Error
	if err != nil {
		return fmt.Errorf("count the events of the other mode: %w", err)
	}
	if put.Count == 0 {
		return nil
	}
	ours, theirs := "test", "live"
	if e.s.cfg.Livemode {
		ours, theirs = theirs, ours
	}
	return e.tell([]Difference{{Kind: "event.othermode", Object: theirs, Words: fmt.Sprintf(
		"Stripe delivered %d events of its %s mode since %s; this service works in %s mode and put them aside. Look whether STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS are of the same mode.",
		put.Count, theirs, moment(*put.Oldest), ours)}})
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
		"This machine's clock is %s %s Stripe's: deliveries are refused for their age. Set it by NTP.", ahead.Round(time.Second), direction)}}
}
