package models

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
)

// TokenLife is how long an access token lives at most.
const TokenLife = 10 * time.Minute

// tokenDelay is how much later than what it says a token may be signed, and how much
// later than its end be accepted: a request may take its 25 s, a process's clock be
// behind another's, and article services forgive a few seconds.
const tokenDelay = 2 * time.Minute

// TokensDead is when the last token is dead that says what was so at now.
func TokensDead(now time.Time) time.Time { return now.Add(TokenLife + tokenDelay) }

// Revocation says that tokens are dead although they have not run out: either those
// of a member below an entitlement version, or those of a session. Rows are only ever
// added, and removed some time after Until.
type Revocation struct {
	ID        int64      `gorm:"type:bigint;primaryKey;autoIncrement:false"` // given by the database
	MemberID  *uuid.UUID `gorm:"type:uuid"`
	Version   *int64     `gorm:"type:bigint"`
	SessionID *uuid.UUID `gorm:"type:uuid"`
	Until     time.Time  `gorm:"type:timestamptz;not null"`
	CreatedAt time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
}

// RevokeAccess kills the tokens of a member that were signed before the member's
// present entitlement version. It belongs in the transaction that took something
// away, after the version was raised and under the member's lock: what is read
// before the commit has a lower version, what is read after it the access that is
// left.
func RevokeAccess(tx *gorm.DB, memberID uuid.UUID, now time.Time) error {
	err := tx.Exec(`INSERT INTO revocations (member_id, version, until, created_at)
		SELECT id, entitlement_version, ?, ? FROM members WHERE id = ?`, TokensDead(now), now, memberID).Error
	if err != nil {
		return fmt.Errorf("revoke the tokens of member %s: %w", memberID, err)
	}
	return nil
}

// RevokeSessions kills the tokens of sessions, in the transaction that ends them.
func RevokeSessions(tx *gorm.DB, sessions []uuid.UUID, now time.Time) error {
	for _, id := range sessions {
		err := tx.Exec(`INSERT INTO revocations (session_id, until, created_at) VALUES (?, ?, ?)`, id, TokensDead(now), now).Error
		if err != nil {
			return fmt.Errorf("revoke the tokens of session %s: %w", id, err)
		}
	}
	return nil
}

// EndSessions ends the sessions that the condition is true of, and the tokens that were
// signed for them. What has ended before keeps its reason.
func EndSessions(tx *gorm.DB, reason string, now time.Time, which string, args ...any) error {
	var ended []uuid.UUID
	err := tx.Raw(`UPDATE sessions SET revoked_at = ?, revoked_reason = ? WHERE revoked_at IS NULL AND `+which+` RETURNING id`,
		append([]any{now, reason}, args...)...).Scan(&ended).Error
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return RevokeSessions(tx, ended, now)
}
