package stripesim

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Delivery is one attempt to bring an event to an endpoint.
type Delivery struct {
	Event    string    `json:"event"`
	Type     string    `json:"type"`
	Endpoint string    `json:"endpoint"`
	URL      string    `json:"url"`
	At       time.Time `json:"at"`     // by the simulator's clock
	Status   int       `json:"status"` // of the answer; 0 if there was none
	Error    string    `json:"error"`  // why there was none
	Mishap   Mishap    `json:"mishap"` // what the plan of faults did to it
}

// OK reports whether the endpoint accepted the event: any 2xx, nothing else.
func (d Delivery) OK() bool { return d.Status >= 200 && d.Status < 300 }

// record keeps an attempt, and tells whoever asked. An event notes which
// endpoints have accepted it, and how often.
func (s *Sim) record(event, endpoint object, d Delivery) Delivery {
	d.Event, d.Type, d.At = str(event, "id"), str(event, "type"), s.now
	d.Endpoint, d.URL = str(endpoint, "id"), str(endpoint, "url")
	s.courier.log = append(s.courier.log, d)
	if over := len(s.courier.log) - keptAttempts; over > 0 {
		s.courier.log = s.courier.log[over:]
	}
	if d.OK() {
		s.accepted(event, d.URL)
	}
	if s.cfg.OnDelivery != nil {
		s.cfg.OnDelivery(d)
	}
	return d
}

func (s *Sim) accepted(event object, address string) {
	by := sub(event, "_accepted")
	if by == nil {
		by = object{}
		event["_accepted"] = by
	}
	before, _ := by[address].(int64)
	by[address] = before + 1
}

// Deliveries answers the attempts to deliver events, the newest first, at most
// the last 5,000. An event lost by LoseNextWebhooks is among them.
func (s *Sim) Deliveries() (out []Delivery) {
	s.live(func() { out = newestFirst(s.courier.log) })
	return out
}

// Resend delivers an event once more to every endpoint that wants it, also one
// that was lost or accepted before, and also while webhooks are being lost.
func (s *Sim) Resend(event string) (err error) {
	s.live(func() {
		e, ok := s.store.find("event", event)
		if !ok {
			err = fmt.Errorf("resend: no event %s", event)
			return
		}
		for _, endpoint := range s.listeners(e) {
			s.post(e, endpoint)
		}
	})
	return err
}

// Listen registers a webhook endpoint for the address, or finds the enabled one
// that there is, and answers its signing secret, which the API shows only once.
// Without event types it wants all. Endpoints at other addresses are left as
// they are.
func (s *Sim) Listen(address string, types ...string) (secret string, err error) {
	if refused := webAddress(address, "url"); refused != nil {
		return "", fmt.Errorf("listen at %q: %w", address, refused)
	}
	events := []any{}
	for _, typ := range types {
		events = append(events, typ)
	}
	if len(events) == 0 {
		events = append(events, "*")
	}
	s.live(func() {
		known := s.store.all("webhook_endpoint", func(o object) bool {
			return str(o, "url") == address && str(o, "status") == "enabled"
		})
		if len(known) == 0 {
			known = append(known, s.newEndpoint(object{"url": address, "api_version": APIVersion}))
		}
		s.change(known[0], "", object{"enabled_events": events})
		secret = str(known[0], "_secret")
	})
	return secret, nil
}

// LoseNextWebhooks makes the next n events that an endpoint wants arrive
// nowhere, now or later. They are in the list of events; Resend delivers them.
func (s *Sim) LoseNextWebhooks(n int) { s.live(func() { s.courier.lose = n }) }

// StopDelivering holds every delivery back until StartDelivering.
func (s *Sim) StopDelivering() { s.live(func() { s.courier.stopped = true }) }

// StartDelivering sends what StopDelivering held back.
func (s *Sim) StartDelivering() { s.live(func() { s.courier.stopped = false }) }

// WaitQuiet returns when everything due by the clock has happened and no
// delivery is under way or ready to go. Deliveries that wait for a later
// attempt, or are held back, are not waited for.
func (s *Sim) WaitQuiet(ctx context.Context) error {
	s.RunDue()
	s.mu.Lock()
	if s.courier.isQuiet() {
		s.mu.Unlock()
		return nil
	}
	quiet := make(chan struct{})
	s.courier.quiet = append(s.courier.quiet, quiet)
	s.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for deliveries to end: %w", ctx.Err())
	}
}

// DeclineNextRenewal makes every charge for the next renewal fail, its retries
// too, whatever the card. id is a subscription's, or a customer's for all that
// the customer has.
func (s *Sim) DeclineNextRenewal(id string) (err error) {
	s.live(func() {
		found := slices.DeleteFunc(s.store.where("subscription", "customer", id), ended)
		if o, ok := s.store.find("subscription", id); ok && !ended(o) {
			found = append(found, o)
		}
		if len(found) == 0 {
			err = fmt.Errorf("decline next renewal: %s has no live subscription", id)
		}
		for _, o := range found {
			o["_decline"], s.changed = true, true
		}
	})
	return err
}

// Forget deletes a subscription that has ended, and its invoices, as Stripe does with
// test data thirty days after the end. No event tells of it.
// https://support.stripe.com/questions/test-mode-subscription-data-retention
func (s *Sim) Forget(subscription string) (err error) {
	s.live(func() {
		o, ok := s.store.find("subscription", subscription)
		if !ok || !ended(o) {
			err = fmt.Errorf("forget: %s is no subscription that has ended", subscription)
			return
		}
		for _, invoice := range s.store.where("invoice", "subscription", subscription) {
			s.store.remove(invoice)
		}
		s.store.remove(o)
		s.changed = true
	})
	return err
}

// Refund gives back an amount, in the currency's smallest unit, of a charge or
// payment intent; 0 is all that is left.
func (s *Sim) Refund(id string, amount int64) (err error) {
	s.live(func() {
		params := object{"charge": id}
		if _, isIntent := s.store.find("payment_intent", id); isIntent {
			params = object{"payment_intent": id}
		}
		if amount != 0 {
			params["amount"] = amount
		}
		charge, refused := s.chargeToRefund(params)
		if refused == nil {
			_, refused = s.refund(charge, params)
		}
		if refused != nil {
			err = fmt.Errorf("refund %s: %w", id, refused)
		}
	})
	return err
}
