package billing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// Stray is a membership that somebody bought under a member's proven address without
// being signed in. Only who has that mailbox can say whether it was them.
type Stray struct {
	ID       uuid.UUID // of the provisional member that it is kept with
	BoughtAt time.Time
	PlanName string
	Price    money.Money
	Interval models.Interval
	// Twins say what becomes of two memberships, if adding it makes two.
	Twins []Sentence
}

// Told names what its reader is told of two memberships: adding it does that and no more.
func (st Stray) Told() string { return inShort(st.Twins) }

func inShort(said []Sentence) string {
	ids := make([]string, 0, len(said))
	for _, each := range said {
		ids = append(ids, each.ID)
	}
	return strings.Join(ids, " ")
}

// mostStrays is how many of them a reader is shown at once.
const mostStrays = 10

// Strays are the purchases under a member's address that are not in their books, and of
// which they have not said that they are somebody else's, the oldest first.
func (s *Service) Strays(ctx context.Context, memberID uuid.UUID) ([]Stray, error) {
	db := s.db.WithContext(ctx)
	var rows []struct {
		ID        uuid.UUID
		CreatedAt time.Time
		PlanName  string
		Amount    int64
		Currency  string
		Interval  models.Interval
	}
	err := db.Raw(`SELECT DISTINCT ON (p.id) p.id, s.created_at, plans.name AS plan_name, prices.amount, prices.currency, prices."interval"
		FROM members m JOIN members p ON p.provisional_email = m.email AND p.merged_into IS NULL AND p.disowned_at IS NULL
		JOIN customers c ON c.member_id = p.id AND c.livemode = ?
		JOIN subscriptions s ON s.customer_id = c.id AND s.kind = ?
		JOIN prices ON prices.id = s.price_id JOIN plans ON plans.id = prices.plan_id
		WHERE m.id = ? AND m.email_verified_at IS NOT NULL
		ORDER BY p.id, s.created_at, s.id LIMIT ?`, s.cfg.Livemode, models.SubscriptionMembership, memberID, mostStrays).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("look for purchases under the address of %s: %w", memberID, err)
	}
	all := make([]Stray, 0, len(rows))
	for _, row := range rows {
		paid, err := s.paidMemberships(db, memberID, row.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, Stray{row.ID, row.CreatedAt, row.PlanName, money.Of(row.Amount, row.Currency), row.Interval, beside(paid, row.ID)})
	}
	return all, nil
}

// beside tells a reader what becomes of two memberships, of which one strayed: what the
// healing of second memberships makes of them.
func beside(paid []paidMembership, stray uuid.UUID) []Sentence {
	var said []Sentence
	for i, second := range paid {
		switch {
		case i == 0:
			continue
		case !oneWish(paid[0], second):
			said = append(said, say("stray.twin.waits", nil))
		case second.MemberID == stray:
			said = append(said, say("stray.twin.ends", nil))
		default:
			said = append(said, say("stray.twin.stays", nil))
		}
	}
	return said
}

// isStray says of two members whether one is a purchase under the other's proven
// address, of which nobody has said yet whose it is.
func isStray(m, owner models.Member) bool {
	return m.ProvisionalEmail != nil && owner.Email != nil && *m.ProvisionalEmail == *owner.Email && owner.EmailVerifiedAt != nil &&
		m.MergedInto == nil && m.DisownedAt == nil
}

// AddStray makes a stray purchase the member's own, because they say that it is. toldThem is
// what they were told would become of two memberships: KindConflict stray_changed where
// that is not so any more. Adding it twice is fine. What is no stray of theirs does not
// exist: KindNotFound stray_not_found.
func (s *Service) AddStray(ctx context.Context, memberID, stray uuid.UUID, toldThem string) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		from, into, err := lockBoth(tx, stray, memberID)
		switch {
		case err != nil:
			return err
		case from.MergedInto != nil && *from.MergedInto == memberID:
			return nil
		case !isStray(from, into):
			return &Error{Kind: KindNotFound, Code: "stray_not_found"}
		}
		paid, err := s.paidMemberships(tx, memberID, stray)
		if err != nil {
			return err
		}
		if toldThem != inShort(beside(paid, stray)) {
			return &Error{Kind: KindConflict, Code: "stray_changed"}
		}
		return s.merge(ctx, tx, from, into, Why{Actor: "reader", Reason: "said that the purchase is theirs"})
	})
}

// DisownStray notes that the member did not make a stray purchase. Nothing moves: whoever
// paid reads on in the browser that they paid in, and staff see that they need help.
// Saying so twice is fine. KindNotFound stray_not_found.
func (s *Service) DisownStray(ctx context.Context, memberID, stray uuid.UUID) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		m, owner, err := lockBoth(tx, stray, memberID)
		if err != nil {
			return err
		}
		disowned := m.DisownedAt != nil
		m.DisownedAt = nil
		switch {
		case !isStray(m, owner):
			return &Error{Kind: KindNotFound, Code: "stray_not_found"}
		case disowned:
			return nil
		}
		if err := tx.Exec("UPDATE members SET disowned_at = ? WHERE id = ?", s.clock(), stray).Error; err != nil {
			return fmt.Errorf("note that %s is disowned: %w", stray, err)
		}
		by := Why{Actor: "reader", Reason: "said that the purchase is not theirs"}
		return models.Audit(tx, s.entry(by, auditStrayDisowned, stray.String(), &memberID, nil, nil))
	})
}
