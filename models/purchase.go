package models

import (
	"time"

	"github.com/google/uuid"
)

// IntentKind is what somebody set out to buy.
type IntentKind string

// The kinds of checkout intents.
const (
	IntentMembership IntentKind = "membership"
	IntentDonation   IntentKind = "donation"
)

// IntentStatus is where a checkout intent stands: open until its session at Stripe
// completes or expires.
type IntentStatus string

// The statuses of a checkout intent.
const (
	IntentOpen      IntentStatus = "open"
	IntentCompleted IntentStatus = "completed"
	IntentExpired   IntentStatus = "expired"
)

// CheckoutIntent is written before Stripe is asked, so that a crash, a double
// click or a second tab can find what was begun.
type CheckoutIntent struct {
	ID          uuid.UUID    `gorm:"type:uuid;primaryKey"`
	Account     string       `gorm:"type:text;not null"`
	Livemode    bool         `gorm:"type:boolean;not null"`
	Kind        IntentKind   `gorm:"type:text;not null"`
	Status      IntentStatus `gorm:"type:text;not null"`
	MemberID    *uuid.UUID   `gorm:"type:uuid"`
	PriceID     *string      `gorm:"type:text"`
	DonationID  *uuid.UUID   `gorm:"type:uuid"`
	Attempt     int          `gorm:"type:integer;not null"`
	SessionID   *string      `gorm:"type:text"`
	SessionURL  string       `gorm:"type:text;not null"`
	FormNonce   string       `gorm:"type:text;not null"`
	BrowserHash []byte       `gorm:"type:bytea;not null"`
	ReturnTo    string       `gorm:"type:text;not null"`
	Locale      string       `gorm:"type:text;not null"`
	CreatedAt   time.Time    `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	ExpiresAt   time.Time    `gorm:"type:timestamptz;not null"`
	ConsumedAt  *time.Time   `gorm:"type:timestamptz"`
}

// Donation is one gift that somebody set out to make, once or every month. It
// counts when a payment of it succeeded.
type Donation struct {
	ID             uuid.UUID  `gorm:"type:uuid;primaryKey"`
	Account        string     `gorm:"type:text;not null"`
	Livemode       bool       `gorm:"type:boolean;not null"`
	MemberID       *uuid.UUID `gorm:"type:uuid"`
	DonorEmail     string     `gorm:"type:text;not null"`
	DonorName      string     `gorm:"type:text;not null"`
	Anonymous      bool       `gorm:"type:boolean;not null"`
	Message        string     `gorm:"type:text;not null"`
	Interval       Interval   `gorm:"type:text;not null"`
	Currency       string     `gorm:"type:text;not null"`
	Amount         int64      `gorm:"type:bigint;not null"`
	Campaign       string     `gorm:"type:text;not null"`
	SubscriptionID *string    `gorm:"type:text"`
	CreatedAt      time.Time  `gorm:"type:timestamptz;not null;autoCreateTime:false"`
}

// PaymentKind is what a payment was for.
type PaymentKind string

// The kinds of payments.
const (
	PaymentMembership PaymentKind = "membership"
	PaymentDonation   PaymentKind = "donation"
)

// PaymentStatus is what became of a payment.
type PaymentStatus string

// The statuses of a payment.
const (
	PaymentPending   PaymentStatus = "pending"
	PaymentSucceeded PaymentStatus = "succeeded"
	PaymentFailed    PaymentStatus = "failed"
)

// Payment is a line of the ledger: one payment intent in absolute amounts, in the
// currency's smallest unit, as its charge at Stripe shows them.
type Payment struct {
	ID              uuid.UUID     `gorm:"type:uuid;primaryKey"`
	Account         string        `gorm:"type:text;not null"`
	Livemode        bool          `gorm:"type:boolean;not null"`
	PaymentIntentID string        `gorm:"type:text;not null"`
	ChargeID        *string       `gorm:"type:text"`
	CustomerID      *string       `gorm:"type:text"`
	MemberID        *uuid.UUID    `gorm:"type:uuid"`
	Kind            PaymentKind   `gorm:"type:text;not null"`
	DonationID      *uuid.UUID    `gorm:"type:uuid"`
	SubscriptionID  *string       `gorm:"type:text"`
	InvoiceID       *string       `gorm:"type:text"`
	Status          PaymentStatus `gorm:"type:text;not null"`
	Currency        string        `gorm:"type:text;not null"`
	Amount          int64         `gorm:"type:bigint;not null"`
	Refunded        int64         `gorm:"type:bigint;not null"`
	Disputed        int64         `gorm:"type:bigint;not null"`
	Fee             *int64        `gorm:"type:bigint"`
	FeeCurrency     *string       `gorm:"type:text"`
	PaidAt          *time.Time    `gorm:"type:timestamptz"`
	CreatedAt       time.Time     `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	SyncedAt        time.Time     `gorm:"type:timestamptz;not null"`
}

