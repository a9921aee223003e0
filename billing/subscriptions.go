package billing

import (
	"fmt"
	"slices"

	"github.com/stripe/stripe-go/v76"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"newsroom.example/membership/models"
)

// writeSubscriptions replaces the snapshot, ties monthly gifts to their
// subscription and closes the intents that these subscriptions fulfil.
func (s *Service) writeSubscriptions(tx *gorm.DB, st state, books account, prices priceBook) error {
	for _, sub := range st.subscriptions {
		gift, err := monthlyGiftOf(tx, sub)
		if err != nil {
			return err
		}
		row := snapshot(st, sub, books, prices)
		if gift != nil && row.Kind == models.SubscriptionForeign {
			row.Kind = models.SubscriptionDonation
		}
		if err := tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
			return fmt.Errorf("write subscription %s: %w", sub.ID, err)
		}
		if row.Kind == models.SubscriptionDonation {
			if err := tx.Model(gift).Update("subscription_id", sub.ID).Error; err != nil {
				return fmt.Errorf("tie gift %s to subscription %s: %w", gift.ID, sub.ID, err)
			}
		}
		if st.begun(sub) {
			if err := completeIntent(tx, sub.Metadata); err != nil {
				return err
			}
		}
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
	return models.SubscriptionStatus(sub.Status).Live() || len(st.stretches(sub)) > 0
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
		CreatedAt: unix(sub.Created), SyncedAt: st.at,
	}
	items := itemPrices(sub)
	if len(items) > 0 {
		row.PriceID = items[0]
	}
	if at := slices.IndexFunc(items, prices.has); at >= 0 {
		row.PriceID, row.Kind = items[at], models.SubscriptionMembership
	}
	for _, each := range st.stretches(sub) {
		counts := row.Kind != models.SubscriptionMembership || prices.has(each.price)
		if each.lost == "" && counts {
			row.PaidThrough = &each.until
		}
	}
	if sub.PauseCollection != nil {
		behavior := string(sub.PauseCollection.Behavior)
		row.PauseCollection = &behavior
	}
	if sub.Status == stripe.SubscriptionStatusPastDue {
		failed := st.failedAt(sub, row.CurrentPeriodStart)
		row.FailedAt = &failed
	}
	return row
}
