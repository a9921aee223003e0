package billing

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// claimed is what a claim writes, holding what its worker needs, free what no
// worker has and owed and settle what one should take. What is of Stripe's other mode
// waits for a key of that mode: ours would be told that there is no such customer.
const (
	claimed = `lease_token = @token, lease_until = @until, claimed = dirty, attempts = attempts + 1`
	holding = `id, account, livemode, kind, dirty, claimed, synced, lease_token, attempts, failing_since`
	free    = `livemode = @livemode AND dead_at IS NULL AND (lease_until IS NULL OR lease_until <= @now)`
	owed    = `SELECT id FROM sync_subjects WHERE ` + free + ` AND dirty > synced AND next_at <= @now AND attempts <= @failures ORDER BY next_at`
	settle  = `SELECT id FROM sync_subjects WHERE ` + free + ` AND settle_at <= @now AND attempts <= @failures ORDER BY settle_at`
	one     = ` LIMIT 1 FOR UPDATE SKIP LOCKED`
)

// anyFailures lets a worker take whatever is due.
const anyFailures = math.MaxInt32

// claim takes one due subject that failed at most so often; nil when there is none.
// What is owed goes before a second look. It passes over rows that another worker or
// a delivery holds locked.
func (s *Service) claim(ctx context.Context, failures int) (*models.SyncSubject, error) {
	return s.claimBy(ctx, `UPDATE sync_subjects SET `+claimed+` WHERE id = coalesce((`+owed+one+`), (`+settle+one+`)) RETURNING `+holding,
		map[string]any{"failures": failures})
}

// claimThis takes the subject with that id; nil when there is nothing to do or a
// worker has it. It waits for a delivery that holds the row, and not for the
// back-off of an earlier failure: a reader is waiting.
func (s *Service) claimThis(ctx context.Context, id string) (*models.SyncSubject, error) {
	return s.claimBy(ctx, `UPDATE sync_subjects SET `+claimed+` WHERE id = @id AND `+free+` AND dirty > synced RETURNING `+holding,
		map[string]any{"id": id})
}

func (s *Service) claimBy(ctx context.Context, statement string, with map[string]any) (*models.SyncSubject, error) {
	ctx, done, err := s.claiming(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	now := s.real()
	with["token"], with["now"], with["until"], with["livemode"] = models.NewID(), now, now.Add(s.cfg.Lease), s.cfg.Livemode
	var rows []models.SyncSubject
	if err := s.db.WithContext(ctx).Raw(statement, with).Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("claim a subject: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// claiming is the context of a claim. One that has begun comes to its end whoever
// leaves meanwhile: a lease that nobody knows of would keep the subject from others.
func (s *Service) claiming(ctx context.Context) (context.Context, func(), error) {
	leave := s.atDesk(ctx)
	if err := ctx.Err(); err != nil {
		leave()
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Lease)
	return ctx, func() { cancel(); leave() }, nil
}

// fence locks the subject and checks that the lease is still this worker's.
func fence(tx *gorm.DB, subject models.SyncSubject) error {
	var row models.SyncSubject
	err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id = ?", subject.ID).Take(&row).Error
	if err != nil {
		return fmt.Errorf("lock subject %s: %w", subject.ID, err)
	}
	if row.LeaseToken == nil || *row.LeaseToken != *subject.LeaseToken {
		return errLeaseLost
	}
	return nil
}

// release records the sync and gives the subject back. What became dirty during
// the sync stays due, because synced rises only to what was claimed, and goes behind
// everybody who waits: a burst of events about one reader is fetched few times.
func (s *Service) release(tx *gorm.DB, subject models.SyncSubject) error {
	now := s.real()
	var settle *time.Time
	if subject.Dirty > subject.Synced { // driven by an event, not a settle pass
		at := now.Add(settleAfter)
		settle = &at
	}
	return tx.Model(&models.SyncSubject{}).Where("id = ?", subject.ID).Updates(map[string]any{
		"synced": subject.Claimed, "lease_token": nil, "lease_until": nil, "attempts": 0, "failing_since": nil,
		"settle_at": settle, "last_error": "", "synced_at": now, "next_at": now,
	}).Error
}

// giveBack returns a subject whose sync was stopped by no fault of its own: the
// process ends, or Stripe has no room just now.
func (s *Service) giveBack(ctx context.Context, subject models.SyncSubject) error {
	return s.handBack(ctx, subject, func(*gorm.DB) (map[string]any, error) {
		return map[string]any{"attempts": subject.Attempts - 1, "next_at": s.real()}, nil
	})
}

// deadAfter is how long a subject is tried. What failed for a day fails for a reason
// that somebody must look at.
const deadAfter = 24 * time.Hour

// postpone plans the next try of a subject that failed, or gives it up: true. Whoever
// wakes it then, gives it another day.
func (s *Service) postpone(ctx context.Context, subject models.SyncSubject, cause error) (died bool, err error) {
	now := s.real()
	err = s.handBack(ctx, subject, func(tx *gorm.DB) (map[string]any, error) {
		hopeless, err := s.hopeless(tx, subject, cause)
		if died = hopeless; died {
			return map[string]any{"dead_at": now, "attempts": 0, "failing_since": nil, "next_at": now, "last_error": fault(cause)}, err
		}
		since := subject.FailingSince
		if since == nil {
			since = &now
		}
		return map[string]any{"failing_since": since, "next_at": now.Add(backoff(subject.Attempts)), "last_error": fault(cause)}, err
	})
	return died, err
}

// handBack ends the lease with these columns, if it is still this worker's. A settle
// pass that did not come to its end is owed.
func (s *Service) handBack(ctx context.Context, subject models.SyncSubject, with func(*gorm.DB) (map[string]any, error)) error {
	defer s.atDesk(ctx)()
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		columns, err := with(tx)
		if err != nil {
			return err
		}
		columns["lease_token"], columns["lease_until"], columns["settle_at"] = nil, nil, nil
		columns["dirty"] = gorm.Expr("greatest(dirty, synced + 1)")
		return tx.Model(&models.SyncSubject{}).Where("id = ? AND lease_token = ?", subject.ID, subject.LeaseToken).Updates(columns).Error
	})
}

// hopeless says whether a subject failed for long enough, and is itself at fault: of
// failures that may be everybody's only those count during which somebody else was
// synced.
func (s *Service) hopeless(tx *gorm.DB, subject models.SyncSubject, cause error) (bool, error) {
	now := s.real()
	if subject.FailingSince == nil || now.Sub(*subject.FailingSince) < deadAfter {
		return false, nil
	}
	if !outage(cause) {
		return true, nil
	}
	var others bool
	err := tx.Raw("SELECT EXISTS (SELECT FROM sync_subjects WHERE synced_at > ? AND id <> ?)", now.Add(-time.Hour), subject.ID).Scan(&others).Error
	if err != nil {
		return false, fmt.Errorf("look whether others were synced: %w", err)
	}
	return others, nil
}

// backoff doubles from one second to an hour, with a quarter of jitter so that the
// subjects of one outage do not come back in step.
func backoff(attempts int) time.Duration {
	wait := time.Second << min(max(attempts-1, 0), 12)
	wait = min(wait, time.Hour)
	return wait - wait/8 + rand.N(wait/4)
}
