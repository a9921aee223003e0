package billing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// goneOf asks by id for the live subscriptions of our books that a customer's list does
// not show, and returns those that Stripe does not know any more: test data that was
// deleted. Of what was live Stripe forgets nothing.
func (s *Service) goneOf(ctx context.Context, customer string, listed []*stripe.Subscription) ([]string, error) {
	if s.cfg.Livemode {
		return nil, nil
	}
	unlisted, err := s.liveOf(ctx, customer, append(idsOf(listed), ""))
	if err != nil {
		return nil, err
	}
	var gone []string
	for _, id := range unlisted {
		_, err := s.stripe.Subscriptions.Get(id, &stripe.SubscriptionParams{Params: stripe.Params{Context: ctx}})
		if missing(err) {
			gone = append(gone, id)
		} else if err != nil {
			return nil, fmt.Errorf("get subscription %s: %w", id, err)
		}
	}
	return gone, nil
}

// liveOf are a customer's live subscriptions in our books, but for those listed.
func (s *Service) liveOf(ctx context.Context, customer string, but []string) (ids []string, err error) {
	defer s.atDesk(ctx)()
	err = s.db.WithContext(ctx).Model(&models.Subscription{}).
		Where("customer_id = ? AND livemode = ? AND status IN ? AND id NOT IN ?", customer, s.cfg.Livemode, models.LiveStatuses, but).Pluck("id", &ids).Error
	if err != nil {
		return nil, fmt.Errorf("look for the subscriptions of %s: %w", customer, err)
	}
	return ids, nil
}

// endUnlisted ends in our books what Stripe holds no more: test data that was deleted,
// and the subscriptions of a deleted customer, which deleting cancels at once.
// https://stripe.com/docs/api/customers/delete
func (s *Service) endUnlisted(tx *gorm.DB, st state, books account, r rules) ([]models.Subscription, error) {
	if !st.customer.Deleted && len(st.gone) == 0 || books.livemode != s.cfg.Livemode {
		return nil, nil
	}
	var rows []models.Subscription
	err := tx.Where("customer_id = ? AND status IN ? AND id NOT IN ? AND (? OR id IN ?)", books.customer, models.LiveStatuses,
		append(idsOf(st.subscriptions), ""), st.customer.Deleted, append(st.gone, "")).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("load the subscriptions that Stripe holds no more: %w", err)
	}
	for i := range rows {
		if err := s.endGone(tx, &rows[i], st, *books.member, r); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (s *Service) endGone(tx *gorm.DB, row *models.Subscription, st state, member uuid.UUID, r rules) error {
	was := row.Status
	if row.FactsKnown() {
		row.FactsAt = &st.at
	}
	row.Status, row.EndedAt, row.CanceledAt = models.Canceled, &st.at, &st.at
	row.SyncedAt, row.PolicyVersion, row.FailedAt = st.at, r.policy.Version, nil
	if err := tx.Save(row).Error; err != nil {
		return fmt.Errorf("end subscription %s: %w", row.ID, err)
	}
	reason := "Stripe does not know it any more"
	if st.customer.Deleted {
		reason = "its customer was deleted at Stripe"
	}
	return models.Audit(tx, s.entry(Why{Actor: "billing", Reason: reason}, auditSubscriptionEnded, row.ID, &member,
		map[string]any{"status": was}, map[string]any{"status": row.Status}))
}
