package billing

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// duplicateWithin is how close together two purchases must be to be one wish that
// was paid twice. Further apart, or not by our checkout, staff decide.
const duplicateWithin = 24 * time.Hour

// owe writes down what a member's books call for at Stripe. The caller holds the
// member's lock; doing it twice owes nothing more.
func (s *Service) owe(tx *gorm.DB, member uuid.UUID, policy models.Policy) error {
	if err := s.oweDuplicates(tx, member); err != nil {
		return err
	}
	if err := s.oweRefunds(tx, member); err != nil {
		return err
	}
	if policy.DisputeLost != models.Revoke {
		return nil
	}
	return s.oweLostDisputes(tx, member)
}

// paidMembership is a membership that goes on and was paid for.
type paidMembership struct {
	ID, CustomerID string
	CreatedAt      time.Time
	Ours           bool // by our own checkout
}

// oweDuplicates keeps the first of several memberships. One for which there is an
// errand already is decided.
func (s *Service) oweDuplicates(tx *gorm.DB, member uuid.UUID) error {
	var all []paidMembership
	err := tx.Raw(`SELECT s.id, s.customer_id, s.created_at, EXISTS (SELECT FROM checkout_intents i WHERE i.id = s.intent_id) AS ours
		FROM subscriptions s JOIN customers c ON c.id = s.customer_id
		WHERE c.member_id = ? AND s.livemode = ? AND s.kind = ? AND s.status IN ? AND s.paid_through IS NOT NULL
			AND NOT EXISTS (SELECT FROM errands e WHERE e.subscription_id = s.id AND e.kind = ?)
		ORDER BY s.created_at, s.id`,
		member, s.cfg.Livemode, models.SubscriptionMembership, models.LiveStatuses, models.CancelSubscription).Scan(&all).Error
	if err != nil {
		return fmt.Errorf("look for second memberships of %s: %w", member, err)
	}
	for i, second := range all {
		if i == 0 {
			continue
		}
		e := models.Errand{Kind: models.CancelSubscription, Target: second.ID, Cause: models.CauseDuplicate, Status: models.ErrandWaiting,
			SubscriptionID: second.ID, CustomerID: second.CustomerID, MemberID: member}
		if all[0].Ours && second.Ours && second.CreatedAt.Sub(all[0].CreatedAt) <= duplicateWithin {
			e.Status = models.ErrandOwed
		}
		if err := s.oweErrand(tx, e); err != nil {
			return err
		}
	}
	return nil
}

// oweRefunds gives back what was paid for memberships that are cancelled as second
// ones, also by a debit that succeeds days later.
func (s *Service) oweRefunds(tx *gorm.DB, member uuid.UUID) error {
	var all []models.Errand
	err := tx.Raw(`SELECT p.payment_intent_id AS target, e.subscription_id, e.customer_id FROM payments p
		JOIN errands e ON e.subscription_id = p.subscription_id AND e.kind = ? AND e.cause = ? AND e.status IN ?
		WHERE e.member_id = ? AND p.status = ? AND p.refunded < p.amount AND p.disputed = 0
			AND NOT EXISTS (SELECT FROM errands r WHERE r.kind = ? AND r.target = p.payment_intent_id)`,
		models.CancelSubscription, models.CauseDuplicate, []models.ErrandStatus{models.ErrandOwed, models.ErrandDone},
		member, models.PaymentSucceeded, models.RefundPayment).Scan(&all).Error
	if err != nil {
		return fmt.Errorf("look for payments of second memberships of %s: %w", member, err)
	}
	for _, e := range all {
		e.Kind, e.Cause, e.Status, e.MemberID = models.RefundPayment, models.CauseDuplicate, models.ErrandOwed, member
		if err := s.oweErrand(tx, e); err != nil {
			return err
		}
	}
	return nil
}

// oweLostDisputes cancels what a lost dispute leaves going on, gifts too: Stripe
// would bill the same card again.
func (s *Service) oweLostDisputes(tx *gorm.DB, member uuid.UUID) error {
	var all []models.Errand
	err := tx.Raw(`SELECT DISTINCT s.id AS target, s.id AS subscription_id, s.customer_id FROM disputes d
		JOIN payments p ON p.id = d.payment_id JOIN subscriptions s ON s.id = p.subscription_id
		WHERE p.member_id = ? AND d.status = ? AND s.livemode = ? AND s.status IN ?`,
		member, models.DisputeLost, s.cfg.Livemode, models.LiveStatuses).Scan(&all).Error
	if err != nil {
		return fmt.Errorf("look for lost disputes of %s: %w", member, err)
	}
	for _, e := range all {
		e.Kind, e.Cause, e.Status, e.MemberID = models.CancelSubscription, models.CauseDisputeLost, models.ErrandOwed, member
		if err := s.oweErrand(tx, e); err != nil {
			return err
		}
	}
	return nil
}

// oweErrand writes an errand, once.
func (s *Service) oweErrand(tx *gorm.DB, e models.Errand) error {
	now := s.real()
	e.ID, e.Livemode, e.NextAt, e.OwedAt = models.NewID(), s.cfg.Livemode, now, now
	done := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&e)
	if done.Error != nil {
		return fmt.Errorf("owe %s of %s: %w", e.Kind, e.Target, done.Error)
	}
	if done.RowsAffected == 1 && e.Status == models.ErrandWaiting {
		s.log.WarnContext(tx.Statement.Context, "a second membership waits for staff: see `membership errands list`", "errand", e.ID, "member", e.MemberID)
	}
	return nil
}
