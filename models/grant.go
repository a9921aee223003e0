package models

import (
	"time"

	"github.com/google/uuid"
)

// GrantSource is where a right to read came from.
type GrantSource string

// The sources of grants.
const (
	FromSubscription  GrantSource = "subscription"
	FromPayment       GrantSource = "payment"
	FromGift          GrantSource = "gift"
	FromComplimentary GrantSource = "complimentary"
	FromNewsletter    GrantSource = "newsletter"
	FromTrial         GrantSource = "trial"
	FromStaff         GrantSource = "staff"
	FromGroup         GrantSource = "group"
)

// Terms are what a grant gives and for how long: the part of it that changes, and
// that each GrantEvent keeps a copy of. Features, tier and rank are frozen as they
// were sold.
type Terms struct {
	Tier          string     `gorm:"type:text;not null"`
	Rank          int        `gorm:"type:integer;not null"`
	Features      Strings    `gorm:"type:jsonb;serializer:json;not null"`
	ValidFrom     time.Time  `gorm:"type:timestamptz;not null"`
	ValidUntil    *time.Time `gorm:"type:timestamptz"` // nil: without end
	GraceUntil    *time.Time `gorm:"type:timestamptz"` // nil: no grace
	GraceReason   string     `gorm:"type:text;not null"`
	RevokedAt     *time.Time `gorm:"type:timestamptz"`
	RevokedReason string     `gorm:"type:text;not null"`
	// EffectiveAt is when these terms took effect, RecordedAt when we learned it.
	EffectiveAt time.Time `gorm:"type:timestamptz;not null"`
	RecordedAt  time.Time `gorm:"type:timestamptz;not null"`
}

// Grant is one right to read, from one source.
type Grant struct {
	ID        uuid.UUID   `gorm:"type:uuid;primaryKey"`
	MemberID  uuid.UUID   `gorm:"type:uuid;not null"`
	Source    GrantSource `gorm:"type:text;not null"`
	SourceRef string      `gorm:"type:text;not null"`
	Part      string      `gorm:"type:text;not null"`
	Account   string      `gorm:"type:text;not null"`
	Livemode  bool        `gorm:"type:boolean;not null"`
	PlanID    string      `gorm:"type:text;not null"`
	Terms     `gorm:"embedded"`
}

// GrantChange is what happened to a grant.
type GrantChange string

// The changes of a grant.
const (
	Granted   GrantChange = "granted"
	Extended  GrantChange = "extended"
	Shortened GrantChange = "shortened"
	Revoked   GrantChange = "revoked"
	Restored  GrantChange = "restored"
	Changed   GrantChange = "changed"
)

// GrantEvent is what a grant looked like from one change on. Events are only ever
// added.
type GrantEvent struct {
	ID       uuid.UUID   `gorm:"type:uuid;primaryKey"`
	GrantID  uuid.UUID   `gorm:"type:uuid;not null"`
	MemberID uuid.UUID   `gorm:"type:uuid;not null"`
	Change   GrantChange `gorm:"type:text;not null"`
	Reason   string      `gorm:"type:text;not null"`
	Terms    `gorm:"embedded"`
}
