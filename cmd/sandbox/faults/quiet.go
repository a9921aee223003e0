package faults

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	lookEvery = 20 * time.Millisecond
	// quietWithin bounds the wait for the service to catch up, faults being over.
	quietWithin = 90 * time.Second
)

// patience is how long things may take to become quiet.
func (w *world) patience() time.Duration {
	if w.options.Full {
		return 6 * quietWithin
	}
	return quietWithin
}

// until looks again and again whether something is so.
func until(ctx context.Context, patience time.Duration, what string, so func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		yes, err := so(ctx)
		if yes && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("wait until %s: %w", what, err)
			}
			return fmt.Errorf("%s: not within %s", what, patience)
		case <-tick.C:
		}
	}
}

// quiet ends all faults and returns when every event has been taken and every
// subject is synced. Stripe's pauses between attempts are shortened by moving the
// clock, a little at a time.
func (w *world) quiet(ctx context.Context) error {
	if err := w.sim.Inject(w.seed); err != nil {
		return err
	}
	if !w.allowed.undelivered {
		if err := w.delivered(ctx); err != nil {
			return err
		}
	}
	return w.synced(ctx)
}

// delivered waits until Stripe has nothing left to deliver.
func (w *world) delivered(ctx context.Context) error {
	return until(ctx, w.patience(), "every event is delivered", func(ctx context.Context) (bool, error) {
		if err := w.sim.WaitQuiet(ctx); err != nil {
			return false, err
		}
		if w.sim.Undelivered() == 0 {
			return true, nil
		}
		return false, w.advance(time.Minute)
	})
}

// synced waits until no subject is owed a sync, and Stripe no errand. Settle passes are
// not waited for.
func (w *world) synced(ctx context.Context) error {
	return until(ctx, w.patience(), "every subject is synced and every errand done", func(ctx context.Context) (bool, error) {
		owed, err := w.owed(ctx)
		return owed == 0, err
	})
}

func (w *world) owed(ctx context.Context) (n int, err error) {
	err = w.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM sync_subjects WHERE (dirty > synced OR lease_token IS NOT NULL) AND dead_at IS NULL)
		+ (SELECT count(*) FROM errands WHERE status = 'owed')`).Scan(&n)
	return n, err
}

// advance moves the clock, and lets Stripe live through what was due meanwhile.
func (w *world) advance(by time.Duration) error {
	if err := errors.Join(w.clock.Advance(by), w.theirs.Advance(by)); err != nil {
		return err
	}
	w.sim.RunDue()
	return nil
}
