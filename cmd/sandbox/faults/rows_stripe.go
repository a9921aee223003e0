package faults

import (
	"context"
	"fmt"
	"time"

	"newsroom.example/membership/internal/stripesim"
)

// failing is a row in which calls to Stripe fail, the service's own reads and what
// buyers make it create. Readers press the button again, as people do.
func failing(faults ...stripesim.Fault) func(context.Context, *world) error {
	return func(ctx context.Context, w *world) error {
		if err := w.sim.Inject(w.seed, faults...); err != nil {
			return err
		}
		if _, err := w.readers(ctx, 15); err != nil {
			return err
		}
		if err := w.insistentBuyers(ctx, 4); err != nil {
			return err
		}
		for _, f := range faults {
			w.count(f.Do)
			w.expect(w.sim.Injected()[f.Do] > 0, "%s never struck", f.Do)
		}
		return nil
	}
}

// insistentBuyers press the same button until they have a page, pay once, and come
// back.
func (w *world) insistentBuyers(ctx context.Context, n int) error {
	buyers := make([]int, n)
	for i := range buyers {
		buyers[i] = i
	}
	return each(buyers, n, func(i int) error {
		p := w.stranger(fmt.Sprintf("buyer-%d", i))
		till, err := p.persist(ctx, w.shop.month.ID, fmt.Sprint("insist-", i))
		if err != nil {
			return err
		}
		back, err := p.pay(ctx, till)
		if err != nil {
			return err
		}
		w.checked.add("buyers who got through", 1)
		return insist(ctx, func() error { return p.comeBack(ctx, back) })
	})
}

const everyRead, creation = "GET *", "POST /v1/checkout/sessions"

// What strikes creation strikes the first calls, so that it surely does.
var (
	rateLimited = failing(
		stripesim.Fault{Do: stripesim.RateLimited, Share: 0.25, On: everyRead, Min: time.Second, Times: 40},
		stripesim.Fault{Do: stripesim.LockTimeout, On: creation, Times: 3})
	storedErrors = failing(
		stripesim.Fault{Do: stripesim.ErrorUndone, On: creation, Times: 3},
		stripesim.Fault{Do: stripesim.ErrorDone, On: creation, Times: 3})
	unavailable = failing(
		stripesim.Fault{Do: stripesim.Unavailable, Share: 0.3, On: everyRead, Times: 30},
		stripesim.Fault{Do: stripesim.Unavailable, On: creation, Times: 3})
	hanging = failing(
		stripesim.Fault{Do: stripesim.Hang, Share: 0.1, On: everyRead, Times: 2},
		stripesim.Fault{Do: stripesim.HangDone, On: creation, Times: 2})
	reset = failing(
		stripesim.Fault{Do: stripesim.Reset, Share: 0.2, On: everyRead, Times: 30},
		stripesim.Fault{Do: stripesim.ResetDone, On: creation, Times: 4})
	halved = failing(
		stripesim.Fault{Do: stripesim.HalfBody, Share: 0.25, On: everyRead, Times: 30},
		stripesim.Fault{Do: stripesim.HalfBody, On: creation, Times: 3})
	garbled = failing(
		stripesim.Fault{Do: stripesim.Garbage, Share: 0.25, On: everyRead, Times: 30},
		stripesim.Fault{Do: stripesim.Garbage, On: creation, Times: 3})
)
