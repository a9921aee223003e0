package faults

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"newsroom.example/membership/internal/stripesim"
)

// crashed ends Postgres as a power cut would, several times, while events come in.
func crashed(ctx context.Context, w *world) (err error) {
	crashes := 3
	if w.options.Full {
		crashes = 8
	}
	people, err := w.newMembers(ctx, 20*crashes)
	if err != nil {
		return err
	}
	for i := range w.nodes {
		unwatch := w.watch(ctx, i)
		defer func() { err = errors.Join(err, unwatch()) }()
	}
	for range crashes {
		if err := w.seat(people[:20], "pm_card_visa"); err != nil {
			return err
		}
		people = people[20:]
		if err := w.crash(ctx); err != nil {
			return err
		}
	}
	return w.delivered(ctx)
}

// crash waits until some deliveries were taken, ends Postgres and starts it again.
func (w *world) crash(ctx context.Context) error {
	before, _ := w.door.deliveries()
	if err := until(ctx, quietWithin, "deliveries are under way", func(context.Context) (bool, error) {
		now, _ := w.door.deliveries()
		return now > before+10, nil
	}); err != nil {
		return err
	}
	if err := w.server.Crash(); err != nil {
		return err
	}
	w.injected.add("crashes of Postgres", 1)
	return w.server.Resume(ctx)
}

// cut has connections break right after COMMIT was sent.
func cut(ctx context.Context, w *world) error {
	w.cutter.cut(0.08)
	if _, err := w.readers(ctx, 40); err != nil {
		return err
	}
	if err := w.insistentBuyers(ctx, 5); err != nil {
		return err
	}
	if err := w.delivered(ctx); err != nil {
		return err
	}
	w.cutter.cut(0)
	for what, n := range w.cutter.counts() {
		w.injected.add(what, n)
	}
	return nil
}

// insist tries again what a person would try again.
func insist(ctx context.Context, do func() error) error {
	return until(ctx, quietWithin, "a reader who tries again succeeds", func(context.Context) (bool, error) {
		err := do()
		return err == nil, err
	})
}

// narrow gives each replica two connections, and holds locks on what they write, so
// that even these wait.
func narrow(ctx context.Context, w *world) error {
	people, err := w.readers(ctx, 30)
	if err != nil {
		return err
	}
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	tx, err := w.db.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := lock(ctx, tx, people[0].customer, people[1].customer); err != nil {
		return err
	}
	w.injected.add("locks held", 2)
	if err := each(people, 4, func(p *person) error { return w.wander(ctx, p) }); err != nil {
		return err
	}
	if err := w.waiting(ctx); err != nil {
		return err
	}
	p := w.stranger("patient")
	if err := insist(ctx, func() error { _, err := p.checkout(ctx, w.shop.month.ID, "patient"); return err }); err != nil {
		return err
	}
	w.checked.add("checkouts opened meanwhile", 1)
	return tx.Commit(ctx)
}

func lock(ctx context.Context, tx pgx.Tx, subjects ...string) error {
	_, err := tx.Exec(ctx, "SELECT FROM sync_subjects WHERE id = ANY($1) ORDER BY id FOR UPDATE", subjects)
	return err
}

// waiting returns once some connection of the service waits for a lock.
func (w *world) waiting(ctx context.Context) error {
	return until(ctx, quietWithin, "a connection waits for a lock", func(ctx context.Context) (waits bool, err error) {
		err = w.db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = $1 AND application_name = 'membership' AND wait_event_type = 'Lock')`, w.database).Scan(&waits)
		return waits, err
	})
}

// between looks for a transaction that is open across a call to Stripe: one that had
// begun before the call came, and does nothing until it is answered, however long that
// takes. Calls are slow, so that many are under way at a time.
func between(ctx context.Context, w *world) error {
	w.spy.watch(true)
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Slow, Min: 250 * time.Millisecond}); err != nil {
		return err
	}
	people, err := w.readers(ctx, 6)
	if err != nil {
		return err
	}
	if err := w.shopAround(ctx, people); err != nil {
		return err
	}
	if err := errors.Join(w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	w.spy.watch(false)
	calls, inside, err := w.spy.seen()
	w.checked.add("calls to Stripe watched", calls)
	w.expect(inside == 0, "%d calls to Stripe were made inside a transaction", inside)
	w.expect(calls > 40, "only %d calls to Stripe were watched", calls)
	return err
}

// shopAround makes the service call Stripe in every way that readers can bring about,
// paying twice included.
func (w *world) shopAround(ctx context.Context, people []*person) error {
	p := w.stranger("between")
	if err := errors.Join(p.buy(ctx, "b1"), w.stranger("giver").donate(ctx, "10", "b2")); err != nil {
		return err
	}
	fresh, err := w.newMembers(ctx, 1)
	if err != nil {
		return err
	}
	if err := errors.Join(fresh[0].signInProven(ctx), fresh[0].buy(ctx, "b3")); err != nil {
		return err
	}
	if _, err := fresh[0].ask(ctx, "POST", "/account/portal", map[string][]string{}); err != nil {
		return err
	}
	return errors.Join(w.guestTwice(ctx, 0), w.cancelNow(ctx, people[0]))
}
