package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"
	"newsroom.example/membership/models"
	"newsroom.example/membership/money"
)

// story is what lies behind a member's grants.
type story struct {
	now           time.Time
	features      map[string]string   // in words, by id
	inOrder       []string            // their ids, sorted
	plans         map[string][]string // the names of the plans with a feature, by its id
	subscriptions map[string]models.Subscription
	prices        priceBook
	lost          []lostPayment
	notes         map[string][]models.AuditEntry // by grant, the oldest first
	added         map[uuid.UUID]time.Time        // when a grant came from a member that was merged
}

// lostPayment is a payment for a subscription whose money went back, and when.
type lostPayment struct {
	SubscriptionID string
	InvoiceID      string
	Amount         int64
	Currency       string
	Status         models.DisputeStatus // "" for a refund
	At             time.Time
}

func (s *Service) storyOf(ctx context.Context, member uuid.UUID) (story, error) {
	db := s.db.WithContext(ctx)
	st := story{
		now: s.clock(), features: map[string]string{}, plans: map[string][]string{}, subscriptions: map[string]models.Subscription{},
		notes: map[string][]models.AuditEntry{}, added: map[uuid.UUID]time.Time{},
	}
	var err error
	if st.prices, err = ourPrices(db); err != nil {
		return st, err
	}
	if err := st.readCatalog(db); err != nil {
		return st, err
	}
	if err := st.readMoney(db, member); err != nil {
		return st, err
	}
	return st, st.readNotes(db, member)
}

// readNotes goes by the grants, which may have been another member's when they were
// noted.
func (st *story) readNotes(db *gorm.DB, member uuid.UUID) error {
	var notes []models.AuditEntry
	err := db.Where("subject IN (SELECT id::text FROM grants WHERE member_id = ?) AND action LIKE 'grant.%'", member).Order("at, id").Find(&notes).Error
	if err != nil {
		return fmt.Errorf("load what was noted of the grants: %w", err)
	}
	for _, note := range notes {
		st.notes[note.Subject] = append(st.notes[note.Subject], note)
	}
	var added []models.GrantEvent
	if err := db.Where("member_id = ? AND reason = ?", member, reasonMerged).Find(&added).Error; err != nil {
		return fmt.Errorf("load which grants were added: %w", err)
	}
	for _, event := range added {
		st.added[event.GrantID] = event.RecordedAt
	}
	return nil
}

func (st *story) readCatalog(db *gorm.DB) error {
	var rows []struct{ ID, Description, Plan string }
	err := db.Raw(`SELECT f.id, f.description, coalesce(p.name, '') AS plan FROM features f
		LEFT JOIN plan_features pf ON pf.feature_id = f.id
		LEFT JOIN plans p ON p.id = pf.plan_id AND p.retired_at IS NULL
		ORDER BY f.id, p.rank`).Scan(&rows).Error
	if err != nil {
		return fmt.Errorf("load the features: %w", err)
	}
	for _, row := range rows {
		if _, seen := st.features[row.ID]; !seen {
			st.inOrder = append(st.inOrder, row.ID)
		}
		st.features[row.ID] = row.Description
		if row.Plan != "" {
			st.plans[row.ID] = append(st.plans[row.ID], row.Plan)
		}
	}
	return nil
}

func (st *story) readMoney(db *gorm.DB, member uuid.UUID) error {
	var rows []models.Subscription
	if err := db.Where("customer_id IN (SELECT id FROM customers WHERE member_id = ?)", member).Find(&rows).Error; err != nil {
		return fmt.Errorf("load the subscriptions of member %s: %w", member, err)
	}
	for _, row := range rows {
		st.subscriptions[row.ID] = row
	}
	err := db.Raw(`
		SELECT p.subscription_id, p.invoice_id, p.amount, p.currency, '' AS status, r.created_at AS at
		FROM refunds r JOIN payments p ON p.id = r.payment_id
		WHERE p.member_id = @member AND p.subscription_id IS NOT NULL AND p.refunded = p.amount AND r.status = @succeeded
		UNION ALL
		SELECT p.subscription_id, p.invoice_id, p.amount, p.currency, d.status, d.created_at
		FROM disputes d JOIN payments p ON p.id = d.payment_id
		WHERE p.member_id = @member AND p.subscription_id IS NOT NULL
		ORDER BY at DESC`,
		map[string]any{"member": member, "succeeded": models.RefundSucceeded}).Scan(&st.lost).Error
	if err != nil {
		return fmt.Errorf("load what was refunded and disputed of member %s: %w", member, err)
	}
	return nil
}

// then is the story as it was told before: what is known of subscriptions is of now.
func (st story) then() story {
	st.subscriptions = nil
	return st
}

// lostOf is the payment behind a revoked grant: the one whose money went back when
// the grant was revoked.
func (st story) lostOf(g models.Grant) *lostPayment {
	for _, each := range st.lost {
		if each.SubscriptionID == g.SourceRef && each.At.Equal(*g.RevokedAt) {
			return &each
		}
	}
	return nil
}

// lostAfter is the payment for the time after a grant's end, if its money went back:
// of a month that was refunded the months before stay paid.
func (st story) lostAfter(g models.Grant) *lostPayment {
	for _, s := range st.subscriptions[g.SourceRef].Stretches {
		if s.Lost == "" || s.Price != g.Part || !s.Until.After(end(g)) {
			continue
		}
		for _, each := range st.lost {
			if each.InvoiceID == s.Invoice {
				return &each
			}
		}
	}
	return nil
}

func (l lostPayment) amount() money.Money { return money.Of(l.Amount, l.Currency) }

// noted is the last entry of a grant in the audit log for an action; nil for none.
func (st story) noted(grant uuid.UUID, action string) *models.AuditEntry {
	var last *models.AuditEntry
	for i, note := range st.notes[grant.String()] {
		if note.Action == action {
			last = &st.notes[grant.String()][i]
		}
	}
	return last
}
