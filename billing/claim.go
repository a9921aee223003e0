package billing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// claimed is what a claim writes, holding what its worker needs, free what no
// worker has and due what one should take.
const (
	claimed = `lease_token = @token, lease_until = @until, claimed = dirty, attempts = attempts + 1`
	holding = `id, account, livemode, kind, dirty, claimed, synced, lease_token, attempts`
	free    = `dead_at IS NULL AND (lease_until IS NULL OR lease_until <= @now)`
	due     = free + ` AND (dirty > synced AND next_at <= @now OR settle_at <= @now)`
)

// claim takes one due subject; nil when there is none. It passes over rows that
// another worker or a delivery holds locked.
func (s *Service) claim(ctx context.Context) (*models.SyncSubject, error) {
	return s.claimBy(ctx, `UPDATE sync_subjects SET `+claimed+` WHERE id = (
		SELECT id FROM sync_subjects WHERE `+due+` ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING `+holding, "")
}

// claimThis takes the subject with that id; nil when there is nothing to do or a
// worker has it. It waits for a delivery that holds the row, and not for the
// back-off of an earlier failure: a reader is waiting.
func (s *Service) claimThis(ctx context.Context, id string) (*models.SyncSubject, error) {
	return s.claimBy(ctx, `UPDATE sync_subjects SET `+claimed+` WHERE id = @id AND `+free+` AND dirty > synced RETURNING `+holding, id)
}

func (s *Service) claimBy(ctx context.Context, statement, id string) (*models.SyncSubject, error) {
	now := s.real()
	var rows []models.SyncSubject
	err := s.db.WithContext(ctx).Raw(statement,
		map[string]any{"token": models.NewID(), "until": now.Add(lease), "now": now, "id": id}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("claim a subject: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
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
// the sync stays due, because synced rises only to what was claimed.
func (s *Service) release(tx *gorm.DB, subject models.SyncSubject) error {
	var settle *time.Time
	if subject.Dirty > subject.Synced { // driven by an event, not a settle pass
		at := s.real().Add(settleAfter)
		settle = &at
	}
	return tx.Model(&models.SyncSubject{}).Where("id = ?", subject.ID).Updates(map[string]any{
		"synced": subject.Claimed, "lease_token": nil, "lease_until": nil, "attempts": 0,
		"settle_at": settle, "last_error": "", "synced_at": s.real(),
	}).Error
}

func (s *Service) postpone(ctx context.Context, subject models.SyncSubject, cause error) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.SyncSubject{}).Where("id = ? AND lease_token = ?", subject.ID, subject.LeaseToken).
			Updates(map[string]any{
				"lease_token": nil, "lease_until": nil, "settle_at": nil,
				"dirty":   gorm.Expr("greatest(dirty, synced + 1)"), // a failed settle pass is owed too
				"next_at": s.real().Add(backoff(subject.Attempts)), "last_error": fault(cause),
			}).Error
	})
}

// backoff doubles from one second to an hour, with a quarter of jitter so that the
// subjects of one outage do not come back in step.
func backoff(attempts int) time.Duration {
	wait := time.Second << min(max(attempts-1, 0), 12)
	wait = min(wait, time.Hour)
	return wait - wait/8 + rand.N(wait/4)
}
