package billing

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// plantSweeps makes the rows of sweeps that never ran; they are due at once.
func (s *Service) plantSweeps(ctx context.Context) error {
	var rows []models.Sweep
	for _, name := range Sweeps {
		rows = append(rows, models.Sweep{Name: name, Livemode: s.cfg.Livemode, NextAt: s.real(), Drift: models.Counts{}, DriftTotal: models.Counts{}})
	}
	if err := s.db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error; err != nil {
		return fmt.Errorf("plant the sweeps: %w", err)
	}
	return nil
}

// claimSweep takes a sweep that nobody holds and that fits the condition; nil for none.
func (s *Service) claimSweep(ctx context.Context, condition string, name models.SweepName) (*models.Sweep, error) {
	ctx, done, err := s.claiming(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	now := s.real()
	var rows []models.Sweep
	err = s.db.WithContext(ctx).Raw(`UPDATE sweeps SET lease_token = @token, lease_until = @until, attempts = attempts + 1
		WHERE livemode = @livemode AND name = (
			SELECT name FROM sweeps WHERE livemode = @livemode AND (lease_until IS NULL OR lease_until <= @now) AND `+condition+`
			ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *`,
		map[string]any{"token": models.NewID(), "until": now.Add(s.cfg.Lease), "now": now, "livemode": s.cfg.Livemode, "name": name}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("claim a sweep: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// fenceSweep locks the sweep and checks that the page is still this worker's to turn.
func fenceSweep(tx *gorm.DB, row models.Sweep) error {
	var now models.Sweep
	err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).
		Where("name = ? AND livemode = ?", row.Name, row.Livemode).Take(&now).Error
	if err != nil {
		return fmt.Errorf("lock the sweep of %s: %w", row.Name, err)
	}
	if now.LeaseToken == nil || *now.LeaseToken != *row.LeaseToken {
		return errLeaseLost
	}
	return nil
}

func saveSweep(tx *gorm.DB, row models.Sweep) error {
	err := tx.Model(&models.Sweep{}).Where("name = ? AND livemode = ?", row.Name, row.Livemode).
		Select("*").Omit("name", "livemode").Updates(row).Error
	if err != nil {
		return fmt.Errorf("move the sweep of %s on: %w", row.Name, err)
	}
	return nil
}

// longestSweepRest is how long a sweep waits at most after a failure: after an outage it
// is wanted most.
const longestSweepRest = time.Minute

// postponeSweep gives a sweep back whose page could not be turned. Its place stays.
func (s *Service) postponeSweep(ctx context.Context, row models.Sweep, cause error) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.Sweep{}).Where("name = ? AND livemode = ? AND lease_token = ?", row.Name, row.Livemode, row.LeaseToken).
			Updates(map[string]any{
				"lease_token": nil, "lease_until": nil, "last_error": fault(cause),
				"next_at": s.real().Add(min(backoff(row.Attempts), longestSweepRest)),
			}).Error
	})
}

// restartSweep begins a pass anew, from since on, whatever was under way.
func (s *Service) restartSweep(ctx context.Context, fresh models.Sweep) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.Sweep{}).Where("name = ? AND livemode = ?", fresh.Name, s.cfg.Livemode).
			Updates(map[string]any{
				"lease_token": nil, "lease_until": nil, "step": 0, "cursor": "", "since": fresh.Since, "reached": nil,
				"started_at": s.real(), "listed": 0, "drift": "{}",
			}).Error
	})
}
