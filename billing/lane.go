package billing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// The sync lane: webhooks mark a subject dirty; a worker claims it, asks Stripe
// for its present state with no transaction open, and applies the answer in one
// short transaction that is fenced by the lease. Claim before asking: otherwise a
// slow "active" could land after a quick "canceled" and reopen the archive.

const (
	// lease is how long a worker may take before another may claim its subject.
	lease = 30 * time.Second
	// fetchDeadline leaves time to apply within the lease.
	fetchDeadline = 20 * time.Second
	// settleAfter is when a subject is looked at once more, in case a read at
	// Stripe lagged its event.
	settleAfter = 2 * time.Minute
	// pollEvery finds work whose wake-up was lost.
	pollEvery   = time.Second
	laneWorkers = 4
)

// errLeaseLost says that another worker has claimed the subject meanwhile: what
// this one fetched is stale and was not written.
var errLeaseLost = errors.New("the lease on this subject was lost")

// Wake hints that a subject became dirty. It never blocks; a lost hint costs one
// poll.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run works the sync lane and the sweeps until ctx ends, and returns when every sync
// under way has ended.
func (s *Service) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range laneWorkers {
		workers.Go(func() { s.work(ctx) })
	}
	workers.Go(func() { s.sweepOn(ctx) })
	workers.Wait()
	return nil
}

func (s *Service) work(ctx context.Context) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for ctx.Err() == nil {
		subject, err := s.claim(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "could not claim a sync subject", "error", err)
		}
		if subject != nil {
			s.Wake() // where one is, others may be: let a second worker look
			s.syncClaimed(ctx, *subject)
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-poll.C:
		}
	}
}

// syncClaimed brings one subject up to date, or plans when to try again.
func (s *Service) syncClaimed(ctx context.Context, subject models.SyncSubject) {
	err := s.syncOnce(ctx, subject)
	if err == nil || errors.Is(err, errLeaseLost) {
		return
	}
	s.log.WarnContext(ctx, "sync failed", "subject", subject.ID, "attempt", subject.Attempts, "error", fault(err))
	if err := s.postpone(context.WithoutCancel(ctx), subject, err); err != nil {
		s.log.ErrorContext(ctx, "could not postpone a sync", "subject", subject.ID, "error", err)
	}
}

func (s *Service) syncOnce(ctx context.Context, subject models.SyncSubject) error {
	fetching, cancel := context.WithTimeout(ctx, fetchDeadline)
	defer cancel()
	state, err := s.fetch(fetching, subject)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error { return s.apply(tx, subject, state) })
}

// fault is what may be kept and logged of an error: of Stripe's, its type and code
// and request, because its message may quote what a customer typed.
func fault(err error) string {
	var e *stripe.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("stripe: %s %s (HTTP %d, request %s)", e.Type, e.Code, e.HTTPStatusCode, e.RequestID)
	}
	return err.Error()
}

// patience is how long a reader's page waits for a sync that a worker is doing;
// lookEvery how often it looks.
const (
	patience  = 3 * time.Second
	lookEvery = 50 * time.Millisecond
)

// syncNow marks a subject dirty and syncs it here, or waits a little for the worker
// that has it just now.
func (s *Service) syncNow(ctx context.Context, subject models.SyncSubject) error {
	if err := s.markDirty(ctx, subject); err != nil {
		return err
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	ctx, cancel := context.WithTimeout(ctx, patience+fetchDeadline)
	defer cancel()
	for range int(patience / lookEvery) {
		mine, err := s.claimThis(ctx, subject.ID)
		if err != nil {
			return err
		}
		if mine != nil {
			s.syncClaimed(ctx, *mine)
			return nil
		}
		if clean, err := s.isClean(ctx, subject.ID); err != nil || clean {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
	return nil
}

// isClean says that somebody else did the work.
func (s *Service) isClean(ctx context.Context, id string) (bool, error) {
	var row models.SyncSubject
	if err := s.db.WithContext(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
		return false, fmt.Errorf("look at subject %s: %w", id, err)
	}
	return row.Dirty == row.Synced, nil
}

func (s *Service) markDirty(ctx context.Context, subjects ...models.SyncSubject) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		for _, subject := range subjects {
			if _, err := models.MarkDirty(tx, subject, s.real()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) subject(kind models.SubjectKind, id string) models.SyncSubject {
	return models.SyncSubject{ID: id, Kind: kind, Livemode: s.cfg.Livemode}
}

func parseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil
}
