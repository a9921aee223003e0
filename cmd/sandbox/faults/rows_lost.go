package faults

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"newsroom.example/membership/internal/stripesim"
)

// restSweeps keeps the sweeps from running by themselves: what heals in a row must be
// what the row is about. Their first pass is over, as in any service that was at work
// before it was harmed: that one keeps only what concerns whom the books know.
func (w *world) restSweeps(ctx context.Context) error {
	_, err := w.db.Exec(ctx, `INSERT INTO sweeps (name, livemode, passes, next_at)
		SELECT name, false, 1, $1 FROM unnest(ARRAY['events', 'objects', 'money']) name`, time.Now().AddDate(1, 0, 0))
	if err != nil {
		return fmt.Errorf("put the sweeps off: %w", err)
	}
	return nil
}

// sweep says that a sweep's time has come, and returns when a replica has gone
// through it.
func (w *world) sweep(ctx context.Context, name string) error {
	var passes int
	err := w.db.QueryRow(ctx, "UPDATE sweeps SET next_at = $2 WHERE name = $1 RETURNING passes", name, time.Now()).Scan(&passes)
	if err != nil {
		return fmt.Errorf("begin the sweep of %s: %w", name, err)
	}
	err = until(ctx, quietWithin, "the sweep of "+name+" has passed", func(ctx context.Context) (done bool, err error) {
		err = w.db.QueryRow(ctx, "SELECT passes > $2 FROM sweeps WHERE name = $1", name, passes).Scan(&done)
		return done, err
	})
	if err != nil {
		return err
	}
	w.injected.add("sweep of "+name, 1)
	_, err = w.db.Exec(ctx, "UPDATE sweeps SET next_at = $2 WHERE name = $1", name, time.Now().AddDate(1, 0, 0))
	return errors.Join(err, w.synced(ctx))
}

// regularFor is so many days that a third renewal has just been: none falls into the
// days that follow.
const regularFor = 93

// regulars are readers whose subscriptions began 90 days ago and were renewed since.
func (w *world) regulars(ctx context.Context, n int) ([]*person, error) {
	people, err := w.readers(ctx, n)
	if err != nil {
		return nil, err
	}
	for range regularFor {
		if err := w.advance(day); err != nil {
			return nil, err
		}
	}
	w.injected.add("days since they began", regularFor)
	return people, errors.Join(w.delivered(ctx), w.synced(ctx))
}

// deadEndpoint has nobody answer for four days, in which everything happens that can
// happen to subscriptions. Stripe gives up; one sweep of its events heals.
func deadEndpoint(ctx context.Context, w *world) error {
	people, err := w.regulars(ctx, 20)
	if err != nil {
		return err
	}
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Missed}); err != nil {
		return err
	}
	if err := w.change(ctx, people); err != nil {
		return err
	}
	if _, err := w.readers(ctx, 5); err != nil {
		return err
	}
	for range 4 * 24 {
		if err := w.advance(time.Hour); err != nil {
			return err
		}
	}
	w.injected.add("days without an answer", 4)
	w.count(stripesim.Missed)
	w.expect(w.sim.Undelivered() == 0, "Stripe still tries to deliver %d events: the fault was too short", w.sim.Undelivered())
	if err := w.sim.Inject(w.seed); err != nil {
		return err
	}
	if err := w.differs(ctx); err != nil {
		return err
	}
	return w.sweep(ctx, "events")
}

// change cancels, refunds, pauses and ends, a quarter of the readers each.
func (w *world) change(ctx context.Context, people []*person) error {
	for i, p := range people {
		var err error
		switch i % 4 {
		case 0:
			err = w.cancelNow(ctx, p)
		case 1:
			err = w.refund(ctx, p, 0)
		case 2:
			err = w.update(ctx, p, url.Values{"pause_collection[behavior]": {"void"}})
		case 3:
			err = w.update(ctx, p, url.Values{"cancel_at_period_end": {"true"}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// differs looks that the books are wrong before a sweep heals them: else the row
// would show nothing.
func (w *world) differs(ctx context.Context) error {
	o := &judge{world: w}
	if err := errors.Join(o.readTruth(ctx), o.readOwners(ctx), o.entitled(ctx)); err != nil {
		return err
	}
	w.injected.add("readers wrong before the sweep", len(o.findings))
	w.expect(len(o.findings) > 0, "nothing was wrong before the sweep")
	w.checked.reset()
	return nil
}

// unmade has Stripe change subscriptions that began 90 days ago without making any
// event of it. The sweeps of objects and of money find it.
func unmade(ctx context.Context, w *world) error {
	people, err := w.regulars(ctx, 20)
	if err != nil {
		return err
	}
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.EventUnmade}); err != nil {
		return err
	}
	if err := w.change(ctx, people); err != nil {
		return err
	}
	w.count(stripesim.EventUnmade)
	if err := errors.Join(w.sim.Inject(w.seed), w.differs(ctx)); err != nil {
		return err
	}
	return errors.Join(w.sweep(ctx, "objects"), w.sweep(ctx, "money"))
}

// dropped loses half of all deliveries for good: Stripe made the events, and never
// tries again. The sweep of its list finds them.
func dropped(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Dropped, Share: 0.5}); err != nil {
		return err
	}
	people, err := w.readers(ctx, 20)
	if err != nil {
		return err
	}
	if err := each(people, 4, func(p *person) error { return w.wander(ctx, p) }); err != nil {
		return err
	}
	w.count(stripesim.Dropped)
	if err := errors.Join(w.sim.Inject(w.seed), w.delivered(ctx)); err != nil {
		return err
	}
	return w.sweep(ctx, "events")
}
