package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"newsroom.example/membership/internal/stripesim"
)

// stormEvents are five kinds of which each renewal makes one event.
var stormEvents = []string{
	"customer.subscription.updated", "invoice.created", "invoice.finalized", "charge.succeeded", "invoice.paid",
}

// gather makes so many readers of whom Stripe tells nothing, and lets a month pass, so
// that five events of each wait to be delivered.
func (w *world) gather(ctx context.Context, n int) error {
	if err := w.listen("none.at.all"); err != nil {
		return err
	}
	if _, err := w.readers(ctx, n); err != nil {
		return err
	}
	w.sim.StopDelivering()
	if err := errors.Join(w.listen(stormEvents...), w.advance(31*day), w.advance(2*time.Hour)); err != nil {
		return err
	}
	w.injected.add("events", w.sim.Undelivered())
	return nil
}

// storm has the renewals of all readers come at once, at Stripe's own limits, while
// people buy.
func storm(ctx context.Context, w *world) error {
	readers, most := 400, 40*time.Second
	if w.options.Full {
		readers, most = 2000, 120*time.Second
	}
	if err := w.gather(ctx, readers); err != nil {
		return err
	}
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Bucket, Count: 25}); err != nil {
		return err
	}
	buying, stop := context.WithCancel(ctx)
	defer stop()
	bought := make(chan []time.Duration, 1)
	failed := make(chan error, 1)
	go func() {
		took, err := w.keepBuying(buying)
		bought <- took
		failed <- err
	}()
	begun := time.Now()
	w.sim.StartDelivering()
	if err := errors.Join(w.delivered(ctx), w.drained(ctx, most)); err != nil {
		return err
	}
	took := time.Since(begun)
	stop()
	waits, err := <-bought, <-failed
	if err != nil {
		return err
	}
	slices.Sort(waits)
	p95 := waits[len(waits)*95/100]
	w.count(stripesim.Bucket)
	w.checked.add("s until drained", int(took.Seconds()+0.5))
	w.checked.add("checkouts meanwhile", len(waits))
	w.checked.add("ms each at the 95th of a hundred", int(p95.Milliseconds()))
	w.expect(took <= most, "the storm took %s, want at most %s", took, most)
	w.expect(p95 <= time.Second, "a checkout took %s at the 95th of a hundred, want at most a second", p95)
	return nil
}

// drained waits until all is synced, however long a storm takes.
func (w *world) drained(ctx context.Context, most time.Duration) error {
	return until(ctx, 2*most, "the storm is over", func(ctx context.Context) (bool, error) {
		owed, err := w.owed(ctx)
		return owed == 0, err
	})
}

// keepBuying opens a checkout page again and again, until it is told to stop, and
// answers how long each took.
func (w *world) keepBuying(ctx context.Context) (took []time.Duration, err error) {
	pause := time.NewTicker(300 * time.Millisecond)
	defer pause.Stop()
	for i := 0; ; i++ {
		p := w.stranger(fmt.Sprintf("storm-%d", i))
		begun := time.Now()
		_, err := p.checkout(context.WithoutCancel(ctx), w.shop.month.ID, fmt.Sprintf("storm-%d", i))
		if err != nil {
			return took, fmt.Errorf("a checkout in the storm: %w", err)
		}
		took = append(took, time.Since(begun))
		select {
		case <-ctx.Done():
			return took, nil
		case <-pause.C:
		}
	}
}

// tenThousand lets ten thousand events come in while every replica is killed a second
// after it is ready, and Postgres is crashed eight times.
func tenThousand(ctx context.Context, w *world) error {
	if err := w.gather(ctx, 2000); err != nil {
		return err
	}
	w.sim.StartDelivering()
	return w.whileDying(ctx, func() error {
		for range 8 {
			if err := w.crash(ctx); err != nil {
				return err
			}
		}
		return w.delivered(ctx)
	})
}
