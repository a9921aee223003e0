package billing

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
)

// memberBooks is what our books hold of one member's memberships.
type memberBooks struct {
	member uuid.UUID
	subs   []models.Subscription
	grants []models.Grant // from all sources
}

// grant is what is given for one price of a subscription; nil for none.
func (b memberBooks) grant(subscription, price string) *models.Grant {
	at := slices.IndexFunc(b.grants, func(g models.Grant) bool {
		return g.Source == models.FromSubscription && g.SourceRef == subscription && g.Part == price
	})
	if at < 0 {
		return nil
	}
	return &b.grants[at]
}

// booksBatch is how many members are held in memory at a time.
const booksBatch = 500

// eachMember goes through the books of everybody who has or had a membership, with
// the rules in force, in one read-only snapshot and in bounded memory.
func (s *Service) eachMember(ctx context.Context, visit func(r rules, b memberBooks) error) error {
	return s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		r, err := rulesInForce(tx)
		if err != nil {
			return err
		}
		for after := uuid.Nil; ; {
			page, err := s.booksAfter(tx, after)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, b := range page {
				if err := visit(r, b); err != nil {
					return err
				}
			}
			after = page[len(page)-1].member
		}
	}, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

func (s *Service) booksAfter(tx *gorm.DB, after uuid.UUID) ([]memberBooks, error) {
	var members []uuid.UUID
	err := tx.Raw(`SELECT DISTINCT member_id FROM customers WHERE member_id > ? AND livemode = ? ORDER BY member_id LIMIT ?`,
		after, s.cfg.Livemode, booksBatch).Scan(&members).Error
	if err != nil || len(members) == 0 {
		return nil, err
	}
	var subs []memberSubscription
	if err := tx.Raw(memberSubscriptions+` AND s.livemode = ? ORDER BY s.id`, members, s.cfg.Livemode).Scan(&subs).Error; err != nil {
		return nil, fmt.Errorf("load memberships: %w", err)
	}
	var grants []models.Grant
	if err := tx.Where("member_id IN ?", members).Where(s.countingGrants()).Order("id").Find(&grants).Error; err != nil {
		return nil, fmt.Errorf("load grants: %w", err)
	}
	page := make([]memberBooks, len(members))
	at := make(map[uuid.UUID]*memberBooks, len(members))
	for i, member := range members {
		page[i].member = member
		at[member] = &page[i]
	}
	for _, sub := range subs {
		at[sub.MemberID].subs = append(at[sub.MemberID].subs, sub.Subscription)
	}
	for _, g := range grants {
		at[g.MemberID].grants = append(at[g.MemberID].grants, g)
	}
	return page, nil
}

// GrantDifference is a grant that is not what the policy in force says of the facts
// that our own books keep. There is none while the program is right and nobody wrote
// to the database by hand.
type GrantDifference struct {
	MemberID       uuid.UUID
	CustomerID     string
	SubscriptionID string
	GrantID        uuid.UUID     // uuid.Nil: there is none
	Is             *models.Terms // nil: there is no grant
	Should         *models.Terms // nil: it gives access now, and no fact says why
}

// grantDifferences compares the grants of the members on one page of booksAfter with
// the policy.
func (s *Service) grantDifferences(tx *gorm.DB, after uuid.UUID) (found []GrantDifference, looked grantsLooked, err error) {
	r, err := rulesInForce(tx)
	if err != nil {
		return nil, looked, err
	}
	page, err := s.booksAfter(tx, after)
	for _, b := range page {
		looked.last = b.member
		for _, sub := range b.subs {
			if !sub.FactsKnown() || sub.PolicyVersion != r.policy.Version {
				looked.unjudged++
				continue
			}
			looked.judged++
			each, err := b.differences(sub, r, s.clock())
			if err != nil {
				return found, looked, err
			}
			found = append(found, each...)
		}
	}
	return found, looked, err
}

// grantsLooked is how far grantDifferences came: last is uuid.Nil where no member was
// left. It could not judge the memberships whose facts are not known yet, or that have
// yet to follow a policy that was changed a moment ago.
type grantsLooked struct {
	last             uuid.UUID
	judged, unjudged int
}

func (b memberBooks) differences(sub models.Subscription, r rules, now time.Time) (found []GrantDifference, err error) {
	should, err := r.given(sub, b.member)
	if err != nil {
		return nil, err
	}
	for _, want := range should {
		d := GrantDifference{MemberID: b.member, CustomerID: sub.CustomerID, SubscriptionID: sub.ID, Should: &want.terms}
		if g := b.grant(sub.ID, want.key.Part); g != nil {
			d.GrantID, d.Is = g.ID, &g.Terms
			want.terms.Tier, want.terms.Rank, want.terms.Features = g.Tier, g.Rank, g.Features // frozen as sold
			if changeOf(g.Terms, want.terms) == "" {
				continue
			}
		}
		found = append(found, d)
	}
	for _, g := range b.grants {
		mine := g.Source == models.FromSubscription && g.SourceRef == sub.ID && reach(g.Terms, now) != nil
		if !mine || slices.ContainsFunc(should, func(want given) bool { return want.key.Part == g.Part }) {
			continue
		}
		found = append(found, GrantDifference{MemberID: b.member, CustomerID: sub.CustomerID, SubscriptionID: sub.ID, GrantID: g.ID, Is: &g.Terms})
	}
	return found, nil
}

// explained says whether the subscription that a grant names gives it, by our books, or
// may do so.
func explained(tx *gorm.DB, g models.Grant) (bool, error) {
	if g.Source != models.FromSubscription {
		return true, nil
	}
	var sub models.Subscription
	err := tx.Where("id = ?", g.SourceRef).Take(&sub).Error
	if models.NotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("load subscription %s: %w", g.SourceRef, err)
	}
	if !sub.FactsKnown() {
		return true, nil
	}
	r, err := rulesInForce(tx)
	if err != nil {
		return false, err
	}
	all, err := r.given(sub, g.MemberID)
	return slices.ContainsFunc(all, func(each given) bool { return each.key.Part == g.Part }), err
}

// reach is until when a grant gives access from now on; nil where it gives none.
func reach(terms models.Terms, now time.Time) *time.Time {
	if last := end(models.Grant{Terms: terms}); last.After(now) {
		return &last
	}
	return nil
}
