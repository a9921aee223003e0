package auth

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

const (
	// keepAttempts is how long a link is remembered after its end, so that whoever
	// opens it late is told that it was used or is too old.
	keepAttempts = 24 * time.Hour
	// keepCodes is how long a client's code is remembered after its end, so that one
	// that comes twice is noticed.
	keepCodes  = time.Hour
	purgePage  = 1000
	purgeEvery = time.Minute
)

// purges delete what is of no use any more, a page at a time.
var purges = []struct {
	what, sql string
	keep      time.Duration
}{
	{"sign-in attempts", `DELETE FROM sign_in_attempts WHERE id IN (
		SELECT id FROM sign_in_attempts WHERE expires_at < @before ORDER BY expires_at LIMIT @page FOR UPDATE SKIP LOCKED)`, keepAttempts},
	{"limits", `DELETE FROM sign_in_limits WHERE key IN (
		SELECT key FROM sign_in_limits WHERE used_until < @before ORDER BY used_until LIMIT @page FOR UPDATE SKIP LOCKED)`, 0},
	{"address changes", `DELETE FROM address_changes WHERE id IN (
		SELECT id FROM address_changes WHERE undo_until < @before ORDER BY undo_until LIMIT @page FOR UPDATE SKIP LOCKED)`, keepAttempts},
	{"clients' codes", `DELETE FROM client_codes WHERE hash IN (
		SELECT hash FROM client_codes WHERE expires_at < @before ORDER BY expires_at LIMIT @page FOR UPDATE SKIP LOCKED)`, keepCodes},
	// The newest stays: the feed's sequence is known by it.
	{"revocations", `DELETE FROM revocations WHERE id IN (
		SELECT id FROM revocations WHERE until < @before AND id < (SELECT max(id) FROM revocations)
		ORDER BY until LIMIT @page FOR UPDATE SKIP LOCKED)`, 0},
}

// Run purges what is of no use any more every minute, until ctx ends. A failure is
// logged.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.purge(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "what is of no use any more not purged", "error", err)
		}
	}
}

// purge deletes all that is of no use any more. Any number of processes may do so at
// once; each page is a transaction.
func (s *Service) purge(ctx context.Context) error {
	for _, p := range purges {
		for deleted := int64(purgePage); deleted == purgePage; {
			err := s.db.Write(ctx, func(tx *gorm.DB) error {
				done := tx.Exec(p.sql, map[string]any{"before": s.now().Add(-p.keep), "page": purgePage})
				deleted = done.RowsAffected
				return done.Error
			})
			if err != nil {
				return fmt.Errorf("purge the %s: %w", p.what, err)
			}
		}
	}
	return nil
}
