package billing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// ErrandPlan is an errand that could be approved, and what that does to a
// subscription and to money, in sentences.
type ErrandPlan struct {
	Errand  models.Errand
	Effects []Sentence
}

// PlanErrand says what approving an errand does, by books of its member that it brings
// up to date first. It refuses what DecideErrand does, and KindUnavailable refund_unseen.
func (s *Service) PlanErrand(ctx context.Context, id string) (ErrandPlan, error) {
	var plan ErrandPlan
	db := s.db.WithContext(ctx)
	e, err := s.errandOf(db, id)
	if err != nil {
		return plan, err
	}
	if err := s.seeMemberFreshly(ctx, e.MemberID); err != nil {
		return plan, err
	}
	if e, err = s.errandOf(db, id); err != nil { // the sync may have reopened it
		return plan, err
	}
	if e.Status != models.ErrandWaiting && e.Status != models.ErrandRefused {
		return plan, &Error{Kind: KindConflict, Code: "errand_decided"}
	}
	if err := standsStill(db, e); err != nil {
		return plan, err
	}
	plan = ErrandPlan{Errand: e, Effects: []Sentence{}}
	if e.Kind == models.CancelSubscription {
		plan.Effects = append(plan.Effects, say("errand.cancels", map[string]any{"Ref": e.Target}))
	}
	back, err := givesBack(db, e)
	plan.Effects = append(plan.Effects, back...)
	return plan, err
}

// seeMemberFreshly brings the books of all of a member's customers up to date: a second
// membership is often another customer's.
func (s *Service) seeMemberFreshly(ctx context.Context, member uuid.UUID) error {
	var customers []string
	err := s.db.WithContext(ctx).Model(&models.Customer{}).Where("member_id = ? AND livemode = ?", member, s.cfg.Livemode).Order("id").Pluck("id", &customers).Error
	if err != nil {
		return fmt.Errorf("list the customers of member %s: %w", member, err)
	}
	for _, customer := range customers {
		if err := s.seeFreshly(ctx, s.subject(models.SubjectCustomer, customer)); err != nil {
			return err
		}
	}
	return nil
}

// givesBack says how many payments an errand gives back, and how much, currency by
// currency.
func givesBack(db *gorm.DB, e models.Errand) ([]Sentence, error) {
	if e.Cause != models.CauseDuplicate {
		return []Sentence{say("errand.gives_nothing", nil)}, nil
	}
	whole := db.Table("payments AS p").Where("p.subscription_id = ?", e.SubscriptionID).
		Where("NOT EXISTS (SELECT FROM errands r WHERE r.kind = ? AND r.target = p.payment_intent_id)", models.RefundPayment)
	if e.Kind == models.RefundPayment {
		whole = db.Table("payments AS p").Where("p.payment_intent_id = ?", e.Target)
	}
	var sums []struct {
		Currency   string
		Count      int
		Sum        int64
		Processing bool
	}
	err := whole.Where(`(`+refundablePayment+` OR p.status = ?)`, models.PaymentSucceeded, models.PaymentPending).
		Select("p.currency, p.status = ? AS processing, count(*) AS count, sum(p.amount - p.refunded) AS sum", models.PaymentPending).
		Group("1, 2").Order("2, 1").Scan(&sums).Error
	if err != nil {
		return nil, fmt.Errorf("add up what errand %s gives back: %w", e.ID, err)
	}
	var all []Sentence
	for _, row := range sums {
		facts := map[string]any{"Count": row.Count, "Amount": money.Of(row.Sum, row.Currency)}
		if row.Processing {
			all = append(all, say("errand.gives_back_later", facts))
			continue
		}
		all = append(all, say("errand.gives_back", facts))
	}
	if len(all) == 0 {
		all = []Sentence{say("errand.gives_nothing", nil)}
	}
	return all, nil
}
