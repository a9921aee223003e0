package billing

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// Two members that are one person become one: what the first bought, gave and may read is
// the second's, in one transaction, and the first is nobody any more. A sync, an errand or
// a refund that was under way for the first finds the second, by lockMember.

// MergePlan is what merging two members does, in sentences.
type MergePlan struct {
	From, Into MemberLine
	Effects    []Sentence
}

// PlanMerge says what Merge does. KindConflict merge_same; KindInvalid merge_proven,
// merge_unproven.
func (s *Service) PlanMerge(ctx context.Context, from, into uuid.UUID) (MergePlan, error) {
	db := s.db.WithContext(ctx)
	dissolved, err := s.member(ctx, from)
	if err != nil {
		return MergePlan{}, err
	}
	stays, err := s.member(ctx, into)
	if err != nil {
		return MergePlan{}, err
	}
	plan := MergePlan{From: lineOf(dissolved), Into: lineOf(stays)}
	if err := mergeable(dissolved, stays); err != nil {
		return plan, err
	}
	moves, err := s.moves(db, from)
	if err != nil {
		return plan, err
	}
	twins, err := s.twins(db, from, into)
	plan.Effects = append([]Sentence{moves, say("merge.ends", nil)}, twins...)
	return plan, err
}

// moves counts what a member has.
func (s *Service) moves(db *gorm.DB, member uuid.UUID) (Sentence, error) {
	var has struct{ Subscriptions, Payments, Grants int64 }
	err := db.Raw(`SELECT (SELECT count(*) FROM subscriptions s JOIN customers c ON c.id = s.customer_id WHERE c.member_id = @id) AS subscriptions,
		(SELECT count(*) FROM payments WHERE member_id = @id) AS payments, (SELECT count(*) FROM grants WHERE member_id = @id) AS grants`,
		map[string]any{"id": member}).Scan(&has).Error
	if err != nil {
		return Sentence{}, fmt.Errorf("count what member %s has: %w", member, err)
	}
	return say("merge.moves", map[string]any{"Subscriptions": has.Subscriptions, "Payments": has.Payments, "Grants": has.Grants}), nil
}

// twins say what becomes of the memberships of two members once they are one's: what the
// healing of second memberships makes of them.
func (s *Service) twins(db *gorm.DB, one, other uuid.UUID) ([]Sentence, error) {
	all, err := s.paidMemberships(db, one, other)
	var said []Sentence
	for i, second := range all {
		facts := map[string]any{"Kept": all[0].ID, "Ends": second.ID}
		switch {
		case i == 0:
			continue
		case oneWish(all[0], second):
			said = append(said, say("merge.twin.ends", facts))
		default:
			said = append(said, say("merge.twin.waits", facts))
		}
	}
	return said, err
}

// Merge makes what one member has another's, on the word of staff. It refuses what
// PlanMerge and Why refuse.
func (s *Service) Merge(ctx context.Context, from, into uuid.UUID, by Why) error {
	if err := by.check(); err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		dissolved, stays, err := lockBoth(tx, from, into)
		if err != nil {
			return err
		}
		if err := mergeable(dissolved, stays); err != nil {
			return err
		}
		return s.merge(ctx, tx, dissolved, stays, by)
	})
}

// mergeable refuses to take an address from somebody who has proven it, and to give
// purchases to somebody who has not.
func mergeable(from, into models.Member) error {
	switch {
	case from.ID == into.ID || from.MergedInto != nil:
		return &Error{Kind: KindConflict, Code: "merge_same"}
	case from.EmailVerifiedAt != nil:
		return invalid("merge_proven", "", nil)
	case into.EmailVerifiedAt == nil:
		return invalid("merge_unproven", "", nil)
	}
	return nil
}

// lockBoth locks two members, in the order in which everybody locks several. One that is
// not there is the zero one.
func lockBoth(tx *gorm.DB, one, other uuid.UUID) (first, second models.Member, err error) {
	var both []models.Member
	err = tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id IN ?", []uuid.UUID{one, other}).Order("id").Find(&both).Error
	if err != nil {
		return first, second, fmt.Errorf("lock members %s and %s: %w", one, other, err)
	}
	for _, m := range both {
		if m.ID == one {
			first = m
		}
		if m.ID == other {
			second = m
		}
	}
	return first, second, nil
}

// merge does it. The caller holds the locks of both.
func (s *Service) merge(ctx context.Context, tx *gorm.DB, from, into models.Member, by Why) error {
	var customers []string
	if err := tx.Model(&models.Customer{}).Where("member_id = ?", from.ID).Order("id").Pluck("id", &customers).Error; err != nil {
		return fmt.Errorf("list the customers of member %s: %w", from.ID, err)
	}
	if err := moveBooks(tx, from.ID, into.ID); err != nil {
		return err
	}
	if err := s.moveGrants(tx, from.ID, into.ID); err != nil {
		return err
	}
	if err := s.dissolve(tx, from.ID, into.ID); err != nil {
		return err
	}
	entry := s.entry(by, auditMemberMerged, from.ID.String(), &into.ID, nil, map[string]any{"customers": customers})
	if err := models.Audit(tx, entry); err != nil {
		return err
	}
	if err := s.owe(tx, into.ID, nil); err != nil {
		return err
	}
	return s.FollowAddress(ctx, tx, into.ID)
}
