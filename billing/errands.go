package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// Errands are what we owe Stripe. The sync writes them with the facts that call for
// them; here they are carried out, with no transaction open and each once: a
// cancellation can be repeated, and a refund has its key from the errand's row.

// runErrands carries out what is owed until ctx ends.
func (s *Service) runErrands(ctx context.Context) {
	for ctx.Err() == nil {
		worked, err := s.errand(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "an errand was not noted", "error", fault(err))
		}
		if !worked || err != nil {
			pause(ctx, pollEvery)
		}
	}
}

// errand carries out one errand that is due; false where none is. It returns only
// what kept it from noting the outcome.
func (s *Service) errand(ctx context.Context) (bool, error) {
	if s.stripe.transport.down.Load() {
		return false, nil
	}
	e, err := s.claimErrand(ctx)
	if err != nil || e == nil {
		return false, err
	}
	if called, err := stands(s.db.WithContext(ctx), *e); err != nil || !called {
		return true, errors.Join(err, s.leaveToStaff(context.WithoutCancel(ctx), *e))
	}
	trying, cancel := context.WithTimeout(ctx, s.fetchDeadline())
	defer cancel()
	failure := s.carryOut(trying, *e)
	after := context.WithoutCancel(ctx)
	if failure == nil {
		return true, s.closeErrand(after, *e)
	}
	if ctx.Err() != nil || errors.Is(failure, errBusy) {
		return true, s.returnErrand(after, *e, map[string]any{"attempts": e.Attempts - 1, "next_at": s.real()})
	}
	s.log.WarnContext(ctx, "an errand failed", "errand", e.ID, "kind", e.Kind, "attempt", e.Attempts, "error", fault(failure))
	return true, s.postponeErrand(after, *e, failure)
}

func (s *Service) claimErrand(ctx context.Context) (*models.Errand, error) {
	ctx, done, err := s.claiming(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	now := s.real()
	var rows []models.Errand
	err = s.db.WithContext(ctx).Raw(`UPDATE errands SET lease_token = @token, lease_until = @until, attempts = attempts + 1 WHERE id = (
			SELECT id FROM errands WHERE status = 'owed' AND livemode = @livemode AND next_at <= @now AND (lease_until IS NULL OR lease_until <= @now)
			ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *`,
		map[string]any{"token": models.NewID(), "now": now, "until": now.Add(s.cfg.Lease), "livemode": s.cfg.Livemode}).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("claim an errand: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

func (s *Service) carryOut(ctx context.Context, e models.Errand) error {
	if e.Kind == models.RefundPayment {
		return s.giveBackOnce(ctx, e)
	}
	return s.endSubscription(ctx, e.Target)
}

// giveBackOnce refunds what is left of a payment. Stripe forgets a key after a day,
// and keeps an error under it for one, so the list is looked at first. A refund on it
// that failed is one that staff have approved to try again.
func (s *Service) giveBackOnce(ctx context.Context, e models.Errand) error {
	made, err := s.refundOf(ctx, e.Target, e.ID)
	if err != nil || made != nil && comesBack(made) == nil {
		return err
	}
	params := &stripe.RefundParams{
		Params: stripe.Params{Context: ctx}, PaymentIntent: stripe.String(e.Target), Reason: stripe.String(string(stripe.RefundReasonDuplicate)),
		Metadata: map[string]string{metaApp: appName, metaRefund: e.ID.String()},
	}
	params.SetIdempotencyKey(fmt.Sprintf("er_%s_%d", e.ID, e.Spent))
	made, err = s.stripe.Refunds.New(params)
	var refusal *stripe.Error
	if errors.As(err, &refusal) && refusal.Code == stripe.ErrorCodeChargeAlreadyRefunded {
		return nil // somebody at Stripe's own desk was first
	}
	if err != nil {
		return err
	}
	return comesBack(made)
}

// errCameBack says that the bank would not take a refund: staff must find another way.
var errCameBack = errors.New("the refund failed at the bank: the money is still here")

func comesBack(refund *stripe.Refund) error {
	if refund != nil && (refund.Status == stripe.RefundStatusFailed || refund.Status == stripe.RefundStatusCanceled) {
		return errCameBack
	}
	return nil
}

// closeErrand notes that an errand is done, has its customer synced, and tells the
// audit log and the reader.
func (s *Service) closeErrand(ctx context.Context, e models.Errand) error {
	defer s.atDesk(ctx)()
	return s.db.Write(ctx, func(tx *gorm.DB) (err error) {
		if e.MemberID, err = lockMember(tx, e.MemberID); err != nil {
			return err
		}
		done := tx.Model(&models.Errand{}).Where("id = ? AND lease_token = ?", e.ID, e.LeaseToken).Updates(map[string]any{
			"status": models.ErrandDone, "done_at": s.real(), "lease_token": nil, "lease_until": nil, "last_error": "",
		})
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error // another worker has it: what it does is the same
		}
		if _, err := models.MarkDirty(tx, s.subject(models.SubjectCustomer, e.CustomerID), s.real()); err != nil {
			return err
		}
		entry := s.entry(Why{Actor: "billing", Reason: string(e.Cause)}, errandActions[e.Cause], e.Target, &e.MemberID, nil,
			map[string]any{"errand": e.ID, "done": e.Kind, "subscription": e.SubscriptionID})
		if err := models.Audit(tx, entry); err != nil {
			return err
		}
		return s.tellOfErrand(ctx, tx, e)
	})
}

// errandActions are what the audit log calls them.
var errandActions = map[models.ErrandCause]string{
	models.CauseDuplicate:   "duplicate.healed",
	models.CauseDisputeLost: "dispute.canceled",
}

// postponeErrand plans the next try. After a day the errand is refused, and staff
// must look; at once where the bank has decided.
func (s *Service) postponeErrand(ctx context.Context, e models.Errand, cause error) error {
	now, spent := s.real(), e.Spent
	if keyIsSpent(cause) {
		spent++
	}
	columns := map[string]any{
		"spent": spent, "last_error": fault(cause), "next_at": now.Add(backoff(e.Attempts)),
	}
	aDay := now.Sub(e.OwedAt) >= deadAfter && !s.stripe.transport.down.Load()
	if aDay || errors.Is(cause, errCameBack) {
		columns["status"] = models.ErrandRefused
		s.log.ErrorContext(ctx, "gave an errand up: see `membership errands list`", "errand", e.ID, "error", fault(cause))
	}
	return s.returnErrand(ctx, e, columns)
}

// leaveToStaff returns an errand that would take a reader's only membership.
func (s *Service) leaveToStaff(ctx context.Context, e models.Errand) error {
	s.log.WarnContext(ctx, "a second membership may be the only one by now, and waits for staff: see `membership errands list`", "errand", e.ID)
	return s.returnErrand(ctx, e, map[string]any{"status": models.ErrandWaiting, "attempts": 0, "next_at": s.real()})
}

// returnErrand ends the lease with these columns, if it is still this worker's.
func (s *Service) returnErrand(ctx context.Context, e models.Errand, columns map[string]any) error {
	defer s.atDesk(ctx)()
	columns["lease_token"], columns["lease_until"] = nil, nil
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Model(&models.Errand{}).Where("id = ? AND lease_token = ?", e.ID, e.LeaseToken).Updates(columns).Error
	})
}
