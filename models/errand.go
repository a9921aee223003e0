package models

import (
	"time"

	"github.com/google/uuid"
)

// ErrandKind is what is to be done at Stripe.
type ErrandKind string

// The kinds of errands.
const (
	CancelSubscription ErrandKind = "cancel_subscription"
	RefundPayment      ErrandKind = "refund_payment"
)

// ErrandCause is why.
type ErrandCause string

// The causes of errands.
const (
	CauseDuplicate   ErrandCause = "duplicate"    // a second membership of one member
	CauseDisputeLost ErrandCause = "dispute_lost" // or Stripe bills the card again
)

// ErrandStatus is where an errand stands: waiting until staff decide, owed until it
// is done or Stripe has refused it for a day. A refund that is done is refused after
// all when it fails at the bank.
type ErrandStatus string

// The statuses of an errand.
const (
	ErrandWaiting   ErrandStatus = "waiting"
	ErrandOwed      ErrandStatus = "owed"
	ErrandDone      ErrandStatus = "done"
	ErrandRefused   ErrandStatus = "refused"
	ErrandDismissed ErrandStatus = "dismissed"
)

// Errand is one write that we owe Stripe.
type Errand struct {
	ID             uuid.UUID    `gorm:"type:uuid;primaryKey" json:"id"`
	Livemode       bool         `gorm:"type:boolean;not null" json:"-"`
	Kind           ErrandKind   `gorm:"type:text;not null" json:"kind"`
	Target         string       `gorm:"type:text;not null" json:"target"`
	Cause          ErrandCause  `gorm:"type:text;not null" json:"cause"`
	Status         ErrandStatus `gorm:"type:text;not null" json:"status"`
	SubscriptionID string       `gorm:"type:text;not null" json:"subscription"`
	CustomerID     string       `gorm:"type:text;not null" json:"customer"`
	MemberID       uuid.UUID    `gorm:"type:uuid;not null" json:"member"`
	Spent          int          `gorm:"type:integer;not null;default:0" json:"-"`
	Attempts       int          `gorm:"type:integer;not null;default:0" json:"attempts"`
	NextAt         time.Time    `gorm:"type:timestamptz;not null" json:"next_at"`
	LeaseToken     *uuid.UUID   `gorm:"type:uuid" json:"-"`
	LeaseUntil     *time.Time   `gorm:"type:timestamptz" json:"-"`
	LastError      string       `gorm:"type:text;not null;default:''" json:"last_error,omitempty"`
	OwedAt         time.Time    `gorm:"type:timestamptz;not null" json:"owed_at"`
	DoneAt         *time.Time   `gorm:"type:timestamptz" json:"done_at,omitempty"`
}
