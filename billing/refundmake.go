package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// metaRefund binds a refund at Stripe to the request in our audit log.
const metaRefund = "refund_request"

// MadeRefund is a refund that Stripe has taken on.
type MadeRefund struct {
	ID     string
	Status models.RefundStatus // pending ones can still fail
}

// Done says whether the money has been given back.
func (m MadeRefund) Done() bool { return m.Status == models.RefundSucceeded }

// MakeRefund does what the plan says, once: run again, at the same time or after a
// crash, it finds the request that was begun and asks Stripe under the same key.
// KindUnavailable refund_unanswered: it is not known whether the money moves, and
// running it again finds out. KindConflict refund_refused: Stripe will not.
func (s *Service) MakeRefund(ctx context.Context, plan RefundPlan) (MadeRefund, error) {
	request, err := s.requestRefund(ctx, plan)
	if err != nil {
		return MadeRefund{}, err
	}
	refund, err := s.refundOnce(ctx, plan, request)
	if err != nil {
		return MadeRefund{}, err
	}
	made := MadeRefund{refund.ID, models.RefundStatus(refund.Status)}
	if made.Status.Failed() {
		return made, s.refusedRefund(ctx, plan, request, fmt.Errorf("refund %s %s %s", refund.ID, refund.Status, refund.FailureReason))
	}
	if plan.wish.Cancel {
		if err := s.endSubscription(ctx, *plan.Payment.SubscriptionID); err != nil {
			return made, &Error{Kind: KindUnavailable, Code: "refund_not_cancelled", Err: err}
		}
	}
	if err := s.noteRefund(ctx, plan, request, made); err != nil {
		return made, err
	}
	return made, s.syncNow(ctx, s.subjectOf(plan.Payment))
}

// requestRefund writes the request, or finds the one that somebody else began since
// the plan was made.
func (s *Service) requestRefund(ctx context.Context, plan RefundPlan) (request models.AuditEntry, err error) {
	if plan.begun != nil {
		return *plan.begun, nil
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		fresh := plan
		if fresh.Payment, err = lockPayment(tx, plan.Payment); err != nil {
			return err
		}
		request, err = s.requestIn(tx, fresh)
		return err
	})
	return request, err
}

// requestIn writes the request of a plan whose payment is locked, or finds it.
func (s *Service) requestIn(tx *gorm.DB, plan RefundPlan) (models.AuditEntry, error) {
	var none models.AuditEntry
	log, err := refundRequests(tx, plan.Payment)
	if err != nil {
		return none, err
	}
	begun, err := log.open(plan.wish, false)
	if err != nil {
		return none, err
	}
	if begun != nil {
		return *begun, nil
	}
	if err := log.repeated(plan.wish, plan.by); err != nil {
		return none, err
	}
	if err := refundable(plan); err != nil {
		return none, err
	}
	p := plan.Payment
	request := s.entry(plan.by, auditRefundRequested, p.PaymentIntentID, p.MemberID, map[string]any{"refunded": p.Refunded}, plan.wish)
	return request, models.Audit(tx, request)
}

// refundOnce asks Stripe for the refund of a request, which may have been made
// before: Stripe forgets a key after a day, so the list is looked at first.
func (s *Service) refundOnce(ctx context.Context, plan RefundPlan, request models.AuditEntry) (*stripe.Refund, error) {
	made, err := s.refundOf(ctx, plan.Payment.PaymentIntentID, request.ID)
	if made != nil || err != nil {
		return made, err
	}
	params := &stripe.RefundParams{
		Params: stripe.Params{Context: ctx}, Metadata: map[string]string{metaApp: appName, metaRefund: request.ID.String()},
		PaymentIntent: stripe.String(plan.Payment.PaymentIntentID), Amount: stripe.Int64(plan.wish.Amount.Minor),
	}
	if plan.wish.Reason != "" {
		params.Reason = stripe.String(plan.wish.Reason)
	}
	params.SetIdempotencyKey("rf_" + request.ID.String())
	refund, err := s.stripe.Refunds.New(params)
	if err == nil {
		return refund, nil
	}
	if !keyIsSpent(err) {
		return nil, unanswered(err)
	}
	made, lookErr := s.refundOf(ctx, plan.Payment.PaymentIntentID, request.ID)
	if made != nil || lookErr != nil {
		return made, lookErr
	}
	return nil, s.refusedRefund(ctx, plan, request, err)
}

