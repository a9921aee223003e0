package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"newsroom.example/membership/models"
)

// openChange is true of a wish that was mailed, is in time, neither done nor stopped,
// and the member's newest.
const openChange = `NOT limited AND ` + looksOpen

// looksOpen is openChange as far as whoever asked may know.
const looksOpen = `done_at IS NULL AND undone_at IS NULL AND expires_at > @now AND NOT EXISTS (
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
// the session that asked. The try is counted before the code is looked at. A wish that
// was never mailed has no good code, and answers like any other.
func (s *Service) ConfirmAddressCode(ctx context.Context, v Visitor, code, ip string) (AddressLink, error) {
	if err := s.mayGuess(ctx, ip); err != nil {
		return AddressLink{}, err
	}
	var tried []models.AddressChange
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Raw(`UPDATE address_changes SET tries = tries + 1 WHERE session_id = @session AND tries < @tries AND `+looksOpen+` RETURNING *`,
			map[string]any{"session": v.Session.ID, "tries": maxTries, "now": s.now()}).Scan(&tried).Error
	})
	i := slices.IndexFunc(tried, func(c models.AddressChange) bool {
		return !c.Limited && subtle.ConstantTimeCompare([]byte(typedCode(code)), []byte(s.pepper.addressCode(c))) == 1
	})
	switch {
	case err != nil:
		return AddressLink{}, fmt.Errorf("count a try: %w", err)
	case len(tried) == 0:
		return AddressLink{}, errAddressOver
	case i < 0:
		return AddressLink{}, errCodeWrong
	}
	return s.confirmAddress(ctx, tried[i], AddressNew)
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
		if err := models.EndSessions(tx, revokedByAddress, now, "member_id = ? AND id <> ?", c.MemberID, c.SessionID); err != nil {
			return err
		}
		return tx.Exec(`UPDATE address_changes SET done_at = ? WHERE id = ?`, now, c.ID).Error
	})
	return link, err
}

// moveMember gives the member the address, which a mailbox has just proven.
func (s *Service) moveMember(ctx context.Context, tx *gorm.DB, c models.AddressChange, to, action string) error {
	now := s.now()
	err := tx.Exec(`UPDATE members SET email = ?, provisional_email = NULL, email_verified_at = ?, updated_at = ? WHERE id = ?`,
		to, now, now, c.MemberID).Error
	if models.Violates(err, "members_email") {
		return errAddressTaken
	}
	if err != nil {
		return fmt.Errorf("change the address of member %s: %w", c.MemberID, err)
	}
	if err := auditAddress(tx, c, c.MemberID, action, now); err != nil || s.follow == nil {
		return err
	}
	return s.follow(ctx, tx, c.MemberID)
}

func auditAddress(tx *gorm.DB, c models.AddressChange, member uuid.UUID, action string, now time.Time) error {
	return models.Audit(tx, models.AuditEntry{
		At: now, Actor: "reader", Action: action, Subject: c.ID.String(), MemberID: &member, Reason: "confirmed by mail",
	})
}

// lockMember is the first lock of every write that changes who a member is.
func lockMember(ctx context.Context, tx *gorm.DB, id uuid.UUID) (models.Member, error) {
	m, err := gorm.G[models.Member](tx, clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Take(ctx)
	if err != nil {
		return m, fmt.Errorf("lock member %s: %w", id, err)
	}
	return m, nil
}
