package faults

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"newsroom.example/membership/internal/oracle"
	"newsroom.example/membership/internal/stripesim"
)

// slowReads makes every read at Stripe take a while, so that whatever strikes strikes
// in the middle of a sync.
func slowReads(least, most time.Duration) stripesim.Fault {
	return stripesim.Fault{Do: stripesim.Slow, On: "GET *", Min: least, Max: most}
}

// killed lets replicas die all the time while events come in and Stripe is slow, so
// that they die in the middle of everything.
func killed(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, slowReads(5*time.Millisecond, 60*time.Millisecond)); err != nil {
		return err
	}
	return w.whileDying(ctx, func() error {
		return until(ctx, quietWithin, "replicas have died often enough", func(ctx context.Context) (bool, error) {
			if w.injected.of("kills") >= 4*len(w.nodes) {
				return true, nil
			}
			_, err := w.readers(ctx, 1)
			return false, err
		})
	})
}

// lifetime is how long a replica lives after it is ready.
const lifetime = time.Second

// whileDying does something while every replica is killed a second after it is
// ready, again and again. All live when it returns.
func (w *world) whileDying(ctx context.Context, do func() error) error {
	dying, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(w.nodes))
	for i := range w.nodes {
		go func() { ended <- w.dieAgainAndAgain(dying, i) }()
	}
	err := do()
	stop()
	for range w.nodes {
		err = errors.Join(err, <-ended)
	}
	return err
}

func (w *world) dieAgainAndAgain(ctx context.Context, i int) error {
	life := time.NewTimer(lifetime)
	defer life.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-life.C:
		}
		w.kill(i)
		w.injected.add("kills", 1)
		if err := w.revive(context.WithoutCancel(ctx), i); err != nil {
			return err
		}
		life.Reset(lifetime)
	}
}

// revive starts a replica again; while Postgres is down it ends at once, and is
// started again, as whatever watches over processes would do.
func (w *world) revive(ctx context.Context, i int) error {
	return until(ctx, startPatience, "a replica starts again", func(ctx context.Context) (bool, error) {
		err := w.start(ctx, i)
		return err == nil, err
	})
}

// resumed kills the only replica while it holds leases, and looks how long its work
// waits for the next one.
func resumed(ctx context.Context, w *world) error {
	if err := w.sim.Inject(w.seed, slowReads(time.Second, time.Second)); err != nil {
		return err
	}
	if _, err := w.readers(ctx, 4); err != nil {
		return err
	}
	if err := w.leased(ctx); err != nil {
		return err
	}
	w.kill(0)
	w.injected.add("kills while leases were held", 1)
	begun := time.Now()
	if err := errors.Join(w.sim.Inject(w.seed), w.start(ctx, 0), w.delivered(ctx), w.synced(ctx)); err != nil {
		return err
	}
	took := time.Since(begun)
	w.checked.add("ms from the kill until all was synced", int(took.Milliseconds()))
	most := w.leaseTime() + 5*time.Second
	w.expect(took <= most, "it took %s after the kill until all was synced, want at most the lease and 5 s: %s", took, most)
	return nil
}

// leased waits until some worker holds a subject.
func (w *world) leased(ctx context.Context) error {
	return until(ctx, quietWithin, "a worker holds a lease", func(ctx context.Context) (held bool, err error) {
		err = w.db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM sync_subjects WHERE lease_until IS NOT NULL)").Scan(&held)
		return held, err
	})
}

// lastRead is what a worker asks of a customer last: by then it has read the
// subscriptions.
const lastRead = "GET /v1/payment_intents"

// midSync makes a reader of whom a single event tells, and returns when a worker has
// read the subscription and waits for the rest, which takes so long.
func (w *world) midSync(ctx context.Context, wait time.Duration) (*person, error) {
	if err := w.listen("invoice.paid", "customer.subscription.deleted"); err != nil {
		return nil, err
	}
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.Slow, On: lastRead, Min: wait}); err != nil {
		return nil, err
	}
	people, err := w.readers(ctx, 1)
	if err != nil {
		return nil, err
	}
	return people[0], until(ctx, quietWithin, "a worker has read the subscription", func(context.Context) (bool, error) {
		return w.sim.Traffic().Calls[lastRead] > 0, nil
	})
}

