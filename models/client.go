package models

import (
	"time"

	"github.com/google/uuid"
)

// Client is an article service on a domain of its own: no cookie of ours reaches it, so
// that it exchanges codes for its readers' tokens. Audience is the origin that the
// tokens are for, Callback the one address there that codes are sent to. Of its secrets
// there are hashes alone; the old one is good until OldSecretUntil.
type Client struct {
	ID             uuid.UUID  `gorm:"type:uuid;primaryKey"`
	Name           string     `gorm:"type:text;not null"`
	Audience       string     `gorm:"type:text;not null"`
	Callback       string     `gorm:"type:text;not null"`
	SecretHash     []byte     `gorm:"type:bytea;not null"`
	OldSecretHash  []byte     `gorm:"type:bytea"`
	OldSecretUntil *time.Time `gorm:"type:timestamptz"`
	CreatedAt      time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	RevokedAt      *time.Time `gorm:"type:timestamptz"`
}

// ClientCode is what a reader carries from us to a client, which exchanges it, once,
// for a token of the session. Challenge is the hash of a secret that stays in the
// reader's browser and with the client (RFC 7636, S256).
type ClientCode struct {
	Hash       []byte     `gorm:"type:bytea;primaryKey"`
	ClientID   uuid.UUID  `gorm:"type:uuid;not null"`
	SessionID  uuid.UUID  `gorm:"type:uuid;not null"`
	Challenge  string     `gorm:"type:text;not null"`
	CreatedAt  time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	ExpiresAt  time.Time  `gorm:"type:timestamptz;not null"`
	UsedAt     *time.Time `gorm:"type:timestamptz"`
	ReplayedAt *time.Time `gorm:"type:timestamptz"`
}
