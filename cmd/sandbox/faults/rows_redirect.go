package faults

import (
	"context"
	"errors"
	"fmt"
)

// guests are strangers who each opened a checkout page and paid on it; back is where
// Stripe sends each.
type guest struct {
	*person
	back string
}

// guests lets so many strangers pay, and leaves each at the moment before their
// browser comes back.
func (w *world) guests(ctx context.Context, n int) ([]guest, error) {
	all := make([]guest, n)
	for i := range all {
		p := w.stranger(fmt.Sprintf("guest-%d", i))
		till, err := p.checkout(ctx, w.shop.month.ID, fmt.Sprintf("nonce-%d", i))
		if err != nil {
			return nil, err
		}
		back, err := p.pay(ctx, till)
		if err != nil {
			return nil, err
		}
		all[i] = guest{p, back}
	}
	w.injected.add("purchases", n)
	return all, nil
}

// arrive lets a guest's browser come back: it must read at once.
func (w *world) arrive(ctx context.Context, g guest) error {
	if err := g.comeBack(ctx, g.back); err != nil {
		return err
	}
	told, err := g.me(ctx)
	if err != nil {
		return fmt.Errorf("a buyer is not let in: %w", err)
	}
	w.expect(len(told.Entitlements) > 0, "a buyer came back and may read nothing")
	w.checked.add("buyers let in at once", 1)
	return nil
}

// mailed waits until so many mails have come, one for each buyer.
func (w *world) mailed(ctx context.Context, n int) error {
	return until(ctx, quietWithin, fmt.Sprintf("%d mails have come", n), func(context.Context) (bool, error) {
		return len(w.mails.Mails()) >= n, nil
	})
}

const guestsOfRow = 8

// webhookFirst has Stripe tell everything before the browser comes back.
func webhookFirst(ctx context.Context, w *world) error {
	guests, err := w.guests(ctx, guestsOfRow)
	if err != nil {
		return err
	}
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	for _, g := range guests {
		if err := w.arrive(ctx, g); err != nil {
			return err
		}
	}
	return w.mailed(ctx, guestsOfRow)
}

// redirectFirst has the browser come back while Stripe says nothing at all.
func redirectFirst(ctx context.Context, w *world) error {
	w.sim.StopDelivering()
	guests, err := w.guests(ctx, guestsOfRow)
	if err != nil {
		return err
	}
	for _, g := range guests {
		if err := w.arrive(ctx, g); err != nil {
			return err
		}
	}
	w.sim.StartDelivering()
	return errors.Join(w.delivered(ctx), w.mailed(ctx, guestsOfRow))
}

// bothAtOnce holds every delivery at the door until the browsers come back.
func bothAtOnce(ctx context.Context, w *world) error {
	gate := make(chan struct{})
	w.door.setHook(func(string) { <-gate })
	guests, err := w.guests(ctx, guestsOfRow)
	if err != nil {
		close(gate)
		return err
	}
	first := make(chan error, 1)
	go func() {
		first <- each(guests, len(guests), func(g guest) error {
			if err := g.comeBack(ctx, g.back); err != nil { // may still be told to wait a moment
				return err
			}
			return w.synced(ctx)
		})
	}()
	close(gate)
	if err := errors.Join(<-first, w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	for _, g := range guests {
		if err := w.arrive(ctx, g); err != nil {
			return err
		}
	}
	return w.mailed(ctx, guestsOfRow)
}
