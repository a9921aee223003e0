package models

import (
	"time"

	"github.com/google/uuid"
)

// SignInLimit is what is left of an hour's budget of tries: all that was spent before
// is given back at UsedUntil. Key is an HMAC and names nobody. Sign-ins were counted
// first; package limits keeps all budgets here.
type SignInLimit struct {
	Key       []byte    `gorm:"type:bytea;primaryKey"`
	UsedUntil time.Time `gorm:"type:timestamptz;not null"`
}

// AddressChange is a member's wish to have another address. It is done once both
// addresses have confirmed it before ExpiresAt; until UndoUntil the old one can stop
// it, or take it back.
type AddressChange struct {
	ID             uuid.UUID  `gorm:"type:uuid;primaryKey"`
	MemberID       uuid.UUID  `gorm:"type:uuid;not null"`
	SessionID      uuid.UUID  `gorm:"type:uuid;not null"`
	OldEmail       string     `gorm:"type:text;not null"`
	NewEmail       string     `gorm:"type:text;not null"`
	Seed           []byte     `gorm:"type:bytea;not null"`
	Tries          int        `gorm:"type:integer;not null;default:0"`
	Limited        bool       `gorm:"type:boolean;not null"`
	Locale         string     `gorm:"type:text;not null"`
	CreatedAt      time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	ExpiresAt      time.Time  `gorm:"type:timestamptz;not null"`
	UndoUntil      time.Time  `gorm:"type:timestamptz;not null"`
	OldConfirmedAt *time.Time `gorm:"type:timestamptz"`
	NewConfirmedAt *time.Time `gorm:"type:timestamptz"`
	DoneAt         *time.Time `gorm:"type:timestamptz"`
	UndoneAt       *time.Time `gorm:"type:timestamptz"`
}
