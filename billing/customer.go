package billing

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// customerOf returns the customer at Stripe of the member whose intent this is, made
// on their first purchase; nil for a guest. It is bound by our id in its metadata,
// never by its address.
func (s *Service) customerOf(ctx context.Context, intent models.CheckoutIntent) (*string, error) {
	if intent.MemberID == nil {
		return nil, nil
	}
	known, err := s.knownCustomer(ctx, *intent.MemberID)
	if err != nil || known != nil {
		return known, err
	}
	member, err := s.member(ctx, *intent.MemberID)
	if err != nil {
		return nil, err
	}
	key, err := s.customerKey(ctx, intent)
	if err != nil {
		return nil, err
	}
	params := &stripe.CustomerParams{
		Email:    stripe.String(member.Address()),
		Metadata: map[string]string{metaApp: appName, metaMember: member.ID.String()},
	}
	params.Context = ctx
	params.SetIdempotencyKey(key)
	customer, err := s.stripe.Customers.New(params)
	if err != nil {
		return nil, s.refused(ctx, intent, "create a customer", err)
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		owner, err := lockMember(tx, member.ID)
		if err != nil {
			return err
		}
		return bindCustomer(tx, models.Customer{
			ID: customer.ID, Livemode: customer.Livemode, MemberID: &owner, CreatedAt: unix(customer.Created),
		})
	})
	return &customer.ID, err
}

// customerKey is the same for all pages that a member opens at once, so that they
// make one customer. It differs once that customer was deleted and once Stripe keeps
// an error under it: the key would bring either back for a day.
func (s *Service) customerKey(ctx context.Context, intent models.CheckoutIntent) (string, error) {
	var deleted int64
	err := s.db.WithContext(ctx).Model(&models.Customer{}).
		Where("member_id = ? AND livemode = ? AND deleted", intent.MemberID, s.cfg.Livemode).Count(&deleted).Error
	if err != nil {
		return "", fmt.Errorf("count the deleted customers of member %s: %w", intent.MemberID, err)
	}
	return fmt.Sprintf("cu_%s_%d_%d", intent.MemberID, deleted, intent.Attempt), nil
}

// knownCustomer is a member's customer at Stripe: of several the one that pays for a
// membership that goes on, or else the first; nil for none.
func (s *Service) knownCustomer(ctx context.Context, memberID uuid.UUID) (*string, error) {
	var known []string
	err := s.db.WithContext(ctx).Raw(`SELECT c.id FROM customers c WHERE c.member_id = ? AND c.livemode = ? AND NOT c.deleted
		ORDER BY EXISTS (SELECT FROM subscriptions s WHERE s.customer_id = c.id AND s.kind = ? AND s.status IN ?) DESC, c.created_at, c.id LIMIT 1`,
		memberID, s.cfg.Livemode, models.SubscriptionMembership, models.LiveStatuses).Scan(&known).Error
	if err != nil {
		return nil, fmt.Errorf("load the customer of member %s: %w", memberID, err)
	}
	if len(known) == 0 {
		return nil, nil
	}
	return &known[0], nil
}

// bindCustomer writes the customer's row; a binding, once made, stays.
func bindCustomer(tx *gorm.DB, c models.Customer) error {
	err := tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "id"}},
		DoUpdates: clause.Assignments(map[string]any{
			"member_id": gorm.Expr("coalesce(customers.member_id, excluded.member_id)"),
			"deleted":   gorm.Expr("excluded.deleted"),
			"synced_at": gorm.Expr("coalesce(excluded.synced_at, customers.synced_at)"),
		}),
	}).Create(&c).Error
	if err != nil {
		return fmt.Errorf("write customer %s: %w", c.ID, err)
	}
	return nil
}

// lockMember is the first lock of every write that touches a member's money or
// access, so that two of them never wait for each other in a ring. It returns who that
// is: the member itself, or the one that it has been merged into since it was looked up,
// who is locked as well.
func lockMember(tx *gorm.DB, id uuid.UUID) (uuid.UUID, error) {
	var m models.Member
	err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Select("id", "merged_into").Where("id = ?", id).Take(&m).Error
	if err != nil {
		return id, fmt.Errorf("lock member %s: %w", id, err)
	}
	if m.MergedInto != nil {
		return lockMember(tx, *m.MergedInto)
	}
	return id, nil
}

// missing says whether Stripe answered that there is no such object.
func missing(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.Code == stripe.ErrorCodeResourceMissing
}
