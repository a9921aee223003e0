package models

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Customer is a Stripe customer that belongs to a member, bound by our metadata
// and never by an address.
type Customer struct {
	ID        string     `gorm:"type:text;primaryKey"`
	Account   string     `gorm:"type:text;not null"`
	Livemode  bool       `gorm:"type:boolean;not null"`
	MemberID  *uuid.UUID `gorm:"type:uuid"`
	Deleted   bool       `gorm:"type:boolean;not null"`
	CreatedAt time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	SyncedAt  *time.Time `gorm:"type:timestamptz"`
}

// SubscriptionKind says whose subscription it is: one to a plan, a monthly gift,
// or something else that the publisher sells through the same account.
type SubscriptionKind string

// The kinds of subscriptions.
const (
	SubscriptionMembership SubscriptionKind = "membership"
	SubscriptionDonation   SubscriptionKind = "donation"
	SubscriptionForeign    SubscriptionKind = "foreign"
)

// SubscriptionStatus is Stripe's status of a subscription.
// https://stripe.com/docs/api/subscriptions/object#subscription_object-status
type SubscriptionStatus string

// The statuses of a subscription.
const (
	Incomplete        SubscriptionStatus = "incomplete"
	IncompleteExpired SubscriptionStatus = "incomplete_expired"
	Trialing          SubscriptionStatus = "trialing"
	Active            SubscriptionStatus = "active"
	PastDue           SubscriptionStatus = "past_due"
	Canceled          SubscriptionStatus = "canceled"
	Unpaid            SubscriptionStatus = "unpaid"
	Paused            SubscriptionStatus = "paused"
)

// Ended says whether Stripe will never bill this subscription again.
func (s SubscriptionStatus) Ended() bool { return s == Canceled || s == IncompleteExpired }

// LiveStatuses are those of a subscription that is going on: begun, not ended.
var LiveStatuses = []SubscriptionStatus{Trialing, Active, PastDue, Unpaid, Paused}

// Live says whether the subscription is going on.
func (s SubscriptionStatus) Live() bool { return slices.Contains(LiveStatuses, s) }

// Stuck says whether the subscription waits for its reader: to pay what is open, or to
// give a card after a trial without one. Until then a new one would be a second one.
func (s SubscriptionStatus) Stuck() bool { return s == PastDue || s == Unpaid || s == Paused }

// Subscription is the last state of a subscription that we fetched.
type Subscription struct {
	ID                 string             `gorm:"type:text;primaryKey"`
	Account            string             `gorm:"type:text;not null"`
	Livemode           bool               `gorm:"type:boolean;not null"`
	CustomerID         string             `gorm:"type:text;not null"`
	Kind               SubscriptionKind   `gorm:"type:text;not null"`
	PriceID            string             `gorm:"type:text;not null"`
	Status             SubscriptionStatus `gorm:"type:text;not null"`
	CurrentPeriodStart time.Time          `gorm:"type:timestamptz;not null"`
	CurrentPeriodEnd   time.Time          `gorm:"type:timestamptz;not null"`
	PaidThrough        *time.Time         `gorm:"type:timestamptz"`
	FailedAt           *time.Time         `gorm:"type:timestamptz"`
	CancelAtPeriodEnd  bool               `gorm:"type:boolean;not null"`
	CancelAt           *time.Time         `gorm:"type:timestamptz"`
	CanceledAt         *time.Time         `gorm:"type:timestamptz"`
	EndedAt            *time.Time         `gorm:"type:timestamptz"`
	TrialEnd           *time.Time         `gorm:"type:timestamptz"`
	PauseCollection    *string            `gorm:"type:text"`
	// The latest invoice and its status; nil where the last sync did not ask.
	LatestInvoiceID     *string   `gorm:"type:text"`
	LatestInvoiceStatus *string   `gorm:"type:text"`
	CreatedAt           time.Time `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	SyncedAt            time.Time `gorm:"type:timestamptz;not null"`
	// When Stripe last showed it, in a sync or in a list that agreed with this row.
	SeenAt    *time.Time `gorm:"type:timestamptz"`
	Stretches []Stretch  `gorm:"type:jsonb;serializer:json"` // nil: not known yet
	FactsAt   *time.Time `gorm:"type:timestamptz"`           // the SyncedAt that Stretches are of
	// IntentID is the checkout that it was bought by, as its metadata says.
	IntentID      *uuid.UUID `gorm:"type:uuid"`
	PolicyVersion int64      `gorm:"type:bigint;not null;default:0"`
}

// FactsKnown says whether Stretches are of the last sync, and of what this program
// knows. They are not where a program that does not keep them wrote the row, or a newer
// one.
func (s Subscription) FactsKnown() bool {
	strange := slices.ContainsFunc(s.Stretches, func(each Stretch) bool { return each.UnknownLoss() != "" })
	return s.Stretches != nil && !strange && s.FactsAt != nil && s.FactsAt.Equal(s.SyncedAt)
}

// SubjectKind is what a sync subject's id names.
type SubjectKind string

// The kinds of sync subjects.
const (
	SubjectCustomer      SubjectKind = "customer"
	SubjectPaymentIntent SubjectKind = "payment_intent"
)

// SyncSubject is what one sync brings up to date. It is due while Dirty > Synced;
// LeaseToken names the worker that holds it until LeaseUntil (real time).
type SyncSubject struct {
	ID         string      `gorm:"type:text;primaryKey"`
	Account    string      `gorm:"type:text;not null"`
	Livemode   bool        `gorm:"type:boolean;not null"`
	Kind       SubjectKind `gorm:"type:text;not null"`
	Dirty      int64       `gorm:"type:bigint;not null"`
	Claimed    int64       `gorm:"type:bigint;not null;default:0"`
	Synced     int64       `gorm:"type:bigint;not null;default:0"`
	LeaseToken *uuid.UUID  `gorm:"type:uuid"`
	LeaseUntil *time.Time  `gorm:"type:timestamptz"`
	Attempts   int         `gorm:"type:integer;not null;default:0"`
	NextAt     time.Time   `gorm:"type:timestamptz;not null"`
	SettleAt   *time.Time  `gorm:"type:timestamptz"`
	DeadAt     *time.Time  `gorm:"type:timestamptz"`
	LastError  string      `gorm:"type:text;not null;default:''"`
	SyncedAt   *time.Time  `gorm:"type:timestamptz"`
	// FailingSince is the first failure after the last success.
	FailingSince *time.Time `gorm:"type:timestamptz"`
}

// StripeEvent is a delivery that we acknowledged: ids and a hash of its body.
type StripeEvent struct {
	ID          string    `gorm:"type:text;primaryKey"`
	Account     string    `gorm:"type:text;not null"`
	Livemode    bool      `gorm:"type:boolean;not null"`
	Type        string    `gorm:"type:text;not null"`
	APIVersion  string    `gorm:"column:api_version;type:text;not null"`
	ObjectType  string    `gorm:"type:text;not null"`
	ObjectID    string    `gorm:"type:text;not null"`
	Quarantined bool      `gorm:"type:boolean;not null"`
	SubjectID   *string   `gorm:"type:text"`
	Dirty       int64     `gorm:"type:bigint;not null"`
	BodyHash    []byte    `gorm:"type:bytea;not null"`
	CreatedAt   time.Time `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	ReceivedAt  time.Time `gorm:"type:timestamptz;not null"`
}
