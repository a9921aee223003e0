package billing

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// The sync lane: webhooks mark a subject dirty; a worker claims it, asks Stripe
// for its present state with no transaction open, and applies the answer in one
// short transaction that is fenced by the lease. Claim before asking: otherwise a
// slow "active" could land after a quick "canceled" and reopen the archive.

const (
	// settleAfter is when a subject is looked at once more, in case a read at
	// Stripe lagged its event.
	settleAfter = 2 * time.Minute
	// pollEvery finds work whose wake-up was lost.
	pollEvery = time.Second
)

// fetchDeadline leaves a third of the lease to apply what was fetched.
func (s *Service) fetchDeadline() time.Duration { return s.cfg.Lease * 2 / 3 }

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

// Run works the sync lane, the sweeps and the errands and watches the tills until ctx
// ends, and returns when every sync under way has ended. Half of the workers take only subjects that did not fail before, so
// that those on which Stripe's answers hang never have all of them.
func (s *Service) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for i := range s.cfg.Workers {
		failures := anyFailures
		if i >= (s.cfg.Workers+1)/2 {
			failures = 0
		}
		workers.Go(func() { s.work(asWorker(ctx), failures) })
	}
	workers.Go(func() { s.sweepOn(ctx) })
	workers.Go(func() { s.runErrands(asWorker(ctx)) })
	workers.Go(func() { s.keepFollowing(ctx) })
	workers.Go(func() { s.watchTills(ctx) })
	workers.Wait()
	return nil
}

func (s *Service) work(ctx context.Context, failures int) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for ctx.Err() == nil {
		worked, _ := s.breaker.Execute(func() (bool, error) { return s.workOne(ctx, failures) })
		if worked {
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-poll.C:
		}
	}
}

// workOne syncs one due subject, if there is one, and says what that told of Stripe's
// health.
func (s *Service) workOne(ctx context.Context, failures int) (worked bool, vote error) {
	subject, err := s.claim(ctx, failures)
	if err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "could not claim a sync subject", "error", err)
	}
	if subject == nil {
		return false, errNoVote
	}
	s.Wake() // where one is, others may be: let a second worker look
	failure := s.syncClaimed(ctx, *subject)
	if errors.Is(failure, errBusy) {
		pause(ctx, pauseAfter(nil)) // the pace says so at once: we would only claim and give back
	}
	return true, s.vote(*subject, failure)
}

// syncClaimed brings one subject up to date, or plans when to try again, and tells
// what went wrong.
func (s *Service) syncClaimed(ctx context.Context, subject models.SyncSubject) error {
	failure := s.syncOnce(ctx, subject)
	if failure == nil || errors.Is(failure, errLeaseLost) {
		return failure
	}
	after := context.WithoutCancel(ctx)
	if ctx.Err() != nil || errors.Is(failure, errBusy) {
		if err := s.giveBack(after, subject); err != nil {
			s.log.ErrorContext(ctx, "could not give a sync back", "subject", subject.ID, "error", err)
		}
		return failure
	}
	s.log.WarnContext(ctx, "sync failed", "subject", subject.ID, "attempt", subject.Attempts, "error", fault(failure))
	died, err := s.postpone(after, subject, failure)
	switch {
	case err != nil:
		s.log.ErrorContext(ctx, "could not postpone a sync", "subject", subject.ID, "error", err)
	case died:
		s.log.ErrorContext(ctx, "gave a sync up after a day of failures: see `membership events show`", "subject", subject.ID, "error", fault(failure))
	}
	return failure
}

func (s *Service) syncOnce(ctx context.Context, subject models.SyncSubject) error {
	fetching, cancel := context.WithTimeout(ctx, s.fetchDeadline())
	defer cancel()
	state, err := s.fetch(fetching, subject)
	if err != nil {
		return &farError{err}
	}
	defer s.atDesk(ctx)()
	return s.db.Write(ctx, func(tx *gorm.DB) error { return s.apply(tx, subject, state) })
}

// atDesk waits until a worker may use the database, and returns how to leave.
// Readers do not wait.
func (s *Service) atDesk(ctx context.Context) (leave func()) {
	if !isWorker(ctx) {
		return func() {}
	}
	s.desk <- struct{}{}
	return func() { <-s.desk }
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
	ctx, cancel := context.WithTimeout(ctx, patience+s.fetchDeadline())
	defer cancel()
	for range int(patience / lookEvery) {
		mine, err := s.claimThis(ctx, subject.ID)
		if err != nil {
			return err
		}
		if mine != nil {
			_ = s.syncClaimed(ctx, *mine) // has planned the next try: the page shows what is known
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
