package models

import (
	"fmt"
	"time"

	"gorm.io/gorm"
)

// MarkDirty notes that something about a subject changed at Stripe; real is when,
// by the wall clock. It returns the subject's dirty count, this change included. A
// dead subject wakes up; telling a worker is the caller's.
func MarkDirty(tx *gorm.DB, subject SyncSubject, real time.Time) (int64, error) {
	var dirty int64
	err := tx.Raw(`
		INSERT INTO sync_subjects (id, account, livemode, kind, dirty, next_at)
		VALUES (@id, @account, @livemode, @kind, 1, @real)
		ON CONFLICT (id) DO UPDATE SET dirty = sync_subjects.dirty + 1, dead_at = NULL
		RETURNING dirty`,
		map[string]any{"id": subject.ID, "account": subject.Account, "livemode": subject.Livemode, "kind": subject.Kind, "real": real}).Scan(&dirty).Error
	if err != nil {
		return 0, fmt.Errorf("mark subject %s dirty: %w", subject.ID, err)
	}
	return dirty, nil
}
