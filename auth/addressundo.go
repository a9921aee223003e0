package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"newsroom.example/membership/models"
)

// undoAddress stops the change, or takes it back, and ends every session of the member:
// one of them asked for what its owner did not want.
func (s *Service) undoAddress(ctx context.Context, c models.AddressChange) (AddressLink, error) {
	now := s.now()
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		if err := lockOwners(tx, c); err != nil {
			return err
		}
		var undone []models.AddressChange
		err := tx.Raw(`UPDATE address_changes SET undone_at = @now WHERE id = @id AND undone_at IS NULL AND undo_until > @now RETURNING *`,
			map[string]any{"id": c.ID, "now": now}).Scan(&undone).Error
		if err != nil {
			return fmt.Errorf("undo change of address %s: %w", c.ID, err)
		}
		if len(undone) == 0 {
			return errAddressOver
		}
		if undone[0].DoneAt != nil {
			if err := s.takeBack(ctx, tx, c, now); err != nil {
				return err
			}
		}
		return models.EndSessions(tx, revokedByAddress, now, "member_id = ?", c.MemberID)
	})
	return AddressLink{Step: AddressUndo, Old: c.OldEmail, New: c.NewEmail, Done: err == nil}, err
}

// lockOwners locks the member, and whoever has their old address by now, in the order of
// their ids: whoever locks several members at once does so in that order.
func lockOwners(tx *gorm.DB, c models.AddressChange) error {
	if err := tx.Exec(`SELECT FROM members WHERE id = ? OR email = ? ORDER BY id FOR UPDATE`, c.MemberID, c.OldEmail).Error; err != nil {
		return fmt.Errorf("lock the members of change of address %s: %w", c.ID, err)
	}
	return nil
}

// takeBack gives the member the old address again, whatever came after the change.
// Changes that were made since rest on this one, and are undone with it: a thief would
// only have to move on once more.
func (s *Service) takeBack(ctx context.Context, tx *gorm.DB, c models.AddressChange, now time.Time) error {
	err := tx.Exec(`UPDATE address_changes SET undone_at = @now WHERE member_id = @member AND undone_at IS NULL AND (created_at, id) > (@since, @id)`,
		map[string]any{"now": now, "member": c.MemberID, "since": c.CreatedAt, "id": c.ID}).Error
	if err != nil {
		return fmt.Errorf("undo the changes after change of address %s: %w", c.ID, err)
	}
	if err := makeWay(tx, c, now); err != nil {
		return err
	}
	return s.moveMember(ctx, tx, c, c.OldEmail, "address.undone")
}

// makeWay takes the old address from whoever has it now. Where its owner finds their
// account gone they sign in first, which makes a member of the address; and a thief can
// do the same, or pay under it, to have the taking back refused. That member keeps what
// was bought, as a provisional one does.
func makeWay(tx *gorm.DB, c models.AddressChange, now time.Time) error {
	var moved []uuid.UUID
	err := tx.Raw(`UPDATE members SET email = NULL, provisional_email = email, email_verified_at = NULL, updated_at = @now
		WHERE email = @email AND id <> @member RETURNING id`,
		map[string]any{"now": now, "email": c.OldEmail, "member": c.MemberID}).Scan(&moved).Error
	if err != nil {
		return fmt.Errorf("make way for change of address %s: %w", c.ID, err)
	}
	for _, other := range moved {
		if err := auditAddress(tx, c, other, "address.yielded", now); err != nil {
			return err
		}
		if err := models.EndSessions(tx, revokedByAddress, now, "member_id = ?", other); err != nil {
			return err
		}
	}
	return nil
}