// stopped stops the replica that syncs until after its lease; meanwhile the
// subscription is cancelled and another replica writes that. The first one finds its
// time over when it goes on, and gives up: that its write would be refused, too,
// stalled shows.
func stopped(ctx context.Context, w *world) error {
	p, err := w.midSync(ctx, time.Second)
	if err != nil {
		return err
	}
	if err := w.nodes[0].signal(syscall.SIGSTOP); err != nil {
		return err
	}
	w.injected.add("replicas stopped beyond their lease", 1)
	if err := w.cancelBehind(ctx, p); err != nil {
		return err
	}
	return errors.Join(w.nodes[0].signal(syscall.SIGCONT), w.outlive(ctx))
}

// stalled keeps a worker that has fetched an active subscription from the database
// until after its lease. What it writes then is refused, because the lease is another's.
func stalled(ctx context.Context, w *world) error {
	p, err := w.midSync(ctx, time.Second)
	if err != nil {
		return err
	}
	release := w.cutter.stall()
	w.injected.add("replicas kept from Postgres beyond their lease", 1)
	w.cutter, err = nil, w.fetched(ctx) // the next replica has a way of its own
	if err == nil {
		err = w.cancelBehind(ctx, p)
	}
	release()
	return errors.Join(err, w.outlive(ctx))
}

// outlive ends the second replica and gives the first one another sync to do: when
// that is done, so is what it had begun before. The second one is there at the end.
func (w *world) outlive(ctx context.Context) error {
	return errors.Join(w.retire(1), w.knockAbout(ctx, "cus_later"), w.synced(ctx), w.retire(0), w.start(ctx, 1))
}

// fetched waits until Stripe has answered all that it was asked.
func (w *world) fetched(ctx context.Context) error {
	return until(ctx, quietWithin, "Stripe has answered", func(context.Context) (bool, error) { return w.sim.Traffic().Now == 0, nil })
}

// cancelBehind cancels a subscription while the first replica does not see it, and
// returns when a second one has synced it. No event tells of the end: one would make
// up for a stale write, if not at once.
func (w *world) cancelBehind(ctx context.Context, p *person) error {
	w.door.open(0, "")
	w.nodes = append(w.nodes, nil)
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.EventUnmade}); err != nil {
		return err
	}
	return errors.Join(w.cancelNow(ctx, p), w.start(ctx, 1), w.synced(ctx))
}

// retire ends a replica in order. That waits for its sync under way, and so for what
// it would write.
func (w *world) retire(i int) error {
	err := w.nodes[i].stop()
	w.nodes[i] = nil
	return err
}

// during has an event come while its customer is being synced, after the worker has
// read what the event tells of.
func during(ctx context.Context, w *world) error {
	p, err := w.midSync(ctx, time.Second)
	if err != nil {
		return err
	}
	w.injected.add("events in the middle of a sync", 1)
	return errors.Join(w.cancelNow(ctx, p), w.delivered(ctx))
}

// createdThenKilled kills the replica between Stripe's making of a checkout page and
// the commit of it. The reader presses the button once more.
func createdThenKilled(ctx context.Context, w *world) error {
	p := w.stranger("crash")
	// Somebody who was at the till before: their browser is known by its cookie.
	if _, err := p.give(ctx, "10", "before"); err != nil {
		return err
	}
	if err := w.sim.Inject(w.seed, stripesim.Fault{Do: stripesim.HangDone, On: creation}); err != nil {
		return err
	}
	pressed := make(chan struct{})
	go func() {
		_, _ = p.checkout(ctx, w.shop.month.ID, "one-form") // fails, of course
		close(pressed)
	}()
	if err := until(ctx, quietWithin, "Stripe has made the page", func(ctx context.Context) (bool, error) {
		made, err := oracle.List[session](ctx, w.api, "/v1/checkout/sessions", nil)
		return len(made) > 1, err
	}); err != nil {
		return err
	}
	w.kill(0)
	<-pressed
	w.injected.add("kills between Stripe's answer and our commit", 1)
	if err := errors.Join(w.sim.Inject(w.seed), w.start(ctx, 0)); err != nil {
		return err
	}
	if err := p.buy(ctx, "one-form"); err != nil {
		return fmt.Errorf("the same form once more: %w", err)
	}
	return w.pages(ctx, 2)
}

// session is a checkout page.
type session struct {
	ID, Status, URL   string
	ClientReferenceID string `json:"client_reference_id"`
	Customer          *string
	Metadata          map[string]string
}

// pages looks that so many pages were made at Stripe, and no more.
func (w *world) pages(ctx context.Context, want int) error {
	made, err := oracle.List[session](ctx, w.api, "/v1/checkout/sessions", nil)
	w.expect(len(made) == want, "%d checkout pages were made, want %d", len(made), want)
	w.checked.add("checkout pages", len(made))
	return err
}
