package models

import (
	"time"

	"github.com/google/uuid"
)

// Member is a person we know: by a proven address, by one they claimed at
// Checkout, or (provisional) by a purchase under an address that another member
// owns.
type Member struct {
	ID                 uuid.UUID  `gorm:"type:uuid;primaryKey"`
	Email              *string    `gorm:"type:text"`
	EmailVerifiedAt    *time.Time `gorm:"type:timestamptz"`
	ProvisionalEmail   *string    `gorm:"type:text"`
	Name               string     `gorm:"type:text;not null"`
	Locale             string     `gorm:"type:text;not null"`
	EntitlementVersion int64      `gorm:"type:bigint;not null;default:0"`
	MergedInto         *uuid.UUID `gorm:"type:uuid"` // whose their purchases are now
	MergedAt           *time.Time `gorm:"type:timestamptz"`
	DisownedAt         *time.Time `gorm:"type:timestamptz"` // the owner of the address said: this was not me
	CreatedAt          time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	UpdatedAt          time.Time  `gorm:"type:timestamptz;not null;autoUpdateTime:false"`
}

// Address is where to write to this member, proven or not.
func (m Member) Address() string {
	if m.Email != nil {
		return *m.Email
	}
	if m.ProvisionalEmail != nil {
		return *m.ProvisionalEmail
	}
	return ""
}

// Disowned says that whoever owns the address has said that what was bought under it is
// not theirs, and that nobody has put it right yet.
func (m Member) Disowned() bool { return m.Provisional() && m.DisownedAt != nil && m.MergedInto == nil }

// Provisional says that the member's address belongs to another member.
func (m Member) Provisional() bool { return m.Email == nil }

// SignInKind is what a mailed link or code is for.
type SignInKind string

// The kinds of sign-in attempts.
const (
	SignInReader     SignInKind = "sign_in"
	SignInNewsletter SignInKind = "newsletter"
)

// SignInAttempt is one mail with a link and a code, asked for by one browser.
type SignInAttempt struct {
	ID         uuid.UUID  `gorm:"type:uuid;primaryKey"`
	Kind       SignInKind `gorm:"type:text;not null"`
	Email      string     `gorm:"type:text;not null"`
	Seed       []byte     `gorm:"type:bytea;not null"`
	CookieHash []byte     `gorm:"type:bytea;not null"`
	Tries      int        `gorm:"type:integer;not null;default:0"`
	ReturnTo   string     `gorm:"type:text;not null"`
	Locale     string     `gorm:"type:text;not null"`
	Limited    bool       `gorm:"type:boolean;not null;default:false"` // asked for too often: never mailed, never good
	CreatedAt  time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	ExpiresAt  time.Time  `gorm:"type:timestamptz;not null"`
	ConsumedAt *time.Time `gorm:"type:timestamptz"`
}

// Session is one signed-in browser or device.
type Session struct {
	ID            uuid.UUID  `gorm:"type:uuid;primaryKey"`
	MemberID      uuid.UUID  `gorm:"type:uuid;not null"`
	Seed          []byte     `gorm:"type:bytea;not null"`
	Generation    int64      `gorm:"type:bigint;not null;default:0"`
	PresentedAt   *time.Time `gorm:"type:timestamptz"`
	ParentUses    int        `gorm:"type:integer;not null;default:0"`
	Limited       bool       `gorm:"type:boolean;not null"`
	UserAgent     string     `gorm:"type:text;not null"`
	CreatedAt     time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	RotatedAt     time.Time  `gorm:"type:timestamptz;not null"`
	LastSeenAt    time.Time  `gorm:"type:timestamptz;not null"`
	IdleUntil     time.Time  `gorm:"type:timestamptz;not null"`
	ExpiresAt     time.Time  `gorm:"type:timestamptz;not null"`
	RevokedAt     *time.Time `gorm:"type:timestamptz"`
	RevokedReason string     `gorm:"type:text;not null"`
}

// KeyState is where a signing key stands in its life: pending (published, not yet
// signing) → active → retiring (verifies until its last token is dead) → retired;
// revoked leaves the published set at once.
type KeyState string

// The states of a signing key.
const (
	KeyPending  KeyState = "pending"
	KeyActive   KeyState = "active"
	KeyRetiring KeyState = "retiring"
	KeyRetired  KeyState = "retired"
	KeyRevoked  KeyState = "revoked"
)

// Published says whether verifiers are to see a key in this state.
func (s KeyState) Published() bool {
	return s == KeyPending || s == KeyActive || s == KeyRetiring
}

// SigningKey is a key pair; its private half is sealed under a key that is not in
// the database.
type SigningKey struct {
	Kid           string     `gorm:"type:text;primaryKey"`
	Alg           string     `gorm:"type:text;not null"`
	PublicJWK     []byte     `gorm:"column:public_jwk;type:jsonb;not null"`
	SealedPrivate []byte     `gorm:"type:bytea;not null"`
	State         KeyState   `gorm:"type:text;not null"`
	CreatedAt     time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	ActivatedAt   *time.Time `gorm:"type:timestamptz"`
	RetiringAt    *time.Time `gorm:"type:timestamptz"`
	EndedAt       *time.Time `gorm:"type:timestamptz"`
}

// Since is when the key came into its state; its making, where that was not noted.
func (k SigningKey) Since() time.Time {
	at := map[KeyState]*time.Time{
		KeyActive: k.ActivatedAt, KeyRetiring: k.RetiringAt, KeyRetired: k.EndedAt, KeyRevoked: k.EndedAt,
	}[k.State]
	if at == nil {
		at = &k.CreatedAt
	}
	return at.UTC()
}