// refundOf is the refund that a request has led to; nil for none.
func (s *Service) refundOf(ctx context.Context, paymentIntent string, request uuid.UUID) (*stripe.Refund, error) {
	list := s.stripe.Refunds.List(&stripe.RefundListParams{ListParams: page(ctx), PaymentIntent: stripe.String(paymentIntent)})
	for list.Next() {
		if refund := list.Refund(); refund.Metadata[metaRefund] == request.String() {
			return refund, nil
		}
	}
	if err := list.Err(); err != nil {
		return nil, unanswered(err)
	}
	return nil, nil
}

func unanswered(err error) error {
	return &Error{Kind: KindUnavailable, Code: "refund_unanswered", Err: told(err)}
}

// told is a failure at Stripe without what must not be kept of it. That there was no
// room for the request stays to be seen.
func told(err error) error {
	if errors.Is(err, errBusy) {
		return errBusy
	}
	return errors.New(fault(err))
}

// refusedRefund closes a request that Stripe answers no more but the same, or whose
// refund failed: the next run makes another, under its own key.
func (s *Service) refusedRefund(ctx context.Context, plan RefundPlan, request models.AuditEntry, cause error) error {
	outcome := refundOutcome{Request: request.ID.String(), Fault: fault(cause)}
	err := s.closeRefund(ctx, plan, request, auditRefundRefused, outcome, func(*gorm.DB, RefundPlan) error { return nil })
	if err != nil {
		return err
	}
	return &Error{Kind: KindConflict, Code: "refund_refused", Err: errors.New(fault(cause))}
}

// noteRefund closes a request that was carried out, and gives back what access it is
// to leave.
func (s *Service) noteRefund(ctx context.Context, plan RefundPlan, request models.AuditEntry, made MadeRefund) error {
	outcome := refundOutcome{Request: request.ID.String(), Refund: made.ID, Status: string(made.Status)}
	return s.closeRefund(ctx, plan, request, auditRefundMade, outcome, func(tx *gorm.DB, plan RefundPlan) error {
		for _, kept := range plan.wish.Keeps {
			if !kept.Until.After(s.clock()) {
				continue // a crash ago it was still to come
			}
			gift := Complimentary{MemberID: *plan.Payment.MemberID, PlanID: kept.Plan, Until: &kept.Until, Why: plan.by}
			if _, _, err := s.giveComplimentary(tx, gift); err != nil {
				return err
			}
		}
		return nil
	})
}

// closeRefund writes a request's outcome, unless another run has, and what goes with it,
// by the payment as it is now: its member may have become another's since.
func (s *Service) closeRefund(ctx context.Context, plan RefundPlan, request models.AuditEntry, action string, outcome refundOutcome, with func(tx *gorm.DB, plan RefundPlan) error) error {
	return s.db.Write(ctx, func(tx *gorm.DB) (err error) {
		if plan.Payment, err = lockPayment(tx, plan.Payment); err != nil {
			return err
		}
		log, err := refundRequests(tx, plan.Payment)
		if err != nil {
			return err
		}
		if _, closed := log.outcome(request); closed {
			return nil
		}
		if err := with(tx, plan); err != nil {
			return err
		}
		entry := s.entry(plan.by, action, plan.Payment.PaymentIntentID, plan.Payment.MemberID, nil, outcome)
		return models.Audit(tx, entry)
	})
}

// endSubscription cancels at once. One that has ended already is as wished.
func (s *Service) endSubscription(ctx context.Context, id string) error {
	_, err := s.stripe.Subscriptions.Cancel(id, &stripe.SubscriptionCancelParams{Params: stripe.Params{Context: ctx}})
	if err != nil && !missing(err) {
		return fmt.Errorf("cancel subscription %s: %w", id, told(err))
	}
	return nil
}
