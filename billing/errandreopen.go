package billing

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// reopenRefunds hands refunds that were given and that the bank sent back, days later
// perhaps, to staff. Where something came after this sync asked Stripe, another one
// judges: an approved refund may have been made anew in between.
// https://stripe.com/docs/refunds#failed-refunds
func (s *Service) reopenRefunds(tx *gorm.DB, st state) error {
	failed := []uuid.UUID{}
	for _, payment := range st.payments {
		failed = append(failed, requestsThatFailed(payment.LatestCharge)...)
	}
	if len(failed) == 0 {
		return nil
	}
	var reopened []models.Errand
	err := tx.Raw(`UPDATE errands e SET status = ?, last_error = ?, done_at = NULL, attempts = 0
		FROM sync_subjects y WHERE y.id = e.customer_id AND y.dirty = y.claimed AND e.id IN ? AND e.kind = ? AND e.status = ? RETURNING e.*`,
		models.ErrandRefused, errCameBack.Error(), failed, models.RefundPayment, models.ErrandDone).Scan(&reopened).Error
	if err != nil {
		return fmt.Errorf("reopen the errands of refunds that failed: %w", err)
	}
	for _, e := range reopened {
		s.log.ErrorContext(tx.Statement.Context, "a refund failed at the bank after all: see `membership errands list`", "errand", e.ID, "member", e.MemberID)
		entry := s.entry(Why{Actor: "billing", Reason: errCameBack.Error()}, "errand.reopened", e.ID.String(), &e.MemberID,
			map[string]any{"status": models.ErrandDone}, map[string]any{"status": models.ErrandRefused, "payment": e.Target})
		if err := models.Audit(tx, entry); err != nil {
			return err
		}
	}
	return nil
}

// requestsThatFailed are those whose every refund of a charge came to nothing.
func requestsThatFailed(charge *stripe.Charge) []uuid.UUID {
	if charge == nil || charge.Refunds == nil {
		return nil
	}
	failed := map[uuid.UUID]bool{}
	for _, refund := range charge.Refunds.Data {
		id, ours := parseID(refund.Metadata[metaRefund])
		if before, seen := failed[id]; ours {
			failed[id] = comesBack(refund) != nil && (before || !seen)
		}
	}
	var all []uuid.UUID
	for id, nothing := range failed {
		if nothing {
			all = append(all, id)
		}
	}
	return all
}