// RefundStatus is Stripe's status of a refund.
// https://stripe.com/docs/api/refunds/object#refund_object-status
type RefundStatus string

// The statuses of a refund. Only RefundSucceeded gave money back.
const (
	RefundPending        RefundStatus = "pending"
	RefundRequiresAction RefundStatus = "requires_action"
	RefundSucceeded      RefundStatus = "succeeded"
	RefundFailed         RefundStatus = "failed"
	RefundCanceled       RefundStatus = "canceled"
)

// Known says whether Stripe's status is one of those above; it may be empty.
func (s RefundStatus) Known() bool {
	switch s {
	case RefundPending, RefundRequiresAction, RefundSucceeded, RefundFailed, RefundCanceled:
		return true
	}
	return false
}

// Failed says that the money will not move.
func (s RefundStatus) Failed() bool { return s == RefundFailed || s == RefundCanceled }

// Refund is money on its way back to who paid.
type Refund struct {
	ID        string       `gorm:"type:text;primaryKey"`
	Account   string       `gorm:"type:text;not null"`
	Livemode  bool         `gorm:"type:boolean;not null"`
	PaymentID uuid.UUID    `gorm:"type:uuid;not null"`
	Status    RefundStatus `gorm:"type:text;not null"`
	Currency  string       `gorm:"type:text;not null"`
	Amount    int64        `gorm:"type:bigint;not null"`
	Reason    string       `gorm:"type:text;not null"`
	CreatedAt time.Time    `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	SyncedAt  time.Time    `gorm:"type:timestamptz;not null"`
}

// DisputeStatus is Stripe's status of a dispute.
// https://stripe.com/docs/api/disputes/object#dispute_object-status
type DisputeStatus string

// The statuses of a dispute.
const (
	DisputeWarningNeedsResponse DisputeStatus = "warning_needs_response"
	DisputeWarningUnderReview   DisputeStatus = "warning_under_review"
	DisputeWarningClosed        DisputeStatus = "warning_closed"
	DisputeNeedsResponse        DisputeStatus = "needs_response"
	DisputeUnderReview          DisputeStatus = "under_review"
	DisputeWon                  DisputeStatus = "won"
	DisputeLost                 DisputeStatus = "lost"
)

// Known says whether Stripe's status is one of those above.
func (s DisputeStatus) Known() bool {
	switch s {
	case DisputeWarningNeedsResponse, DisputeWarningUnderReview, DisputeWarningClosed, DisputeWon:
		return true
	}
	return s.TakesMoney()
}

// TakesMoney says that the bank holds the money or gave it back.
func (s DisputeStatus) TakesMoney() bool { return s.Suspends() || s == DisputeLost }

// Suspends says whether the money is with the bank while it decides.
func (s DisputeStatus) Suspends() bool {
	return s == DisputeNeedsResponse || s == DisputeUnderReview
}

// Dispute is a payment that the cardholder's bank is questioning.
type Dispute struct {
	ID        string        `gorm:"type:text;primaryKey"`
	Account   string        `gorm:"type:text;not null"`
	Livemode  bool          `gorm:"type:boolean;not null"`
	PaymentID uuid.UUID     `gorm:"type:uuid;not null"`
	Status    DisputeStatus `gorm:"type:text;not null"`
	Currency  string        `gorm:"type:text;not null"`
	Amount    int64         `gorm:"type:bigint;not null"`
	Reason    string        `gorm:"type:text;not null"`
	CreatedAt time.Time     `gorm:"type:timestamptz;not null;autoCreateTime:false"`
	SyncedAt  time.Time     `gorm:"type:timestamptz;not null"`
}
