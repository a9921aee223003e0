package billing

import (
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// turnedLost are the disputes that Stripe says were lost, and that our books have as
// open until this sync writes them. Stripe keeps no time at which a dispute was closed.
// https://stripe.com/docs/api/disputes/object
func (st state) turnedLost(tx *gorm.DB) ([]string, error) {
	turned := []string{}
	for _, d := range st.disputes {
		if models.DisputeStatus(d.Status) == models.DisputeLost {
			turned = append(turned, d.ID)
		}
	}
	if len(turned) == 0 {
		return turned, nil
	}
	err := tx.Model(&models.Dispute{}).Where("id IN ? AND status <> ?", turned, models.DisputeLost).Pluck("id", &turned).Error
	if err != nil {
		return nil, fmt.Errorf("look which disputes were open: %w", err)
	}
	return turned, nil
}

// lostInOurTime says of a dispute d and its subscription s that it was lost since this
// service knows the subscription: it was sold here, the dispute was opened after the
// first access that it gave here, or it has just turned. What an imported account lost
// before is its publisher's own affair: the reader may have paid for years since.
const lostInOurTime = `(s.kind = @donation OR EXISTS (SELECT FROM checkout_intents i WHERE i.id = s.intent_id) OR d.id IN @turned
	OR d.created_at > (SELECT min(v.recorded_at) FROM grants g JOIN grant_events v ON v.grant_id = g.id
		WHERE g.member_id = p.member_id AND g.source = @source AND g.source_ref = s.id))`

// oweLostDisputes cancels what a dispute that was lost in our time leaves going on, gifts
// too, unless the policy keeps it: Stripe would bill the same card again.
func (s *Service) oweLostDisputes(tx *gorm.DB, member uuid.UUID, turned []string) error {
	var all []models.Errand
	err := tx.Raw(`SELECT DISTINCT s.id AS target, s.id AS subscription_id, s.customer_id FROM disputes d
		JOIN payments p ON p.id = d.payment_id JOIN subscriptions s ON s.id = p.subscription_id
		WHERE p.member_id = @member AND d.status = @lost AND s.livemode = @livemode AND s.status IN @live
			AND (SELECT dispute_lost FROM policy) = @revoke AND `+lostInOurTime,
		map[string]any{
			"member": member, "lost": models.DisputeLost, "livemode": s.cfg.Livemode, "live": models.LiveStatuses, "revoke": models.Revoke,
			"donation": models.SubscriptionDonation, "turned": turned, "source": models.FromSubscription,
		}).Scan(&all).Error
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
