package billing

import (
	"fmt"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// writeSubscriptions replaces the snapshot, ties monthly gifts to their
// subscription and closes the intents that these subscriptions fulfil. It returns
// the rows as written.
func (s *Service) writeSubscriptions(tx *gorm.DB, st state, books account, r rules) ([]models.Subscription, error) {
	var rows []models.Subscription
	for _, sub := range st.subscriptions {
		gift, err := monthlyGiftOf(tx, sub)
		if err != nil {
			return nil, err
		}
		row := snapshot(st, sub, books, r.prices)
		row.PolicyVersion = r.policy.Version
		if err := st.noteBounce(tx, sub, &row); err != nil {
			return nil, err
		}
		if gift != nil && row.Kind == models.SubscriptionForeign {
			row.Kind = models.SubscriptionDonation
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return nil, fmt.Errorf("write subscription %s: %w", sub.ID, err)
		}
		if row.Kind == models.SubscriptionDonation {
			if err := tieGift(tx, gift, sub.ID); err != nil {
				return nil, err
			}
		}
		if st.begun(sub) {
			if err := completeIntent(tx, sub.Metadata); err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	ended, err := s.endUnlisted(tx, st, books, r)
	return append(rows, ended...), err
}

// noteBounce corrects when a renewal by direct debit first failed: its bank says no
// days after the invoice was finalized, and no object tells when, only the event. Where
// that never came, it is when we learned of it.
func (st state) noteBounce(tx *gorm.DB, sub *stripe.Subscription, row *models.Subscription) error {
	owed := st.oldestOwed(sub)
	if row.FailedAt == nil || !st.byDebit(owed) {
		return nil
	}
	err := tx.Raw(`SELECT coalesce(
		(SELECT min(created_at) FROM stripe_events WHERE subject_id = @customer AND type = 'invoice.payment_failed' AND object_id = @invoice),
		(SELECT failed_at FROM subscriptions WHERE id = @sub AND failed_at > @tried),
		@now)`, map[string]any{"customer": row.CustomerID, "invoice": owed.ID, "sub": row.ID, "tried": *row.FailedAt, "now": st.at}).Row().Scan(row.FailedAt)
	if err != nil {
		return fmt.Errorf("look when the debit of %s failed: %w", owed.ID, err)
	}
	return nil
}

// tieGift makes a gift the one that a subscription pays. Metadata that was moved by
// hand at Stripe takes the subscription from the gift that had it.
func tieGift(tx *gorm.DB, gift *models.Donation, subscription string) error {
	err := tx.Model(&models.Donation{}).Where("subscription_id = ? AND id <> ?", subscription, gift.ID).Update("subscription_id", nil).Error
	if err == nil {
		err = tx.Model(gift).Update("subscription_id", subscription).Error
	}
	if err != nil {
		return fmt.Errorf("tie gift %s to subscription %s: %w", gift.ID, subscription, err)
	}
	return nil
}

// monthlyGiftOf is the gift that a subscription pays every month; nil for none.
func monthlyGiftOf(tx *gorm.DB, sub *stripe.Subscription) (*models.Donation, error) {
	gift, err := giftOf(tx, sub.Metadata)
	if gift == nil || gift.Interval != models.Monthly {
		return nil, err
	}
	return gift, err
}

// begun says that a subscription was bought: it is going on, or was paid for while
// it did.
func (st state) begun(sub *stripe.Subscription) bool {
	return models.SubscriptionStatus(sub.Status).Live() ||
		slices.ContainsFunc(st.stretches(sub), func(each models.Stretch) bool { return !each.Processing })
}

// snapshot is the row of a subscription: a membership if one of its prices is one
// that our catalogue sells or once sold.
func snapshot(st state, sub *stripe.Subscription, books account, prices priceBook) models.Subscription {
	row := models.Subscription{
		ID: sub.ID, Account: books.account, Livemode: books.livemode, CustomerID: *books.customer,
		Kind: models.SubscriptionForeign, Status: models.SubscriptionStatus(sub.Status),
		CurrentPeriodStart: unix(sub.CurrentPeriodStart), CurrentPeriodEnd: unix(sub.CurrentPeriodEnd),
		CancelAtPeriodEnd: sub.CancelAtPeriodEnd, CancelAt: instant(sub.CancelAt),
		CanceledAt: instant(sub.CanceledAt), EndedAt: instant(sub.EndedAt), TrialEnd: instant(sub.TrialEnd),
		CreatedAt: unix(sub.Created), SyncedAt: st.at, SeenAt: &st.at,
	}
	if intent, ok := parseID(sub.Metadata[metaIntent]); ok {
		row.IntentID = &intent
	}
	if latest := st.latestInvoice(sub); latest != nil {
		status := string(latest.Status)
		row.LatestInvoiceID, row.LatestInvoiceStatus = &latest.ID, &status
	}
	items := itemPrices(sub)
	if len(items) > 0 {
		row.PriceID = items[0]
	}
	if at := slices.IndexFunc(items, prices.has); at >= 0 {
		row.PriceID, row.Kind = items[at], models.SubscriptionMembership
	}
	row.Stretches, row.FactsAt = st.stretches(sub), &st.at
	row.PaidThrough = paidThrough(row, prices)
	if sub.PauseCollection != nil {
		behavior := string(sub.PauseCollection.Behavior)
		row.PauseCollection = &behavior
	}
	if row.Status == models.PastDue {
		row.FailedAt = st.failedAt(sub)
	}
	return row
}

// paidThrough is the end of what was paid for and stayed so, whatever the policy
// makes of the rest: of what is ours, where something is. nil for nothing.
func paidThrough(row models.Subscription, prices priceBook) *time.Time {
	var last *time.Time
	for _, each := range counting(row.Stretches, DefaultPolicy()) {
		counts := row.Kind != models.SubscriptionMembership || prices.has(each.Price)
		if counts && (last == nil || each.Until.After(*last)) {
			last = &each.Until
		}
	}
	return last
}

// latestInvoice is the one that a subscription names as its latest, as fetched; nil
// for none.
func (st state) latestInvoice(sub *stripe.Subscription) *stripe.Invoice {
	for _, invoice := range st.invoices {
		if sub.LatestInvoice != nil && invoice.ID == sub.LatestInvoice.ID {
			return invoice
		}
	}
	return nil
}
