package billing

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// reasonMerged is why grants changed hands, and why sessions ended.
const reasonMerged = "merged"

// owned are the tables whose rows are a member's and become another's as they are.
// Grants move one by one, with an event each; what tells of the past stays.
var owned = []string{"customers", "checkout_intents", "donations", "payments", "errands"}

func moveBooks(tx *gorm.DB, from, into uuid.UUID) error {
	for _, table := range owned {
		if err := tx.Exec("UPDATE "+table+" SET member_id = ? WHERE member_id = ?", into, from).Error; err != nil {
			return fmt.Errorf("move the %s of member %s: %w", table, from, err)
		}
	}
	return nil
}

// moveGrants gives one member's grants to another. What both were given alike stays: it
// would give nothing more.
func (s *Service) moveGrants(tx *gorm.DB, from, into uuid.UUID) error {
	var all []models.Grant
	err := tx.Where(`member_id = ? AND NOT EXISTS (SELECT FROM grants twin WHERE twin.member_id = ?
		AND (twin.source, twin.source_ref, twin.part) = (grants.source, grants.source_ref, grants.part))`, from, into).Order("id").Find(&all).Error
	if err != nil {
		return fmt.Errorf("load the grants of member %s: %w", from, err)
	}
	for _, g := range all {
		g.MemberID, g.RecordedAt = into, following(g.RecordedAt, s.clock())
		if err := tx.Save(&g).Error; err != nil {
			return fmt.Errorf("move grant %s: %w", g.ID, err)
		}
		if err := s.record(tx, g, models.Changed, reasonMerged); err != nil {
			return err
		}
	}
	return nil
}

// dissolve leaves a member without an address, and ends its sessions, the tokens that were
// signed for it and its wishes for another address. Who had been merged into it is part of
// the other, too.
func (s *Service) dissolve(tx *gorm.DB, from, into uuid.UUID) error {
	now := s.clock()
	for _, statement := range []string{
		`UPDATE members SET merged_into = @into, merged_at = @now, updated_at = @now, entitlement_version = entitlement_version + 1,
			provisional_email = coalesce(provisional_email, email), email = NULL WHERE id = @from`,
		`UPDATE members SET merged_into = @into WHERE merged_into = @from`,
		`UPDATE address_changes SET undone_at = @now WHERE member_id = @from AND undone_at IS NULL`,
	} {
		if err := tx.Exec(statement, map[string]any{"from": from, "into": into, "now": now}).Error; err != nil {
			return fmt.Errorf("dissolve member %s: %w", from, err)
		}
	}
	if err := models.RevokeAccess(tx, from, now); err != nil {
		return err
	}
	return models.EndSessions(tx, reasonMerged, now, "member_id = ?", from)
}
