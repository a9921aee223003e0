package billing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"newsroom.example/membership/models"
)

// sweepTries is how often in a row a page may fail before Sweep gives up.
const sweepTries = 5

// Sweep runs one sweep now, to its end, and returns how it stands then. A pass that is
// under way, cut off earlier or being worked by the service, is gone on with; a since
// begins one anew from there. Where it is cut off, the next one takes it up. told hears
// of every page that it turns.
func (s *Service) Sweep(ctx context.Context, name models.SweepName, since *time.Time, told func(models.Sweep)) (models.Sweep, error) {
	ctx = asWorker(ctx)
	if err := s.plantSweeps(ctx); err != nil {
		return models.Sweep{}, err
	}
	if since != nil {
		if err := s.restartSweep(ctx, models.Sweep{Name: name, Since: since}); err != nil {
			return models.Sweep{}, fmt.Errorf("begin the sweep of %s anew: %w", name, err)
		}
	}
	first, err := s.sweepNow(ctx, name)
	for row := first; err == nil && row.Passes == first.Passes; {
		if err := ctx.Err(); err != nil {
			return row, err
		}
		if row, err = s.turnOrWait(ctx, row); err == nil {
			told(row)
		}
		if err != nil || row.Passes > first.Passes {
			return row, err
		}
	}
	return first, err
}

// turnOrWait turns the sweep's next page, or waits a little for whoever does.
func (s *Service) turnOrWait(ctx context.Context, row models.Sweep) (models.Sweep, error) {
	mine, err := s.claimSweep(ctx, fmt.Sprintf("name = @name AND passes = %d", row.Passes), row.Name)
	if err != nil {
		return row, err
	}
	if mine == nil {
		pause(ctx, lookEvery)
		return s.sweepNow(ctx, row.Name)
	}
	after, err := s.turn(ctx, *mine)
	if errors.Is(err, errLeaseLost) {
		return row, nil // somebody began the pass anew, or took it over
	}
	if err != nil && outage(&farError{err}) && ctx.Err() == nil && mine.Attempts < sweepTries {
		pause(ctx, backoff(mine.Attempts))
		return row, nil
	}
	return after, tellable("sweep "+string(row.Name), err)
}

// sweepNow is where a sweep stands.
func (s *Service) sweepNow(ctx context.Context, name models.SweepName) (models.Sweep, error) {
	var row models.Sweep
	err := s.db.WithContext(ctx).Where("name = ? AND livemode = ?", name, s.cfg.Livemode).Take(&row).Error
	if err != nil {
		return row, fmt.Errorf("load the sweep of %s: %w", name, err)
	}
	return row, nil
}

// SyncDue works the sync lane until nothing is due, beside whoever else works it: the
// leases keep them apart, so that it does not matter whether the service runs. It
// returns how many subjects it synced itself, and how many wait for another try.
func (s *Service) SyncDue(ctx context.Context, told func(synced int64)) (synced, failing int64, err error) {
	ctx = asWorker(ctx)
	var done atomic.Int64
	for {
		var workers sync.WaitGroup
		for range s.cfg.Workers {
			workers.Go(func() { s.syncSome(asWorker(ctx), &done, told) })
		}
		workers.Wait()
		if err := ctx.Err(); err != nil {
			return done.Load(), 0, err
		}
		elsewhere, waiting, err := s.lane(ctx)
		if err != nil || !elsewhere {
			return done.Load(), waiting, err
		}
		pause(ctx, lookEvery)
	}
}

func (s *Service) syncSome(ctx context.Context, done *atomic.Int64, told func(synced int64)) {
	for ctx.Err() == nil {
		worked, _ := s.breaker.Execute(func() (bool, error) { return s.workOne(ctx, anyFailures) })
		if !worked {
			return
		}
		told(done.Add(1))
	}
}

// lane says whether anything is due or being synced now, and counts what waits for
// another try. What is due is not counted: it may be a million, and others work on it. By the
// order Postgres finds it in the index, where EXISTS would go through the whole table.
func (s *Service) lane(ctx context.Context) (now bool, waiting int64, err error) {
	const undone = `FROM sync_subjects WHERE livemode = @livemode AND dirty > synced AND dead_at IS NULL AND next_at`
	var row struct {
		Now     bool
		Waiting int64
	}
	err = s.db.WithContext(ctx).Raw(`SELECT coalesce((SELECT true `+undone+` <= @now ORDER BY next_at LIMIT 1), false) AS now,
		(SELECT count(*) `+undone+` > @now) AS waiting`,
		map[string]any{"livemode": s.cfg.Livemode, "now": s.real()}).Scan(&row).Error
	if err != nil {
		return false, 0, fmt.Errorf("look what is to be synced: %w", err)
	}
	return row.Now, row.Waiting, nil
}
