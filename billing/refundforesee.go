package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// keptAccess is what a refund would take and the newsroom leaves.
type keptAccess struct {
	Plan  string    `json:"plan"`
	Until time.Time `json:"until"`
}

// foresee fills in what the refund will do. It applies the state that Stripe will
// then have, through the same code as any sync, and rolls back: what is foreseen is
// what will be, whatever the policy says.
func (s *Service) foresee(ctx context.Context, plan *RefundPlan) error {
	plan.Effects = []Sentence{plan.moves()}
	p := plan.Payment
	if p.Kind == models.PaymentDonation {
		plan.Effects = append(plan.Effects, say("refund.gift", nil))
	} else {
		before, after, err := s.pretend(ctx, *plan)
		if err != nil {
			return err
		}
		plan.weigh(before, after, s.clock())
	}
	return s.foreseeCharges(ctx, plan)
}

// moves says which money moves.
func (plan RefundPlan) moves() Sentence {
	p := plan.Payment
	left := p.Amount - p.Refunded - plan.Amount.Minor
	facts := map[string]any{
		"Amount": plan.Amount, "Of": money.Of(p.Amount, p.Currency), "Date": *p.PaidAt, "Left": money.Of(left, p.Currency),
	}
	switch {
	case left > 0:
		return say("refund.part", facts)
	case p.Refunded > 0:
		return say("refund.rest", facts)
	}
	return say("refund.whole", facts)
}

// errPretended ends a transaction that must leave nothing.
var errPretended = errors.New("only pretended")

// pretend is a member's grants before and after the refund.
func (s *Service) pretend(ctx context.Context, plan RefundPlan) (before, after []models.Grant, err error) {
	owner, subject := plan.Payment.MemberID, s.subjectOf(plan.Payment)
	if owner == nil {
		return nil, nil, nil
	}
	st, err := s.fetch(ctx, subject)
	if err != nil {
		return nil, nil, unavailable("look at the customer of a refund", err)
	}
	stateAfter(&st, plan, s.clock())
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		member, err := lockMember(tx, *owner)
		if err != nil {
			return err
		}
		if before, err = s.grantsOf(tx, member); err != nil {
			return err
		}
		if err := s.applyCustomer(tx, subject, st, member); err != nil {
			return err
		}
		if after, err = s.grantsOf(tx, member); err != nil {
			return err
		}
		return errPretended
	})
	if errors.Is(err, errPretended) {
		err = nil
	}
	return before, after, err
}

func (s *Service) grantsOf(tx *gorm.DB, member uuid.UUID) ([]models.Grant, error) {
	var grants []models.Grant
	if err := tx.Where("member_id = ?", member).Where(s.countingGrants()).Find(&grants).Error; err != nil {
		return nil, fmt.Errorf("load the grants of member %s: %w", member, err)
	}
	return grants, nil
}

// stateAfter changes a fetched state to what Stripe will say after the refund.
func stateAfter(st *state, plan RefundPlan, now time.Time) {
	if payment := st.payment(plan.Payment.PaymentIntentID); payment != nil && payment.LatestCharge != nil {
		refundIn(payment.LatestCharge, plan.Amount.Minor, now)
	}
	for _, sub := range st.subscriptions {
		if plan.wish.Cancel && sub.ID == *plan.Payment.SubscriptionID && sub.Status != stripe.SubscriptionStatusCanceled {
			sub.Status, sub.EndedAt, sub.CanceledAt = stripe.SubscriptionStatusCanceled, now.Unix(), now.Unix()
		}
	}
}

// refundIn adds a refund to a charge; of no more than is left, for somebody else may
// be refunding it just now.
func refundIn(charge *stripe.Charge, amount int64, now time.Time) {
	amount = min(amount, charge.Amount-charge.AmountRefunded)
	if amount <= 0 {
		return
	}
	charge.AmountRefunded += amount
	if charge.Refunds == nil {
		charge.Refunds = &stripe.RefundList{}
	}
	charge.Refunds.Data = append(charge.Refunds.Data, &stripe.Refund{
		ID: "re_pretended_" + models.NewID().String(), Amount: amount, Currency: charge.Currency,
		Status: stripe.RefundStatusSucceeded, Created: now.Unix(),
	})
}

// weigh says what the refund does to access, and what of it is kept.
func (plan *RefundPlan) weigh(before, after []models.Grant, now time.Time) {
	// What is revoked in the second of now has been by the next.
	was, is := Derive(before, now), Derive(after, now.Add(time.Second))
	lost := slices.DeleteFunc(was.Names(), func(feature string) bool { return slices.Contains(is.Names(), feature) })
	switch {
	case plan.wish.KeepAccess:
		plan.keep(before, after, now)
	case len(lost) > 0:
		plan.Effects = append(plan.Effects, say("refund.access_ends", map[string]any{"Plan": was.Tier, "Features": strings.Join(lost, ", ")}))
	case lastOf(was).Equal(lastOf(is)):
		plan.Effects = append(plan.Effects, say("refund.access_stays", nil))
	default:
		plan.Effects = append(plan.Effects, say("refund.access_shorter", map[string]any{"Was": lastOf(was), "Date": lastOf(is)}))
	}
}

// keep notes each paid stretch that the refund takes something of.
func (plan *RefundPlan) keep(before, after []models.Grant, now time.Time) {
	for _, was := range before {
		at := slices.IndexFunc(after, func(g models.Grant) bool { return g.ID == was.ID })
		live, _ := liveAt(was, now)
		if !live || was.ValidUntil == nil || at < 0 || !now.Before(*was.ValidUntil) || !end(after[at]).Before(*was.ValidUntil) {
			continue
		}
		plan.wish.Keeps = append(plan.wish.Keeps, keptAccess{was.PlanID, *was.ValidUntil})
		plan.Effects = append(plan.Effects, say("refund.access_kept", map[string]any{"Plan": was.Tier, "Date": *was.ValidUntil}))
	}
	if len(plan.wish.Keeps) == 0 {
		plan.Effects = append(plan.Effects, say("refund.access_stays", nil))
	}
}

// lastOf is when the last feature ends; zero: none does.
func lastOf(e Entitlements) time.Time {
	var last time.Time
	for _, h := range e.Features {
		if h.Until.IsZero() {
			return time.Time{}
		}
		last = later(last, h.Until)
	}
	return last
}

// foreseeCharges says what becomes of the subscription.
func (s *Service) foreseeCharges(ctx context.Context, plan *RefundPlan) error {
	if plan.Payment.SubscriptionID == nil {
		return nil
	}
	var sub models.Subscription
	if err := s.db.WithContext(ctx).Where("id = ?", plan.Payment.SubscriptionID).Take(&sub).Error; err != nil {
		return fmt.Errorf("load subscription %s: %w", *plan.Payment.SubscriptionID, err)
	}
	next := nextCharge(sub)
	switch facts := map[string]any{"Ref": sub.ID, "Date": next}; {
	case sub.Status.Ended():
		plan.Effects = append(plan.Effects, say("refund.ended_before", facts))
	case plan.wish.Cancel:
		plan.Effects = append(plan.Effects, say("refund.cancels", facts))
	case next.IsZero():
		plan.Effects = append(plan.Effects, say("refund.charges_no_more", facts))
	default:
		plan.Renews = true
		plan.Effects = append(plan.Effects, say("refund.charges_again", facts))
	}
	return nil
}
