package billing

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// PurchaseState is what a buyer who comes back from Stripe is to be told.
type PurchaseState string

// The states of a purchase.
const (
	PurchaseConfirming PurchaseState = "confirming" // paid, not yet in our books
	PurchaseProcessing PurchaseState = "processing" // the bank is to pay, which takes days
	PurchaseSucceeded  PurchaseState = "succeeded"
	PurchaseFailed     PurchaseState = "failed" // the page is still open, unpaid; or the bank refused
	PurchaseExpired    PurchaseState = "expired"
)

// Purchase is what the buying browser may see of its own checkout.
type Purchase struct {
	IntentID   uuid.UUID
	Kind       models.IntentKind
	State      PurchaseState
	PlanName   string // of a membership
	Amount     money.Money
	Interval   models.Interval
	ReturnTo   string
	SessionURL string // Stripe's page, to go on where the buyer stopped; "" when it is closed

	// Member is whose purchase it is, once a payment told us; nil for a guest's
	// gift.
	Member *models.Member
	// Fresh says that the browser may be let in as Member now: the purchase
	// succeeded, at most an hour after it began, and nobody was let in by it yet.
	Fresh bool
}

// Purchase looks at a checkout for the browser that began it, and brings our books
// up to date first, so that it is right even where no webhook came. A session of
// another browser is answered like one that does not exist: KindNotFound,
// purchase_not_found.
func (s *Service) Purchase(ctx context.Context, sessionID string, browserHash []byte) (Purchase, error) {
	intent, err := s.intentOf(ctx, sessionID, browserHash)
	if err != nil {
		return Purchase{}, err
	}
	purchase, err := s.describe(ctx, intent)
	if err != nil {
		return purchase, err
	}
	settled, err := s.settled(ctx, intent)
	if err != nil {
		return purchase, err
	}
	if !settled {
		var open bool
		if purchase.State, open, err = s.catchUp(ctx, sessionID); err != nil {
			return purchase, err
		}
		if !open {
			purchase.SessionURL = ""
		}
		if intent, err = s.intentOf(ctx, sessionID, browserHash); err != nil {
			return purchase, err
		}
		if settled, err = s.settled(ctx, intent); err != nil {
			return purchase, err
		}
	}
	if settled || intent.Status == models.IntentCompleted && purchase.State == PurchaseConfirming {
		purchase.State = PurchaseSucceeded
	}
	return s.withBuyer(ctx, purchase, intent)
}

func (s *Service) intentOf(ctx context.Context, sessionID string, browserHash []byte) (models.CheckoutIntent, error) {
	var intent models.CheckoutIntent
	notFound := &Error{Kind: KindNotFound, Code: "purchase_not_found"}
	if !strings.HasPrefix(sessionID, "cs_") || sessionID != storable(sessionID) {
		return intent, notFound
	}
	err := s.db.WithContext(ctx).Where("session_id = ?", sessionID).Take(&intent).Error
	if models.NotFound(err) {
		return intent, notFound
	}
	if err != nil {
		return intent, fmt.Errorf("load the intent of a session: %w", err)
	}
	if subtle.ConstantTimeCompare(intent.BrowserHash, browserHash) != 1 {
		return models.CheckoutIntent{}, notFound
	}
	return intent, nil
}

// describe fills in what was to be bought.
func (s *Service) describe(ctx context.Context, intent models.CheckoutIntent) (Purchase, error) {
	p := Purchase{IntentID: intent.ID, Kind: intent.Kind, ReturnTo: intent.ReturnTo, SessionURL: intent.SessionURL}
	db := s.db.WithContext(ctx)
	if intent.Kind == models.IntentDonation {
		var gift models.Donation
		if err := db.Where("id = ?", intent.DonationID).Take(&gift).Error; err != nil {
			return p, fmt.Errorf("load the gift of intent %s: %w", intent.ID, err)
		}
		p.Amount, p.Interval = money.Of(gift.Amount, gift.Currency), gift.Interval
		return p, nil
	}
	var price struct {
		Amount             int64
		Currency, PlanName string
		Interval           models.Interval
	}
	err := db.Raw(`SELECT prices.amount, prices.currency, prices."interval", plans.name AS plan_name FROM prices JOIN plans ON plans.id = prices.plan_id WHERE prices.id = ?`, intent.PriceID).
		Scan(&price).Error
	if err != nil {
		return p, fmt.Errorf("load the price of intent %s: %w", intent.ID, err)
	}
	p.Amount, p.Interval, p.PlanName = money.Of(price.Amount, price.Currency), price.Interval, price.PlanName
	return p, nil
}

