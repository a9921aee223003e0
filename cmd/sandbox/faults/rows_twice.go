package faults

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"newsroom.example/membership/internal/oracle"
	"newsroom.example/membership/internal/stripesim"
)

// secondTab pays one tab while Stripe tells nobody, and then wants to pay another.
func secondTab(ctx context.Context, w *world) error {
	w.sim.StopDelivering()
	for i := range 5 {
		p, err := w.proven(ctx)
		if err != nil {
			return err
		}
		first, err := p.checkout(ctx, w.shop.month.ID, fmt.Sprintf("first-%d", i))
		if err != nil {
			return err
		}
		if _, err := p.pay(ctx, first); err != nil {
			return err
		}
		second, err := p.checkout(ctx, w.shop.patron.ID, fmt.Sprintf("second-%d", i))
		var refused *refusal
		switch {
		case errors.As(err, &refused) && refused.status < 500:
			w.checked.add("second tabs refused", 1)
		case err != nil:
			return err
		default:
			if _, err := p.pay(ctx, second); err == nil {
				w.injected.add("second tabs paid", 1)
			}
		}
		w.injected.add("first tabs paid", 1)
	}
	w.sim.StartDelivering()
	return w.delivered(ctx)
}

// wishes is how many readers of each sort pay twice.
const wishes = 3

// bothPaid has guests and members pay two pages each before Stripe tells anything, and
// none of their browsers comes back: of two memberships one is left.
func bothPaid(ctx context.Context, w *world) error {
	w.sim.StopDelivering()
	for i := range wishes {
		if err := errors.Join(w.guestTwice(ctx, i), w.memberTwice(ctx, i)); err != nil {
			return err
		}
	}
	w.sim.StartDelivering()
	return w.healed(ctx, 2*wishes)
}

// guestTwice pays two pages of one intent under one address. The guard opens no second
// one: it is made at Stripe as it would be if the guard failed.
func (w *world) guestTwice(ctx context.Context, i int) error {
	p := w.stranger(fmt.Sprintf("twice-%d", i))
	till, err := p.checkout(ctx, w.shop.month.ID, fmt.Sprintf("guest-%d", i))
	if err != nil {
		return err
	}
	twin, err := w.twin(ctx, till, w.shop.month.ID)
	if err != nil {
		return err
	}
	return w.payAll(ctx, p, till, twin)
}

// memberTwice pays two tabs of a member, for two plans. The guard closes the first when
// the second opens: its twin is as good as one that Stripe failed to close.
func (w *world) memberTwice(ctx context.Context, i int) error {
	p, err := w.proven(ctx)
	if err != nil {
		return err
	}
	first, err := p.checkout(ctx, w.shop.month.ID, fmt.Sprintf("first-%d", i))
	if err != nil {
		return err
	}
	twin, err := w.twin(ctx, first, w.shop.month.ID)
	if err != nil {
		return err
	}
	second, err := p.checkout(ctx, w.shop.patron.ID, fmt.Sprintf("second-%d", i))
	if err != nil {
		return err
	}
	return w.payAll(ctx, p, twin, second)
}

// payAll pays one page after the other, a minute apart, since Stripe dates by the
// second, and notes which membership came first.
func (w *world) payAll(ctx context.Context, p *person, tills ...string) error {
	for i, till := range tills {
		if _, err := p.pay(ctx, till); err != nil {
			return err
		}
		w.injected.add("pages paid", 1)
		if i == 0 {
			w.firsts = append(w.firsts, w.sim.Subscriptions()[0].ID)
		}
		if err := w.advance(time.Minute); err != nil {
			return err
		}
	}
	return nil
}

// twin makes another page at Stripe for the customer and the intent of the one at till.
func (w *world) twin(ctx context.Context, till, price string) (string, error) {
	all, err := oracle.List[session](ctx, w.api, "/v1/checkout/sessions", nil)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(all, func(s session) bool { return s.URL == till })
	if at < 0 {
		return "", fmt.Errorf("no page at %s", till)
	}
	form := url.Values{
		"mode": {"subscription"}, "success_url": {w.members() + "/"}, "client_reference_id": {all[at].ClientReferenceID},
		"line_items[0][price]": {price}, "line_items[0][quantity]": {"1"},
	}
	for name, value := range all[at].Metadata {
		form.Set("metadata["+name+"]", value)
		form.Set("subscription_data[metadata]["+name+"]", value)
	}
	if all[at].Customer != nil {
		form.Set("customer", *all[at].Customer)
	}
	var made session
	err = w.api.Post(ctx, "/v1/checkout/sessions", form, &made)
	return made.URL, err
}

// healed waits until all is done that is owed, and looks at Stripe: of each of so many
// pairs the first membership goes on, paid, and the other is ended and its money given
// back, by one refund. Each reader is told.
func (w *world) healed(ctx context.Context, pairs int) error {
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	truth, err := oracle.Read(ctx, w.api)
	if err != nil {
		return err
	}
	kept, ended := 0, 0
	for _, s := range truth.Subscriptions {
		back := refundsOf(truth, s)
		switch first := slices.Contains(w.firsts, s.ID); {
		case first && s.Status == "active" && len(back) == 0:
			kept++
		case !first && s.Status == "canceled" && len(back) == 1 && back[0].Amount == w.shop.prices[s.Items.Data[0].Price.ID].Amount:
			ended++
		default:
			w.expect(false, "subscription %s, the first of its pair: %t, is %s, with refunds %v", s.ID, first, s.Status, back)
		}
	}
	w.expect(kept == pairs && ended == pairs, "of %d pairs %d first memberships go on and %d second ones were given back", pairs, kept, ended)
	w.checked.add("first memberships that go on", kept)
	w.checked.add("second memberships given back", ended)
	return w.mailed(ctx, pairs)
}

// refundsOf are all refunds of what a subscription has cost.
func refundsOf(truth oracle.Truth, s oracle.Subscription) (all []oracle.Refund) {
	for _, i := range truth.Invoices {
		if i.Subscription == s.ID && i.PaymentIntent != nil {
			all = append(all, truth.Charges[*i.PaymentIntent].Refunds.Data...)
		}
	}
	return all
}

// crashesOfHealing are where a replica dies: Stripe has cancelled and we do not know;
// we know and have not refunded; Stripe has refunded and we do not know.
var crashesOfHealing = []stripesim.Fault{
	{Do: stripesim.HangDone, On: "DELETE /v1/subscriptions/{id}"},
	{Do: stripesim.Hang, On: "POST /v1/refunds"},
	{Do: stripesim.HangDone, On: "POST /v1/refunds"},
}

// killedHealing kills the only replica in the middle of giving a second membership
// back, at each of its steps.
func killedHealing(ctx context.Context, w *world) error {
	for i, f := range crashesOfHealing {
		if err := w.sim.Inject(w.seed, f); err != nil {
			return err
		}
		before := w.sim.Injected()[f.Do]
		if err := w.guestTwice(ctx, i); err != nil {
			return err
		}
		if err := until(ctx, quietWithin, "a second membership is being given back", func(context.Context) (bool, error) {
			return w.sim.Injected()[f.Do] > before, nil
		}); err != nil {
			return err
		}
		w.kill(0)
		w.injected.add("kills between cancelling and the refund", 1)
		if err := errors.Join(w.sim.Inject(w.seed), w.start(ctx, 0), w.delivered(ctx), w.synced(ctx)); err != nil {
			return err
		}
	}
	return w.healed(ctx, len(crashesOfHealing))
}
