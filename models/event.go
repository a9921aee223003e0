package models

import (
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// EventProcessed says whether an event came before and nothing is left to do for
// it: it has no subject, or its subject was synced since.
func EventProcessed(tx *gorm.DB, id string) (bool, error) {
	var processed []bool
	err := tx.Raw(`
		SELECT coalesce(s.synced >= e.dirty, true) FROM stripe_events e
		LEFT JOIN sync_subjects s ON s.id = e.subject_id WHERE e.id = ?`, id).Scan(&processed).Error
	if err != nil {
		return false, fmt.Errorf("look for event %s: %w", id, err)
	}
	return len(processed) == 1 && processed[0], nil
}

// KeepEvent stores an event once; of a redelivery only the dirty count is new.
func KeepEvent(tx *gorm.DB, event StripeEvent) error {
	err := tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"dirty"}),
	}).Create(&event).Error
	if err != nil {
		return fmt.Errorf("keep event %s: %w", event.ID, err)
	}
	return nil
}
