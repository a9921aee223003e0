package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"newsroom.example/membership/internal/stripesim"
)

// unknown has well-signed events tell of customers and payments that Stripe says it
// does not have.
func unknown(ctx context.Context, w *world) error {
	for i := range 5 {
		if err := w.knockAbout(ctx, fmt.Sprint("cus_nobody", i)); err != nil {
			return err
		}
		w.injected.add("unknown customers", 1)
	}
	_, err := w.readers(ctx, 5)
	return err
}

// knockAbout tells the first replica of a customer whom Stripe does not know.
func (w *world) knockAbout(ctx context.Context, customer string) error {
	body := fmt.Sprintf(`{"id":"evt_%s","type":"customer.updated","created":%d,"livemode":false,"api_version":%q,
		"data":{"object":{"id":%q,"object":"customer"}}}`, customer, w.clock.Now().Unix(), stripesim.APIVersion, customer)
	status, err := w.knock(ctx, strings.NewReader(body), sign(body, w.secret, w.clock.Now()))
	w.expect(status == http.StatusOK, "an event of an unknown customer was answered with %d", status)
	return err
}

// deleted deletes customers at Stripe, which ends what they had.
func deleted(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 10)
	if err != nil {
		return err
	}
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	for _, p := range people[:5] {
		if err := w.api.Call(ctx, http.MethodDelete, "/v1/customers/"+p.customer, nil, &struct{}{}); err != nil {
			return err
		}
		w.injected.add("customers deleted", 1)
	}
	return w.delivered(ctx)
}

// renamed gives customers the address of somebody else: whose membership it is
// follows our id, never an address.
func renamed(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 6)
	if err != nil {
		return err
	}
	bystanders, err := w.newMembers(ctx, 6)
	if err != nil {
		return err
	}
	for i, p := range people {
		err := w.api.Post(ctx, "/v1/customers/"+p.customer, url.Values{"email": {bystanders[i].email}, "name": {"Somebody Else"}}, &struct{}{})
		if err != nil {
			return err
		}
		w.injected.add("customers renamed", 1)
	}
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	for _, b := range bystanders {
		if err := b.signIn(ctx); err != nil {
			return err
		}
		told, err := b.me(ctx)
		if err != nil {
			return err
		}
		w.expect(len(told.Entitlements) == 0, "a bystander reads by the membership of another")
	}
	w.checked.add("bystanders", len(bystanders))
	return nil
}

// foreign sells something else through the same account, to members and to others:
// it opens nothing and is in no ledger.
func foreign(ctx context.Context, w *world) error {
	var product, made struct{ ID string }
	if err := w.api.Post(ctx, "/v1/products", url.Values{"name": {"A tea towel every month"}}, &product); err != nil {
		return err
	}
	err := w.api.Post(ctx, "/v1/prices", url.Values{
		"product": {product.ID}, "currency": {"eur"}, "unit_amount": {"1200"}, "recurring[interval]": {"month"},
	}, &made)
	if err != nil {
		return err
	}
	if _, err := w.sim.Seed(stripesim.Seed{Readers: 10, Price: made.ID}); err != nil { // no customers of ours
		return err
	}
	people, err := w.readers(ctx, 5)
	if err != nil {
		return err
	}
	w.injected.add("foreign subscriptions", 15)
	return each(people, 2, func(p *person) error { return w.subscribeCustomer(ctx, p, made.ID) })
}

// poisoned has Stripe send what nobody can read for one customer: the others are
// served, the one is not given up, and all is well once Stripe is.
func poisoned(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 20)
	if err != nil {
		return err
	}
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	sick := people[0]
	for _, m := range []stripesim.Mishap{stripesim.Garbage, stripesim.UnknownEnum} {
		if err := w.sim.Inject(w.seed, stripesim.Fault{Do: m, On: everyRead, Customer: sick.customer}); err != nil {
			return err
		}
		// What the others live through may be no change; the sick one has something to tell.
		if err := w.update(ctx, sick, url.Values{"metadata[note]": {"told while " + string(m)}}); err != nil {
			return err
		}
		if err := each(people[1:], 4, func(p *person) error { return w.wanderOn(ctx, p) }); err != nil {
			return err
		}
		if err := errors.Join(w.delivered(ctx), w.syncedBut(ctx, sick.customer)); err != nil {
			return err
		}
		// The sick one is tried again in its own time.
		if err := until(ctx, quietWithin, "the fault has struck", func(context.Context) (bool, error) {
			return w.sim.Injected()[m] > 0, nil
		}); err != nil {
			return err
		}
		w.count(m)
	}
	return nil
}

// wanderOn changes a subscription without ending it.
func (w *world) wanderOn(ctx context.Context, p *person) error {
	return w.step(ctx, p, w.roll(5))
}

// syncedBut is synced, one customer left out of account.
func (w *world) syncedBut(ctx context.Context, customer string) error {
	return until(ctx, quietWithin, "all others are synced", func(ctx context.Context) (bool, error) {
		var owed int
		err := w.db.QueryRow(ctx, "SELECT count(*) FROM sync_subjects WHERE (dirty > synced OR lease_token IS NOT NULL) AND id <> $1", customer).Scan(&owed)
		return owed == 0, err
	})
}

// stuck has every read about one customer hang: how long do the others take, beside
// how long they take without?
func stuck(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 150)
	if err != nil {
		return err
	}
	sick, others := people[0], people[1:]
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	var well, ill time.Duration
	for range 3 { // the best of three each: the machine has other things to do as well
		took, err := w.round(ctx, others, "")
		if err != nil {
			return err
		}
		well = shortest(well, took)
	}
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Hang, On: everyRead, Customer: sick.customer}); err != nil {
		return err
	}
	for range 3 {
		if err := errors.Join(w.update(ctx, sick, url.Values{"metadata[note]": {"again"}}), w.leased(ctx)); err != nil {
			return err
		}
		took, err := w.round(ctx, others, sick.customer)
		if err != nil {
			return err
		}
		ill = shortest(ill, took)
	}
	w.checked.add("ms for 149 customers", int(well.Milliseconds()))
	w.checked.add("ms with one that hangs", int(ill.Milliseconds()))
	w.expect(ill <= 2*well, "one customer that hangs slows the others from %s to %s, want at most twice", well, ill)
	return nil
}

func shortest(a, b time.Duration) time.Duration {
	if a == 0 || b < a {
		return b
	}
	return a
}

// round changes every subscription once and waits until all are synced but one.
func (w *world) round(ctx context.Context, people []*person, but string) (time.Duration, error) {
	begun := time.Now()
	note := fmt.Sprint(begun.UnixNano())
	if err := each(people, 4, func(p *person) error { return w.update(ctx, p, url.Values{"metadata[note]": {note}}) }); err != nil {
		return 0, err
	}
	if err := errors.Join(w.delivered(ctx), w.syncedBut(ctx, but)); err != nil {
		return 0, err
	}
	return time.Since(begun), nil
}
