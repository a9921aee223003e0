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
// member's lock; doing it twice owes nothing more. turned are the disputes that this
// sync has found lost and that were open in our books before.
func (s *Service) owe(tx *gorm.DB, member uuid.UUID, turned []string) error {
	if err := s.oweDuplicates(tx, member); err != nil {
		return err
	}
	if err := s.oweRefunds(tx, member); err != nil {
		return err
	}
	return s.oweLostDisputes(tx, member, turned)
}

// goesOn says of a subscription s that it will be charged again if nothing happens.
// One that its reader has cancelled, or whose charge fails, is none to be kept
// instead of another.
const goesOn = `(s.status IN ('active', 'trialing') AND NOT s.cancel_at_period_end AND s.cancel_at IS NULL AND s.pause_collection IS NULL)`

// paidMembership is a membership that has not ended and was paid for.
type paidMembership struct {
	ID, CustomerID string
	MemberID       uuid.UUID
	CreatedAt      time.Time
	Ours           bool // by our own checkout
	GoesOn         bool
}

// paidMemberships are those of a member, or of members who are to be one, the first that
// is kept first. One for which there is an errand already is decided.
func (s *Service) paidMemberships(db *gorm.DB, members ...uuid.UUID) ([]paidMembership, error) {
	var all []paidMembership
	err := db.Raw(`SELECT s.id, s.customer_id, c.member_id, s.created_at, EXISTS (SELECT FROM checkout_intents i WHERE i.id = s.intent_id) AS ours, `+goesOn+` AS goes_on
		FROM subscriptions s JOIN customers c ON c.id = s.customer_id
		WHERE c.member_id IN ? AND s.livemode = ? AND s.kind = ? AND s.status IN ? AND s.paid_through IS NOT NULL
			AND NOT EXISTS (SELECT FROM errands e WHERE e.subscription_id = s.id AND e.kind = ?)
		ORDER BY NOT `+goesOn+`, s.created_at, s.id`,
		members, s.cfg.Livemode, models.SubscriptionMembership, models.LiveStatuses, models.CancelSubscription).Scan(&all).Error
	if err != nil {
		return nil, fmt.Errorf("look for the memberships of %s: %w", members, err)
	}
	return all, nil
}

// oweDuplicates keeps the first of several memberships, of those that go on where
// there is one.
func (s *Service) oweDuplicates(tx *gorm.DB, member uuid.UUID) error {
	all, err := s.paidMemberships(tx, member)
	if err != nil {
		return err
	}
	for i, second := range all {
		if i == 0 {
			continue
		}
		e := models.Errand{Kind: models.CancelSubscription, Target: second.ID, Cause: models.CauseDuplicate, Status: models.ErrandWaiting,
			SubscriptionID: second.ID, CustomerID: second.CustomerID, MemberID: member}
		if oneWish(all[0], second) {
			e.Status = models.ErrandOwed
		}
		if err := s.oweErrand(tx, e); err != nil {
			return err
		}
	}
	return nil
}

// oneWish says that two memberships are one that was paid twice, for certain enough
// to act by ourselves.
func oneWish(first, second paidMembership) bool {
	return first.Ours && second.Ours && first.GoesOn && second.GoesOn && second.CreatedAt.Sub(first.CreatedAt) <= duplicateWithin
}

// stands says whether an errand is still called for. What was a second membership may
// be the only one that goes on by the time that staff decide, or that Stripe answers;
// one that has ended already is as wished.
func stands(tx *gorm.DB, e models.Errand) (yes bool, err error) {
	if e.Kind != models.CancelSubscription || e.Cause != models.CauseDuplicate {
		return true, nil
	}
	err = tx.Raw(`SELECT EXISTS (SELECT FROM subscriptions s JOIN customers c ON c.id = s.customer_id
		WHERE c.member_id = (SELECT o.member_id FROM customers o WHERE o.id = ?) AND s.livemode = ? AND s.kind = ? AND s.paid_through IS NOT NULL AND (s.id = ? AND s.status NOT IN ? OR s.id <> ? AND `+goesOn+`
			AND NOT EXISTS (SELECT FROM errands r WHERE r.subscription_id = s.id AND r.kind = ? AND r.status = ?)))`,
		e.CustomerID, e.Livemode, models.SubscriptionMembership, e.SubscriptionID, models.LiveStatuses, e.SubscriptionID,
		models.CancelSubscription, models.ErrandOwed).Scan(&yes).Error
	if err != nil {
		return false, fmt.Errorf("look for another membership of %s: %w", e.MemberID, err)
	}
	return yes, nil
}

// refundablePayment is a condition on p: money that came, and that nobody has taken
// back or asked back.
const refundablePayment = `p.status = ? AND p.refunded < p.amount AND p.disputed = 0`

// oweRefunds gives back what was paid for memberships that were cancelled as second
// ones, also by a debit that succeeds days later. The cancellation comes first: a
// membership that goes on after all has been paid for.
func (s *Service) oweRefunds(tx *gorm.DB, member uuid.UUID) error {
	var all []models.Errand
	err := tx.Raw(`SELECT p.payment_intent_id AS target, e.subscription_id, e.customer_id FROM payments p
		JOIN errands e ON e.subscription_id = p.subscription_id AND e.kind = ? AND e.cause = ? AND e.status = ?
		WHERE e.member_id = ? AND e.livemode = ? AND `+refundablePayment+`
			AND NOT EXISTS (SELECT FROM errands r WHERE r.kind = ? AND r.target = p.payment_intent_id)`,
		models.CancelSubscription, models.CauseDuplicate, models.ErrandDone, member, s.cfg.Livemode, models.PaymentSucceeded, models.RefundPayment).Scan(&all).Error
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
