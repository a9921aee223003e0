package billing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// addressJob tells Stripe whose a member's customers are: their address, to which its
// receipts go, and our id. It names the member and nothing else, because arguments stay
// in the database.
type addressJob struct {
	Member uuid.UUID `json:"member"`
}

// Kind names the job's worker.
func (addressJob) Kind() string { return "customer_address" }

// FollowAddress has Stripe told of the member's address as it is when the job runs, and
// whose its customers are. tx is the transaction that changes it.
func (s *Service) FollowAddress(ctx context.Context, tx *gorm.DB, member uuid.UUID) error {
	if s.post == nil {
		return nil
	}
	return s.post.Jobs.Enqueue(ctx, tx, addressJob{member}, nil)
}

// tellStripeAddress writes the same as often as it runs, so that it needs no
// key: Stripe forgets one after a day, and the address may have changed back by then.
func (s *Service) tellStripeAddress(ctx context.Context, job addressJob) error {
	member, err := s.member(ctx, job.Member)
	if err != nil {
		return err
	}
	var customers []models.Customer
	err = s.db.WithContext(ctx).Where("member_id = ? AND livemode = ? AND NOT deleted", member.ID, s.cfg.Livemode).Order("id").Find(&customers).Error
	if err != nil {
		return fmt.Errorf("list the customers of member %s: %w", member.ID, err)
	}
	for _, c := range customers {
		params := &stripe.CustomerParams{
			Email:    stripe.String(member.Address()),
			Metadata: map[string]string{metaApp: appName, metaMember: member.ID.String()},
		}
		params.Context = ctx
		if _, err := s.stripe.Customers.Update(c.ID, params); err != nil && !missing(err) {
			return fmt.Errorf("tell Stripe the address of customer %s: %s", c.ID, fault(err))
		}
	}
	return nil
}
