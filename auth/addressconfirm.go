package auth

import (
	"context"
	"crypto/subtle"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"newsroom.example/membership/models"
)

// openChange is true of a wish that was mailed, is in time, neither done nor stopped,
// and the member's newest.
const openChange = `NOT limited AND done_at IS NULL AND undone_at IS NULL AND expires_at > @now AND NOT EXISTS (
	SELECT FROM address_changes AS newer WHERE newer.member_id = address_changes.member_id AND NOT newer.limited
	AND (newer.created_at, newer.id) > (address_changes.created_at, address_changes.id))`

// FollowAddressLink takes the step that the link is for. Any browser may: the mailbox
// is the proof. The error is an *Error when the link is not good, or another member
// has the address.
func (s *Service) FollowAddressLink(ctx context.Context, token string) (AddressLink, error) {
	c, step, err := s.addressStep(ctx, token)
	if err != nil {
		return AddressLink{}, err
	}
	if step == AddressUndo {
		return s.undoAddress(ctx, c)
	}
	return s.confirmAddress(ctx, c, step)
}

// ConfirmAddressCode does for the new address what its link does, for a code typed into
// the session that asked. The try is counted before the code is looked at.
func (s *Service) ConfirmAddressCode(ctx context.Context, v Visitor, code, ip string) (AddressLink, error) {
	if err := s.mayGuess(ctx, ip); err != nil {
		return AddressLink{}, err
	}
	var tried []models.AddressChange
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`UPDATE address_changes SET tries = tries + 1 WHERE session_id = @session AND tries < @tries AND `+openChange+` RETURNING *`,
			map[string]any{"session": v.Session.ID, "tries": maxTries, "now": s.now()}).Scan(&tried).Error
	})
	switch {
	case err != nil:
		return AddressLink{}, fmt.Errorf("count a try: %w", err)
	case len(tried) == 0:
		return AddressLink{}, errAddressOver
	case subtle.ConstantTimeCompare([]byte(typedCode(code)), []byte(s.pepper.addressCode(tried[0]))) != 1:
		return AddressLink{}, errCodeWrong
	}
	return s.confirmAddress(ctx, tried[0], AddressNew)
}

// confirmAddress notes what one mailbox says, and changes the address once both have
// spoken.
func (s *Service) confirmAddress(ctx context.Context, c models.AddressChange, step AddressStep) (AddressLink, error) {
	now := s.now()
	column := map[AddressStep]string{AddressNew: "new_confirmed_at", AddressOld: "old_confirmed_at"}[step]
	link := AddressLink{Step: step, Old: c.OldEmail, New: c.NewEmail}
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		member, err := lockMember(ctx, tx, c.MemberID)
		if err != nil {
			return err
		}
		var noted []models.AddressChange
		err = tx.Raw(`UPDATE address_changes SET `+column+` = coalesce(`+column+`, @now) WHERE id = @id AND `+openChange+` RETURNING *`,
			map[string]any{"id": c.ID, "now": now}).Scan(&noted).Error
		if err != nil {
			return fmt.Errorf("confirm change of address %s: %w", c.ID, err)
		}
		if len(noted) == 0 || member.Address() != c.OldEmail {
			return errAddressOver
		}
		if link.Done = noted[0].OldConfirmedAt != nil && noted[0].NewConfirmedAt != nil; !link.Done {
			return nil
		}
		if err := s.moveMember(ctx, tx, c, c.NewEmail, "address.changed"); err != nil {
			return err
		}
		// Whoever asked has both mailboxes; nobody else stays.
		if err := endSessions(tx, revokedByAddress, now, "member_id = ? AND id <> ?", c.MemberID, c.SessionID); err != nil {
			return err
		}
		return tx.Exec(`UPDATE address_changes SET done_at = ? WHERE id = ?`, now, c.ID).Error
	})
	return link, err
}

// undoAddress stops the change, or takes it back, and ends every session of the member:
// one of them asked for what its owner did not want.
func (s *Service) undoAddress(ctx context.Context, c models.AddressChange) (AddressLink, error) {
	now := s.now()
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		member, err := lockMember(ctx, tx, c.MemberID)
		if err != nil {
			return err
		}
		var undone []models.AddressChange
		err = tx.Raw(`UPDATE address_changes SET undone_at = @now WHERE id = @id AND undone_at IS NULL AND undo_until > @now RETURNING *`,
			map[string]any{"id": c.ID, "now": now}).Scan(&undone).Error
		if err != nil {
			return fmt.Errorf("undo change of address %s: %w", c.ID, err)
		}
		if len(undone) == 0 {
			return errAddressOver
		}
		if undone[0].DoneAt != nil && member.Address() == c.NewEmail {
			if err := s.moveMember(ctx, tx, c, c.OldEmail, "address.undone"); err != nil {
				return err
			}
		}
		return endSessions(tx, revokedByAddress, now, "member_id = ?", c.MemberID)
	})
	return AddressLink{Step: AddressUndo, Old: c.OldEmail, New: c.NewEmail, Done: err == nil}, err
}

// moveMember gives the member the address, which a mailbox has just proven.
func (s *Service) moveMember(ctx context.Context, tx *gorm.DB, c models.AddressChange, to, action string) error {
	now := s.now()
	err := tx.Exec(`UPDATE members SET email = ?, email_verified_at = ?, updated_at = ? WHERE id = ?`, to, now, now, c.MemberID).Error
	if models.Violates(err, "members_email") {
		return errAddressTaken
	}
	if err != nil {
		return fmt.Errorf("change the address of member %s: %w", c.MemberID, err)
	}
	err = models.Audit(tx, models.AuditEntry{
		At: now, Actor: "reader", Action: action, Subject: c.ID.String(), MemberID: &c.MemberID, Reason: "confirmed by mail",
	})
	if err != nil || s.follow == nil {
		return err
	}
	return s.follow(ctx, tx, c.MemberID)
}

// lockMember is the first lock of every write that changes who a member is.
func lockMember(ctx context.Context, tx *gorm.DB, id uuid.UUID) (models.Member, error) {
	m, err := gorm.G[models.Member](tx, clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Take(ctx)
	if err != nil {
		return m, fmt.Errorf("lock member %s: %w", id, err)
	}
	return m, nil
}
