package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// followEvery is how soon grants follow a policy whose change was cut off; askAfter
// how long a customer whose facts an older program did not keep is left alone after
// a sync. Both are real time.
const (
	followEvery = 10 * time.Second
	askAfter    = time.Hour
	askBatch    = 100
)

// keepFollowing keeps grants at the policy in force until ctx ends.
func (s *Service) keepFollowing(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if n, err := s.FollowPolicy(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "grants could not follow the policy", "error", err)
		} else if n > 0 {
			s.log.InfoContext(ctx, "grants follow a changed policy", "memberships", n)
		}
		if _, err := s.askForFacts(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "could not ask for facts that are not kept", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// withoutFacts are the subjects of subscriptions whose facts are not known and can be
// asked for: Stripe tells nothing of a deleted customer's any more. OFFSET 0
// keeps the planner to their index: it takes them for nearly all, and would go through
// every subscription to find none.
const withoutFacts = `
	SELECT y.id FROM (
		SELECT id, customer_id FROM subscriptions WHERE facts_at IS DISTINCT FROM synced_at AND livemode = ? ORDER BY id OFFSET 0
	) s JOIN sync_subjects y ON y.id = s.customer_id
	LEFT JOIN customers c ON c.id = s.customer_id
	WHERE y.dirty = y.synced AND y.dead_at IS NULL AND c.deleted IS NOT TRUE AND (y.synced_at IS NULL OR y.synced_at < ?)
	ORDER BY s.id LIMIT ?`

// askForFacts makes customers dirty whose facts are not known: a program of before
// the facts were kept wrote them, perhaps after this database was migrated. It
// returns how many.
func (s *Service) askForFacts(ctx context.Context) (asked int64, err error) {
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		done := tx.Exec("UPDATE sync_subjects SET dirty = dirty + 1 WHERE id IN ("+withoutFacts+")", s.cfg.Livemode, s.real().Add(-askAfter), askBatch)
		asked = done.RowsAffected
		return done.Error
	})
	if err != nil {
		return 0, fmt.Errorf("mark customers whose facts are not kept: %w", err)
	}
	return asked, nil
}

// followBatch is how many members' grants one transaction looks at again.
const followBatch = 100

// FollowPolicy brings everybody's grants to the policy in force, from the kept facts
// and without asking Stripe. Each batch is a transaction of its own: cut off anywhere,
// it goes on where it stopped, here or in another replica. It returns how many
// memberships it looked at.
func (s *Service) FollowPolicy(ctx context.Context) (int, error) {
	for total := 0; ; {
		n, err := s.followSome(ctx)
		total += n
		if err != nil || n == 0 {
			return total, err
		}
	}
}

// behindPolicy are members with grants by an older policy. The version is a subquery,
// so that an index answers that there are none.
const behindPolicy = `
	SELECT c.member_id FROM subscriptions s JOIN customers c ON c.id = s.customer_id AND c.member_id IS NOT NULL
	WHERE s.policy_version < (SELECT version FROM policy) AND s.kind = 'membership' AND s.facts_at = s.synced_at
	ORDER BY s.policy_version, s.id LIMIT ?`

func (s *Service) followSome(ctx context.Context) (n int, err error) {
	var members []uuid.UUID
	err = s.db.WithContext(ctx).Raw(behindPolicy, followBatch).Scan(&members).Error
	if err != nil {
		return 0, fmt.Errorf("look for grants by an older policy: %w", err)
	}
	if len(members) == 0 {
		return 0, nil
	}
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		n, err = s.follow(tx, members)
		return err
	})
	return n, err
}

// follow locks the members in one order for all, as a sync locks its own.
func (s *Service) follow(tx *gorm.DB, members []uuid.UUID) (int, error) {
	var locked []models.Member
	err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Select("id").Where("id IN ?", members).Order("id").Find(&locked).Error
	if err != nil {
		return 0, fmt.Errorf("lock members: %w", err)
	}
	r, err := rulesInForce(tx)
	if err != nil {
		return 0, err
	}
	var behind []memberSubscription
	err = tx.Raw(memberSubscriptions+` AND s.policy_version < ? AND s.facts_at = s.synced_at ORDER BY s.id`, members, r.policy.Version).Scan(&behind).Error
	if err != nil {
		return 0, fmt.Errorf("load memberships: %w", err)
	}
	for _, sub := range behind {
		if !sub.FactsKnown() { // a newer program's: not kept, so that Stripe is asked
			if err := tx.Model(&models.Subscription{}).Where("id = ?", sub.ID).Update("facts_at", nil).Error; err != nil {
				return 0, fmt.Errorf("forget the facts of %s: %w", sub.ID, err)
			}
			continue
		}
		if err := s.writeGrants(tx, sub.Subscription, sub.MemberID, r, "policy changed"); err != nil {
			return 0, err
		}
		if err := tx.Model(&models.Subscription{}).Where("id = ?", sub.ID).Update("policy_version", r.policy.Version).Error; err != nil {
			return 0, fmt.Errorf("note the policy of %s: %w", sub.ID, err)
		}
	}
	return len(behind), nil
}

// memberSubscription is a membership and whose it is.
type memberSubscription struct {
	models.Subscription
	MemberID uuid.UUID
}

const memberSubscriptions = `SELECT s.*, c.member_id FROM subscriptions s JOIN customers c ON c.id = s.customer_id
	WHERE c.member_id IN ? AND s.kind = 'membership'`