// settled says that our books tell all: a gift that has arrived, a membership that
// opened something. One that began and opens nothing may wait for a direct debit.
func (s *Service) settled(ctx context.Context, intent models.CheckoutIntent) (bool, error) {
	if intent.Status != models.IntentCompleted || intent.Kind == models.IntentDonation || intent.MemberID == nil {
		return intent.Status == models.IntentCompleted, nil
	}
	var open int64
	err := s.db.WithContext(ctx).Model(&models.Grant{}).
		Where("member_id = ? AND source = ? AND plan_id = (SELECT plan_id FROM prices WHERE id = ?)", intent.MemberID, models.FromSubscription, intent.PriceID).
		Where("revoked_at IS NULL AND (valid_until IS NULL OR greatest(valid_until, grace_until) > ?)", s.clock()).Count(&open).Error
	if err != nil {
		return false, fmt.Errorf("look for what intent %s opened: %w", intent.ID, err)
	}
	return open > 0, nil
}

// catchUp asks Stripe about an intent that our books do not show settled. open says
// whether its page still is.
func (s *Service) catchUp(ctx context.Context, sessionID string) (state PurchaseState, open bool, err error) {
	params := &stripe.CheckoutSessionParams{Params: stripe.Params{Context: ctx}}
	params.AddExpand("payment_intent")
	params.AddExpand("invoice.payment_intent")
	session, err := s.stripe.CheckoutSessions.Get(sessionID, params)
	if err != nil {
		s.log.WarnContext(ctx, "could not look at a checkout session", "session", sessionID, "error", fault(err))
		return PurchaseConfirming, false, nil // the webhook and the next look will tell
	}
	switch session.Status {
	case stripe.CheckoutSessionStatusOpen:
		return PurchaseFailed, true, nil
	case stripe.CheckoutSessionStatusExpired:
		return PurchaseExpired, false, s.expireIntent(ctx, sessionID)
	}
	return stateOfComplete(session), false, s.syncSession(ctx, session)
}

// stateOfComplete tells what a buyer sees who has done all that Stripe asked. With a
// direct debit that is not yet a payment.
// https://stripe.com/docs/payments/checkout/fulfill-orders#delayed-notification
func stateOfComplete(session *stripe.CheckoutSession) PurchaseState {
	payment := session.PaymentIntent
	if payment == nil && session.Invoice != nil {
		payment = session.Invoice.PaymentIntent
	}
	if session.PaymentStatus != stripe.CheckoutSessionPaymentStatusUnpaid || payment == nil {
		return PurchaseConfirming
	}
	switch payment.Status {
	case stripe.PaymentIntentStatusProcessing:
		return PurchaseProcessing
	case stripe.PaymentIntentStatusRequiresPaymentMethod, stripe.PaymentIntentStatusCanceled:
		return PurchaseFailed
	}
	return PurchaseConfirming
}

// syncSession brings the subject of a completed session up to date, by the same
// lane as the webhooks: whoever comes first does the work.
func (s *Service) syncSession(ctx context.Context, session *stripe.CheckoutSession) error {
	switch {
	case session.Customer != nil:
		return s.syncNow(ctx, s.subject(models.SubjectCustomer, session.Customer.ID))
	case session.PaymentIntent != nil:
		return s.syncNow(ctx, s.subject(models.SubjectPaymentIntent, session.PaymentIntent.ID))
	}
	return nil
}

func (s *Service) expireIntent(ctx context.Context, sessionID string) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.CheckoutIntent{}).Where("session_id = ? AND status = ?", sessionID, models.IntentOpen).
			Update("status", models.IntentExpired).Error
	})
}

func (s *Service) withBuyer(ctx context.Context, p Purchase, intent models.CheckoutIntent) (Purchase, error) {
	if intent.MemberID == nil {
		return p, nil
	}
	member, err := s.member(ctx, *intent.MemberID)
	if err != nil {
		return p, err
	}
	p.Member = &member
	age := s.clock().Sub(intent.CreatedAt)
	p.Fresh = p.State == PurchaseSucceeded && intent.ConsumedAt == nil && age <= time.Hour
	return p, nil
}

// Consume lets the buyer in: true for exactly one caller per intent.
func (s *Service) Consume(ctx context.Context, intentID uuid.UUID) (bool, error) {
	var first bool
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Model(&models.CheckoutIntent{}).Where("id = ? AND consumed_at IS NULL", intentID).Update("consumed_at", s.clock())
		first = done.RowsAffected == 1
		return done.Error
	})
	if err != nil {
		return false, fmt.Errorf("consume intent %s: %w", intentID, err)
	}
	return first, nil
}
